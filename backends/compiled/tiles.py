"""Products of few rows with a matrix that is used again and again, inside compiled kernels.

BLAS rearranges the matrix at each call, which for few rows takes as long as the product. Here
it is rearranged once, by `pack`, into panels: blocks of as many columns as two vector registers
hold. `add_product` keeps a tile of the result, some rows of one panel, in the other registers.
"""

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core.cgutils import pointer_add, unpack_tuple
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from . import jit, vector

__all__ = ["HEIGHT", "add_product", "columns", "is_faster", "multiply_transposed", "pack",
           "pack_transposed"]

_FEATURES = llvmlite.binding.get_host_cpu_features()
_REGISTER = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx2") else 16  # bytes
_ACROSS = 2  # registers for a row of a panel
HEIGHT = 6 if _REGISTER == 32 else 8  # rows of a tile; AVX2 has 16 registers, the others 32
_FEW = 512  # rows; with more of them BLAS is as fast
_AT_ONCE = 16  # rows to pack: their pages and those of their panels are at hand
_WORD = ir.IntType(64)


def columns(dtype):
    """Return how many columns a panel has."""
    return _ACROSS * _REGISTER // dtype.itemsize


def pack(matrix):
    """Return a matrix as panels, shape (panels, rows, columns of a panel), zeros at the end."""
    width = columns(matrix.dtype)
    panels = np.empty((-(-matrix.shape[1] // width), matrix.shape[0], width), matrix.dtype)
    _pack(matrix, panels)
    return panels


@jit.parallel
def _pack(matrix, panels):
    width = panels.shape[2]
    for part in prange(-(-len(matrix) // _AT_ONCE)):
        for j in range(len(panels)):
            for row in range(part * _AT_ONCE, min((part + 1) * _AT_ONCE, len(matrix))):
                source, target = matrix[row][j * width:(j + 1) * width], panels[j, row]
                for column in range(source.size):
                    target[column] = source[column]
                target[source.size:] = 0


def pack_transposed(matrices):
    """Return transposed matrices as panels: (N, columns, rows), contiguous, -> (N, panels, rows,
    columns of a panel)."""
    width = columns(matrices.dtype)
    count, height, inner = matrices.shape
    panels = np.empty((count, -(-height // width), inner, width), matrices.dtype)
    _pack_transposed(matrices, panels, np.arange(0, inner * width, width))
    return panels


@jit.parallel
def _pack_transposed(matrices, panels, places):
    count, blocks, _, width = panels.shape
    for number in prange(count * blocks):
        rows = matrices[number // blocks, number % blocks * width:(number % blocks + 1) * width]
        _pack_rows(rows, panels[number // blocks, number % blocks], places)


@jit.inline
def _pack_rows(rows, panel, places):
    """Fill a panel with columns of these rows; places: where in a panel each of its rows begins."""
    inner, width = panel.shape
    panel[:, len(rows):] = 0
    whole = 0
    if panel.itemsize == 4 and len(rows) == width:
        whole = inner - inner % vector.LANES
    source, target = rows.reshape(-1), panel.reshape(-1)
    for row in range(0, width if whole else 0, vector.LANES):
        for k in range(0, whole, vector.LANES):
            vector.transpose(source, row * inner + k, inner, target, places, k, row)
    for k in range(whole, inner):
        for row in range(len(rows)):
            panel[k, row] = rows[row, k]


def is_faster(a, b, threads):
    """Return whether `multiply_transposed` is faster than BLAS for float32: at most a tenth of
    its panels is empty, and each thread has equally many."""
    width = columns(b.dtype)
    count = -(-len(b) // width)
    return (HEIGHT <= len(a) <= _FEW and b.dtype.char == "f" and b.flags.c_contiguous
            and 10 * count * width <= 11 * len(b)
            and (count % threads == 0 or count >= 4 * threads))


def multiply_transposed(a, b, bias, out, threads):
    """out = a · bᵀ + bias; a bias without elements counts as none."""
    width = columns(b.dtype)
    _multiply_transposed(a, b, bias, out, width, np.arange(0, b.shape[1] * width, width), threads)


@jit.parallel
def _multiply_transposed(a, b, bias, out, width, places, parts):
    """Each panel is packed where it is needed, and stays in a core's cache."""
    count = -(-len(b) // width)
    for part in prange(parts):
        panel = np.empty((b.shape[1], width), b.dtype)
        sums = np.empty((len(a), width), b.dtype)
        for j in range(part * count // parts, (part + 1) * count // parts):
            _pack_rows(b[j * width:(j + 1) * width], panel, places)
            added = bias[j * width:(j + 1) * width]
            sums[:] = 0
            for row in range(len(a)):
                target = sums[row]
                for i in range(added.size):
                    target[i] = added[i]
            add_product(a, panel, sums)
            for row in range(len(a)):
                source, target = sums[row], out[row, j * width:(j + 1) * width]
                for i in range(target.size):
                    target[i] = source[i]


@jit.inline
def add_product(a, panel, out):
    """out += a · panel; the elements of a row of out lie next to each other."""
    whole = len(a) - len(a) % HEIGHT
    for row in range(0, whole, HEIGHT):
        _tile(a[row:row + HEIGHT], panel, out[row:row + HEIGHT])
    for row in range(whole, len(a)):
        _row(a[row:row + 1], panel, out[row:row + 1])


def _product(height):
    """Return the function (a, panel, out) for that many rows."""
    @intrinsic
    def product(context, a, panel, out):
        def emit(context, builder, signature, arguments):
            arrays = [make_array(kind)(context, builder, value)
                      for kind, value in zip(signature.args, arguments)]
            _emit_product(builder, context.get_value_type(a.dtype), height, *arrays)
            return context.get_dummy_value()

        return types.void(a, panel, out), emit

    return product


_tile, _row = _product(HEIGHT), _product(1)


def _emit_product(builder, number, height, a, panel, out):
    """Emit a loop over the rows of the panel, which adds each, times the number that a row of
    `a` has for it, to that row's sums."""
    size = 4 if number == ir.FloatType() else 8
    vector = ir.VectorType(number, _REGISTER // size)
    places = [_place(builder, out, vector, _WORD(r), v)
              for r in range(height) for v in range(_ACROSS)]
    starts = [builder.load(place, align=size) for place in places]
    before, loop = builder.block, builder.append_basic_block("loop")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_WORD)
    sums = [builder.phi(vector) for _ in places]
    rights = [builder.load(_place(builder, panel, vector, k, v), align=size)
              for v in range(_ACROSS)]
    row, step = unpack_tuple(builder, a.strides)
    added = []
    for r in range(height):
        offset = builder.add(builder.mul(row, _WORD(r)), builder.mul(step, k))
        left = _spread(builder, vector, builder.load(pointer_add(builder, a.data, offset)))
        for v in range(_ACROSS):
            term = builder.fmul(left, rights[v], flags=("contract",))
            added.append(builder.fadd(term, sums[len(added)], flags=("contract",)))
    following = builder.add(k, _WORD(1))
    for phi, start, value in zip([k, *sums], [_WORD(0), *starts], [following, *added]):
        phi.add_incoming(start, before)
        phi.add_incoming(value, loop)
    after = builder.append_basic_block("after")
    inner = unpack_tuple(builder, panel.shape)[0]
    builder.cbranch(builder.icmp_signed("<", following, inner), loop, after)
    builder.position_at_end(after)
    for place, value in zip(places, added):
        builder.store(value, place, align=size)


def _place(builder, array, vector, row, number):
    """Emit the address of a row's vector of that number."""
    offset = builder.mul(unpack_tuple(builder, array.strides)[0], row)
    offset = builder.add(offset, _WORD(number * _REGISTER))
    return pointer_add(builder, array.data, offset, vector.as_pointer())


def _spread(builder, vector, number):
    """Emit a vector with the number in all places."""
    none = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(none, number, ir.IntType(32)(0))
    return builder.shuffle_vector(one, none, ir.Constant(
        ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count))
