"""Fourier transforms: three records, of which `ember.fft` is composed.

Each is linear, so its derivative is its adjoint: the transform in the other direction with the
other scale. Of a real signal's spectrum only half is kept; the adjoint counts that half twice.
"""

import numpy as np

from .. import dtypes
from ..creation import arange
from ..op import RECORDS, op
from ..tensor import tensor_method
from .activation import bent
from .complex import conj
from .dims import axis
from .padding import constant_pad_nd

__all__ = ["istft", "stft"]

# The scale of the adjoint: PyTorch and NumPy name the direction that divides by n.
_OTHER = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


@op(namespaces=(), alone=True, adjoint=True, label="FFT",
    derivative="transform of g in the other direction")
def fft_c2c(xp, input, dims, norm, inverse):
    """Transform of complex numbers along several dimensions."""
    return xp.fft_c2c(input, dims, norm, inverse)


fft_c2c.vjp("input", lambda xp, g, dims, norm, inverse: xp.fft_c2c(
    g, dims, _OTHER[norm], not inverse))


@op(namespaces=(), alone=True, adjoint=True, label="FFT", derivative="inverse transform of g")
def fft_r2c(xp, input, dim, norm):
    """Transform of real numbers along a dimension, the first half of it."""
    return xp.fft_r2c(input, dim, norm)


@op(namespaces=(), alone=True, label="FFT", derivative="transform of g")
def fft_c2r(xp, input, n, dim, norm):
    """Transform of the half of a Hermitian signal into n real numbers."""
    return xp.fft_c2r(input, n, dim, norm)


def _weighted(xp, x, n, dim, weight):
    """Multiply those bins of half a spectrum that stand for two bins of the whole."""
    weights = np.full(x.shape[dim], weight, np.float32)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    behind = len(x.shape) - 1 - axis(dim, len(x.shape))
    return x * xp.from_host(weights.reshape((-1,) + (1,) * behind))


fft_r2c.vjp("input", lambda xp, g, input_shape, dim, norm: xp.fft_c2r(
    _weighted(xp, g, input_shape[dim], dim, 0.5), input_shape[dim], dim, _OTHER[norm]))
fft_c2r.vjp("input", lambda xp, g, n, dim, norm: _weighted(
    xp, xp.fft_r2c(g, dim, _OTHER[norm]), n, dim, 2.0))


# -- arguments ------------------------------------------------------------------------------------


def _norm(norm):
    norm = norm or "backward"
    if norm not in _OTHER:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return norm


def _floating(name, input):
    if input.dtype.name in ("float16", "complex32"):
        raise RuntimeError(f"Unsupported dtype Half in {name}: convert with .float()")
    if input.dtype.category < 2:
        return input.to(dtypes.get_default_dtype())
    return input


def _complex(name, input):
    input = _floating(name, input)
    return input if input.dtype.is_complex else input.to(input.dtype.to_complex())


def _real_input(name, input):
    if input.dtype.is_complex:
        raise RuntimeError(f"{name} expects a real input tensor, but got {input.dtype.title}")
    return _floating(name, input)


def _resized(input, n, dim):
    """Return the signal with n samples along a dimension: cut, or zeros added."""
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    size = input.shape[dim]
    if n < size:
        return input.narrow(dim, 0, n)
    if n == size:
        return input
    shape = list(input.shape)
    shape[dim] = n - size
    return RECORDS["cat"].call([input, input.new_zeros(shape)], dim)


def _dims(input, s, dim):
    """Return the sizes (None: as they are) and the dimensions to transform."""
    if dim is None:
        count = input.ndim if s is None else len(s)
        if count > input.ndim:
            raise RuntimeError(f"Got shape with {count} values but input tensor only has "
                               f"{input.ndim} dimensions.")
        dim = range(input.ndim - count, input.ndim)
    elif isinstance(dim, int):
        dim = (dim,)
    dim = tuple([axis(d, input.ndim) for d in dim])
    if len(set(dim)) < len(dim):
        raise RuntimeError("FFT dims must be unique")
    if s is None:
        return [None] * len(dim), dim
    s = [s] if isinstance(s, int) else list(s)
    if len(s) != len(dim):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    return [None if n == -1 else n for n in s], dim


def _fitted(input, s, dim):
    for n, d in zip(s, dim):
        input = _resized(input, input.shape[d] if n is None else n, d)
    return input


# -- transforms over any dimensions ---------------------------------------------------------------


def complex_transform(name, input, s, dim, norm, inverse):
    """Return the transform of complex numbers (or real ones made complex)."""
    input = _complex(name, input)
    s, dim = _dims(input, s, dim)
    input = _fitted(input, s, dim)
    return fft_c2c(input, dim, _norm(norm), inverse) if dim else input


def real_transform(name, input, s, dim, norm):
    """Return half the transform of real numbers: real along the last dimension, then complex."""
    input = _real_input(name, input)
    s, dim = _dims(input, s, dim)
    if not dim:
        raise RuntimeError(f"{name} must transform at least one axis")
    input = _fitted(input, s, dim)
    half = fft_r2c(input, dim[-1], _norm(norm))
    return fft_c2c(half, dim[:-1], _norm(norm), False) if len(dim) > 1 else half


def real_inverse(name, input, s, dim, norm):
    """Return the real numbers of which the input is half the transform."""
    input = _complex(name, input)
    s, dim = _dims(input, s, dim)
    if not dim:
        raise RuntimeError(f"{name} must transform at least one axis")
    last = dim[-1]
    n = 2 * (input.shape[last] - 1) if s[-1] is None else s[-1]
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    input = _fitted(input, [*s[:-1], n // 2 + 1], dim)
    if len(dim) > 1:
        input = fft_c2c(input, dim[:-1], _norm(norm), True)
    return fft_c2r(input, n, last, _norm(norm))


def hermitian_transform(name, input, s, dim, norm):
    """Return the real transform of a signal of which one half is given, Hermitian in time."""
    input = _complex(name, input)
    return real_inverse(name, conj(input), s, dim, _OTHER[_norm(norm)])


def hermitian_inverse(name, input, s, dim, norm):
    """Return the half of the Hermitian signal whose transform is real."""
    return conj(real_transform(name, input, s, dim, _OTHER[_norm(norm)]))


def shifted(input, dim, backwards):
    """Return the spectrum with the zero frequency moved to the middle, or back to the front."""
    if dim is None:
        dim = tuple(range(input.ndim))
    elif isinstance(dim, int):
        dim = (dim,)
    steps = [-(input.shape[d] // 2) if backwards else input.shape[d] // 2 for d in dim]
    return RECORDS["roll"].call(input, steps, dim) if dim else input


def frequencies(n, d, half, like):
    """Return the bin centres n·d·f as a tensor made by `like` (an `arange`)."""
    if half:
        return like(n // 2 + 1) / (n * d)
    positive = (n + 1) // 2
    return RECORDS["cat"].call([like(positive), like(-(n // 2), 0)]) / (n * d)


# -- short-time transform -------------------------------------------------------------------------


def _mirrored(input, n):
    """Return a signal with n samples added at both ends, mirrored there."""
    size = input.shape[-1]
    if n >= size:
        raise RuntimeError(f"stft: Padding size should be less than the corresponding input "
                           f"dimension, but got padding {n} for {size} samples")
    left, right = input[..., 1:n + 1].flip(-1), input[..., size - 1 - n:size - 1].flip(-1)
    return RECORDS["cat"].call([left, input, right], -1)


@tensor_method
def stft(input, n_fft, hop_length=None, win_length=None, window=None, center=True,
         pad_mode="reflect", normalized=False, onesided=None, return_complex=None,
         align_to_window=None):
    """Return the transforms of windows that slide over a signal.

    Args:
        n_fft: the size of a transform; hop_length: the distance of windows, n_fft // 4 by default.
        window: weights of win_length samples, padded with zeros to n_fft.
        center: whether windows are centred, with the signal mirrored at its ends.
        onesided: whether to keep half the spectrum, by default for real signals.
        return_complex: False gives real and imaginary part in a last dimension (deprecated).
    Shape: (batch, samples) or (samples) -> (batch, frequencies, windows).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.stft.html
    """
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    if input.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got {input.ndim}D")
    is_complex = input.dtype.is_complex or (window is not None and window.dtype.is_complex)
    if return_complex is None and not is_complex:
        raise RuntimeError("stft requires the return_complex parameter be given for real inputs, "
                           "and will further require that return_complex=True in a future release.")
    if center:
        half = n_fft // 2
        if pad_mode == "reflect":
            input = _mirrored(bent(input), half)
        else:
            input = constant_pad_nd(input, (half, half))
    if not 0 < n_fft <= input.shape[-1] or hop_length <= 0 or not 0 < win_length <= n_fft:
        raise RuntimeError(f"stft: expected 0 < win_length <= n_fft <= {input.shape[-1]} and "
                           f"hop_length > 0, but got win_length={win_length}, n_fft={n_fft}, "
                           f"hop_length={hop_length}")
    frames = input.unfold(-1, n_fft, hop_length)
    if window is None and win_length < n_fft:
        window = input.new_ones(win_length)
    if window is not None:
        left = (n_fft - win_length) // 2
        zeros = window.new_zeros
        frames = frames * RECORDS["cat"].call(
            [zeros(left), window, zeros(n_fft - win_length - left)])
    norm = "ortho" if normalized else "backward"
    if onesided is None:
        onesided = not is_complex
    made = (fft_r2c(frames, frames.ndim - 1, norm) if onesided
            else complex_transform("stft", frames, None, -1, norm, False))
    made = made.transpose(-1, -2)
    as_complex = is_complex if return_complex is None else return_complex
    return made if as_complex else RECORDS["view_as_real"].call(made)


@tensor_method
def istft(input, n_fft, hop_length=None, win_length=None, window=None, center=True,
          normalized=False, onesided=None, length=None, return_complex=False):
    """Return the signal whose windows have the given transforms, by weighted overlap-add.

    Args: as for `stft`; length: of the signal, by default what the windows cover.
    Raises:
        RuntimeError: for a real input, a misfit of sizes, or windows that leave samples out.
    Shape: (batch, frequencies, windows) or (frequencies, windows) -> (batch, samples) or (samples).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.istft.html
    """
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    if not input.dtype.is_complex or input.ndim not in (2, 3):
        raise RuntimeError("istft: expected a complex tensor of 2 or 3 dimensions, as stft returns "
                           f"it, but got {input.dtype.title} of shape {list(input.shape)}")
    onesided = input.shape[-2] != n_fft if onesided is None else onesided
    wanted = n_fft // 2 + 1 if onesided else n_fft
    if input.shape[-2] != wanted or not 0 < hop_length <= win_length <= n_fft:
        raise RuntimeError(f"istft: expected {wanted} frequencies and 0 < hop_length <= win_length "
                           f"<= n_fft, but got {input.shape[-2]} frequencies, "
                           f"hop_length={hop_length}, win_length={win_length}, n_fft={n_fft}")
    if window is None:
        window = input.real.detach().new_ones(win_length)
    if tuple(window.shape) != (win_length,):
        raise RuntimeError(f"istft: expected a window of {win_length} samples, but its shape is "
                           f"{list(window.shape)}")
    left = (n_fft - win_length) // 2
    window = RECORDS["cat"].call([window.new_zeros(left), window,
                                  window.new_zeros(n_fft - win_length - left)])
    rows = (input if input.ndim == 3 else input.unsqueeze(0)).transpose(1, 2)
    norm = "ortho" if normalized else "backward"
    if return_complex:
        frames = complex_transform("istft", rows, None, -1, norm, True)
    else:
        frames = real_inverse("istft", rows[..., :n_fft // 2 + 1], n_fft, -1, norm)
    signal = _overlapped(frames * window, hop_length)
    weight = _overlapped((window * window).expand((1, rows.shape[1], n_fft)), hop_length)
    signal = _between(signal, weight, n_fft // 2 if center else 0, length)
    return signal if input.ndim == 3 else signal.squeeze(0)


def _overlapped(frames, hop_length):
    """Return the sum of windows of shape (batch, windows, samples), each `hop_length` on."""
    batch, count, size = frames.shape
    index = arange(count, device=frames.device) * hop_length
    index = index.unsqueeze(1) + arange(size, device=frames.device)
    whole = frames.new_zeros((batch, size + hop_length * (count - 1)))
    return whole.index_add(1, index.reshape(-1), frames.reshape(batch, -1))


def _between(signal, weight, start, length):
    """Return the weighted samples from `start` on, without what centring added."""
    end = signal.shape[1] - start if length is None else start + length
    signal, weight = signal[:, start:end], weight[:, start:end]
    if weight.numel() and float(weight.abs().min()) < 1e-11:
        raise RuntimeError("istft: window overlap add min is 0: there are samples that no window "
                           "covers")
    signal = signal / weight
    if end > start + signal.shape[1]:
        signal = RECORDS["cat"].call(
            [signal, signal.new_zeros((signal.shape[0], end - start - signal.shape[1]))], 1)
    return signal
