"""What a file that cannot be loaded raises."""

import sys

__all__ = ["LoadError"]

# PyTorch's programs write `except pickle.UnpicklingError`. A program that can name that class has
# loaded its module (NumPy does so in any case); ember itself never imports it.
_UNPICKLING: type = getattr(sys.modules.get("pickle"), "UnpicklingError", Exception)


class LoadError(RuntimeError, _UNPICKLING):
    """A file is damaged, of another format, or names something that is not loaded from files.

    It is both kinds of error that `torch.load` raises: a RuntimeError and Python's
    UnpicklingError. Nothing was changed when it is raised.
    """
