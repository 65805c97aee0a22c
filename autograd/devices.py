"""Devices: what `ember.device("cuda:0")` means and which backend serves it."""

from .. import backends

__all__ = ["device", "get_default_device", "set_default_device"]

_default = None


class device:
    """Where a tensor's elements live: `cpu`, `cuda`, `cuda:1`.

    Args:
        type: "cpu", "cuda", "cuda:0", an index of a CUDA device, or another device.
        index: the number of the device, for types that have several.
    Raises:
        RuntimeError: for a type that ember does not know, or a negative index.
    Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.device

    >>> import ember
    >>> ember.device("cuda", 1)
    device(type='cuda', index=1)
    """

    __slots__ = ("type", "index")

    def __new__(cls, type, index=None):
        if isinstance(type, device):
            return type
        self = super().__new__(cls)
        if isinstance(type, int):
            type, index = "cuda", type
        if not isinstance(type, str):
            raise TypeError(f"device() expects a string, int or device, not {type!r}")
        if ":" in type:
            if index is not None:
                raise RuntimeError(f"type (string) must not include an index: {type!r}")
            type, number = type.split(":", 1)
            if not number.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}:{number}'")
            index = int(number)
        if type not in backends.DEVICE_TYPES:
            raise RuntimeError(
                f"Expected one of {', '.join(backends.DEVICE_TYPES)} device type at start of "
                f"device string: {type}")
        if index is not None and index < 0:
            raise RuntimeError("Device index must not be negative")
        self.type = type
        self.index = index
        return self

    def __repr__(self):
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other):
        return (isinstance(other, device) and self.type == other.type
                and self.index == other.index)

    def __hash__(self):
        return hash((self.type, self.index))

    def __reduce__(self):
        return device, (str(self),)

    def __enter__(self):
        global _default
        self_stack.append(_default)
        _default = self
        return self

    def __exit__(self, *exc_info):
        global _default
        _default = self_stack.pop()


self_stack = []
CPU = device("cpu")


def get_default_device():
    """Return the device on which new tensors are made (cpu unless changed)."""
    return _default or CPU


def set_default_device(device_or_name):
    """Set the device on which new tensors are made; None means the CPU again."""
    global _default
    if device_or_name is None:
        _default = None
        return
    chosen = device(device_or_name)
    backends.get(chosen.type, chosen.index)  # raises when it cannot be used
    _default = None if chosen.type == "cpu" else chosen


def backend_for(device_or_name):
    """Return the backend for a device argument; None means the default device."""
    chosen = _default if device_or_name is None else device(device_or_name)
    if chosen is None or chosen.type == "cpu":
        return backends.cpu
    return backends.get(chosen.type, chosen.index)
