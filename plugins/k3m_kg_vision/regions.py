"""Where the regions of a picture lie, and how a picture is fitted into a square."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image


def grid_boxes(grid: int) -> Tensor:
    """(R, 5): x1, y1, x2, y2 and area share of each cell, row by row, in [0, 1]."""
    row, column = np.divmod(np.arange(grid**2), grid)
    area = np.full(grid**2, 1 / grid)
    boxes = np.stack([column, row, column + 1, row + 1, area], -1) / grid
    return torch.from_numpy(boxes.astype(np.float32))


def patches(pictures_ICYX: Tensor, side: int) -> Tensor:
    """(I, R, C * side * side): the squares of pictures, row by row, as `F.unfold` orders them.

    Without its kernel, which a GPU starts once for each picture.
    """
    count, channels, high, wide = pictures_ICYX.shape
    split = (count, channels, high // side, side, wide // side, side)
    return pictures_ICYX.reshape(split).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def fitted(image: Image, side: int) -> Image:
    """The picture in RGB on a white square, padded and never stretched; one that fits as it is."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    if image.mode == "RGB" and image.size == (side, side):
        return image
    return ImageOps.pad(
        image.convert("RGB"), (side, side), Pillow.Resampling.BILINEAR, color=(255, 255, 255)
    )
