"""Texts to padded token ids."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def spoken(name: str) -> str:
    """A property's name as words: `baseColour` and `base_colour` are both `base Colour`."""
    return _CAMEL.sub(" ", name.replace("_", " "))


def pad(rows: Sequence[Sequence[int]], longest: int) -> tuple[Tensor, Tensor]:
    """Ragged ids, cut to `longest`, as (N, L) int32 ids and bool presence, L at least 1."""
    lengths = np.fromiter((min(len(row), longest) for row in rows), np.int64, len(rows))
    width = max(1, int(lengths.max(initial=0)))
    present = np.arange(width) < lengths[:, None]
    ids = np.zeros((len(rows), width), np.int32)
    flat = [token for row in rows for token in row[:longest]]
    ids[present] = np.asarray(flat, np.int32)
    return torch.from_numpy(ids), torch.from_numpy(present)
