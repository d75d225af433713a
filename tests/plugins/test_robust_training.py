"""What the plugins for missing and wrong modalities do, in numbers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from k3m_kg.api import LinkScorer
from k3m_kg.lpm.questions import WHOLE_PROPERTY, Triples, Visibility, ask
from k3m_kg.snapshot import Snapshot
from k3m_kg.testing.tasks import World
from k3m_kg_fusion.experts import Experts
from k3m_kg_tasks.contrastive import _answered
from k3m_kg_tasks.heads import GatedScorer, ProbeScorer
from tests.conformance.test_builtin_plugins import make
from tests.model.conftest import Built, settings

H, M = 8, 2


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.of(tmp_path_factory.mktemp("shop"), "term")


class Dot(LinkScorer):
    def score(self, head_NH, relation_NH, tail_NH):
        return ((head_NH + relation_NH) * tail_NH).sum(-1)


def heads(there: tuple[bool, bool], seed: int = 0) -> torch.Tensor:
    """(3, H + M (H + 1)) of products with some modalities."""
    torch.manual_seed(seed)
    parts = [torch.randn(3, H)]
    for has in there:
        parts += [torch.randn(3, H) * has, torch.full((3, 1), float(has))]
    return torch.cat(parts, 1)


def test_the_gate_begins_as_if_it_were_not_there() -> None:
    gate, (relation, tail) = GatedScorer(Dot(), H, M, 3), torch.randn(2, 3, H)
    asked = heads((True, True))
    assert torch.equal(gate.score(asked, relation, tail), Dot().score(asked[:, :H], relation, tail))


def test_the_gate_weighs_what_is_there_by_what_is_asked() -> None:
    torch.manual_seed(1)
    gate = GatedScorer(Dot(), H, M, 2)
    with torch.no_grad():
        gate.read_MXHH.normal_()
    relation, other, tail = torch.randn(3, 3, H)

    def added(asked: torch.Tensor, relation: torch.Tensor) -> torch.Tensor:
        return gate._head(asked, relation) - asked[:, :H]

    both, one, none = heads((True, True)), heads((True, False)), heads((False, False))
    assert not torch.allclose(added(both, relation), added(both, other))
    assert not added(none, relation).any()
    wild = one.clone()
    wild[:, -1 - H : -1] = 9.0  # what stands at a modality that is not there
    torch.testing.assert_close(added(wild, relation), added(one, relation))
    single = gate.score(both, relation, tail)
    torch.testing.assert_close(gate.score_tails(both, relation, tail)[range(3), range(3)], single)
    groups = gate.score_tail_groups(both[None], relation[None], tail[None])
    torch.testing.assert_close(groups[0][range(3), range(3)], single)


def test_a_probe_begins_as_the_scorer() -> None:
    (head, relation, tail), probe = torch.randn(3, 4, H), ProbeScorer(Dot(), H)
    torch.testing.assert_close(probe.score(head, relation, tail), Dot().score(head, relation, tail))


def test_experts_begin_as_the_mean_and_learn() -> None:
    torch.manual_seed(0)
    fusion, (own, other) = Experts(H, 3, 4), torch.randn(2, 2, 5, H)
    there = torch.ones(2, 5, dtype=torch.bool)
    out = fusion(own, other, there)
    torch.testing.assert_close(out, (own + other) / 2)
    out.square().sum().backward()
    assert fusion.outer_XWH.grad is not None
    assert fusion.outer_XWH.grad.any()


def noised(world: World, **kwargs: Any) -> tuple[Any, dict[str, torch.Tensor], Any]:
    task = make("task", "modality-noise", world.context, **kwargs)
    batch = world.batch()
    task.corrupt(batch, torch.Generator().manual_seed(5))
    torch.manual_seed(0)
    shape = {name: tokens.tokens_BN.shape for name, tokens in batch.modalities.items()}
    tokens = {name: torch.randn(*size, 16) for name, size in shape.items()}
    return batch, tokens, task.encoded(tokens, batch)


def test_noise_is_in_some_products_and_only_where_tokens_are(world: World) -> None:
    batch, before, after = noised(world, noise=0.5, mask=0.7)
    for name, tokens in before.items():
        changed_BN = (after[name] != tokens).any(-1)
        assert changed_BN.any()
        assert not (changed_BN & ~batch.modalities[name].shown_BN).any()
        assert not changed_BN[~batch.notes["modality-noise"].hit_B[name]].any()


def test_all_noise_leaves_nothing_of_what_was_said(world: World) -> None:
    batch, before, after = noised(world, noise=1.0, mask=1.0, modalities=("title",))
    assert after["image"] is before["image"]
    shown_BN = batch.modalities["title"].shown_BN
    for row, shown_N in zip(after["title"], shown_BN, strict=True):
        said = row[shown_N]
        assert torch.equal(said, said[:1].expand_as(said)), "one draw for a product"
    kept = before["title"][shown_BN]
    spread = after["title"][shown_BN].std()
    assert abs(float(spread - kept.std())) < 0.3, "noise is as wide as what it replaces"


def test_a_swapped_title_is_another_products_and_spells_none_of_its_values(world: World) -> None:
    batch, _, _ = noised(world, noise=0.0, swap=0.5)
    whole, tokens = world.batch(), batch.modalities["title"]
    before = whole.modalities["title"]
    moved_B = (tokens.arrays["ids"] != before.arrays["ids"]).any(1)
    assert moved_B.any()
    assert not moved_B.all()
    titles = {tuple(ids) for ids in before.arrays["ids"].tolist()}
    assert {tuple(ids) for ids in tokens.arrays["ids"].tolist()} <= titles
    assert tokens.spells_EN is not None
    assert before.spells_EN is not None
    mine_E = moved_B[batch.triple_product_E]
    assert not tokens.spells_EN[mine_E].any()
    assert torch.equal(tokens.spells_EN[~mine_E], before.spells_EN[~mine_E])


def test_products_that_share_triples_are_right_answers_too(world: World) -> None:
    task = make("task", "contrastive", world.context)
    none = torch.zeros(0, dtype=torch.long)
    batch = SimpleNamespace(
        size=3,
        triple_product_E=torch.tensor([0, 0, 1, 1, 2]),
        triple_property_E=torch.tensor([0, 1, 0, 1, 0]),
        triple_value_E=torch.tensor([3, 4, 3, 5, 9]),
        triple_rejected_E=None,
    )
    third = 1 / 3
    wanted = torch.tensor([[1, third, 0], [third, 1, 0], [0, 0, 1]])
    torch.testing.assert_close(task._right(batch), wanted)
    batch.triple_product_E = batch.triple_property_E = batch.triple_value_E = none
    assert torch.equal(task._right(batch), torch.eye(3))


def test_who_has_no_such_view_is_no_answer() -> None:
    logits = torch.tensor([[2.0, 9.0], [0.0, 1.0]])
    loss_B, hit_B = _answered(logits, torch.eye(2), torch.tensor([True, False]))
    assert hit_B[0], "the better answer is not there"
    assert float(loss_B[0]) == pytest.approx(0.0)


def test_knowledge_as_text_shows_no_hidden_triple(tmp_path: Path, world: World) -> None:
    snapshot = Snapshot.open(world.batcher.snapshot.path)
    config = settings(
        snapshot.path,
        tmp_path / "out",
        modalities=["title", {"name": "knowledge", "max_tokens": 40}],
        model={"knowledge": "term"},
        tasks=["mlm", {"name": "lpm", "questions": "hidden"}],
    )
    built = Built(snapshot, config)
    rows = built.rows[:6]
    name = int(built.batch().triple_property_E[0])
    number = np.full(len(rows), name)
    questions = Triples(rows, number, np.full(len(rows), WHOLE_PROPERTY))
    every = built.batcher.batch(rows)
    seen = ask(built.batcher, questions, Visibility())
    tokens, all_BN = seen.modalities["knowledge"], every.modalities["knowledge"].shown_BN
    states_EN = every.modalities["knowledge"].states_EN
    assert states_EN is not None
    of_EN = states_EN & (every.triple_property_E == name)[:, None]
    asked_BN = torch.zeros_like(all_BN, dtype=torch.int32)
    asked_BN = asked_BN.index_add(0, every.triple_product_E, of_EN.int()) > 0
    assert asked_BN.any()
    assert torch.equal(tokens.shown_BN, all_BN & ~asked_BN)
    with torch.no_grad():
        hidden = built.model.heads(seen)
        tokens.arrays["ids"][asked_BN] = 7
        torch.testing.assert_close(built.model.heads(seen), hidden)
