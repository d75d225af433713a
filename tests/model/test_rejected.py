"""Values that people rejected: asked in training, seen by nothing, less probable afterwards."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from k3m_kg.batches.batcher import Batcher
from tests.model.conftest import Built


def with_rejected(built: Built) -> tuple[Batcher, np.ndarray, int, int]:
    """Batches in which one value of a property is rejected of the first products, three by three.

    Returns:
        They, the products, and the ids of the property and the value.
    """
    snapshot = copy.copy(built.batcher.snapshot)
    sizes = [len(values) for values in built.catalog.candidates]
    name = int(np.argmax(sizes))
    value = int(built.catalog.candidates[name][0])
    rows = [
        row
        for row in built.rows.tolist()
        if value not in snapshot.triple_value[slice(*snapshot.triple_offsets[row : row + 2])]
    ]
    mine = np.array(rows[:6], np.int64)
    counts = np.zeros(len(snapshot) + 1, np.int64)
    counts[mine + 1] = 1
    snapshot.rejected_offsets = np.cumsum(counts)
    snapshot.rejected_property = np.full(6, snapshot.properties.index(_name(built, name)), np.int32)
    snapshot.rejected_value = np.full(6, snapshot.values.index(built.catalog.values[value]), "i4")
    batcher = Batcher(
        snapshot,
        built.batcher.modalities,
        built.config.model,
        built.catalog,
        with_rejected=True,
    )
    return batcher, mine, name, value


def _name(built: Built, name: int) -> str:
    return built.catalog.properties[name]


@pytest.mark.parametrize("questions", ["leave-one-out", "hidden"])
def test_rejected_values_are_asked_and_seen_by_nothing(build, questions: str) -> None:
    task = {"name": "lpm", "loss": "cross-entropy", "questions": questions, "at_most": 1}
    built = build(model={"knowledge": "term"}, tasks=[task])
    batcher, rows, name, value = with_rejected(built)
    batch = batcher.batch(rows)
    rejected_E = batch.triple_rejected_E
    assert rejected_E.sum() == 6
    assert not batch.triple_visible_E[rejected_E].any()
    assert (batch.triple_value_E[rejected_E] == value).all()
    plain = built.batcher.batch(rows)
    assert plain.triple_rejected_E is None
    assert torch.equal(built.model(plain).cstar_BH, built.model(batch).cstar_BH)

    lpm = built.tasks["lpm"]
    lpm.corrupt(batch, torch.Generator().manual_seed(0))
    asked = batch.questions["lpm"]
    assert asked.wrong_Q.sum() == 6
    assert set(asked.asked_Q[asked.wrong_Q].tolist()) == set(rejected_E.nonzero()[:, 0].tolist())
    if asked.triple_N is not None:
        assert not rejected_E[asked.triple_N].any()
    answers = batch.answers(asked.asked_Q)
    assert not rejected_E[answers[answers >= 0]].any()
    assert (batch.triple_property_E[rejected_E] == name).all()


def test_the_margin_loss_asks_only_what_is_true(build) -> None:
    built = build(tasks=[{"name": "lpm", "loss": "margin"}])
    batcher, rows, _, _ = with_rejected(built)
    batch = batcher.batch(rows)
    built.tasks["lpm"].corrupt(batch, torch.Generator().manual_seed(0))
    assert not batch.triple_rejected_E[batch.questions["lpm"].asked_Q].any()


def test_a_step_makes_rejected_values_less_probable(build) -> None:
    task = {"name": "lpm", "loss": "cross-entropy", "questions": "leave-one-out"}
    built = build(model={"knowledge": "term"}, tasks=[task])
    batcher, rows, _, _ = with_rejected(built)
    lpm = built.tasks["lpm"]
    optimizer = torch.optim.SGD(built.trainer.parameters(), lr=0.05)

    def loss() -> torch.Tensor:
        batch = batcher.batch(rows)
        lpm.corrupt(batch, torch.Generator().manual_seed(0))
        asked = batch.questions["lpm"]
        known = asked.choices.target_Q.clone()
        asked.choices.target_Q[~asked.wrong_Q] = -1  # what is true teaches nothing here
        found = lpm.loss(built.model(batch), batch).loss
        asked.choices.target_Q = known
        assert found is not None
        return found

    before = loss().detach()
    for _ in range(5):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert float(before) > 0
    assert float(loss().detach()) < float(before)
