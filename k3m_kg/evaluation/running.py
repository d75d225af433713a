"""Runs an installed evaluation on an opened model, and holds its report to the contract."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from k3m_kg.config import validate_settings
from k3m_kg.contracts import Evaluation, Verdict
from k3m_kg.errors import ConfigError, PluginError, UsageError, unknown_name
from k3m_kg.evaluation.intervals import intervals_of
from k3m_kg.plugin.hookspecs import EvaluationPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.progress import StageProgress
from k3m_kg.use.calibration.verdicts import keep_verdict
from k3m_kg.use.open_model import OpenModel


def build_evaluation(name: str, settings: Any, split: str) -> Evaluation[OpenModel]:
    """The evaluation called `name` with its settings, ready for a split.

    Raises:
        UsageError: there is none of this name, or it is not run on this split.
        PluginError: its factory gives something else.
    """
    evaluation = registry().get(EvaluationPlugin, name).factory(settings)
    if not isinstance(evaluation, Evaluation):
        raise _broken(name, "its factory gave something else than an Evaluation")
    if split not in evaluation.splits:
        raise UsageError(unknown_name("split", split, evaluation.splits), where="--split")
    return evaluation


def run_evaluation(
    name: str,
    evaluation: Evaluation[OpenModel],
    opened: OpenModel,
    split: str,
    progress: StageProgress,
) -> dict[str, Any]:
    """The report: `task`, `split`, `metrics`, `measure`, `intervals`, `per_property`, `snapshot`,
    `sees`, and its own keys.

    `evaluation.outcomes()` has afterwards what single items came to.

    On a view that corrupts a snapshot also `corruption`, as `Snapshot.corruption`; `snapshot` is
    the whole one, and the verdict is none of a model asked as usual.

    Raises:
        K3MError: what cannot be measured.
        PluginError: the report is not what the contract asks for.
    """
    found = evaluation.run(opened, split, progress)
    if not isinstance(found, dict) or not isinstance(found.get("metrics"), dict):
        raise _broken(name, "its report has no metrics")
    report: dict[str, Any] = {"task": name, "split": split, "per_property": {}} | found
    if not isinstance(report["per_property"], dict):
        raise _broken(name, "per_property of its report is no mapping")
    _check_baselines(name, report)
    report |= {"measure": evaluation.measure, "intervals": _intervals(name, evaluation, report)}
    report |= {"snapshot": opened.snapshot.whole.id, "sees": list(opened.trained.sees)}
    if opened.snapshot.corruption is not None:
        report["corruption"] = opened.snapshot.corruption
        if "verdict" in report:
            report["verdict"] = report["verdict"] | {"usual": False}
    try:
        json.dumps(report)
    except (TypeError, ValueError) as error:
        raise _broken(name, f"its report cannot be written as JSON: {error}") from error
    return report


def keep_verdict_of(report: dict[str, Any], opened: OpenModel) -> None:
    """Keep a report's verdict beside the weights, where it was asked as usual.

    Raises:
        K3MError: the artifact's folder cannot be written.
    """
    if "verdict" in report and report["verdict"]["usual"]:
        keep_verdict(opened.trained, report["snapshot"], Verdict(**report["verdict"]))


def _check_baselines(name: str, report: dict[str, Any]) -> None:
    """Raise a PluginError unless `baselines` and `verdict` are what the contract says."""
    baselines = report.get("baselines", {})
    if not isinstance(baselines, dict) or not all(isinstance(b, dict) for b in baselines.values()):
        raise _broken(name, "baselines of its report are no mapping of figures by name")
    if "verdict" not in report:
        return
    try:
        validate_settings(Verdict, report["verdict"], "verdict")
    except ConfigError as error:
        raise _broken(name, f"the verdict of its report: {error.message}") from None


def _intervals(
    name: str, evaluation: Evaluation[OpenModel], report: dict[str, Any]
) -> dict[str, list[float]]:
    """Of the metrics that are made of items.

    Raises:
        PluginError: the main measure is no metric, or items make something else of a metric.
    """
    metrics, outcomes = report["metrics"], evaluation.outcomes()
    if evaluation.measure and evaluation.measure not in metrics:
        raise _broken(name, f"its metrics lack its measure, {evaluation.measure!r}")
    for key, found in outcomes.items():
        figure = found.figure()
        if not np.isclose(figure, metrics.get(key, np.nan), atol=1e-6, equal_nan=True):
            raise _broken(name, f"its items make {figure:.6f} of {key!r}, not {metrics.get(key)}")
    return intervals_of(outcomes)


def _broken(name: str, what: str) -> PluginError:
    item = registry().find(EvaluationPlugin.kind, name)
    return PluginError(f"the evaluation {name!r}: {what}", where=f"{item.package} {item.version}")
