"""Vectors of float32 in registers, for the loops that LLVM's vectorizer cannot see through.

A `Vector` holds LANES numbers, as many as a register of this machine; + - and * work on vectors
and between a vector and a number. `product` keeps a block of sums in registers.
"""

import operator

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

from . import jit

__all__ = ["LANES", "PANEL", "load", "product", "splat", "store", "transpose"]

_features = llvmlite.binding.get_host_cpu_features()
LANES = 16 if _features.get("avx512f") else 8 if _features.get("avx") else 4
PANEL = 8 if LANES != 8 else 6  # rows of a panel; two vectors each, so that the sums fit


class Vector(types.Type):
    """Numba's type of a vector."""


_vector = Vector("vector")
_ir_vector = ir.VectorType(ir.FloatType(), LANES)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, _ir_vector)


def _address(context, builder, array_type, array, index):
    """Return the pointer to an element of a contiguous array, seen as flat."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def _load(builder, pointer):
    return builder.load(builder.bitcast(pointer, _ir_vector.as_pointer()), align=4)


def _store(builder, value, pointer):
    builder.store(value, builder.bitcast(pointer, _ir_vector.as_pointer()), align=4)


def _splat(builder, number):
    one = builder.insert_element(ir.Constant(_ir_vector, ir.Undefined), number,
                                 ir.Constant(ir.IntType(32), 0))
    return _shuffle(builder, one, one, [0] * LANES)


def _shuffle(builder, a, b, lanes):
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes)
    return builder.shuffle_vector(a, b, mask)


@intrinsic
def load(typing, array, start):
    """Return the LANES elements of a flat array from `start` on."""
    def code(context, builder, signature, args):
        return _load(builder, _address(context, builder, signature.args[0], *args))

    return _vector(array, types.intp), code


@intrinsic
def store(typing, array, start, value):
    """Write a vector into a flat array from `start` on."""
    def code(context, builder, signature, args):
        _store(builder, args[2], _address(context, builder, signature.args[0], *args[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, _vector), code


@intrinsic
def splat(typing, number):
    """Return a vector of one number."""
    def code(context, builder, signature, args):
        return _splat(builder, args[0])

    return _vector(types.float32), code


def _operator(symbol, instruction):
    @intrinsic
    def both(typing, a, b):
        def code(context, builder, signature, args):
            return getattr(builder, instruction)(*args)

        return _vector(_vector, _vector), code

    @overload(symbol, inline="never")
    def choose(a, b):
        if isinstance(a, Vector) and isinstance(b, Vector):
            return lambda a, b: both(a, b)
        if isinstance(a, Vector) and isinstance(b, types.Float):
            return lambda a, b: both(a, splat(np.float32(b)))
        if isinstance(a, types.Float) and isinstance(b, Vector):
            return lambda a, b: both(splat(np.float32(a)), b)
        return None


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")


@intrinsic
def transpose(typing, source, start, step, target, places, first, offset):
    """Write column i of a LANES x LANES block to target[places[first + i] + offset:].

    Row j of the block starts at source[start + j * step].
    """
    def code(context, builder, signature, args):
        source, start, step, target, places, first, offset = args
        rows = []
        for _ in range(LANES):
            rows.append(_load(builder, _address(
                context, builder, signature.args[0], source, start)))
            start = builder.add(start, step)
        half = 1
        while half < LANES:  # exchange blocks of half x half across the diagonal
            low = [i if not i & half else i - half + LANES for i in range(LANES)]
            high = [i + half if not i & half else i + LANES for i in range(LANES)]
            for j in range(LANES):
                if not j & half:
                    a, b = rows[j], rows[j + half]
                    rows[j] = _shuffle(builder, a, b, low)
                    rows[j + half] = _shuffle(builder, a, b, high)
            half *= 2
        for i, row in enumerate(rows):
            at = builder.add(first, ir.Constant(first.type, i))
            place = builder.load(_address(context, builder, signature.args[4], places, at))
            place = builder.add(place, offset)
            _store(builder, row, _address(context, builder, signature.args[3], target, place))
        return context.get_dummy_value()

    return types.void(source, *[types.intp] * 2, target, places, *[types.intp] * 2), code


def _panel(vectors):
    """Return the compiled function that works on a panel `vectors` vectors wide."""

    @intrinsic
    def panel(typing, a, a_start, a_row, a_step, a_turn, b, b_start, b_step, b_turn,
              begin, begin_start, begin_row, c, c_start, c_row, inner, turns):
        def code(context, builder, signature, args):
            (a, a_start, a_row, a_step, a_turn, b, b_start, b_step, b_turn,
             begin, begin_start, begin_row, c, c_start, c_row, inner, turns) = args
            whole = inner.type
            kinds = signature.args

            def rows(kind, array, start, step):
                """Return the pointers to the first elements of PANEL rows."""
                first = _address(context, builder, kind, array, start)
                return [builder.gep(first, [builder.mul(step, whole(i))]) for i in range(PANEL)]

            def side(pointer):
                """Return the pointers to a row's vectors."""
                return [builder.gep(pointer, [whole(i * LANES)]) for i in range(vectors)]

            def add_product(at, sums):
                """Add the product of one column of a and one row of b."""
                left, right = at
                row = [_load(builder, p) for p in side(builder.gep(b_first, [right]))]
                factors = [_splat(builder, builder.load(builder.gep(p, [left]))) for p in a_rows]
                return [builder.fadd(total, builder.fmul(factors[j // vectors], row[j % vectors]))
                        for j, total in enumerate(sums)]

            a_rows = rows(kinds[0], a, a_start, a_row)
            b_first = _address(context, builder, kinds[5], b, b_start)
            sums = [_load(builder, place)
                    for pointer in rows(kinds[9], begin, begin_start, begin_row)
                    for place in side(pointer)]
            sums = _repeat(builder, turns, (a_turn, b_turn), (whole(0), whole(0)), sums,
                           lambda at, sums: _repeat(builder, inner, (a_step, b_step), at, sums,
                                                    add_product))
            places = [place for pointer in rows(kinds[12], c, c_start, c_row)
                      for place in side(pointer)]
            for value, place in zip(sums, places):
                _store(builder, value, place)
            return context.get_dummy_value()

        return types.void(a, *[types.intp] * 4, b, *[types.intp] * 3, begin, *[types.intp] * 2,
                          c, *[types.intp] * 4), code

    return panel


def _repeat(builder, count, steps, at, values, body):
    """Emit a loop of at least one turn: values = body(at, values), at moves on by steps."""
    before, loop = builder.block, builder.append_basic_block("loop")
    after = builder.append_basic_block("after")
    builder.branch(loop)
    builder.position_at_end(loop)
    given = [count.type(0), *at, *values]
    phis = [builder.phi(value.type) for value in given]
    done, places, sums = phis[0], phis[1:1 + len(at)], phis[1 + len(at):]
    sums = body(places, sums)
    done = builder.add(done, count.type(1))
    moved = [builder.add(place, step) for place, step in zip(places, steps)]
    builder.cbranch(builder.icmp_signed("<", done, count), loop, after)
    for phi, first, last in zip(phis, given, [done, *moved, *sums]):
        phi.add_incoming(first, before)
        phi.add_incoming(last, builder.block)
    builder.position_at_end(after)
    return sums


_narrow, _wide = _panel(1), _panel(2)


@jit.inline
def product(a, a_start, a_row, a_step, a_turn, rows, b, b_start, b_turn, columns,
            begin, begin_start, begin_row, c, c_start, c_row, inner, turns):
    """c = begin + Σ over turns of a · b on flat arrays, where b is (inner, columns), by rows.

    In turn t, element (i, j) of a is a[a_start + i * a_row + j * a_step + t * a_turn]; b begins at
    b_start + t * b_turn. rows is a multiple of PANEL, columns of LANES; inner and turns are
    positive.
    """
    for j in range(0, columns - LANES, 2 * LANES):
        for i in range(0, rows, PANEL):
            _wide(a, a_start + i * a_row, a_row, a_step, a_turn, b, b_start + j, columns, b_turn,
                  begin, begin_start + i * begin_row + j, begin_row,
                  c, c_start + i * c_row + j, c_row, inner, turns)
    if columns % (2 * LANES):
        j = columns - LANES
        for i in range(0, rows, PANEL):
            _narrow(a, a_start + i * a_row, a_row, a_step, a_turn, b, b_start + j, columns,
                    b_turn, begin, begin_start + i * begin_row + j, begin_row,
                    c, c_start + i * c_row + j, c_row, inner, turns)
