"""Open values are measured beside the model and beside simple readers."""

from __future__ import annotations

import pytest

from k3m_kg.errors import UsageError
from k3m_kg.evaluation.open_values import READERS, OpenValuesEvaluation, first_run
from k3m_kg.evaluation.settings import OpenValuesSettings
from k3m_kg.use.completion.open_values import OpenValues
from k3m_kg.use.open_model import OpenModel, open_model
from tests.evaluation.shop import untrained
from tests.spans.brands import brands_snapshot


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
    folder = tmp_path_factory.mktemp("open")
    return open_model(untrained(brands_snapshot(folder), folder / "artifact"), None, device="cpu")


def nothing(stage: str, done: int, total: int | None) -> None:
    return None


def test_what_is_read_is_counted_by_property_and_kept(opened: OpenModel) -> None:
    evaluation = OpenValuesEvaluation(OpenValuesSettings())
    report = evaluation.run(opened, "test", nothing)
    metrics = report["metrics"]
    assert set(report["per_property"]) == {"brand", "size"}
    assert metrics["questions"] == 2 * len(opened.snapshot.rows("test"))
    assert metrics["stands"] == 1, "both stand in every product's texts"
    assert 0 < metrics["unseen"] < 1
    for prefix in ("", "unseen "):
        for name in READERS:
            assert metrics[f"{prefix}{name} hits@1"] <= metrics[f"{prefix}{name} hits@3"] <= 1
    assert metrics["unseen model hits@3"] == 0, "it proposes what training has"
    assert metrics["unseen longest known value hits@3"] == 0
    assert metrics["unseen texts hits@3"] > 0.7
    assert metrics["merged hits@1"] > metrics["model hits@1"]
    kept = OpenValues.load(opened.trained.path)
    assert kept is not None
    assert kept.snapshot == opened.snapshot.id
    lines = "\n".join(evaluation.lines(report | {"split": "test"}))
    assert "brand" in lines
    assert "unseen in training" in lines


def test_a_property_that_is_not_open(opened: OpenModel) -> None:
    with pytest.raises(UsageError, match="no such property is open"):
        OpenValuesEvaluation(OpenValuesSettings(properties=("price",))).run(opened, "test", nothing)
    with pytest.raises(UsageError, match="brand"):
        OpenValuesEvaluation(OpenValuesSettings(properties=("brnd",))).run(opened, "test", nothing)


@pytest.mark.parametrize(
    ("title", "run"),
    [
        ("Dell Inc. Latitude 7 laptop", "Dell Inc. Latitude"),
        ("Stanley, Hammer", "Stanley"),
        ("red Mug", ""),
        ("", ""),
    ],
)
def test_the_run_of_capitals_that_a_title_begins_with(title: str, run: str) -> None:
    assert first_run(title) == run
