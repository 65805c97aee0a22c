"""Files: `torch.save` and `torch.load` in PyTorch's format, without pickle.

PyTorch page: https://docs.pytorch.org/docs/2.13/notes/serialization.html
"""

from .errors import LoadError
from .loading import get_unsafe_globals_in_checkpoint, load
from .saving import save
from .vouched import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals

__all__ = ["LoadError", "add_safe_globals", "clear_safe_globals", "get_safe_globals",
           "get_unsafe_globals_in_checkpoint", "load", "safe_globals", "save"]
