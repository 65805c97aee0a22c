"""The signature of a call: all that a program takes for granted of its arguments."""

import math

from ..autograd import Tensor, dtypes, modes
from ..nn.parameter import Buffer, Parameter
from .slots import PLAIN

__all__ = ["signature"]

_TENSORS = (Tensor, Parameter, Buffer)


def signature(args, kwargs, tensors, others):
    """Return a hashable key; add the tensors among the arguments, and what is not plain, to lists.

    Tensors count by shape, dtype, layout and whether they require gradients; numbers and strings
    by value; anything else by identity.
    """
    mode = modes.current.get()
    if mode is not None:
        mode = modes.is_grad_enabled(), modes.is_inference_mode_enabled()
    key = [mode, dtypes.get_default_dtype()]
    for arg in args:
        key.append(_key(arg, tensors, others))
    for name, arg in kwargs.items():
        key.append((name, _key(arg, tensors, others)))
    return tuple(key)


def _key(value, tensors, others):
    cls = value.__class__
    if cls in _TENSORS:
        for i, t in enumerate(tensors):
            if t is value:
                return i
        tensors.append(value)
        array = value._array
        flags = array.flags
        return (cls, array.__class__, array.shape, array.dtype,
                flags.c_contiguous or array.strides, flags.writeable, value._xp,
                value._node is None)
    if cls is float:
        return cls, value, math.copysign(1, value), value != value
    if cls in (tuple, list):
        return cls, *[_key(item, tensors, others) for item in value]
    if cls is dict:
        return cls, *[(_key(k, tensors, others), _key(v, tensors, others))
                      for k, v in value.items()]
    if isinstance(value, PLAIN):
        return cls, value
    if isinstance(value, tuple):
        return cls, *[_key(item, tensors, others) for item in value]
    others.append(value)
    return cls, id(value)
