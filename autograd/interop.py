"""NumPy's functions on tensors: `np.sum(t)`, `np.sqrt(t)`, `array * t` are ember's operations.

A function that stands in the tables below runs as the operation of that name, with gradients.
Any other gets the tensors as arrays, as in PyTorch, unless a gradient would be lost.
NEP 13: https://numpy.org/neps/nep-0013-ufunc-overrides.html
NEP 18: https://numpy.org/neps/nep-0018-array-function-protocol.html

>>> import ember, numpy
>>> x = ember.tensor([1.0, 4.0], requires_grad=True)
>>> numpy.sum(numpy.sqrt(x)).backward()
>>> x.grad
tensor([0.5000, 0.2500])
"""

import numpy as np

from . import fromnumpy
from .from_data import from_numpy
from .op import RECORDS
from .tensor import Tensor, tensor_method

__all__ = []

# Operations whose ufunc has another name.
_UFUNCS = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin",
    "arcsinh": "asinh", "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh",
    "bitwise_invert": "bitwise_not", "conjugate": "conj", "degrees": "rad2deg",
    "divide": "div", "equal": "eq", "fabs": "abs", "greater": "gt", "greater_equal": "ge",
    "invert": "bitwise_not", "left_shift": "bitwise_left_shift", "less": "lt",
    "less_equal": "le", "mod": "remainder", "multiply": "mul", "negative": "neg",
    "not_equal": "ne", "power": "pow", "radians": "deg2rad",
    "right_shift": "bitwise_right_shift", "rint": "round", "subtract": "sub",
}
_REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "amax", "minimum": "amin",
               "logical_and": "all", "logical_or": "any"}


@tensor_method
def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
    """Run one of NumPy's elementwise functions as the operation of that name."""
    if method == "reduce":
        options.setdefault("axis", 0)
    if out is not None:
        return _into(ufunc, method, inputs, out, options)
    names = _REDUCTIONS if method == "reduce" else _UFUNCS if method == "__call__" else {}
    name = names.get(ufunc.__name__, ufunc.__name__)
    record = RECORDS.get(name) if names else None
    if record is None or options and method == "__call__":
        return _on_arrays(ufunc.__name__, getattr(ufunc, method), inputs, options)
    if method == "reduce":
        return fromnumpy.reduced(record.call, *inputs, **options)
    if 1 not in record.numbers:  # NumPy takes numbers wherever it takes arrays
        inputs = [np.asarray(v)[()] if isinstance(v, (int, float)) else v for v in inputs]
        return record.call(*[v if isinstance(v, np.generic) else _operand(v) for v in inputs])
    return record.call(*[_operand(value) for value in inputs])


def _operand(value):
    """Return an operand of NumPy's as an operation takes it: arrays as tensors."""
    if isinstance(value, np.ndarray) and value.ndim:
        return from_numpy(value if min(value.strides) >= 0 else value.copy())
    return value.item() if isinstance(value, (np.ndarray, np.generic)) else value


def _into(ufunc, method, inputs, out, options):
    """Run a ufunc that writes into `out`, where `array += tensor` ends up as well."""
    target = out[0] if len(out) == 1 else None
    if not isinstance(target, Tensor):
        return _on_arrays(ufunc.__name__, getattr(ufunc, method), inputs,
                          {**options, "out": out})
    return target.copy_(getattr(ufunc, method)(*inputs, **options))


@tensor_method
def __array_function__(self, func, types, args, kwargs):
    """Run one of NumPy's functions as the operation that does the same."""
    ours = fromnumpy.FUNCTIONS.get(func)
    if ours is None:
        return _on_arrays(func.__name__, func, args, kwargs)
    return ours(*args, **kwargs)


def _on_arrays(name, func, args, kwargs):
    """Call a function of NumPy's with tensors as arrays.

    Raises:
        TypeError: where gradients would be lost, or elements would have to leave a device.
    """
    return func(*_arrays(args, name), **_arrays(kwargs, name))


def _arrays(value, name):
    if isinstance(value, Tensor):
        if value._node is not None:
            raise TypeError(
                f"numpy.{name} has no counterpart with gradients in ember, and an argument "
                "requires them. Use the operation of torch that does it, or give up the gradient "
                "with .detach().numpy()")
        return value.numpy()
    if isinstance(value, dict):
        return {key: _arrays(item, name) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)([_arrays(item, name) for item in value])
    return value


def _cuda_array_interface(self):
    """What other GPU libraries ask for the memory; there on a CUDA device only."""
    if self._xp.device_type != "cuda":
        raise AttributeError("Can't get __cuda_array_interface__ on non-CUDA tensor type: "
                             f"{self.type()}. Use .cuda() first.")
    if self._node is not None:
        raise RuntimeError("Can't get __cuda_array_interface__ on Variable that requires grad. "
                           "Use var.detach().__cuda_array_interface__ instead.")
    return self._array.__cuda_array_interface__


Tensor.__cuda_array_interface__ = property(_cuda_array_interface)
Tensor.__array_wrap__ = lambda self, array, context=None, return_scalar=False: (
    from_numpy(np.asarray(array)))
