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
_ITERATIONS, _FURTHER = 40, 20
"""Of the first fit; of one that begins with the weights of another strength."""
_PATIENCE = 2
"""Strengths in a row that are no better than the best, after which none that is larger is tried."""
_USUAL = 1.0
"""Where there is nothing to choose it on, or hardly anything is learned: as of identifiers."""
_FEWEST_EACH = 3
"""Examples of a class in the mean, from which the strength is chosen."""
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
    """The strength that is most often right on validation; the usual one where none is chosen.

    Args:
        train: examples and their labels, of at least two kinds.
        validation: the same for choosing; labels that training lacks are never right.
    """
    classes, labels = np.unique(train[1], return_inverse=True)
    columns = _columns(train[0], MOST_WEIGHTS // len(classes))
    parts, checked = (_chosen(found, columns) for found in (train[0], validation[0]))
    best: tuple[float, int, Linear] | None = None
    mixed = len({isinstance(part, np.ndarray) for part in parts}) > 1
    choose = len(validation[1]) > 0 and len(labels) >= _FEWEST_EACH * len(classes)
    for scale in DENSE_SCALES if mixed and choose else (1.0,):
        scaled, weights_FK, best_here, places = with_dense(parts, scale), None, -1.0, 0
        for place in _tried(None if best is None else best[1], choose=choose):
            weights_FK = fit_softmax(
                scaled,
                labels,
                len(classes),
                STRENGTHS[place],
                begin_FK=weights_FK,
                iterations=_ITERATIONS if weights_FK is None else _FURTHER,
            )
            undone_FK = dense_undone(parts, weights_FK, scale)
            found = Linear(classes, columns, undone_FK, STRENGTHS[place])
            right = 0.0
            if len(validation[1]):
                given = classes[softmax_logits(checked, found.weights_FK).argmax(1)]
                right = float(np.mean(given == validation[1]))
            if best is None or right > best[0]:
                best = right, place, found
            places = 0 if right > best_here else places + 1
            best_here = max(best_here, right)
            if places == _PATIENCE:
                break
    assert best is not None
    return best[2]


def _tried(near: int | None, *, choose: bool) -> range:
    """Places in `STRENGTHS`, ascending; `near` is the best one for features of another scale."""
    if not choose:
        usual = STRENGTHS.index(_USUAL)
        return range(usual, usual + 1)
    if near is None:
        return range(len(STRENGTHS))
    return range(max(0, near - 1), min(len(STRENGTHS), near + 2))


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
