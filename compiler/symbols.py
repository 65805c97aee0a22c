"""Symbols: what the formulas of records compute with to show what they do to each element.

A forward is text over `xp`, and so is a derivative. Given symbols for arrays and `Functions` for
`xp`, it leaves on a tape the lines of a loop's body. A formula that asks for anything but the
elements (a shape, a sum) fails and is not fused.
"""

import math
import numbers

import numpy as np

__all__ = ["NotElementwise", "Functions", "Symbol", "Tape"]

_UNARY = "exp expm1 log log1p tanh erf".split()
_NUMPY = "sqrt sin cos floor ceil trunc abs exp2 log2 log10 arctan sinh cosh".split()
_COMPARISONS = {"greater": ">", "less": "<", "greater_equal": ">=", "less_equal": "<=",
                "equal": "==", "not_equal": "!="}


class NotElementwise(Exception):
    """A formula does something else than computing each element by itself."""


class Tape:
    """The lines of a loop's body; equal lines stand there once."""

    def __init__(self, dtype):
        self.dtype, self.lines, self._names, self.loads = dtype, [], {}, {}

    def load(self, key, kind="f"):
        """Return the symbol of an input array's element; the key comes back in `loads`."""
        name = self.loads.setdefault(key, f"x{len(self.loads)}")
        return Symbol(self, name, kind)

    def put(self, text, kind="f"):
        """Return the symbol of an expression."""
        name = self._names.get(text)
        if name is None:
            name = self._names[text] = f"t{len(self._names)}"
            self.lines.append(f"{name} = {text}")
        return Symbol(self, name, kind)

    def over_row(self, how, value):
        """Return the symbol of a row's sum ("add"), "maximum" or "minimum"."""
        return self.put(f"{how}_over({self.text(value)})")

    def text(self, value, kind="f"):
        """Return the text of an operand: a symbol of that kind, or a number in the loop's dtype."""
        if isinstance(value, Symbol):
            if value.kind != kind:
                raise NotElementwise
            return value.name
        if kind == "f" and isinstance(value, (numbers.Real, np.floating)):
            return f"C({float(value)!r})"
        raise NotElementwise


def _binary(form, kind="f"):
    def operator(self, other):
        return self.tape.put(form.format(self.tape.text(self), self.tape.text(other)), kind)

    def reflected(self, other):
        return self.tape.put(form.format(self.tape.text(other), self.tape.text(self)), kind)

    return operator, reflected


class Symbol:
    """An element of an array, in a loop that is being written."""

    __slots__ = ("tape", "name", "kind")
    __hash__ = object.__hash__

    def __init__(self, tape, name, kind="f"):
        self.tape, self.name, self.kind = tape, name, kind

    @property
    def dtype(self):
        """The type of the elements, which formulas may ask for."""
        return self.tape.dtype if self.kind == "f" else np.dtype(bool)

    __add__, __radd__ = _binary("{} + {}")
    __sub__, __rsub__ = _binary("{} - {}")
    __truediv__, __rtruediv__ = _binary("{} / {}")
    __lt__, __gt__ = _binary("{} < {}", "b")[0], _binary("{} > {}", "b")[0]
    __le__, __ge__ = _binary("{} <= {}", "b")[0], _binary("{} >= {}", "b")[0]
    __eq__, __ne__ = _binary("{} == {}", "b")[0], _binary("{} != {}", "b")[0]

    def __mul__(self, other):
        for truth, factor in ((self, other), (other, self)):
            if isinstance(truth, Symbol) and truth.kind == "b":
                return self.tape.put(f"{self.tape.text(factor)} if {truth.name} else C(0.0)")
        return self.tape.put(f"{self.tape.text(self)} * {self.tape.text(other)}")

    __rmul__ = __mul__

    def __neg__(self):
        return self.tape.put(f"-{self.tape.text(self)}")

    def __and__(self, other):
        return self.tape.put(f"{self.tape.text(self, 'b')} & {self.tape.text(other, 'b')}", "b")

    def __or__(self, other):
        return self.tape.put(f"{self.tape.text(self, 'b')} | {self.tape.text(other, 'b')}", "b")

    def __invert__(self):
        return self.tape.put(f"not {self.tape.text(self, 'b')}", "b")

    def __pow__(self, exponent):
        x = self.tape.text(self)
        forms = {1: x, 2: f"{x} * {x}", 3: f"{x} * {x} * {x}", 0.5: f"np.sqrt({x})",
                 -1: f"C(1.0) / {x}", -0.5: f"C(1.0) / np.sqrt({x})"}
        if isinstance(exponent, Symbol) or exponent not in forms:
            raise NotElementwise
        return self.tape.put(forms[exponent])

    def clip(self, low, high):
        """Return the element, or the limit that it lies beyond."""
        made = self
        for limit, sign in ((low, "<"), (high, ">")):
            if limit is not None:
                x, edge = self.tape.text(made), self.tape.text(limit)
                made = self.tape.put(f"{edge} if {x} {sign} {edge} else {x}")
        return made

    def __bool__(self):
        raise NotElementwise


class Functions:
    """What a formula gets as `xp`."""

    def __init__(self, tape):
        self._tape = tape
        for name in _UNARY:
            setattr(self, name, self._function(name))
        for name in _NUMPY:
            setattr(self, name, self._function(f"np.{name}"))
        for name, sign in _COMPARISONS.items():
            setattr(self, name, self._comparison(sign))

    def _function(self, name):
        return lambda x: self._tape.put(f"{name}({self._tape.text(x)})")

    def _comparison(self, sign):
        text = self._tape.text
        return lambda x, y: self._tape.put(f"{text(x)} {sign} {text(y)}", "b")

    @staticmethod
    def asarray(value, dtype=None):
        """The value as it is, if it is a number."""
        if not isinstance(value, (numbers.Real, np.floating)):
            raise NotElementwise
        return value

    def maximum(self, x, y):
        """The larger; NaN where either is."""
        return self._tape.put(f"maximum({self._tape.text(x)}, {self._tape.text(y)})")

    def minimum(self, x, y):
        """The smaller; NaN where either is."""
        return self._tape.put(f"-maximum(-{self._tape.text(x)}, -{self._tape.text(y)})")

    def where(self, condition, x, y):
        """One of two values."""
        text = self._tape.text
        return self._tape.put(f"{text(x)} if {text(condition, 'b')} else {text(y)}")

    def sign(self, x):
        """−1, 0 or 1; NaN stays."""
        x = self._tape.text(x)
        return self._tape.put(f"{x} if {x} == C(0.0) or {x} != {x} else np.copysign(C(1.0), {x})")

    def true_divide(self, x, y):
        """The quotient."""
        return self._tape.put(f"{self._tape.text(x)} / {self._tape.text(y)}")

    def isfinite(self, x):
        """Whether it is neither infinite nor NaN."""
        return self._tape.put(f"abs({self._tape.text(x)}) < C({math.inf!r})", "b")
