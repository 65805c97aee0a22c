"""Trade time for memory: forget what a part of a model saves and compute it again in backward.

PyTorch page: https://docs.pytorch.org/docs/2.13/checkpoint.html
"""

import contextlib
import warnings

from ..autograd import Tensor, backward, enable_grad, is_grad_enabled, no_grad, watching
from ..autograd.function import Function
from ..autograd.generator import default_generator, fork_rng
from ..autograd.pytree import map_leaves
from ..autograd.saved_tensors import saved_tensors_hooks
from ..nn import Sequential

__all__ = ["CheckpointError", "CheckpointFunction", "check_backward_validity", "checkpoint",
           "checkpoint_sequential", "detach_variable", "noop_context_fn",
           "set_checkpoint_early_stop"]

_early_stop = None


class CheckpointError(RuntimeError):
    """The second computation did not save what the first one saved."""


def noop_context_fn():
    """Return two contexts that do nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_early_stop(enable):
    """A context that says whether computing again stops as soon as everything needed is there."""
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


def detach_variable(inputs):
    """Return a tuple with tensors detached; each requires gradients as before."""
    if not isinstance(inputs, tuple):
        raise RuntimeError("Only tuple of tensors is supported. Got Unsupported input type: "
                           f"{type(inputs).__name__}")
    return tuple(_detached(t) for t in inputs)


def _detached(value):
    if not isinstance(value, Tensor):
        return value
    return value.detach().requires_grad_(value.requires_grad)


def check_backward_validity(inputs):
    """Warn when no input requires gradients: with use_reentrant=True nothing gets any then."""
    if not any(isinstance(t, Tensor) and t.requires_grad for t in inputs):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None",
                      stacklevel=2)


def checkpoint(function, *args, use_reentrant=None, context_fn=noop_context_fn,
               determinism_check="default", debug=False, early_stop=True, **kwargs):
    """Run a function so that backward computes it again instead of keeping what it saves.

    Args:
        function: takes args and kwargs; it has to compute the same again.
        use_reentrant: False (recommended) records the graph as usual and replaces what it saves;
            True records one node, and its backward runs a backward pass of its own.
        context_fn: returns a context for the first computation and one for the second.
        determinism_check: "default" compares shapes and dtypes of what is saved, "none" does not.
        debug: accepted as in PyTorch.
        early_stop: stop computing again when everything needed is there.
        preserve_rng_state: draw the same random numbers again (default True).
    Raises:
        CheckpointError: in backward, when the second computation saved something else.
        ValueError: for keyword arguments with use_reentrant=True.
    Source: https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint

    >>> import ember
    >>> from ember.utils.checkpoint import checkpoint
    >>> x = ember.tensor(2.0, requires_grad=True)
    >>> y = checkpoint(lambda x: x.exp().sin(), x, use_reentrant=False)
    >>> y.backward()
    >>> x.grad
    tensor(3.3129)
    """
    use_reentrant = _chosen(use_reentrant, "checkpoint")
    preserve = kwargs.pop("preserve_rng_state", True)
    if not use_reentrant:
        return _Run(function, args, kwargs, preserve, context_fn, determinism_check,
                    early_stop if _early_stop is None else _early_stop).first()
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not noop_context_fn or debug is not False:
        raise ValueError("Passing `context_fn` or `debug` is only supported when "
                         "use_reentrant=False.")
    return CheckpointFunction.apply(function, preserve, *args)


def _chosen(use_reentrant, name):
    if use_reentrant is None:
        warnings.warn(f"torch.utils.checkpoint.{name}: the use_reentrant parameter should be "
                      "passed explicitly; it is True now. use_reentrant=False is recommended.",
                      stacklevel=3)
        return True
    return use_reentrant


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):
    """Run a sequence of modules in segments, all but the last of them checkpointed.

    Args:
        functions: a Sequential, or a list of modules or functions.
        segments: how many.
        use_reentrant, preserve_rng_state: as in `checkpoint`.
    Source: https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint_sequential

    >>> import ember
    >>> from ember.utils.checkpoint import checkpoint_sequential
    >>> x = ember.tensor(1.0, requires_grad=True)
    >>> checkpoint_sequential([ember.exp, ember.log, ember.exp], 3, x, use_reentrant=False)
    tensor(2.7183, grad_fn=<ExpBackward0>)
    """
    use_reentrant = _chosen(use_reentrant, "checkpoint_sequential")
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    functions = list(functions.children() if isinstance(functions, Sequential) else functions)
    size = len(functions) // segments
    start = 0
    for start in range(0, size * (segments - 1), size):
        input = checkpoint(_chain(functions[start:start + size]), input,
                           use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return _chain(functions[size * (segments - 1):])(input)


def _chain(functions):
    def run(input):
        for function in functions:
            input = function(input)
        return input

    return run


# -- one node, whose backward is a backward pass (use_reentrant=True) -----------------------------

_towards = []  # per backward pass now running, whether it is one for chosen inputs


def _note_pass(run, roots, **options):
    _towards.append(options.get("targets") is not None)
    try:
        return run(roots, **options)
    finally:
        _towards.pop()


class CheckpointFunction(Function):
    """The function behind `checkpoint(use_reentrant=True)`."""

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        """Run the function without recording."""
        check_backward_validity(args)
        if _note_pass not in watching.around:
            watching.around.append(_note_pass)
        ctx.run_function = run_function
        ctx.state = default_generator.get_state() if preserve_rng_state else None
        ctx.places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.others = [None if isinstance(a, Tensor) else a for a in args]
        ctx.save_for_backward(*[args[i] for i in ctx.places])
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx, *grads):
        """Run the function again, recording it, and send the gradients through it."""
        if _towards and _towards[-1]:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or "
                "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                "either set use_reentrant=False, or call .backward() without passing the `inputs` "
                "argument.")
        args = list(ctx.others)
        for place, t in zip(ctx.places, ctx.saved_tensors):
            args[place] = t
        args = detach_variable(tuple(args))
        with _same_numbers(ctx.state), enable_grad():
            outputs = ctx.run_function(*args)
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        pairs = [(o, g) for o, g in zip(outputs, grads)
                 if isinstance(o, Tensor) and o.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not "
                               "necessary")
        backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *[a.grad if isinstance(a, Tensor) else None for a in args])


@contextlib.contextmanager
def _same_numbers(state):
    """A context that draws the random numbers that follow a state."""
    if state is None:
        yield
        return
    with fork_rng():
        default_generator.set_state(state)
        yield


# -- the usual graph without what it saves (use_reentrant=False) ----------------------------------


class _Stop(Exception):
    """Everything needed was computed again."""


class _Run:
    """One checkpointed call: packs what is saved as a number, computes it again when asked."""

    def __init__(self, function, args, kwargs, preserve, context_fn, determinism_check, early_stop):
        if determinism_check not in ("default", "none"):
            raise ValueError("determinism_check should be one of ['default', 'none'], got "
                             f"{determinism_check}")
        self.function, self.args, self.kwargs = function, args, kwargs
        self.check = determinism_check == "default"
        self.early_stop = early_stop
        self.contexts = context_fn()
        self.state = default_generator.get_state() if preserve else None
        self.kept = []  # shape and dtype of each array that the first computation saved
        self.found = {}  # arrays computed again, by number

    def first(self):
        """Compute the function, keeping nothing."""
        if not is_grad_enabled():
            with self.contexts[0]:
                return self.function(*self.args, **self.kwargs)
        with saved_tensors_hooks(self._number, self._unpack), self.contexts[0]:
            return self.function(*self.args, **self.kwargs)

    def _number(self, t):
        self.kept.append((t.shape, t.dtype))
        return len(self.kept) - 1

    def _unpack(self, number):
        if number not in self.found:
            self._again()
        return self.found.pop(number)

    def _again(self):
        """Compute the function again, up to what it saves last."""
        self.found = {}
        count = 0

        def keep(t):
            nonlocal count
            if count < len(self.kept):
                self._compare(count, t)
                self.found[count] = t
            count += 1
            if self.early_stop and count == len(self.kept):
                raise _Stop
            return t

        args, kwargs = map_leaves(_detached, (self.args, self.kwargs))
        with _same_numbers(self.state), enable_grad(), contextlib.suppress(_Stop):
            with saved_tensors_hooks(keep, lambda t: t), self.contexts[1]:
                self.function(*args, **kwargs)
        if count != len(self.kept):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                f"original forward and recomputation.\nNumber of tensors saved during forward: "
                f"{len(self.kept)}\nNumber of tensors saved during recomputation: {count}.")

    def _compare(self, number, t):
        if self.check and self.kept[number] != (t.shape, t.dtype):
            shape, dtype = self.kept[number]
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have "
                f"different metadata than during the forward pass.\ntensor at position {number}: "
                f"saved {list(shape)} {dtype}, recomputed {list(t.shape)} {t.dtype}")
