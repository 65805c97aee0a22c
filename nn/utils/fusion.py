"""Batch normalization folded into the layer before it, for inference.

With y = W x + b and BN(y) = gamma (y - mean) / sqrt(var + eps) + beta, one layer with
W' = s W and b' = s (b - mean) + beta, where s = gamma / sqrt(var + eps), gives the same.
PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.fuse_conv_bn_eval.html
"""

import copy

from ...autograd import ones_like, rsqrt, zeros_like
from ..parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval",
           "fuse_linear_bn_weights"]


def fuse_conv_bn_eval(conv, bn, transpose=False):
    """Return a copy of a convolution that also does what the batch normalization after it does.

    Args:
        conv, bn: layers in evaluation mode; they are not changed.
        transpose: whether `conv` is a transposed convolution.

    >>> import ember as torch
    >>> conv, bn = torch.nn.Conv2d(1, 2, 3).eval(), torch.nn.BatchNorm2d(2).eval()
    >>> x = torch.rand(1, 1, 5, 5)
    >>> torch.allclose(torch.nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-6)
    True
    """
    return _fused(fuse_conv_bn_weights, conv, bn, transpose)


def fuse_linear_bn_eval(linear, bn):
    """Return a copy of a linear layer that also does what the batch normalization after it does.

    Raises:
        ValueError: the two layers differ in their number of features.
    """
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise ValueError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1")
    return _fused(fuse_linear_bn_weights, linear, bn)


def _fused(weights, layer, bn, *options):
    if layer.training or bn.training:
        raise RuntimeError("Fusion only for eval! Call .eval() on both layers first")
    if bn.running_mean is None:
        raise RuntimeError("Only for bn with running buffers (track_running_stats=True)")
    fused = copy.deepcopy(layer)
    fused.weight, fused.bias = weights(layer.weight, layer.bias, bn.running_mean, bn.running_var,
                                       bn.eps, bn.weight, bn.bias, *options)
    return fused


def fuse_conv_bn_weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, transpose=False):
    """Return the weight and bias of the fused convolution, as Parameters."""
    shape = [1] * conv_w.ndim
    shape[1 if transpose else 0] = -1
    return _scaled(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, shape)


def fuse_linear_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b):
    """Return the weight and bias of the fused linear layer, as Parameters."""
    return _scaled(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, (-1, 1))


def _scaled(weight, bias, mean, var, eps, gamma, beta, shape):
    gamma = ones_like(mean) if gamma is None else gamma
    beta = zeros_like(mean) if beta is None else beta
    start = zeros_like(mean) if bias is None else bias
    scale = gamma * rsqrt(var + eps)
    fused_weight = (weight * scale.reshape(shape)).to(weight.dtype)
    fused_bias = ((start - mean) * scale + beta).to(start.dtype)
    trained = weight.requires_grad, bias is not None and bias.requires_grad
    return tuple(Parameter(tensor.detach(), requires_grad=wanted)
                 for tensor, wanted in zip((fused_weight, fused_bias), trained))
