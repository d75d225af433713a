from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.batches.split_questions import questions_of
from k3m_kg.evaluation.leaks import find_leaks
from k3m_kg.evaluation.link_prediction import evaluate_link_prediction
from k3m_kg.snapshot import SnapshotSettings, build_snapshot
from k3m_kg.use.open_model import OpenModel
from tests.evaluation.shop import ChangedShop, shop_snapshot
from tests.lpm.tiny_links import TitleOnly

NOTHING = np.empty(0, np.int64)


def leaking(opened: OpenModel, kind: str, hide: str | None = None) -> set[tuple[str, str, str]]:
    """(product, property, value) of the test questions that leak."""
    batcher, catalog = opened.batcher, opened.batcher.catalog
    questions, _, never = questions_of(batcher, "test")
    hidden = NOTHING if hide is None else np.array([catalog.properties.index(hide)])
    found = questions[find_leaks(batcher, questions, hidden, never)[kind]]
    return {
        (opened.snapshot.ids[row], catalog.properties[name], catalog.values[value])
        for row, name, value in zip(found.rows, found.properties, found.values, strict=True)
    }


def triples(opened: OpenModel) -> set[tuple[str, str, str]]:
    snapshot = opened.snapshot
    return {
        (product.id, *pair)
        for row in snapshot.rows("test").tolist()
        for product in [snapshot.product(row)]
        for pair in product.properties
    }


def test_values_that_the_title_spells(opened: OpenModel) -> None:
    rows = {id_: row for row, id_ in enumerate(opened.snapshot.ids)}
    expected = {
        (product, name, value)
        for product, name, value in triples(opened)
        if name in ("itemColour", "kind")
        and value in (opened.snapshot.product(rows[product]).title or "")
    }
    assert expected
    assert leaking(opened, "title") == expected


def test_a_price_that_follows_from_the_kind_is_found_and_not_the_other_way_round(
    opened: OpenModel, tmp_path: Path
) -> None:
    snapshot = shop_snapshot(tmp_path, count=200, holdout=0)
    larger = OpenModel.of(opened.trained, snapshot)
    expected = {row for row in triples(larger) if row[1] == "price"}
    assert leaking(larger, "determined") == expected
    assert leaking(larger, "determined", hide="kind") == set()


def test_a_rule_with_few_products_is_no_rule(opened: OpenModel, tmp_path: Path) -> None:
    snapshot = shop_snapshot(tmp_path, count=20, holdout=0)
    small = OpenModel.of(opened.trained, snapshot)
    assert leaking(small, "determined") == set()


def test_a_property_that_repeats_another_is_found_unless_it_is_hidden(
    opened: OpenModel, tmp_path: Path
) -> None:
    def repeating(product):
        own = tuple((f"{name} again", value) for name, value in product.triples if name == "kind")
        return replace(product, triples=product.triples + own)

    snapshot = shop_snapshot(tmp_path, change=repeating, holdout=0)
    repeated = OpenModel.of(opened.trained, snapshot)
    expected = {row for row in triples(repeated) if row[1] == "kind"}
    assert leaking(repeated, "equal") == expected
    assert leaking(repeated, "equal", hide="kind again") == set()
    assert leaking(opened, "equal") == set()


def test_products_that_share_title_or_picture_with_train_are_duplicates(
    opened: OpenModel, tmp_path: Path
) -> None:
    snapshot = shop_snapshot(tmp_path / "plain", holdout=0)
    train, test = (snapshot.product(int(snapshot.rows(s)[0])) for s in ("train", "test"))
    file = tmp_path / "split.csv"
    lines = [f"{id_},{snapshot.product(n).split}" for n, id_ in enumerate(snapshot.ids)]
    file.write_text("id,split\n" + "\n".join(lines) + "\n")

    def copying(product):
        title = (train.title or "x").upper() + " "
        return replace(product, title=title) if product.id == test.id else product

    plain = OpenModel.of(opened.trained, snapshot)
    assert leaking(plain, "duplicates") == set()
    settings = SnapshotSettings(holdout=0, split_file=file)
    shop = ChangedShop(tmp_path / "pictures", 60, copying)
    copied = build_snapshot(shop, tmp_path / "copied", settings).snapshot
    changed = OpenModel.of(opened.trained, copied)
    found = leaking(changed, "duplicates")
    assert {product for product, _, _ in found} == {test.id}


def test_the_report_has_the_metrics_with_and_without_what_leaks(opened: OpenModel) -> None:
    model, batcher = opened.predictor, opened.batcher
    report = evaluate_link_prediction(model, batcher).report
    found = report["leakage"]
    assert found["with"]["mrr"] == pytest.approx(report["metrics"]["mrr"])
    questions, _, _ = questions_of(batcher, "test")
    assert found["title"]["questions"] == len(leaking(opened, "title"))
    assert found["any"]["share"] == pytest.approx(found["any"]["questions"] / len(questions))
    kept = found["any"]["without"]
    rows = report["per_property"]
    clean = {name: row for name, row in found["per_property"].items() if row["any"] < 1}
    assert 0 < kept["hits@1"] <= 1
    assert set(clean) == {name for name, row in found["per_property"].items() if row["without"]}
    for name, row in found["per_property"].items():
        if row["any"] == 0:
            assert row["without"]["mrr"] == pytest.approx(rows[name]["mrr"])
    assert "leakage" not in evaluate_link_prediction(model, batcher, leakage=False).report


def test_ranks_stay_with_their_questions(opened: OpenModel) -> None:
    """Titles name the kind and the model reads them: without those it knows no kind at all."""
    report = evaluate_link_prediction(
        TitleOnly(), opened.batcher, properties=["kind"], cut_title=False
    ).report
    row = report["leakage"]["title"]
    assert report["metrics"]["hits@1"] == pytest.approx(row["share"])
    assert row["without"]["hits@1"] == 0
