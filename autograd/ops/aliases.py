"""PyTorch's second names for operations, and the in-place twins of those without a record."""

from ..inplace import make_inplace
from ..op import RECORDS
from ..tensor import Tensor
from . import clamping, comparison, elementwise, exponential, products, rounding, trigonometry  # noqa: F401

# Second name: name of the record.
_SECOND = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin",
    "arcsinh": "asinh", "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh",
    "divide": "div", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
    "multiply": "mul", "negative": "neg", "not_equal": "ne", "subtract": "sub",
    "true_divide": "div",
}


class _Twin:
    """What `make_inplace` wants to know of an operation."""

    def __init__(self, call):
        self.name, self.call = call.__name__, call


def _attach():
    for name, first in _SECOND.items():
        globals()[name] = RECORDS[first].call
        setattr(Tensor, name, RECORDS[first].call)
        twin = getattr(Tensor, first + "_", None)
        if twin is not None:
            setattr(Tensor, name + "_", twin)
    for call in (clamping.addcdiv, clamping.addcmul, clamping.clamp_max, clamping.clamp_min,
                 clamping.clip, exponential.float_power, exponential.ldexp, products.addbmm,
                 products.addmm, products.addmv, products.addr, products.baddbmm, rounding.fix,
                 rounding.sgn):
        setattr(Tensor, call.__name__ + "_", make_inplace(_Twin(call)))


_attach()
__all__ = list(_SECOND)
