"""From the vector of a product that shows only its title, or its picture, to where whole ones lie.

A product without triples lies apart from those that have some. A linear map, fitted to some
products of the catalog by ridge regression, brings it there. docs/benchmarks.md, "Search".
"""

from __future__ import annotations

import numpy as np

from k3m_kg.lpm.questions import Triples, Visibility, heads_of
from k3m_kg.search.nearest import centred
from k3m_kg.use.open_model import OpenModel
from k3m_kg.use.partial import Partial

PARTS = ("title", "image")
"""What a product can be asked for by."""
_FITTED_ON = 1500
_FEWEST = 50
"""Products with the part: of fewer only the mean is taken."""
_RIDGE = 0.01


def fit_map(
    opened: OpenModel, vectors_NH: np.ndarray, middle_H: np.ndarray, part: str
) -> np.ndarray:
    """(H + 1, H) float32: the mean of products that show the part alone, and what is made of the
    rest. All zeros where no product shows it.
    """
    width = vectors_NH.shape[1]
    nothing = np.zeros((width + 1, width), np.float32)
    if opened.trained.known_products is not None or part not in opened.trained.sees:
        return nothing
    lot = np.random.default_rng(0).permutation(len(vectors_NH))[: 2 * _FITTED_ON]
    rows = np.sort(lot[_shown(opened, lot, part)][:_FITTED_ON])
    if not len(rows):
        return nothing
    blocks = heads_of(
        opened.predictor,
        Partial.only(opened.batcher, {part}),
        Triples.each(rows),
        Visibility(cut_title=False),
        batch_size=256,
    )
    alone_NH = np.concatenate([head_BH.cpu().numpy() for head_BH in blocks]).astype(np.float64)
    mean_H = alone_NH.mean(0)
    found = np.eye(width)
    if len(rows) >= _FEWEST:
        apart_NH = alone_NH - mean_H
        goal_NH = centred(vectors_NH[rows], middle_H).astype(np.float64)
        goal_NH -= goal_NH.mean(0)
        square_HH = apart_NH.T @ apart_NH
        weight = _RIDGE * max(np.trace(square_HH) / width, 1e-9)
        found = np.linalg.solve(square_HH + weight * np.eye(width), apart_NH.T @ goal_NH)
    return np.concatenate([mean_H[None], found]).astype(np.float32)


def mapped(alone_QH: np.ndarray, map_: np.ndarray, middle_H: np.ndarray) -> np.ndarray:
    """(Q, H) where whole products lie that show this, around the middle."""
    found: np.ndarray = middle_H + (alone_QH - map_[0]) @ map_[1:]
    return found


def _shown(opened: OpenModel, rows: np.ndarray, part: str) -> np.ndarray:
    """Which products have the part, bool."""
    snapshot = opened.snapshot
    if part == "image":
        found: np.ndarray = np.diff(snapshot.image_offsets)[rows] > 0
        return found
    return np.array([bool(text) for text in snapshot.titles.take(rows).to_pylist()], bool)
