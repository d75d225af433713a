"""What products' texts say, merged with what the model proposes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from k3m_kg.cli.app import app
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.completion.open_values import OpenValues, text_questions
from k3m_kg.use.completion.proposals import Proposal
from tests.evaluation.shop import untrained
from tests.spans.brands import brands_snapshot


@pytest.fixture(scope="module")
def brands(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return brands_snapshot(tmp_path_factory.mktemp("brands"))


@pytest.fixture(scope="module")
def values(brands: Snapshot) -> OpenValues:
    return OpenValues.fit(brands)


def test_the_two_are_merged_by_one_formula(brands: Snapshot, values: OpenValues) -> None:
    row = int(brands.rows("test")[0])
    product = brands.product(row)
    answers = values.scorer.about(values.scorer.read(product), "brand")
    share_T, none = answers.probability()
    best = int(np.argmax(share_T))
    closed = [
        Proposal(product.id, "brand", "Nowhere Inc", 1.0, 0.6),
        Proposal(product.id, "brand", answers.texts[best].upper(), 0.5, 0.3),
        Proposal(product.id, "price", "1 coins", 0.5, 0.3),
    ]
    found = {(item.property, item.value): item for item in values.merged(closed, brands, 50)}
    assert found["brand", "Nowhere Inc"].probability == pytest.approx(none * 0.6)
    assert found["brand", "Nowhere Inc"].place is None
    both = found["brand", answers.texts[best].upper()]
    assert both.probability == pytest.approx(share_T[best] + none * 0.3)
    assert both.place is not None
    assert both.place.source == "title"
    assert found["price", "1 coins"] == closed[2], "a price stands in no text"
    shares = [item.probability for item in found.values() if item.property == "brand"]
    assert shares == sorted(shares, reverse=True)


def test_probabilities_are_calibrated_on_validation(brands: Snapshot, values: OpenValues) -> None:
    scorer = values.scorer
    assert (scorer.temperature, scorer.bias) != (1.0, 0.0)
    asked = list(text_questions(scorer, brands, brands.rows("validation")))
    sure, right = [], []
    for question in asked:
        share_T, none = question.answers.probability()
        sure.append(max(none, *share_T))
        best = int(np.argmax([*share_T, none]))
        truth = [*question.right_T, not question.right_T.any()]
        right.append(truth[best])
    assert abs(np.mean(sure) - np.mean(right)) < 0.15


def test_complete_shows_where_a_value_stands(brands: Snapshot, tmp_path: Path) -> None:
    artifact = untrained(brands, tmp_path / "artifact")
    runner = CliRunner()
    row = int(brands.rows("test")[0])
    asked = ["complete", str(artifact), "--product", brands.ids[row], "--all", "--device", "cpu"]
    before = runner.invoke(app, [*asked, "--json"])
    assert before.exit_code == 0, before.output
    report = runner.invoke(
        app, ["evaluate", str(artifact), "--task", "open-values", "--device", "cpu", "--json"]
    )
    assert report.exit_code == 0, report.output
    assert json.loads(report.stdout)["kept"] == str(artifact)
    proposals = json.loads(runner.invoke(app, [*asked, "--json"]).stdout)
    true = dict(brands.product(row).properties)
    (size,) = (
        item for item in proposals if item["property"] == "size" and item["value"] == true["size"]
    )
    assert size["place"]["source"] == "about"
    shown = runner.invoke(app, asked).stdout
    assert "(about " in shown
    assert "(title 0-" in shown
    none = json.loads(runner.invoke(app, [*asked, "--json", "--no-texts"]).stdout)
    assert none == json.loads(before.stdout)
    explained = runner.invoke(app, [*asked, "--explain", "--out", str(tmp_path / "o.csv")])
    assert explained.exit_code == 0, explained.output
    assert ",place,open" in (tmp_path / "o.csv").read_text("utf-8").splitlines()[0]
