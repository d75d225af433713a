"""An evaluation is held to its contract when it runs."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from k3m_kg.config import Settings
from k3m_kg.contracts import Evaluation, Outcomes, Scores
from k3m_kg.errors import PluginError, UsageError
from k3m_kg.evaluation import running
from k3m_kg.plugin.hookspecs import EvaluationPlugin
from k3m_kg.plugin.registry import Registry
from k3m_kg.use.open_model import OpenModel


class Given(Evaluation[OpenModel]):
    splits = ("test",)

    def __init__(self, report: object) -> None:
        self.report = report

    def run(self, opened, split, progress):  # type: ignore[no-untyped-def]
        return self.report


@pytest.fixture
def ran(opened: OpenModel, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], dict]:
    def run(report: object) -> dict:
        found = Registry()
        record = EvaluationPlugin("given", "", Settings, lambda settings: Given(report))
        found.add(record, "acme", "1.0")
        monkeypatch.setattr(running, "registry", lambda: found)
        evaluation = running.build_evaluation("given", Settings(), "test")
        return running.run_evaluation("given", evaluation, opened, "test", lambda *told: None)

    return run


def test_a_report_gets_its_task_split_snapshot_and_what_the_model_sees(
    ran: Callable[[object], dict], opened: OpenModel
) -> None:
    report = ran({"metrics": {"score": 0.5}, "note": "x"})
    assert list(report)[:3] == ["task", "split", "per_property"]
    assert report == {
        "task": "given",
        "split": "test",
        "per_property": {},
        "metrics": {"score": 0.5},
        "note": "x",
        "measure": "",
        "intervals": {},
        "snapshot": opened.snapshot.id,
        "sees": ["triples", "title", "image"],
    }
    json.dumps(report)
    assert list(Given(None).lines(report)) == ["given on test", "score 0.5000"]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (None, "no metrics"),
        ({"metrics": [1]}, "no metrics"),
        ({"metrics": {}, "per_property": [1]}, "no mapping"),
        ({"metrics": {"score": object()}}, "cannot be written as JSON"),
    ],
)
def test_a_report_of_another_form_names_the_plugin(
    ran: Callable[[object], dict], report: object, said: str
) -> None:
    with pytest.raises(PluginError, match=said) as caught:
        ran(report)
    assert caught.value.where == "acme 1.0"


def test_metrics_that_items_make_get_their_intervals(opened: OpenModel) -> None:
    class Counted(Given):
        measure = "share"

        def outcomes(self) -> dict[str, Outcomes]:
            right = np.array([1.0, 0, 1, 1])
            return {"share": Scores(np.arange(4), np.arange(4), right, np.zeros(4))}

    def run(metrics: dict[str, float]) -> dict:
        report = {"metrics": metrics}
        evaluation = Counted(report)
        return running.run_evaluation("classification", evaluation, opened, "test", no_progress)

    report = run({"share": 0.75})
    assert report["measure"] == "share"
    low, high = report["intervals"]["share"]
    assert 0 <= low < 0.75 < high <= 1
    text = next(line for line in Counted(None).lines(report) if "share" in line)
    assert text == f"share 0.7500 (95 % {low:.4f} to {high:.4f})"
    with pytest.raises(PluginError, match=r"its items make 0\.750000 of .share., not 0\.5"):
        run({"share": 0.5})
    with pytest.raises(PluginError, match="lack its measure, 'share'"):
        run({"other": 0.5})


def no_progress(stage: str, done: int, total: int | None) -> None:
    """Nobody looks."""


def test_what_is_no_evaluation_and_splits_that_are_not_its_own_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = Registry()
    found.add(EvaluationPlugin("odd", "", Settings, lambda settings: "report"), "acme", "1.0")
    found.add(EvaluationPlugin("given", "", Settings, lambda settings: Given({})), "acme", "1.0")
    monkeypatch.setattr(running, "registry", lambda: found)
    with pytest.raises(PluginError, match="something else than an Evaluation"):
        running.build_evaluation("odd", Settings(), "test")
    with pytest.raises(UsageError, match="unknown split 'train'"):
        running.build_evaluation("given", Settings(), "train")
