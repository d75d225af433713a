"""95 % intervals of figures, and of the difference between two models: the bootstrap over units.

Units (products, pairs, families) are drawn again with replacement, all their items with them, and
the figure is worked out anew (percentile intervals; Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from k3m_kg.contracts import Outcomes, Verdict
from k3m_kg.errors import UsageError

DRAWS = 1000
_CELLS = 1 << 22
"""Draws times items that are worked on at a time."""
_FEWEST_UNITS = 6
"""With fewer units even all of them on one side would be chance."""
_TAILS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Difference:
    """One model less another, on the same items.

    Attributes:
        value: the difference of the two figures.
        low, high: its 95 % interval.
        p: two-sided, how often a difference of no kind would be as far from 0: twice the smaller
            share of draws on either side of it, at least 1 of the draws.
        units: how many were drawn.
    """

    value: float
    low: float
    high: float
    p: float
    units: int


def interval_of(outcomes: Outcomes, *, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """A 95 % interval of a figure; NaN without items."""
    if not len(outcomes):
        return float("nan"), float("nan")
    found = [outcomes.figures(times_DQ) for times_DQ in _drawn(outcomes.units, draws, seed)]
    low, high = np.nanpercentile(np.concatenate(found), _TAILS)
    return float(low), float(high)


def intervals_of(outcomes: Mapping[str, Outcomes]) -> dict[str, list[float]]:
    """The intervals of several figures, by name, as reports hold them."""
    return {name: list(interval_of(found)) for name, found in outcomes.items()}


def difference(one: Outcomes, other: Outcomes, *, draws: int = DRAWS, seed: int = 0) -> Difference:
    """How far one model is ahead of another that was asked the same, paired by item.

    Raises:
        UsageError: they were not asked the same.
    """
    one_order, other_order = np.argsort(one.items), np.argsort(other.items)
    same = len(one) == len(other) and np.array_equal(one.items[one_order], other.items[other_order])
    if not same:
        raise UsageError(
            "these were not asked the same, item by item",
            hint="evaluate both on one snapshot, with one split and the same settings",
        )
    _, unit_Q, units = _numbered(one.units)
    of_other = np.empty_like(unit_Q)
    of_other[other_order] = unit_Q[one_order]
    found = []
    for times_DU in _times(units, len(one), draws, seed):
        found.append(one.figures(times_DU[:, unit_Q]) - other.figures(times_DU[:, of_other]))
    drawn_D = np.concatenate(found)
    drawn_D = drawn_D[~np.isnan(drawn_D)]
    value = one.figure() - other.figure()
    if not len(drawn_D):
        return Difference(value, float("nan"), float("nan"), 1.0, units)
    low, high = np.percentile(drawn_D, _TAILS)
    side = min(float(np.mean(drawn_D <= 0)), float(np.mean(drawn_D >= 0)))
    p = min(1.0, 2 * max(side, 1 / len(drawn_D)))
    return Difference(value, float(low), float(high), p, units)


def verdict_of(
    model: Outcomes,
    competitors: Mapping[str, Outcomes],
    *,
    what: str,
    split: str,
    measure: str,
    usual: bool = False,
) -> Verdict:
    """The model beside the best of its competitors, by a figure that any outcomes make.

    Args:
        model: what it made of the items.
        competitors: the same of each competitor, by what people call it; at least one.
        what, split, measure, usual: as in `Verdict`.

    Raises:
        UsageError: they were not asked the same.
    """
    figures = {name: found.figure() for name, found in competitors.items()}
    against = max(figures, key=lambda name: np.nan_to_num(figures[name], nan=-1.0))
    found = difference(model, competitors[against])
    outcome = "ahead" if found.low > 0 else "behind" if found.high < 0 else "level"
    return Verdict(
        what=what,
        split=split,
        measure=measure,
        model=model.figure(),
        against=against,
        competitor=figures[against],
        low=found.low,
        high=found.high,
        outcome=outcome if found.units >= _FEWEST_UNITS else "level",
        questions=len(model),
        products=found.units,
        usual=usual,
    )


def _drawn(units_Q: np.ndarray, draws: int, seed: int) -> Iterator[np.ndarray]:
    _, unit_Q, units = _numbered(units_Q)
    for times_DU in _times(units, len(units_Q), draws, seed):
        yield times_DU[:, unit_Q]


def _times(units: int, items: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """How often each unit is drawn, some draws at a time."""
    random = np.random.default_rng(seed)
    at_once = max(1, _CELLS // max(1, items))
    for start in range(0, draws, at_once):
        count = min(at_once, draws - start)
        picked = random.integers(0, units, (count, units))
        picked += np.arange(count)[:, None] * units
        yield (
            np.bincount(picked.ravel(), minlength=count * units).reshape(count, units).astype(float)
        )


def _numbered(units_Q: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    names, unit_Q = np.unique(units_Q, return_inverse=True)
    return names, unit_Q, len(names)
