"""Tensors and other libraries: NumPy's functions, DLPack, copies, pickles, subclasses."""

import array
import copy
import io
import pickle
import subprocess
import sys

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
def test_views_of_foreign_memory_know_their_place():
    t = ember.frombuffer(bytearray(12), dtype=ember.int32)
    assert t[1:].storage_offset() == 1
    t[1:].add_(1)
    assert t.as_strided((2,), (1,), 1).tolist() == [1, 1]


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
def test_dlpack_refuses_arrays_that_run_backwards():
    with pytest.raises(ValueError, match=r"negative.*array\.copy\(\)"):
        ember.from_dlpack(np.arange(6.0).reshape(2, 3)[::-1])


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


# -- copies and pickles --------------------------------------------------------------------------


def test_a_copy_shares_memory_but_not_the_graph():
    x = leaf(1.0, 2.0)
    x.name = "weights"
    y = copy.copy(x)
    assert y.data_ptr() == x.data_ptr() and y.requires_grad and y.is_leaf and y.name == x.name
    (y * 3).sum().backward()
    assert x.grad is None and y.grad.tolist() == [3, 3]
    assert copy.copy(x * 2).is_leaf


def test_deepcopies_of_different_tensors_are_different():
    tensors = [ember.full((1,), float(value)) for value in range(20)]
    assert [t.item() for t in copy.deepcopy(tensors)] == list(range(20))


def test_a_deep_copy_shares_nothing():
    x = leaf(1.0, 2.0)
    x.sum().backward()
    x.note = [1]
    first, second = copy.deepcopy([x, x])
    assert first is second
    first.data += 1
    first.grad += 1
    first.note.append(2)
    assert (x.tolist(), x.grad.tolist(), x.note) == ([1, 2], [1, 1], [1])
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)
    strides = copy.deepcopy(ember.ones(2, 3).t()).stride()
    assert strides == (1, 3)


def test_a_deep_copied_module_keeps_shared_parameters_shared():
    model = ember.nn.Sequential(ember.nn.Linear(2, 2), ember.nn.Linear(2, 2))
    model[1].weight = model[0].weight
    twin = copy.deepcopy(model)
    assert twin[1].weight is twin[0].weight is not model[0].weight
    assert type(twin[0].weight) is ember.nn.Parameter


class Named(ember.Tensor):
    pass


@pytest.mark.parametrize("make", [
    lambda: leaf(1.0, 2.0), lambda: ember.tensor(3), lambda: ember.ones(2, 3).t(),
    lambda: ember.nn.Parameter(ember.ones(2), requires_grad=False), lambda: leaf(1.0) * 2,
    lambda: ember.tensor([1 + 2j]), lambda: ember.ones(2).as_subclass(Named),
    pytest.param(lambda: ember.ones(2, dtype=ember.bfloat16), marks=pytest.mark.skipif(
        "not __import__('importlib.util').util.find_spec('ml_dtypes')"))])
def test_pickles(make):
    x = make()
    x.name = "x"
    data = pickle.dumps(x)
    y = pickle.loads(data)  # noqa: S301
    assert y.tolist() == x.tolist()
    assert (y.dtype, y.device, type(y), y.name) == (x.dtype, x.device, type(x), "x")
    assert y.requires_grad == x.requires_grad and y.is_leaf
    assert modules_named(data) <= {"ember", "numpy", "numpy._core", "numpy.core", __name__}


def modules_named(data):
    """The modules whose functions unpickling calls."""
    found = set()

    class Recorder(pickle.Unpickler):
        def find_class(self, module, name):
            assert name in {"rebuild", "_reconstruct", "_frombuffer", "ndarray", "dtype", "Tensor",
                            "Parameter", "Named", "scalar"} or module.startswith("ember.autograd")
            found.add(module.rpartition(".")[0] if "numpy" in module else module.split(".")[0])
            return super().find_class(module, name)

    Recorder(io.BytesIO(data)).load()
    return found - {""}


# -- subclasses ----------------------------------------------------------------------------------


class Logged(ember.Tensor):
    """Notes the name of every operation."""

    names: list = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.names.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs)


class Scalar(ember.Tensor):
    """Implements operations by itself."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return "mean" if func is ember.mean else NotImplemented


def test_results_keep_the_class_of_a_subclass():
    x = Named([1.0, 2.0])
    results = (x + 1, 1 - x, ember.ones(2) * x, x[0], x.detach(), ember.cat([x, x]), x.sum(),
               x.sort().values, x.unbind()[0], x.reshape(2, 1), x.to(ember.float64), x.clone(),
               ember.nn.functional.softmax(x, 0), x.T, x.exp())
    assert {type(r) for r in results} == {Named}
    assert type(ember.ones(2) + 1) is ember.Tensor
    plain = ember.zeros(2)
    assert plain.copy_(x) is plain and type(plain) is ember.Tensor


def test_subclasses_differentiate():
    x = ember.ones(2, requires_grad=True)
    y = x.as_subclass(Named)
    assert type(y) is Named and y.data_ptr() == x.data_ptr()
    (y * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]
    leaf_of_class = ember.Tensor._make_subclass(Named, ember.ones(2), True)
    assert leaf_of_class.is_leaf and leaf_of_class.requires_grad
    with pytest.raises(TypeError):
        x.as_subclass(list)


def test_torch_function_sees_operations():
    Logged.names.clear()
    x = Logged([1.0, 2.0])
    y = ember.mean(x * 2)
    y = ember.nn.functional.softmax(y.reshape(1), dim=0)[0]
    assert Logged.names[:2] == ["mul", "mean"] and "softmax" in Logged.names
    assert type(y) is Logged


def test_torch_function_may_take_over_or_decline():
    x = ember.ones(2).as_subclass(Scalar)
    assert ember.mean(x) == "mean"
    with pytest.raises(TypeError, match="no implementation found for 'torch.add'"):
        ember.add(x, 1)
    assert ember.overrides.has_torch_function((x,))
    assert not ember.overrides.has_torch_function((ember.ones(1), ember.nn.Parameter()))
    assert ember.overrides.handle_torch_function(ember.mean, (x,), x) == "mean"
    assert ember.overrides.is_tensor_like(x)


@pytest.mark.host_only
def test_plain_programs_take_no_detour():
    program = ("import ember as torch\n"
               "from ember.autograd import detours\n"
               "torch.nn.Linear(2, 2)(torch.ones(1, 2)).sum().backward()\n"
               "print(detours.installed)\n")
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "()\n", run.stderr


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0]])
def test_deep_copies_share_memory_as_their_originals_do(order):
    x = ember.zeros(2, 3)
    tensors = [x, x[1], x.t()[1:]]
    copies = copy.deepcopy([tensors[place] for place in order])
    whole, row, columns = (copies[order.index(place)] for place in range(3))
    row.fill_(5)
    assert whole.tolist() == [[0, 0, 0], [5, 5, 5]] and columns.tolist() == [[0, 5], [0, 5]]
    assert x.sum() == 0 and columns.stride() == tensors[2].stride()


def test_foreign_byte_order_is_refused():
    with pytest.raises(ValueError, match="byte order"):
        ember.from_numpy(np.zeros(3, ">f4"))


class Diagonal:
    """A matrix with one number on its diagonal: no tensor, but known to operations."""

    def __init__(self, size, value):
        self.size, self.value = size, value

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is ember.mean:
            return args[0].value / args[0].size
        args = [a.value * ember.eye(a.size) if isinstance(a, cls) else a for a in args]
        return func(*args, **(kwargs or {}))


def test_objects_that_are_no_tensors_can_take_operations_over():
    d = Diagonal(2, 3.0)
    assert ember.mean(d) == 1.5
    assert ember.add(ember.ones(2, 2), d).tolist() == (ember.ones(2, 2) + d).tolist()
    assert ember.exp(d).shape == (2, 2) and ember.sum(d, dim=0).tolist() == [3, 3]
    assert ember.diagonal(ember.matmul(d, d)).tolist() == [9, 9]
    with pytest.raises(TypeError, match="must be Tensor, not str"):
        ember.exp("3")
