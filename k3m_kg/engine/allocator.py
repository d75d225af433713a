"""Keeping the memory of a long training on a CPU where it is.

Not a leak was found where it grew, but two habits that together are one: oneDNN keeps a kernel for
each size of a tensor that it has met, made in the middle of a step, and glibc puts tensors among
such small things, so that with each step there are more places into which none fits any longer.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import MutableMapping

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's `mallopt`."""
_LARGE = 1 << 18
_KEPT_AT_THE_TOP = 64 << 20
_THEIR_OWN = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_")
_KERNELS = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
_SOME = "256"
"""Of the 1,024 that oneDNN would keep: all kernels of fixed sizes of a network of 50 layers, about
30 KB each."""


def bound_growth(environment: MutableMapping[str, str] | None = None) -> bool:
    """Have this process keep fewer kernels, and give free blocks back to the system.

    GELU makes two kernels for each number of tokens, and no two steps have the same. oneDNN asks
    for the bound when it first makes one. Blocks from 256 KiB on are mapped each by itself, as
    glibc does until one is freed; from then on it puts larger and larger ones, up to 32 MiB, among
    all others.

    Args:
        environment: of the process; what it says of either stays.

    Returns:
        Whether blocks are given back: not without glibc, nor where the environment speaks of it.
    """
    found = os.environ if environment is None else environment
    found.setdefault(_KERNELS, _SOME)
    if any(name in found for name in _THEIR_OWN) or "mmap" in found.get("GLIBC_TUNABLES", ""):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS; Windows
        return False
    # setting the one switches off that the other follows it
    return bool(mallopt(_MMAP_THRESHOLD, _LARGE) and mallopt(_TRIM_THRESHOLD, _KEPT_AT_THE_TOP))
