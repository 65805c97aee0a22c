"""Moving a module's tensors to another device or dtype."""

from ...autograd import Tensor, dtypes, empty_like
from ..parameter import is_lazy


class Conversion:
    """The part of Module that converts parameters, gradients and buffers."""

    def _apply(self, fn, recurse=True):
        """Replace every tensor's memory by that of `fn(tensor)`; parameters stay the objects
        that optimizers hold."""
        if recurse:
            for child in self.children():
                child._apply(fn)
        for parameter in self._parameters.values():
            if parameter is None:
                continue
            grad = parameter.grad
            parameter.data = fn(parameter.detach() if not is_lazy(parameter) else parameter.data)
            if grad is not None:
                parameter.grad = fn(grad.detach()).requires_grad_(grad.requires_grad)
        buffers = self._buffers
        for name, buffer in buffers.items():
            if buffer is not None:
                buffers[name] = fn(buffer)
        return self

    def to(self, *args, **kwargs):
        """Move and cast: `to(device)`, `to(dtype)`, `to(device, dtype)` or `to(tensor)`.

        Only floating-point and complex tensors are cast; all are moved. `memory_format` lays out
        those of four and five dimensions. Returns self.

        Raises:
            TypeError: the dtype is neither floating point nor complex.

        >>> import ember as torch
        >>> torch.nn.Linear(2, 2).to(torch.float64).weight.dtype
        torch.float64
        """
        device, dtype, non_blocking, memory_format = _parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError("nn.Module.to only accepts floating point or complex dtypes, "
                            f"but got desired dtype={dtype}")

        def convert(tensor):
            kind = tensor.dtype
            target = dtype if kind.is_floating_point or kind.is_complex else None
            moved = tensor.to(device=device, dtype=target, non_blocking=non_blocking)
            if memory_format is None or tensor.ndim not in (4, 5):
                return moved
            return moved.contiguous(memory_format=memory_format)

        return self._apply(convert)

    def to_empty(self, *, device, recurse=True):
        """Move to a device without copying the values; return self."""
        return self._apply(lambda tensor: empty_like(tensor, device=device), recurse)

    def cuda(self, device=None):
        """Move all tensors to the GPU; return self."""
        return self._apply(lambda tensor: tensor.cuda(device))

    def cpu(self):
        """Move all tensors to the CPU; return self."""
        return self._apply(lambda tensor: tensor.cpu())

    def type(self, dst_type):
        """Cast all tensors, integer ones too; return self."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    def float(self):
        """Cast all floating-point tensors to float32; return self."""
        return self._cast(dtypes.float32)

    def double(self):
        """Cast all floating-point tensors to float64; return self."""
        return self._cast(dtypes.float64)

    def bfloat16(self):
        """Bring floating point parameters and buffers to bfloat16."""
        return self._cast(dtypes.bfloat16)

    def half(self):
        """Cast all floating-point tensors to float16; return self."""
        return self._cast(dtypes.float16)

    def _cast(self, dtype):
        return self._apply(lambda t: t.to(dtype) if t.dtype.is_floating_point else t)

    def share_memory(self):
        """Move all tensors to shared memory; return self."""
        return self._apply(lambda tensor: tensor.share_memory_())


def _parse_to(*args, device=None, dtype=None, non_blocking=False, memory_format=None, copy=False):
    """Sort the arguments of `to` into device, dtype, non_blocking and memory_format."""
    for arg in args:
        if isinstance(arg, dtypes.dtype):
            dtype = arg
        elif isinstance(arg, Tensor):
            device, dtype = arg.device, arg.dtype
        elif isinstance(arg, bool):
            non_blocking = arg
        elif arg is not None:
            device = arg
    return device, dtype, non_blocking, memory_format
