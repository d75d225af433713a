"""Logistic regression on one input, its strength chosen on validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from k3m_kg.lpm.softmax_regression import (
    Part,
    dense_undone,
    fit_softmax,
    softmax_logits,
    with_dense,
)

STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
DENSE_SCALES = (1.0, 0.25)
"""Of features beside words and attributes: many features of few products are no help at length."""
_ITERATIONS = 40
_USUAL = 1.0
"""Where there is nothing to choose it on."""
MOST_WEIGHTS = 1 << 21
"""Classes times columns: with more, the columns that fewest examples have are left out."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A fitted model of K classes.

    Attributes:
        classes: (K,) ascending labels.
        columns: of each part of the input those that are read.
        weights_FK: of each such column, and the bias; scores are logits.
        strength: scikit-learn's C.
    """

    classes: np.ndarray
    columns: tuple[np.ndarray, ...]
    weights_FK: np.ndarray
    strength: float

    def logits(self, parts: Sequence[Part]) -> np.ndarray:
        """(Q, K) float32."""
        return softmax_logits(_chosen(parts, self.columns), self.weights_FK)


def fit_linear(
    train: tuple[Sequence[Part], np.ndarray], validation: tuple[Sequence[Part], np.ndarray]
) -> Linear:
    """The strength that is most often right on validation; the usual one without validation.

    Args:
        train: examples and their labels, of at least two kinds.
        validation: the same for choosing; labels that training lacks are never right.
    """
    classes, labels = np.unique(train[1], return_inverse=True)
    columns = _columns(train[0], MOST_WEIGHTS // len(classes))
    parts, checked = (_chosen(found, columns) for found in (train[0], validation[0]))
    best, best_right = None, -1.0
    kinds = {isinstance(part, np.ndarray) for part in parts}
    for scale in DENSE_SCALES if len(kinds) > 1 and len(validation[1]) else (1.0,):
        scaled, weights_FK = with_dense(parts, scale), None
        for strength in STRENGTHS if len(validation[1]) else (_USUAL,):
            weights_FK = fit_softmax(
                scaled, labels, len(classes), strength, begin_FK=weights_FK, iterations=_ITERATIONS
            )
            found = Linear(classes, columns, dense_undone(parts, weights_FK, scale), strength)
            right = 0.0
            if len(validation[1]):
                given = classes[softmax_logits(checked, found.weights_FK).argmax(1)]
                right = float(np.mean(given == validation[1]))
            if right > best_right:
                best, best_right = found, right
    assert best is not None
    return best


def _columns(parts: Sequence[Part], most: int) -> tuple[np.ndarray, ...]:
    """Of each part the columns that any example has; of too many those that most have."""
    counts = [
        (part != 0).sum(0)
        if isinstance(part, np.ndarray)
        else np.bincount(part.indices, minlength=part.shape[1])
        for part in parts
    ]
    every = np.sort(np.concatenate([*counts, np.empty(0, np.int64)]))[::-1]
    least = max(1, int(every[most]) + 1) if len(every) > most else 1
    return tuple(np.flatnonzero(count >= least) for count in counts)


def _chosen(parts: Sequence[Part], columns: tuple[np.ndarray, ...]) -> list[Part]:
    return [
        part if len(mine) == part.shape[1] else part[:, mine]
        for part, mine in zip(parts, columns, strict=True)
    ]
