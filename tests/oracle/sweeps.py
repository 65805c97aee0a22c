"""Sweeps beside the verdicts: error inputs, alias names and the peer's own gradgradcheck."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from . import adapter
from .adapter import Entry
from .compare import check_tensor, is_tensor, tensors_in
from .translate import Builder, MissingName, Side, lookup
from .verdict import REFERENCE, cotangents

LARGEST = 200  # elements of the inputs


def _message(error: BaseException) -> str:
    text = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {text[0][:120]}"


def error_mismatches(entry: Entry, peer: Side) -> tuple[int, list[str]]:
    """Return how many error inputs the entry has and one line for each that goes wrong.

    Right means: the peer raises the exception type that PyTorch's database asks for. Inputs that
    cannot be rebuilt, or for which PyTorch raises only on a GPU, are not counted.
    """
    cases, lines = [], []
    for case in adapter.error_inputs(entry):
        if isinstance(_raised(entry, case.sample_input, REFERENCE), case.error_type):
            cases.append(case)
    for index, case in enumerate(cases):
        found = _raised(entry, case.sample_input, peer)
        wanted = f"torch raises {case.error_type.__name__}"
        if found is None:
            lines.append(f"{entry.key} [{index}]: no error, {wanted}")
        elif isinstance(found, (MissingName, AttributeError, ImportError)):
            lines.append(f"{entry.key} [{index}]: missing: {_message(found)}")
        elif not isinstance(found, case.error_type):
            lines.append(f"{entry.key} [{index}]: {_message(found)}, {wanted}")
    return len(cases), lines


def _raised(entry: Entry, sample: Any, peer: Side) -> Exception | None:
    built = Builder(peer)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            op = peer.function(entry.info.op, entry.name)
            op(built(sample.input), *built(sample.args), **built(sample.kwargs))
    except Exception as error:
        return error
    return None


def missing_aliases(entry: Entry, peer: Side) -> list[str]:
    """Return the other names PyTorch has for the operator that the peer lacks."""
    names = [alias.name for alias in entry.info.aliases]
    names += [f"Tensor.{a.name}" for a in entry.info.aliases if a.method_variant is not None]
    names += [f"Tensor.{a.name}_" for a in entry.info.aliases if a.inplace_variant is not None]
    absent = []
    for name in names:
        try:
            lookup(peer.module, name)
        except MissingName:
            absent.append(name)
    return absent


def gradgradcheck(entry: Entry, peer: Side, cap: int = 8) -> str | None:
    """Return the first failure of the peer's gradgradcheck on small samples, None if it passes."""
    for index, sample in enumerate(_small_samples(entry, cap)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                function, leaves = _differentiable(entry, sample, peer)
                if leaves:
                    check = peer.module.autograd.gradgradcheck
                    check(function, tuple(leaves), fast_mode=True)
        except Exception as error:
            return f"sample {index}: {_message(error)}"
    return None


def forward_mode(entry: Entry, peer: Side, cap: int = 8) -> str | None:
    """Return the first sample whose tangents differ from PyTorch's, None if all agree."""
    for index, sample in enumerate(_small_samples(entry, cap)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wanted = _tangents(entry, sample, REFERENCE)
        except Exception:
            continue  # PyTorch has no forward mode for this sample
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = _tangents(entry, sample, peer)
            for place, (mine, other) in enumerate(zip(found, wanted, strict=True)):
                check_tensor(mine, other, f"tangent {place}")
        except Exception as error:
            return f"sample {index}: {_message(error)}"
    return None


def _tangents(entry: Entry, sample: Any, side: Side) -> list[Any]:
    """Return the tangents of an operator's outputs for random ones of its inputs."""
    function, leaves = _differentiable(entry, sample, side)
    mode = side.module.autograd.forward_ad
    with mode.dual_level():
        duals = [mode.make_dual(leaf, tangent)
                 for leaf, tangent in zip(leaves, cotangents(leaves, side), strict=True)]
        found = [(out, mode.unpack_dual(out).tangent) for out in function(*duals)]
    return [(out * 0).detach() if tangent is None else tangent for out, tangent in found]


def _small_samples(entry: Entry, cap: int) -> list[Any]:
    """Return samples with few elements, or the smallest where all have many."""
    samples = [s for s in adapter.samples(entry, 200) if _leaf_size(s)]
    small = [s for s in samples if _leaf_size(s) <= LARGEST]
    return adapter.spread(small or sorted(samples, key=_leaf_size)[:1], cap)


def _leaf_size(sample: Any) -> int:
    tensors = tensors_in([sample.input, *sample.args, *sample.kwargs.values()])
    return sum(t.numel() for t in tensors if t.requires_grad)


def _differentiable(
    entry: Entry, sample: Any, peer: Side
) -> tuple[Callable[..., tuple[Any, ...]], list[Any]]:
    """Return the operator as a function of its differentiable inputs alone, and those inputs."""
    built = Builder(peer)
    first, args, kwargs = built(sample.input), built(sample.args), built(sample.kwargs)
    op = peer.function(entry.info.op, entry.name)
    wrapper = peer.function(entry.info.gradcheck_wrapper)
    hook = peer.function(sample.output_process_fn_grad)
    positions = {id(leaf): index for index, leaf in enumerate(built.leaves)}

    def function(*leaves: Any) -> tuple[Any, ...]:
        def swap(value: Any) -> Any:
            if is_tensor(value):
                return leaves[positions[id(value)]] if id(value) in positions else value
            if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
                return type(value)(map(swap, value))
            return value

        peer.seed(0)
        call_kwargs = {key: swap(value) for key, value in kwargs.items()}
        result = hook(wrapper(op, swap(first), *swap(args), **call_kwargs))
        return tuple(t for t in tensors_in(result) if t.requires_grad)

    return function, built.leaves
