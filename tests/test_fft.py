"""Fourier transforms and complex numbers."""

import math

import pytest

import ember as torch
from ember import fft


def signal(*shape):
    generator = torch.Generator("cpu").manual_seed(0)
    made = torch.randn(shape, dtype=torch.float64, generator=generator, device="cpu")
    return made.to(torch.get_default_device()).requires_grad_()


def as_real(function):
    """Return a function with its complex result as real numbers, for gradcheck."""
    def real(*args):
        y = function(*args)
        return torch.view_as_real(y) if y.is_complex() else y

    return real


@pytest.mark.parametrize("norm", [None, "forward", "ortho"])
@pytest.mark.parametrize("n", [4, 5])
def test_inverses_undo_transforms(n, norm):
    x = signal(3, n)
    assert torch.allclose(fft.ifft(fft.fft(x, norm=norm), norm=norm).real, x)
    assert torch.allclose(fft.irfft(fft.rfft(x, norm=norm), n, norm=norm), x)
    assert torch.allclose(fft.hfft(fft.ihfft(x, norm=norm), n, norm=norm), x)
    assert torch.allclose(fft.irfftn(fft.rfftn(x, norm=norm), x.shape, norm=norm), x)
    assert torch.allclose(fft.ifftshift(fft.fftshift(x)), x)


@pytest.mark.parametrize("norm", ["backward", "forward", "ortho"])
@pytest.mark.parametrize("function", [
    fft.fft, fft.ifft, fft.rfft, fft.ihfft, fft.fft2, fft.rfftn,
    lambda x, norm: fft.irfft(torch.complex(x, x * 2), norm=norm),
    lambda x, norm: fft.irfft(torch.complex(x, x * 2), 5, norm=norm),
    lambda x, norm: fft.fft(x, 7, norm=norm), lambda x, norm: fft.rfft(x, 3, norm=norm)])
def test_gradients_are_the_adjoint(function, norm):
    x = signal(3, 4)
    assert torch.autograd.gradcheck(as_real(lambda x: function(x, norm=norm)), (x,))
    assert torch.autograd.gradgradcheck(as_real(lambda x: function(x, norm=norm)), (x,))


def test_single_precision_stays_single():
    assert fft.fft(torch.ones(4)).dtype is torch.complex64
    assert fft.irfft(fft.rfft(torch.ones(4))).dtype is torch.float32
    assert fft.fft(torch.ones(4, dtype=torch.int64)).dtype is torch.complex64


@pytest.mark.parametrize("wrong, message", [
    (lambda x: fft.fft(x, 0), r"Invalid number of data points \(0\)"),
    (lambda x: fft.fft(x, norm="both"), "Invalid normalization mode"),
    (lambda x: fft.fft2(x, dim=(0, 0)), "dims must be unique"),
    (lambda x: fft.rfft(fft.fft(x)), "rfft expects a real input tensor"),
])
def test_what_cannot_be_transformed(wrong, message):
    with pytest.raises(RuntimeError, match=message):
        wrong(torch.ones(2, 4))


def test_frequencies():
    assert fft.fftfreq(4).tolist() == [0, 0.25, -0.5, -0.25]
    assert fft.rfftfreq(4, 0.5).tolist() == [0, 0.5, 1]


def test_stft_sees_the_frequency_of_a_sine():
    t = torch.arange(64.0)
    spectrum = torch.stft(torch.sin(t * (2 * math.pi / 8)), 16, 4, window=torch.ones(16),
                          return_complex=True)
    assert spectrum.shape == (9, 17)
    assert spectrum[:, 8].abs().argmax().item() == 2


def test_parts_of_complex_numbers():
    z = torch.complex(torch.tensor([3.0, -1.0]), torch.tensor([4.0, 0.0]))
    assert z.real.tolist() == [3, -1] and z.imag.tolist() == [4, 0]
    assert z.abs().tolist() == [5, 1] and z.conj().imag.tolist() == [-4, 0]
    assert torch.view_as_complex(torch.view_as_real(z)).real.tolist() == [3, -1]
    assert z.angle()[1].item() == pytest.approx(math.pi)
    assert torch.polar(z.abs(), z.angle()).real.tolist() == pytest.approx([3, -1], abs=1e-6)
    assert torch.angle(torch.tensor([-1.0, 1.0])).tolist() == pytest.approx([math.pi, 0])
    with pytest.raises(RuntimeError, match="imag is not implemented"):
        torch.ones(1).imag  # noqa: B018
    with pytest.raises(RuntimeError, match="last dimension of size 2"):
        torch.view_as_complex(torch.ones(3))


def test_the_gradient_of_a_squared_absolute_value():
    x, y = signal(3), signal(3)
    z = torch.complex(x, y)
    (z.abs() ** 2).sum().backward()
    assert torch.allclose(x.grad, 2 * x) and torch.allclose(y.grad, 2 * y)


@pytest.mark.parametrize("center", [True, False])
def test_istft_gives_back_the_signal(center):
    signal = torch.arange(64.0).sin()
    window = torch.arange(1.0, 17.0)
    made = torch.stft(signal, 16, window=window, center=center, return_complex=True)
    assert torch.allclose(torch.istft(made, 16, window=window, center=center, length=64), signal,
                          atol=1e-5)
    with pytest.raises(RuntimeError, match="no window covers"):
        torch.istft(made, 16, window=window * 0, center=center)
