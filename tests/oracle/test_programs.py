"""Random programs, run by ember and by PyTorch side by side: right or raises, never silently wrong.

A program mixes operations, views, in-place writes, `.data`, `detach`, `no_grad` and backward over a
small pool of float64 tensors. After every step all values, shapes and `requires_grad` flags agree;
after backward all gradients do. Where PyTorch raises, ember raises. The one liberty: a program that
wrote through `.data` may be refused by ember where PyTorch computes a wrong gradient silently.

EMBER_PROGRAMS is the number of programs (10,000 for the full proof); what became of them is printed
at the end (`pytest -s`).
"""

import collections
import os

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import ember

PROGRAMS = int(os.environ.get("EMBER_PROGRAMS", "400"))
SHAPES = [(), (3,), (2, 3), (3, 2), (2, 2, 3), (1, 3), (6,)]

UNARY = {
    "exp": lambda t: (t * 0.3).exp(), "tanh": lambda t: t.tanh(), "sin": lambda t: t.sin(),
    "square": lambda t: t.square(), "relu": lambda t: t.relu(), "neg": lambda t: -t,
    "scaled": lambda t: t * 1.5, "shifted": lambda t: t + 0.5, "sigmoid": lambda t: t.sigmoid(),
    "clone": lambda t: t.clone(), "cumsum": lambda t: t.cumsum(0), "sum": lambda t: t.sum(),
    "mean0": lambda t: t.mean(0), "softmax": lambda t: t.softmax(-1),
}
BINARY = {
    "add": lambda a, b: a + b, "mul": lambda a, b: a * b, "sub": lambda a, b: a - b,
    "maximum": lambda a, b: a.maximum(b), "matmul": lambda a, b: a @ b,
    "where": lambda a, b: a.where(a > 0, b),
}
VIEWS = {
    "t": lambda t: t.transpose(0, -1), "flat": lambda t: t.view(-1),
    "first": lambda t: t[0], "last": lambda t: t[-1], "column": lambda t: t[..., 0],
    "slice": lambda t: t[1:], "step": lambda t: t[..., ::2], "unsqueeze": lambda t: t.unsqueeze(0),
    "squeeze": lambda t: t.squeeze(), "expand": lambda t: t.expand(2, *t.shape),
    "narrow": lambda t: t.narrow(0, 0, 1), "diagonal": lambda t: t.diagonal(),
    "unbind": lambda t: t.unbind(0)[0], "chunk": lambda t: t.chunk(2)[0],
    "reshape": lambda t: t.reshape(-1),
    "permute": lambda t: t.permute(tuple(reversed(range(t.ndim)))),
    "detach": lambda t: t.detach(), "data": lambda t: t.data, "view_as": lambda t: t.view_as(t),
    "split": lambda t: t.split(1)[-1], "unbind_last": lambda t: t.unbind(-1)[-1],
    "tensor_split": lambda t: t.tensor_split(2)[0], "select": lambda t: t.select(-1, 1),
    # NumPy lets empty slices begin anywhere
    "as_strided": lambda t: t.as_strided((2,), (1,), t.storage_offset() if t.numel() else 99),
    "as_strided_on_base": lambda t: t.as_strided((3,), (2,), 0),
    "as_strided_overlapping": lambda t: t.as_strided((2, 2), (1, 1), 0),
    "unfold": lambda t: t.unfold(-1, 2, 1), "unfold_apart": lambda t: t.unfold(0, 1, 2),
    "unflatten": lambda t: t.unflatten(0, (-1, 1)), "movedim": lambda t: t.movedim(0, -1),
    "alias": lambda t: t[...], "none": lambda t: t[:, None], "mT": lambda t: t[None].mT,
    "expand_as": lambda t: t[:1].expand_as(t), "empty": lambda t: t[3:],
    "empty_of_many": lambda t: t[..., :0],
}
SEVERAL = {
    "unbind": lambda t: t.unbind(0)[:2], "split": lambda t: t.split(1)[:2],
    "chunk": lambda t: t.chunk(2, -1), "tensor_split": lambda t: t.tensor_split(2, -1),
}
INPLACE = {
    "add_": lambda t: t.add_(0.25), "mul_": lambda t: t.mul_(1.1), "sin_": lambda t: t.sin_(),
    "tanh_": lambda t: t.tanh_(), "zero_": lambda t: t.zero_(), "relu_": lambda t: t.relu_(),
    "fill_": lambda t: t.fill_(0.7), "sub_": lambda t: t.sub_(0.1),
    "sigmoid_": lambda t: t.sigmoid_(),
    "clamp_": lambda t: t.clamp_(-0.8, 0.8), "set_first": lambda t: t.__setitem__(0, 0.5),
    "set_slice": lambda t: t.__setitem__((Ellipsis, slice(0, 1)), 0.25),
    "set_mask": lambda t: t.__setitem__(t.detach() > 0.2, -0.5),
    "set_index": lambda t: t.__setitem__([0], 0.3), "cumsum_": lambda t: t.cumsum_(0),
    "tril_": lambda t: t.tril_(), "square_": lambda t: t.square_(),
    "fill_diagonal_": lambda t: t.fill_diagonal_(0.4),
    "masked_fill_": lambda t: t.masked_fill_(t.detach() > 0.1, 0.6),
    "set_empty": lambda t: t.__setitem__(slice(3, None), 0.5),
    "set_column": lambda t: t.__setitem__((Ellipsis, 0), 0.2),
    "view.mul_": lambda t: t.view(-1)[::2].mul_(0.5), "row.exp_": lambda t: t[0].sin_(),
    "unsqueeze_": lambda t: t.unsqueeze_(0), "squeeze_": lambda t: t.squeeze_(),
    "transpose_": lambda t: t.transpose_(0, -1), "t_": lambda t: t.t_(),
}
SHAPE_ONLY = {"unsqueeze_", "squeeze_", "transpose_", "t_"}
INPLACE_BINARY = {
    "add_": lambda a, b: a.add_(b), "mul_": lambda a, b: a.mul_(b), "sub_": lambda a, b: a.sub_(b),
    "copy_": lambda a, b: a.copy_(b), "set": lambda a, b: a.__setitem__(0, b),
    "set_tail": lambda a, b: a.__setitem__(slice(1, None), b), "iadd": lambda a, b: a.__iadd__(b),
    "masked": lambda a, b: a.__setitem__(a.detach() > 0, b.sum()),
    "lerp_": lambda a, b: a.lerp_(b, 0.3), "addcmul_": lambda a, b: a.addcmul_(b, b),
    "row.copy_": lambda a, b: a[0].copy_(b[0]), "div_": lambda a, b: a.div_(b.abs() + 1),
    "row.add_": lambda a, b: a[-1].add_(b[..., 0].sum()),
}
COUNTS: collections.Counter = collections.Counter()


@pytest.fixture(scope="module", autouse=True)
def report():
    """Print what became of the programs."""
    yield
    for name, count in sorted(COUNTS.items()):
        print(f"{count:8} {name}")


class Programs(RuleBasedStateMachine):
    """One program: pairs of tensors, PyTorch's and ember's."""

    @initialize(seed=st.integers(0, 2**16), shape=st.sampled_from(SHAPES))
    def start(self, seed, shape):
        self.rng = np.random.default_rng(seed)
        self.pool, self.leaves, self.wrote_data, self.log = [], [], False, []
        self.has_scalars = self.has_set = False
        self.used = []
        COUNTS["programs"] += 1
        self._leaf(shape, True)
        self._leaf(shape, True)

    def _leaf(self, shape, requires_grad):
        values = self.rng.uniform(-1, 1, shape)
        theirs = torch.tensor(values, dtype=torch.float64, requires_grad=requires_grad)
        ours = ember.tensor(values, dtype=ember.float64, requires_grad=requires_grad)
        self.pool.append((theirs, ours))
        self.leaves.append((theirs, ours))
        self.has_scalars = self.has_scalars or shape == ()

    def _readable(self, pair):
        """Whether PyTorch can tell: not of views of several whose base was written."""
        try:
            return pair[0].is_leaf in (True, False)
        except RuntimeError:
            return False

    @staticmethod
    def _share_memory(a, b):
        return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()

    def _pick(self, number):
        return self.pool[number % len(self.pool)]

    def _step(self, name, function, *pairs, quiet=False):
        """Run one function in both libraries; both give results or both raise."""
        self.log.append(name)
        self.used += pairs
        outcomes = []
        for side, library in enumerate((torch, ember)):
            try:
                if quiet:
                    with library.no_grad():
                        outcomes.append(function(*[pair[side] for pair in pairs]))
                else:
                    outcomes.append(function(*[pair[side] for pair in pairs]))
            except (RuntimeError, IndexError, ValueError, TypeError, UserWarning) as error:
                outcomes.append(error.with_traceback(None))  # whose frames keep views alive
        theirs, ours = outcomes
        if any(text in f"{theirs!r} {ours!r}" for text in (
                "single memory location", "not compatible with input tensor's size and stride")):
            # Which overlaps are refused, and how a result lies in memory, differs a little;
            # either is right: the program ends.
            self.pool, self.leaves = [], []
            self._leaf((2,), True)
            COUNTS["programs ended by an overlap or a layout"] += 1
            return None
        if isinstance(theirs, Exception) or isinstance(ours, Exception):
            assert isinstance(theirs, Exception) and isinstance(ours, Exception), (
                f"{self.log}: PyTorch gave {theirs!r}, ember {ours!r}")
            COUNTS["steps that raise in both"] += 1
            return None
        COUNTS["steps compared"] += 1
        return theirs, ours

    def _keep(self, pair):
        self.has_scalars = self.has_scalars or pair is not None and pair[0] is not None and (
            pair[0].ndim == 0)
        if pair is not None and isinstance(pair[0], torch.Tensor) and pair[0].numel() <= 64:
            self.pool.append(pair)

    @rule(shape=st.sampled_from(SHAPES), requires_grad=st.booleans())
    def new_leaf(self, shape, requires_grad):
        self._leaf(shape, requires_grad)

    @rule(name=st.sampled_from(sorted(UNARY)), i=st.integers(0, 99), quiet=st.booleans())
    def unary(self, name, i, quiet):
        self._keep(self._step(name, UNARY[name], self._pick(i), quiet=quiet and i % 3 == 0))

    @rule(name=st.sampled_from(sorted(BINARY)), i=st.integers(0, 99), j=st.integers(0, 99))
    def binary(self, name, i, j):
        self._keep(self._step(name, BINARY[name], self._pick(i), self._pick(j)))

    @rule(name=st.sampled_from(sorted(VIEWS)), i=st.integers(0, 99), quiet=st.booleans())
    def view(self, name, i, quiet):
        pair = self._pick(i)
        # Views of a leaf made under no_grad claim to require gradients in PyTorch: an oddity
        quiet = quiet and i % 5 == 0 and not pair[0].requires_grad
        self._keep(self._step(name, VIEWS[name], pair, quiet=quiet))
        self.wrote_data = self.wrote_data or name == "data"

    @rule(name=st.sampled_from(sorted(SEVERAL)), i=st.integers(0, 99))
    def several(self, name, i):
        pair = self._step(name, SEVERAL[name], self._pick(i))
        for pieces in zip(*pair) if pair is not None else ():
            self._keep(pieces)

    def _is_viewed(self, pair):
        return any(t._base is pair[0] for t, _ in self.pool)

    @rule(i=st.integers(0, 99))
    def detach_in_place(self, i):
        """Cut a tensor off; PyTorch is of two minds on what views of it can do then."""
        pair = self._pick(i)
        # what changed its shape in place while others looked at it is a view of its own in ember
        if not self._is_viewed(pair) and pair[0]._is_view() == pair[1]._is_view():
            self._step("detach_", lambda t: t.detach_(), pair)

    @rule(i=st.integers(0, 99))
    def require(self, i):
        """Let what has no history be a leaf of its own."""
        pair = self._pick(i)
        # views that were there before claim to require gradients in PyTorch, but send none
        if pair[0].is_leaf and not pair[0].requires_grad and not self._is_viewed(pair):
            self._step("requires_grad_", lambda t: t.requires_grad_(), pair)
            self.leaves.append(pair)

    @rule(i=st.integers(0, 99), j=st.integers(0, 99), how=st.sampled_from(("data", "set_")))
    def swap(self, i, j, how):
        """Give a tensor the memory of another.

        What was saved of a tensor whose `.data` is replaced afterwards has the new values in
        PyTorch, hence wrong gradients, silently; so that is done before the tensor is used.
        """
        target, source = self._pick(i), self._pick(j)
        able = how == "set_" or not any(target is used for used in self.used)
        # views of the old memory stay views of the tensor in PyTorch
        alone = target[0]._base is None and not self._is_viewed(target)
        if able and alone and target[0].is_leaf and target[0].shape == source[0].shape:
            def exchange(a, b):
                if how == "data":
                    a.data = b.detach().clone()
                else:
                    a.set_(b.detach().clone())

            self._step(how, exchange, target, source, quiet=True)
            self.has_set = self.has_set or how == "set_"

    @rule(name=st.sampled_from(sorted(INPLACE)), i=st.integers(0, 99), quiet=st.booleans())
    def inplace(self, name, i, quiet):
        # PyTorch counts a change of shape as a write, and lets a leaf's shape change under no_grad
        quiet = quiet and i % 2 == 0 and name not in SHAPE_ONLY
        self._step(name, INPLACE[name], self._pick(i), quiet=quiet)

    @rule(name=st.sampled_from(sorted(INPLACE_BINARY)), i=st.integers(0, 99),
          j=st.integers(0, 99), quiet=st.booleans())
    def inplace_binary(self, name, i, j, quiet):
        target, source = self._pick(i), self._pick(j)
        # Where source and target share memory PyTorch refuses at backward, or reads what it has
        # just written; ember computes first and writes then.
        if not self._share_memory(target[0], source[0]):
            self._step(name, INPLACE_BINARY[name], target, source, quiet=quiet and i % 3 == 0)

    @precondition(lambda self: any(t.requires_grad for t, _ in self.pool))
    @rule(i=st.integers(0, 99), retain=st.booleans())
    def backward(self, i, retain):
        able = [pair for pair in self.pool if pair[0].requires_grad]
        theirs, ours = able[i % len(able)]
        self.log.append("backward")
        errors = []
        for t in (theirs, ours):
            try:
                t.sum().backward(retain_graph=retain)
                errors.append(None)
            except RuntimeError as error:
                errors.append(error.with_traceback(None))
        COUNTS["backward passes" + (", only ember raises" if errors[1] and not errors[0] else
                                    ", only PyTorch raises" if errors[0] and not errors[1] else
                                    ", both raise" if errors[0] else " compared")] += 1
        if errors[1] is not None and errors[0] is None:
            assert self.wrote_data and "inplace" in str(errors[1]), f"{self.log}: {errors[1]}"
            for a, b in self.leaves:  # PyTorch's may be wrong from here on
                a.grad = b.grad = None
            return
        # Values that were overwritten in PyTorch are still there where they were 0-d, immutable in
        # ember, and where `set_` gave their tensor other memory.
        overwritten = "by an inplace operation" in str(errors[0]) and (
            self.has_scalars or self.has_set)
        # A leaf that was detached and written is passed over in ember; what was saved of a tensor
        # does not change when the tensor is detached.
        if errors[1] is None and (overwritten or any(text in str(errors[0]) for text in (
                "second time", "moved into the graph interior", "been detached in-place"))):
            # Some nodes keep nothing that PyTorch's keep and free.
            for a, b in self.leaves:
                a.grad = b.grad = None
            return
        assert (errors[0] is None) == (errors[1] is None), f"{self.log}: PyTorch: {errors[0]}"
        if errors[0] is not None:  # PyTorch may have filled some gradients before it raised
            for a, b in self.leaves:
                a.grad = b.grad = None

    @invariant()
    def check(self):
        """Values, flags and gradients agree."""
        if not hasattr(self, "pool"):
            return
        self.pool = [pair for pair in self.pool if self._readable(pair)]
        self.leaves = [pair for pair in self.leaves if self._readable(pair)]
        for theirs, ours in self.pool:
            assert ours.shape == tuple(theirs.shape), self.log
            assert ours.requires_grad == theirs.requires_grad, self.log
            assert ours.is_leaf == theirs.is_leaf, self.log
            np.testing.assert_allclose(np.asarray(ours.detach()), theirs.detach().numpy(),
                                       rtol=1e-9, atol=1e-12, err_msg=str(self.log))
        for theirs, ours in self.leaves:
            if not theirs.is_leaf:
                continue
            assert (ours.grad is None) == (theirs.grad is None), self.log
            if theirs.grad is not None:
                np.testing.assert_allclose(np.asarray(ours.grad), theirs.grad.numpy(), rtol=1e-8,
                                           atol=1e-10, err_msg=str(self.log))


TestPrograms = Programs.TestCase
TestPrograms.settings = settings(
    max_examples=PROGRAMS, stateful_step_count=20, deadline=None, database=None,
    suppress_health_check=list(HealthCheck))
