from __future__ import annotations

import numpy as np
import pytest
import torch

from k3m_kg.contracts import Catalog, TermTokens
from k3m_kg.lpm.value_negatives import PropertyNegatives

CANDIDATES = [[0, 2, 5, 7], [1], [], [3, 4]]


def catalog(candidates: list[list[int]] = CANDIDATES, values: int = 8) -> Catalog:
    empty = torch.zeros(0, 0)
    arrays = [np.array(ids, dtype=np.int64) for ids in candidates]
    return Catalog(
        properties=[f"p{i}" for i in range(len(candidates))],
        values=[f"v{i}" for i in range(values)],
        tokens=TermTokens(empty, empty, empty, empty),
        candidates=arrays,
        counts=[np.ones_like(ids) for ids in arrays],
    )


def draw(
    properties: list[int], truth: list[int], k: int = 4000, known: object = None, seed: int = 0
):
    return PropertyNegatives(catalog()).sample(
        torch.tensor(properties, dtype=torch.long),
        torch.tensor(truth, dtype=torch.long),
        k,
        torch.Generator().manual_seed(seed),
        None if known is None else torch.tensor(known),
    )


def test_draws_every_other_value_of_the_property_equally_often_and_never_the_true_one() -> None:
    values, mask = draw([0, 0, 3], [5, 0, 4])
    assert mask.all()
    for row, others in zip(values, ([0, 2, 7], [2, 5, 7], [3]), strict=True):
        drawn, counts = row.unique(return_counts=True)
        assert drawn.tolist() == others
        assert counts.float() / len(row) == pytest.approx(1 / len(others), abs=0.04)


def test_a_true_value_unseen_in_training_leaves_all_candidates() -> None:
    values, mask = draw([0], [6])
    assert mask.all()
    assert values.unique().tolist() == CANDIDATES[0]


def test_a_property_with_one_value_or_none_has_no_negative() -> None:
    values, mask = draw([1, 2, 0], [1, 6, 0], k=3)
    assert mask.tolist() == [[False] * 3, [False] * 3, [True] * 3]
    assert values[:2].tolist() == [[1] * 3, [6] * 3]


def test_other_true_values_of_the_product_are_never_drawn() -> None:
    known = [[7, 0, -1, 7], [4, -1, -1, -1], [6, 1, -1, -1]]
    values, mask = draw([0, 3, 0], [2, 3, 5], known=known)
    assert values[0].unique().tolist() == [5]
    assert mask[0].all()
    assert not mask[1].any()
    assert values[2].unique().tolist() == [0, 2, 7]


def test_the_generator_alone_decides() -> None:
    first, _ = draw([0] * 5, [5] * 5, k=9, seed=1)
    again, _ = draw([0] * 5, [5] * 5, k=9, seed=1)
    other, _ = draw([0] * 5, [5] * 5, k=9, seed=2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_catalog_without_any_value_gives_masks_only() -> None:
    values, mask = PropertyNegatives(catalog([[], []])).sample(
        torch.tensor([0, 1]), torch.tensor([3, 4]), 2, torch.Generator()
    )
    assert not mask.any()
    assert values.tolist() == [[3, 3], [4, 4]]


def test_no_triples_give_empty_draws() -> None:
    values, mask = draw([], [], k=3)
    assert values.shape == mask.shape == (0, 3)
