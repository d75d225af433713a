"""A pretrained network that makes a grid of features of a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import torch
from torch import Tensor, nn


class Network(nn.Module, ABC):
    """Pixels to a grid of features.

    Attributes:
        side: S, of the square that it takes, in pixels.
        width: F.
        grid: (rows, columns) of what it gives.
        mean: of each colour, in [0, 1], that the weights were trained with.
        std: the same.
        head: the linear layer of its classifier, where it has one.
    """

    side: int
    width: int
    grid: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    head: nn.Linear | None

    @abstractmethod
    def forward(self, pixels_I3SS: Tensor) -> Tensor:
        """(I, F, rows, columns), of pixels that have zero mean."""

    def normalised(self, pixels_I3SS: Tensor, dtype: torch.dtype) -> Tensor:
        """Bytes as the network wants them."""
        shape, device = (1, 3, 1, 1), pixels_I3SS.device
        mean = torch.tensor(self.mean, device=device).view(shape) * 255
        std = torch.tensor(self.std, device=device).view(shape) * 255
        return ((pixels_I3SS.float() - mean) / std).to(dtype)

    @abstractmethod
    def save_config(self, folder: Path) -> None:
        """Write what, with the weights, makes the same network."""


def half_pays(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    asked = getattr(torch.cpu, "get_capabilities", None)
    found = asked() if asked is not None else {}
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))
