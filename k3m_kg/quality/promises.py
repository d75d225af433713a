"""Whether what was promised holds: a precision, and what people say of what it was promised for.

Reviewers see what is least sure, or worth most, before the rest, so the share of right answers
among decided items is not that among all. Which item is decided depends on its property and
probability (and on a random draw), so within one property and a narrow range of probabilities the
decided ones are a random part of all: each counts for as many items as there are in its range for
each one that is decided there (inverse probability of selection, Horvitz and Thompson, 1952; the
probability is the share that was decided). The bound is that of Clopper and Pearson at the
effective number of decisions (Korn and Graubard, 1998), which is smaller the more unequally they
count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import betaincinv

from k3m_kg.graph.reviewing.items import AskedShare

CONFIDENCE = 0.9
EDGES = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99)
"""Where ranges of probabilities end."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What people say of what a precision was promised for.

    Attributes:
        wanted: the precision.
        items: proposals that it was promised for, as far as they are in the queue.
        decided: of them.
        right: of these.
        share: how many of all are right, by the decided ones in proportion.
        effective: how many decisions, counting alike, would say as much.
        at_most: the share is higher with a risk of 1 - `CONFIDENCE` at most.
    """

    wanted: float
    items: int
    decided: int
    right: int
    share: float
    effective: float
    at_most: float

    @property
    def broken(self) -> bool:
        """Whether decisions show that less is right."""
        return self.at_most < self.wanted

    def line(self) -> str:
        """In one line."""
        return (
            f"of what {self.wanted:.1%} was promised for reviewers found {self.right:,} of "
            f"{self.decided:,} right, {self.share:.1%} of all in proportion; "
            f"at most {self.at_most:.1%} with {CONFIDENCE:.0%} confidence"
        )

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"broken": self.broken}


def selection_weights(ranges: Sequence[Any], decided: Sequence[bool]) -> np.ndarray:
    """(N,) for how many items each decided one counts; 0 of those that are not decided.

    Items of ranges in which nothing is decided are counted by nobody.

    Args:
        ranges: of each item; anything that can be a key.
        decided: whether it is.
    """
    items: dict[Any, int] = defaultdict(int)
    answered: dict[Any, int] = defaultdict(int)
    for one, done in zip(ranges, decided, strict=True):
        items[one] += 1
        answered[one] += done
    return np.array(
        [
            items[one] / answered[one] if done else 0.0
            for one, done in zip(ranges, decided, strict=True)
        ]
    )


def range_of(probability: float) -> int:
    """The range of probabilities that one lies in."""
    return int(np.searchsorted(EDGES, probability, "right"))


def clipped_weights(weight_N: np.ndarray) -> tuple[np.ndarray, int]:
    """Weights of which none is more than the root of their number times their mean.

    Ionides, Truncated importance sampling (2008).

    Returns:
        They, and how many were more.
    """
    if not len(weight_N):
        return weight_N, 0
    most = float(np.sqrt(len(weight_N)) * weight_N.mean())
    return np.minimum(weight_N, most), int((weight_N > most * (1 + 1e-9)).sum())


def effective_number(weight_N: np.ndarray) -> float:
    """How many decisions, counting alike, would say as much (Kish, 1965)."""
    return float(weight_N.sum() ** 2 / (weight_N**2).sum()) if len(weight_N) else 0.0


def judged_promises(
    shares: Iterable[AskedShare],
    precision: float,
    group_of: Callable[[str], str] = lambda name: name,
) -> dict[str, Promise]:
    """What people say of proposals that a precision was promised for, by group of properties.

    Groups of which nothing is decided are left out.

    Args:
        shares: of these proposals, decided or not.
        group_of: the properties that a promise was given for together.
    """
    groups: dict[str, list[AskedShare]] = defaultdict(list)
    for share in shares:
        groups[group_of(share.property)].append(share)
    return {
        name: _promise(found, precision)
        for name, found in groups.items()
        if any(one.right is not None for one in found)
    }


def _promise(shares: list[AskedShare], precision: float) -> Promise:
    ranges = [(one.property, range_of(one.probability)) for one in shares]
    decided = [one.right is not None for one in shares]
    right_N = np.array([bool(one.right) for one in shares])
    weight_N = selection_weights(ranges, decided)
    some = np.array(decided)
    weight_N[some], _ = clipped_weights(weight_N[some])
    share = float((weight_N * right_N).sum() / weight_N.sum())
    effective = effective_number(weight_N)
    return Promise(
        precision,
        len(shares),
        sum(decided),
        int(right_N.sum()),
        share,
        effective,
        upper_bound(share * effective, effective),
    )


def upper_bound(right: float, count: float) -> float:
    """Clopper-Pearson: the true share is higher with a risk of 1 - `CONFIDENCE` at most."""
    if right >= count:
        return 1.0
    return float(betaincinv(right + 1, count - right, CONFIDENCE))
