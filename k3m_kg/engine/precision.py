"""In which precision a model computes. Weights are float32 always."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

from k3m_kg.errors import ConfigError

Precision = Literal["fp32", "bf16"]
Asked = Literal["auto", "fp32", "bf16"]
PRECISIONS: tuple[str, ...] = ("auto", "fp32", "bf16")
"""What an option `--dtype` takes."""


def training_precision(asked: Asked, device: torch.device) -> Precision:
    """What to train in: `auto` is bf16 on a GPU, and fp32 on a CPU."""
    if asked == "auto":
        return "bf16" if device.type == "cuda" else "fp32"
    return asked


def precision_of(asked: str, trained: Asked, device: torch.device) -> Precision:
    """What to use a trained model in.

    Args:
        asked: `auto` is the precision it was trained in on a GPU, and fp32 on a CPU.
        trained: that precision, as its config says.
        device: where the model is.

    Raises:
        ConfigError: no such precision.
    """
    if asked == "auto":
        return training_precision(trained, device) if device.type == "cuda" else "fp32"
    if asked not in PRECISIONS:
        raise ConfigError(
            f"no precision {asked!r}: there are {', '.join(PRECISIONS)}", where="--dtype"
        )
    return "bf16" if asked == "bf16" else "fp32"


def computing(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """The context in which a model computes so: matrix products in bfloat16, sums in float32."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
