"""Whether operations are recorded: no_grad, enable_grad, set_grad_enabled, inference_mode.

The state is a linked list of entries in a context variable, so that threads and tasks do not
see each other. An entry made inside a generator counts only while that generator runs: a
suspended `with no_grad(): yield` does not switch recording off for its consumer.
"""

import contextvars
import functools
import inspect
import sys
import threading

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled",
           "no_grad", "set_grad_enabled"]

# None means: nothing was switched, operations are recorded. The hot path only tests for that.
current = contextvars.ContextVar("ember_grad_mode", default=None)

_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class _Entry:
    __slots__ = ("enabled", "inference", "below", "thread", "frame", "at_once")

    def __init__(self, enabled, inference, below, frame):
        self.enabled = enabled
        self.inference = inference
        self.below = below
        self.thread = threading.get_ident()
        self.frame = frame
        self.at_once = False


def _effective():
    """Return the innermost entry that applies to the code now running, or None."""
    entry = current.get()
    while entry is not None:
        if entry.thread == threading.get_ident() and (
                entry.frame is None or _is_running(entry.frame)):
            return entry
        entry = entry.below
    return None


def _is_running(frame):
    caller = sys._getframe(2)
    while caller is not None:
        if caller is frame:
            return True
        caller = caller.f_back
    return False


def is_grad_enabled():
    """Return whether operations on tensors that require gradients are recorded.

    >>> import ember
    >>> with ember.no_grad():
    ...     ember.is_grad_enabled()
    False
    """
    if current.get() is None:
        return True
    entry = _effective()
    return entry is None or entry.enabled


def is_inference_mode_enabled():
    """Return whether `inference_mode` is in force."""
    entry = _effective()
    return entry is not None and entry.inference


class _Mode:
    """A switch usable as a context manager and as a decorator."""

    enabled = True
    inference = False

    def __init__(self):
        self._entries = []

    def __enter__(self):
        caller = sys._getframe(1)
        frame = caller if caller.f_code.co_flags & _SUSPENDABLE else None
        entry = _Entry(self.enabled, self.inference, current.get(), frame)
        self._entries.append(entry)
        current.set(entry)
        return self

    def __exit__(self, *exc_info):
        _remove(self._entries.pop())

    def __call__(self, function):
        if inspect.isclass(function):
            function.__init__ = self(function.__init__)
            return function
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            with self.clone():
                return function(*args, **kwargs)

        return wrapped

    def clone(self):
        """Return another of the same kind, for one more use."""
        return type(self)()

    def _wrap_generator(self, function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            generator = function(*args, **kwargs)
            send, value = generator.send, None
            while True:
                try:
                    with self.clone():
                        item = send(value)
                except StopIteration as stop:
                    return stop.value
                try:
                    send, value = generator.send, (yield item)
                except GeneratorExit:
                    generator.close()
                    raise
                except BaseException as error:
                    send, value = generator.throw, error

        return wrapped


def _remove(entry):
    """Unlink an entry, wherever it stands: generators may leave in another order."""
    top = current.get()
    if top is entry:
        current.set(entry.below)
        return
    while top is not None and top.below is not entry:
        top = top.below
    if top is not None:
        top.below = entry.below


class _Switch(_Mode):
    """A mode without arguments: `@no_grad` works as well as `@no_grad()`."""

    def __new__(cls, function=None):
        mode = object.__new__(cls)
        if function is None:
            return mode
        mode.__init__()
        return mode(function)


class no_grad(_Switch):
    """Switch recording off: results do not require gradients.

    Usable as a context manager and as a decorator, of generator functions too.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.no_grad.html

    >>> import ember
    >>> x = ember.tensor(1.0, requires_grad=True)
    >>> with ember.no_grad():
    ...     (x * 2).requires_grad
    False
    """

    enabled = False


class enable_grad(_Switch):
    """Switch recording on again inside `no_grad`.

    >>> import ember
    >>> with ember.no_grad(), ember.enable_grad():
    ...     ember.is_grad_enabled()
    True
    """


class set_grad_enabled(_Mode):
    """Switch recording on or off, at once; as a context manager, until its end.

    >>> import ember
    >>> with ember.set_grad_enabled(False):
    ...     ember.is_grad_enabled()
    False
    """

    def __init__(self, mode):
        super().__init__()
        self.enabled = bool(mode)
        before = self._before = current.get()
        # a switch by function call replaces the last one, so that the list does not grow
        below = before.below if before is not None and before.at_once else before
        entry = None
        if not self.enabled or below is not None:
            entry = _Entry(self.enabled, False, below, None)
            entry.at_once = True
        current.set(entry)

    def __enter__(self):
        current.set(self._before)
        caller = sys._getframe(1)
        frame = caller if caller.f_code.co_flags & _SUSPENDABLE else None
        entry = _Entry(self.enabled, False, current.get(), frame)
        self._entries.append(entry)
        current.set(entry)
        return self

    def __call__(self, function):
        current.set(self._before)
        return super().__call__(function)

    def clone(self):
        """Return another of the same kind, for one more use."""
        return set_grad_enabled(self.enabled)


class inference_mode(_Mode):
    """Switch recording off for good: like `no_grad`, for code that never trains.

    Args:
        mode: False makes it a no-operation.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad_mode.inference_mode.html

    >>> import ember
    >>> with ember.inference_mode():
    ...     ember.is_inference_mode_enabled()
    True
    """

    def __new__(cls, mode=True):
        if callable(mode):
            return cls()(mode)
        return super().__new__(cls)

    def __init__(self, mode=True):
        super().__init__()
        self.enabled = not mode
        self.inference = bool(mode)

    def clone(self):
        """Return another of the same kind, for one more use."""
        return inference_mode(self.inference)
