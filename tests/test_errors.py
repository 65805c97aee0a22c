"""Bad input: PyTorch's exception type, a message that names operation, shapes and remedy, no trace.

Every call below is made on the same few tensors; after it fails, they are what they were.
"""

import pytest

import ember as torch
from ember import nn
from ember.nn import functional as F


class Bench:
    """The tensors that the calls get, and what they must still be afterwards."""

    def __init__(self):
        self.x = torch.arange(6.0).reshape(2, 3)
        self.w = (self.x + 1).requires_grad_()
        self.y = self.w * 2
        self.i = torch.tensor([[0, 2], [1, 0]])
        self.mask = torch.tensor([[True, False, True], [False, True, False]])
        self.linear = nn.Linear(3, 4)
        self.conv = nn.Conv2d(3, 4, 3)

    def state(self):
        tensors = [self.x, self.w, self.y, self.i, self.mask, *self.linear.parameters()]
        return [(t.tolist(), t.shape, t.dtype, t._version, t.requires_grad, t.grad, t.grad_fn)
                for t in tensors]


# (call, exception, what the message must say, in any order)
CALLS = [
    # shapes
    (lambda b: b.x + torch.ones(4), RuntimeError, ["add", "[2, 3]", "[4]", "dimension 1"]),
    (lambda b: torch.mul(b.x, torch.ones(3, 3)), RuntimeError, ["mul", "[2, 3]", "[3, 3]"]),
    (lambda b: b.x @ torch.ones(4, 2), RuntimeError, ["matmul", "[2, 3]", "[4, 2]"]),
    (lambda b: torch.mm(b.x, b.x), RuntimeError, ["mm", "[2, 3]"]),
    (lambda b: torch.bmm(b.x, b.x), RuntimeError, ["bmm", "[2, 3]"]),
    (lambda b: torch.mv(b.x, torch.ones(2)), RuntimeError, ["mv", "[2, 3]", "[2]"]),
    (lambda b: torch.dot(torch.ones(2), torch.ones(3)), RuntimeError, ["dot", "[2]", "[3]"]),
    (lambda b: torch.einsum("ij,jk->ik", b.x, b.x), (RuntimeError, ValueError), ["einsum", "j"]),
    (lambda b: b.x.view(4), RuntimeError, ["view", "[4]", "6"]),
    (lambda b: b.x.reshape(4, -1), RuntimeError, ["reshape", "[4, -1]", "6"]),
    (lambda b: b.x.t().view(6), RuntimeError, ["view", "reshape"]),
    (lambda b: b.x.expand(3, 3), RuntimeError, ["expand", "[2, 3]", "[3, 3]"]),
    (lambda b: torch.cat([b.x, torch.ones(2, 2)]), RuntimeError, ["cat", "[2, 3]", "[2, 2]"]),
    (lambda b: torch.stack([b.x, torch.ones(2)]), RuntimeError, ["stack", "[2, 3]", "[2]"]),
    (lambda b: b.x.split([1, 2]), RuntimeError, ["split", "2"]),
    (lambda b: torch.where(b.mask, torch.ones(4), b.x), RuntimeError, ["where", "[4]", "[2, 3]"]),
    (lambda b: b.x.masked_fill(torch.tensor([True, False]), 0), RuntimeError,
     ["masked_fill", "[2, 3]", "[2]"]),
    (lambda b: F.mse_loss(b.x, torch.ones(2, 3, 4)), RuntimeError, ["[2, 3]", "[2, 3, 4]"]),
    (lambda b: torch.linalg.inv(b.x), RuntimeError, ["inv", "square", "2 by 3"]),
    (lambda b: b.x.diagonal().view(3), RuntimeError, ["view", "[3]"]),
    # dimensions and indices
    (lambda b: b.x.sum(2), IndexError, ["[-2, 1]", "2"]),
    (lambda b: b.x.transpose(0, 5), IndexError, ["[-2, 1]", "5"]),
    (lambda b: b.x.permute(0, 0), RuntimeError, ["permute"]),
    (lambda b: b.x.permute(0), RuntimeError, ["permute", "2"]),
    (lambda b: b.x.softmax(3), IndexError, ["[-2, 1]", "3"]),
    (lambda b: b.x[2], IndexError, ["2", "size 2"]),
    (lambda b: b.x[0, 0, 0], IndexError, ["indices", "2"]),
    (lambda b: b.x[torch.tensor([5])], IndexError, ["5", "size 2"]),
    (lambda b: b.x[torch.tensor([True, False, True])], IndexError, ["[3]", "[2, 3]"]),
    (lambda b: b.x[::-1], ValueError, ["step", "flip"]),
    (lambda b: b.x["a"], (IndexError, TypeError), ["str"]),
    (lambda b: b.x.gather(1, b.i + 5), RuntimeError, ["gather", "size 3"]),
    (lambda b: b.x.index_select(0, torch.tensor([7])), IndexError, ["index", "7"]),
    (lambda b: b.x.scatter(1, b.i + 5, 1.0), RuntimeError, ["scatter", "size 3"]),
    (lambda b: torch.take(b.x, torch.tensor([9])), IndexError, ["9"]),
    (lambda b: b.x.narrow(0, 1, 5), RuntimeError, ["narrow", "5"]),
    (lambda b: b.x.topk(5), RuntimeError, ["topk", "5"]),
    (lambda b: torch.max(torch.empty(0)), RuntimeError, ["max", "dim"]),
    (lambda b: torch.one_hot if False else F.one_hot(b.i, 2), RuntimeError, ["one_hot", "2"]),
    (lambda b: F.cross_entropy(b.x, torch.tensor([0, 5])), IndexError, ["5", "out of bounds"]),
    (lambda b: F.embedding(b.i, b.x[:2]), IndexError, ["embedding", "rows"]),
    # dtypes
    (lambda b: b.x @ b.x.double().mT, RuntimeError, ["float32", "float64", "[2, 3]", ".to(dtype)"]),
    (lambda b: b.i.add_(1.5), RuntimeError, ["add_", "Float", "Long", "can't be cast"]),
    (lambda b: b.i.mean(), RuntimeError, ["mean", "Long", ".float()"]),
    (lambda b: b.i.requires_grad_(), RuntimeError, ["floating point", "int64", ".float()"]),
    (lambda b: torch.tensor([1], requires_grad=True), RuntimeError, ["floating point"]),
    (lambda b: b.mask - b.mask, RuntimeError, ["bool", "logical_not"]),
    (lambda b: -b.mask, RuntimeError, ["bool", "logical_not"]),
    (lambda b: b.i // 0, RuntimeError, ["ZeroDivisionError"]),
    (lambda b: b.i ** -1, RuntimeError, ["negative integer powers"]),
    (lambda b: b.x & 1, (RuntimeError, NotImplementedError), ["bitwise_and", "Float"]),
    (lambda b: b.x[b.x], IndexError, ["long", "bool"]),
    (lambda b: b.x.gather(1, b.x), RuntimeError, ["gather", "int64", "float"]),
    (lambda b: b.x.masked_fill(b.i[:, :1], 0), RuntimeError, ["masked_fill", "boolean", "int64"]),
    (lambda b: b.linear(b.i[:, :1].expand(2, 3)), RuntimeError, ["linear", "int64", "float32"]),
    (lambda b: F.cross_entropy(b.x, torch.tensor([0, 1], dtype=torch.int16)), RuntimeError,
     ["cross_entropy", "int16"]),
    # arguments
    (lambda b: torch.exp(3.0), TypeError, ["exp", "Tensor", "float", "torch.tensor"]),
    (lambda b: torch.add("a", b.x), TypeError, ["add", "str"]),
    (lambda b: b.x + "a", TypeError, ["str"]),
    (lambda b: b.x.sum(axes=1), TypeError, ["sum", "axes", "dim"]),
    (lambda b: b.x.sum(0, dim=0), TypeError, ["sum", "dim", "multiple"]),
    (lambda b: torch.transpose(b.x, 0), TypeError, ["transpose", "dim1"]),
    (lambda b: torch.tanh(b.x, b.x), TypeError, ["positional"]),
    (lambda b: torch.cat([b.x, 1]), TypeError, ["cat", "int"]),
    (lambda b: torch.cat([]), (RuntimeError, ValueError), ["cat", "non-empty"]),
    (lambda b: torch.div(b.x, 2, rounding_mode="up"), RuntimeError, ["rounding_mode", "up"]),
    (lambda b: torch.tensor("abc"), (TypeError, ValueError), ["str"]),
    (lambda b: torch.tensor([[1, 2], [3]]), ValueError, ["length"]),
    (lambda b: torch.zeros(-1), RuntimeError, ["-1"]),
    (lambda b: bool(b.x), RuntimeError, ["more than one value", "ambiguous"]),
    (lambda b: float(b.x), (ValueError, RuntimeError), ["element"]),
    (lambda b: b.x.item(), RuntimeError, ["6 elements"]),
    (lambda b: len(torch.tensor(1)), TypeError, ["0-d"]),
    (lambda b: torch.exp(b.x, out=torch.ones(2, 3).long()), RuntimeError,
     ["Float", "Long", "can't be cast"]),
    # devices
    (lambda b: torch.device("gpu"), RuntimeError, ["gpu", "cuda"]),
    (lambda b: b.x.to("mars"), RuntimeError, ["mars", "cpu"]),
    # autograd
    (lambda b: b.w.add_(1), RuntimeError, ["add_", "leaf", "no_grad"]),
    (lambda b: b.w[0].zero_(), RuntimeError, ["view of a leaf", "no_grad"]),
    (lambda b: b.x.backward(), RuntimeError, ["does not require grad", ".detach()"]),
    (lambda b: b.y.backward(), RuntimeError, ["scalar outputs", "[2, 3]", "gradient="]),
    (lambda b: b.y.backward(torch.ones(3)), RuntimeError, ["shape", "[3]", "[2, 3]"]),
    (lambda b: b.y.sum().backward(3.0), TypeError, ["float"]),
    (lambda b: torch.autograd.grad(b.y.sum(), b.x), RuntimeError, ["require", "requires_grad_"]),
    (lambda b: b.w.numpy(), RuntimeError, ["requires grad", "detach().numpy()"]),
    (lambda b: setattr(b.w, "grad", torch.ones(3)), RuntimeError, ["size", "[2, 3]", "[3]"]),
    (lambda b: setattr(b.w, "grad", 3), TypeError, ["Tensor", "int"]),
    (lambda b: setattr(b.y, "requires_grad", False), RuntimeError, ["leaf", "detach()"]),
    (lambda b: b.x.expand(4, 2, 3).add_(1), RuntimeError, ["add_", "clone()"]),
    (lambda b: b.y.unbind()[0].mul_(2), RuntimeError, ["multiple views", "out-of-place"]),
    (lambda b: b.y.add_(torch.ones(4, 2, 3)), RuntimeError, ["add_", "[2, 3]", "[4, 2, 3]"]),
    (lambda b: b.x.__setitem__(0, torch.ones(2)), RuntimeError, ["[2]", "[3]"]),
    (lambda b: b.x.__setitem__(5, 0.0), IndexError, ["5", "size 2"]),
    (lambda b: b.x.__setitem__(0, "a"), TypeError, ["str"]),
    (lambda b: b.x.copy_(torch.ones(4)), RuntimeError, ["copy_", "[4]", "[2, 3]"]),
    # layers and losses
    (lambda b: b.linear(torch.ones(2, 5)), RuntimeError, ["linear", "[2, 5]", "[4, 3]"]),
    (lambda b: b.conv(torch.ones(1, 2, 8, 8)), RuntimeError, ["conv2d", "2", "3"]),
    (lambda b: b.conv(torch.ones(1, 3, 2, 2)), RuntimeError, ["conv2d", "(2 x 2)", "Kernel"]),
    (lambda b: b.conv(torch.ones(3)), RuntimeError, ["conv2d", "[3]"]),
    (lambda b: F.max_pool2d(torch.ones(1, 1, 1, 1), 2), RuntimeError, ["max_pool2d"]),
    (lambda b: nn.BatchNorm1d(3)(torch.ones(1, 3)), ValueError, ["more than 1 value", "[1, 3]"]),
    (lambda b: nn.LayerNorm(5)(b.x), RuntimeError, ["layer_norm", "[5]", "[2, 3]"]),
    (lambda b: nn.Dropout(2.0), ValueError, ["dropout", "2.0"]),
    (lambda b: nn.Embedding(3, 2)(torch.tensor([4])), IndexError, ["embedding", "4"]),
    (lambda b: nn.LSTM(3, 2)(torch.ones(4, 1, 5)), RuntimeError, ["3", "5"]),
    (lambda b: nn.Conv2d(3, 4, 3, groups=2), ValueError, ["in_channels", "groups"]),
    (lambda b: F.cross_entropy(b.x, torch.tensor([0])), ValueError, ["[2, 3]", "[1]"]),
    (lambda b: F.binary_cross_entropy(b.x, torch.ones(3)), ValueError, ["[2, 3]", "[3]"]),
    (lambda b: F.mse_loss(b.x, b.x, reduction="avg"), ValueError, ["avg"]),
    (lambda b: b.linear.load_state_dict({"weight": torch.ones(4, 2)}), RuntimeError,
     ["Linear", "bias", "[4, 2]", "[4, 3]"]),
    (lambda b: torch.optim.SGD([], lr=0.1), ValueError, ["empty parameter list"]),
    (lambda b: torch.optim.SGD(b.linear.parameters(), lr=-1), ValueError, ["learning rate", "-1"]),
    (lambda b: torch.optim.SGD([b.y], lr=0.1), ValueError, ["non-leaf"]),
    (lambda b: nn.Sequential(nn.ReLU(), 3), TypeError, ["int", "Module"]),
    (lambda b: b.linear.bogus, AttributeError, ["Linear", "bogus"]),
]


def number(row):
    return f"line{row[0].__code__.co_firstlineno}"


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("call, kind, words", CALLS, ids=map(number, CALLS))
def test_says_what_was_wrong_and_changes_nothing(call, kind, words):
    bench = Bench()
    before = bench.state()
    with pytest.raises(kind) as caught:
        call(bench)
    assert not isinstance(caught.value, torch.names.MissingAttribute), caught.value
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"
    assert bench.state() == before
    bench.y.sum().backward()  # and the graph is whole
    assert bench.w.grad.tolist() == [[2.0] * 3] * 2


def test_a_missing_name_says_which_is_nearest():
    with pytest.raises(AttributeError, match=r"torch\.sofmax; nearest: torch\.softmax"):
        torch.sofmax  # noqa: B018
