"""One verdict per operator: right, wrong (with the first difference) or missing.

Each sample is run in PyTorch and in the peer from equal, freshly built arguments. Compared are
the result (structure, dtypes, shapes, values), the arguments afterwards (nothing else may have
been written), the gradients for the same random cotangents, and then the method, operator and
in-place forms.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from . import adapter, precision
from .adapter import Entry
from .compare import Mismatch, check_result, check_tensor, tensors_in, to_numpy
from .translate import Builder, MissingName, Side

VARIANT_CAP = 12
UNINITIALISED = {
    "empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "empty_permuted",
}  # fmt: skip
# Their factors are unique only up to signs or phases: compared after PyTorch's own output hook.
UP_TO_SIGN = {
    "svd", "linalg.svd", "linalg.eig", "linalg.eigh", "svd_lowrank", "pca_lowrank",
}  # fmt: skip

REFERENCE = Side(torch)


@dataclass
class Verdict:
    """What came out for one entry: `state`, the failing sample count and the first message.

    The states are right, wrong, missing, and refused where PyTorch raises for every sample.
    """

    key: str
    state: str = "right"
    samples: int = 0
    failed: int = 0
    message: str = ""

    def record(self, state: str, message: str) -> None:
        """Note one failing sample; the first one decides state and message."""
        self.failed += 1
        if self.failed == 1:
            self.state, self.message = state, message


@dataclass
class Call:
    """One run of an operator: its result and the arguments it was given, as the call left them."""

    result: Any
    built: Builder
    arguments: tuple[Any, tuple[Any, ...], dict[str, Any]]


class SampleRefused(Exception):
    """PyTorch itself raises on this sample, so there is nothing to compare with."""


def run(side: Side, function: Callable[..., Any], sample: Any, clone: bool = False) -> Call:
    """Call `function` on the sample's arguments, rebuilt for `side`, with a fixed seed."""
    built = Builder(side)
    first, args, kwargs = built(sample.input), built(sample.args), built(sample.kwargs)
    if clone:
        first = first.clone()
    side.seed(0)
    try:
        result = function(first, *args, **kwargs)
    except Exception as error:
        if side.reference:
            raise SampleRefused(str(error)) from error
        raise
    return Call(result, built, (first, args, kwargs))


def cotangents(results: list[Any], side: Side) -> list[Any]:
    """Return the same random cotangent values for the n-th result of either library."""
    made = []
    for index, result in enumerate(results):
        if result is None:
            made.append(None)
            continue
        rng = np.random.default_rng(index)
        values = rng.standard_normal(tuple(result.shape), np.float32)  # exact in double as well
        if result.is_complex():
            values = values + 1j * rng.standard_normal(tuple(result.shape), np.float32)
        made.append(side.tensor(np.asarray(values), result.dtype).to(result.dtype))
    return made


def gradients(side: Side, results: list[Any], leaves: list[Any]) -> tuple[Any, ...]:
    """Return the gradients of the results with respect to the leaves, None where unused."""
    return side.module.autograd.grad(results, leaves, cotangents(results, side), allow_unused=True)


def check_gradients(
    ours: Call, theirs: Call, peer: Side, label: str, second_order: bool = False
) -> None:
    """Raise Mismatch unless both calls have the same gradients, to second order if asked."""
    my_results, results = tensors_in(ours.result), tensors_in(theirs.result)
    if len(my_results) != len(results):
        raise Mismatch(f"{label}: {len(my_results)} tensors to differentiate, not {len(results)}")
    for index, (mine, other) in enumerate(zip(my_results, results, strict=True)):
        if mine.requires_grad != other.requires_grad:
            raise Mismatch(
                f"{label}: result {index} requires_grad={mine.requires_grad}, "
                f"torch has {other.requires_grad}"
            )
    results = [result for result in results if result.requires_grad]
    my_results = [result for result in my_results if result.requires_grad]
    leaves, my_leaves = theirs.built.leaves, ours.built.leaves
    if not results or not leaves:
        return
    try:
        differentiate = gradients_twice if second_order else gradients
        wanted = differentiate(REFERENCE, results, leaves)
    except Exception as error:
        if not second_order:
            raise SampleRefused(str(error)) from error
        check_gradients(ours, theirs, peer, label)  # PyTorch has no second derivative here.
        return
    check_grad_lists(differentiate(peer, my_results, my_leaves), wanted, label)


def gradients_twice(side: Side, results: list[Any], leaves: list[Any]) -> tuple[Any, ...]:
    """Return the gradients and, after them, their gradients by leaves and by cotangents.

    The cotangents are inputs like the others: a first derivative is linear in them, so that one
    which does not depend on the leaves at all (ReLU's) is still tested for being differentiable.
    """
    first = [c.requires_grad_(True) for c in cotangents(results, side)]
    grad = side.module.autograd.grad
    once = grad(results, leaves, first, allow_unused=True, create_graph=True)
    pairs = zip(once, cotangents(once, side), strict=True)
    live = [pair for pair in pairs if pair[0] is not None and pair[0].requires_grad]
    inputs = [*leaves, *first]
    twice = [None] * len(inputs)
    if live:
        depending, second = map(list, zip(*live, strict=True))
        twice = grad(depending, inputs, second, allow_unused=True)
    return (*once, *(_zero_for_none(g, x) for g, x in zip(twice, inputs, strict=True)))


def _zero_for_none(gradient: Any, like: Any) -> Any:
    """Which of zero and None a second derivative has depends on how the first was written."""
    return (like * 0).detach() if gradient is None else gradient


def check_grad_lists(found: Any, wanted: Any, label: str) -> None:
    """Raise Mismatch unless two gradient lists agree; zeros are as good as PyTorch's None.

    And None is as good as a gradient without elements.
    """
    for index, (mine, other) in enumerate(zip(found, wanted, strict=True)):
        where = f"{label} of input {index}"
        if mine is not None and other is not None:
            check_tensor(mine, other, where)
        elif mine is not None and bool((mine != 0).any()):
            raise Mismatch(f"{where}: not zero, torch has None")
        elif other is not None and other.numel():
            raise Mismatch(f"{where}: None, torch has a tensor")


def check_arguments(ours: Call, theirs: Call) -> None:
    """Raise Mismatch if the call left its tensor arguments different from PyTorch's."""
    pairs = zip(ours.built.tensors, theirs.built.tensors, strict=True)
    for index, (mine, other) in enumerate(pairs):
        check_tensor(mine, other, f"argument {index} after the call")


Check = tuple[str, Callable[..., None], tuple[Any, ...]]
Caller = Callable[[Side, Any], Call]


def collect(key: str, checks: Iterable[Check]) -> Verdict:
    """Run checks (label, function, arguments) and sum up what they raise in one verdict."""
    out = Verdict(key)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for label, check, arguments in checks:
            try:
                check(*arguments)
            except SampleRefused:
                continue
            except Mismatch as error:
                out.record("wrong", f"{label}{error}")
            except MissingName as error:
                out.record("missing", f"{label}no {error}")
                break
            except Exception as error:
                text = str(error).strip().splitlines() or [""]
                absent = isinstance(error, (AttributeError, ImportError, NotImplementedError))
                state = "missing" if absent else "wrong"
                out.record(state, f"{label}{type(error).__name__}: {text[0][:160]}")
            out.samples += 1
    if out.samples == out.failed == 0:
        out.state = "refused"
    return out


def shared(result: Any, arguments: list[Any]) -> list[int]:
    """Return which of the arguments a result shares its memory with."""
    memory = to_numpy(result)
    return [i for i, other in enumerate(arguments) if np.may_share_memory(memory, to_numpy(other))]


def check_views(ours: Call, theirs: Call) -> None:
    """Raise Mismatch unless the same results are views of the same arguments."""
    pairs = zip(tensors_in(ours.result), tensors_in(theirs.result), strict=True)
    for index, (mine, other) in enumerate(pairs):
        found = shared(mine, ours.built.tensors)
        wanted = shared(other, theirs.built.tensors)
        if found != wanted:
            raise Mismatch(f"result {index} shares memory with {found}, torch's with {wanted}")


class Judge:
    """Compares one entry between PyTorch and a peer.

    `second_order` compares second derivatives too, `views` which results share memory with which
    arguments; `source` are the further options of `adapter.samples`.
    """

    def __init__(
        self,
        entry: Entry,
        peer: Side,
        second_order: bool = False,
        views: bool = False,
        **source: Any,
    ):
        self.entry = entry
        self.info = entry.info
        self.peer = peer
        self.second_order = second_order and entry.twice_differentiable
        self.views = views
        self.source = source

    def verdict(self, cap: int = adapter.SAMPLE_CAP) -> Verdict:
        """Run up to `cap` samples and all forms of the operator."""
        samples = adapter.samples(self.entry, cap, **self.source)
        return collect(self.entry.key, self._checks(samples))

    def _checks(self, samples: list[Any]) -> Iterator[Check]:
        for sample in samples:
            yield "", self._function, (sample,)
        few = adapter.spread(samples, VARIANT_CAP)
        forms = [("method", self.info.method_variant), ("operator", self.info.operator_variant)]
        for label, form in forms:
            if form is not None:
                for sample in few:
                    yield f"{label}: ", self._form, (form, sample)
        if self.info.inplace_variant is not None:
            for sample in few:
                if not sample.broadcasts_input:
                    yield "in place: ", self._in_place, (sample,)

    def _function(self, sample: Any) -> None:
        op, hook = self.info.op, sample.output_process_fn_grad
        call = functools.partial(self._call, op, hooked=self.entry.name in UP_TO_SIGN)
        ours, theirs = self._compare(call, sample)
        check_arguments(ours, theirs)
        if self.views:
            check_views(ours, theirs)
        if not self.entry.differentiable:
            return
        if not all(map(adapter.is_default_callback, (self.info.gradcheck_wrapper, hook))):
            call = functools.partial(self._call, op, wrapped=True, hooked=True)
            theirs, ours = call(REFERENCE, sample), call(self.peer, sample)
        self._compare_gradients(call, sample, ours, theirs, self.second_order)

    def _form(self, form: Any, sample: Any) -> None:
        self._compare(functools.partial(self._call, form), sample, form=True)

    def _in_place(self, sample: Any) -> None:
        call = functools.partial(self._call, self.info.inplace_variant, clone=True)
        ours, theirs = self._compare(call, sample, form=True)
        if ours.result is not ours.arguments[0]:
            raise Mismatch("does not return the tensor it writes")
        if self.entry.differentiable and self.info.supports_inplace_autograd:
            self._compare_gradients(call, sample, ours, theirs)

    def _call(
        self,
        form: Any,
        side: Side,
        sample: Any,
        clone: bool = False,
        wrapped: bool = False,
        hooked: bool = False,
    ) -> Call:
        """Run a form of the operator, within gradcheck's wrapper and the sample's output hook."""
        is_function = form is self.info.op
        name = self.entry.name if is_function else f"Tensor.{getattr(form, '__name__', '')}"
        op = side.function(form, name)
        if wrapped and not adapter.is_default_callback(self.info.gradcheck_wrapper):
            op = functools.partial(side.function(self.info.gradcheck_wrapper), op)
        call = run(side, op, sample, clone)
        hook = sample.output_process_fn_grad
        if hooked and not adapter.is_default_callback(hook):
            call.result = side.function(hook)(call.result)
        return call

    def _compare(self, call: Caller, sample: Any, form: bool = False) -> tuple[Call, Call]:
        """Compare results; where PyTorch is inexact, its database's NumPy reference decides."""
        if form and not isinstance(sample.input, torch.Tensor):
            raise SampleRefused("the first argument is no tensor")
        theirs, ours = call(REFERENCE, sample), call(self.peer, sample)
        random = self.entry.name in UNINITIALISED or (form and self.entry.name in UP_TO_SIGN)
        check_result(ours.result, theirs.result, "result", values=False)
        try:
            check_result(ours.result, theirs.result, "result", values=not random)
        except Mismatch:
            if not self._as_exact(lambda *given: tensors_in(call(*given).result), sample):
                exact = adapter.reference_result(self.entry, sample)
                if exact is None:
                    raise
                check_tensor(ours.result, exact, "result, beside the NumPy reference")
        return ours, theirs

    def _compare_gradients(
        self, call: Caller, sample: Any, ours: Call, theirs: Call, second_order: bool = False
    ) -> None:
        def first_gradients(side: Side, given: Any) -> list[Any]:
            made = call(side, given)
            live = [t for t in tensors_in(made.result) if t.requires_grad]
            return list(gradients(side, live, made.built.leaves))

        try:
            check_gradients(ours, theirs, self.peer, "gradient", second_order)
        except Mismatch:
            if second_order or not self._as_exact(first_gradients, sample):
                raise

    def _as_exact(self, values: Callable[[Side, Any], list[Any]], sample: Any) -> bool:
        """Tell whether values in low precision are as right as PyTorch's; see `precision`."""
        dtype = self.entry.dtype
        if dtype not in precision.WIDER:
            return False
        mine, other = values(self.peer, sample), values(REFERENCE, sample)
        try:
            exact = values(REFERENCE, precision.widened(sample, dtype))
        except Exception:  # nothing to hold both against
            return False
        return precision.right(mine, other, exact, adapter.tolerance(self.entry))


def judge(entry: Entry, peer: Side, cap: int = adapter.SAMPLE_CAP, **options: Any) -> Verdict:
    """Return the verdict on one entry; see `Judge`."""
    return Judge(entry, peer, **options).verdict(cap)
