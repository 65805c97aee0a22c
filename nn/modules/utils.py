"""Options that are one number or one per axis."""

from collections.abc import Iterable

__all__ = ["consume_prefix_in_state_dict_if_present", "ntuple", "reverse_repeat"]


def ntuple(value, n):
    """Return an option as a tuple: a sequence as it is, a number n times.

    >>> ntuple(3, 2), ntuple([1, 2], 2)
    ((3, 3), (1, 2))
    """
    return tuple(value) if isinstance(value, Iterable) else (value,) * n


def consume_prefix_in_state_dict_if_present(state_dict, prefix):
    """Take a prefix off the names in a state dict, in place (what DataParallel saved, say).

    >>> state = {"module.weight": 1}
    >>> consume_prefix_in_state_dict_if_present(state, "module.")
    >>> state
    {'weight': 1}
    """
    for names in filter(None, (state_dict, getattr(state_dict, "_metadata", None))):
        for name in list(names):
            if name.startswith(prefix) and len(name) > len(prefix):
                names[name[len(prefix):]] = names.pop(name)
            elif name and name in (prefix, prefix.rstrip(".")) and names is not state_dict:
                names.pop(name)


def reverse_repeat(values, times):
    """Return the values last first, each repeated: (1, 2) -> [2, 2, 1, 1]."""
    return [value for value in reversed(values) for _ in range(times)]
