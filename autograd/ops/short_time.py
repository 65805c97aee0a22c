"""The signal of which short-time transforms are given: the inverse of `stft`."""

from ..creation import arange
from ..op import RECORDS
from ..tensor import tensor_method
from .fourier import complex_transform, real_inverse

__all__ = ["istft"]


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
