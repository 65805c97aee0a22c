"""Fourier transforms of stacked signals, in the three kinds that PyTorch distinguishes."""


class Fourier:
    """The part of a backend that transforms."""

    def fft_c2c(self, x, dims, norm, inverse):
        """Transform complex numbers along several dimensions."""
        return (self.fft.ifftn if inverse else self.fft.fftn)(x, axes=dims, norm=norm)

    def fft_r2c(self, x, dim, norm):
        """Transform real numbers along one dimension; the redundant half is left out."""
        return self.fft.rfft(x, axis=dim, norm=norm)

    def fft_c2r(self, x, n, dim, norm):
        """Transform the half of a Hermitian signal back into n real numbers."""
        return self.fft.irfft(x, n, axis=dim, norm=norm)
