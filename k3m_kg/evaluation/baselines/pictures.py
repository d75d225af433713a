"""Pictures without any network: what colours there are, where, and a small grey picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from k3m_kg.evaluation.baselines.scaled import Scaled
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.questions import Triples

_LEVELS, _GRID, _GREY = 4, 4, 16
PLAIN = _LEVELS**3 + 3 * _GRID**2 + _GREY**2
"""Numbers that describe a picture."""


def describe(picture: Image.Image) -> np.ndarray:
    """Colour histogram (4 levels a channel), mean colours on a 4x4 grid, 16x16 grey pixels."""
    small = np.asarray(picture.resize((32, 32), Image.Resampling.BOX), np.int64)
    level = small * _LEVELS // 256
    code = (level[..., 0] * _LEVELS + level[..., 1]) * _LEVELS + level[..., 2]
    histogram = np.sqrt(np.bincount(code.ravel(), minlength=_LEVELS**3) / code.size)
    side = 32 // _GRID
    grid = small.reshape(_GRID, side, _GRID, side, 3).mean((1, 3)) / 255
    grey = small.mean(2).reshape(_GREY, 2, _GREY, 2).mean((1, 3)) / 255
    return np.concatenate([histogram, grid.ravel(), grey.ravel()]).astype(np.float32)


class PlainPictures(Scaled):
    """The first picture of each product, read from the snapshot's thumbnails once."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], np.ndarray] = {}

    def raw(self, view: View, questions: Triples) -> tuple[np.ndarray, np.ndarray]:
        """(Q, 368) and which products have a picture."""
        snapshot, rows = view.snapshot, questions.rows
        starts, ends = snapshot.image_offsets[rows], snapshot.image_offsets[rows + 1]
        has = ends > starts
        found = np.zeros((len(rows), PLAIN), np.float32)
        for place in np.flatnonzero(has).tolist():
            number = int(snapshot.image_thumbnail[starts[place]])
            key = (snapshot.id, number)
            if key not in self._kept:
                self._kept[key] = describe(snapshot.thumbnail(number)).astype(np.float16)
            found[place] = self._kept[key]
        return found, has
