"""The text of random tensors beside PyTorch's, with random print options."""

import random

import numpy as np
import pytest
import torch

from ember.autograd import printing

DTYPES = (
    "float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8",
    "bool", "complex64", "complex128",
)
KINDS = 9


def reals(rng, kind, count):
    """Numbers that meet each branch of the formatter: whole, tiny, huge, mixed, not finite."""
    plain, whole = rng.standard_normal(count), rng.integers(-5, 6, count).astype(float)
    values = (
        plain, whole, plain * 10.0 ** rng.integers(-6, 7, count), whole * 1e3, plain * 0.0,
        plain * 1e3, whole * 1e7, plain * 1e-3, plain * 10.0 ** rng.integers(-200, 200, count),
    )[kind]
    if rng.random() < 0.3:
        where = rng.random(count)
        for low, special in enumerate((np.nan, np.inf, -np.inf, 0.0, -0.0)):
            values[(where > low / 10) & (where < (low + 1) / 10)] = special
    return values


def random_tensor(rng, name):
    axes = int(rng.integers(0, 5))
    longest = 30 if axes < 3 else 8
    shape = tuple(int(n) for n in rng.integers(1 if rng.random() < 0.9 else 0, longest, axes))
    if rng.random() < 0.05:
        shape = (1200,)
    count, kind, dtype = int(np.prod(shape)), int(rng.integers(KINDS)), getattr(torch, name)
    if name == "bool":
        values = torch.tensor(rng.integers(0, 2, count) > 0)
    elif "int" in name:
        limit = {"int8": 127, "uint8": 255, "int16": 30000}.get(name, 10 ** int(rng.integers(1, 9)))
        values = torch.tensor(rng.integers(0 if name == "uint8" else -limit, limit + 1, count))
    elif "complex" in name:
        with np.errstate(invalid="ignore"):  # infinity times 1j
            values = torch.tensor(reals(rng, kind, count) + 1j * reals(rng, kind, count))
    else:
        values = torch.tensor(reals(rng, kind, count))
    return values.to(dtype).reshape(shape)


def random_options(choose):
    if choose.random() < 0.6:
        return {}
    return {
        "precision": choose.choice([None, 0, 1, 2, 6]),
        "threshold": choose.choice([None, 5, 50]),
        "edgeitems": choose.choice([None, 0, 1, 2, 4]),
        "linewidth": choose.choice([None, 20, 40, 120]),
        "sci_mode": choose.choice([None, None, True, False]),
        "profile": choose.choice([None, None, "short", "full", "default"]),
    }


@pytest.fixture(autouse=True)
def default_options():
    yield
    torch.set_printoptions(profile="default")
    printing.set_printoptions(profile="default")
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", DTYPES)
def test_random_tensors(name):
    rng, choose = np.random.default_rng(DTYPES.index(name)), random.Random(name)
    for _ in range(120):
        options = random_options(choose)
        for library in (torch, printing):
            library.set_printoptions(profile="default")
            library.set_printoptions(**options)
        default = choose.choice([torch.float32, torch.float64])
        torch.set_default_dtype(default)
        tensor, grad_fn, is_parameter = random_tensor(rng, name), None, False
        if tensor.is_floating_point() or tensor.is_complex():
            history = choose.choice(["none", "leaf", "parameter", "product"])
            tensor.requires_grad_(history != "none")
            if history == "parameter":
                tensor, is_parameter = torch.nn.Parameter(tensor), True
            elif history == "product":
                tensor, grad_fn = tensor * 1, "MulBackward0"
        host = tensor.detach().float() if name == "bfloat16" else tensor.detach()
        found = printing.tensor_str(
            host.numpy(), dtype_name=name, default_dtype_name=str(default).split(".")[1],
            grad_fn_name=grad_fn, requires_grad=tensor.requires_grad, is_parameter=is_parameter,
        )
        assert found == repr(tensor), f"{name} {tuple(tensor.shape)} {options}"
