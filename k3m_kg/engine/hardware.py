"""What the hardware could do, for saying how much of it is used."""

from __future__ import annotations

import re

import torch

from k3m_kg.engine.precision import Precision

_PEAKS: tuple[tuple[str, float, float], ...] = (
    (r"\bGH200\b|\bH200 NVL\b", 0.0, 0.0),
    (r"\bH200\b", 989e12, 67e12),
    (r"\bH100 PCIe\b", 756e12, 51e12),
    (r"\bH100 NVL\b", 835e12, 60e12),
    (r"\bH100\b|\bH800\b", 989e12, 67e12),
    (r"\bB200\b", 2250e12, 75e12),
    (r"\bA100\b|\bA800\b", 312e12, 19.5e12),
    (r"\bL40S\b", 362e12, 91.6e12),
    (r"\bL40\b", 181e12, 90.5e12),
    (r"\bL4\b", 121e12, 30.3e12),
    (r"\bA10\b", 125e12, 31.2e12),
    (r"\bV100\b", 0.0, 15.7e12),
)
"""By a GPU's name its peak FLOP/s in bfloat16 and in float32, dense, from the maker's data sheets:
of bfloat16 that of tensor cores, of float32 that without, as torch computes it unless told
otherwise. 0 where none is known."""


def peak_flops(name: str, precision: Precision) -> float:
    """FLOP/s of a GPU by its name at best; 0 of hardware that is not known, rather than a guess."""
    for pattern, half, single in _PEAKS:
        if re.search(pattern, name):
            return half if precision == "bf16" else single
    return 0.0


def peak_of(device: torch.device, precision: Precision) -> float:
    """As `peak_flops`; 0 of a CPU."""
    if device.type != "cuda":
        return 0.0
    return peak_flops(torch.cuda.get_device_name(device), precision)


def peak_memory(device: torch.device) -> float:
    """Bytes of a GPU that tensors have taken at most; 0 on a CPU."""
    if device.type != "cuda":
        return 0.0
    return float(torch.cuda.max_memory_allocated(device))
