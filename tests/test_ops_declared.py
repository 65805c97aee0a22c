"""What docs/ops.md says of shapes and dtypes is what the ops do.

A word of `Op.dtypes` that no rule below knows fails, and so does an op without inputs to try.
"""

import itertools
import re

import pytest
from op_samples import cases, signed, t

import ember as torch
from ember.autograd.op import RECORDS

pytestmark = pytest.mark.host_only

NAMES = sorted(name for name, record in RECORDS.items() if record.namespaces)
KINDS = {"bool": [torch.bool], "integer": [torch.uint8, torch.int32, torch.int64],
         "float": [torch.float16, torch.float32, torch.float64],
         "complex": [torch.complex64, torch.complex128]}
GROUPS = {"any": ["bool", "integer", "float", "complex"], "real": ["bool", "integer", "float"],
          "number": ["integer", "float", "complex"]}


def is_exact(dtype):
    return not (dtype.is_floating_point or dtype.is_complex)


RESULTS = {
    "same": lambda d: d, "promoted": lambda d: d,
    "float": lambda d: torch.get_default_dtype() if is_exact(d) else d,
    "same or int64": lambda d: torch.int64 if is_exact(d) else d,
    "same or int64 of bools": lambda d: torch.int64 if d == torch.bool else d,
    "bool or uint8": lambda d: d if d == torch.uint8 else torch.bool,
    "real part": lambda d: d.to_real(), "complex": lambda d: d.to_complex(),
    "bool": lambda d: torch.bool, "int32": lambda d: torch.int32, "int64": lambda d: torch.int64,
    "uint64": lambda d: torch.uint64,
}

# Beside `op_samples`: ops without a gradient, and those that its samples wrap in others.
INPUTS = {
    "bincount": (torch.bincount, (t(4),)),
    "complex": (torch.complex, (t(2, 3), t(2, 3))),
    "eig": (torch.linalg.eig, (signed(3, 3),)),
    "eigvals": (torch.linalg.eigvals, (signed(3, 3),)),
    "hardtanh": (lambda x: torch.nn.functional.hardtanh(x, 0, 1), (t(2, 3),)),
    "histc": (torch.histc, (t(4),)),
    "igamma": (torch.igamma, (t(3), t(3))), "igammac": (torch.igammac, (t(3), t(3))),
    "reshape": (lambda x: x.reshape(3, 2), (t(2, 3),)),
    "slogdet": (torch.slogdet, (signed(3, 3),)),
    "view_as_complex": (torch.view_as_complex, (signed(3, 2),)),
    "view_as_real": (torch.view_as_real, (signed(3, 2),)),
    "zeta": (torch.special.zeta, (t(3), t(3))),
}
# LAPACK knows no halves, and PyTorch no complex numbers made of them here.
NO_HALVES = {"complex", "det", "eig", "eigvals", "inv", "slogdet", "svdvals", "view_as_complex"}


def sample(name):
    """Return a function of float64 tensors that calls the op, and the tensors."""
    record = RECORDS[name]
    if name in INPUTS:
        return INPUTS[name]
    if record.vjps:
        return cases(name)[0]
    operands = [n for n in record.signature.names if n in ("input", "other", "values", "n")]
    return record.call, tuple(t(2, 3, seed=seed) for seed, _ in enumerate(operands))


def outputs(result):
    return result if isinstance(result, (tuple, list)) else (result,)


def given(text):
    """Return the dtypes that words such as "real" or "float/complex" stand for."""
    kinds = GROUPS[text] if text in GROUPS else text.split("/")
    return [dtype for kind in kinds for dtype in KINDS[kind]]


def converted(inputs, dtypes):
    """Return inputs of other dtypes; whole numbers are not 0, which some ops would divide by."""
    return [(x.detach() * 3 + 1 if is_exact(d) else x.detach()).to(d)
            for x, d in zip(inputs, dtypes)]


@pytest.mark.parametrize("name", NAMES)
def test_dtypes(name):
    taken, _, gives = RECORDS[name].dtypes.partition(" -> ")
    function, inputs = sample(name)
    dtypes = [d for d in given(taken) if not (d == torch.float16 and name in NO_HALVES)]
    trials = [(d,) * len(inputs) for d in dtypes]
    if "promoted" in gives and len(inputs) > 1:
        trials += [(a, b) + (a,) * (len(inputs) - 2) for a, b in itertools.combinations(dtypes, 2)]
    for trial in trials:
        together = trial[0] if len(set(trial)) == 1 else torch.promote_types(*trial[:2])
        found = [o.dtype for o in outputs(function(*converted(inputs, trial)))]
        rules = [RESULTS[word] for word in gives.split(", ")]
        rules = rules * len(found) if len(rules) == 1 else rules
        assert found == [rule(together) for rule in rules], trial


def reduced(name, function, inputs):
    (x,) = inputs
    place = (2,) if name == "kthvalue" else ()
    for keepdim, shape in ((False, (2,)), (True, (2, 1))):
        for out in outputs(RECORDS[name].call(x, *place, dim=1, keepdim=keepdim)):
            assert out.shape == shape


def broadcast(name, function, inputs):
    shape = torch.broadcast_shapes(*[x.shape for x in inputs])
    assert all(out.shape == shape for out in outputs(function(*inputs)))


def unchanged(name, function, inputs):
    assert all(out.shape == inputs[0].shape for out in outputs(function(*inputs)))


def bound(pattern, shape, sizes):
    """Note the sizes of the letters in a pattern such as "..., n, k"."""
    words = pattern.split(", ")
    if words[0] == "...":
        sizes["..."] = tuple(shape[:len(shape) - len(words) + 1])
        words, shape = words[1:], shape[len(sizes["..."]):]
    assert len(words) == len(shape)
    for word, size in zip(words, shape):
        assert sizes.setdefault(word, size) == size


def by_letters(name, function, inputs):
    left, right = (re.findall(r"\(([^()]*)\)", side)
                   for side in RECORDS[name].shapes.partition(";")[0].split(" -> "))
    sizes = {"2": 2}
    for pattern, x in zip(left, inputs):
        bound(pattern, x.shape, sizes)
    for pattern, out in zip(right, outputs(function(*inputs))):
        bound(pattern, out.shape, dict(sizes))


def check_of(shapes):
    """Return how to check a rule, None where its words speak of the values of parameters."""
    if "with keepdim" in shapes:
        return reduced
    if re.search(r"-> (broadcast)$", shapes):
        return broadcast
    if re.search(r"-> (same|same, same)$", shapes):
        return unchanged
    pattern = r"\((\.\.\.|(\.\.\., )?[a-z2](, [a-z2])*)\)"
    side = f"{pattern}(, {pattern})*"
    return by_letters if re.fullmatch(f"{side} -> {side}(;.*)?", shapes) else None


@pytest.mark.parametrize("name", [n for n in NAMES if check_of(RECORDS[n].shapes)])
def test_shapes(name):
    function, inputs = sample(name)
    taken = given(RECORDS[name].dtypes.partition(" -> ")[0])
    dtype = torch.float64 if torch.float64 in taken else taken[-1]
    check_of(RECORDS[name].shapes)(name, function, converted(inputs, [dtype] * len(inputs)))


def test_most_shapes_are_checked():
    """The others name a parameter, whose value decides."""
    assert sum(check_of(RECORDS[n].shapes) is None for n in NAMES) < 30
