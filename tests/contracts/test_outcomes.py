"""Figures are those of the textbook, whichever items are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from k3m_kg.contracts import Classes, Decisions, Outcomes, Ranking, Scores

RANDOM = np.random.default_rng(0)
ITEMS = np.arange(40)
TIMES = RANDOM.integers(0, 4, (5, 40)).astype(float)
ONCE = np.ones((1, 40))


def drawn(times_Q: np.ndarray) -> np.ndarray:
    return np.repeat(ITEMS, times_Q.astype(int))


@pytest.mark.parametrize("times_DQ", [ONCE, TIMES], ids=["once", "drawn"])
def test_figures_are_those_of_the_items_drawn(times_DQ: np.ndarray) -> None:
    said, true = RANDOM.random((2, 40)) < 0.5
    label, other = RANDOM.integers(0, 4, (2, 40))
    score = RANDOM.integers(0, 9, 40) / 9  # with ties
    found = {
        "f1": Decisions(ITEMS, ITEMS, said, true).figures(times_DQ),
        "macro": Classes(ITEMS, ITEMS, label, other).figures(times_DQ),
        "ap": Ranking(ITEMS, ITEMS, score, true).figures(times_DQ),
    }
    for draw, times_Q in enumerate(times_DQ):
        some = drawn(times_Q)
        names = np.unique(other[some])
        macro = f1_score(other[some], label[some], labels=names, average="macro", zero_division=0)
        assert found["f1"][draw] == pytest.approx(f1_score(true[some], said[some]))
        assert found["macro"][draw] == pytest.approx(macro)
        assert found["ap"][draw] == pytest.approx(average_precision_score(true[some], score[some]))


def test_groups_count_alike_and_what_is_not_drawn_is_left_out() -> None:
    score, groups = np.array([1.0, 0, 0, 1]), np.array(["a", "a", "a", "b"])
    found = Scores(np.arange(4), np.arange(4), score, groups)
    assert found.figure() == pytest.approx((1 / 3 + 1) / 2)
    times = np.array([[1.0, 1, 0, 0], [0, 0, 0, 2], [0, 0, 0, 0]])
    assert found.figures(times) == pytest.approx([1 / 2, 1, np.nan], nan_ok=True)


@pytest.mark.parametrize("kind", [Scores, Decisions, Classes, Ranking])
def test_without_items_there_is_no_figure(kind: type[Outcomes]) -> None:
    nothing = np.empty(0)
    two = (nothing, nothing) if kind in (Scores, Classes) else (nothing, nothing.astype(bool))
    if kind is Decisions:
        two = (two[1], two[1])
    assert np.isnan(kind(nothing, nothing, *two).figure())
