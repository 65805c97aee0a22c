"""Kernels whose loops were generated: several operations on each element in one pass.

`torch.compile` writes the body of the loop from the formulas of the operations' records. The
text of a kernel goes to a file in the user's cache folder, because Numba keeps machine code next
to the file of a function; the file itself is never read back.
"""

import functools
import hashlib
import math
import os
import pathlib
import sys
import types
from typing import Any, NamedTuple

import numba
import numpy as np

from . import jit, passes
from . import math as fast

__all__ = ["Loop", "Sums"]

_TYPES = {"f": np.float32, "d": np.float64}
_WORLD = {
    "parallel": jit.parallel, "serial": jit.serial, "prange": numba.prange, "np": np,
    "inf": math.inf, "nan": math.nan,
    **{name: getattr(fast, name) for name in fast.__all__},
}
_FLAT = """\
@{compiler}
def kernel({arguments}, parts):
    size = y0.size
    for part in {range}(parts):
        start, stop = part * size // parts, (part + 1) * size // parts
{slices}
        for i in range(stop - start):
{body}
"""
_ROWS = """\
@{compiler}
def kernel({arguments}, parts):
    width = {row}.size
    rows = y0.size // width
    for part in {range}(parts):
        for row in range(part * rows // parts, (part + 1) * rows // parts):
            start, stop = row * width, (row + 1) * width
{slices}
            for i in range(width):
{body}
"""


def _folder():
    """Return the folder of the kernels' files; the variable EMBER_CACHE names another."""
    base = os.environ.get("EMBER_CACHE") or os.environ.get("XDG_CACHE_HOME") or os.path.join(
        os.path.expanduser("~"), ".cache")
    return pathlib.Path(base) / "ember" / "kernels"


@functools.cache
def _version():
    """Return what cached machine code depends on besides its own text."""
    files = (__file__, jit.__file__, fast.__file__, passes.__file__)
    texts = [pathlib.Path(file).read_bytes() for file in files]
    return b"".join([*texts, numba.__version__.encode()])


def _is_written(path, text):
    """Write the file of a kernel; return whether that could be done."""
    scratch = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    except OSError:
        return False
    return True


@functools.cache
def _kernel(text, char):
    """Return the compiled function of a text."""
    name = hashlib.sha256(_version() + char.encode() + text.encode()).hexdigest()[:24]
    path = _folder() / f"{name}.py"
    module = types.ModuleType(f"ember_kernel_{name}")
    sys.modules[module.__name__] = module  # where Numba's cache looks for the function's world
    vars(module).update(_WORLD, C=_TYPES[char])
    if not path.exists() and not _is_written(path, text):
        vars(module).update({kind: functools.partial(_WORLD[kind], cache=False)
                             for kind in ("parallel", "serial")})
    exec(compile(text, str(path), "exec"), vars(module))  # noqa: S102 - text made from records
    return module.kernel


class _Result(NamedTuple):
    name: str
    shape: tuple
    dtype: Any
    is_wide: bool  # whether it has a value for each element


class Sums:
    """A generated kernel that reduces each row, or everything, besides what a `Loop` does.

    Args:
        layouts: as for `Loop`, and "column": a value for each row.
        lines: as for `Loop`, and "t2 = add_over(t1)", or maximum_ or minimum_over.
        results, shape, dtype: as for `Loop`.
        shapes: of the results; those of another size than `shape` have a value for each row.
        width: how many elements a row has.
    """

    def __init__(self, layouts, lines, results, shape, dtype, shapes, width):
        size = math.prod(shape)
        self._results = [_Result(r.name, s, np.dtype(bool) if r.kind == "b" else dtype,
                                 math.prod(s) == size) for r, s in zip(results, shapes)]
        threaded = size >= jit.WORTH_A_THREAD
        self._parts = jit.parts if threaded else lambda size: 1
        self._width, self._size = width, size
        write = passes.text_of_whole if width == size else passes.text_of_rows
        self._kernel = _kernel(write(layouts, lines, self._results, threaded), dtype.char)

    def __call__(self, *arrays):
        """Return the list of results."""
        results = [np.empty(r.shape, r.dtype) for r in self._results]
        self._kernel(*[_flat(a) for a in arrays], *[r.reshape(-1) for r in results],
                     self._size, self._width, self._parts(self._size))
        return [r if r.ndim else r[()] for r in results]


class Loop:
    """A generated loop over arrays of one shape.

    Args:
        layouts: how each input meets the shape: "full", "row" (its last dimensions) or "one".
        lines: the body: names of elements are x0, x1, ... for inputs and t0, t1, ... for values.
        results: the symbols of the values to return: each with `name` and `kind`, "b" for truth.
        shape, dtype: of the results.
        reused: which input's memory takes the first result, or None.
    """

    def __init__(self, layouts, lines, results, shape, dtype, reused=None):
        self.shape, self.reused, self.count = shape, reused, len(results)
        self.dtypes = [bool if r.kind == "b" else dtype for r in results]
        threaded = math.prod(shape) >= jit.WORTH_A_THREAD
        self.parts = jit.parts if threaded else lambda size: 1
        rows = [f"a{i}" for i, layout in enumerate(layouts) if layout == "row"]
        template, indent = (_ROWS, " " * 12) if rows else (_FLAT, " " * 8)
        slices, loads = [], []
        for i, layout in enumerate(layouts):
            if layout == "one":
                slices.append(f"x{i} = a{i}[0]")
                continue
            if i != reused:
                slices.append(f"b{i} = a{i}" + ("[start:stop]" if layout == "full" else ""))
            # read where it is written, so that the compiler sees that only one element is touched
            loads.append(f"x{i} = z0[i]" if i == reused else f"x{i} = b{i}[i]")
        slices += [f"z{i} = y{i}[start:stop]" for i in range(self.count)]
        stores = [f"z{i}[i] = {r.name}" for i, r in enumerate(results)]
        arguments = [f"a{i}" for i in range(len(layouts)) if i != reused]
        arguments += [f"y{i}" for i in range(self.count)]
        text = template.format(
            compiler="parallel" if threaded else "serial", range="prange" if threaded else "range",
            arguments=", ".join(arguments), row=rows[0] if rows else "",
            slices="\n".join(indent + line for line in slices),
            body="\n".join(indent + "    " + line for line in [*loads, *lines, *stores]))
        self._kernel = _kernel(text, dtype.char)

    def __call__(self, *arrays):
        """Return the list of results."""
        if self.reused is None:
            results = [np.empty(self.shape, dtype) for dtype in self.dtypes]
        else:
            results = [np.ascontiguousarray(arrays[self.reused])]
            results += [np.empty(self.shape, dtype) for dtype in self.dtypes[1:]]
            arrays = arrays[:self.reused] + arrays[self.reused + 1:]
        self._kernel(*[_flat(a) for a in arrays], *[r.reshape(-1) for r in results],
                     self.parts(results[0].size))
        return results


def _flat(array):
    """Return the elements of an array, a copy where they do not lie in order or are not ours."""
    if not isinstance(array, np.ndarray):
        return np.full(1, array)
    if not (array.flags.c_contiguous and array.flags.writeable):
        array = array.copy("C")
    return array.reshape(-1)
