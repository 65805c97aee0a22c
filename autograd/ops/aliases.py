"""PyTorch's second names for operations, and the in-place twins of those without a record."""

from ..inplace import make_inplace
from ..op import RECORDS
from ..tensor import Tensor
from . import (  # noqa: F401
    clamping,
    comparison,
    distances,
    elementwise,
    exponential,
    products,
    rounding,
    special,
    trigonometry,
)

# Second name: name of the record.
_SECOND = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin",
    "arcsinh": "asinh", "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh",
    "divide": "div", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
    "multiply": "mul", "negative": "neg", "not_equal": "ne", "subtract": "sub",
    "true_divide": "div",
}

# Functions without a record of their own that PyTorch has in place as well.
_TWINS = ("addbmm", "addcdiv", "addcmul", "addmm", "addmv", "addr", "baddbmm", "clamp_max",
          "clamp_min", "clip", "fix", "float_power", "ldexp", "mvlgamma", "polygamma")


class _Twin:
    """What `make_inplace` wants to know of an operation."""

    def __init__(self, name, call=None):
        self.name, self.call = name, call or getattr(Tensor, name)


def _attach():
    for name, first in _SECOND.items():
        globals()[name] = RECORDS[first].call
        setattr(Tensor, name, RECORDS[first].call)
        twin = getattr(Tensor, first + "_", None)
        if twin is not None:
            setattr(Tensor, name + "_", twin)
    for name in _TWINS:
        setattr(Tensor, name + "_", make_inplace(_Twin(name)))
    # its first step saves the tensor, which the last one is going to overwrite
    Tensor.renorm_ = make_inplace(_Twin(
        "renorm", lambda self, p, dim, maxnorm: self.clone().renorm(p, dim, maxnorm)))


_attach()
__all__ = list(_SECOND)
