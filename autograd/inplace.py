"""In-place operations: write the memory, then rewrite the history that owns it."""

import operator

import numpy as np

from . import detours, dtypes, engine, modes, views, writes
from .graph import AccumulateGrad, Kept, Rule, clock, make_node
from .tensor import Tensor

__all__ = ["make_inplace", "overwrite"]

_WRITES = {"add": operator.iadd, "sub": operator.isub, "mul": operator.imul,
           "div": operator.itruediv}


def make_inplace(record):
    """Return the in-place twin (`exp_`) of an op: compute, then overwrite the first argument."""
    write = _WRITES.get(record.name)

    def inplace(self, *args, **kwargs):
        check_writable(self, record.name + "_")
        for arg in args:
            if isinstance(arg, Tensor):
                check_sources(self, arg, record.name + "_")
        if write and len(args) == 1 and not kwargs and _written(write, self, args[0]):
            return self
        return overwrite(self, record.call(self, *args, **kwargs), record.name + "_")

    inplace.__name__ = inplace.__qualname__ = record.name + "_"
    inplace.__doc__ = f"In-place version of `{record.name}`."
    return inplace


def _written(write, target, other):
    """Apply an operator to the memory itself, which saves a copy of it; return whether that was
    possible: nothing is recorded, and the result has the target's shape and dtype."""
    if modes.is_grad_enabled() or detours.installed:
        return False
    array = target._buffer()
    if isinstance(other, Tensor):
        operand = other._array
        if other._xp is not target._xp or operand.dtype is not array.dtype or (
                operand.shape != array.shape and operand.ndim):
            return False
    else:
        operand = other
    if array.dtype.kind != "f" or operand is other and type(other) is not float:
        return False
    with target._xp.quiet():
        write(array, operand)
    writes.mark_written(array)
    return True


def check_overlap(array, name):
    """Raise when a raw array that is to be written reaches some memory more than once.

    PyTorch lets windows that overlap (`unfold`, `as_strided`) be written, in no certain order.
    """
    if not array.flags.c_contiguous and _overlaps(array):
        raise RuntimeError(
            f"{name}: unsupported operation: more than one element of the written-to tensor "
            "refers to a single memory location. Please clone() the tensor before performing "
            "the operation.")


def _overlaps(array):
    """Whether two elements of an array lie in one place."""
    steps = sorted((abs(s), n) for s, n in zip(array.strides, array.shape) if n != 1)
    reach = array.itemsize
    for step, n in steps:
        if step < reach:
            break
        reach += (n - 1) * step
    else:
        return False
    places = np.zeros(1, np.int64)
    for step, n in steps:
        places = np.add.outer(places, step * np.arange(n)).reshape(-1)
    return len(np.unique(places)) < places.size


def check_sources(target, source, name):
    """Raise when a tensor to be read shares some, but not exactly all, memory with the target.

    As in PyTorch, arrays with gaps are too hard to tell and pass.
    """
    a, b = target._array, source._array
    if a is b or not a.ndim or not b.ndim or target._xp.owner(a) is not source._xp.owner(b):
        return
    if not (_is_dense(a) and _is_dense(b)):
        return
    start, other = target._xp.pointer(a), source._xp.pointer(b)
    same = start == other and a.nbytes == b.nbytes
    if a.strides != b.strides if same else start < other + b.nbytes and other < start + a.nbytes:
        raise RuntimeError(
            f"{name}: unsupported operation: some elements of the input tensor and the written-to "
            "tensor refer to a single memory location. Please clone() the tensor before "
            "performing the operation.")


def _is_dense(array):
    """Whether the elements fill their stretch of memory without gaps or repetition."""
    step = array.itemsize
    for stride, n in sorted((s, n) for s, n in zip(array.strides, array.shape) if n != 1):
        if stride != step:
            return False
        step *= n
    return True


def check_writable(target, name):
    """Raise when autograd or memory forbids writing to a tensor in place.

    Raises:
        RuntimeError: for leaves that require gradients, views of them, and memory that the
            tensor reaches more than once.
    """
    check_overlap(target._array, name)
    check_history(target, name)


def check_history(target, name):
    """Raise when autograd forbids changing a tensor in place.

    Raises:
        RuntimeError: for leaves that require gradients, and views of them.
    """
    if not modes.is_grad_enabled():
        return
    if type(target._node) is AccumulateGrad:
        raise RuntimeError(
            f"{name}: a leaf Variable that requires grad is being used in an in-place operation."
            " Put the write under torch.no_grad(), or write to a .clone().")
    view = views.of(target)
    if view is None:
        return
    if type(view.base._node) is AccumulateGrad:
        raise RuntimeError(
            f"{name}: a view of a leaf Variable that requires grad is being used in an in-place "
            "operation. Put the write under torch.no_grad(), or write to a .clone().")


def check_view(target, view, node):
    """Raise when a view cannot be told what its base's history becomes.

    Raises:
        RuntimeError: for one of several views, and views made without recording.
    """
    if node is None and view.base._node is None:
        return
    if not view.recorded:
        raise RuntimeError(
            "A view was created in no_grad mode and is being modified inplace with grad mode "
            "enabled. Given that this use case is ambiguous and error-prone, it is forbidden. "
            "Make both the view and the in-place write inside no_grad, or both outside.")
    if view.several:
        name = target._node.name() if target._node is not None else "a function"
        raise RuntimeError(
            f"Output of {name} is a view and is being modified inplace. This view is the output "
            "of a function that returns multiple views. Such functions do not allow the output "
            "views to be modified inplace. You should replace the inplace operation by an "
            "out-of-place one.")


def overwrite(target, result, name):
    """Give a tensor the value and the history of a result, in place; return the tensor.

    Raises:
        RuntimeError: when shape or dtype do not fit; nothing is changed then.
    """
    if result._array.shape != target._array.shape:
        raise RuntimeError(
            f"{name}: output with shape {list(target._array.shape)} doesn't match the broadcast "
            f"shape {list(result._array.shape)}")
    if result._array.dtype is not target._array.dtype:
        source, goal = result.dtype, target.dtype
        if not dtypes.can_cast(source, goal):
            raise RuntimeError(f"{name}: result type {source.title} can't be cast to the desired "
                               f"output type {goal.title}")
        result = result.to(goal)
    view = views.of(target)
    recording = modes.is_grad_enabled()
    if view is not None and recording:
        check_view(target, view, result._node)
    buffer = target._buffer()
    node = result._node
    if recording and (node is not None or target._node is not None):
        _check_leaf_views(target if view is None else view.base, name)
    if node is not None:
        _keep_saved(node, buffer)
    buffer[...] = result._array
    writes.mark_written(buffer)
    if node is not None:
        _share_output(node, result._array, buffer)
    if recording and (node is not None or target._node is not None):
        rebind(target, view, node)
    return target


def _check_leaf_views(base, name):
    """Raise when a view became a leaf with views of its own, which nobody could tell of a write."""
    for v in views.informed(base):
        if type(v._node) is AccumulateGrad and views.living(v):
            raise RuntimeError(
                f"{name}: a view of this memory is a leaf Variable that requires grad and has "
                "views of its own. Write to a .clone(), or make the leaf from one.")


def _keep_saved(node, buffer):
    """Copy the saved values of the new node that are about to be overwritten."""
    owner = node.xp.owner(buffer)

    def keep(value):
        if hasattr(value, "base") and node.xp.owner(value) is owner:
            return value.copy()
        return value

    if isinstance(node.saved, dict):
        node.saved = type(node.saved)((k, keep(v)) for k, v in node.saved.items())
    else:
        node.saved = tuple(keep(v) for v in node.saved)


def _share_output(node, out, buffer):
    """Let a node that saved its output hold the written memory instead of a second copy."""
    if isinstance(node.saved, dict):
        node.saved = type(node.saved)(
            (k, buffer if v is out else v) for k, v in node.saved.items())
    else:
        node.saved = tuple(buffer if v is out else v for v in node.saved)
    node.seq = next(clock)


def rebind(target, view, node):
    """Make a node the history of a tensor that was just written in place."""
    if view is None:
        target._node = node
        base = target
    else:
        base = view.base
        base._node = copy_slices(base, node, view.chain)
    views.forget(base)


class _CopySlices(Rule):
    """History of a base after a write to one of its views: out = base with view := value.

    Saved are the steps to the view, and the strides of the base where the view depends on them.
    """

    node_name = label = "CopySlices"
    name = "copy_slices"

    def backward(self, node, g):
        chain, strides = node.saved
        if strides is not None:
            rest = _laid_out(Tensor._wrap(g, node.xp), strides)._array
        elif engine.is_owned(g):  # after many writes it is handed on, not copied
            rest = g
        else:
            rest = node.xp.buffer(g.copy())  # an array, so that the part is a view of it
        written = views.replay_raw(node.xp, rest, chain)
        value = written.copy()
        written[...] = 0
        return rest, value

    def graph_backward(self, node, g):
        chain, strides = node.saved
        rest = g.clone() if strides is None else _laid_out(g, strides)
        view = views.replay(rest, chain)
        value = view.clone()
        view.zero_()
        return rest, value


COPY_SLICES = _CopySlices()


def _laid_out(tensor, strides):
    """Return a copy with given strides."""
    return tensor.detach().new_empty_strided(tensor.shape, strides).copy_(tensor)


def copy_slices(base, node, chain):
    """Return the node of a base whose view was written with the output of `node`."""
    by_strides = any(record.name == "as_strided" for record, _, _ in chain)
    kept = Kept((chain, base.stride() if by_strides else None))
    return make_node(COPY_SLICES, (base._node, node), kept, base._array, base._xp)
