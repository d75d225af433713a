"""Figures of a ranking are those of the textbook, and chance is what chance gives."""

from __future__ import annotations

import numpy as np
import pytest

from k3m_kg_evaluations.ranked import NAMES, by_chance, of_scores


def test_a_ranking_by_hand() -> None:
    scores = np.array([[5.0, 4, 3, 2, 1, 0], [0.0, 1, 2, 3, 4, 5]])
    right = np.array([[0, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1]], bool)
    found = of_scores(scores, right)
    assert found["mrr"].tolist() == [1 / 2, 1]
    assert found["recall@1"].tolist() == [0, 1]
    assert found["recall@5"].tolist() == [1, 1]
    gained = 1 / np.log2(3) + 1 / np.log2(5)
    assert found["ndcg@10"] == pytest.approx([gained / (1 + 1 / np.log2(3)), 1])


def test_recall_is_of_as_many_as_could_be_there() -> None:
    right = np.ones((1, 30), bool)
    right[0, 20:] = False
    found = of_scores(np.arange(30.0)[None, ::-1], right)
    assert [found[f"recall@{k}"][0] for k in (1, 5, 10)] == [1, 1, 1]


@pytest.mark.parametrize(("right", "things"), [(1, 7), (3, 20), (5, 5), (1, 1), (12, 15)])
def test_chance_is_the_mean_of_orders_of_chance(right: int, things: int) -> None:
    """All scores alike: ties are in an order of chance."""
    draws = 4000
    right_QN = np.zeros((draws, things), bool)
    right_QN[:, :right] = True
    drawn = of_scores(np.zeros((draws, things)), right_QN)
    expected = by_chance(np.array([right]), np.array([things]))
    for name in NAMES:
        assert drawn[name].mean() == pytest.approx(expected[name][0], abs=0.03), name
