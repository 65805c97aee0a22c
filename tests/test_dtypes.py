"""Element types: promotion, casts, limits, and the old names of typed tensors."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

import ember

REAL = [ember.uint8, ember.int8, ember.int16, ember.int32, ember.int64, ember.float16,
        ember.float32, ember.float64]


@pytest.mark.parametrize("size", [2.5, (2, 2.5), True, "a", (2, None), [[2]]])
@pytest.mark.parametrize("make", [ember.zeros, ember.ones, ember.empty])
def test_a_size_is_made_of_integers(make, size):
    with pytest.raises(TypeError, match="must be tuple of ints"):
        make(size)


def test_a_size_may_be_an_integer_tensor():
    assert ember.zeros(ember.tensor(3)).shape == ember.zeros(ember.tensor([3])).shape == (3,)
    assert ember.zeros(np.int64(2), 1).shape == (2, 1)


@pytest.mark.parametrize("like", [
    ember.empty_like, ember.zeros_like, ember.ones_like, ember.rand_like, ember.randn_like,
    lambda x, **options: ember.full_like(x, 2, **options)])
def test_a_tensor_like_another_keeps_its_order_in_memory(like):
    x = ember.zeros(2, 3, 4, 5)
    for dims in ((0, 1, 2, 3), (0, 3, 1, 2), (3, 2, 1, 0)):
        assert like(x.permute(dims)).stride() == x.permute(dims).stride()
    assert like(x.permute(0, 3, 1, 2), dtype=ember.float64).stride() == (60, 1, 20, 5)
    in_order = like(x.permute(3, 2, 1, 0), memory_format=ember.contiguous_format)
    assert in_order.is_contiguous()
    assert like(x, memory_format=ember.channels_last).stride() == (60, 1, 15, 3)


def test_like_a_tensor_with_gaps_or_repetition_is_dense():
    assert ember.empty_like(ember.zeros(4, 6)[::2, ::3]).stride() == (2, 1)
    assert ember.empty_like(ember.zeros(4).expand(3, 4)).stride() == (4, 1)
    assert ember.empty_like(ember.zeros(4, 6).t()[::2]).stride() == (1, 3)


def test_resize_longer_keeps_what_was_there():
    x = ember.tensor([1.0, 2.0])
    x.resize_(2, 2)
    assert x.shape == (2, 2)
    assert x[0].tolist() == [1, 2]


def test_numbers_and_0d_tensors_change_only_the_category():
    for dtype in REAL:
        x = ember.ones(2, dtype=dtype)
        floating = dtype if dtype.is_floating_point else ember.float32
        assert (x + 1).dtype is (x + ember.tensor(1)).dtype is (x * True).dtype is dtype
        assert (x + 1.5).dtype is floating
        assert (x + ember.tensor(1.5, dtype=ember.float64)).dtype is (
            floating if dtype.is_floating_point else ember.float64)
        assert (x / 2).dtype is floating
        assert (x == 1.5).dtype is ember.bool


def test_a_complex_number_makes_the_complex_type_of_the_same_precision():
    assert (ember.ones(2) + ember.tensor(1j, dtype=ember.complex128)).dtype is ember.complex64
    assert ember.result_type(ember.ones(2, dtype=ember.float64), 1j) is ember.complex128


def test_integers_wrap_around():
    x = ember.tensor([250, 255], dtype=ember.uint8)
    assert (x + 10).tolist() == [4, 9]
    assert (x + -1).tolist() == [249, 254]
    assert (x * -1).tolist() == [6, 1]
    assert (ember.tensor([127], dtype=ember.int8) + 1).tolist() == [-128]
    assert (ember.tensor([0], dtype=ember.uint8) - 1).tolist() == [255]


def test_a_result_of_a_higher_category_does_not_fit_in_place():
    x = ember.ones(2, dtype=ember.int64)
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        x += 1.5
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        x.div_(2)
    assert x.tolist() == [1, 1]
    y = ember.ones(2, dtype=ember.float16)
    y += ember.ones(2, dtype=ember.float64)
    assert y.dtype is ember.float16


def test_wide_unsigned_integers_do_not_promote():
    x = ember.tensor([1, 2], dtype=ember.uint16)
    assert (x + x).dtype is ember.uint16
    assert ember.promote_types(ember.uint64, ember.float32) is ember.float32
    with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64"):
        x + ember.tensor([1, 2])


def test_complex_numbers_have_no_order():
    with pytest.raises(NotImplementedError, match="no order"):
        ember.lt(ember.tensor([1j]), 1)


def test_questions_about_a_tensor():
    assert ember.is_floating_point(ember.ones(1)) and not ember.is_complex(ember.ones(1))
    assert ember.is_signed(ember.tensor([1])) and not ember.tensor([True]).is_signed()
    assert ember.can_cast(ember.int64, ember.float16) and not ember.can_cast(
        ember.float32, ember.int8)
    with pytest.raises(TypeError):
        ember.result_type(1, "a")


def test_limits():
    assert ember.iinfo(ember.uint16).max == 65535
    assert ember.finfo(ember.complex128).dtype == "float64"
    with pytest.raises(TypeError):
        ember.finfo(ember.int8)
    with pytest.raises(TypeError):
        ember.iinfo(ember.float32)


@pytest.mark.host_only
def test_old_names_of_typed_tensors():
    assert ember.LongTensor([1.7]).tolist() == [1]
    assert ember.FloatTensor(2, 3).shape == (2, 3)
    assert ember.DoubleTensor(ember.Size([2])).shape == (2,)
    assert isinstance(ember.nn.Parameter(ember.ones(2)), ember.FloatTensor)
    assert not isinstance(ember.ones(2, dtype=ember.float64), ember.FloatTensor)
    assert not isinstance(ember.ones(2), ember.cuda.FloatTensor)
    assert ember.ones(2).type(ember.LongTensor).dtype is ember.int64
    assert ember.ones(2).type("torch.LongTensor").type() == "torch.LongTensor"
    with pytest.raises(TypeError):
        ember.FloatTensor(2.5)


def test_default_type():
    try:
        ember.set_default_tensor_type("torch.DoubleTensor")
        assert ember.tensor(1.0).dtype is ember.float64
        ember.set_default_tensor_type(ember.HalfTensor)
        assert ember.zeros(1).dtype is ember.float16
        with pytest.raises(TypeError):
            ember.set_default_tensor_type(ember.LongTensor)
    finally:
        ember.set_default_dtype(ember.float32)


# -- bfloat16 ------------------------------------------------------------------------------------

bfloat16 = pytest.mark.skipif(importlib.util.find_spec("ml_dtypes") is None,
                              reason="needs ml_dtypes (extra bf16)")


@bfloat16
def test_bfloat16_is_computed_in_float32_and_rounded():
    x = ember.tensor([1.5, 2.25, -3.1], dtype=ember.bfloat16)
    assert x.tolist() == [1.5, 2.25, -3.09375]
    for y in (x + 1.5, x * ember.tensor([1, 2, 3]), x + ember.tensor(1.0), x.exp(), x.mean(),
              ember.cat([x, x]), x.sort().values, ember.nn.functional.softmax(x, 0), x**2):
        assert y.dtype is ember.bfloat16
    assert (x + 1.5).tolist() == [3, 3.75, -1.59375]
    assert ember.ones(1000, dtype=ember.bfloat16).sum().item() == 1000  # 256 in steps of bfloat16
    assert (x + ember.ones(3)).dtype is ember.float32
    assert x.sum(dtype=ember.float32).dtype is ember.float32
    assert (x > 1).tolist() == [True, True, False]
    assert x.argmax().item() == 1


@bfloat16
def test_gradients_in_bfloat16():
    x = ember.tensor([1.0, 2.0, 3.0], dtype=ember.bfloat16, requires_grad=True)
    g, = ember.autograd.grad((x**3).sum(), x, create_graph=True)
    g.sum().backward()
    assert g.dtype is x.grad.dtype is ember.bfloat16
    assert (g.tolist(), x.grad.tolist()) == ([3, 12, 27], [6, 12, 18])
    y = ember.ones(3, dtype=ember.bfloat16, requires_grad=True)
    y.expand(300, 3).sum().backward()
    assert y.grad.tolist() == [300, 300, 300]


@bfloat16
def test_a_network_in_bfloat16():
    model = ember.nn.Sequential(ember.nn.Linear(4, 8), ember.nn.LayerNorm(8), ember.nn.Tanh(),
                                ember.nn.Linear(8, 2)).bfloat16()
    optimizer = ember.optim.SGD(model.parameters(), 0.1)
    x = ember.randn(16, 4).bfloat16()
    target = (x[:, 0] > 0).long()
    losses = []
    for _ in range(40):
        loss = ember.nn.functional.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 1.5
    assert all(p.dtype is p.grad.dtype is ember.bfloat16 for p in model.parameters())


@bfloat16
def test_bfloat16_in_place_and_in_memory():
    x = ember.zeros(2, dtype=ember.bfloat16)
    x[0] = 1.3
    x += ember.ones(2)
    assert x.tolist() == [2.296875, 1]
    assert ember.rand(3, dtype=ember.bfloat16).dtype is ember.bfloat16
    assert x.to(ember.float64).dtype is ember.float64
    assert repr(x) == f"tensor([2.2969, 1.0000]{device_suffix(x)}, dtype=torch.bfloat16)"
    assert ember.finfo(ember.bfloat16).resolution == 0.01


def device_suffix(x):
    return "" if x.device.type == "cpu" else f", device='{x.device}'"


@pytest.mark.host_only
def test_bfloat16_without_ml_dtypes_names_the_extra():
    program = ("import sys; sys.modules['ml_dtypes'] = None\n"
               "import ember\n"
               "assert ember.bfloat16.itemsize == 2\n"
               "try: ember.zeros(2, dtype=ember.bfloat16)\n"
               "except ImportError as error: print(error)\n")
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "ember[bf16]" in run.stdout, run.stderr


@pytest.mark.host_only
def test_importing_ember_leaves_ml_dtypes_alone():
    program = "import ember, sys; print('ml_dtypes' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "False\n"


def test_float16_rounds_once_and_does_not_overflow_within_an_operation():
    x = ember.full((1, 4), 300.0, dtype=ember.float16)  # its squares overflow
    assert ember.nn.functional.rms_norm(x, (4,)).tolist() == [[1.0] * 4]
    small = ember.tensor([-0.0139], dtype=ember.float16)
    wide = ember.nn.functional.gelu(small.float())
    assert ember.nn.functional.gelu(small).equal(wide.half())


def test_float16_batch_norm_moves_its_running_statistics():
    layer = ember.nn.BatchNorm1d(1).half()
    layer(ember.tensor([[300.0], [301.0]], dtype=ember.float16))
    assert layer.running_mean.dtype is ember.float16
    assert layer.running_mean.item() == pytest.approx(30.05, rel=1e-3)
