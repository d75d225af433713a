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
    assert choices_of.asked(asked_Q, choices).tolist() == [*candidates[0], *candidates[1]]


def test_no_question_has_no_pairs() -> None:
    choices_of, _ = table([4, 70])
    choices = choices_of.of(np.empty(0, np.int64), np.empty(0, np.int64), NOTHING)
    assert choices.pairs == choices.known == 0
    assert [len(part) for part in choices.of_pairs()] == [0, 0]
    assert len(choices_of.asked(np.empty(0, np.int64), choices)) == 0


def test_of_too_many_values_some_are_drawn_and_every_pair_is_still_its_own() -> None:
    choices_of, candidates = table([700, 5, 300, 64])
    asked_Q = np.array([2, 0, 1, 0])
    values_Q = np.array([candidates[2][299], candidates[0][17], candidates[1][1], 1001])
    others = np.array([1, 3]), np.array([candidates[0][600], candidates[0][3]])
    generator = torch.Generator().manual_seed(0)
    choices = choices_of.of(asked_Q, values_Q, others, most=50, generator=generator)
    question_P, candidate_P = choices.of_pairs()
    value_P = choices_of.values_V[choices.columns_P(question_P, candidate_P).numpy()]
    found = [value_P[question_P == number] for number in range(4)]
    assert [len(np.unique(part)) for part in found] == [len(part) for part in found]
    assert all(np.isin(part, candidates[n]).all() for n, part in zip(asked_Q, found, strict=True))
    assert 50 <= len(found[0]) <= 51
    assert 50 <= len(found[1]) == len(found[3]) <= 53
    assert found[2].tolist() == candidates[1].tolist()
    np.testing.assert_array_equal(value_P[choices.target_Q[:3]], values_Q[:3])
    assert choices.target_Q[3] == -1
    np.testing.assert_array_equal(value_P[choices.closed_X], others[1])
    assert question_P[choices.closed_X].tolist() == others[0].tolist()
    wanted = np.unique(np.concatenate([found[0], found[1], found[2]]))
    np.testing.assert_array_equal(np.unique(choices_of.asked(asked_Q, choices)), wanted)
    value_GC = torch.from_numpy(choices_of.values_V)[choices.columns_GC()]
    scores_GSC = torch.arange(4)[choices.question_GS][..., None] * 1000 + value_GC[:, None]
    scores_P = choices.flat(scores_GSC, question_P, candidate_P)
    assert scores_P.tolist() == (question_P * 1000 + torch.from_numpy(value_P)).tolist()


def test_values_that_were_drawn_count_for_all() -> None:
    """The sum that the softmax divides by is right in the mean over many draws."""
    choices_of, candidates = table([400])
    scores_V = torch.randn(400, generator=torch.Generator().manual_seed(1))
    asked_Q, values_Q = np.array([0]), candidates[0][[7]]
    sums, generator = [], torch.Generator().manual_seed(2)
    for _ in range(400):
        choices = choices_of.of(asked_Q, values_Q, NOTHING, most=40, generator=generator)
        pairs = choices.of_pairs()
        drawn_P = choices.weighed(scores_V[choices.columns_P(*pairs)], *pairs)
        assert drawn_P[choices.target_Q[0]] == scores_V[7]
        sums.append(float(drawn_P.exp().sum()))
    whole = float(scores_V.exp().sum())
    assert abs(np.mean(sums) - whole) < 4 * np.std(sums) / 20
    assert abs(np.mean(sums) / whole - 1) < 0.03


def test_few_values_are_all_there_and_draw_nothing() -> None:
    choices_of, candidates = table([40, 5])
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    values_Q = np.array([candidates[0][0], candidates[1][0]])
    choices = choices_of.of(np.array([0, 1]), values_Q, NOTHING, most=40, generator=generator)
    assert choices.drawn_D is None
    assert torch.equal(generator.get_state(), before)
