"""Complex numbers: parts, angles, conjugates.

Gradients of complex tensors follow PyTorch's convention: the conjugate of Wirtinger's
derivative, so that a step against the gradient goes down.
Source: https://docs.pytorch.org/docs/stable/notes/autograd.html#complex-autograd-doc
"""

import math

from .. import dtypes
from ..arguments import need_tensors
from ..op import RECORDS, op
from ..tensor import Tensor, tensor_method

__all__ = ["angle", "conj", "imag", "polar", "real", "resolve_conj", "resolve_neg"]


@op(name="complex", namespaces=("torch",), adjoint=True, numbers=(),
    derivative="∂real: Re g; ∂imag: Im g", dtypes="float -> complex")
def complex_(xp, real, imag):
    """Complex numbers from their parts. Shape: any, any -> broadcast.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.complex.html

    >>> import ember
    >>> ember.complex(ember.tensor([1.]), ember.tensor([2.])).imag
    tensor([2.])
    """
    if real.dtype != imag.dtype or real.dtype.kind != "f":
        raise RuntimeError("Expected both inputs to be Half, Float or Double tensors but got "
                           f"{dtypes.of(real).title} and {dtypes.of(imag).title}")
    return xp.complex(real, imag)


complex_.vjp("real", lambda g: g.real)
complex_.vjp("imag", lambda g: g.imag)


def polar(abs, angle, *, out=None):
    """Return complex numbers from their absolute values and angles.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.polar.html
    """
    need_tensors("polar", abs=abs, angle=angle)
    return complex_(abs * angle.cos(), abs * angle.sin(), out=out)


# -- parts ----------------------------------------------------------------------------------------


@op(name="real", namespaces=(), view=True, derivative="g")
def _real(xp, input):
    """Real part, a view."""
    return input.real


@op(name="imag", namespaces=(), view=True, derivative="g · i")
def _imag(xp, input):
    """Imaginary part, a view."""
    return input.imag


_real.vjp("input", lambda g: g)
_imag.vjp("input", lambda xp, g: xp.complex(g * 0, g))


def real(input):
    """Return the real part as a view; a real tensor itself."""
    return _real(input) if input.dtype.is_complex else input


def imag(input):
    """Return the imaginary part of a complex tensor as a view.

    Raises:
        RuntimeError: for real tensors.
    """
    if not input.dtype.is_complex:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return _imag(input)


Tensor.real = property(real, lambda self, value: real(self).copy_(value))
Tensor.imag = property(imag, lambda self, value: imag(self).copy_(value))


@op(derivative="g₀ + g₁ · i", dtypes="complex -> real part")
def view_as_real(xp, input):
    """Real and imaginary part in a last dimension of size 2. Shape: (...) -> (..., 2).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.view_as_real.html
    """
    if input.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return xp.stack([input.real, input.imag], -1)


@op(adjoint=True, derivative="(Re g, Im g)", dtypes="float -> complex")
def view_as_complex(xp, input):
    """Complex numbers from a last dimension of size 2. Shape: (..., 2) -> (...).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.view_as_complex.html
    """
    if input.dtype.kind != "f" or not input.ndim or input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2 and floating point dtype, "
                           f"but has shape {list(input.shape)}")
    return xp.complex(input[..., 0], input[..., 1])


view_as_real.vjp("input", lambda xp, g: xp.complex(g[..., 0], g[..., 1]))
view_as_complex.vjp("input", lambda xp, g: xp.stack([g.real, g.imag], -1))


# -- conjugate and angle --------------------------------------------------------------------------


@op(inplace=True, derivative="conjugate of g")
def conj_physical(xp, input):
    """Conjugate of each element. Shape: any -> same."""
    return xp.conj(input) if input.dtype.kind == "c" else input.copy()


conj_physical.vjp("input", lambda xp, g: xp.conj(g))


@tensor_method
def conj(input):
    """Return the conjugates; a real tensor itself.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.conj.html
    """
    return conj_physical(input) if input.dtype.is_complex else input


@tensor_method
def resolve_conj(input):
    """Return the tensor itself: ember's conjugates are never postponed."""
    return input


@tensor_method
def resolve_neg(input):
    """Return the tensor itself: ember's negatives are never postponed."""
    return input


@op(name="angle_of_real", namespaces=(), derivative="0")
def _angle_of_real(xp, input):
    """π for negative elements, else 0; NaN stays."""
    result = xp.where(input < 0, math.pi, 0.0).astype(input.dtype, copy=False)
    return xp.where(input == input, result, input)


_angle_of_real.vjp("input", lambda g: g * 0)


@tensor_method
def angle(input, *, out=None):
    """Return the angle of each element in the complex plane, in radians.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.angle.html
    """
    if input.dtype.is_complex:
        return RECORDS["atan2"].call(imag(input), real(input), out=out)
    if not input.dtype.is_floating_point:
        input = input.to(dtypes.get_default_dtype())
    return _angle_of_real(input, out=out)
