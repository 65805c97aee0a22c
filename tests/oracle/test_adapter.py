"""The comparison itself: PyTorch agrees with itself, and every kind of difference is noticed."""

import types

import pytest
import torch

from . import adapter
from .sweeps import error_mismatches, gradgradcheck, missing_aliases
from .translate import Builder, Side
from .verdict import judge

# One entry for each way an operator is reached: builtin, wrapper lambda, seeded, nested result,
# list input, dtype argument, callable argument, gradcheck wrapper, no fixed values.
WAYS = [
    "exp", "nn.functional.relu", "unfold", "nn.functional.dropout", "max/reduction_with_dim",
    "cat", "to", "nn.functional.triplet_margin_with_distance_loss", "linalg.cholesky", "empty",
    "linalg.svd", "as_strided/partial_views", "index_put", "item", "slice",
    "polygamma/polygamma_n_1",
]  # fmt: skip


def twin(**changes):
    """A peer that is PyTorch under another name, but for the functions in `changes`."""
    module = types.ModuleType("twin")
    module.__dict__.update(torch.__dict__, __name__="twin")
    for name in [name for name, value in changes.items() if value is None]:
        del changes[name], module.__dict__[name]
    module.__dict__.update(changes)
    return Side(module)


@pytest.mark.parametrize("key", WAYS)
def test_torch_agrees_with_itself(key):
    verdict = judge(adapter.entries()[key], twin(), second_order=True)
    assert (verdict.state, verdict.failed) == ("right", 0), verdict.message
    assert verdict.samples > 0


def flipped_gradient(x):
    """Cosine in value, of the wrong derivative."""
    return torch.cos(x).detach() + x - x.detach()


SABOTAGE = {
    "value": (lambda x: torch.cos(x) * (1 + 1e-6), "value"),
    "dtype": (lambda x: torch.cos(x).float(), "dtype float32"),
    "shape": (lambda x: torch.cos(x)[None], "shape"),
    "gradient": (flipped_gradient, "gradient of input 0: value"),
    "detached": (lambda x: torch.cos(x).detach(), "requires_grad=False"),
    "structure": (lambda x: (torch.cos(x),), "returns tuple"),
    "argument written": (lambda x: torch.cos(x.detach().add_(1) - 1), ""),
    "raises": (lambda x: torch.cos(x, x, x), "TypeError"),
}


@pytest.mark.parametrize("kind", SABOTAGE)
def test_a_difference_is_wrong(kind):
    function, message = SABOTAGE[kind]
    verdict = judge(adapter.entries()["cos"], twin(cos=function))
    assert verdict.state == "wrong"
    assert message in verdict.message


def test_an_absent_name_is_missing():
    assert judge(adapter.entries()["cos"], twin(cos=None)).state == "missing"


def test_a_wrapper_is_recompiled_for_the_peer():
    """`einsum`'s entry is a lambda that mentions `torch`; it must call the peer's einsum."""
    peer = twin(einsum=lambda *args: torch.einsum(*args) + 1)
    assert judge(adapter.entries()["einsum"], peer).state == "wrong"


def test_second_order_is_compared():
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.slope = -x.sin()
            return x.cos()

        @staticmethod
        def backward(ctx, g):
            return g * ctx.slope

    entry = adapter.entries()["cos"]
    verdict = judge(entry, twin(cos=Once.apply), second_order=True)
    assert verdict.state == "wrong"
    assert "gradient of input 1" in verdict.message  # the first one after the only leaf's


@pytest.mark.parametrize("side", [Side(torch), twin()], ids=["reference", "peer"])
def test_rebuilt_tensors_keep_layout_and_sharing(side):
    base = torch.arange(24.0, dtype=torch.float64)
    strided = base.as_strided((3, 2), (2, 5), 4)
    broadcast = torch.ones(1, 3, dtype=torch.int64).expand(4, 3)
    built = Builder(side)
    mine, wide, again, whole = built([strided, broadcast, strided, base])
    assert (mine.stride(), tuple(mine.shape)) == ((2, 5), (3, 2))
    assert torch.equal(mine, strided)
    assert wide.stride() == (0, 1)
    assert again is mine
    whole[4] = -1.0
    assert mine[0, 0] == -1.0
    assert base[4] == 4.0


def test_a_dtype_that_torch_refuses_has_no_entry():
    assert adapter.with_dtype(adapter.entries()["floor"], "complex64") is None


def test_views_are_compared():
    entry = adapter.entries()["t"]
    assert judge(entry, twin(), views=True).state == "right"
    verdict = judge(entry, twin(t=lambda x: x.t().clone()), views=True)
    assert "shares memory" in verdict.message


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "float16"])
def test_other_dtypes_and_layouts_agree_with_themselves(dtype):
    entry = adapter.with_dtype(adapter.entries()["sum"], dtype)
    assert judge(entry, twin(), layout="gaps").state == "right"


def test_sweeps_see_a_sloppy_peer():
    sloppy = twin(cat=lambda tensors, dim=0: None)
    count, lines = error_mismatches(adapter.entries()["cat"], sloppy)
    assert 0 < len(lines) <= count
    assert error_mismatches(adapter.entries()["cat"], twin())[1] == []
    assert missing_aliases(adapter.entries()["acos"], twin(arccos=None)) == ["arccos"]
    assert gradgradcheck(adapter.entries()["cos"], twin()) is None
