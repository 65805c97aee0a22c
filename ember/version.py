"""What PyTorch programs ask about versions; see `torch.version`.

`ember.__version__` begins with the version of the PyTorch API that ember speaks, since programs
compare it to choose between old and new calls; ember's own version follows the plus sign.
"""

import operator
import re

__all__ = ["TorchVersion", "__version__", "debug", "ember", "git_version", "hip", "pytorch"]

ember = "0.1.0"
pytorch = "PyTorch 2.13"
debug = False
git_version = hip = rocm = xpu = None


class TorchVersion(str):
    """A version that compares as numbers with strings and tuples; what follows `+` is left out.

    >>> TorchVersion("2.13.0") >= "2.2", TorchVersion("2.13.0") < (3,)
    (True, True)
    """

    __slots__ = ()

    def _compare(self, other, operation):
        if not isinstance(other, str | tuple | list):
            return NotImplemented
        return operation(_release(self), _release(other))

    def __lt__(self, other):
        return self._compare(other, operator.lt)

    def __le__(self, other):
        return self._compare(other, operator.le)

    def __gt__(self, other):
        return self._compare(other, operator.gt)

    def __ge__(self, other):
        return self._compare(other, operator.ge)


def _release(version):
    """Return the numbers of a version as a list, without zeros at the end."""
    text = version if isinstance(version, str) else ".".join(map(str, version))
    numbers = [int(n) for n in re.match(r"\d*(?:\.\d+)*", text)[0].split(".") if n]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


__version__ = TorchVersion(f"2.13.0+ember{ember}")


def __getattr__(name):
    if name == "cuda":  # asked of the driver on use only
        from .cuda import _toolkit_version

        return _toolkit_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
