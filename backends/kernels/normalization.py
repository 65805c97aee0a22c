"""Normalization in few passes: x̂ = (x − mean) / √(var + eps), then scale and shift."""

import math

from . import kernel


def _normalized(xp, x, axes, count, eps, mean=None, var=None):
    """Return x̂ and 1 / √(var + eps)."""
    out = x - (_mean(xp, x, axes, count) if mean is None else mean)
    if var is None:
        var = _mean(xp, xp.square(out), axes, count)
    factor = 1 / xp.sqrt(var + x.dtype.type(eps))
    out *= factor
    return out, factor


def _input_gradient(xp, g, unit, factor, axes, count):
    """Return the gradient that reaches x through x̂ = unit, from that of x̂."""
    mean_g = xp.add.reduce(g, axes, keepdims=True) / count
    mean_gx = xp.add.reduce(g * unit, axes, keepdims=True) / count
    out = unit * mean_gx
    xp.subtract(g, out, out=out)
    out -= mean_g
    out *= factor
    return out


def _mean(xp, x, axes, count):
    return xp.add.reduce(x, axes, keepdims=True) / x.dtype.type(count)


def _others(wanted, values):
    """Return the gradients of the arguments that are there, None where not wanted."""
    return [value if wants else None for wants, value in zip(wanted, values)]


def _normalize_channels(xp, input, weight, bias, eps, rows, axes, statistics=None):
    """Normalize (N, C, *), seen in the shape `rows` with statistics over `axes`."""
    if input.dtype.kind != "f" or not input.size or any(
            p is not None and p.dtype is not input.dtype for p in (weight, bias)):
        return NotImplemented
    shape = (1, -1) + (1,) * (input.ndim - 2)
    x = input.reshape(rows)
    count = math.prod(x.shape[axis] for axis in axes)
    if statistics is None:
        unit, factor = _normalized(xp, x, axes, count, eps)
    else:
        mean, var = (statistics[i].reshape(shape) for i in range(2))
        unit, factor = _normalized(xp, x, axes, count, eps, mean, var)
    scale = None if weight is None else weight.reshape(shape)
    out = unit.reshape(input.shape)
    out = out.copy() if scale is None else out * scale
    if bias is not None:
        out += bias.reshape(shape)
    return out, (unit, factor, scale, axes, count, bias is not None)


@kernel("batch_norm_train")
class BatchNormTrain:
    """Over the batch and the spatial axes of (N, C, *)."""

    def forward(xp, recording, input, weight, bias, eps, statistics):
        return _normalize_channels(
            xp, input, weight, bias, eps, input.shape, (0, *range(2, input.ndim)), statistics)

    def backward(xp, g, saved, wanted):
        unit, factor, scale, axes, count, has_bias = saved
        for_input = None
        if wanted[0]:
            gx = g if scale is None else g * scale
            for_input = _input_gradient(
                xp, gx.reshape(unit.shape), unit, factor, axes, count).reshape(g.shape)
        over, rest = (0, *range(2, g.ndim)), []
        if scale is not None:
            rest.append(xp.add.reduce(g * unit.reshape(g.shape), over))
        if has_bias:
            rest.append(xp.add.reduce(g, over))
        return [for_input, *_others(wanted[1:], rest)]


@kernel("group_norm_over")
class GroupNorm:
    """Over the channels of a group and the spatial axes."""

    def forward(xp, recording, input, num_groups, weight, bias, eps):
        return _normalize_channels(xp, input, weight, bias, eps, (len(input) * num_groups, -1),
                                   (1,))

    backward = BatchNormTrain.backward


@kernel("layer_norm_over")
class LayerNorm:
    """Over the last `count` axes."""

    def forward(xp, recording, input, count, weight, bias, eps):
        if input.dtype.kind != "f" or not input.size or any(
                p is not None and p.dtype is not input.dtype for p in (weight, bias)):
            return NotImplemented
        axes = tuple(range(input.ndim - count, input.ndim))
        size = math.prod(input.shape[-count:])
        unit, factor = _normalized(xp, input, axes, size, eps)
        out = unit.copy() if weight is None else unit * weight
        if bias is not None:
            out += bias
        return out, (unit, factor, weight, axes, size, bias is not None)

    def backward(xp, g, saved, wanted):
        unit, factor, weight, axes, size, has_bias = saved
        for_input = None
        if wanted[0]:
            for_input = _input_gradient(
                xp, g if weight is None else g * weight, unit, factor, axes, size)
        lead, rest = tuple(range(g.ndim - len(axes))), []
        if weight is not None:
            rest.append(xp.add.reduce(g * unit, lead))
        if has_bias:
            rest.append(xp.add.reduce(g, lead))
        return [for_input, *_others(wanted[1:], rest)]


@kernel("add_layer_norm")
class AddLayerNorm:
    """x + y, and its normalization over the last `count` axes."""

    def forward(xp, recording, x, y, count, weight, bias, eps):
        if x.shape != y.shape or x.dtype is not y.dtype:
            return NotImplemented
        total = x + y
        result = LayerNorm.forward(xp, recording, total, count, weight, bias, eps)
        return result if result is NotImplemented else ((total, result[0]), result[1])

    def backward(xp, g, saved, wanted):
        for_total, for_out = g
        if for_out is None:
            return [for_total, for_total, *[None] * (len(wanted) - 2)]
        total, *rest = LayerNorm.backward(xp, for_out, saved, [True, *wanted[2:]])
        if for_total is not None:
            total += for_total
        return [total, total, *rest]


@kernel("rms_norm_over")
class RMSNorm:
    """Over the last `count` axes, without subtracting the mean."""

    def forward(xp, recording, input, count, weight, eps):
        if input.dtype.kind != "f" or not input.size or (
                weight is not None and weight.dtype is not input.dtype):
            return NotImplemented
        axes = tuple(range(input.ndim - count, input.ndim))
        size = math.prod(input.shape[-count:])
        square = _mean(xp, xp.square(input), axes, size)
        factor = 1 / xp.sqrt(square + input.dtype.type(eps))
        unit = input * factor
        out = unit.copy() if weight is None else unit * weight
        return out, (unit, factor, weight, axes, size)

    def backward(xp, g, saved, wanted):
        unit, factor, weight, axes, size = saved
        for_input = None
        if wanted[0]:
            gx = g if weight is None else g * weight
            for_input = unit * (xp.add.reduce(gx * unit, axes, keepdims=True) / size)
            xp.subtract(gx, for_input, out=for_input)
            for_input *= factor
        if weight is None:
            return [for_input]
        lead = tuple(range(g.ndim - len(axes)))
        return [for_input, xp.add.reduce(g * unit, lead) if wanted[1] else None]
