"""Weights of a frozen network: their hash, and a file of their own beside what trains."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from k3m_kg.errors import ArtifactError
from k3m_kg.files import usual_mode

FILE = "network.safetensors"
"""Of the weights, in the folder of an encoder."""


def fingerprint(network: nn.Module, *more: object) -> str:
    """A hash of all weights, and of whatever else a result depends on."""
    digest = hashlib.sha256(json.dumps(more, default=str).encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        plain = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(plain.view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def save_frozen(network: nn.Module, folder: Path) -> None:
    """All weights as safetensors: what an encoder's `save_assets` keeps of a frozen network."""
    tensors = {
        name: tensor.detach().cpu().contiguous().clone()  # some share memory
        for name, tensor in network.state_dict().items()
    }
    with usual_mode(folder / FILE):
        save_file(tensors, folder / FILE)


def load_frozen(network: nn.Module, folder: Path) -> None:
    """Take the weights that `save_frozen` wrote.

    Raises:
        ArtifactError: they are missing, damaged or of another network.
    """
    path = folder / FILE
    try:
        network.load_state_dict(load_file(path))
    except Exception as error:  # safetensors, torch and the system each have errors of their own
        raise ArtifactError(
            f"the frozen network cannot be read: {str(error).splitlines()[0]}", where=str(path)
        ) from None
