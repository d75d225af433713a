"""What single items of an evaluation came to, and the figures that they amount to.

A figure of a report is a function of items, each of which counts once; drawn again with other
weights, the same function gives its interval, and two models asked the same items are compared
item by item. D draws, Q items.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Outcomes(ABC):
    """What a model made of Q items.

    Attributes:
        items: (Q,) what each item is, the same for whichever model is asked: integers or strings.
        units: (Q,) what is drawn as a whole when items are drawn again, such as the product that
            they are about: items of one unit depend on each other.
    """

    items: np.ndarray
    units: np.ndarray

    def __len__(self) -> int:
        return len(self.items)

    @abstractmethod
    def figures(self, times_DQ: np.ndarray) -> np.ndarray:
        """(D,) the figure where each item counts as often as a draw says; NaN without any."""

    def figure(self) -> float:
        """The figure where each item counts once."""
        return float(self.figures(np.ones((1, len(self.items))))[0])


@dataclass(frozen=True, slots=True)
class Scores(Outcomes):
    """A number for each item: right or wrong, a reciprocal rank, a recall.

    The figure is their mean in each group, and the mean of that over the groups.

    Attributes:
        score_Q: float.
        groups: (Q,) what each item is about, such as its property; all groups count alike.
    """

    score_Q: np.ndarray
    groups: np.ndarray

    def figures(self, times_DQ: np.ndarray) -> np.ndarray:
        """The mean over groups of the means; a group that a draw leaves out is left out."""
        names, group_Q = np.unique(self.groups, return_inverse=True)
        means_GD = np.full((len(names), len(times_DQ)), np.nan)
        for group in range(len(names)):
            mine = np.flatnonzero(group_Q == group)
            times = times_DQ[:, mine]
            total = times.sum(1)
            np.divide(times @ self.score_Q[mine], total, out=means_GD[group], where=total > 0)
        there_D = (~np.isnan(means_GD)).sum(0)
        sums_D = np.nansum(means_GD, axis=0)
        return _divided(sums_D, there_D)


@dataclass(frozen=True, slots=True)
class Decisions(Outcomes):
    """Yes or no for each item; the figure is F1 of yes.

    Attributes:
        said_Q, true_Q: bool.
    """

    said_Q: np.ndarray
    true_Q: np.ndarray

    def figures(self, times_DQ: np.ndarray) -> np.ndarray:
        """`2 TP / (2 TP + FP + FN)`."""
        right_D = times_DQ @ (self.said_Q & self.true_Q)
        return _divided(2 * right_D, times_DQ @ (self.said_Q.astype(float) + self.true_Q))


@dataclass(frozen=True, slots=True)
class Classes(Outcomes):
    """A label for each item; the figure is macro-F1 over the labels that are true of any.

    Attributes:
        said_Q, true_Q: labels of one kind.
    """

    said_Q: np.ndarray
    true_Q: np.ndarray

    def figures(self, times_DQ: np.ndarray) -> np.ndarray:
        """The mean over labels of their F1; a label that is true of nothing drawn is left out."""
        total_D, labels_D = np.zeros(len(times_DQ)), np.zeros(len(times_DQ))
        for label in np.unique(self.true_Q):
            said, true = self.said_Q == label, self.true_Q == label
            either = np.flatnonzero(said | true)
            times = times_DQ[:, either]
            count_D = times @ true[either]
            right_D = times @ (said & true)[either]
            both_D = times @ (said[either].astype(float) + true[either])
            total_D += np.where(count_D > 0, np.nan_to_num(_divided(2 * right_D, both_D)), 0)
            labels_D += count_D > 0
        return _divided(total_D, labels_D)


@dataclass(frozen=True, slots=True)
class Ranking(Outcomes):
    """Items by how probable they are; the figure is average precision.

    Attributes:
        score_Q: higher is more probable; items of one score come in together.
        true_Q: bool.
    """

    score_Q: np.ndarray
    true_Q: np.ndarray

    def figures(self, times_DQ: np.ndarray) -> np.ndarray:
        """The mean over true items of the precision where each comes in."""
        order = np.argsort(-self.score_Q, kind="stable")
        score_Q, true_Q = self.score_Q[order], self.true_Q[order]
        last_Q = np.searchsorted(-score_Q, -score_Q, "right") - 1  # of those of its score
        times = times_DQ[:, order]
        right = np.cumsum(times * true_Q, axis=1)[:, last_Q]
        precision = _divided(right, np.cumsum(times, axis=1)[:, last_Q])
        return _divided(np.nansum(times * true_Q * precision, axis=1), times @ true_Q)


def _divided(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    found = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found
