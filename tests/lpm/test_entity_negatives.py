from __future__ import annotations

import numpy as np
import pytest
import torch

from k3m_kg.config import Settings
from k3m_kg.contracts import NegativeSampler, SamplerContext
from k3m_kg.lpm.builtin import k3m_kg_negative_samplers
from k3m_kg.lpm.entity_negatives import EntityNegatives
from k3m_kg.scorers.pykeen_home import keep_home_clean

ENTITIES, RELATIONS = 12, 3


def triples(seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.unique(random.integers(0, [ENTITIES, RELATIONS, ENTITIES], (60, 3)), axis=0)


def sampler_of(name: str = "uniform", count: int = 32) -> NegativeSampler:
    (plugin,) = (plugin for plugin in k3m_kg_negative_samplers() if plugin.name == name)
    return plugin.factory(Settings(), SamplerContext(triples(), ENTITIES, RELATIONS, count))


def draw(
    column: int,
    group: int = 1,
    seed: int = 0,
    sampler: str = "uniform",
    count: int = 32,
    known: bool = False,
):
    data = torch.from_numpy(triples())
    data = data[: len(data) // group * group].view(-1, group, 3)
    negatives = EntityNegatives(
        sampler_of(sampler, count), ENTITIES, RELATIONS, known_T3=triples() if known else None
    )
    entities, mask = negatives.draw(data, column, torch.Generator().manual_seed(seed))
    return data, entities, mask


@pytest.mark.parametrize("column", [0, 2])
def test_uniform_draws_every_other_entity_equally_often(column: int) -> None:
    data, entities, mask = draw(column, count=6000)
    assert mask.all()
    for row, own in zip(entities, data[:, 0, column].tolist(), strict=True):
        drawn, counts = row.unique(return_counts=True)
        assert drawn.tolist() == [e for e in range(ENTITIES) if e != own]
        assert counts / len(row) == pytest.approx(1 / (ENTITIES - 1), abs=0.03)


@pytest.mark.parametrize("group", [1, 4])
@pytest.mark.parametrize("column", [0, 2])
@pytest.mark.parametrize("known", [False, True])
def test_the_mask_leaves_out_what_is_true(group: int, column: int, known: bool) -> None:
    data, entities, mask = draw(column, group, count=30, known=known)
    true = {tuple(row) for row in triples().tolist()}
    for g, s, k in np.ndindex(*mask.shape):
        row = data[g, s].tolist()
        row[column] = entities[g, k].item()
        wrong = tuple(row) in true if known else row == data[g, s].tolist()
        assert mask[g, s, k].item() is not wrong


def test_typed_negatives_are_what_the_relation_takes_on_that_side() -> None:
    for column in (0, 2):
        data, entities, _ = draw(column, sampler="type", count=400)
        for row, relation in zip(entities, data[:, 0, 1].tolist(), strict=True):
            seen = triples()[triples()[:, 1] == relation, column]
            assert row.unique().tolist() == np.unique(seen).tolist()


def test_in_batch_negatives_are_the_answers_of_the_others() -> None:
    data, entities, mask = draw(2, 4, sampler="batch")
    assert torch.equal(entities, data[..., 2])
    assert not mask.diagonal(dim1=1, dim2=2).any()


def test_all_entities_but_the_own_compete() -> None:
    data, entities, mask = draw(0, 5, sampler="all")
    assert entities.shape == (len(data), ENTITIES)
    assert (mask.sum(-1) == ENTITIES - 1).all()


def test_bernoulli_corrupts_sides_as_often_as_pykeens_sampler() -> None:
    keep_home_clean()
    from pykeen.sampling import BernoulliNegativeSampler

    data = torch.from_numpy(triples())
    theirs = BernoulliNegativeSampler(
        mapped_triples=data, num_entities=ENTITIES, num_relations=RELATIONS
    )
    ours = sampler_of("bernoulli")
    torch.testing.assert_close(ours.head_share_R, theirs.corrupt_head_probability)
    many = data[torch.arange(9000) % len(data)]
    ordered, heads = ours.sides(many, 3, torch.Generator().manual_seed(0))
    assert heads % 3 == 0
    share = torch.bincount(ordered[:heads, 1]) / torch.bincount(ordered[:, 1])
    torch.testing.assert_close(share, theirs.corrupt_head_probability, atol=0.05, rtol=0)


def test_uniform_corrupts_both_sides_equally_often() -> None:
    sampler = sampler_of()
    data = torch.from_numpy(triples())[:48]
    ordered, heads = sampler.sides(data, 8, torch.Generator())
    assert heads == 24
    assert torch.equal(ordered, data)


def test_the_generator_alone_decides() -> None:
    for sampler in ("uniform", "type"):
        first, again, other = (
            draw(2, sampler=sampler, count=9, seed=seed)[1] for seed in (1, 1, 2)
        )
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
