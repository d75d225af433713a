from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from k3m_kg.batches.split_questions import questions_of
from k3m_kg.contracts import LinkPredictor
from k3m_kg.errors import UsageError
from k3m_kg.evaluation.link_prediction import evaluate_link_prediction
from k3m_kg.lpm.questions import Triples, Visibility, heads_of
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.open_model import OpenModel
from tests.evaluation.shop import shop_snapshot
from tests.lpm.tiny_links import TitleOnly, TriplesOnly


def report_of(predictor: LinkPredictor, opened: OpenModel, **options: object) -> dict:
    return evaluate_link_prediction(predictor, opened.batcher, **options).report


@pytest.mark.parametrize("split", ["test", "validation", "train"])
def test_a_model_that_reads_the_asked_triple_if_it_can_gains_nothing(
    opened: OpenModel, split: str
) -> None:
    for row in report_of(TriplesOnly(), opened, split=split)["per_property"].values():
        # Every candidate is alike to it: the middle rank, less what the filter removes.
        assert row["mr"] <= (row["candidates"] + 1) / 2
        assert row["hits@1"] == 0 or row["candidates"] == 2
        assert row["mr"] > 1


@pytest.mark.parametrize("split", ["test", "train"])
def test_the_title_gives_nothing_away_once_the_value_is_cut_out(
    opened: OpenModel, split: str
) -> None:
    kept = report_of(TitleOnly(), opened, split=split, properties=["kind"], cut_title=False)
    cut = report_of(TitleOnly(), opened, split=split, properties=["kind"], cut_title=True)
    assert kept["metrics"]["hits@1"] > 0.5
    assert cut["metrics"]["hits@1"] == 0


@pytest.mark.parametrize("knowledge", ["term", "product"])
def test_what_k3m_sees_does_not_depend_on_the_asked_value(
    opened_by: Callable[[str], OpenModel], tmp_path: Path, knowledge: str
) -> None:
    """The same products with another kind each: each question must look the same."""
    opened = opened_by(knowledge)
    other = {"mug": "old shoe", "old shoe": "lamp", "lamp": "mug", "shirt": "mug"}

    def recast(product):
        triples = tuple((n, other[v] if n == "kind" else v) for n, v in product.triples)
        return replace(product, triples=triples)

    plain = shop_snapshot(tmp_path / "plain", holdout=0)
    changed = shop_snapshot(tmp_path / "changed", holdout=0, change=recast)

    def heads(snapshot: Snapshot) -> tuple[torch.Tensor, np.ndarray]:
        batcher = OpenModel.of(opened.trained, snapshot).batcher
        rows = np.arange(len(snapshot))
        questions = Triples.of(batcher, rows).about(
            np.array([batcher.catalog.properties.index("kind")])
        )
        # Titles still name the old kind, so they are not cut by the new one: leave them whole.
        seen = Visibility(cut_title=False)
        found = heads_of(opened.predictor, batcher, questions, seen, batch_size=16)
        return torch.cat(list(found)), questions.values

    (before, asked), (after, asked_instead) = heads(plain), heads(changed)
    assert (asked != asked_instead).all()
    torch.testing.assert_close(after, before)


def test_hidden_properties_change_what_is_seen_and_are_reported(opened: OpenModel) -> None:
    model = opened.predictor
    shown = report_of(model, opened, properties=["kind"])
    hidden = report_of(model, opened, properties=["kind"], hide=["price"])
    assert hidden["hide"] == ["price"]
    questions, _, never = questions_of(opened.batcher, "test", ["kind"])
    price = np.array([opened.batcher.catalog.properties.index("price")])
    whole, less = (
        torch.cat(list(heads_of(model, opened.batcher, questions, seen, batch_size=99)))
        for seen in (Visibility(never=never), Visibility(never=never, hide=price))
    )
    assert not torch.allclose(whole, less)
    assert shown["metrics"]["questions"] == hidden["metrics"]["questions"] == len(questions)


def test_test_products_are_asked_everything_and_train_products_what_was_held_out(
    opened: OpenModel,
) -> None:
    snapshot, batcher = opened.snapshot, opened.batcher
    asked, _, never = questions_of(batcher, "test")
    names = [batcher.catalog.properties[name] for name in np.unique(asked.properties)]
    assert names == ["itemColour", "kind", "price"]  # `fits` has one value: no question
    rows = snapshot.rows("test")
    counts = sum(
        name != "fits" for row in rows for name, _ in snapshot.product(int(row)).properties
    )
    assert len(asked) == counts
    assert not len(never)

    asked, _, never = questions_of(batcher, "train")
    held = {
        (int(row), *pair)
        for row in snapshot.rows("train")
        for product in [snapshot.product(int(row))]
        for pair, mark in zip(product.properties, product.holdout, strict=True)
        if mark == 2 and pair[0] != "fits"
    }
    catalog = batcher.catalog
    assert held == {
        (row, catalog.properties[name], catalog.values[value])
        for row, name, value in zip(asked.rows, asked.properties, asked.values, strict=True)
    }
    assert len(never) == int((snapshot.triple_holdout > 0).sum())
    assert batcher.with_holdout is False


def test_the_report_has_the_keys_that_stay(opened: OpenModel) -> None:
    report = report_of(opened.predictor, opened, split="validation")
    assert report["task"] == "link-prediction"
    assert report["split"] == "validation"
    keys = ["mrr", "hits@1", "hits@3", "hits@10", "mr"]
    assert [key for key in report["metrics"] if key in keys] == keys
    assert {
        "questions",
        "unseen",
        "macro_mrr",
        "majority_hits@1",
        "optimistic",
        "pessimistic",
    } <= set(report["metrics"])
    for row in report["per_property"].values():
        assert {*keys, "questions", "unseen", "candidates", "majority_hits@1"} <= set(row)
    assert (
        sum(r["questions"] for r in report["per_property"].values())
        == (report["metrics"]["questions"])
    )


def test_the_majority_column_is_the_accuracy_of_the_commonest_training_value(
    opened: OpenModel,
) -> None:
    snapshot = opened.snapshot
    row = report_of(opened.predictor, opened)["per_property"]["kind"]

    def kinds(split: str) -> list[str]:
        found = [snapshot.product(int(r)) for r in snapshot.rows(split)]
        return [
            value
            for product in found
            for (name, value), mark in zip(product.properties, product.holdout, strict=True)
            if name == "kind" and mark == 0
        ]

    train, test = kinds("train"), kinds("test")
    common = max(sorted(set(train)), key=train.count)
    assert train.count(common) > max(train.count(v) for v in set(train) - {common})
    assert row["majority_hits@1"] == pytest.approx(test.count(common) / len(test))


def test_batch_size_changes_nothing(opened: OpenModel) -> None:
    reports = [report_of(opened.predictor, opened, batch_size=n) for n in (3, 500)]
    assert reports[0]["metrics"]["mr"] == pytest.approx(reports[1]["metrics"]["mr"], abs=0.05)
    assert list(reports[0]["per_property"]) == list(reports[1]["per_property"])


def test_nothing_to_ask_and_unknown_names_are_usage_errors(opened: OpenModel) -> None:
    with pytest.raises(UsageError, match="Did you mean 'itemColour'"):
        questions_of(opened.batcher, "test", ["itemColor"])
    with pytest.raises(UsageError, match="--hide"):
        report_of(opened.predictor, opened, hide=["prize"])
    with pytest.raises(UsageError, match="nothing to ask"):
        questions_of(opened.batcher, "train", ["fits"])
