"""Window functions: `torch.signal.windows` and the older `torch.hann_window` and kin.

Source: https://docs.pytorch.org/docs/stable/signal.html
"""

import math

import numpy as np

from . import creation, devices, dtypes
from .tensor import Tensor

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window",
           "kaiser_window"]

NAMES = ("bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine",
         "general_hamming", "hamming", "hann", "kaiser", "nuttall")


def _window(name, M, sym, function, dtype, device, requires_grad, layout=None):
    """Return `function(k, span)` at the sample numbers k; span is the distance of the ends.

    Raises:
        ValueError: a negative length, or a dtype that is no floating point one.
    """
    dtype = dtype or dtypes.get_default_dtype()
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if not dtype.is_floating_point:
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    k = np.arange(M, dtype=np.float64)
    values = np.ones(M) if M == 1 else function(k, M - 1 if sym else M)
    xp = devices.backend_for(device)
    t = Tensor._wrap(xp.from_host(values.astype(dtype.numpy)), xp)
    return t.requires_grad_() if requires_grad else t


def general_cosine(M, *, a, sym=True, dtype=None, layout=None, device=None,
                   requires_grad=False):
    """Return the sum of a[i] · (−1)^i · cos(2πik/span): the family of Hann and Blackman.

    Args:
        M: length; a: weights of the cosines.
        sym: symmetric, for filters; False gives one period, for spectra.

    >>> import ember
    >>> ember.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    if not isinstance(a, (list, tuple)):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")

    def values(k, span):
        return sum((-1) ** i * weight * np.cos(2 * math.pi * i * k / span)
                   for i, weight in enumerate(a))

    return _window("general_cosine", M, sym, values, dtype, device, requires_grad)


def general_hamming(M, *, alpha=0.54, sym=True, **options):
    """Return alpha − (1 − alpha) · cos(2πk/span)."""
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, **options)


def hamming(M, *, sym=True, **options):
    """Return the Hamming window, 0.54 − 0.46 · cos(2πk/span)."""
    return general_hamming(M, sym=sym, **options)


def hann(M, *, sym=True, **options):
    """Return the Hann window, sin²(πk/span)."""
    return general_hamming(M, alpha=0.5, sym=sym, **options)


def blackman(M, *, sym=True, **options):
    """Return the Blackman window, three cosines."""
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, **options)


def nuttall(M, *, sym=True, **options):
    """Return Nuttall's minimum four-term window."""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, **options)


def bartlett(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """Return the triangle that is zero at both ends."""
    return _window("bartlett", M, sym, lambda k, span: 1 - np.abs(2 * k / span - 1), dtype,
                   device, requires_grad)


def cosine(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """Return half a period of the sine, sampled at the middles of the steps."""
    return _window("cosine", M, sym, lambda k, span: np.sin(math.pi * (k + 0.5) / (span + 1)),
                   dtype, device, requires_grad)


def exponential(M, *, center=None, tau=1.0, sym=True, dtype=None, layout=None, device=None,
                requires_grad=False):
    """Return exp(−|k − center| / tau); the center is the middle unless given (sym=False)."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")

    def values(k, span):
        return np.exp(-np.abs(k - (span / 2 if center is None else center)) / tau)

    return _window("exponential", M, sym, values, dtype, device, requires_grad)


def gaussian(M, *, std=1.0, sym=True, dtype=None, layout=None, device=None,
             requires_grad=False):
    """Return exp(−(k − middle)² / (2 std²))."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _window("gaussian", M, sym, lambda k, span: np.exp(
        -((k - span / 2) / std) ** 2 / 2), dtype, device, requires_grad)


def kaiser(M, *, beta=12.0, sym=True, dtype=None, layout=None, device=None,
           requires_grad=False):
    """Return the Kaiser window, I₀(beta · √(1 − (2k/span − 1)²)) / I₀(beta)."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")

    def values(k, span):
        inside = np.maximum(1 - (2 * k / span - 1) ** 2, 0)
        return np.i0(beta * np.sqrt(inside)) / np.i0(beta)

    return _window("kaiser", M, sym, values, dtype, device, requires_grad)


# -- the older names, periodic by default -------------------------------------------------------


def _periodic(name, window, window_length, periodic, options):
    if window_length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got "
                           f"window_length={window_length}")
    dtype = options.get("dtype")
    if dtype is not None and not dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if window_length == 0:
        return creation.empty(0, **options)
    return window(window_length, sym=not periodic, **options)


def hann_window(window_length, periodic=True, **options):
    """Return the Hann window; options as for `ember.zeros`.

    >>> import ember
    >>> ember.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _periodic("hann_window", hann, window_length, periodic, options)


def hamming_window(window_length, periodic=True, alpha=0.54, beta=0.46, **options):
    """Return alpha − beta · cos(2πk/span); options as for `ember.zeros`."""
    def window(length, sym, **rest):
        return general_cosine(length, a=[alpha, beta], sym=sym, **rest)

    return _periodic("hamming_window", window, window_length, periodic, options)


def blackman_window(window_length, periodic=True, **options):
    """Return the Blackman window; options as for `ember.zeros`."""
    return _periodic("blackman_window", blackman, window_length, periodic, options)


def bartlett_window(window_length, periodic=True, **options):
    """Return the triangle window; options as for `ember.zeros`."""
    return _periodic("bartlett_window", bartlett, window_length, periodic, options)


def kaiser_window(window_length, periodic=True, beta=12.0, **options):
    """Return the Kaiser window; options as for `ember.zeros`."""
    def window(length, sym, **rest):
        return kaiser(length, beta=beta, sym=sym, **rest)

    return _periodic("kaiser_window", window, window_length, periodic, options)
