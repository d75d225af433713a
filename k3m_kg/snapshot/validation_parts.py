"""Validation in two parts: one to choose and to fit by, one that proves thresholds.

The epoch of a training is chosen and temperatures are fitted on the first. What was chosen by a
question says too much of it, so a precision that is promised is proved on the second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from k3m_kg.snapshot.groups import draws_by_group
from k3m_kg.snapshot.read import Snapshot

FITTING_SHARE = 0.5
"""Of the products that validation asks about; the others are for the proof."""


PROOF = 2
"""The fold that is kept for the proof."""


@dataclass(frozen=True, slots=True)
class ValidationParts:
    """Which part each product is in: whole groups of products that share a title or a picture.

    Attributes:
        rows: (N,) ascending, the products that are asked about.
        draws: (N,) in [0, 1), by the content of a product's group: the same in every snapshot that
            holds the group.
    """

    rows: np.ndarray
    draws: np.ndarray

    @classmethod
    def of(cls, snapshot: Snapshot, rows: np.ndarray) -> ValidationParts:
        """The parts of some products, which may repeat."""
        distinct = np.unique(rows)
        return cls(distinct, draws_by_group(snapshot, distinct, "calibration"))

    def fold(self, rows_Q: np.ndarray) -> np.ndarray:
        """(Q,) 0 or 1: the two halves of the fitting part; `PROOF`: the proof part."""
        draw_Q = self.draws[np.searchsorted(self.rows, rows_Q)]
        half = FITTING_SHARE / 2
        return np.searchsorted([half, FITTING_SHARE], draw_Q, side="right")

    def fitting(self, rows: np.ndarray) -> np.ndarray:
        """Those of some products that may be chosen by; all, where none would be left."""
        chosen = rows[self.fold(rows) != PROOF]
        return chosen if len(chosen) else rows


def fitting_rows(snapshot: Snapshot) -> np.ndarray:
    """The validation products that training may choose by."""
    rows = snapshot.rows("validation")
    return ValidationParts.of(snapshot, rows).fitting(rows) if len(rows) else rows
