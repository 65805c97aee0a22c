"""PyTorch's own operator database as plain entries: the one file that imports torch's internals.

`torch.testing._internal` carries no compatibility promise, so exactly one PyTorch version is
pinned and nothing else in this repository may import from it. Everything here is read-only: an
`Entry` says what PyTorch's tests know about one operator, and `samples` / `error_inputs` make
the argument lists those tests would use.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import random
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

TORCH_VERSION = "2.13.0"
SAMPLE_CAP = 40
# Their samples write one place twice, which leaves the gradient open; PyTorch's own tests skip it
# too and differentiate unambiguous samples in the variant `grad`.
OPEN_GRADIENTS = {f"nn.functional.max_unpool{n}d" for n in (1, 2, 3)}

# Their reference inputs mix dtypes, and would make leaves of integers.
MIXED_DTYPES = {"addcmul", "clamp", "where"}


@dataclass(frozen=True)
class Entry:
    """One OpInfo: its `key` (`name` or `name/variant`) and what the comparison needs of it."""

    key: str
    info: Any
    dtype: Any
    counted: bool
    differentiable: bool
    twice_differentiable: bool

    @property
    def name(self) -> str:
        """PyTorch's dotted name below `torch`, e.g. `nn.functional.relu`."""
        return self.info.name


def unavailable() -> str | None:
    """Return why the oracle cannot run here, or None when it can."""
    for module in ("torch", "expecttest"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed; the oracle needs the extra 'oracle'"
    import torch

    found = torch.__version__.split("+")[0]
    if found != TORCH_VERSION:
        return f"the oracle pins torch {TORCH_VERSION}, found {found}"
    return None


def _outside(name: str) -> bool:
    """Tell whether the operator lies outside what this library sets out to offer."""
    return (
        "sparse" in name
        or name.startswith(("jiterator", "torch.", "masked.", "signal.", "_"))
        or (name.endswith("_copy") and name != "index_copy")
    )


def _beyond(name: str) -> bool:
    """Tell whether an operator outside the counted scope is still worth comparing."""
    return name.startswith(("masked.", "signal.")) or (
        name.startswith("__") and name.endswith("__")
    )


def _entry(info: Any) -> Entry:
    import torch

    has_float64 = torch.float64 in info.dtypes
    dtypes = (torch.float64, torch.int64, torch.complex128)
    dtype = next((dtype for dtype in dtypes if dtype in info.dtypes), torch.float64)
    differentiable = (
        has_float64
        and info.supports_autograd
        and torch.float64 in info.supported_backward_dtypes("cpu")
    )
    key = info.name + (f"/{info.variant_test_name}" if info.variant_test_name else "")
    differentiable = differentiable and key not in OPEN_GRADIENTS
    return Entry(
        key=key,
        info=info,
        dtype=dtype,
        counted=has_float64 and not _outside(info.name),
        differentiable=differentiable,
        twice_differentiable=differentiable and info.supports_gradgrad,
    )


@functools.cache
def _op_db() -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    return op_db


@functools.cache
def entries(beyond: bool = False) -> dict[str, Entry]:
    """Return the operators in scope by key; with `beyond`, those too that are worth comparing.

    In scope means: takes float64 on the CPU and is not sparse, jiterator, quantised, masked,
    a signal window, private, an `aten` overload or a `*_copy` twin.
    """
    found: dict[str, Entry] = {}
    for info in _op_db():
        entry = _entry(info)
        worth = not _outside(info.name) or _beyond(info.name)
        if entry.counted or (beyond and worth):
            if entry.key in found:
                raise AssertionError(f"two entries named {entry.key}")
            found[entry.key] = entry
    return found


@contextlib.contextmanager
def _seeded():
    """Make sample generation the same in every run, in any order of entries."""
    import torch

    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def with_dtype(entry: Entry, name: str) -> Entry | None:
    """Return the entry with samples of another dtype, or None when the operator refuses it.

    Gradients are compared in float64, float32 and complex128 only.
    """
    import torch

    dtype = getattr(torch, name)
    if dtype not in entry.info.dtypes:
        return None
    info = entry.info
    differentiable = entry.differentiable and dtype in (torch.float64, torch.float32)
    if dtype is torch.complex128 and entry.key not in OPEN_GRADIENTS:
        differentiable = info.supports_autograd and dtype in info.supported_backward_dtypes("cpu")
    twice = info.supports_gradgrad and differentiable
    return replace(entry, dtype=dtype, differentiable=differentiable, twice_differentiable=twice)


def samples(
    entry: Entry, cap: int = SAMPLE_CAP, reference: bool = False, layout: str | None = None
) -> list[Any]:
    """Return at most `cap` of the entry's SampleInputs, evenly spread over all of them.

    With `reference` they are its reference inputs: many more, at the edges of its domain. `layout`
    names how to lay their tensors out, or what to make of them; see `layouts`.
    """
    from . import layouts

    with _seeded():
        make = entry.info.reference_inputs if reference else entry.info.sample_inputs
        leaves = entry.differentiable and not (reference and entry.key in MIXED_DTYPES)
        made = spread(list(make("cpu", entry.dtype, requires_grad=leaves)), cap)
        return made if layout is None else [layouts.LAYOUTS[layout](sample) for sample in made]


def spread(items: list[Any], cap: int) -> list[Any]:
    """Return at most `cap` of `items`, evenly spaced, first one included."""
    if len(items) <= cap:
        return items
    return [items[i * len(items) // cap] for i in range(cap)]


# What the database says of compiled code, other devices and distributed tensors is left aside.
TESTS_OF_VALUES = ("TestCommon", "TestUnaryUfuncs", "TestBinaryUfuncs", "TestFFT")


def tolerance(entry: Entry) -> tuple[float, float] | None:
    """Return the widest (relative, absolute) tolerance that PyTorch's tests allow the operator.

    None stands for `torch.testing`'s own.
    """
    from torch.testing._internal.common_device_type import toleranceOverride

    found = [
        override.d[entry.dtype]
        for info in entry.info.decorators
        if getattr(info, "cls_name", "") in TESTS_OF_VALUES and info.device_type in (None, "cpu")
        for override in info.decorators
        if isinstance(override, toleranceOverride) and entry.dtype in override.d
    ]
    return max((t.rtol, t.atol) for t in found) if found else None


def reference_result(entry: Entry, sample: Any) -> Any:
    """Return what the database's NumPy or SciPy function gives for a one-tensor sample, or None."""
    import torch

    plain = isinstance(sample.input, torch.Tensor) and not sample.args and not sample.kwargs
    if not plain or not callable(entry.info.ref):
        return None
    return torch.from_numpy(np.asarray(entry.info.ref(sample.input.detach().numpy())))


def error_inputs(entry: Entry) -> list[Any]:
    """Return the entry's ErrorInputs (sample, exception type, message regex), maybe none."""
    if entry.info.error_inputs_func is None:
        return []
    with _seeded():
        return list(entry.info.error_inputs("cpu"))


@dataclass(frozen=True)
class ClassEntry:
    """A layer or an optimizer of PyTorch's databases: its key is its name below `torch`."""

    key: str
    info: Any


@functools.cache
def modules() -> dict[str, ClassEntry]:
    """Return PyTorch's layers by key, e.g. `nn.Linear`."""
    with _seeded():
        from torch.testing._internal.common_modules import module_db
    keys = [f"nn.{info.module_cls.__name__}" for info in module_db]
    return {key: ClassEntry(key, info) for key, info in zip(keys, module_db, strict=True)}


def module_inputs(entry: ClassEntry, training: bool) -> list[Any]:
    """Return the ModuleInputs (constructor and forward arguments) of a layer."""
    import torch

    with _seeded():
        return list(
            entry.info.module_inputs_func(
                entry.info, device="cpu", dtype=torch.float64, requires_grad=True, training=training
            )
        )


@functools.cache
def optimizers() -> dict[str, ClassEntry]:
    """Return PyTorch's optimizers for dense gradients by key, e.g. `optim.Adam`."""
    with _seeded():
        from torch.testing._internal.common_optimizers import optim_db
    dense = [info for info in optim_db if info.optim_cls.__name__ != "SparseAdam"]
    keys = [f"optim.{info.optim_cls.__name__}" for info in dense]
    return {key: ClassEntry(key, info) for key, info in zip(keys, dense, strict=True)}


def optimizer_inputs(entry: ClassEntry) -> list[Any]:
    """Return the OptimizerInputs (keyword arguments) of an optimizer."""
    with _seeded():
        return list(entry.info.optim_inputs_func(device="cpu"))


def seeding_wrapper() -> Any:
    """Return torch's `wrapper_set_seed`, which `translate` replaces by one that knows no torch."""
    from torch.testing._internal import common_methods_invocations

    return common_methods_invocations.wrapper_set_seed


def masking_wrappers() -> tuple[Any, ...]:
    """Return torch's wrappers that put 0 where the result of a masked operation is left open."""
    from torch.testing._internal.opinfo import core

    return (core.gradcheck_wrapper_masked_operation,
            core.gradcheck_wrapper_masked_pointwise_operation)


def is_default_callback(function: Any) -> bool:
    """Tell whether a gradcheck wrapper or output hook is the do-nothing default."""
    return getattr(function, "__qualname__", "") in {
        "OpInfo.<lambda>",
        "SampleInput.__init__.<locals>.<lambda>",
    }
