"""How kernels are compiled: in parallel on TBB where it is installed, kept on disk, and said aloud
when a first run has to wait for it.
"""

import ctypes
import functools
import importlib.metadata
import pathlib
import sys
import threading

import numba
from numba.core import event
from numba.core.caching import FunctionCache
from numba.extending import register_jitable

from ..threads import get_num_threads

__all__ = ["KEPT", "PARALLEL", "contiguous", "formula", "inline", "parallel", "parts", "serial",
           "takes", "threads"]

# NaN and infinity keep their meaning; sums may be reordered and products contracted.
_FAST = {"reassoc", "contract", "nsz"}
WORTH_A_THREAD = 1 << 15  # elements; waking a thread takes as long as a pass over a tenth of them
_OPTIONS = {"nogil": True, "fastmath": _FAST, "error_model": "numpy", "no_cfunc_wrapper": True}


def _load_tbb():
    """Load TBB from where pip puts it, which Numba's loader does not search; return whether it
    is there."""
    try:
        files = importlib.metadata.files("tbb") or ()
    except importlib.metadata.PackageNotFoundError:
        files = ()
    for file in files:
        if file.name in ("libtbb.so.12", "tbb12.dll"):
            ctypes.CDLL(str(file.locate()), ctypes.RTLD_GLOBAL)
    try:
        from numba.np.ufunc import tbbpool  # noqa: F401
    except ImportError:
        return False
    return True


def _is_kept():
    """Return whether Numba finds a folder that it may write machine code to."""
    try:
        FunctionCache(_is_kept)
    except RuntimeError:
        return False
    return True


def _drop_outdated():
    """Delete machine code on disk that is older than any file here: Numba looks only at the file
    of the function itself, not at those of the functions it calls."""
    here = pathlib.Path(__file__).parent
    newest = max(file.stat().st_mtime for file in here.glob("*.py"))
    for index in here.glob("__pycache__/*.nbi"):
        if index.stat().st_mtime < newest:
            index.unlink(missing_ok=True)


KEPT = _is_kept()
PARALLEL = _load_tbb()
if PARALLEL:
    numba.config.THREADING_LAYER = "tbb"
_drop_outdated()

# A kernel whose prange loops are divided among the threads; without TBB they are plain loops.
parallel = functools.partial(numba.njit, parallel=PARALLEL, cache=KEPT, **_OPTIONS)
# A kernel for one thread.
serial = functools.partial(numba.njit, cache=KEPT, **_OPTIONS)
# A function that kernels call; the compiler puts its code into theirs.
inline = functools.partial(numba.njit, **_OPTIONS, no_cpython_wrapper=True)
# The same for what factories of kernels are given; the cache on disk knows it by its name.
formula = register_jitable(forceinline=True, **_OPTIONS)


def threads():
    """Return how many threads a parallel kernel may use."""
    return get_num_threads() if PARALLEL else 1


def parts(elements):
    """Return into how many parts to divide work on so many elements, one for a thread."""
    return threads() if elements >= WORTH_A_THREAD else 1


def takes(*arrays):
    """Return whether compiled kernels can read these: contiguous, of one of float32 and float64."""
    char = arrays[0].dtype.char
    if char not in "fd":
        return False
    for array in arrays:
        flags = array.flags
        if array.dtype.char != char or not (flags.c_contiguous and flags.writeable):
            return False
    return True


def contiguous(array):
    """Return an array that compiled kernels can read, copied where needed; None for other types
    than float32 and float64."""
    if array.dtype.char not in "fd":
        return None
    flags = array.flags
    if flags.c_contiguous and flags.writeable and flags.aligned:
        return array
    return array.copy(order="C")


class _Progress(event.Listener):
    """Says on standard error that kernels are being compiled, once that has taken a second."""

    def __init__(self):
        self._depth = 0
        self._timer = None

    def on_start(self, event):
        self._depth += 1
        if self._depth == 1:
            self._timer = threading.Timer(1.0, self._say)
            self._timer.daemon = True
            self._timer.start()

    def on_end(self, event):
        self._depth -= 1
        if self._depth == 0:
            self._timer.cancel()

    @staticmethod
    def _say():
        later = ("later runs read them from disk" if KEPT else
                 "they are lost at the end, for want of a folder to write to: name one in "
                 "NUMBA_CACHE_DIR")
        print(f"ember: compiling kernels for this machine; {later}", file=sys.stderr, flush=True)
        event.unregister("numba:compile", _progress)


_progress = _Progress()
event.register("numba:compile", _progress)
