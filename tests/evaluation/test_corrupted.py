"""Evaluations on a corrupted catalog: as good as hiding the same, and nobody's truth is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from k3m_kg.batches.batcher import Batcher
from k3m_kg.corruption import corrupt, corruption_of
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.evaluation.classification import evaluate_classification
from k3m_kg.evaluation.link_prediction import evaluate_link_prediction
from k3m_kg.evaluation.running import build_evaluation, run_evaluation
from k3m_kg.evaluation.settings import ClassificationSettings, LinkPredictionSettings
from k3m_kg.lpm.questions import Triples, Visibility, ask
from k3m_kg.use.open_model import OpenModel, open_model
from tests.evaluation.shop import trained


def harmed(opened: OpenModel, *texts: str) -> OpenModel:
    return opened.on(corrupt(opened.snapshot, [corruption_of(text) for text in texts]))


@pytest.mark.parametrize("knowledge", ["term", "product"])
@pytest.mark.parametrize(
    ("texts", "part"), [("TMR:1", "title"), ("IMR:1", "image"), ("KMR:1", "triples")]
)
def test_missing_everywhere_is_the_same_as_hidden(
    opened_by: Callable[[str], OpenModel], knowledge: str, texts: str, part: str
) -> None:
    opened = opened_by(knowledge)
    other = harmed(opened, texts)

    def ranked(batcher: Batcher, without: tuple[str, ...] = ()) -> dict[str, Any]:
        report, _ = evaluate_link_prediction(
            opened.predictor, batcher, without=without, leakage=False
        )
        return {key: report[key] for key in ("metrics", "per_property")}

    assert ranked(other.batcher) == ranked(opened.batcher, (part,))
    assert ranked(other.batcher) != ranked(opened.batcher)


def test_a_probe_learns_from_what_is_whole_and_is_asked_what_is_not(opened: OpenModel) -> None:
    def accuracy(batcher: Batcher, without: tuple[str, ...] = ()) -> float:
        report, _ = evaluate_classification(
            opened.predictor, batcher, "kind", mode="probe", without=without
        )
        found: float = report["metrics"]["accuracy"]
        return found

    assert accuracy(harmed(opened, "TMR:0", "IMR:0").batcher) == accuracy(opened.batcher)
    assert accuracy(harmed(opened, "TMR:1").batcher) != accuracy(opened.batcher)


def test_wrong_triples_are_shown_but_not_to_what_asks_about_their_property(
    opened: OpenModel,
) -> None:
    view = harmed(opened, "KNR:1")
    catalog = opened.batcher.catalog
    rows = opened.snapshot.rows("test")
    for name in range(len(catalog.properties)):
        questions = Triples.each(rows, name)
        batch = ask(view.batcher, questions, Visibility())
        seen = batch.triple_visible_E
        assert name not in batch.triple_property_E[seen].tolist()
        linear = View(view.batcher, catalog, np.empty(0, np.int64), cut_title=True)
        question, properties, values = linear.seen(questions)
        both = zip(question.tolist(), properties.tolist(), values.tolist(), strict=True)
        columns = (batch.triple_product_E, batch.triple_property_E, batch.triple_value_E)
        assert sorted(both) == sorted(
            zip(*(column[seen].tolist() for column in columns), strict=True)
        )
    one = Triples.of(opened.batcher, rows)  # each value by itself, as link prediction asks
    batch = ask(view.batcher, one, Visibility())
    own = batch.triple_property_E.numpy() == one.properties[batch.triple_product_E.numpy()]
    assert not (batch.triple_visible_E.numpy() & own).any()
    assert batch.triple_visible_E.any()


def test_wrong_titles_and_pictures_reach_the_model(opened: OpenModel) -> None:
    view = harmed(opened, "TINR:1")
    rows = opened.snapshot.rows("test")
    now, before = view.batcher.batch(rows), opened.batcher.batch(rows)
    for row, title in zip(rows.tolist(), view.snapshot.titles.take(rows).to_pylist(), strict=True):
        assert view.batcher.modalities["title"].content(row) == title
    there = [batch.modalities["title"].tokens_BN.any(1).tolist() for batch in (now, before)]
    assert there[0] == there[1]
    pictures = view.snapshot.picture_rows
    assert pictures is not None
    data, whole = view.batcher.modalities["image"], opened.batcher.modalities["image"]
    for row in rows[pictures[rows] != rows].tolist():
        mine = data.batch(np.array([row])).arrays
        theirs = whole.batch(np.array([pictures[row]])).arrays
        assert all((mine[name] == theirs[name]).all() for name in mine)


def test_a_corrupted_model_embeds_without_what_is_missing(opened: OpenModel) -> None:
    rows = opened.snapshot.rows("test")
    view = harmed(opened, "KMR:1")
    with_all, without = opened.vectors(rows), view.vectors(rows)
    bare = np.array([not opened.snapshot.product(row).properties for row in rows.tolist()])
    assert (np.abs(with_all - without).max(1) > 0)[~bare].all()


@pytest.mark.parametrize("task", ["link-prediction", "classification"])
def test_competitors_are_asked_the_same_and_the_report_says_so(
    opened: OpenModel, task: str
) -> None:
    settings: dict[str, Any] = {
        "link-prediction": LinkPredictionSettings(),
        "classification": ClassificationSettings(target="kind", cut_title=False),
    }
    evaluation = build_evaluation(task, settings[task], "test")

    def asked(model: OpenModel) -> dict[str, Any]:
        return run_evaluation(task, evaluation, model, "test", lambda *told: None)

    whole, titleless, nothing = (
        asked(opened),
        asked(harmed(opened, "TMR:1")),
        asked(harmed(opened, "TMR:1", "IMR:1", "KMR:1")),
    )
    assert "corruption" not in whole
    assert titleless["snapshot"] == whole["snapshot"] == opened.snapshot.id
    assert titleless["corruption"]["applied"][0]["name"] == "TMR"
    assert whole["verdict"]["usual"] == (task == "link-prediction")
    assert not titleless["verdict"]["usual"]
    assert titleless["baselines"]["words"] != whole["baselines"]["words"]
    assert titleless["baselines"]["majority"] == whole["baselines"]["majority"]
    for key in ("questions", "products"):
        assert titleless["metrics"].get(key) == whole["metrics"].get(key)
    # whoever sees nothing says the same of all: no better than the majority
    key = "macro_hits@1" if task == "link-prediction" else "accuracy"
    best = max(row[key] for row in nothing["baselines"].values())
    assert best == pytest.approx(nothing["baselines"]["majority"][key], abs=0.35)


def test_the_artifact_keeps_nothing_of_it() -> None:
    opened = open_model(trained(), None, device="cpu")
    assert opened.whole is None
    view = harmed(opened, "TMR:0.5")
    assert view.whole is opened
    assert view.predictor is opened.predictor
    assert view.batcher.catalog is opened.batcher.catalog
