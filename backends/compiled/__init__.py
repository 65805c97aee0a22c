"""Kernels compiled by Numba, for large arrays on the CPU (extra `fast`).

Each file pairs compiled functions over plain arrays with the kernel classes that call them; the
classes look like those of `backends/kernels` and are tried before them. Nothing here is imported
before the first operation on at least `kernels.compiled_from()` elements. Deleting this folder
changes no result beyond rounding.

One pool of threads serves all: TBB's, which is safe with other threads and after a fork and does
not spin between operations. BLAS is called from inside the kernels, one thread each (`blas.py`).
"""

from . import jit  # noqa: I001 - sets Numba up before any kernel file is read
from . import pages
from . import (
    activation,
    attention,
    channels,
    convolution,
    dropout,
    elementwise,
    fold,
    linear,
    lookup,
    losses,
    normalization,
    optimizers,
    pooling,
    random,
    recurrent,
    reduction,
    selection,
    softmax,
)

pages.keep()
