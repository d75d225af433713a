"""Linear models on small shops in which it is known who must be right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from k3m_kg.batches.batcher import Batcher
from k3m_kg.batches.split_questions import questions_of
from k3m_kg.config import ModelSettings
from k3m_kg.contracts import Catalog, ModalityData, ModalityTokens
from k3m_kg.evaluation.baselines import examples
from k3m_kg.evaluation.baselines.choosing import inputs_of
from k3m_kg.evaluation.baselines.competitors import Competitors
from k3m_kg.evaluation.baselines.links import linear_ranks
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.evaluation.classification import evaluate_classification
from k3m_kg.evaluation.link_prediction import evaluate_link_prediction
from k3m_kg.lpm.questions import Triples, property_ids
from k3m_kg.lpm.softmax_regression import Part
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.layout import cache_of
from k3m_kg.use.open_model import OpenModel
from tests.evaluation.shop import shop_snapshot
from tests.lpm.tiny_links import TitleOnly

EVERYTHING = ("triples", "title", "image")


def batcher_of(snapshot: Snapshot, modalities: dict[str, ModalityData] | None = None) -> Batcher:
    names, values = list(snapshot.properties), list(snapshot.values)
    catalog = Catalog.wordless(names, values, *snapshot.candidates())
    return Batcher(snapshot, modalities or {}, ModelSettings(), catalog)


def asked(
    batcher: Batcher, name: str, *, hide: tuple[str, ...] = (), cut: bool = True, shown=EVERYTHING
) -> dict[str, float]:
    """Hits@1 of every linear model on one property."""
    questions, truth, _ = questions_of(batcher, "test", [name])
    hidden = property_ids(batcher.catalog, hide, "hide")
    view = View(batcher, batcher.catalog, hidden, cut_title=cut)
    found, _ = linear_ranks(inputs_of(view, shown), view, view, questions, truth)
    return {key: ranks.metrics()["hits@1"] for key, ranks in found.items()}


def dense(part: Part) -> np.ndarray:
    return part.toarray() if sparse.issparse(part) else part


def keep(product: Any) -> Any:
    return product


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Batcher:
    return batcher_of(shop_snapshot(tmp_path_factory.mktemp("shop"), 200, keep, 0))


def test_each_input_tells_what_stands_in_it(shop: Batcher) -> None:
    kind = asked(shop, "kind", cut=False, hide=("price",))
    assert kind["words"] > 0.75 > kind["attributes"]
    assert kind["all"] > 0.75
    price = asked(shop, "price")
    assert price["attributes"] == 1  # the kind decides it
    assert asked(shop, "price", hide=("kind",))["attributes"] < 0.8
    colour = asked(shop, "itemColour", cut=True)
    assert colour["features"] > max(colour["words"], colour["attributes"]) + 0.2


def test_no_question_is_an_input_of_no_rows(shop: Batcher) -> None:
    view = View(shop, shop.catalog, np.empty(0, np.int64), cut_title=True)
    nobody = np.empty(0, np.int64)
    for name, item in inputs_of(view, EVERYTHING).items():
        assert item.fit(view, shop.snapshot.rows("train")), name
        assert item.matrix(view, Triples.each(nobody)).shape[0] == 0, name


def test_words_of_the_asked_value_are_cut_for_baselines_too(shop: Batcher) -> None:
    """What is left of a title is the colour and a number: it tells nothing of the kind."""
    assert asked(shop, "kind", hide=("price",))["words"] < 0.5


def test_a_description_is_read_and_the_asked_value_cut_out_of_it(tmp_path: Path) -> None:
    def described(product):
        kinds = [value for name, value in product.triples if name == "kind"]
        text = f"in our house we call this one {' and '.join(kinds)} of number {product.id}"
        rest = tuple(pair for pair in product.triples if pair[0] != "price")
        return replace(product, title=None, triples=(*rest, ("description", text)))

    batcher = batcher_of(shop_snapshot(tmp_path, 120, described, 0))
    assert asked(batcher, "kind", cut=False, shown=("triples",))["words"] > 0.9
    assert asked(batcher, "kind", cut=True, shown=("triples",))["words"] < 0.5
    assert asked(batcher, "kind", cut=False, hide=("description",)).keys() == {
        "attributes",
        "features",
        "all",
    }


def test_what_a_question_shows_does_not_depend_on_its_answer(shop: Batcher, tmp_path: Path) -> None:
    """The same products with another kind each, named so in the title: all matrices are equal."""
    other = {"mug": "old shoe", "old shoe": "lamp", "lamp": "shirt", "shirt": "mug"}

    def changed(product):
        triples = tuple((n, other[v] if n == "kind" else v) for n, v in product.triples)
        title = product.title
        for name, value in product.triples:
            if title and name == "kind":
                title = title.replace(value, other[value])
        return replace(product, title=title, triples=triples)

    second = batcher_of(shop_snapshot(tmp_path, 200, changed, 0))
    matrices = []
    views = [View(b, b.catalog, np.empty(0, np.int64), cut_title=True) for b in (shop, second)]
    inputs = inputs_of(views[0], ("triples", "title"))
    for item in inputs.values():
        item.fit(views[0], np.arange(200))
    for view in views:
        kind = np.array([view.catalog.properties.index("kind")])
        questions = Triples.of(view.batcher, np.arange(200)).about(kind)
        whole = Triples.each(np.arange(200), int(kind[0]))
        matrices.append(
            [dense(i.matrix(view, q)) for i in inputs.values() for q in (questions, whole)]
        )
    assert shop.catalog.values == second.catalog.values  # columns mean the same in both
    for one, two in zip(*matrices, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_held_out_triples_are_never_seen(tmp_path: Path) -> None:
    batcher = batcher_of(shop_snapshot(tmp_path, 120, keep, 0.4))
    view = View(batcher, batcher.catalog, np.empty(0, np.int64), cut_title=True)
    rows, names, values = view.seen(Triples.each(np.arange(120)))
    seen = set(zip(rows.tolist(), names.tolist(), values.tolist(), strict=True))
    shown = Triples.of(batcher, np.arange(120))
    assert seen == set(zip(shown.rows, shown.properties, shown.values, strict=True))
    assert len(view.known) < len(seen) < len(batcher.snapshot.triple_value)


def test_features_of_a_frozen_encoder_are_an_input(tmp_path: Path) -> None:
    snapshot = shop_snapshot(tmp_path, 120, keep, 0)

    class Frozen(ModalityData):
        def has(self, rows: np.ndarray) -> np.ndarray:
            return rows % 3 > 0

        def batch(self, rows, random=None) -> ModalityTokens:  # type: ignore[no-untyped-def]
            raise AssertionError("a linear model needs no batch")

        def features(self, rows: np.ndarray, cut: object = None) -> np.ndarray:
            kinds = [dict(snapshot.product(r).properties).get("kind", "") for r in rows.tolist()]
            return np.array([[len(kind), kind == "lamp"] for kind in kinds], float).reshape(-1, 2)

    batcher = batcher_of(snapshot, {"scent": Frozen()})
    found = asked(batcher, "kind", shown=("scent",), hide=("price",))
    assert list(found) == ["features"]
    assert found["features"] > 0.6


def test_a_big_catalog_is_fitted_to_a_part_and_says_so(
    shop: Batcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "MOST_EXAMPLES", 60)
    monkeypatch.setattr(examples, "MOST_CLASSES", 2)
    questions, truth, _ = questions_of(shop, "test", ["kind"])
    view = View(shop, shop.catalog, np.empty(0, np.int64), cut_title=False)
    found, notes = linear_ranks(inputs_of(view, ("title",)), view, view, questions, truth)
    (note,) = notes
    assert "1 of 1 properties" in note
    assert "(60 of " in note
    assert 0.2 < found["words"].metrics()["hits@1"] < 0.8  # right where it has weights
    ranks = found["words"].ranks[0]
    assert ranks.realistic_Q.max() <= 4
    monkeypatch.setattr(examples, "MOST_CELLS", 1)
    monkeypatch.setattr(examples, "_FEWEST_EXAMPLES", 30)
    chosen, _ = examples.training_examples(view.known, [int(questions.properties[0])])
    assert [len(item) for item in chosen.values()] == [30]


def test_link_prediction_and_classification_say_who_is_ahead(opened: OpenModel) -> None:
    """A model that reads the title's words, against linear models that read it all."""
    told: list[tuple[str, int, int | None]] = []

    def competitors(*without: str) -> Competitors:
        return Competitors.of(opened, without, lambda *stage: told.append(stage), usual=True)

    report = evaluate_link_prediction(
        TitleOnly(), opened.batcher, cut_title=True, competitors=competitors()
    ).report
    assert list(report["baselines"]) == ["majority", "words", "attributes", "features", "all"]
    for name, row in report["per_property"].items():
        assert list(row["baselines"]) == list(report["baselines"])
        assert row["baselines"]["majority"]["mrr"] == row["majority_mrr"], name
    verdict = report["verdict"]
    best = max(row["macro_hits@1"] for row in report["baselines"].values())
    assert verdict["competitor"] == pytest.approx(best)
    assert verdict["model"] == pytest.approx(report["metrics"]["macro_hits@1"])
    assert (verdict["outcome"], verdict["usual"]) == ("behind", True)
    assert told[-1] == ("baselines", 12, 12)
    report = evaluate_classification(
        TitleOnly(), opened.batcher, "kind", cut_title=True, competitors=competitors("triples")
    ).report
    assert list(report["baselines"]) == ["majority", "words", "features", "all"]
    assert report["baselines"]["majority"]["accuracy"] == report["metrics"]["majority"]
    assert report["verdict"]["what"] == "classification by kind"


def test_linear_models_are_not_fitted_twice(
    opened: OpenModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for another model, another question, and where what was kept is damaged."""
    told: list[object] = []
    model = OpenModel.of(opened.trained, shop_snapshot(tmp_path, 90, keep, 0))

    def ranked(weights: str = "w", *without: str) -> tuple[dict[str, Any], list[str], int]:
        told.clear()
        competitors = replace(
            Competitors.of(model, without, lambda *stage: told.append(stage), usual=True),
            weights=weights,
        )
        linked = evaluate_link_prediction(
            TitleOnly(), model.batcher, competitors=competitors
        ).report
        named = evaluate_classification(
            TitleOnly(), model.batcher, "kind", competitors=competitors
        ).report
        figures = {"links": linked["baselines"], "labels": named["baselines"]}
        return figures, linked["baseline_notes"] + named["baseline_notes"], len(told)

    first, notes, fitted = ranked()
    assert fitted > 0
    assert ranked() == (first, notes, 0)
    assert ranked("another")[2] > 0
    assert ranked("w", "triples")[2] > 0
    assert ranked()[2] == 0
    kept = cache_of(model.snapshot.path) / "baselines"
    for number, path in enumerate(kept.iterdir()):
        path.write_bytes(path.read_bytes()[: 50 * (number % 2)])
    assert ranked()[0] == first
    assert told
    for path in kept.iterdir():
        path.unlink()
    ranked()
    for path in kept.iterdir():
        with np.load(path) as held:
            changed = {name: -1 - held[name] for name in held.files if name != "told"}
            np.savez(path, told=held["told"], **changed)  # type: ignore[arg-type]
    assert ranked()[0] == first
    assert told
    monkeypatch.setattr(Snapshot, "corruption", {"kind": "TMR"})
    before = set(kept.iterdir())
    assert ranked("corrupted")[2] > 0
    assert set(kept.iterdir()) == before


def test_a_model_on_another_snapshot_is_beside_linear_models_of_its_own(
    opened: OpenModel, tmp_path: Path
) -> None:
    other = OpenModel.of(opened.trained, shop_snapshot(tmp_path, 90, keep, 0))
    competitors = Competitors.of(other, (), lambda *told: None, usual=True)
    assert competitors.trained is not None
    assert competitors.trained.snapshot.id == opened.snapshot.id != other.snapshot.id
    report = evaluate_link_prediction(TitleOnly(), other.batcher, competitors=competitors).report
    assert report["per_property"]["price"]["baselines"]["attributes"]["hits@1"] > 0.9
    gone = replace(other, trained=replace(opened.trained, snapshot=tmp_path / "gone"))
    competitors = Competitors.of(gone, (), lambda *told: None, usual=True)
    report = evaluate_link_prediction(TitleOnly(), other.batcher, competitors=competitors).report
    assert list(report["baselines"]) == ["majority"]
    assert "is not there" in report["baseline_notes"][0]
