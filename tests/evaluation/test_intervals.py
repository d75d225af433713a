"""Intervals by drawing units again: as wide as theory says, and paired where two are compared."""

from __future__ import annotations

import numpy as np
import pytest

from k3m_kg.contracts import Scores
from k3m_kg.errors import UsageError
from k3m_kg.evaluation.intervals import difference, interval_of, intervals_of


def shares(right: np.ndarray, units: np.ndarray | None = None) -> Scores:
    items = np.arange(len(right))
    return Scores(items, items if units is None else units, right.astype(float), items * 0)


def test_an_interval_is_as_wide_as_the_binomial_and_always_the_same() -> None:
    right = np.arange(1000) < 300
    low, high = interval_of(shares(right))
    half = 1.96 * (0.3 * 0.7 / 1000) ** 0.5
    assert (low, high) == pytest.approx((0.3 - half, 0.3 + half), abs=0.004)
    assert intervals_of({"share": shares(right)}) == {"share": [low, high]}


def test_items_of_one_unit_are_drawn_together() -> None:
    """Ten questions about each of 50 products, all right or all wrong: 50 things were found out."""
    right, units = np.repeat(np.arange(50) % 2 == 0, 10), np.repeat(np.arange(50), 10)
    apart, together = interval_of(shares(right)), interval_of(shares(right, units))
    assert together[1] - together[0] > 2.5 * (apart[1] - apart[0])


def test_a_difference_is_paired_whatever_the_order() -> None:
    random = np.random.default_rng(1)
    other = random.random(400) < 0.5
    one = other.copy()
    one[np.flatnonzero(~other)[:20]] = True  # better on twenty, worse on none
    order = random.permutation(400)
    mixed = Scores(order, order, other[order].astype(float), order * 0)
    found = difference(shares(one), mixed)
    assert found.value == pytest.approx(20 / 400)
    assert 0.025 < found.low < found.high < 0.075
    assert (found.p, found.units) == (2 / 1000, 400)
    back = difference(mixed, shares(one))
    assert back.value == -found.value
    assert back.p == found.p
    same = difference(shares(one), shares(one))
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_only_what_was_asked_the_same_is_compared() -> None:
    with pytest.raises(UsageError, match="not asked the same"):
        difference(shares(np.ones(4)), shares(np.ones(5)))


def test_without_items_there_is_no_interval() -> None:
    assert np.isnan(interval_of(shares(np.empty(0)))).all()
