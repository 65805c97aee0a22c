"""Logs for TensorBoard, written by the library tensorboardX (`pip install ember[tensorboard]`).

PyTorch page: https://docs.pytorch.org/docs/2.13/tensorboard.html
"""

import sys as _sys

# tensorboardX imports PyTorch where that is installed, for an annotation: a second of waiting, and
# two libraries of one name in the process.
_kept_out = "torch" not in _sys.modules
if _kept_out:
    _sys.modules["torch"] = None
try:
    import tensorboardX as _library
except ModuleNotFoundError as error:
    if error.name != "tensorboardX":
        raise
    raise ModuleNotFoundError(
        "torch.utils.tensorboard writes its files by the library tensorboardX, which is not "
        "installed: pip install ember[tensorboard]", name=error.name) from None
finally:
    if _kept_out:
        del _sys.modules["torch"]

from .writer import FileWriter, SummaryWriter  # noqa: E402

__all__ = ["FileWriter", "SummaryWriter"]
