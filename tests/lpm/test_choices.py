"""Tiles hold each question's candidates, wherever they lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from k3m_kg.contracts import Catalog
from k3m_kg.lpm.choices import ChoiceTable


def table(sizes: list[int]) -> tuple[ChoiceTable, list[np.ndarray]]:
    random = np.random.default_rng(0)
    candidates = [np.sort(random.choice(1000, size, replace=False)) for size in sizes]
    names, values = [f"p{n}" for n in range(len(sizes))], [f"v{n}" for n in range(1000)]
    counts = [np.ones(size, np.int64) for size in sizes]
    return ChoiceTable(Catalog.wordless(names, values, candidates, counts)), candidates


NOTHING = (np.empty(0, np.int64), np.empty(0, np.int64))


@pytest.mark.parametrize(
    ("sizes", "asked"),
    [
        ([3], [0]),
        ([2, 0, 5], [2, 0, 2, 2]),
        ([130, 64, 1, 2], [0] * 40 + [1, 3, 0, 2] + [1] * 16),
        ([700] * 3, [2, 1, 0, 1]),
    ],
)
def test_each_pair_finds_the_score_of_its_own_question_and_value(
    sizes: list[int], asked: list[int]
) -> None:
    choices_of, candidates = table(sizes)
    asked_Q = np.array(asked)
    choices = choices_of.of(asked_Q, np.full(len(asked), -1), NOTHING)
    question_P, candidate_P = choices.of_pairs()
    wanted = [(q, value) for q, name in enumerate(asked) for value in candidates[name]]
    assert choices.pairs == len(wanted)
    value_GC = torch.from_numpy(choices_of.values_V)[choices.columns_GC()]
    number_Q = torch.arange(len(asked))
    scores_GSC = number_Q[choices.question_GS][..., None] * 1000 + value_GC[:, None]
    found = choices.flat(scores_GSC, question_P, candidate_P)
    assert found.tolist() == [q * 1000 + value for q, value in wanted]
    assert question_P.tolist() == [q for q, _ in wanted]


def test_answers_and_further_true_values_are_found_or_left_out() -> None:
    choices_of, candidates = table([4, 70])
    asked_Q = np.array([1, 0, 1])
    values_Q = np.array([candidates[1][65], 1001, candidates[1][0]])
    others = np.array([0, 0, 1]), np.array([candidates[1][3], 1002, candidates[0][2]])
    choices = choices_of.of(asked_Q, values_Q, others)
    assert choices.target_Q.tolist() == [65, -1, 74]
    assert choices.closed_X.tolist() == [3, 72]
    assert choices.known == 2
    assert choices_of.asked(asked_Q).tolist() == [*candidates[0], *candidates[1]]


def test_no_question_has_no_pairs() -> None:
    choices_of, _ = table([4, 70])
    choices = choices_of.of(np.empty(0, np.int64), np.empty(0, np.int64), NOTHING)
    assert choices.pairs == choices.known == 0
    assert [len(part) for part in choices.of_pairs()] == [0, 0]
    assert len(choices_of.asked(np.empty(0, np.int64))) == 0
