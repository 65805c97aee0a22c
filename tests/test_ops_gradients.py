"""Every differentiable op record passes gradcheck and gradgradcheck, for each of its arguments."""

import pytest
from op_samples import cases, t

import ember as torch
from ember.autograd.op import RECORDS

# PyTorch defines no gradient for the first argument of these, and neither does ember
UNDEFINED = {"igamma", "igammac", "zeta"}

DIFFERENTIABLE = sorted(name for name, record in RECORDS.items() if record.vjps)


def nodes_of(record, outputs):
    """The nodes that a record made on the way to the outputs."""
    stack, seen = [o.grad_fn for o in outputs if o.grad_fn is not None], set()
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack += [p for p in node.parents if p is not None]
    return [node for node in seen if node.op is record]


def outputs_of(function, inputs):
    outputs = function(*inputs)
    return [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_inputs_reach_every_formula(name):
    """Else the checks below would pass without having looked at the record."""
    record = RECORDS[name]
    for function, inputs in cases(name):
        nodes = nodes_of(record, outputs_of(function, inputs))
        assert nodes, f"{name} is not in the graph of its own test"
        without = [p for node in nodes for p in node.parents if p is None]
        assert len(without) == (name in UNDEFINED)


@pytest.mark.parametrize("name", sorted(UNDEFINED))
def test_an_undefined_gradient_raises(name):
    x, y = t(3, seed=1), t(3)
    with pytest.raises(NotImplementedError, match="not implemented"):
        RECORDS[name].call(x + 2, y).sum().backward()
    assert x.grad is None and y.grad is None


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradcheck(name):
    for function, inputs in cases(name):
        assert torch.autograd.gradcheck(function, inputs)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradgradcheck(name):
    """The derivative of the gradient, also by the gradient of the output: none is left out."""
    for function, inputs in cases(name):
        outputs = [o for o in outputs_of(function, inputs) if o.requires_grad]
        cotangents = [torch.rand_like(o).requires_grad_() for o in outputs]
        gradients = torch.autograd.grad(outputs, inputs, cotangents, create_graph=True)
        assert all(g.requires_grad for g in gradients)
        assert torch.autograd.gradgradcheck(function, inputs)
