"""Discrete Fourier transforms: `torch.fft`.

Names: i… is the inverse, r… takes (ir… gives) real numbers and keeps half the spectrum, h… takes
half of a Hermitian signal; …2 and …n transform two and any number of dimensions.
Source: https://docs.pytorch.org/docs/stable/fft.html
"""

from functools import partial as _partial

from .autograd import creation as _creation
from .autograd.ops import fourier as _fourier

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]

# Stem: what it does, its implementation.
_KINDS = {
    "fft": ("the transform", _partial(_fourier.complex_transform, inverse=False)),
    "ifft": ("the inverse transform", _partial(_fourier.complex_transform, inverse=True)),
    "rfft": ("half the transform of real numbers", _fourier.real_transform),
    "irfft": ("the real numbers of which half the transform is given", _fourier.real_inverse),
    "hfft": ("the real transform of a Hermitian signal", _fourier.hermitian_transform),
    "ihfft": ("half the Hermitian signal whose transform is real", _fourier.hermitian_inverse),
}


def _written(result, out):
    return result if out is None else out.copy_(result)


def _make(stem, what, transform):
    """Make the three functions of a kind."""
    def one(input, n=None, dim=-1, norm=None, *, out=None):
        s = None if n is None else (n,)
        return _written(transform(stem, input, s, (dim,), norm), out)

    def two(input, s=None, dim=(-2, -1), norm=None, *, out=None):
        return _written(transform(stem + "2", input, s, dim, norm), out)

    def several(input, s=None, dim=None, norm=None, *, out=None):
        return _written(transform(stem + "n", input, s, dim, norm), out)

    for suffix, function, over in (("", one, "one dimension"), ("2", two, "two dimensions"),
                                   ("n", several, "several dimensions (all by default)")):
        name = stem + suffix
        sizes = "n: the number of samples" if function is one else "s: the numbers of samples"
        function.__name__ = function.__qualname__ = name
        function.__doc__ = (
            f"Return {what} over {over}.\n\n    Args:\n"
            f"        {sizes}, cut or filled up with zeros; dim: where.\n"
            '        norm: "backward" (the default), "forward" or "ortho": which way is scaled.\n'
            f"    Source: https://docs.pytorch.org/docs/stable/generated/torch.fft.{name}.html\n")
        globals()[name] = function
        __all__.append(name)


for _stem, (_what, _transform) in _KINDS.items():
    _make(_stem, _what, _transform)


def fftshift(input, dim=None):
    """Return the spectrum with the zero frequency moved to the middle."""
    return _fourier.shifted(input, dim, False)


def ifftshift(input, dim=None):
    """Undo `fftshift`."""
    return _fourier.shifted(input, dim, True)


def fftfreq(n, d=1.0, *, dtype=None, device=None, requires_grad=False):
    """Return the frequencies of the bins of `fft` of n samples at distance d.

    >>> import ember
    >>> ember.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    return _frequencies(n, d, False, dtype, device, requires_grad)


def rfftfreq(n, d=1.0, *, dtype=None, device=None, requires_grad=False):
    """Return the frequencies of the bins of `rfft` of n samples at distance d."""
    return _frequencies(n, d, True, dtype, device, requires_grad)


def _frequencies(n, d, half, dtype, device, requires_grad):
    def numbers(*ends):
        return _creation.arange(*map(float, ends), dtype=dtype, device=device)

    return _fourier.frequencies(n, d, half, numbers).requires_grad_(requires_grad)
