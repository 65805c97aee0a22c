"""Python's operators on tensors."""

from .ops import bitwise, comparison, elementwise, linalg
from .tensor import Tensor


def _reflected(op):
    def reflected(self, other):
        return op(other, self)

    return reflected


def _or_not_implemented(op):
    """Comparison with something that is no number is Python's business: `t == None` is False."""
    def operator(self, other):
        try:
            return op(self, other)
        except TypeError:
            return NotImplemented

    return operator


def _assigning(name):
    def operator(self, other):
        return getattr(self, name)(other)

    return operator


def _attach():
    for symbol, op in {"add": elementwise.plus, "sub": elementwise.minus, "mul": elementwise.mul,
                       "truediv": elementwise.true_div, "floordiv": elementwise.floor_divide,
                       "mod": elementwise.remainder, "pow": elementwise.pow,
                       "matmul": linalg.matmul, "and": bitwise.bitwise_and,
                       "or": bitwise.bitwise_or, "xor": bitwise.bitwise_xor,
                       "lshift": bitwise.bitwise_left_shift,
                       "rshift": bitwise.bitwise_right_shift}.items():
        setattr(Tensor, f"__{symbol}__", op)
        setattr(Tensor, f"__r{symbol}__", _reflected(op))
    for symbol, name in {"add": "add_", "sub": "sub_", "mul": "mul_", "truediv": "div_",
                         "floordiv": "floor_divide_", "mod": "remainder_", "pow": "pow_",
                         "and": "bitwise_and_", "or": "bitwise_or_",
                         "xor": "bitwise_xor_"}.items():
        setattr(Tensor, f"__i{symbol}__", _assigning(name))
    for symbol in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(Tensor, f"__{symbol}__", _or_not_implemented(getattr(comparison, symbol)))
    Tensor.__neg__ = elementwise.neg
    Tensor.__pos__ = lambda self: self
    Tensor.__abs__ = elementwise.abs
    Tensor.__invert__ = bitwise.bitwise_not


_attach()
