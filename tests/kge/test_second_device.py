"""Nothing of `kge train` mixes the CPU with the model's device, and a device changes no number."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from k3m_kg.kge.artifact import tensors_of
from k3m_kg.kge.data import TripleData, load_data
from k3m_kg.kge.model import build_model
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.kge.training import build_stepper
from k3m_kg.lpm.triple_ranks import rank_triples
from k3m_kg.plugin.registry import registry
from k3m_kg.scorers.builtin import k3m_kg_link_scorers
from tests.kge.toy import config, write
from tests.second_device import DEVICE, DeviceMixError, SecondDevice

SCORERS = [plugin.name for plugin in k3m_kg_link_scorers()]
LOSSES = registry().names("link-loss")
SAMPLERS = registry().names("negative-sampler")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("kge") / "data")


def run(
    settings: KgeConfig, data: TripleData, device: torch.device, features: Any = None
) -> tuple[list[float], dict[str, float], dict[str, torch.Tensor]]:
    """Losses of two steps, metrics, and weights afterwards."""
    torch.manual_seed(0)
    sizes = len(data.entities), len(data.relations)
    with SecondDevice() if device == DEVICE else nullcontext():
        model = build_model(settings, *sizes, features).to(device)
        stepper = build_stepper(settings, model, data)
        generator = torch.Generator().manual_seed(3)
        triples = torch.from_numpy(data.train)
        losses = [stepper.step(triples[n : n + 32], generator) for n in (0, 32)]
        ranks = rank_triples(model.eval().vectors(), data.test, data.truth)
        return losses, ranks.metrics(), {n: t.cpu() for n, t in tensors_of(model).items()}


def assert_same_there(settings: KgeConfig, features: Any = None) -> None:
    data = load_data(settings)
    here = run(settings, data, torch.device("cpu"), features)
    there = run(settings, data, DEVICE, features)
    assert here[0] == there[0]
    assert here[1] == there[1]
    assert all(torch.equal(here[2][name], there[2][name]) for name in here[2])


@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
@pytest.mark.parametrize(("sampler", "known"), list(product(SAMPLERS, (False, True))))
def test_every_sampler_and_optimizer_steps_on_another_device(
    sampler: str, known: bool, optimizer: str, folder: Path
) -> None:
    for shared in {"type": (1,), "batch": (4,)}.get(sampler, (1, 4)):
        assert_same_there(
            config(
                folder,
                folder / "out",
                negatives={"sampler": sampler, "known": known, "count": 6, "shared": shared},
                training={"optimizer": optimizer, "unit_entities": known},
            )
        )


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_steps_on_another_device(loss: str, folder: Path) -> None:
    assert_same_there(config(folder, folder / "out", loss=loss, model="transe"))


@pytest.mark.parametrize("scorer", SCORERS)
def test_every_scorer_steps_and_ranks_on_another_device(scorer: str, folder: Path) -> None:
    for inverse in (False, True):
        assert_same_there(
            config(folder, folder / "out", model=scorer, dimension=12, inverse_relations=inverse)
        )


def test_features_step_on_another_device(folder: Path) -> None:
    settings = config(folder, folder / "out", features={"path": "x", "embedding": False})
    entities = len(load_data(settings).entities)
    vectors = np.random.default_rng(0).normal(size=(entities, 5)).astype(np.float32)
    assert_same_there(settings, (vectors, np.arange(entities) % 3 > 0))


def test_tables_left_on_the_cpu_are_found(folder: Path) -> None:
    """What broke `kge train` on a GPU: a table on the CPU, indexed by ids on the device."""
    settings = config(folder, folder / "out", negatives={"known": True, "shared": 1})
    data = load_data(settings)
    with SecondDevice():
        model = build_model(settings, len(data.entities), len(data.relations)).to(DEVICE)
        stepper = build_stepper(settings, model, data)
        known = stepper.negatives._known
        assert known is not None
        stepper.negatives._known = known.cpu()
        with pytest.raises(DeviceMixError, match="same device"):
            stepper.step(torch.from_numpy(data.train)[:32], torch.Generator())
