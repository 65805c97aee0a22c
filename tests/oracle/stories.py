"""Programs run with both libraries that have to tell the same story.

A program is a function of the library that yields what it sees: tensors, modules, errors, state
dicts, plain values. Numbers have to agree to 1e-5, everything else exactly.
"""

import re

import pytest
import torch

import ember


def plain(value):
    """Return a value with tensors as nested lists and the libraries' own names taken out."""
    if isinstance(value, torch.Tensor | ember.Tensor):
        return type(value).__name__, str(value.dtype), value.detach().tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, BaseException):
        return type(value).__name__, without_places(" ".join(str(value).split()))
    if isinstance(value, (torch.nn.Module, ember.nn.Module, type)):
        return without_places(repr(value))
    return value


def without_places(text):
    """Return a text with classes named without the modules they are in."""
    return re.sub(r"\b(torch|ember)(\.\w+)*\.", "", text)


def attempt(call, *args, **kwargs):
    """Return the error that a call raises."""
    with pytest.raises(Exception) as caught:
        call(*args, **kwargs)
    return caught.value


def near(ours, theirs):
    """Whether two plain values agree, numbers to 1e-5."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return ours == pytest.approx(theirs, rel=1e-5, abs=1e-5, nan_ok=True)
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(near, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(near(ours[k], theirs[k]) for k in ours)
    return ours == theirs


def story(program, lib):
    """Return what a program tells with a library, from a fixed seed."""
    lib.manual_seed(0)
    return [plain(item) for item in program(lib)]


def compare(program):
    """Raise AssertionError at the first difference between the two libraries' stories."""
    for theirs, ours in zip(story(program, torch), story(program, ember), strict=True):
        assert near(ours, theirs), f"\nember:   {ours}\nPyTorch: {theirs}"
