"""The pairs of a catalog that are probably one product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from k3m_kg.matching.pair_model import PairModel
from k3m_kg.matching.pair_view import AT_ONCE, ComparedProducts
from k3m_kg.progress import Advance
from k3m_kg.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """Two products that are probably one.

    Attributes:
        product, same_as: their ids; `product` is the later one.
        probability: that they are; where no pairs were known, how alike they are, 0 to 1.
    """

    product: str
    same_as: str
    probability: float
    title: str | None
    same_title: str | None

    def record(self) -> dict[str, Any]:
        """As it is written in JSON."""
        return asdict(self)


def probabilities(
    compared: ComparedProducts,
    model: PairModel,
    pairs: np.ndarray,
    progress: Advance | None = None,
) -> np.ndarray:
    """(P,) float32 of pairs (P, 2) of rows, some at a time."""
    read = compared if model.calibrated else compared.likeness
    found = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), AT_ONCE):
        some = pairs[start : start + AT_ONCE]
        found[start : start + len(some)] = model.probabilities(read(some[:, 0], some[:, 1]))
        if progress is not None:
            progress(len(some))
    return found


def matched(
    snapshot: Snapshot, pairs: np.ndarray, probability_P: np.ndarray, least: float
) -> Iterator[MatchedPair]:
    """The pairs that are at least so probable, the most probable first."""
    sure = np.flatnonzero(probability_P >= least)
    order = sure[np.argsort(-probability_P[sure], kind="stable")]
    for place in order.tolist():
        same, row = pairs[place].tolist()
        yield MatchedPair(
            snapshot.ids[row],
            snapshot.ids[same],
            float(probability_P[place]),
            snapshot.titles[row].as_py(),
            snapshot.titles[same].as_py(),
        )
