"""Regions from a pretrained network: run once per picture and cached, or fine-tuned."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.api import (
    ConfigError,
    Description,
    ModelContext,
    fingerprint,
    load_frozen,
    save_frozen,
)
from k3m_kg_vision import palette
from k3m_kg_vision.colours import GRID
from k3m_kg_vision.network import Network, half_pays
from k3m_kg_vision.region_encoder import RegionEncoder
from k3m_kg_vision.regions import fitted, grid_boxes, patches
from k3m_kg_vision.settings import RegionSettings

if TYPE_CHECKING:
    from PIL.Image import Image

_HALF_MAX = 6e4  # beyond it float16 is infinite
_VERSION = 2  # of what is prepared: another one finds no cache of this


class RegionFeatures(RegionEncoder):
    """Cells of a network's grid as regions.

    Frozen, the network runs in `prepare` only: on the device, in batches, without gradients. It
    is then no part of this module, whose weights are those that train; the artifact keeps it as an
    asset. A region's feature was computed from the whole picture, so masking a region hides its
    own feature and not the trace of it in others.
    """

    def __init__(self, settings: RegionSettings, context: ModelContext) -> None:
        super().__init__(settings, context)
        self.settings = settings
        self.grid = math.isqrt(settings.regions)
        self._fingerprint: str | None = None
        self._running: tuple[Network, ...] = ()
        if not context.restoring:
            self._take(self._pretrained())

    @abstractmethod
    def _pretrained(self) -> Network:
        """The network that the settings name, with its weights."""

    @abstractmethod
    def _restored(self, folder: Path) -> Network:
        """The network that `save_config` described; its weights follow."""

    def _take(self, network: Network) -> None:
        """Build what stands on the network."""
        settings = self.settings
        if self.grid > min(network.grid):
            raise ConfigError(
                f"the network gives {network.grid[0]} x {network.grid[1]} regions, fewer than "
                f"{settings.regions}",
                where="image_encoder.regions",
            )
        network.requires_grad_(not settings.freeze).eval()
        if settings.freeze:
            self._apart = (network,)  # in a tuple it is no submodule
        else:
            self.network = network
        described = network.width if settings.freeze else 3 * GRID**2
        self.register_buffer("boxes_R5", grid_boxes(self.grid))
        self.boxes_R5: Tensor
        colours = settings.colours > 0
        self._build(network.width, described, self._codebook, with_palette=colours)

    @property
    def _network(self) -> Network:
        return self._apart[0] if self.settings.freeze else self.network

    @property
    def _codebook(self) -> int:
        return self.settings.codebook if self.settings.targets == "codebook" else 0

    def train(self, mode: bool = True) -> RegionFeatures:
        """The network stays as it is used: no dropout of its own, no statistics of batches."""
        super().train(mode)
        if mode:
            self._running = ()  # preparing is over: its memory is free
        if "network" in self._modules:  # fine-tuned, and already restored
            self.network.eval()
        return self

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """The network's, where it is fine-tuned."""
        return [] if self.settings.freeze else list(self.network.parameters())

    # -- preparing

    def cache_key(self) -> str:
        """Of a frozen network its weights, and how it is run; else the size alone."""
        side = self._network.side
        if not self.settings.freeze:
            return f"pixels-v{_VERSION}-{side}-{self.settings.regions}"
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self._network, _VERSION)
        dtype = str(self._precision()).removeprefix("torch.")
        return f"regions-{self._fingerprint}-{side}-{self.settings.regions}-{dtype}"

    def _precision(self) -> torch.dtype:
        if self.settings.precision == "auto":
            return torch.bfloat16 if half_pays(self.boxes_R5.device) else torch.float32
        return torch.bfloat16 if self.settings.precision == "bf16" else torch.float32

    def resized(self, image: Image) -> Image:
        """On the white square that the network takes."""
        return fitted(image, self._network.side)

    def prepare(self, images: Sequence[Image], hashes: Sequence[str]) -> dict[str, np.ndarray]:
        """`cells` (I, R, 48) uint8 mean colours; `features` (I, R, F) float16, or `pixels`.

        And `palette` (I, R, 2 K) float16, the colours of each region in the whole picture.
        """
        squares = np.stack([np.asarray(self.resized(image)) for image in images])
        pixels = torch.from_numpy(squares).permute(0, 3, 1, 2)  # channels last, as it lies
        found = {"cells": self._cells(pixels), "palette": palette.histograms(pixels, self.grid)}
        if self.settings.freeze:
            found["features"] = self._run(pixels)
        else:
            found["pixels"] = np.ascontiguousarray(squares.transpose(0, 3, 1, 2))
        return found

    def _cells(self, pixels: Tensor) -> np.ndarray:
        means = F.adaptive_avg_pool2d(pixels.float(), self.grid * GRID).round()
        cells: np.ndarray = patches(means, GRID).byte().numpy()
        return cells

    @torch.no_grad()
    def _run(self, pixels: Tensor) -> np.ndarray:
        device, dtype = self.boxes_R5.device, self._precision()
        if not self._running:  # a copy: the weights that are kept stay as they were published
            copy = deepcopy(self._network)
            self._running = (copy.to(device, dtype, memory_format=torch.channels_last),)  # type: ignore[call-overload]
        (network,) = self._running
        deep = network(network.normalised(pixels.to(device, non_blocking=True), dtype))
        pooled = F.adaptive_avg_pool2d(deep.float(), self.grid).flatten(2).transpose(1, 2)
        result: np.ndarray = pooled.clamp(-_HALF_MAX, _HALF_MAX).half().cpu().numpy()
        return result

    # -- training

    def fit(self, prepared: dict[str, Tensor]) -> None:
        """The features' mean and spread, the codebook, the common colours."""
        if self.settings.freeze:
            self._fit_features(prepared["features"].flatten(0, 1).float())
        self._fit_codebook(self._items(prepared).flatten(0, 1))
        self._fit_colours(self._single(prepared["cells"]).flatten(0, 1))

    def _items(self, arrays: dict[str, Tensor]) -> Tensor:
        """(I, R, F'): what the codebook is of; colours where features change while training."""
        if self.settings.freeze:
            return self._standard(arrays["features"])
        return arrays["cells"].float() / 255

    def ready_made(self, arrays: dict[str, Tensor], tokens_IR: Tensor) -> Tensor:
        """(I, F): the palette's colours, and the mean region of a frozen network."""
        colours_IK = palette.read(arrays["palette"], tokens_IR)
        if not self.settings.freeze:
            return colours_IK
        count_I1 = tokens_IR.sum(1, keepdim=True).clamp_min(1)
        shown_IRF = arrays["features"].float() * tokens_IR[..., None]
        return torch.cat([shown_IRF.sum(1) / count_I1, colours_IK], 1)

    @property
    def num_targets(self) -> int:
        """C: the codebook's size, or the classifier's classes."""
        if self.settings.targets == "classes":
            head = self._network.head
            return head.out_features if head is not None else 0
        return self._codebook

    def describe(self, arrays: dict[str, Tensor]) -> Description:
        """Every region is there."""
        size = len(arrays["cells"])
        return Description(
            tokens_IN=torch.ones(size, self.grid**2, dtype=torch.bool),
            boxes_IN5=grid_boxes(self.grid).expand(size, -1, -1),
        )

    def targets(self, arrays: dict[str, Tensor]) -> Tensor | None:
        """Soft nearness to the codebook, or classes."""
        if self.settings.targets == "classes":
            return self._classes(arrays["features"])
        return self._codes(self._items(arrays))

    @torch.no_grad()
    def _classes(self, features_IRF: Tensor) -> Tensor:
        head = self._network.head
        assert head is not None
        weight = head.weight.to(features_IRF.device, torch.float32)
        bias = None if head.bias is None else head.bias.to(features_IRF.device, torch.float32)
        return F.linear(features_IRF.float(), weight, bias).softmax(-1)

    def forward(self, arrays: dict[str, Tensor], masked_IR: Tensor | None = None) -> Tensor:
        """(I, R, H)."""
        feature_IRF = (
            self._standard(arrays["features"])
            if self.settings.freeze
            else self._tuned(arrays["pixels"], masked_IR)
        )
        boxes_IR5 = self.boxes_R5.expand(len(feature_IRF), -1, -1)
        return self._embed(
            feature_IRF, arrays["cells"], boxes_IR5, masked_IR, palette_IRK=arrays["palette"]
        )

    def _tuned(self, pixels: Tensor, masked_IR: Tensor | None) -> Tensor:
        """(I, R, F) from pixels; masked regions are grey before anything looks at them."""
        network = self.network
        seen = network.normalised(pixels, self.boxes_R5.dtype)
        if masked_IR is not None:
            kept = (~masked_IR).to(seen.dtype).view(-1, 1, self.grid, self.grid)
            seen = seen * F.interpolate(kept, size=(network.side, network.side))
        seen = seen.contiguous(memory_format=torch.channels_last)
        return F.adaptive_avg_pool2d(network(seen), self.grid).flatten(2).transpose(1, 2)

    # -- the artifact

    def save_assets(self, folder: Path) -> None:
        """The network's description, and its weights where they are not among those that train."""
        self._network.save_config(folder)
        if self.settings.freeze:
            save_frozen(self._network, folder)

    def load_assets(self, folder: Path) -> None:
        """Read what `save_assets` wrote."""
        on_meta = torch.get_default_device().type == "meta"
        if self.settings.freeze and not on_meta:
            with torch.device("cpu"):
                network = self._restored(folder)
                load_frozen(network, folder)
        else:
            network = self._restored(folder)
        self._take(network)
