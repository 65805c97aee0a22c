"""The text of generated functions, and the only place that turns it into functions.

Every line is written by the steps of a program and by its backward: the text holds numbered names,
plain numbers and Python's own syntax, never anything that a program or a file supplied. All else
(functions, arrays, strings) is handed over as a numbered constant.
"""

import math

from .slots import Holder, Literal, Slot, slots_in

__all__ = ["Source"]


class Source:
    """A function in the making."""

    def __init__(self):
        self._lines, self._constants, self._names = [], {}, {}

    def line(self, text):
        """Add a line to the function's body."""
        self._lines.append(text)

    def constant(self, value):
        """Return the name under which the function finds a value."""
        name = self._names.get(id(value))
        if name is None:
            name = self._names[id(value)] = f"k{len(self._names)}"
            self._constants[name] = value
        return name

    @staticmethod
    def name(slot):
        """Return the variable of a slot."""
        return f"v{slot.number}"

    def text(self, value):
        """Return an expression for a template."""
        if isinstance(value, Slot):
            return self.name(value)
        if isinstance(value, Literal):
            return self.constant(value.value)
        if isinstance(value, Holder):
            return "holder"
        if value is None or type(value) is bool or type(value) is int or (
                type(value) is float and math.isfinite(value)):
            return repr(value)
        if any(slots_in(value)):
            if type(value) is dict:
                return "{" + ", ".join(f"{self.constant(k)}: {self.text(v)}"
                                       for k, v in value.items()) + "}"
            items = "".join(self.text(item) + ", " for item in value)
            return f"({items})" if type(value) is tuple else f"[{items}]"
        return self.constant(value)

    def tuple_of(self, slots):
        """Return an expression for the tuple of some slots."""
        return f"({''.join(self.name(slot) + ', ' for slot in slots)})"

    def free(self, names):
        """Forget variables that are not needed any more."""
        if names:
            self.line("del " + ", ".join(names))

    def function(self, parameters):
        """Return the function of these parameters."""
        body = "".join(f"    {line}\n" for line in self._lines)
        text = f"def generated({', '.join(parameters)}):\n{body}"
        namespace = dict(self._constants)
        exec(compile(text, "<ember.compiler>", "exec"), namespace)  # noqa: S102 - our own text
        generated = namespace["generated"]
        generated.source = text
        return generated
