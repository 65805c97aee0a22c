"""Type promotion against PyTorch: every pair of dtypes and ranks, for every kind of operation."""

import itertools
import warnings

import pytest
import torch

import ember

NAMES = ("bool", "uint8", "int8", "int16", "int32", "int64", "bfloat16", "float16", "float32",
         "float64", "complex64", "complex128")
NUMBERS = {"a bool": True, "an int": 2, "a float": 1.5, "a complex": 1.5j}
RANKS = ("dim", "0-d")

OPERATIONS = {
    "result_type": lambda m, a, b: m.result_type(a, b),
    "add": lambda m, a, b: a + b,
    "mul": lambda m, a, b: a * b,
    "div": lambda m, a, b: a / b,
    "eq": lambda m, a, b: a == b,
    "lt": lambda m, a, b: a < b,
    "pow": lambda m, a, b: a**b,
    "where": lambda m, a, b: m.where(m.tensor([True, False]), a, b),
    "cat": lambda m, a, b: m.cat([a, b]),
    "stack": lambda m, a, b: m.stack([a, b]),
    "add_": lambda m, a, b: a.add_(b),
    "mul_": lambda m, a, b: a.mul_(b),
    "div_": lambda m, a, b: a.div_(b),
    "eq_": lambda m, a, b: a.eq_(b),
}
# What PyTorch's CPU kernels lack, and ember computes.
LACKING = (NotImplementedError,)


def operand(module, name, rank):
    if name in NUMBERS:
        return NUMBERS[name]
    return module.ones(2 if rank == "dim" else (), dtype=getattr(module, name))


def outcome(module, operation, first, second):
    """The dtype and the elements of a result, or the type of the exception."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's about half complex and lost parts
            result = operation(module, operand(module, *first), operand(module, *second))
    except Exception as error:
        return type(error), None
    if isinstance(result, module.dtype):
        return str(result), None
    return str(result.dtype), result.tolist()


def pairs():
    tensors = list(itertools.product(NAMES, RANKS))
    numbers = [(name, "number") for name in NUMBERS]
    yield from itertools.product(tensors, tensors)
    yield from itertools.product(tensors, numbers)
    yield from itertools.product(numbers, tensors)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_pair_gives_pytorchs_type_and_value(name):
    operation = OPERATIONS[name]
    wrong = []
    for first, second in pairs():
        theirs, values = outcome(torch, operation, first, second)
        ours, own = outcome(ember, operation, first, second)
        if theirs == "torch.complex32":  # ember has no half precision complex type
            theirs, own = "torch.complex64", values
        if theirs in LACKING:
            continue
        if ours != theirs or not torch.equal(*aligned(values, own)):
            wrong.append(f"{first} {name} {second}: {ours} {own} instead of {theirs} {values}")
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:20])


def aligned(values, own):
    """Both lists as tensors, equal where they differ by rounding only."""
    values, own = torch.tensor(values or 0), torch.tensor(own or 0)
    if values.shape == own.shape and torch.allclose(values.cdouble(), own.cdouble(), 1e-6, 1e-6):
        return values, values
    return values, own


@pytest.mark.parametrize("name", ["empty_like", "zeros_like", "rand_like"])
def test_strides_of_a_tensor_like_another(name):
    def views(module):
        x = module.zeros(2, 3, 4)
        yield from (x.permute(p) for p in itertools.permutations(range(3)))
        yield from (x[:, ::2], x[:, :, :1].expand(2, 3, 5), x.expand(6, 2, 3, 4), x[0].t()[::2],
                    module.zeros(4).expand(3, 4), module.zeros(2, 1, 3).transpose(0, 2))

    def strides(module):
        like = [getattr(module, name)(x) for x in views(module)]
        return [[s for s, n in zip(t.stride(), t.shape) if n > 1] for t in like]

    assert strides(ember) == strides(torch)
