from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from k3m_kg.contracts import LinkScorer, QueryVectors
from k3m_kg.kge.data import load_data
from k3m_kg.kge.model import KgeModel, build_model
from k3m_kg.kge.rows import RowTable
from k3m_kg.kge.steps import Stepper
from k3m_kg.kge.training import build_stepper
from tests.kge.toy import config, write


@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
@pytest.mark.parametrize("rows", [7, 2000])
@pytest.mark.parametrize("often_whole", [False, True])
def test_touched_rows_move_as_the_dense_optimiser_moves_them(
    optimizer: str, rows: int, often_whole: bool
) -> None:
    torch.manual_seed(0)
    start = torch.randn(rows, 3)
    table = RowTable(start.clone(), optimizer, 0.1)
    dense = torch.nn.Parameter(start.clone())
    kind = torch.optim.Adam if optimizer == "adam" else torch.optim.Adagrad
    other = kind([dense], lr=0.1)
    random = torch.Generator().manual_seed(0)
    for step in range(60):
        whole = often_whole and step % 5 < 2
        ids = torch.randint(min(rows, 40), (rows if whole else 6,), generator=random)
        target = torch.randn(len(ids), 3, generator=random)
        touched, local, place = table.touch(ids)
        assert touched.tolist() == (list(range(rows)) if whole else sorted(set(ids.tolist())))
        ((local[place] - target) ** 2).sum().backward()
        table.update(touched, local)
        other.zero_grad()
        ((dense[ids] - target) ** 2).sum().backward()
        other.step()
    table.settle()
    torch.testing.assert_close(table.weight.data, dense.data, atol=1e-4, rtol=1e-4)
    assert torch.equal(table.weight[40:], start[40:])
    settled = table.weight.clone()
    table.settle()
    assert torch.equal(table.weight, settled)


def test_unit_rows_have_length_one() -> None:
    table = RowTable(torch.randn(5, 3), "adam", 0.1, unit=True)
    touched, local, _ = table.touch(torch.tensor([1, 3]))
    local.square().sum().backward()
    table.update(touched, local)
    assert table.weight[[1, 3]].norm(dim=-1) == pytest.approx(1)


@pytest.mark.parametrize("power", [False, True])
def test_one_query_has_the_gradient_of_its_distances(power: bool) -> None:
    torch.manual_seed(0)
    query = torch.randn(3, 1, 4, dtype=torch.float64, requires_grad=True)
    others = torch.randn(3, 5, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 1, 5, dtype=torch.float64)
    asked = QueryVectors(query, norm=2.0, power=power)
    found, gradients = [], []
    for fast in (False, True):
        scores = asked.scores(others, fast=fast)
        found.append(scores)
        gradients.append(torch.autograd.grad((scores * weight).sum(), (query, others)))
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(gradients[0], gradients[1])


def naive_loss(model: KgeModel, stepper: Stepper, triples: Tensor, seed: int) -> Tensor:
    """The same draws, scored one triple at a time."""
    generator = torch.Generator().manual_seed(seed)
    size = stepper.shared
    triples, heads = stepper.negatives.sampler.sides(triples, size, generator)
    vectors = model.vectors()
    entity, relation = vectors.entities_EH, vectors.relations_RH

    def score(h: int, r: int, t: int, side: int) -> Tensor:
        if side == 0 and vectors.inverse_RH is not None:
            return model.scorer.score(entity[[t]], vectors.inverse_RH[[r]], entity[[h]])[0]
        return model.scorer.score(entity[[h]], relation[[r]], entity[[t]])[0]

    positive, negative, masks = [], [], []
    for column, part in ((0, triples[:heads]), (2, triples[heads:])):
        if not len(part):
            continue
        drawn, mask = stepper.negatives.draw(part.view(-1, size, 3), column, generator)
        for place, (h, r, t) in enumerate(part.tolist()):
            positive.append(score(h, r, t, column))
            row = []
            for other in drawn[place // size].tolist():
                row.append(score(*((other, r, t) if column == 0 else (h, r, other)), column))
            negative.append(torch.stack(row))
            masks.append(mask[place // size, place % size])
    return stepper.loss(torch.stack(positive), torch.stack(negative), torch.stack(masks))


@pytest.mark.parametrize(
    ("name", "shared", "changes"),
    [
        *(
            (name, shared, {})
            for name in ("transe", "distmult", "complex", "rotate")
            for shared in (1, 4)
        ),
        ("rotate", 4, {"inverse_relations": True}),
        ("transe", 4, {"loss": {"name": "nssa", "margin": 2}}),
        ("transh", 4, {"loss": {"name": "margin", "margin": 2}, "inverse_relations": True}),
        ("distmult", 4, {"loss": "bce", "negatives": {"sampler": "batch", "shared": 4}}),
        ("distmult", 1, {"loss": "infonce", "negatives": {"sampler": "type", "shared": 1}}),
        (
            "mure",
            4,
            {"negatives": {"sampler": "bernoulli", "count": 5, "shared": 4, "known": True}},
        ),
    ],
)
def test_the_loss_of_a_step_is_that_of_each_triple_alone(
    name: str, shared: int, changes: dict[str, Any], tmp_path: Path
) -> None:
    negatives = {"count": 6, "shared": shared}
    settings = config(
        write(tmp_path / "data"), tmp_path / "out", model=name, **{"negatives": negatives} | changes
    )
    data = load_data(settings)
    torch.manual_seed(0)
    model = build_model(settings, len(data.entities), len(data.relations))
    stepper = build_stepper(settings, model, data)
    triples = torch.from_numpy(data.train)[:32]
    with torch.no_grad():
        expected = naive_loss(model, stepper, triples, seed=3)
    before = model.relations.weight.clone()
    loss = stepper.step(triples, torch.Generator().manual_seed(3))
    assert loss == pytest.approx(float(expected), rel=2e-3)
    assert not torch.equal(model.relations.weight, before)


class Plain(LinkScorer):
    """A stranger's scorer, with a weight of its own."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(hidden))

    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        return (head_NH * relation_NH * tail_NH * self.weight).sum(-1)


def test_a_strangers_scorer_learns_too(tmp_path: Path) -> None:
    settings = config(write(tmp_path / "data"), tmp_path / "out")
    data = load_data(settings)
    torch.manual_seed(0)
    model = KgeModel(
        Plain(6),
        torch.randn(len(data.entities), 6),
        torch.randn(len(data.relations), 6),
        relation_count=len(data.relations),
        width=6,
        optimizer="adam",
        learning_rate=0.05,
    )
    stepper = build_stepper(settings, model, data)
    triples = torch.from_numpy(data.train)[:64]
    generator = torch.Generator().manual_seed(0)
    losses = [stepper.step(triples, generator) for _ in range(60)]
    assert losses[-1] < losses[0]
    assert (model.scorer.weight != 1).any()
