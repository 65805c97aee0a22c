"""Tensors and other libraries: NumPy's functions, DLPack, copies, pickles, subclasses."""

import array

import numpy as np
import pytest

import ember

numpy_reads = pytest.mark.host_only  # arrays on a device are no arrays of NumPy


def leaf(*values):
    return ember.tensor(values, requires_grad=True)


# -- NumPy's functions ---------------------------------------------------------------------------


@pytest.mark.parametrize("function", [
    np.sum, np.mean, np.prod, np.std, np.var, np.max, np.min, np.sqrt, np.exp, np.abs, np.square,
    np.cumsum, np.transpose, np.ravel, np.argmax, np.sort, np.argsort, np.flip, np.copy,
    np.isnan, np.add.reduce, np.negative, np.zeros_like, np.any, np.isfinite,
    lambda x: np.sum(x, axis=1, keepdims=True), lambda x: np.sum(x, axis=(0, 1)),
    lambda x: np.mean(x, 0, keepdims=True), lambda x: np.var(x, axis=1, ddof=1),
    lambda x: np.concatenate([x, x], axis=1), lambda x: np.stack([x, x]),
    lambda x: np.where(x > 2, x, 0), lambda x: np.clip(x, 2, 3), lambda x: np.dot(x, x.T),
    lambda x: np.einsum("ij,kj->ik", x, x), lambda x: np.reshape(x, (3, 2)),
    lambda x: np.expand_dims(x, 1), lambda x: np.swapaxes(x, 0, 1), lambda x: np.round(x, 1),
    lambda x: np.maximum(x, 2.5), lambda x: np.power(x, 2), lambda x: np.tensordot(x, x.T, 1),
    lambda x: np.maximum.reduce(x, axis=1), lambda x: np.matmul(x, x.T), np.atleast_2d,
    lambda x: np.sum(x, keepdims=True), lambda x: np.multiply(2, x), np.nonzero])
@numpy_reads
def test_numpys_functions_are_operations(function):
    data = np.array([[1.5, -2.25, 3.0], [4.0, 5.5, 0.5]], np.float32)
    with np.errstate(invalid="ignore"):
        expected, got = function(data), function(ember.tensor(data))
    if isinstance(expected, tuple):
        for e, g in zip(expected, got):
            np.testing.assert_array_equal(g, e)
        return
    assert isinstance(got, (ember.Tensor, np.ndarray))
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-6)


def test_numpys_functions_differentiate():
    x = leaf(1.0, 4.0, 9.0)
    y = np.sum(np.sqrt(x) * np.float64(2)) + np.mean(np.concatenate([x, x]))
    assert y.dtype is ember.float32
    y.backward()
    assert x.grad.tolist() == pytest.approx([1 + 1 / 3, 0.5 + 1 / 3, 1 / 3 + 1 / 3])


@numpy_reads
def test_arrays_and_scalars_as_operands():
    x = leaf(1.0, 2.0)
    for y in (np.ones(2) + x, x + np.ones(2), np.ones(2) @ x.double(), np.array(2.0) * x):
        assert isinstance(y, ember.Tensor) and y.requires_grad
    assert (np.ones(2) + x).dtype is ember.float64
    for y in (np.float64(2) * x, x * np.float64(2), np.array(2.0) * x, np.int64(3) - x):
        assert y.dtype is ember.float32
    assert (np.ones(2, np.float32) > x).tolist() == [False, False]
    assert (np.arange(3)[::-1] + ember.zeros(3)).tolist() == [2, 1, 0]


@numpy_reads
def test_an_array_takes_a_tensor_in_place():
    a = np.zeros(2)
    a += ember.ones(2)
    np.add(a, ember.ones(2), out=a)
    assert isinstance(a, np.ndarray) and a.tolist() == [2, 2]
    t = ember.zeros(2)
    np.add(a, ember.ones(2), out=t)
    assert t.tolist() == [3, 3]


@numpy_reads
def test_a_function_ember_lacks_gets_arrays_unless_gradients_would_be_lost():
    x = ember.tensor([3.0, 1.0])
    counts, _ = np.histogram(x)
    assert isinstance(counts, np.ndarray)
    with pytest.raises(TypeError, match=r"numpy.histogram .*\.detach\(\)\.numpy\(\)"):
        np.histogram(x.requires_grad_())
    with pytest.raises(TypeError, match=r"numpy.spacing .*\.detach\(\)"):
        np.spacing(x)


@numpy_reads
def test_asking_for_an_array():
    x = ember.tensor([1.0, 2.0])
    np.asarray(x)[0] = 5
    assert x.tolist() == [5, 2]
    assert np.array(x, dtype=np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(x, copy=True), x.numpy())
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(x.requires_grad_())
    with pytest.raises(ValueError):
        np.array(x.detach(), dtype=np.float64, copy=False)


def test_iteration_and_length():
    x = leaf(1.0, 2.0)
    first, second = x
    (first * second).backward()
    assert x.grad.tolist() == [2, 1]
    assert len(x) == 2
    with pytest.raises(TypeError):
        iter(ember.tensor(1.0))


@numpy_reads
def test_matplotlib_draws_tensors():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.subplots()
    x = ember.linspace(0, 1, 5)
    line, = axes.plot(x, x**2)
    axes.scatter(x, x, c=x)
    axes.hist(x)
    axes.imshow(ember.rand(3, 3))
    assert line.get_ydata().tolist() == [0, 0.0625, 0.25, 0.5625, 1]


# -- sharing memory ------------------------------------------------------------------------------


@numpy_reads
def test_from_numpy_shares_memory():
    a = np.zeros(3)
    for t in (ember.from_numpy(a), ember.as_tensor(a), ember.asarray(a)):
        t[0] += 1
    assert a[0] == 3
    assert ember.tensor(a).data_ptr() != ember.from_numpy(a).data_ptr()
    assert ember.as_tensor(a, dtype=ember.float32).dtype is ember.float32
    with pytest.raises(ValueError, match="negative"):
        ember.from_numpy(a[::-1])
    with pytest.raises(TypeError, match="can't convert"):
        ember.from_numpy(np.array(["a"]))


@numpy_reads
def test_frombuffer():
    buffer = array.array("i", [1, 2, 3])
    t = ember.frombuffer(buffer, dtype=ember.int32, count=2, offset=4)
    t[0] = 7
    assert buffer.tolist() == [1, 7, 3]
    for options in ({"count": 4}, {"offset": 12}, {"offset": 1}, {"count": 0}):
        with pytest.raises(ValueError):
            ember.frombuffer(buffer, dtype=ember.int32, **options)


@numpy_reads
def test_cuda_array_interface_is_there_on_a_gpu_only():
    assert not hasattr(ember.ones(2), "__cuda_array_interface__")


# -- DLPack --------------------------------------------------------------------------------------


@numpy_reads
def test_dlpack_from_numpy_and_back():
    a = np.arange(6.0).reshape(2, 3)
    t = ember.from_dlpack(a[:, ::2])
    t[0, 0] = 9
    assert a[0, 0] == 9 and t.stride() == (3, 2)
    np.from_dlpack(t)[1, 1] = 7
    assert a[1, 2] == 7
    assert ember.from_dlpack(a, copy=True).data_ptr() != a.ctypes.data
    assert ember.from_dlpack(t).data_ptr() == t.data_ptr()


@numpy_reads
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64", "complex64"])
def test_dlpack_keeps_types(dtype):
    t = ember.ones(3, dtype=getattr(ember, dtype))
    assert np.from_dlpack(t).dtype == dtype
    assert ember.from_dlpack(np.ones(3, dtype)).dtype is t.dtype


@numpy_reads
def test_dlpack_capsules():
    from ember.utils.dlpack import from_dlpack, to_dlpack

    t = ember.zeros(2)
    capsule = to_dlpack(t)
    from_dlpack(capsule)[0] = 1
    assert t.tolist() == [1, 0]
    with pytest.raises(TypeError, match="nobody has taken"):
        from_dlpack(capsule)


@numpy_reads
def test_dlpack_refuses_what_it_cannot_describe():
    with pytest.raises(BufferError, match="detach"):
        leaf(1.0).__dlpack__()
    with pytest.raises(TypeError, match="__dlpack__"):
        ember.from_dlpack([1, 2])
    constant = np.ones(2)
    constant.flags.writeable = False
    t = ember.from_dlpack(constant)
    with pytest.raises(ValueError, match="read-only"):
        t += 1
    assert constant.tolist() == [1, 1]


@numpy_reads
def test_dlpack_with_jax():
    jax = pytest.importorskip("jax")
    t = ember.arange(3, dtype=ember.float32)
    assert jax.dlpack.from_dlpack(t).sum() == 3
    x = jax.numpy.arange(3.0)
    shared = ember.from_dlpack(x)
    assert shared.data_ptr() == x.unsafe_buffer_pointer()
    with pytest.raises(ValueError, match="read-only"):
        shared[0] = 1
    assert ember.from_dlpack(x, copy=True).add_(1).tolist() == [1, 2, 3]
