"""Patches of a picture as regions, a ViT of configurable size, a codebook for object targets."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from k3m_kg.api import ConfigError, ImageEncoder, ModelContext, Regions
from torch import Tensor, nn

from k3m_kg_vision.settings import PatchViTSettings

if TYPE_CHECKING:
    from PIL.Image import Image

_GRID = 4  # a patch is described to the codebook by 4 x 4 mean colours
_CODEBOOK_PATCHES = 20_000  # patches that the codebook is fitted on


class PatchViT(ImageEncoder):
    """Embedding = LayerNorm(linear(feature) + linear(box) + position), then transformer layers.

    The feature of a region is its pixels (stem `linear`) or the output of a convolutional stem at
    its place (stem `conv`, whose receptive field exceeds the patch: masked patches are therefore
    greyed in the pixels before the stem, or a neighbour would tell what they held).
    """

    def __init__(self, settings: PatchViTSettings, context: ModelContext) -> None:
        super().__init__()
        hidden = context.hidden
        if hidden % settings.heads:
            raise ConfigError(
                f"hidden ({hidden}) must be a multiple of heads ({settings.heads})",
                where="image_encoder",
            )
        self.settings = settings
        self.seed = context.seed
        self.grid = settings.size // settings.patch
        self.stem, width = _stem(settings)
        self.feature = nn.Linear(width, hidden)
        self.box = nn.Linear(5, hidden)
        self.position = nn.Parameter(torch.zeros(self.grid**2, hidden))
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(settings.dropout)
        layer = nn.TransformerEncoderLayer(
            hidden,
            settings.heads,
            settings.expansion * hidden,
            dropout=settings.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(
            layer, settings.layers, norm=nn.LayerNorm(hidden), enable_nested_tensor=False
        )
        self.register_buffer("boxes_R5", _boxes(self.grid))
        self.register_buffer("codebook_CF", torch.zeros(settings.codebook, 3 * _GRID**2))
        self.register_buffer("codebook_scale", torch.ones(()))
        self.boxes_R5: Tensor
        self.codebook_CF: Tensor
        self.codebook_scale: Tensor

    def cache_key(self) -> str:
        """Depends on the size alone."""
        return "patch-vit-" + hashlib.sha256(f"v1 {self.settings.size}".encode()).hexdigest()[:12]

    def prepare(self, image: Image) -> dict[str, np.ndarray]:
        """`pixels`: (3, size, size) uint8, the picture fitted onto white."""
        from PIL import Image as Pillow
        from PIL import ImageOps

        side = self.settings.size
        fitted = ImageOps.pad(
            image.convert("RGB"), (side, side), Pillow.Resampling.BILINEAR, color=(255, 255, 255)
        )
        return {"pixels": np.ascontiguousarray(np.asarray(fitted).transpose(2, 0, 1))}

    def fit(self, prepared: dict[str, Tensor]) -> None:
        """K-means over the mean colours of patches."""
        if not self.num_targets:
            return
        from sklearn.cluster import KMeans

        colours_NF = self._colours(prepared["pixels"]).flatten(0, 1)
        chosen = np.random.default_rng(self.seed).permutation(len(colours_NF))[:_CODEBOOK_PATCHES]
        if len(chosen) < self.num_targets:
            raise ConfigError(
                f"{len(chosen)} patches are too few for a codebook of {self.num_targets}",
                where="image_encoder.codebook",
            )
        sample = colours_NF[torch.from_numpy(chosen)]
        means = KMeans(self.num_targets, n_init=1, max_iter=30, random_state=self.seed)
        means.fit(sample.numpy())
        centres = torch.from_numpy(np.asarray(means.cluster_centers_, dtype=np.float32))
        self.codebook_CF.copy_(centres)
        nearest = torch.cdist(sample, centres).min(1).values.square().mean()
        self.codebook_scale.copy_(nearest.clamp_min(1e-6))

    @property
    def num_targets(self) -> int:
        """C, the size of the codebook."""
        return self.settings.codebook

    def augment(self, arrays: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Shift the batch, mirror half of it."""
        pixels = arrays["pixels"]
        if shift := self.settings.shift:
            dy, dx = torch.randint(0, 2 * shift + 1, (2,), generator=generator).tolist()
            side = self.settings.size
            padded = F.pad(pixels, (shift,) * 4, value=255)
            pixels = padded[:, :, dy : dy + side, dx : dx + side]
        if self.settings.flip:
            mirrored = torch.rand(len(pixels), generator=generator) < 0.5
            mirrored = mirrored.to(pixels.device)[:, None, None, None]
            pixels = torch.where(mirrored, pixels.flip(-1), pixels)
        return {"pixels": pixels}

    def regions(self, arrays: dict[str, Tensor]) -> Regions:
        """Every patch is present; targets are the soft nearness to the codebook's clusters."""
        pixels = arrays["pixels"]
        size, count = len(pixels), self.grid**2
        targets_BRC = None
        if self.num_targets:
            distance = torch.cdist(self._colours(pixels), self.codebook_CF[None])
            targets_BRC = (-distance.square() / self.codebook_scale).softmax(-1)
        return Regions(
            present_BR=torch.ones(size, count, dtype=torch.bool, device=pixels.device),
            boxes_BR5=self.boxes_R5.expand(size, -1, -1),
            targets_BRC=targets_BRC,
        )

    def forward(self, arrays: dict[str, Tensor], masked_BR: Tensor | None = None) -> Tensor:
        """(B, R, H)."""
        pixels = arrays["pixels"].to(self.position.dtype) / 127.5 - 1
        if masked_BR is not None:
            kept = (~masked_BR).to(pixels.dtype).view(-1, 1, self.grid, self.grid)
            pixels = pixels * F.interpolate(kept, scale_factor=float(self.settings.patch))
        feature_BRF = (
            F.unfold(pixels, self.settings.patch, stride=self.settings.patch).transpose(1, 2)
            if self.stem is None
            else self.stem(pixels.contiguous(memory_format=torch.channels_last))
            .flatten(2)
            .transpose(1, 2)
        )
        embedded = self.feature(feature_BRF) + self.box(2 * self.boxes_R5 - 1) + self.position
        out: Tensor = self.layers(self.dropout(self.norm(embedded)))
        return out

    def _colours(self, pixels: Tensor) -> Tensor:
        """(B, R, 3 * 16) mean colours of each patch, in [0, 1]."""
        means = F.adaptive_avg_pool2d(pixels.float() / 255, self.grid * _GRID)
        return F.unfold(means, _GRID, stride=_GRID).transpose(1, 2)


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
        before = width
    return nn.Sequential(*stages).to(memory_format=torch.channels_last), before  # type: ignore[call-overload]


def _boxes(grid: int) -> Tensor:
    """(R, 5): x1, y1, x2, y2 and area share of each patch, row by row, in [0, 1]."""
    row, column = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    area = torch.full((grid, grid), 1 / grid)
    boxes = torch.stack([column, row, column + 1, row + 1, area], -1).view(grid**2, 5)
    return boxes.float() / grid
