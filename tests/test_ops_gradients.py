"""Every differentiable op record passes gradcheck and gradgradcheck.

Inputs are made from the signature; `SPECIAL` holds what the signature cannot tell.
"""

import pytest

import ember as torch
from ember.autograd.op import RECORDS


def t(*shape, low=0.15, high=0.85, seed=0):
    """A float64 tensor that requires gradients, its elements apart from each other and kinks."""
    count = 1
    for n in shape:
        count *= n
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(count, generator=generator, device="cpu").double()
    values = low + (high - low) * (order + 0.5) / count
    values = values.to(torch.get_default_device()).reshape(shape)
    return values.requires_grad_()


def positive_definite(n):
    a = t(n, n).detach()
    return (a @ a.mT + n * torch.eye(n, dtype=torch.float64)).requires_grad_()


# name -> (function, inputs): where the arguments do not follow from the signature.
SPECIAL = {
    "acosh": (torch.acosh, (t(3, low=1.2, high=3),)),
    "cat": (lambda a, b: torch.cat([a, b], 1), (t(2, 2), t(2, 3, seed=1))),
    "stack": (lambda a, b: torch.stack([a, b], 1), (t(2, 3), t(2, 3, seed=1))),
    "einsum": (lambda a, b: torch.einsum("ij,jk->ki", a, b), (t(2, 3), t(3, 2, seed=1))),
    "matmul": (torch.matmul, (t(2, 2, 3), t(3, 2, seed=1))),
    "view": (lambda a: a.view(3, 2), (t(2, 3),)),
    "expand": (lambda a: a.expand(2, 3), (t(1, 3),)),
    "permute": (lambda a: a.permute(1, 0), (t(2, 3),)),
    "t": (torch.t, (t(2, 3),)),
    "split": (lambda a: torch.split(a, 2), (t(4),)),
    "split_with_sizes": (lambda a: torch.split_with_sizes(a, [1, 3]), (t(4),)),
    "fmod": (torch.fmod, (t(3, low=2.2, high=2.8), t(3, low=1.2, high=1.4))),
    "remainder": (torch.remainder, (t(3, low=2.2, high=2.8), t(3, low=1.2, high=1.4))),
}
# arguments by name for the parameters that have no default
BY_NAME = {"dim": 0, "dim0": 0, "dim1": 1, "k": 2, "q": 0.4, "min": 0.3, "max": 0.7,
           "threshold": 0.4, "value": 0.1, "negative_slope": 0.1, "offset": 0}
TENSORS = {"input", "other", "end", "weight", "mat1", "mat2", "target"}

PUBLIC = sorted(name for name, record in RECORDS.items() if record.vjps and record.namespaces)


def case(name):
    """Return (function, inputs) for an op."""
    if name in SPECIAL:
        return SPECIAL[name]
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
    inputs = tuple(t(2, 3, seed=i) for i, _ in enumerate(tensors))

    def function(*args):
        return record.call(**dict(zip(tensors, args)), **fixed) if len(
            tensors) > 1 else record.call(args[0], **fixed)

    return function, inputs


@pytest.mark.parametrize("name", PUBLIC)
def test_gradcheck(name):
    function, inputs = case(name)
    assert torch.autograd.gradcheck(function, inputs)


@pytest.mark.parametrize("name", PUBLIC)
def test_gradgradcheck(name):
    function, inputs = case(name)
    outputs = function(*inputs)
    outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
    first = [o for o in outputs if o.requires_grad]
    grads = torch.autograd.grad([o.sum() for o in first], inputs, create_graph=True,
                                allow_unused=True)
    if all(g is None or not g.requires_grad for g in grads):
        pytest.skip("the gradient is constant")
    assert torch.autograd.gradgradcheck(function, inputs)
