"""Recording: run a function eagerly and note what it did, as the parts of a program.

A detour sees every operation, a profile function every call of Python and C functions. What the
recorder does not understand for certain makes it give up and say why (`reason`); the run itself
goes on, and its result is the eager one in any case.
"""

import dis
import gc
import itertools
import sys
import threading

import numpy as np

from .. import autograd
from ..autograd import (
    Tensor,
    creation,
    detours,
    fills,
    from_data,
    inplace,
    modes,
    random,
    views,
    watching,
    writes,
)
from ..autograd import tensor as tensor_module
from ..autograd.checks import CHECKS
from ..autograd.composite import _is_expanded as is_expanded
from ..autograd.ops import scalars
from . import steps
from .calls import (
    FORBIDDEN,
    HOST,
    is_library,
    is_ours,
    is_trusted,
    only_returns,
    pure,
    works_for_ember,
)
from .chain import HostCall
from .segment import Segment
from .slots import Literal, Slot, Unknown, is_plain, template

__all__ = ["Recorder", "active"]

_CONSTRUCTORS = {f.__code__: f for f in (
    creation._filled, creation._like, creation.full, creation.full_like, creation.arange,
    creation.linspace, creation.logspace, creation.eye, from_data.tensor)}
_RANDOM = {f.__code__: f for f in (random._new, random._new_like)}
_FILL, _OVERWRITE = fills.fill.__code__, inplace.overwrite.__code__
_SPECIAL = frozenset((*_CONSTRUCTORS, *_RANDOM, _FILL, _OVERWRITE))
_NUMBER, _ITEM = scalars.checked.__code__, Tensor.item.__code__
_RETURNS = {code for name, code in dis.opmap.items() if name in ("RETURN_VALUE", "RETURN_CONST")}
_MARK = writes.mark_written.__code__

_current = None  # the recorder at work; one at a time
_lock = threading.Lock()


def active():
    """Return the recorder at work in this thread, or None."""
    if _current is None or _current.thread != threading.get_ident():
        return None
    return _current


class Recorder:
    """Notes the parts of one run: segments of operations, and calls of the host between them.

    Attributes:
        arguments: the slots of the given tensors.
        parts: the parts so far, but for `segment`, which is being noted.
        codes: the code objects run that are not ember's.
        reason: why the run cannot be replayed, or None.
        is_refused: whether something else watches the program, so that nothing was recorded.
        muted: how many operations are under way that are noted as one.
    """

    def __init__(self, inputs):
        self.codes, self.reason, self.is_refused = {}, None, False
        self.thread, self.numbers = threading.get_ident(), itertools.count()
        self.muted, self._checking, self._pending = 0, 0, []
        self._below, self._host, self._seen, self._ending = None, None, set(), False
        self.arguments = [Slot(next(self.numbers), t, t._array) for t in inputs]
        self._origins = {id(slot.tensor): slot for slot in self.arguments}
        self.parts, self.segment = [], Segment(self)

    def origin(self, tensor):
        """Return the slot of an argument or of what an earlier part made; None for others."""
        slot = self._origins.get(id(tensor))
        if slot is None and tensor._node is None:
            slot = self._origins.get(id(tensor._array))
        return slot

    def number(self, value):
        """Return the slot of a number that was read at the end of the run; None for others."""
        return self._origins.get(id(value)) if type(value) is float else None

    def segments(self):
        """Return the segments of operations."""
        return [part for part in self.parts if isinstance(part, Segment)]

    def forget_values(self):
        """Let go of the arguments and of what calls of the host returned."""
        for slot in (*self.arguments, *self._origins.values()):
            slot.tensor = slot.array = None

    def fail(self, reason):
        """Give up; the first reason counts."""
        if self.reason is None:
            self.reason = reason

    # -- the run ----------------------------------------------------------------------------

    def run(self, function, args, kwargs):
        """Call a function, note what it does and return its result."""
        global _current
        watcher = tensor_module.watcher
        with _lock:
            busy = _current is not None or sys.getprofile() is not None or watcher is not None
            if not busy:
                _current = self
        if busy:
            self.is_refused = True
            return function(*args, **kwargs)
        collects = gc.isenabled()  # what callbacks and finalizers do is no part of the program
        gc.disable()
        detours.install(_detour, rank=-10)
        tensor_module.watcher = self._left
        self._circumstances = _circumstances()
        sys.setprofile(self._event)
        try:
            return function(*args, **kwargs)
        finally:
            sys.setprofile(None)
            tensor_module.watcher = None
            detours.remove(_detour)
            _current = None
            if collects:
                gc.enable()
            self._cut()

    def _left(self, tensor, what, result=None):
        if active() is self and not self._checking:
            self.fail(f"reads the values of a tensor by {what}")

    def _cut(self):
        """End the segment and begin another."""
        self._origins.update(self.segment.made())
        self.parts.append(self.segment)
        self.segment = Segment(self)

    # -- calls of the host --------------------------------------------------------------------

    def _call_host(self, frame, name):
        """Note a call that every replay makes as well; what happens inside is its own affair."""
        if not self._is_program(frame.f_back):
            self.fail(f"calls {name} by way of ember's own functions")
        if _circumstances() != self._circumstances:
            self.fail(f"calls {name} in another mode")
        self._cut()
        try:
            self.parts.append(HostCall(frame, self.origin))
        except Unknown as error:
            self.fail(f"calls {name} with {error}")
        self._host = frame
        self.muted += 1
        self._checking += 1

    def _is_at_end(self, frame):
        """Return whether the recorded function itself is about to return, so that a number which
        it reads now can matter to nothing but its result."""
        self._ending = self._ending or (
            frame.f_back is not None and frame.f_back.f_code is Recorder.run.__code__
            and only_returns(frame))
        return self._ending

    def _host_returned(self, frame, result):
        self._host = None
        self.muted -= 1
        self._checking -= 1
        name = _name(frame.f_code)
        if frame.f_code.co_code[frame.f_lasti] not in _RETURNS:
            self.fail(f"calls {name}, which raised an exception")
        elif isinstance(result, Tensor) or type(result) is float:
            slot = self._origins[id(result)] = Slot(
                next(self.numbers), result, getattr(result, "_array", None))
            self.parts[-1].out = slot
        elif result is not None:
            self.fail(f"reads a value by {name}")

    # -- other calls --------------------------------------------------------------------------

    def _event(self, frame, event, arg):
        code = frame.f_code
        if self._host is not None:
            if event == "return" and frame is self._host:
                self._host_returned(frame, arg)
            elif event == "call" and self._is_program(frame) and not _is_schedule(self._host):
                self.fail(f"runs {code.co_name} in {_name(self._host.f_code)}")
        elif self._below is not None:  # a library at work for ember
            if event == "return" and frame is self._below:
                self._below = None
        elif event == "call":
            if works_for_ember(frame):
                self._below = frame
            else:
                self._called(frame, code)
        elif event == "return":
            if code is _NUMBER and not isinstance(arg, np.bool_) and is_plain(
                    frame.f_locals["value"]):
                self.segment.literals[id(arg)] = Literal(arg)
            if self._pending and self._pending[-1][0] is frame:
                self._returned(frame, code, arg)
            elif is_ours(code, frame.f_globals) and self._is_program(frame.f_back):
                self._handed(frame, arg)
        elif event == "c_call" and not self.muted and self._is_program(frame):
            if self._ending or not pure(arg):
                self.fail(f"calls {getattr(arg, '__qualname__', arg)}, whose result may depend on "
                          "more than its arguments")

    @staticmethod
    def _is_program(frame):
        """Return whether a frame runs the program's own code."""
        if frame is None or is_ours(frame.f_code, frame.f_globals):
            return False
        return not is_library(frame.f_globals) and not is_trusted(
            frame.f_globals.get("__name__"))

    def _called(self, frame, code):
        if code in HOST and not self.muted and (
                code is not _ITEM or self._is_at_end(frame.f_back)):
            self._call_host(frame, _name(code))
        elif self._ending and self._is_program(frame.f_back):
            self.fail(f"uses a value by Tensor.item in {code.co_name}")
        elif code in FORBIDDEN and not self._checking:
            self.fail(f"calls {FORBIDDEN[code]}")
        elif code is _MARK:
            if not any(entry[1] in (_OVERWRITE, _FILL) for entry in self._pending):
                self.fail("writes to a tensor in place, otherwise than by a method")
        elif code in _SPECIAL or code in CHECKS:
            if not self.muted:
                self._pending.append((frame, code, dict(frame.f_locals)))
                self.muted += code is not _OVERWRITE
                self._checking += code in CHECKS
        elif _is_of_optimizers(frame) and self._is_program(frame.f_back):
            self.fail(f"calls {code.co_qualname}, which reads or changes an optimizer")
        elif code not in self._seen:
            self._seen.add(code)
            if self._is_program(frame):
                self.codes[code] = frame.f_globals.get("__name__", "")
        if is_library(frame.f_globals) and self._is_program(frame.f_back):
            self.fail(f"calls {frame.f_globals.get('__name__')}.{code.co_name}")

    def _returned(self, frame, code, result):
        _, _, given = self._pending.pop()
        self.muted -= code is not _OVERWRITE
        if code in CHECKS:
            self._checking -= 1
            return self._checked(CHECKS[code], given)
        if self.reason is not None or not isinstance(result, Tensor):
            return
        if code is _OVERWRITE:
            self._overwritten(frame.f_locals["target"], frame.f_locals["result"])
        elif code is _FILL:
            self._filled(given)
        else:
            self._made(code, given, result)

    def _checked(self, function, given):
        try:
            self.segment.steps.append(steps.Check(
                function, template(given, self.segment.slot_of), self.segment.xp))
        except Unknown as error:
            self.fail(f"{function.__name__} got {error}")

    def _made(self, code, given, result):
        if result._node is not None or given.get("out") is not None:
            return self.fail("makes a tensor with requires_grad or out=")
        if code in _CONSTRUCTORS:
            plain = [v for v in given.values()
                     if not (isinstance(v, Tensor) or callable(v))]
            if not is_plain(plain):
                return self.fail("makes a tensor from data other than numbers")
            self.segment.steps.append(steps.Constant(
                result._array.copy(), self.segment.add(result), result._xp))
            return None
        try:
            known = {n: v if callable(v) or isinstance(v, autograd.Generator)
                     else template(v, self.segment.slot_of) for n, v in given.items()}
        except Unknown as error:
            return self.fail(f"draws random numbers with {error}")
        if not _is_closed(given["draw_for"]):
            return self.fail("draws random numbers that depend on a tensor")
        self.segment.steps.append(steps.Call(
            _RANDOM[code], known, self.segment.add(result), result._xp))
        return None

    def _filled(self, given):
        tensor = given["tensor"]
        if not _is_closed(given["draw"]):
            return self.fail("draws random numbers that depend on a tensor")
        slot = self.segment.slot_of(tensor)
        if slot.number in self.segment.outer or tensor._node is not None:
            return self.fail("fills a tensor that outlives the call with random numbers")
        if _is_shared(tensor):
            return self.fail("writes to a view in place")
        new = self.segment.add(tensor)
        if not new.array.flags.c_contiguous:
            return self.fail("fills a strided tensor with random numbers")
        self.segment.steps.append(steps.Draw(given["draw"], given["generator"], new, tensor._xp))
        return None

    def _overwritten(self, target, result):
        """Note an in-place write: a new value under the same tensor, or an effect."""
        slot, value = self.segment.slot_of(target), self.segment.known(result)
        if value is None:
            return self.fail("writes a value of unknown origin in place")
        if slot.number in self.segment.outer:
            if target._node is not None or result._node is not None:
                return self.fail("writes in place to a tensor that outlives the call")
            self.segment.steps.append(steps.Write(slot, value))
            return None
        if _is_shared(target):
            return self.fail("writes to a view in place, or to a tensor that has views")
        self.segment.rename(target, value)
        return None

    def _handed(self, frame, result):
        """Look at what a function of ember's gives to the program."""
        if isinstance(result, (bool, int, float, complex, np.generic, np.ndarray)):
            name = frame.f_code.co_name
            if name not in _TELLS and not frame.f_globals["__name__"].startswith("ember.nn."):
                self.fail(f"reads a value by {name}()")


# What may tell the program something: facts that the signature of a call implies.
_TELLS = frozenset("""
    size dim numel nelement ndim ndimension stride is_contiguous element_size itemsize nbytes
    storage_offset is_floating_point is_complex is_signed is_tensor is_cuda is_cpu is_mps is_meta
    is_sparse is_quantized requires_grad get_device is_same_size __len__ __eq__ __ne__ __hash__
    __bool__ is_grad_enabled is_inference_mode_enabled is_compiling is_available category
    __index__ __enter__ __exit__ is_autocast_enabled isinstance __contains__ is_storage
    is_conj is_neg is_inference device_count eps max min tiny bits resolution smallest_normal
    to_complex __instancecheck__ training __getitem__ __add__ __radd__ __mul__ count index
""".split())


def _detour(record, call, args, kwargs):
    recorder = active()
    if recorder is None or recorder.muted or recorder.reason is not None:
        return NotImplemented
    return recorder.segment.operation(record, call, args, kwargs)


def _name(code):
    return HOST[code].__qualname__.lstrip("_")


def _is_of_optimizers(frame):
    return (frame.f_globals.get("__name__") or "").startswith("ember.optim.")


def _is_schedule(frame):
    """Return whether a call of the host only asks the program for a rate."""
    return frame.f_globals["__name__"].startswith("ember.optim.lr_scheduler.")


def _circumstances():
    """Return what the code around a call of the host may have changed for it."""
    return (modes.is_grad_enabled(), modes.is_inference_mode_enabled(), detours.installed,
            is_expanded(), watching.is_watching())


def _is_closed(function):
    """Return whether a function's closure holds plain values and such functions only."""
    cells = [c.cell_contents for c in function.__closure__ or ()]
    return all(is_plain(v) or isinstance(v, type) or (callable(v) and _is_closed(v))
               for v in cells if not isinstance(v, np.dtype))


def _is_shared(tensor):
    return views.of(tensor) is not None or bool(views.living(tensor))

