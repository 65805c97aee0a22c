"""Transforms of images, pictures of many images, and image files."""

import subprocess
import sys

import numpy as np
import pytest

import ember as torch
from ember.vision import io, transforms, utils
from ember.vision.transforms import functional as F

Image = pytest.importorskip("PIL.Image")

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)


def image():
    return Image.fromarray(PIXELS)


def tensor(dtype=np.uint8):
    """The image as a Tensor on the device under test."""
    return torch.tensor(PIXELS.transpose(2, 0, 1).astype(dtype))


def same(x, y):
    return np.array_equal(x.numpy(force=True), y.numpy(force=True))


def test_a_usual_pipeline():
    torch.manual_seed(1)
    pipeline = transforms.Compose([
        transforms.RandomCrop(8, padding=2), transforms.RandomHorizontalFlip(),
        transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.25,) * 3)])
    out = pipeline(image())
    assert out.shape == (3, 8, 8) and out.dtype == torch.float32
    assert out.min().item() >= -2 and out.max().item() <= 2
    assert repr(pipeline).splitlines()[1] == "    RandomCrop(size=(8, 8), padding=2)"


def test_between_images_and_tensors():
    x = F.to_tensor(image())
    assert x.shape == (3, 9, 12) and x[1, 2, 3].item() == pytest.approx(PIXELS[2, 3, 1] / 255)
    assert np.array_equal(np.array(F.to_pil_image(x)), PIXELS)
    assert same(F.pil_to_tensor(image()), torch.tensor(PIXELS.transpose(2, 0, 1), device="cpu"))
    assert F.to_tensor(PIXELS.astype(np.float64)).dtype == torch.float64  # not scaled
    gray = F.to_pil_image(torch.zeros(4, 5, dtype=torch.int16))
    assert gray.mode == "I;16" and gray.size == (5, 4)


@pytest.mark.parametrize("call, error, message", [
    (lambda: F.to_tensor([1]), TypeError, "pic should be PIL Image or ndarray"),
    (lambda: F.to_tensor(np.zeros(3)), ValueError, "pic should be 2/3 dimensional"),
    (lambda: F.to_pil_image(torch.zeros(5, 2, 2)), ValueError, "not have > 4 channels"),
    (lambda: F.to_pil_image(torch.zeros(3, 2, 2), "L"), ValueError, "Only modes .'RGB'"),
    (lambda: F.pil_to_tensor(PIXELS), TypeError, "pic should be PIL Image"),
    (lambda: F.hflip(PIXELS), TypeError, "img should be a PIL Image or a Tensor"),
    (lambda: F.normalize(tensor(), (0,), (1,)), TypeError, "should be a float tensor"),
    (lambda: F.normalize(tensor(np.float32), (0,), (0,)), ValueError, "std evaluated to zero"),
    (lambda: transforms.Resize("3x3"), ValueError, "1 or 2 values"),
    (lambda: transforms.Resize(3, "cubic"), TypeError, "should be a InterpolationMode"),
    (lambda: transforms.RandomCrop(20)(tensor()), ValueError, "larger than input image size"),
    (lambda: transforms.Pad((1, 2, 3)), ValueError, "1, 2, or 4 element tuple"),
    (lambda: transforms.ColorJitter(hue=0.7), ValueError, "hue values should be between"),
    (lambda: transforms.RandomRotation(-3), ValueError, "it must be positive"),
    (lambda: transforms.GaussianBlur(4), ValueError, "odd and positive"),
    (lambda: transforms.RandomErasing(p=2), ValueError, "between 0 and 1"),
    (lambda: transforms.Lambda(3), TypeError, "lambd should be callable"),
    (lambda: transforms.RandomOrder(3), TypeError, "transforms should be a sequence"),
    (lambda: F.adjust_hue(tensor(), 0.6), ValueError, "is not in"),
    (lambda: F.posterize(tensor(np.float32), 3), TypeError, "Only torch.uint8"),
    (lambda: F.rotate(tensor(), 3, F.InterpolationMode.BOX), ValueError, "unsupported"),
    (lambda: F.five_crop(tensor(), 10), ValueError, "bigger than input size"),
    (lambda: F.convert_image_dtype(tensor(np.float32), torch.int64), RuntimeError, "safely"),
])
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_tensors_keep_their_device_and_dtype(device):
    x = tensor(np.float32) / 255
    for transform in (transforms.Resize(5), transforms.CenterCrop((20, 4)), transforms.Pad(2),
                      transforms.RandomRotation(30), transforms.GaussianBlur(3),
                      transforms.RandomAffine(5, shear=4, fill=1),
                      transforms.ColorJitter(0.3, 0.3, 0.3, 0.1), transforms.RandomErasing(1),
                      transforms.Pad(2, padding_mode="symmetric"), transforms.Grayscale(3)):
        out = transform(x)
        assert out.device.type == device.type and out.dtype == torch.float32, transform
        assert out.shape[0] == 3


def test_flips_and_crops_are_each_other_s_inverse():
    x = tensor()
    assert same(F.hflip(F.hflip(x)), x) and same(F.vflip(F.hflip(x)), F.rotate(x, 180))
    padded = F.pad(x, [2, 3, 4, 5])
    assert padded.shape == (3, 17, 18) and same(F.crop(padded, 3, 2, 9, 12), x)
    assert same(F.pad(padded, [-2, -3, -4, -5]), x)
    corners = F.ten_crop(x, (4, 5))
    assert len(corners) == 10 and same(corners[0], x[:, :4, :5])
    assert same(corners[5], F.hflip(x)[:, :4, :5])


def test_colors():
    x = tensor()
    assert same(F.invert(F.invert(x)), x) and same(F.solarize(x, 0), F.invert(x))
    assert same(F.adjust_brightness(x, 1), x) and F.adjust_brightness(x, 0).max().item() == 0
    assert same(F.posterize(x, 8), x) and set(F.posterize(x, 1).unique().tolist()) <= {0, 128}
    stretched = F.autocontrast(x)
    assert stretched.amin((1, 2)).tolist() == [0] * 3
    assert stretched.amax((1, 2)).tolist() == [255] * 3
    turned = F.adjust_hue(F.adjust_hue(x / 255, 0.3), -0.3)
    assert (turned - x / 255).abs().max().item() < 1e-5
    gray = F.rgb_to_grayscale(x, 3)
    assert gray.shape == x.shape and same(gray[0], gray[2])
    assert same(F.equalize(torch.full((1, 4, 4), 7, dtype=torch.uint8)),
                torch.full((1, 4, 4), 7, dtype=torch.uint8))


def test_normalize_in_place():
    x = torch.ones(1, 2, 2)
    assert F.normalize(x, [0.5], [0.5]) is not x and x.sum().item() == 4
    assert F.normalize(x, [0.0], [0.5], inplace=True) is x and x.sum().item() == 8


def test_random_transforms_follow_the_seed():
    jitter = transforms.ColorJitter(0.5, 0.5, 0.5, 0.5)
    outs = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        outs.append(jitter(tensor()))
    assert same(outs[0], outs[1]) and not same(outs[0], outs[2])
    torch.manual_seed(0)
    flips = [same(transforms.RandomVerticalFlip(0.3)(tensor()), tensor()) for _ in range(200)]
    assert 120 <= sum(flips) <= 160


def test_grids():
    images = torch.arange(5.0).view(5, 1, 1, 1).expand(5, 3, 2, 4)
    grid = utils.make_grid(images, nrow=3, padding=1, pad_value=-1)
    assert grid.shape == (3, 7, 16)
    assert grid[0, 1].tolist() == [-1, *[0] * 4, -1, *[1] * 4, -1, *[2] * 4, -1]
    assert grid[2, 4, 11:].tolist() == [-1] * 5  # the missing sixth
    assert utils.make_grid(torch.zeros(2, 2)).shape == (3, 2, 2)
    assert utils.make_grid([torch.zeros(3, 2, 2)] * 2).shape == (3, 6, 10)
    scaled = utils.make_grid(images, normalize=True)
    assert scaled.min().item() == 0 and scaled.max().item() == 1 and images.max().item() == 4
    each = utils.make_grid(images, normalize=True, scale_each=True)
    assert each.max().item() == 0  # every image is flat
    with pytest.raises(TypeError, match="tensor or list of tensors expected"):
        utils.make_grid([1, 2])


def test_save_image(tmp_path):
    x = torch.tensor([[[0.0, 1.0], [0.5, 2.0]]], requires_grad=True)
    utils.save_image(x, tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert np.array(image)[..., 0].tolist() == [[0, 255], [128, 255]]
    with open(tmp_path / "y", "wb") as file:
        utils.save_image([x, x], file, format="BMP", padding=0)
    with Image.open(tmp_path / "y") as image:
        assert image.size == (4, 2)


@pytest.mark.host_only
def test_image_files(tmp_path):
    x = torch.tensor(PIXELS.transpose(2, 0, 1).copy())
    io.write_png(x, tmp_path / "x.png")
    assert same(io.read_image(str(tmp_path / "x.png")), x)
    assert io.read_image(tmp_path / "x.png", io.ImageReadMode.GRAY).shape == (1, 9, 12)
    assert io.decode_image(io.encode_png(x[:1]), "RGB").shape == (3, 9, 12)
    smooth = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    io.write_jpeg(smooth, tmp_path / "x.jpg", quality=95)
    found = io.read_image(tmp_path / "x.jpg")
    assert (found.int() - smooth.int()).abs().max().item() < 8
    with pytest.raises(RuntimeError, match="no image that Pillow can read"):
        io.decode_png(torch.zeros(10, dtype=torch.uint8))
    with pytest.raises(RuntimeError, match="dtype should be uint8"):
        io.encode_png(torch.zeros(3, 2, 2))
    with pytest.raises(ValueError, match="between 1 and 100"):
        io.encode_jpeg(x, 0)


WITHOUT_PILLOW = """
import sys
sys.modules["PIL"] = None
import ember
import ember.vision.transforms as T
assert T.Resize(4)(ember.zeros(3, 8, 8)).shape == (3, 4, 4)
try:
    T.ToPILImage()(ember.zeros(3, 8, 8))
except ImportError as error:
    print(error)
"""


@pytest.mark.host_only
def test_without_pillow():
    """Tensors can be transformed; an image is refused with the remedy."""
    run = subprocess.run([sys.executable, "-c", WITHOUT_PILLOW], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "pip install ember[vision]" in run.stdout
