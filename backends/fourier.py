"""Complex numbers, and Fourier transforms in the three kinds that PyTorch distinguishes."""

import numpy as np


class Fourier:
    """The part of a backend that transforms."""

    def complex(self, real, imag):
        """Return complex numbers of the precision of their parts."""
        like = real + imag
        made = self.empty(like.shape, np.result_type(like.dtype, np.complex64))
        made.real[...] = real
        made.imag[...] = imag  # imag · 1j would make NaN of infinities
        return made

    def fft_c2c(self, x, dims, norm, inverse):
        """Transform complex numbers along several dimensions."""
        return (self.fft.ifftn if inverse else self.fft.fftn)(x, axes=dims, norm=norm)

    def fft_r2c(self, x, dim, norm):
        """Transform real numbers along one dimension; the redundant half is left out."""
        return self.fft.rfft(x, axis=dim, norm=norm)

    def fft_c2r(self, x, n, dim, norm):
        """Transform the half of a Hermitian signal back into n real numbers."""
        return self.fft.irfft(x, n, axis=dim, norm=norm)
