"""A snapshot's products by an embedding model: the same contract as K3M."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from k3m_kg.graph.stored import StoredProduct
from k3m_kg.kge.artifact import KgeArtifact
from k3m_kg.kge.data import PRODUCT, VALUE, from_snapshot
from k3m_kg.kge.predictor import KgePredictor
from k3m_kg.kge.training import train
from k3m_kg.lpm.link_ranks import rank_questions
from k3m_kg.lpm.questions import Triples, Visibility
from k3m_kg.lpm.relation_leakage import find_relation_leaks
from k3m_kg.lpm.triple_ranks import TripleVectors, rank_triples
from k3m_kg.records import ValueRecord
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot
from tests.catalogs import shop_snapshot
from tests.kge.toy import config
from tests.lpm.tiny_links import make_source


def test_a_snapshots_held_out_triples_are_asked(tmp_path: Path) -> None:
    snapshot = Snapshot.open(shop_snapshot(tmp_path / "snapshots", 60, holdout=0.2))
    data = from_snapshot(snapshot)
    train_rows = set(snapshot.rows("train").tolist())
    assert {label for label in data.entities if label.startswith(PRODUCT)} == {
        PRODUCT + snapshot.ids[row] for row in train_rows if snapshot.product(row).properties
    }
    told = set()
    for part, held in ((data.train, 0), (data.validation, 1), (data.test, 2)):
        for h, r, t in part.tolist():
            told.add((data.entities[h], data.relations[r], data.entities[t], held))
    expected = {
        (PRODUCT + product.id, name, VALUE + value, held)
        for product in (snapshot.product(row) for row in train_rows)
        for (name, value), held in zip(product.properties, product.holdout, strict=True)
    }
    assert told <= expected
    assert len(expected - told) == data.unknown


def linked_snapshot(folder: Path) -> Snapshot:
    """60 products, each linked to three others and back; values with triples of their own."""
    products = [
        StoredProduct(
            f"{n:02}",
            None,
            None,
            (("colour", f"c{n % 4}"), ("size", f"s{n % 3}")),
            (),
            tuple(
                link
                for k in (1, 2, 5)
                for link in (("before", f"{(n + k) % 60:02}"), ("after", f"{(n - k) % 60:02}"))
            ),
        )
        for n in range(60)
    ]
    values = [ValueRecord(f"c{n}", (("shade of", f"c{n + 1}"),)) for n in range(3)]

    class Linked:
        def iter_subjects(self):
            yield from [*products, *values]

    return build_snapshot(Linked(), folder, SnapshotSettings(holdout=0.2)).snapshot


def test_links_between_training_products_and_facts_are_triples(tmp_path: Path) -> None:
    snapshot = linked_snapshot(tmp_path)
    data = from_snapshot(snapshot)
    told: dict[int, set[tuple[str, str, str]]] = {0: set(), 1: set(), 2: set()}
    for held, part in enumerate((data.train, data.validation, data.test)):
        for h, r, t in part.tolist():
            told[held].add((data.entities[h], data.relations[r], data.entities[t]))
    train = {snapshot.ids[row] for row in snapshot.rows("train").tolist()}
    for held in told:
        links = {
            (PRODUCT + product.id, name, PRODUCT + other)
            for product in map(snapshot.product, snapshot.rows("train").tolist())
            for (name, other), hidden in zip(product.links, product.link_holdout, strict=True)
            if other in train and hidden == held
        }
        assert links
        assert {triple for triple in told[held] if triple[2].startswith(PRODUCT)} == links
    facts = {(VALUE + f"c{n}", "shade of", VALUE + f"c{n + 1}") for n in range(3)}
    assert {triple for triple in told[0] if triple[0].startswith(VALUE)} == facts
    assert not any(triple[0].startswith(VALUE) for triple in told[1] | told[2])
    assert len(set(data.entities)) == len(data.entities)


def test_an_inverse_link_is_found_to_give_away_what_is_asked(tmp_path: Path) -> None:
    data = from_snapshot(linked_snapshot(tmp_path))
    leaks = find_relation_leaks(data.train, data.test)
    names = [data.relations[relation] for relation in data.test[:, 1].tolist()]
    turned = {(t, h) for h, r, t in data.train.tolist() if data.relations[r] in ("after", "before")}
    expected = [
        name in ("after", "before") and (h, t) in turned
        for name, (h, _, t) in zip(names, data.test.tolist(), strict=True)
    ]
    assert any(expected)
    assert leaks.causes["inverse"].tolist() == expected


def test_it_trains_on_a_snapshot_and_predicts_its_values(tmp_path: Path) -> None:
    folder = shop_snapshot(tmp_path / "snapshots", 60, holdout=0.2)
    settings = config(tmp_path, tmp_path / "run", triples=None, snapshot=folder)
    artifact = KgeArtifact.load(train(settings))
    snapshot = Snapshot.open(folder)
    predictor = KgePredictor.of(artifact, snapshot.ids, snapshot.properties, snapshot.values)
    (row,) = snapshot.rows("train")[:1].tolist()
    place = artifact.entities.index(PRODUCT + snapshot.ids[row])
    vectors = artifact.model.vectors()
    found = predictor._products(torch.tensor([row]))
    torch.testing.assert_close(found[0], vectors.entities_EH[place])
    assert json.loads((artifact.path / "labels.json").read_text())["relations"]


def test_products_asked_through_the_contract_rank_as_triples_do() -> None:
    """`rank_questions`, which K3M answers, gives the ranks of `rank_triples`."""
    random = np.random.default_rng(0)
    products = [
        [(name, 10 * name + int(random.integers(6))) for name in range(3)] for _ in range(20)
    ]
    candidates = [[10 * name + value for value in range(6)] for name in range(3)]
    source = make_source(products, candidates)
    torch.manual_seed(0)
    from k3m_kg.scorers.build import build_scorer
    from k3m_kg.scorers.settings import INTERACTIONS

    scorer = build_scorer("transh", INTERACTIONS["transh"].config(), 4).eval()
    entities = len(products) + len(source.catalog.values)
    vectors = TripleVectors(
        scorer,
        torch.randn(entities, scorer.entity_width),
        torch.randn(3, scorer.relation_width),
    )
    values = np.arange(len(source.catalog.values)) + len(products)
    predictor = KgePredictor(vectors, np.arange(len(products)), np.arange(3), values)
    rows = np.arange(len(products))
    truth = Triples.of(source, rows)
    links = rank_questions(predictor, source, truth, Visibility(), truth=truth, batch_size=7)
    flat = np.stack([truth.rows, truth.properties, truth.values + len(products)], 1)
    allowed = [np.array(ids, np.int64) + len(products) for ids in candidates]
    ranks = rank_triples(vectors, flat, flat, sides=("tail",), candidates={"tail": allowed})
    for name in range(3):
        mine = np.flatnonzero(truth.properties == name)
        np.testing.assert_array_equal(
            links.ranks[name].realistic_Q, ranks.ranks["tail"].realistic_Q[mine]
        )


def test_an_unseen_product_has_the_mean_vector() -> None:
    scorer = torch.nn.Identity()
    vectors = TripleVectors(scorer, torch.tensor([[1.0], [3.0], [9.0]]), torch.ones(1, 1))  # type: ignore[arg-type]
    vectors.scorer = None  # type: ignore[assignment]
    predictor = KgePredictor(vectors, np.array([0, -1, 1]), np.array([0]), np.array([2]))
    assert predictor._products(torch.tensor([0, 1, 2])).squeeze(1).tolist() == [1, 2, 3]
