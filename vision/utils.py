"""Pictures of many images at once.

Page: https://docs.pytorch.org/vision/0.28/utils.html
"""

import math

from ..autograd import Tensor, dtypes, no_grad, stack
from . import pillow

__all__ = ["make_grid", "save_image"]


@no_grad()
def make_grid(tensor, nrow=8, padding=2, normalize=False, value_range=None, scale_each=False,
              pad_value=0.0):
    """Return one image that shows many, in rows.

    Args:
        tensor: images of one size: (N, C, H, W), a list of (C, H, W), or one (C, H, W) or (H, W).
            Gray ones become three channels.
        nrow: how many to show in a row.
        padding: pixels around each.
        normalize: whether to bring the values to 0 to 1.
        value_range: (least, most) value then; by default those of the images.
        scale_each: whether to do so for each image by itself.
        pad_value: the value of the pixels around.
    Returns:
        shape (C, rows · (H + padding) + padding, columns · (W + padding) + padding).
    Raises:
        TypeError: something that is neither a Tensor nor a list of Tensors.

    >>> import ember
    >>> make_grid(ember.zeros(10, 1, 4, 4), nrow=5).shape
    torch.Size([3, 14, 32])
    """
    images = _color_batch(tensor)
    if normalize:
        images = _normalized(images, value_range, scale_each)
    if len(images) == 1:
        return images.squeeze(0)
    columns = min(nrow, len(images))
    rows = math.ceil(len(images) / columns)
    channels, height, width = images.shape[1:]
    down, right = height + padding, width + padding
    grid = images.new_full((channels, rows * down + padding, columns * right + padding), pad_value)
    for index, image in enumerate(images):
        top, left = (index // columns) * down + padding, (index % columns) * right + padding
        grid[:, top:top + height, left:left + width] = image
    return grid


def _color_batch(tensor):
    """Return images as (N, C, H, W), gray ones with three channels."""
    if isinstance(tensor, list) and all(isinstance(image, Tensor) for image in tensor):
        tensor = stack(tensor)
    if not isinstance(tensor, Tensor):
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}"
                        + (" of other things" if isinstance(tensor, list) else ""))
    if tensor.dim() == 2:
        tensor = tensor.unsqueeze(0)
    if tensor.dim() == 3:
        tensor = tensor.unsqueeze(0)
    gray = tensor.dim() == 4 and tensor.shape[1] == 1
    return tensor.expand(-1, 3, -1, -1) if gray else tensor


def _normalized(images, value_range, scale_each):
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are "
                        "numbers")

    def scaled(values):
        low, high = value_range or (float(values.min()), float(values.max()))
        return (values.clamp(low, high) - low) / max(high - low, 1e-5)

    return stack([scaled(image) for image in images]) if scale_each else scaled(images)


@no_grad()
def save_image(tensor, fp, format=None, **kwargs):
    """Write images, with values from 0 to 1, into one image file.

    Args:
        tensor: as in `make_grid`.
        fp: a path, or a file open for writing bytes.
        format: of the file ("PNG", ...); by default by the ending of the path.
        kwargs: of `make_grid`.
    """
    grid = make_grid(tensor, **kwargs)
    pixels = grid.mul(255).add_(0.5).clamp_(0, 255).permute(1, 2, 0).to("cpu", dtypes.uint8)
    pillow.Image.fromarray(pixels.numpy()).save(fp, format=format)
