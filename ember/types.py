"""`torch.types`: names for what arguments may be, for annotations.

PyTorch page: https://docs.pytorch.org/docs/2.13/type_info.html
"""

import os
from typing import IO, TypeAlias

from .autograd.devices import device as _device
from .autograd.ops.properties import UntypedStorage as Storage

__all__ = ["Device", "FileLike", "Number", "Storage"]

Number: TypeAlias = int | float | bool
Device: TypeAlias = _device | str | int | None
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
