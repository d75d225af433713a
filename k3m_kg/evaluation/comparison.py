"""Who is ahead, and whether that is more than chance: paired, over the same questions.

The difference is the mean over properties of how much more often one was right than the other.
Questions about one product are not independent, so its interval comes from the products: each one's
influence on the difference, squared and summed, is the variance (the linearisation that the
bootstrap over products approaches, and with one property and one question each, McNemar's).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from k3m_kg.contracts import Verdict

_NORMAL_95 = 1.959964
_FEWEST_DIFFERENT = 6
"""With fewer products that set the two apart, even all of them on one side would be chance."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Q questions that all competitors answered.

    Attributes:
        products: (Q,) whom each is about.
        groups: (Q,) what each is about, such as its property: all groups count alike.
    """

    products: np.ndarray
    groups: np.ndarray


def compare(
    model: np.ndarray,
    competitors: Mapping[str, np.ndarray],
    asked: Asked,
    *,
    what: str,
    split: str,
    measure: str,
    usual: bool = False,
) -> Verdict:
    """The model beside the best of its competitors.

    Args:
        model: (Q,) bool, which questions it answered right.
        competitors: the same of each competitor, by what people call it; at least one.
        asked: the questions, at least one.
        what, split, measure, usual: as in `Verdict`.
    """
    weight_Q = _weights(asked.groups)
    figures = {name: float(right_Q @ weight_Q) for name, right_Q in competitors.items()}
    against = max(figures, key=lambda name: figures[name])
    low, high, apart = interval(model, competitors[against], asked)
    outcome = "ahead" if low > 0 else "behind" if high < 0 else "level"
    return Verdict(
        what=what,
        split=split,
        measure=measure,
        model=float(model @ weight_Q),
        against=against,
        competitor=figures[against],
        low=low,
        high=high,
        outcome=outcome if apart >= _FEWEST_DIFFERENT else "level",
        questions=len(model),
        products=len(np.unique(asked.products)),
        usual=usual,
    )


def interval(one: np.ndarray, other: np.ndarray, asked: Asked) -> tuple[float, float, int]:
    """A 95 % interval of the difference, and how many products set the two apart."""
    more_Q = one.astype(float) - other.astype(float)
    weight_Q = _weights(asked.groups)
    _, group_Q = np.unique(asked.groups, return_inverse=True)
    sizes = np.bincount(group_Q)
    mean_Q = (np.bincount(group_Q, weights=more_Q) / sizes)[group_Q]
    _, product_Q = np.unique(asked.products, return_inverse=True)
    influence_P = np.bincount(product_Q, weights=weight_Q * (more_Q - mean_Q))
    count = len(influence_P)
    variance = float((influence_P**2).sum()) * count / max(1, count - 1)
    difference = float(more_Q @ weight_Q)
    half = _NORMAL_95 * variance**0.5
    apart = int((np.bincount(product_Q, weights=np.abs(more_Q)) > 0).sum())
    return difference - half, difference + half, apart


def _weights(groups: np.ndarray) -> np.ndarray:
    """(Q,) how much each question counts, 1 in all: all groups alike."""
    _, group_Q, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    weights: np.ndarray = 1 / (sizes[group_Q] * len(sizes))
    return weights
