"""The page of a model of random weights: every part of it is there, and made of what is asked."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from k3m_kg.report.findings import Findings, ReportSettings, find
from k3m_kg.report.page import report_page
from k3m_kg.report.plots import Series, plot_properties, plot_training
from k3m_kg.use.open_model import OpenModel, open_model
from tests.evaluation.shop import shop_snapshot, trained, trained_kge, untrained

LONG = "<b>a property of a very long name, </b>" * 6
PNG = b"\x89PNG"


def quiet(stage: str, done: int, total: int | None) -> None:
    """Watch nothing."""


def own(artifact: Path, folder: Path) -> OpenModel:
    """A copy that may be written to."""
    copy = shutil.copytree(artifact, folder / "artifact")
    return open_model(copy, artifact.parent / "snapshots", device="cpu")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    folder = tmp_path_factory.mktemp("report")
    opened = own(trained(), folder)
    run = folder / "artifact.run"
    run.mkdir()
    lines = [{"step": n, "loss": 3.0 / n, "lpm": 3.0 / n, "lpm/hits@1": 0.1} for n in (1, 2, 3)]
    lines.append({"step": 3, "epoch": 1, "validation": {"metrics": {"macro_hits@1": 0.4}}})
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return find(opened, ReportSettings(examples=3, findings=2), quiet)


def test_it_tells_everything_and_keeps_what_evaluate_keeps(found: Findings) -> None:
    page = report_page(found)
    heads = re.findall(r"<h2>(.*?)</h2>", page)
    assert heads == [
        "Quality per property",
        "The category",
        "What can be filled in",
        "Whether its probabilities can be believed",
        "What it proposes",
        "Where it disagrees most",
        "What looks wrong in the other products: values",
        "What looks wrong in the other products: titles",
        "What looks wrong in the other products: images",
        "Training",
        "Go on from here",
    ]
    for report in (found.links, found.categories):
        assert report is not None
        verdict = report["verdict"]
        assert verdict["against"] in page
        assert f"{100 * verdict['model']:.1f} % against {100 * verdict['competitor']:.1f} %" in page
    for name, row in found.links["per_property"].items():
        assert f"<bdi>{name}</bdi></td><td>{row['questions']:,}</td>" in page
    for kept in ("verdict.json", "calibration.json"):
        assert (found.opened.trained.path / kept).exists()
    assert found.notes == []
    assert page.count('<img src="data:image/jpeg') >= 3


def test_a_model_that_is_behind_says_so_at_the_top(found: Findings) -> None:
    verdict = found.links["verdict"] | {"outcome": "behind", "low": -0.3, "high": -0.1}
    page = report_page(replace(found, links=found.links | {"verdict": verdict}))
    assert 'class="wrong">Link prediction: this model is behind' in page.split("<h2>")[0]


def test_a_catalogs_texts_are_escaped_and_may_be_long(found: Findings) -> None:
    (row, *_) = found.links["per_property"].values()
    links = found.links | {"per_property": {LONG: row, "$x^{y": row}}
    page = report_page(replace(found, links=links, notes=[LONG]))
    assert LONG not in page
    assert "&lt;b&gt;a property" in page


def test_no_pictures_no_categories_no_log_nothing_to_prove(tmp_path: Path) -> None:
    def bare(product: Any) -> Any:
        return replace(product, category=None, images=())

    snapshot = shop_snapshot(tmp_path, 60, bare, holdout=0)
    opened = open_model(untrained(snapshot, tmp_path / "artifact"), None, device="cpu")
    found = find(opened, ReportSettings(examples=2, findings=1), quiet)
    page = report_page(found)
    assert found.categories is None
    assert "no picture" in page
    assert "is gone" in page
    assert "The category" not in page
    assert "classify" not in page


def test_a_model_that_looks_products_up_has_a_page_too(tmp_path: Path) -> None:
    opened = own(trained_kge(), tmp_path)
    page = report_page(find(opened, ReportSettings(examples=1, findings=1), quiet))
    assert "The category" not in page
    assert "Quality per property" in page


def test_plots_show_what_there_is() -> None:
    assert plot_training({"model": []}) is None
    losses = [{"step": n, "loss": 1.0, "odd": 0.5} for n in range(40)]
    checked = [{"step": 3, "epoch": 1, "validation": {"metrics": {"macro_hits@1": 0.4}}}]
    for log in (losses, checked, losses + checked):
        plot = plot_training({"one": log, "other": log})
        assert plot is not None
        assert plot.startswith(PNG)
    names = ["plain", "$x^{y", "x" * 90]
    drawn = [Series(mark, [0.0, 50.0, 100.0], mark) for mark in ("floor", "other", "model")]
    assert plot_properties(names, drawn, "%").startswith(PNG)
