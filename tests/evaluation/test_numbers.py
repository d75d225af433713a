"""Numbers are judged as numbers, beside the median of the kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from k3m_kg.evaluation.link_prediction_task import LinkPrediction
from k3m_kg.evaluation.numbers import evaluate_quantities
from k3m_kg.evaluation.settings import LinkPredictionSettings
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.use.open_model import OpenModel, open_model
from tests.evaluation.shop import shop_snapshot, untrained


def weighed(product: StoredProduct) -> StoredProduct:
    """Mugs weigh 1 kg or a little more, all else 10 kg or so; every ninth is in grams."""
    number = int(product.id[1:])
    heavy = 1.0 if product.category == "mug" else 10.0
    weight = heavy * (1 + number % 12 / 100)
    text = f"{weight * 1000:.0f} g" if number % 9 == 0 else f"{weight:.2f} kg"
    return replace(product, triples=(*product.triples, ("weight", text)))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
    folder: Path = tmp_path_factory.mktemp("weights")
    snapshot = shop_snapshot(folder, 80, weighed, holdout=0.0)
    return open_model(untrained(snapshot, folder / "artifact"), None, device="cpu")


def sure_of(opened: OpenModel, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the model sure of one value, whatever is asked."""
    catalog = opened.batcher.catalog
    values = catalog.candidates[catalog.properties.index("weight")].tolist()
    chosen = [catalog.values[value] for value in values].index(text)

    def score(heads, candidates):
        scores = torch.zeros(len(heads), len(candidates))
        scores[:, chosen] = 100.0
        return scores

    monkeypatch.setattr(opened.predictor, "score", score)


def test_a_prediction_is_right_within_the_tolerance(
    opened: OpenModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sure_of(opened, "10.50 kg", monkeypatch)
    report = evaluate_quantities(opened.predictor, opened.batcher, "test")
    assert report is not None
    (row,) = report["per_property"].values()
    snapshot = opened.snapshot
    rows = snapshot.rows("test")
    heavy = np.array([snapshot.product(n).category != "mug" for n in rows.tolist()])
    assert row["unit"] == "kg"
    assert row["questions"] == len(rows)
    assert 0 < heavy.mean() < 1
    assert row["within"] == pytest.approx(heavy.mean()), "of 10 to 11.1 all are near 10.5"
    assert row["median_within"] > row["within"], "the median of a category knows mugs"
    assert row["covered"] <= row["within"], "it was too sure: the interval is one number"
    assert report["within"] == row["within"]


def test_numbers_stand_in_the_report_of_link_prediction(opened: OpenModel) -> None:
    settings = LinkPredictionSettings(baselines=False, leakage=False)
    evaluation = LinkPrediction(settings)
    report = evaluation.run(opened, "test", lambda stage, done, total: None)
    assert report["quantities"]["per_property"].keys() == {"weight"}
    lines = evaluation.lines(report | {"sees": ["title", "image", "triples"]})
    assert any("numbers within 10%" in line for line in lines)
    without = LinkPrediction(settings.model_copy(update={"quantities": False}))
    assert "quantities" not in without.run(opened, "test", lambda stage, done, total: None)


def test_a_catalog_without_quantities(opened: OpenModel) -> None:
    found = evaluate_quantities(opened.predictor, opened.batcher, "test", properties=["kind"])
    assert found is None
