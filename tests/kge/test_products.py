"""A snapshot's products by an embedding model: the same contract as K3M."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from k3m_kg.kge.artifact import KgeArtifact
from k3m_kg.kge.data import PRODUCT, VALUE, from_snapshot
from k3m_kg.kge.predictor import KgePredictor
from k3m_kg.kge.training import train
from k3m_kg.lpm.link_ranks import rank_questions
from k3m_kg.lpm.queries import Triples, Visibility
from k3m_kg.lpm.triple_ranks import TripleVectors, rank_triples
from k3m_kg.snapshot import Snapshot
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
    for part, held in ((data.train, 0), (data.valid, 1), (data.test, 2)):
        for h, r, t in part.tolist():
            told.add((data.entities[h], data.relations[r], data.entities[t], held))
    expected = {
        (PRODUCT + product.id, name, VALUE + value, held)
        for product in (snapshot.product(row) for row in train_rows)
        for (name, value), held in zip(product.properties, product.holdout, strict=True)
    }
    assert told <= expected
    assert len(expected - told) == data.unknown


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
    from k3m_kg.lpm.build import build_scorer
    from k3m_kg.lpm.interaction_settings import INTERACTIONS

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
