"""Patches of a picture as regions, a ViT of configurable size, a codebook for object targets."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.api import (
    Description,
    ImageEncoder,
    ModelContext,
    initialise,
    transformer,
)
from k3m_kg_vision import palette
from k3m_kg_vision.clusters import cluster
from k3m_kg_vision.colours import GRID, centred, fit_colours, nearness
from k3m_kg_vision.regions import fitted, grid_boxes, patches
from k3m_kg_vision.settings import PatchViTSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image


class PatchViT(ImageEncoder):
    """Embedding = LayerNorm(linear(feature) + linear(box) + position), then transformer layers.

    The feature of a region is its pixels (stem `linear`) or the output of a convolutional stem at
    its place (stem `conv`, whose receptive field exceeds the patch: masked patches are therefore
    greyed in the pixels before the stem, or a neighbour would tell what they held).
    """

    prepares_in_threads = True

    def __init__(self, settings: PatchViTSettings, context: ModelContext) -> None:
        super().__init__()
        hidden = context.hidden
        self.settings = settings
        self.seed = context.seed
        self.grid = settings.size // settings.patch
        self.stem, width = _stem(settings)
        self.feature = nn.Linear(width + settings.colours, hidden)
        self.box = nn.Linear(5, hidden)
        self.position = nn.Parameter(torch.zeros(self.grid**2, hidden))
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(settings.embedding_dropout)
        self.layers = transformer(
            hidden,
            settings.layers,
            settings.heads,
            expansion=settings.expansion,
            dropout=settings.dropout,
            where="image_encoder.heads",
        )
        initialise(self)
        self.register_buffer("boxes_R5", grid_boxes(self.grid))
        self.register_buffer("codebook_CF", torch.zeros(settings.codebook, 3 * GRID**2))
        self.register_buffer("codebook_scale", torch.ones(()))
        self.boxes_R5: Tensor
        self.register_buffer("colours_K3", torch.zeros(settings.colours, 3))
        self.register_buffer("colours_scale", torch.ones(()))
        self.codebook_CF: Tensor
        self.codebook_scale: Tensor
        self.colours_K3: Tensor
        self.colours_scale: Tensor

    def cache_key(self) -> str:
        """Depends on the size, and on how many patches share it."""
        return (
            "patch-vit-"
            + hashlib.sha256(f"v2 {self.settings.size} {self.grid}".encode()).hexdigest()[:12]
        )

    def prepare(self, images: Sequence[Image], hashes: Sequence[str]) -> dict[str, np.ndarray]:
        """`pixels` (I, 3, size, size) uint8, each picture fitted onto white; `palette` of it.

        `palette`: (I, R, 2 K) float16, the colours of each patch in the whole picture.
        """
        side = self.settings.size
        pixels = np.empty((len(images), 3, side, side), np.uint8)
        for number, image in enumerate(images):
            pixels[number] = np.asarray(fitted(image, side)).transpose(2, 0, 1)
        return {
            "pixels": pixels,
            "palette": palette.histograms(torch.from_numpy(pixels), self.grid),
        }

    def fit(self, prepared: dict[str, Tensor]) -> None:
        """K-means over the mean colours of patches, and over single colours."""
        colours_NF = self._colours(prepared["pixels"]).flatten(0, 1)
        if self.num_targets:
            cluster(colours_NF, self.codebook_CF, self.codebook_scale, self.seed)
        if self.settings.colours:
            cells_N3 = colours_NF.view(-1, 3, GRID**2).transpose(1, 2).reshape(-1, 3)
            fit_colours(cells_N3, self.colours_K3, self.colours_scale, self.seed)

    @property
    def num_targets(self) -> int:
        """C, the size of the codebook."""
        return self.settings.codebook

    def augment(self, arrays: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Each picture by itself: mirrored, moved, and zoomed, by `view` (I, 2, 3)."""
        settings, size = self.settings, len(arrays["pixels"])
        draw = torch.rand((4, size), generator=generator)
        mirror = torch.where(draw[0] < 0.5 * settings.flip, -1.0, 1.0)
        zoom = 1 + settings.zoom * (2 * draw[1] - 1)
        move = (2 * draw[2:] - 1) * (2 * settings.shift / settings.size)
        view = torch.zeros(size, 2, 3)
        view[:, 0, 0], view[:, 1, 1], view[:, :, 2] = zoom * mirror, zoom, move.T
        return arrays | {"view": view}

    def unpack(self, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
        """The pictures as `augment` chose to see them, their border repeated."""
        if "view" not in arrays:
            return arrays
        pixels, others = arrays["pixels"], {k: a for k, a in arrays.items() if k != "view"}
        grid = F.affine_grid(arrays["view"], list(pixels.shape), align_corners=False)
        moved = F.grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
        return others | {"pixels": moved}

    def ready_made(self, arrays: dict[str, Tensor], tokens_IR: Tensor) -> Tensor:
        """(I, 2 K): the palette's colours."""
        return palette.read(arrays["palette"], tokens_IR)

    def describe(self, arrays: dict[str, Tensor]) -> Description:
        """Every patch is there."""
        size, count = len(arrays["pixels"]), self.grid**2
        return Description(
            tokens_IN=torch.ones(size, count, dtype=torch.bool),
            boxes_IN5=grid_boxes(self.grid).expand(size, -1, -1),
        )

    def targets(self, arrays: dict[str, Tensor]) -> Tensor | None:
        """The soft nearness to the codebook's clusters."""
        if not self.num_targets:
            return None
        distance = torch.cdist(self._colours(arrays["pixels"]), self.codebook_CF[None])
        return (-distance.square() / self.codebook_scale).softmax(-1)

    def forward(self, arrays: dict[str, Tensor], masked_IR: Tensor | None = None) -> Tensor:
        """(I, R, H)."""
        pixels = arrays["pixels"].to(self.position.dtype) / 127.5 - 1
        if masked_IR is not None:
            kept = (~masked_IR).to(pixels.dtype).view(-1, 1, self.grid, self.grid)
            pixels = pixels * F.interpolate(kept, scale_factor=float(self.settings.patch))
        if self.stem is None:
            feature_BRF = patches(pixels, self.settings.patch)
        else:
            deep = self.stem(pixels.contiguous(memory_format=torch.channels_last))
            feature_BRF = deep.flatten(2).transpose(1, 2)
        if self.settings.colours:
            feature_BRF = torch.cat([feature_BRF, self._histogram(pixels)], -1)
        embedded = self.feature(feature_BRF) + self.box(2 * self.boxes_R5 - 1) + self.position
        out: Tensor = self.layers(self.dropout(self.norm(embedded)))
        return out

    @torch.no_grad()
    def _histogram(self, pixels: Tensor) -> Tensor:
        """(B, R, colours): root of each patch's soft histogram, about zero mean and unit size."""
        cells = self._cells(pixels / 2 + 0.5).permute(0, 2, 3, 1)
        weight = nearness(cells.reshape(len(cells), -1, 3), self.colours_K3, self.colours_scale)
        split = (len(cells), self.grid, GRID, self.grid, GRID, self.settings.colours)
        histogram = weight.view(split).mean((2, 4)).flatten(1, 2)
        return centred(histogram)

    def _colours(self, pixels: Tensor) -> Tensor:
        """(B, R, 3 * 16) mean colours of each patch, in [0, 1]."""
        return patches(self._cells(pixels.float() / 255), GRID)

    def _cells(self, pixels: Tensor) -> Tensor:
        """(B, 3, 4 grid, 4 grid): mean colours, 4 x 4 per patch."""
        if self.settings.patch % GRID:
            return F.adaptive_avg_pool2d(pixels, self.grid * GRID)
        return F.avg_pool2d(pixels, self.settings.patch // GRID)  # many times faster


class _Residual(nn.Module):
    """x + ReLU(norm(conv(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = F.relu(self.norm(self.convolution(x)))
        return x + changed


def _stem(settings: PatchViTSettings) -> tuple[nn.Module | None, int]:
    if settings.stem == "linear":
        return None, 3 * settings.patch**2
    stages: list[nn.Module] = []
    before = 3
    for number, width in enumerate(settings.channels):
        stride = settings.patch // 2 ** (len(settings.channels) - 1) if number == 0 else 2
        kernel, padding = (stride, 0) if number == 0 else (3, 1)
        stages += [
            nn.Conv2d(before, width, kernel, stride, padding, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        if settings.residual and number:
            stages.append(_Residual(width))
        before = width
    return nn.Sequential(*stages).to(memory_format=torch.channels_last), before  # type: ignore[call-overload]
