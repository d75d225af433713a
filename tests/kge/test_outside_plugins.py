"""An outside package's scorer, loss and sampler take part in `kge train` by their names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from k3m_kg.api import (
    LinkLossPlugin,
    LinkScorer,
    LinkScorerPlugin,
    Negatives,
    NegativeSampler,
    NegativeSamplerPlugin,
    QueryVectors,
    SamplerContext,
    Settings,
)
from k3m_kg.errors import ConfigError, UsageError
from k3m_kg.kge.artifact import KgeArtifact
from k3m_kg.kge.training import train
from k3m_kg.plugin.registry import registry
from tests.kge.toy import config, write


class Nothing(Settings):
    """Nothing to set."""


class Slope(Settings):
    """Of the loss."""

    slope: float = 1.0


class Projected(LinkScorer):
    """-||h A - t A + r||: relations are narrower than entities."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension

    @property
    def entity_width(self) -> int:
        return 2 * self.dimension

    @property
    def relation_width(self) -> int:
        return self.dimension

    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        pairs = torch.cat(
            [
                head_NH[..., : self.dimension] + relation_NH,
                head_NH[..., self.dimension :] - relation_NH,
            ],
            -1,
        )
        return -(pairs - tail_NH).norm(dim=-1)

    def tail_query(self, head_NH: Tensor, relation_NH: Tensor) -> QueryVectors:
        return QueryVectors(head_NH + torch.cat([relation_NH, -relation_NH], -1), norm=2)

    def head_query(self, relation_NH: Tensor, tail_NH: Tensor) -> QueryVectors:
        return QueryVectors(tail_NH - torch.cat([relation_NH, -relation_NH], -1), norm=2)


class Neighbours(NegativeSampler):
    """The ids next to the true one."""

    asked = 0

    def __init__(self, context: SamplerContext, reach: int) -> None:
        self.entities, self.reach = context.entities, reach

    def draw(self, triples_GS3: Tensor, column: int, generator: torch.Generator) -> Negatives:
        Neighbours.asked += 1
        steps = torch.arange(1, self.reach + 1)
        found = (triples_GS3[:, :1, column] + steps) % self.entities
        return Negatives(found, torch.ones(*triples_GS3.shape[:2], self.reach, dtype=torch.bool))


class Reach(Settings):
    """Of the sampler."""

    reach: int = 3


def softplus_loss(positive_N: Tensor, negative_NK: Tensor, mask_NK: Tensor) -> Tensor:
    gaps = (negative_NK - positive_N[:, None]).masked_fill(~mask_NK, -100.0)
    return torch.nn.functional.softplus(gaps).mean()


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> None:
    found = registry()
    monkeypatch.setattr(found, "plugins", dict(found.plugins))
    for record in (
        LinkScorerPlugin(
            "acme-projected",
            "",
            Nothing,
            lambda s, h: Projected(h // 2),
            for_dimension=lambda s, d: Projected(d),
        ),
        LinkLossPlugin("acme-softplus", "", Slope, lambda s: softplus_loss),
        NegativeSamplerPlugin("acme-near", "", Reach, lambda s, c: Neighbours(c, s.reach)),
    ):
        found.add(record, "acme", "1")


def test_an_outside_scorer_loss_and_sampler_train_and_open_again(
    acme: None, tmp_path: Path
) -> None:
    settings = config(
        write(tmp_path / "data"),
        tmp_path / "run",
        model="acme-projected",
        loss={"name": "acme-softplus", "slope": 2},
        negatives={"sampler": {"name": "acme-near", "reach": 5}, "shared": 2, "known": True},
        training={"epochs": 20},
    )
    artifact = KgeArtifact.load(train(settings))
    assert Neighbours.asked
    assert artifact.model.relations.weight.shape[1] == 8
    assert artifact.model.width == 16
    history = artifact.metrics["validation"]
    assert history[-1]["loss"] < history[0]["loss"]
    assert artifact.config.negatives.sampler.settings == {"reach": 5}


def test_settings_and_names_of_losses_and_samplers_are_checked(acme: None, tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    for changes, message in (
        ({"negatives": {"sampler": {"name": "acme-near", "rech": 5}}}, "did you mean 'reach'"),
        ({"loss": {"name": "acme-softplus", "slop": 5}}, "did you mean 'slope'"),
        ({"negatives": {"sampler": "type", "shared": 4}}, "needs `shared: 1`"),
        ({"negatives": {"sampler": "batch", "shared": 1}}, "`shared` of 2 or more"),
    ):
        with pytest.raises(ConfigError, match=message):
            train(config(data, tmp_path / "run", **changes))
    for changes, message in (
        ({"negatives": {"sampler": "acme-nea"}}, "Did you mean 'acme-near'"),
        ({"loss": "acme-softplu"}, "Did you mean 'acme-softplus'"),
    ):
        with pytest.raises(UsageError, match=message):
            train(config(data, tmp_path / "run", **changes))
