"""A number with an interval, from how probable each of a property's values is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from k3m_kg.quantities.scales import Scale

INTERVAL = (0.1, 0.9)
"""Of the probability, between these shares lies the interval: 80 %."""


@dataclass(frozen=True, slots=True)
class PredictedNumbers:
    """What is predicted for Q questions, in the unit of a scale.

    Attributes:
        middle_Q: the median: as likely too high as too low.
        low_Q, high_Q: the interval.
    """

    middle_Q: np.ndarray
    low_Q: np.ndarray
    high_Q: np.ndarray


def predicted_numbers(scale: Scale, probability_QV: np.ndarray) -> PredictedNumbers:
    """The median and the interval of a distribution over a property's values.

    Values that are no numbers are left out, and the rest is made whole again.
    """
    there = np.flatnonzero(np.isfinite(scale.numbers_V))
    order = there[np.argsort(scale.numbers_V[there], kind="stable")]
    below_QV = np.cumsum(probability_QV[:, order], axis=1, dtype=np.float64)
    below_QV /= np.maximum(below_QV[:, -1:], np.finfo(np.float64).tiny)
    ordered = scale.numbers_V[order]
    low_Q, middle_Q, high_Q = (
        ordered[np.minimum((below_QV < share).sum(1), len(order) - 1)]
        for share in (INTERVAL[0], 0.5, INTERVAL[1])
    )
    return PredictedNumbers(middle_Q, low_Q, high_Q)


def within(scale: Scale, predicted_N: np.ndarray, true_N: np.ndarray) -> np.ndarray:
    """(N,) bool: which predicted numbers are right, as far as the scale's tolerance goes."""
    # Rounding must not turn 10 % off into more than 10 %.
    allowed_N = scale.tolerance(true_N) * (1 + 1e-9) + 1e-12
    right: np.ndarray = np.abs(predicted_N - true_N) <= allowed_N
    return right
