"""Nothing of a K3M step mixes the CPU with the model's device, and the losses are the same there.

Up to rounding: torch takes other kernels of attention and normalisation for tensors of a subclass.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn

from k3m_kg.lpm.link_ranks import validate_links
from k3m_kg.plugin.registry import registry
from k3m_kg.training.artifact.tensors import tensors_of
from k3m_kg.training.evidence import fit_evidence
from k3m_kg.training.loop.optimizer import MovingAverage, parameter_groups
from tests.model.conftest import Built
from tests.second_device import DEVICE, DeviceMixError, SecondDevice

_LPM = {"name": "lpm", "loss": "cross-entropy"}
_TERM = {"knowledge": "term"}
CASES: dict[str, dict[str, Any]] = {
    "the paper's": {"tasks": ["mlm", "mom", "lpm"]},
    "leave-one-out": {"model": _TERM, "tasks": ["mlm", {**_LPM, "questions": "leave-one-out"}]},
    "hidden, cross-entropy": {"tasks": ["mom", _LPM]},
    "modalities dropped": {
        "tasks": [{"name": "modality-dropout", "title": 0.4, "image": 0.4, "both": 0.3}, "lpm"]
    },
    "means of modalities": {"model": {"pool": "modalities"}, "tasks": [_LPM]},
    "self-attention": {
        "model": {"interactor": {"layers": 1, "heads": 2, "self_attention": True}},
        "tasks": [_LPM],
    },
    "no interactor, no structure": {"model": {"interactor": "none", "structure": "none"}},
    "linear stem": {"image_encoder": {"stem": "linear"}, "tasks": ["mom", "lpm"]},
    **{name: {"fusion": name, "tasks": [_LPM]} for name in registry().names("fusion")},
    **{
        f"scorer {name}": {"tasks": [{"name": "lpm", "scorer": name}]}
        for name in ("complex", "tucker")  # the others: tests/kge/test_second_device.py
    },
}


def run(
    built: Built, device: torch.device, steps: int
) -> tuple[list[float], Any, dict[str, torch.Tensor]]:
    """Losses of some steps, a validation, and weights afterwards."""
    torch.manual_seed(1)
    config = built.config
    # Every operation passes through the second device where there is one: slow, so only there.
    with SecondDevice() if device == DEVICE else nullcontext():
        trainer, batcher = built.trainer.to(device), built.batcher.to(device)
        groups = parameter_groups(built.model, built.tasks, config.training)
        optimizer = torch.optim.AdamW(groups, foreach=False)
        average = MovingAverage([built.model, built.tasks], 0.9)
        generator = torch.Generator().manual_seed(3)
        losses = []
        for step in range(steps):
            # Dropout would draw from another generator there: that is no mixing of devices.
            trainer.eval()
            batch = batcher.batch(built.rows[8 * step : 8 * step + 8])
            loss, _ = trainer(trainer.corrupt(batch, generator).to(device))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(trainer.parameters(), 1.0, foreach=False)
            optimizer.step()
            average.update(step)
            losses.append(loss.item())
        with average.applied():
            rows = built.batcher.snapshot.rows("validation")
            report = validate_links(built.model, batcher, rows, config.validation, batch_size=16)
        tensors = {name: tensor.cpu() for name, tensor in tensors_of(trainer).items()}
        return losses, report, tensors


@pytest.mark.parametrize("case", CASES)
def test_a_step_on_another_device_is_a_step(build: Callable[..., Built], case: str) -> None:
    """And the next one, which finds what the optimiser keeps, of the first case."""
    built, steps = build(**CASES[case]), 2 if case == next(iter(CASES)) else 1
    begun = {name: tensor.clone() for name, tensor in built.trainer.state_dict().items()}
    here = run(built, torch.device("cpu"), steps)
    built.trainer.load_state_dict(begun)
    there = run(built, DEVICE, steps)
    assert there[0] == pytest.approx(here[0], rel=1e-3)
    assert there[1].keys() == here[1].keys()
    assert there[1]["metrics"]["mrr"] == pytest.approx(here[1]["metrics"]["mrr"], abs=0.05)
    for name, tensor in here[2].items():
        assert there[2][name].shape == tensor.shape
        assert there[2][name].isfinite().all(), name


def test_evidence_and_regressions_are_fitted_where_the_model_is(
    build: Callable[..., Built],
) -> None:
    """On a GPU, `pretrain` without a config ended here: what is counted had stayed on the CPU."""
    evidence = {"drop": 0.0, "regressions": True}
    built = build(model={"pool": "modalities", "evidence": evidence}, tasks=[_LPM])
    with SecondDevice():
        trainer, source = built.trainer.to(DEVICE), built.batcher.to(DEVICE)
        rows = built.rows[:24]
        fit_evidence(built.model, source, source.modalities, rows, checked=built.rows[:4])
        counted = built.model.evidence
        assert counted is not None
        assert counted.column_V.device == DEVICE
        assert counted.regressions is not None
        assert counted.regressions.every
        batch = trainer.corrupt(source.batch(rows[:8]), torch.Generator().manual_seed(3))
        loss, _ = trainer(batch.to(DEVICE))
        assert loss.isfinite()


def test_a_table_left_on_the_cpu_is_found(build: Callable[..., Built]) -> None:
    built = build()
    with SecondDevice():
        trainer = built.trainer.to(DEVICE)
        # the batcher, whose terms a batch carries, stays behind
        batch = trainer.corrupt(built.batch(), torch.Generator()).to(DEVICE)
        with pytest.raises(DeviceMixError, match="same device"):
            trainer(batch)
