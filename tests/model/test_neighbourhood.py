from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from k3m_kg.lpm.queries import Triples, Visibility, answerable, ask
from k3m_kg.model.product_graph import ProductGraph
from k3m_kg.snapshot import Snapshot
from tests.catalogs import shop_snapshot
from tests.model.conftest import Built, settings
from tests.model.test_tasks import LEAVE_ONE_OUT, leaks, lpm_heads

pytest.importorskip("dgl")
MODEL = {"knowledge": "term", "structure": {"name": "neighbourhood", "neighbours": 4}}


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A shop with products of every split and with triples held out of training."""
    folder = tmp_path_factory.mktemp("held")
    return Snapshot.open(shop_snapshot(folder, 60, validation=0.2, test=0.2, holdout=0.2))


def without(built: Built, question: Triples) -> ProductGraph:
    """The graph as it were if the asked triple had another value."""
    product, properties, values = built.batcher.triples(built.rows)
    mine = built.rows[product] == question.rows[0]
    asked = mine & (properties == question.properties[0]) & (values == question.values[0])
    known = built.catalog.candidates[int(question.properties[0])]
    values[asked] = next(value for value in known if value not in values[mine])
    return ProductGraph(built.rows[product], properties, values, len(built.catalog.values))


def graph_leaks(built: Built) -> bool:
    """Whether the edge of an asked triple influences the head that must predict its value.

    One question at a time: among others the walks would draw other numbers.
    """
    questions = Triples.of(built.batcher, built.rows[:8]).about(answerable(built.catalog))
    whole = built.batcher.graph
    for place in range(len(questions)):
        question = questions[place : place + 1]
        heads = []
        for graph in (whole, without(built, question)):
            built.batcher.graph = graph
            heads.append(built.model.heads(ask(built.batcher, question, Visibility())))
        built.batcher.graph = whole
        if not torch.allclose(*heads):
            return True
    return False


def test_no_question_sees_its_own_answer(build: Callable[..., Built]) -> None:
    built = build(model=MODEL, tasks=[LEAVE_ONE_OUT])
    assert not leaks(built)
    assert not graph_leaks(built)


def test_neighbours_do_influence_a_question(build: Callable[..., Built]) -> None:
    built = build(model=MODEL, tasks=[LEAVE_ONE_OUT])
    before, _ = lpm_heads(built)
    with torch.no_grad():
        built.model.neighbourhood.merge.weight.zero_()
    after, _ = lpm_heads(built)
    assert not torch.allclose(before, after)


def test_a_product_that_is_its_own_neighbour_is_caught(
    build: Callable[..., Built], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build(model=MODEL, tasks=[LEAVE_ONE_OUT])
    honest = ProductGraph.neighbours

    def leaking(self, rows_Q, query_N, pair_N, count, seed):
        return honest(self, np.full_like(rows_Q, -1), query_N, pair_N, count, seed)

    monkeypatch.setattr(ProductGraph, "neighbours", leaking)
    assert graph_leaks(built)


def test_a_walk_through_the_asked_triple_is_caught(
    build: Callable[..., Built], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build(model=MODEL, tasks=[LEAVE_ONE_OUT])
    honest = built.model._hear_neighbours

    def leaking(batch, c_QH, head_QH, product_Q, query_N, triple_N):
        asked_Q = batch.notes["lpm"].asked_Q
        if len(product_Q) == len(asked_Q):  # else it is about the products themselves
            query_N = torch.cat([query_N, torch.arange(len(asked_Q))])
            order = query_N.argsort(stable=True)
            query_N, triple_N = query_N[order], torch.cat([triple_N, asked_Q])[order]
        return honest(batch, c_QH, head_QH, product_Q, query_N, triple_N)

    monkeypatch.setattr(built.model, "_hear_neighbours", leaking)
    assert leaks(built)


def test_only_known_triples_of_training_products_are_in_the_graph(
    held: Snapshot, tmp_path: Path
) -> None:
    built = Built(held, settings(held.path, tmp_path / "out", model=MODEL))
    assert {int(side) for side in held.split} == {0, 1, 2}
    assert (held.triple_holdout > 0).any()
    known = set()
    for row in held.rows("train").tolist():
        product = held.product(row)
        known |= {
            (row, pair)
            for pair, out in zip(product.properties, product.holdout, strict=True)
            if not out
        }
    graph, found = built.batcher.graph, set()
    for place, row in enumerate(graph.rows.tolist()):
        for pair in graph.pairs[graph.offsets[place] : graph.offsets[place + 1]].tolist():
            name, value = divmod(int(graph.keys[pair]), graph.width)
            found.add((row, (built.catalog.properties[name], built.catalog.values[value])))
    assert found == known
