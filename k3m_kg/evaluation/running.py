"""Runs an installed evaluation on an opened model, and holds its report to the contract."""

from __future__ import annotations

import json
from typing import Any

from k3m_kg.contracts import Evaluation
from k3m_kg.errors import PluginError, UsageError, unknown_name
from k3m_kg.plugin.hookspecs import EvaluationPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.progress import StageProgress
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
    """The report: `task`, `split`, `metrics`, `per_property`, `snapshot`, `sees`, and its own keys.

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
    report |= {"snapshot": opened.snapshot.id, "sees": list(opened.trained.sees)}
    try:
        json.dumps(report)
    except (TypeError, ValueError) as error:
        raise _broken(name, f"its report cannot be written as JSON: {error}") from error
    return report


def _broken(name: str, what: str) -> PluginError:
    item = registry().find(EvaluationPlugin.kind, name)
    return PluginError(f"the evaluation {name!r}: {what}", where=f"{item.package} {item.version}")
