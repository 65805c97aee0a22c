"""Inputs for every differentiable op record, made from its signature.

`SPECIAL` holds what the signature cannot tell.
"""

import pytest

import ember as torch
from ember.autograd.op import RECORDS
from ember.nn import functional


def t(*shape, low=0.15, high=0.85, seed=0):
    """A float64 tensor that requires gradients, its elements apart from each other and kinks."""
    count = 1
    for n in shape:
        count *= n
    generator = torch.Generator("cpu").manual_seed(seed)
    order = torch.randperm(count, generator=generator, device="cpu").double()
    # the shift by seed keeps the elements of different inputs apart,
    # and the power makes unequal gaps, for ops that compare differences
    values = low + (high - low) * ((order + 0.5 + 0.17 * seed) / count) ** 1.3
    return values.to(torch.get_default_device()).reshape(shape).requires_grad_()


def signed(*shape, seed=0):
    """The same with values on both sides of zero."""
    return (t(*shape, seed=seed, low=-1.3, high=1.4)).detach().requires_grad_()


def i(*numbers):
    return torch.tensor(numbers)


def raw(*numbers):
    return i(*numbers)._array


def call(name, *arguments, **options):
    """A function of the first tensors: the record, with the rest of its arguments given."""
    return lambda *tensors: RECORDS[name].call(*tensors, *arguments, **options)


def reductions(function, dim, index, source, names):
    """Cases of a scatter with reduction: each kind, with and without what is there."""
    return [((lambda x, s, r=r, own=own: function(x, dim, index, s, r, include_self=own)),
             (t(3, 2), source)) for r in names for own in (True, False)]


def orders(name):
    """Cases of a norm-like op: the formulas differ by order."""
    return [(call(name, p), (signed(2, 3), signed(2, 3, seed=1))[:1 + (name == "p_distance")])
            for p in (0.0, 0.7, 1.0, 1.5, 2.0, 3.0, float("inf"))]


def positions():
    return torch.tensor([[0, 1], [2, 0]])


def symmetric(name, *arguments):
    """Case of an op on symmetric matrices; the shift makes them positive definite."""
    shift = 2 * torch.eye(3, dtype=torch.float64)
    return (lambda a: RECORDS[name].call(a + a.mT + shift, *arguments)), (t(3, 3),)


complex_of, pairs = torch.view_as_complex, torch.view_as_real


def mask():
    return torch.tensor([[True, False, True], [False, False, True]])


# name -> a function that makes (function, inputs), or a list of such cases
SPECIAL = {
    "acosh": lambda: (torch.acosh, (t(3, low=1.2, high=3),)),
    "alias": lambda: (lambda a: a[...], (t(2, 3),)),
    "as_strided": lambda: (lambda a: a.as_strided((2, 2), (1, 1)), (t(2, 3),)),
    "bernoulli_nll": lambda: (call("bernoulli_nll"), (t(2, 3), t(2, 3, seed=1))),
    "cast": lambda: (call("cast", torch.float64.numpy), (t(2, 3),)),
    "cat": lambda: (lambda a, b: torch.cat([a, b], 1), (t(2, 2), t(2, 3, seed=1))),
    "cholesky": lambda: symmetric("cholesky"),
    "clamp": lambda: (torch.clamp, (signed(5), t(5, low=-0.9, high=-0.5), t(5, seed=2))),
    "clamp_to_numbers": lambda: (call("clamp_to_numbers", -0.5, 0.5), (signed(5),)),
    "cleared": lambda: (call("cleared", (slice(1), slice(2))), (t(2, 3),)),
    "cummax": lambda: (lambda a: a.cummax(1), (t(2, 4),)),
    "cumprod": lambda: [(lambda a: a.cumprod(1), (t(2, 4),)),
                        (lambda a: a.cumprod(0), (torch.zeros_like(t(3)).requires_grad_(),))],
    "complex": lambda: (lambda a, b: pairs(torch.complex(a, b)), (t(2, 3), t(2, 3, seed=1))),
    "det": lambda: (torch.det, (signed(3, 3),)),
    "eig": lambda: (lambda a: torch.linalg.eig(a)[0].abs(), (signed(3, 3),)),
    "eigvals": lambda: (lambda a: pairs(torch.linalg.eigvals(a)), (signed(3, 3),)),
    "eigh": lambda: symmetric("eigh"),
    "eigvalsh": lambda: symmetric("eigvalsh"),
    "einsum": lambda: (lambda a, b: torch.einsum("ij,jk->ki", a, b), (t(2, 3), t(3, 2, seed=1))),
    "expand": lambda: (lambda a: a.expand(2, 3), (t(1, 3),)),
    "fft_c2c": lambda: (lambda a: pairs(torch.fft.fft(complex_of(a))), (signed(3, 2),)),
    "fft_c2r": lambda: (lambda a: torch.fft.irfft(complex_of(a)), (signed(3, 2),)),
    "fft_r2c": lambda: (lambda a: pairs(torch.fft.rfft(a)), (signed(5),)),
    "fill": lambda: (torch.fill, (t(2, 3), t())),
    "flip": lambda: (lambda a: a.flip(0, 1), (t(2, 3),)),
    "fmod": lambda: (torch.fmod, (t(3, low=2.2, high=2.8), t(3, low=1.2, high=1.4))),
    "gather": lambda: (lambda a: a.gather(0, positions()), (t(3, 2),)),
    "hardshrink": lambda: (torch.hardshrink, (signed(2, 4),)),
    "igamma": lambda: (lambda b: torch.igamma(t(3).detach() + 1, b), (t(3, seed=1),)),
    "igammac": lambda: (lambda b: torch.igammac(t(3).detach() + 1, b), (t(3, seed=1),)),
    "index": lambda: (lambda a: a[i(0, 2, 0)], (t(3, 2),)),
    "index_add": lambda: (lambda a, b: a.index_add(0, i(2, 0, 2), b), (t(3, 2), t(3, 2, seed=1))),
    "index_copy": lambda: (lambda a, b: a.index_copy(0, i(2, 0), b), (t(3, 2), t(2, 2, seed=1))),
    "index_fill": lambda: (lambda a, b: a.index_fill(0, i(2, 0), b), (t(3, 2), t())),
    "index_put": lambda: [
        (lambda a, b: a.index_put((i(2, 0),), b), (t(3, 2), t(2, 2, seed=1))),
        (lambda a, b: a.index_put((i(2, 2),), b, True), (t(3, 2), t(2, 2, seed=1)))],
    "index_reduce": lambda: reductions(torch.index_reduce, 0, i(2, 0, 2), t(3, 2, seed=1),
                                       ("prod", "mean", "amax", "amin")),
    "index_select": lambda: (lambda a: a.index_select(0, i(2, 0, 2)), (t(3, 2),)),
    "insert_at": lambda: (lambda a: a[:, None], (t(2, 3),)),
    "inv": lambda: (torch.linalg.inv, (signed(3, 3),)),
    "logit": lambda: [(torch.logit, (t(2, 3),)), (lambda a: torch.logit(a, 0.4), (t(2, 3),))],
    "masked_fill": lambda: (lambda a, b: a.masked_fill(mask(), b), (t(2, 3), t())),
    "matmul": lambda: [
        (torch.matmul, (t(2, 2, 3), t(3, 2, seed=1))), (torch.matmul, (t(3), t(3, seed=1))),
        (torch.matmul, (t(2, 3), t(3, seed=1))), (torch.matmul, (t(2), t(2, 2, 3, seed=1)))],
    "p_distance": lambda: orders("p_distance"),
    "pad": lambda: (call("pad", ((1, 0), (0, 2))), (t(2, 3),)),
    "permute": lambda: (lambda a: a.permute(1, 2, 0), (t(2, 3, 1),)),
    "polygamma": lambda: (lambda a: torch.polygamma(2, a), (t(3),)),
    "pinv": lambda: (torch.linalg.pinv, (signed(3, 2),)),
    "prod": lambda: [(lambda a: a.prod(1), (t(2, 4),)), (torch.prod, (t(2, 2),)),
                     (torch.prod, (torch.zeros_like(t(3)).requires_grad_(),))],
    "put": lambda: [(lambda a, b: a.put(i(4, 0), b), (t(3, 2), t(2, seed=1))),
                    (lambda a, b: a.put(i(4, 4), b, True), (t(3, 2), t(2, seed=1)))],
    "read_written": lambda: (call("read_written", (raw(1, 0, 1),)), (t(3, 2),)),
    "repeat": lambda: (lambda a: a.repeat(2, 1, 2), (t(2, 3),)),
    "roll": lambda: (lambda a: a.roll((1, 2), (0, 1)), (t(2, 3),)),
    "remainder": lambda: (torch.remainder, (t(3, low=2.2, high=2.8), t(3, low=1.2, high=1.4))),
    "scatter": lambda: (lambda a, b: a.scatter(0, positions(), b), (t(3, 2), t(2, 2, seed=1))),
    "scatter_add": lambda: (lambda a, b: a.scatter_add(0, i(0, 2, 0), b), (t(3), t(4, seed=1))),
    "scatter_reduce": lambda: reductions(
        torch.scatter_reduce, 0, torch.tensor([[0, 1], [2, 0], [0, 1]]), t(3, 2, seed=1),
        ("sum", "prod", "mean", "amax", "amin")),
    "select_at": lambda: (lambda a: a[1], (t(2, 3),)),
    "slice_at": lambda: (lambda a: a[:, 1:], (t(2, 3),)),
    "slogdet": lambda: (lambda a: torch.slogdet(a)[1], (signed(3, 3),)),
    "softplus": lambda: (lambda a: functional.softplus(a, 2, 0.9), (t(2, 3),)),
    "solve": lambda: (call("solve"), (signed(3, 3), t(3, 2))),
    "split": lambda: (lambda a: torch.split(a, 2), (t(4),)),
    "split_with_sizes": lambda: (lambda a: torch.split_with_sizes(a, [1, 3]), (t(4),)),
    "squeeze_dim": lambda: (lambda a: a.squeeze(1), (t(2, 1, 3),)),
    "squeeze": lambda: (torch.squeeze, (t(2, 1, 3),)),
    "stack": lambda: (lambda a, b: torch.stack([a, b], 1), (t(2, 3), t(2, 3, seed=1))),
    "svd": lambda: [(call("svd", False), (t(*shape),)) for shape in ((2, 3), (3, 2))],
    "t": lambda: (torch.t, (t(2, 3),)),
    "take": lambda: (lambda a: a.take(i(0, 5, 0)), (t(3, 2),)),
    "trunc_divide": lambda: (call("trunc_divide"), (t(3, low=2.2, high=2.8), t(3, seed=1))),
    "unfold": lambda: (lambda a: a.unfold(1, 2, 1), (t(2, 4),)),
    "unsafe_split_at": lambda: (call("unsafe_split_at", (1, 3), 0), (t(4),)),
    "unsafe_view": lambda: (call("unsafe_view", (3, 2)), (t(2, 3),)),
    "vector_norm": lambda: orders("vector_norm"),
    "view": lambda: (lambda a: a.view(3, 2), (t(2, 3),)),
    "view_as_complex": lambda: (lambda a: pairs(complex_of(a) * 2), (signed(3, 2),)),
    "view_as_real": lambda: (lambda a: pairs(complex_of(a) * 3), (signed(3, 2),)),
    "where": lambda: (lambda a, b: torch.where(mask(), a, b), (t(2, 3), t(2, 3, seed=1))),
    "zeros_diagonal": lambda: (call("zeros_diagonal", (2, 3), 1, 0, 1), (t(2),)),
    "zeros_plus": lambda: (call("zeros_plus", (4, 2), (raw(1, 3, 1),)), (t(3, 2),)),
    "zeros_written": lambda: (call("zeros_written", (4, 2), (raw(1, 3, 1),)), (t(3, 2),)),
    "zeros_with": lambda: (call("zeros_with", (4, 2), (slice(1, 3),)), (t(2, 2),)),
    "zeta": lambda: (lambda b: torch.special.zeta(t(3).detach() + 2, b), (t(3, seed=1),)),
}
# arguments by name for the parameters that have no default
BY_NAME = {"dim": 0, "dim0": 0, "dim1": 1, "k": 2, "q": 0.4, "threshold": 0.4, "value": 0.1,
           "offset": 0}
def cases(name):
    """Return pairs of function and inputs for an op."""
    if name in SPECIAL:
        made = SPECIAL[name]()
        return made if isinstance(made, list) else [made]
    record = RECORDS[name]
    names = record.signature.names
    tensors = [n for n in names if n in record.vjps]
    fixed = {}
    for n in names:
        if n in tensors or n in record.signature.defaults:
            continue
        if n not in BY_NAME:
            pytest.fail(f"{name}: no test input for its argument '{n}'; add one to SPECIAL")
        fixed[n] = BY_NAME[n]
    inputs = tuple(t(2, 3, seed=seed) for seed, _ in enumerate(tensors))
    return [(lambda *args: record.call(*args, **fixed), inputs)]
