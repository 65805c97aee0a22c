"""The old names of typed tensors: FloatTensor, LongTensor and their like."""

from . import dtypes
from .creation import empty
from .from_data import tensor
from .tensor import Size, Tensor

__all__ = [d.title + "Tensor" for d in (
    dtypes.bool, dtypes.uint8, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64,
    dtypes.bfloat16, dtypes.float16, dtypes.float32, dtypes.float64)]


class tensortype(type):
    """The type of `FloatTensor` and its like: `isinstance` asks for dtype and device."""

    def __instancecheck__(cls, obj):
        return (isinstance(obj, Tensor) and obj.dtype is cls.dtype
                and (obj._xp.device_type == "cuda") is cls.is_cuda)

    def __call__(cls, *args, device=None):
        """Return a new tensor from data, or an unset one of the given sizes."""
        device = "cuda" if cls.is_cuda and device is None else device
        if not args or isinstance(args[0], int) and not isinstance(args[0], bool):
            return empty(*args or (0,), dtype=cls.dtype, device=device)
        data, *more = args
        if more or isinstance(data, (bool, float, complex, str)):
            raise TypeError(f"new(): data must be a sequence (got {type(data).__name__})")
        if isinstance(data, Size):
            return empty(data, dtype=cls.dtype, device=device)
        if isinstance(data, Tensor) and data.dtype is not cls.dtype:
            raise TypeError(f"{cls.__name__}() takes tensors of dtype {cls.dtype}, not "
                            f"{data.dtype}."
                            f" Convert it with .to({cls.dtype})")
        return tensor(data, dtype=cls.dtype, device=device)


def typed(title, is_cuda=False):
    """Return PyTorch's old type of tensors of one dtype, such as FloatTensor.

    Raises:
        ValueError: when there is no such type.

    >>> FloatTensor = typed("Float")
    >>> FloatTensor([1, 2])
    tensor([1., 2.])
    >>> isinstance(FloatTensor(2, 3), FloatTensor), isinstance(FloatTensor(2), typed("Long"))
    (True, False)
    """
    dtype = dtypes.titled(title)
    return tensortype(title + "Tensor", (), {
        "__doc__": f"The type of {dtype.name} tensors; makes one from data, or of given sizes.",
        "__module__": "torch.cuda" if is_cuda else "torch", "dtype": dtype, "is_cuda": is_cuda})


globals().update((name, typed(name.removesuffix("Tensor"))) for name in __all__)
