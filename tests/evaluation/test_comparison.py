"""Ahead, level or behind: by intervals that questions of one product do not make narrower."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from k3m_kg.contracts import Verdict
from k3m_kg.evaluation.comparison import Asked, compare, interval


def verdict(model: np.ndarray, other: np.ndarray, asked: Asked) -> Verdict:
    given = {"what": "it", "split": "test", "measure": "accuracy"}
    return compare(model, {"a": other, "none": other & False}, asked, **given)


def each_once(count: int) -> Asked:
    return Asked(np.arange(count), np.zeros(count, np.int64))


def test_with_one_question_per_product_the_interval_is_that_of_paired_shares() -> None:
    """McNemar's variance: (b + c - (b - c)^2 / n) / n^2, with n - 1 for n."""
    both, won, lost, count = 50, 30, 10, 100
    model = np.repeat([True, True, False, False], [both, won, lost, count - 90])
    other = np.repeat([True, False, True, False], [both, won, lost, count - 90])
    low, high, apart = interval(model, other, each_once(count))
    variance = (won + lost - (won - lost) ** 2 / count) / count / (count - 1)
    assert apart == won + lost
    assert (low + high) / 2 == pytest.approx((won - lost) / count)
    assert (high - low) / 2 == pytest.approx(1.959964 * variance**0.5)


def test_who_is_better_by_more_than_chance_is_ahead() -> None:
    random = np.random.default_rng(0)
    good, bad = random.random(500) < 0.8, random.random(500) < 0.5
    assert verdict(good, bad, each_once(500)).outcome == "ahead"
    assert verdict(bad, good, each_once(500)).outcome == "behind"
    assert verdict(good, good, each_once(500)).outcome == "level"
    assert verdict(good[:20], good[:20] ^ (np.arange(20) < 2), each_once(20)).outcome == "level"


def test_a_handful_of_products_decides_nothing() -> None:
    assert verdict(np.ones(5, bool), np.zeros(5, bool), each_once(5)).outcome == "level"
    assert verdict(np.ones(6, bool), np.zeros(6, bool), each_once(6)).outcome == "ahead"


def test_many_questions_about_few_products_are_few() -> None:
    """Twelve products, each asked fifty times over: no more is known than from asking once."""
    right = np.array([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0], bool)
    once = interval(right, ~right, each_once(12))
    often = Asked(np.repeat(np.arange(12), 50), np.zeros(600, np.int64))
    many = interval(np.repeat(right, 50), ~np.repeat(right, 50), often)
    assert many == pytest.approx(once)


def test_all_properties_count_alike_however_often_they_are_asked() -> None:
    groups = np.repeat([0, 1], [90, 10])
    model = groups == 1
    found = verdict(model, ~model & False, Asked(np.arange(100), groups))
    assert found.model == pytest.approx(0.5)
    assert found.against == "a"


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    random, held = np.random.default_rng(1), 0
    groups, products = np.tile([0, 1, 2], 80), np.repeat(np.arange(80), 3)
    for _ in range(400):
        luck = np.repeat(random.normal(0, 0.2, 80), 3)  # a product is easy or hard as a whole
        model = random.random(240) < 0.6 + luck
        other = random.random(240) < 0.5 - luck
        low, high, _ = interval(model, other, Asked(products, groups))
        held += low <= 0.1 <= high
    assert 0.91 <= held / 400 <= 0.985


def test_a_verdict_that_contradicts_its_interval_is_none() -> None:
    good = verdict(np.arange(50) < 40, np.arange(50) < 10, each_once(50))
    assert good.outcome == "ahead"
    with pytest.raises(ValidationError, match="holds 0"):
        Verdict(**(good.model_dump() | {"low": -0.1}))
    assert good.line().startswith("it on test: ahead of a, accuracy 0.800 against 0.200")
