"""Verdicts on layers and optimizers, from PyTorch's `module_db` and `optim_db`.

A layer is right when, built by the same arguments from the same seed, it has PyTorch's parameters
and state-dict keys and, once both hold the same numbers, PyTorch's outputs, gradients and buffers
in training and in evaluation mode. An optimizer is right when it walks PyTorch's path.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from . import adapter
from .adapter import ClassEntry
from .compare import Mismatch, check_result, check_tensor, check_values, is_tensor, to_numpy
from .translate import Builder, Side, lookup
from .verdict import (
    REFERENCE,
    Call,
    Check,
    SampleRefused,
    Verdict,
    check_gradients,
    collect,
    judge,
)

OPTIMIZER_STEPS = 100
OPTIMIZER_RTOL = 1e-10
MUON_RTOL = 1e-3  # It orthogonalises in bfloat16, where one rounding is already this large.


def verdict_on(key: str, peer: Side, dtype: str | None = None, **options: Any) -> Verdict | None:
    """Return the verdict on an operator, layer (`nn.X`) or optimizer (`optim.X`) by its key.

    `dtype` and the other `options`, which are those of `judge`, concern operators only. None is
    returned for an operator that PyTorch does not have for the dtype.
    """
    if key in adapter.modules():
        return judge_module(adapter.modules()[key], peer)
    if key in adapter.optimizers():
        return judge_optimizer(adapter.optimizers()[key], peer)
    entry = adapter.entries(beyond=True)[key]
    entry = entry if dtype is None else adapter.with_dtype(entry, dtype)
    return None if entry is None else judge(entry, peer, **options)


def judge_module(entry: ClassEntry, peer: Side) -> Verdict:
    """Return the verdict on one layer."""
    return collect(entry.key, _module_checks(entry, peer))


def _module_checks(entry: ClassEntry, peer: Side) -> Iterator[Check]:
    for training in (True, False):
        for sample in adapter.module_inputs(entry, training):
            label = f"{'train' if training else 'eval'} {sample.desc}".strip() + ": "
            yield label, _check_module, (entry, sample, training, peer)


def _construct(entry: ClassEntry, sample: Any, training: bool, side: Side) -> Any:
    built = Builder(side)
    arguments = sample.constructor_input
    args, kwargs = built(arguments.args), built(arguments.kwargs)
    kind = lookup(side.module, entry.key)
    side.seed(0)
    made = kind(*args, **kwargs).to(side.constant(torch.float64))
    return made.train(training)


def _forward(module: Any, sample: Any, side: Side) -> Call:
    built = Builder(side)
    arguments = sample.forward_input
    args, kwargs = built(arguments.args), built(arguments.kwargs)
    side.seed(0)
    result = module(*args, **kwargs)
    return Call(result, built, (None, args, kwargs))


def _check_module(entry: ClassEntry, sample: Any, training: bool, peer: Side) -> None:
    try:
        theirs = _construct(entry, sample, training, REFERENCE)
        lazy = entry.info.is_lazy
        wanted = None if lazy else _forward(copy.deepcopy(theirs), sample, REFERENCE)
    except Exception as error:
        raise SampleRefused(str(error)) from error
    ours = _construct(entry, sample, training, peer)
    if lazy:  # The first call gives a lazy layer its shapes; it is compared from then on.
        wanted = _forward(theirs, sample, REFERENCE)
        _forward(ours, sample, peer)
    _check_state(ours, theirs, "initial", rtol=1e-5)
    _copy_state(theirs, ours, peer)
    wanted = _forward(theirs, sample, REFERENCE)
    found = _forward(ours, sample, peer)
    check_result(found.result, wanted.result, "output")
    _check_state(ours, theirs, "after the call")
    names = [name for name, _ in theirs.named_parameters()]
    if names != [name for name, _ in ours.named_parameters()]:
        raise Mismatch("named_parameters() has other names or another order than torch")
    wanted.built.leaves += [p for p in theirs.parameters() if p.requires_grad]
    found.built.leaves += [p for p in ours.parameters() if p.requires_grad]
    check_gradients(found, wanted, peer, "gradient")


def _check_state(ours: Any, theirs: Any, when: str, rtol: float | None = None) -> None:
    """Raise Mismatch unless the state dicts agree; initial draws only to float32's precision."""
    mine, wanted = ours.state_dict(), theirs.state_dict()
    if list(mine) != list(wanted):
        raise Mismatch(f"{when}: state_dict keys {list(mine)}, torch has {list(wanted)}")
    for key, value in wanted.items():
        check_tensor(mine[key], value, f"{when}: {key}", values=rtol is None)
        if rtol is not None:
            check_values(to_numpy(mine[key]), to_numpy(value), "float32", f"{when}: {key}")


def _copy_state(source: Any, target: Any, peer: Side) -> None:
    built = Builder(peer)
    state = {key: built(value.detach().clone()) for key, value in source.state_dict().items()}
    target.load_state_dict(state)


def judge_optimizer(entry: ClassEntry, peer: Side) -> Verdict:
    """Return the verdict on one optimizer."""
    return collect(entry.key, _optimizer_checks(entry, peer))


def _optimizer_checks(entry: ClassEntry, peer: Side) -> Iterator[Check]:
    for sample in adapter.optimizer_inputs(entry):
        yield f"{sample.kwargs}: ", _check_optimizer, (entry, sample, peer)


def _check_optimizer(entry: ClassEntry, sample: Any, peer: Side) -> None:
    try:
        wanted = _path(entry, sample, REFERENCE)
    except Exception as error:
        raise SampleRefused(str(error)) from error
    found = _path(entry, sample, peer)
    rtol = MUON_RTOL if entry.key == "optim.Muon" else OPTIMIZER_RTOL
    for step, (mine, other) in enumerate(zip(found, wanted, strict=True)):
        for index, (a, b) in enumerate(zip(mine, other, strict=True)):
            if not np.allclose(a, b, rtol=rtol, atol=rtol, equal_nan=True):
                raise Mismatch(
                    f"parameter {index} after step {step + 1}: off by {np.abs(a - b).max():.3g}"
                )


def _path(entry: ClassEntry, sample: Any, side: Side) -> list[list[np.ndarray]]:
    """Return the parameters after every step on a smooth convex objective in float64.

    Convex, because on anything else rounding grows from step to step in either library.
    """
    rng = np.random.default_rng(0)
    shapes = [(2, 3), (4, 2)] if entry.key == "optim.Muon" else [(2, 3), (3,), (4, 1)]
    values = [rng.standard_normal(shape) for shape in shapes]
    parameters = [side.tensor(value, torch.float64).requires_grad_(True) for value in values]
    kwargs = Builder(side)(sample.kwargs)
    optimizer = lookup(side.module, entry.key)(parameters, **kwargs)
    least = entry.key == "optim.LBFGS"

    def closure() -> Any:
        optimizer.zero_grad()
        total = (parameters[0].mean() + parameters[1].mean()) ** 2
        for parameter in parameters:
            total = total + ((parameter - 0.3) ** 2 + 1).sqrt().sum()
        total.backward()
        return total

    path = []
    for _ in range(5 if least else OPTIMIZER_STEPS):
        loss = optimizer.step(closure)
        if not is_tensor(loss):
            raise Mismatch("step(closure) does not return the closure's loss")
        path.append([to_numpy(parameter).copy() for parameter in parameters])
    return path
