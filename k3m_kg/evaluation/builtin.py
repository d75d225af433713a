"""The built-in evaluations as plugin records.

Importing this module imports no torch; the factories do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k3m_kg.evaluation.settings import (
    ClassificationSettings,
    LinkPredictionSettings,
    OpenValuesSettings,
)
from k3m_kg.extras import require
from k3m_kg.plugin.hookspecs import EvaluationPlugin, hookimpl

if TYPE_CHECKING:
    from k3m_kg.contracts import Evaluation


def _link_prediction(settings: LinkPredictionSettings) -> Evaluation[Any]:
    if settings.calibrate:  # says so now, not after all the work
        require("matplotlib")
    from k3m_kg.evaluation.link_prediction_task import LinkPrediction

    return LinkPrediction(settings)


def _classification(settings: ClassificationSettings) -> Evaluation[Any]:
    from k3m_kg.evaluation.classification_task import Classification

    return Classification(settings)


def _open_values(settings: OpenValuesSettings) -> Evaluation[Any]:
    from k3m_kg.evaluation.open_values import OpenValuesEvaluation

    return OpenValuesEvaluation(settings)


@hookimpl
def k3m_kg_evaluations() -> list[EvaluationPlugin]:
    """Link prediction, item classification, and what is read off texts."""
    return [
        EvaluationPlugin(
            "link-prediction",
            "ranks of the true values of each property, one question at a time",
            LinkPredictionSettings,
            _link_prediction,
            requires=("torch",),
        ),
        EvaluationPlugin(
            "classification",
            "accuracy of product vectors by a property or the category",
            ClassificationSettings,
            _classification,
            requires=("torch", "sklearn"),
        ),
        EvaluationPlugin(
            "open-values",
            "values read off products' own texts, seen in training or not",
            OpenValuesSettings,
            _open_values,
            requires=("torch",),
        ),
    ]
