"""`torch.serialization`: saving and loading files.

PyTorch page: https://docs.pytorch.org/docs/2.13/notes/serialization.html
"""

from .utils.serialization import (
    LoadError,
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    get_unsafe_globals_in_checkpoint,
    load,
    safe_globals,
    save,
)

__all__ = ["LoadError", "add_safe_globals", "clear_safe_globals", "get_safe_globals",
           "get_unsafe_globals_in_checkpoint", "load", "safe_globals", "save"]
