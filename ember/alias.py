"""The `torch` alias: `import torch`, `torchvision` and their like give ember's modules."""

import importlib.util
import sys

from . import names

__all__ = ["Alias", "install"]


class _Finder:
    """What importlib asks first while the alias is in force."""

    def find_spec(self, name, path=None, target=None):
        """Return the spec of a PyTorch module; None for anything else.

        A module that ember lacks raises instead: no later finder may find a real PyTorch.
        """
        if name.partition(".")[0] not in names.ROOTS:
            return None
        names.module_for(name)
        return importlib.util.spec_from_loader(name, self, is_package=True)

    def create_module(self, spec):
        """Let importlib make an empty module, which `exec_module` replaces."""

    def exec_module(self, module):
        """Put ember's own module in place of the empty one."""
        sys.modules[module.__name__] = names.module_for(module.__name__)


_finder = _Finder()


class Alias:
    """What `install()` returns: the way to undo it.

    In a `with` statement, leaving the block restores what was before it.

    >>> import ember
    >>> with ember.install():
    ...     import torch.nn.functional as F
    >>> F is ember.nn.functional
    True
    """

    def __init__(self, nested):
        self._nested = nested

    def uninstall(self):
        """Let the next `import torch` find the real one, if there is one.

        What the program has imported already goes on meaning ember.
        """
        if _finder not in sys.meta_path:
            return
        sys.meta_path.remove(_finder)
        for name in list(sys.modules):
            if name.partition(".")[0] in names.ROOTS:
                del sys.modules[name]

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        if not self._nested:
            self.uninstall()


def install():
    """Make `import torch` (and the other names in `names.ROOTS`) mean ember in this process.

    A second call changes nothing.

    Returns:
        An `Alias`: call its `.uninstall()`, or use it in a `with` statement.
    Raises:
        RuntimeError: when the real PyTorch is imported already.

    >>> import ember
    >>> alias = ember.install()
    >>> import torch
    >>> torch is ember
    True
    >>> alias.uninstall()
    """
    if _finder in sys.meta_path:
        return Alias(nested=True)
    for root in names.ROOTS:
        other = sys.modules.get(root)
        if other is not None:
            raise RuntimeError(
                f"cannot install the alias: the real {root} is already imported "
                f"({getattr(other, '__file__', None)}). Call ember.install() before anything "
                f"imports {root}, or run the program with `python -m ember script.py`")
    for root in names.ROOTS:
        sys.modules.pop(root, None)  # a None there forbids the import
    sys.meta_path.insert(0, _finder)
    return Alias(nested=False)
