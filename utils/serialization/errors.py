"""What a file that cannot be loaded raises."""

import sys

__all__ = ["LoadError", "UnknownName", "require"]

# PyTorch's programs write `except pickle.UnpicklingError`. A program that can name that class has
# loaded its module (NumPy does so in any case); ember itself never imports it.
_UNPICKLING: type = getattr(sys.modules.get("pickle"), "UnpicklingError", Exception)


class LoadError(RuntimeError, _UNPICKLING):
    """A file is damaged, of another format, or names something that is not loaded from files.

    It is both kinds of error that `torch.load` raises: a RuntimeError and Python's
    UnpicklingError. Nothing was changed when it is raised.
    """


class UnknownName(LoadError):
    """A file names a class or function that the program did not vouch for.

    Args:
        paths: the full names, at least one.
        hint: what to add to the text.
    """

    def __init__(self, paths, hint=""):
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        line = ", ".join(path.removeprefix("__main__.").removeprefix("builtins.")
                         for path in paths)
        super().__init__(
            f"the file names {paths[0]}{more}, none of the values that are loaded from files "
            "(tensors, numbers, texts and containers of them): making one could run code of the "
            "file's author. If you wrote the file, save state_dict() or plain values instead; "
            "for modules, simple classes and functions that you know, "
            f"torch.serialization.add_safe_globals([{line}]) vouches for them{hint}")
        self.paths = paths


def require(condition, what):
    """Raise the error for a file whose arguments make no sense."""
    if not condition:
        raise LoadError(f"the file is damaged or forged: {what}")
