"""Whether a promised precision holds, by decisions that were chosen by how unsure they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from k3m_kg.graph.reviewing.items import AskedShare
from k3m_kg.quality.promises import judged_promises, selection_weights, upper_bound


def shares(name: str, probability: float, *right: bool | None) -> list[AskedShare]:
    return [AskedShare(name, probability, 0.95, one) for one in right]


@pytest.mark.parametrize(("right", "count"), [(0, 5), (3, 11), (44, 50), (9, 10)])
def test_the_bound_is_exact(right: int, count: int) -> None:
    assert binom.cdf(right, count, upper_bound(right, count)) == pytest.approx(0.1)


def test_all_right_proves_nothing_against_it() -> None:
    assert upper_bound(7, 7) == 1.0


def test_each_decided_one_counts_for_those_like_it() -> None:
    weights = selection_weights(
        ["a", "a", "a", "b", "b", "c"], [True, False, False, True, True, False]
    )
    assert weights.tolist() == [3, 0, 0, 1, 1, 0]


def test_what_was_chosen_for_its_doubts_does_not_speak_for_the_rest() -> None:
    """Of 100 at 0.96 a half is right, of 900 at 0.995 all are; people saw ten of each."""
    unsure = shares("colour", 0.96, *[True] * 5, *[False] * 5, *[None] * 90)
    sure = shares("colour", 0.995, *[True] * 10, *[None] * 890)
    found = judged_promises([*unsure, *sure], 0.95)["colour"]
    assert (found.decided, found.right, found.items) == (20, 15, 1000)
    assert found.share == pytest.approx(0.95)
    assert not found.broken
    assert found.effective < 20


def test_a_broken_promise_is_told_of_its_property_alone() -> None:
    bad = shares("colour", 0.99, *[True] * 7, *[False] * 4)
    good = shares("size", 0.99, *[True] * 30, None)
    found = judged_promises([*bad, *good, *shares("unseen", 0.99, None)], 0.95)
    assert {name: one.broken for name, one in found.items()} == {"colour": True, "size": False}
    assert "7 of 11 right" in found["colour"].line()
    together = judged_promises([*bad, *good], 0.95, lambda name: "rare")
    assert set(together) == {"rare"}


def test_a_promise_that_is_kept_is_rarely_called_broken() -> None:
    """Simulated: of 300 promises that are just kept, about a tenth at most."""
    random = np.random.default_rng(0)
    called = 0
    for _ in range(300):
        right = random.random(40) < 0.95
        called += judged_promises(shares("p", 0.97, *map(bool, right)), 0.95)["p"].broken
    assert called / 300 <= 0.13
