"""A pretrained network that makes a grid of features of a picture."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from k3m_kg.api import ArtifactError

_WEIGHTS = "network.safetensors"


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


def fingerprint(network: nn.Module, *more: object) -> str:
    """A hash of all weights, and of whatever else a result depends on."""
    digest = hashlib.sha256(json.dumps(more, default=str).encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        plain = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(plain.view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def write_weights(network: nn.Module, folder: Path) -> None:
    """All weights as safetensors."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    save_file(tensors, folder / _WEIGHTS)


def read_weights(network: nn.Module, folder: Path) -> None:
    """Take the weights that `write_weights` wrote.

    Raises:
        ArtifactError: they are missing, damaged or of another network.
    """
    path = folder / _WEIGHTS
    try:
        network.load_state_dict(load_file(path))
    except Exception as error:  # safetensors, torch and the system each have errors of their own
        raise ArtifactError(
            f"the frozen network cannot be read: {str(error).splitlines()[0]}", where=str(path)
        ) from None


def half_pays(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    asked = getattr(torch.cpu, "get_capabilities", None)
    found = asked() if asked is not None else {}
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))
