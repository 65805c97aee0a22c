"""What a function returns: a template with slots for tensors, rebuilt at each replay."""

from ..autograd import Tensor
from .slots import Slot, is_plain

__all__ = ["rebuilt", "template_of"]


def template_of(result, recorder, found):
    """Return the template of a result, and what speaks against replaying it, or None.

    Args:
        recorder: the recorder of the run.
        found: the tensors by id that the run neither got nor made.
    """
    arguments = {slot.number for slot in recorder.arguments}
    owners, slots, problems = {}, {}, []

    def visit(value):
        if isinstance(value, Tensor):
            slot = recorder.origin(value)
            if slot is None and id(value) in found:
                return value
            if slot is None or type(value) is not Tensor and slot.number not in arguments:
                problems.append("it returns a tensor that no operation made")
            elif slot.number not in slots and slot.number not in arguments:
                owners.setdefault(_owner(value), []).append(slot)
                slots[slot.number] = slot
            return slot
        if type(value) is tuple or hasattr(value, "_fields"):
            items = [visit(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if type(value) is list:
            return [visit(item) for item in value]
        if type(value) is dict:
            return {k: visit(item) for k, item in value.items()}
        if recorder.number(value) is not None:
            return recorder.number(value)
        if not is_plain(value):
            problems.append(f"it returns a {type(value).__name__}")
        return value

    template = visit(result)
    outliving = [*[slot.tensor for slot in recorder.arguments], *found.values(),
                 *[slot.tensor for part in recorder.segments() for slot in part.constants()]]
    if not owners.keys().isdisjoint(map(_owner, outliving)):
        problems.append("it returns a view of a tensor that outlives it")
    if any(len(group) > 1 for group in owners.values()):
        problems.append("it returns tensors that share memory")
    return template, problems[0] if problems else None


def _owner(tensor):
    return id(tensor._xp.owner(tensor._array))


def rebuilt(template, tensors):
    """Return a result with tensors, by slot number, in its slots."""
    if isinstance(template, Slot):
        return tensors[template.number]
    if type(template) is tuple or hasattr(template, "_fields"):
        items = [rebuilt(item, tensors) for item in template]
        return type(template)(*items) if hasattr(template, "_fields") else tuple(items)
    if type(template) is list:
        return [rebuilt(item, tensors) for item in template]
    if type(template) is dict:
        return {k: rebuilt(v, tensors) for k, v in template.items()}
    return template
