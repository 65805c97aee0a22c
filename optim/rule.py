"""What optimizers that apply one update rule to each parameter share.

A subclass names its rule, a pure function over raw arrays that writes `param` and the state
arrays in place and nothing else::

    def rule(xp, param, grad, *state arrays, *counters, **options)

PyTorch keeps up to three implementations per optimizer (one by one, `foreach`, `fused`), which
have to agree. Here is one rule each; small parameters are packed into one flat array first, so
that the price of calling into NumPy is paid once for all of them.
"""

import warnings
from typing import Any

import numpy as np

from ..autograd import dtypes
from ..autograd.modes import enable_grad
from ..autograd.tensor import Tensor
from ..autograd.writes import mark_written
from ..backends import cpu, kernels
from .optimizer import COUNTERS, Optimizer


class RuleOptimizer(Optimizer):
    """An optimizer that is one update rule.

    Attributes:
        rule: the pure update function.
        arrays: names of the state tensors that the rule takes, in its order; it gets None for
            those that the options leave unused.
        needs: for state tensors that not every group has, the option that makes them.
        counters: what else the state of a parameter holds: 0-d tensors, and what they start from.
        uses: names of the group's options that the rule takes; `betas` become beta1 and beta2.
        elementwise: whether the rule treats every element alike, so that parameters may be
            packed together.
    """

    rule: Any = None
    arrays: tuple[str, ...] = ()
    needs: dict[str, str] = {}
    counters: dict[str, float] = {"step": 0.0}
    uses: tuple[str, ...] = ()
    elementwise = True

    def __init__(self, params, defaults):
        if defaults.get("fused") and defaults.get("differentiable"):
            raise RuntimeError("`fused` does not support `differentiable`")
        if defaults.get("fused") and defaults.get("foreach"):
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
        if defaults.get("differentiable"):
            warnings.warn(
                f"{type(self).__name__}: differentiable=True is accepted, but no gradient flows "
                "through step(); write the update with tensor operations where it must",
                stacklevel=3,
            )
        self._packs = {}
        super().__init__(params, defaults)

    def __setstate__(self, state):
        super().__setstate__(state)
        self._packs = {}
        for group in self.param_groups:
            # Checkpoints of older versions lack some options and keep numbers for counters.
            for name, value in self.defaults.items():
                group.setdefault(name, value)
            for param in group["params"]:
                for name, value in self.state.get(param, {}).items():
                    if name in COUNTERS and not isinstance(value, Tensor):
                        self.state[param][name] = counter(float(value))

    # -- for subclasses ----------------------------------------------------------------------

    def options(self, group):
        """Return the keyword arguments of the rule for a group, as numbers."""
        options = {name: number(group[name]) for name in self.uses}
        if "betas" in group:
            options["beta1"], options["beta2"] = map(number, group["betas"])
        return options

    def new_state(self, param, group):
        """Return the state tensors of a parameter before its first update, by name."""
        state = {name: counter(start) for name, start in self.counters.items()}
        for name in self.arrays:
            if name not in self.needs or number(group[self.needs[name]]):
                state[name] = zeros_like(param)
        return state

    def advance(self, state, fresh, group):
        """Count one more update in a parameter's state; return the rule's counters.

        fresh tells that the state was made for this update.
        """
        return (add_to_counter(state["step"], 1),)

    # -- the loop ----------------------------------------------------------------------------

    def step(self, closure=None):
        """Update the parameters once; return the closure's loss where there is a closure.

        Args:
            closure: clears the gradients, computes the loss, calls backward, returns the loss.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        # As in PyTorch, a division by zero or an overflow shows in the parameters only.
        with cpu.quiet():
            for index, group in enumerate(self.param_groups):
                self._step_group(index, group)
        return loss

    def _step_group(self, index, group):
        options = self.options(group)
        jobs, packed = [], []
        for param in group["params"]:
            grad = param.grad
            if grad is None:
                continue
            state = self.state.get(param)
            fresh = not state
            if fresh:
                state = self.new_state(param, group)
                if state:
                    self.state[param] = state
            job = (param, grad._array, state, self.advance(state, fresh, group))
            (packed if self.elementwise and small(job, packed) else jobs).append(job)
        if len(packed) > 1:
            pack = self._packs.get(index)
            if pack is None or not pack.holds(packed):
                pack = self._packs[index] = Pack(packed, self.arrays)
            pack.update(self._apply, packed, options)
        else:
            jobs += packed
        for job in jobs:
            self._update_one(*job, options)

    def _update_one(self, param, grad, state, counters, options):
        array = param._buffer()
        arrays = [array, grad, *(state[n]._buffer() if n in state else None for n in self.arrays)]
        if array.dtype.kind == "c":
            arrays = [as_real(a) for a in arrays]
        self._apply(param._xp, *arrays, *counters, **options)
        mark_written(array)

    def _apply(self, xp, param, *args, **options):
        """Apply the rule, in compiled form to a large parameter on the CPU where there is one."""
        rule = type(self).rule
        compiled = kernels.compiled(rule.__name__, param.size) if xp is cpu else None
        if compiled is None or compiled(xp, param, *args, **options) is NotImplemented:
            rule(xp, param, *args, **options)


# -- counters: 0-d tensors on the host, such as state["step"] ----------------------------------


def counter(value):
    """Return a new counter, in PyTorch's dtype for them."""
    wide = dtypes.get_default_dtype() is dtypes.float64
    return Tensor._wrap((np.float64 if wide else np.float32)(value))


def set_counter(tensor, value):
    """Store a value in a counter; return it as stored, a Python float."""
    array = tensor._array
    if isinstance(array, np.generic):
        array = tensor._array = array.dtype.type(value)
    else:
        array[...] = value
    return float(array)


def add_to_counter(tensor, amount):
    """Add to a counter; return its new value, a Python float."""
    return set_counter(tensor, float(tensor._array) + amount)


def multiply_counter(tensor, factor):
    """Multiply a counter in its own precision; return its new value, a Python float."""
    kind = tensor._array.dtype.type
    return set_counter(tensor, kind(tensor._array) * kind(factor))


# -- pieces of rules ---------------------------------------------------------------------------


def zeros_like(param):
    """Return a zero state tensor of a parameter's shape, dtype and device."""
    return Tensor._wrap(param._xp.zeros_like(param._buffer()), param._xp)


def number(value):
    """Return an option as a number; a one-element tensor keeps its own precision."""
    if isinstance(value, Tensor):
        return value._xp.to_host(value._array).reshape(())[()]
    return value


def as_real(array):
    """Return a complex array as a view of pairs of real numbers, for independent updates."""
    if array is None or array.dtype.kind != "c":
        return array
    real = np.float32 if array.dtype.itemsize == 8 else np.float64
    return array.reshape(array.shape + (1,)).view(real)


def effective_grad(xp, param, grad, weight_decay, maximize, decoupled_lr=None):
    """Return ±grad + weight_decay · param as a new array, or grad itself if that is all.

    With decoupled_lr the decay goes past the gradient: param ← param · (1 − lr·weight_decay).
    """
    if maximize:
        grad = xp.negative(grad)
    if weight_decay != 0 and decoupled_lr is not None:
        xp.multiply(param, 1 - decoupled_lr * weight_decay, out=param)
    elif weight_decay != 0:
        decay = xp.multiply(param, weight_decay, out=xp.empty_like(param))
        grad = xp.add(decay, grad, out=decay)
    return grad


def moving_average(xp, average, value, beta, work):
    """Do average ← β · average + (1 − β) · value in place; `work` may be `value`."""
    xp.multiply(average, beta, out=average)
    xp.multiply(value, 1 - beta, out=work)
    xp.add(average, work, out=average)


# -- checks of options -------------------------------------------------------------------------


def check_lr(lr):
    """Raise ValueError unless lr is a number or one-element tensor, and not negative."""
    if isinstance(lr, Tensor) and lr._array.size != 1:
        raise ValueError("Tensor lr must be 1-element")
    check_not_negative("learning rate", lr)


def check_not_negative(name, value):
    """Raise ValueError, naming the option, if its value is negative or NaN."""
    if not number(value) >= 0.0:
        raise ValueError(f"Invalid {name}: {value}")


def check_betas(betas):
    """Raise ValueError unless both betas are in [0, 1)."""
    for index in (0, 1):
        if not 0.0 <= number(betas[index]) < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {betas[index]}")


# Copying in and out costs less than separate calls up to about this many elements.
LIMIT = 8192


def small(job, others):
    """Whether an update may be packed with those already chosen."""
    array = job[0]._array
    if array.size > LIMIT or array.dtype.kind != "f":
        return False
    if others:
        param, _, state, counters = others[0]
        alike = array.dtype == param._array.dtype and job[0]._xp is param._xp
        return alike and job[3] == counters and job[2].keys() == state.keys()
    return True


class Pack:
    """The flat arrays behind several updates ``(param, grad array, state, counters)``.

    The state tensors of the parameters become views of the pack's memory, so that only
    parameters and gradients are copied at each step.

    Args:
        jobs: the updates; parameters of one dtype and device.
        names: the state tensors that the rule takes.
    """

    def __init__(self, jobs, names):
        first, _, state, _ = jobs[0]
        self.xp = xp = first._xp
        self.params = [job[0] for job in jobs]
        ends = [0]
        for param in self.params:
            ends.append(ends[-1] + param._array.size)
        self.spans = [slice(*span) for span in zip(ends, ends[1:])]
        self.param = xp.empty(ends[-1], first._array.dtype)
        self.updated = [
            self.param[span].reshape(param._array.shape)
            for span, param in zip(self.spans, self.params)
        ]
        self.grad = xp.empty_like(self.param)
        self.names = set(state)
        self.state = []  # flat arrays, None for a name that is not in use
        self.views = []  # (job number, name, array that the state tensor must still have)
        for name in names:
            self.state.append(self._flatten(jobs, name) if name in state else None)

    def _flatten(self, jobs, name):
        tensors = [state[name] for _, _, state, _ in jobs]
        flat = self.xp.concatenate([t._buffer() for t in tensors], axis=None)
        for index, (tensor, span) in enumerate(zip(tensors, self.spans)):
            tensor._array = flat[span].reshape(tensor._array.shape)
            self.views.append((index, name, tensor._array))
        return flat

    def holds(self, jobs):
        """Whether the jobs are the pack's own and their state is still its memory."""
        if len(jobs) != len(self.params) or jobs[0][2].keys() != self.names:
            return False
        if jobs[0][0]._array.dtype != self.param.dtype or jobs[0][0]._xp is not self.xp:
            return False
        for job, param, updated in zip(jobs, self.params, self.updated):
            if job[0] is not param or param._array.shape != updated.shape:
                return False
        for index, name, array in self.views:
            tensor = jobs[index][2].get(name)
            if tensor is None or tensor._array is not array:
                return False
        return True

    def update(self, rule, jobs, options):
        """Apply the rule to all of them at once."""
        xp = self.xp
        arrays = [param._buffer() for param in self.params]
        xp.concatenate(arrays, axis=None, out=self.param)
        xp.concatenate([job[1] for job in jobs], axis=None, out=self.grad)
        rule(xp, self.param, self.grad, *self.state, *jobs[0][3], **options)
        for array, updated in zip(arrays, self.updated):
            array[...] = updated
            mark_written(array)
