"""Functions of PyTorch's operator database, compiled: replays give eager's results."""

import warnings

import numpy as np
import pytest

from . import adapter
from .report import read_passing

SAMPLES = 3  # of each entry
EVERY = 4  # entry is tested; all of them by `python -m tests.oracle.test_compile_oracle`
UNDEFINED = ("empty", "new_empty")  # what memory holds that nobody has written
PASSING = [key for key in read_passing() if key in adapter.entries()
           and not key.startswith(UNDEFINED)]


def outcome(function, side, sample):
    """Return the values of a call's results and of the gradients of its leaves."""
    from .compare import tensors_in, to_numpy
    from .translate import Builder

    build = Builder(side)
    args, kwargs = build([sample.input, *sample.args]), build(dict(sample.kwargs))
    side.seed(3)
    results = tensors_in(function(*args, **kwargs))
    values = [to_numpy(t) for t in results]
    flowing = [t for t in results if t.requires_grad and t.is_floating_point()]
    if flowing and build.leaves:
        side.module.autograd.backward(flowing, [side.module.ones_like(t) for t in flowing])
        values += [to_numpy(t.grad) if t.grad is not None else np.zeros(()) for t in build.leaves]
    return values


def has_loops(compiled):
    """Return whether generated loops are part of a compiled function, forward or backward."""
    from ember.compiler.fusion import Fused

    programs = [program for entries in compiled._entries.values() for entry in entries
                for program in entry.program.programs]
    return any(isinstance(step, Fused) for p in programs for step in (
        *p.steps, *(getattr(node, "step", None) for node in p.backward_of.nodes)))


def same(found, expected, is_exact):
    """Compare results bit for bit, or to rounding.

    A generated loop contracts products and sums and orders a formula's operations anew. That was
    measured to move results, of float32 and float64, by at most 1.4 units of the largest one.
    """
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return False
    if is_exact or found.dtype.kind not in "fc":
        return np.array_equal(found, expected, equal_nan=found.dtype.kind in "fc")
    finite = np.isfinite(expected)
    largest = np.abs(expected[finite]).max(initial=0)
    return np.array_equal(found[~finite], expected[~finite], equal_nan=True) and bool(
        (np.abs(found[finite] - expected[finite]) <= 4 * np.finfo(found.dtype).eps * largest).all())


def differences(key):
    """Return which samples of an entry a compiled function gets wrong, and how many it replays."""
    import ember

    from .translate import Side

    side, entry = Side(ember), adapter.entries()[key]
    function, wrong, replayed = side.function(entry.info.op, entry.name), [], 0
    for number, sample in enumerate(adapter.samples(entry, SAMPLES)):
        compiled = ember.compile(lambda *args, **kwargs: function(*args, **kwargs))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = outcome(function, side, sample)
            for call in range(3):
                found = outcome(compiled, side, sample)
                is_exact = not has_loops(compiled)
                if len(found) != len(expected) or not all(
                        same(a, b, is_exact) for a, b in zip(found, expected, strict=True)):
                    wrong.append((number, call))
        replayed += any(compiled._entries.values())
    return wrong, replayed


@pytest.mark.parametrize("key", PASSING[::EVERY])
def test_compiled_calls_give_eager_results(key):
    assert not differences(key)[0]


if __name__ == "__main__":
    for name in PASSING:
        wrong, replayed = differences(name)
        print(name, replayed, wrong or "")
