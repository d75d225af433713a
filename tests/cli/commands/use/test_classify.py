"""`k3m-kg classify` as a user sees it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from k3m_kg.graph.store import GraphStore
from tests.cli.commands.shop import judge
from tests.cli.conftest import Command
from tests.evaluation.shop import shop_snapshot, untrained

TASK = ("--task", "classification", "--target", "category")


@pytest.fixture(scope="module")
def half_classified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact on a shop of which every third product has no category."""
    folder = tmp_path_factory.mktemp("half")

    def some_lack_it(product):  # type: ignore[no-untyped-def]
        return replace(product, category=None) if int(product.id[1:]) % 3 == 0 else product

    return untrained(shop_snapshot(folder, 240, some_lack_it, holdout=0), folder / "artifact")


def test_classify_writes_categories_that_undo_takes_back(
    run: Command, half_classified: Path, tmp_path: Path
) -> None:
    source, db = tmp_path / "shop.tsv", f"sqlite:///{tmp_path / 'graph.db'}"
    rows = [f"p{n:03}\ta title\thttps://x/1.jpg\tfits#:#all\t\n" for n in range(240)]
    source.write_text("".join(rows), "utf-8")
    assert run("ingest", source, "--db", db)[0] == 0
    code, out, err = run(
        "classify", half_classified, "--precision", 0.1, "--write", "--db", db, "--json"
    )
    assert code == 0
    assert "was never evaluated on classification by category" in err
    assert "have a category: left alone" in err
    report = json.loads(out)
    given = report["per_property"]["category"]
    assert 0 < report["categories_added"] == given["accepted"] <= given["asked"]
    assert given["asked"] == report["products"] == 81  # every third, and one that has no kind
    with GraphStore.open(db) as store:
        found = {product.id: product.category for product in store.iter_products()}
        assert sum(text is not None for text in found.values()) == report["categories_added"]
        assert found["p001"] is None  # the snapshot has one: nothing is proposed
        assert len(list(store.diff(report["run"]))) == report["categories_added"]
    code, out, _ = run("diff", report["run"], "--db", db)
    assert (code, "category" in out) == (0, True)
    assert run("undo", report["run"], "--db", db)[0] == 0
    with GraphStore.open(db) as store:
        assert {product.category for product in store.iter_products()} == {None}


def test_classify_prints_writes_a_file_and_says_where_a_linear_model_is_ahead(
    run: Command, half_classified: Path, tmp_path: Path
) -> None:
    code, out, _ = run("classify", half_classified, "--product", "p003", "--product", "p004")
    assert code == 0
    lines = out.splitlines()
    assert lines[:2] == ["p003", "  category"]
    assert len(lines) == 2 + 3
    options = ("--top-k", 1, "--explain", "--split", "test")
    code, out, _ = run("classify", half_classified, *options, "--out", tmp_path / "c.jsonl")
    assert (code, out) == (0, "")
    rows = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text("utf-8").splitlines()]
    assert {row["property"] for row in rows} == {"category"}
    assert all(row["explanation"]["without"] for row in rows)
    assert run("evaluate", half_classified, *TASK)[0] == 0
    judge(half_classified, "behind", "classification by category")
    code, _, err = run("classify", half_classified, "--product", "p003", "--json")
    assert code == 0
    assert "a simple model is better: classification by category" in err
