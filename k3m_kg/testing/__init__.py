"""Conformance tests: subclass the case of a contract and pytest does the rest.

    class TestMyFusion(FusionCase):
        def build(self, context):
            return MyFusion(context.hidden)

The built-in plugins and both databases pass the same cases. Needs pytest; what needs torch is
loaded when it is first touched.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k3m_kg.testing.commands import CommandCase
    from k3m_kg.testing.evaluations import EvaluationCase
    from k3m_kg.testing.modalities import ModalityCase
    from k3m_kg.testing.negatives import LinkLossCase, NegativeSamplerCase
    from k3m_kg.testing.plugins import (
        FusionCase,
        ImageEncoderCase,
        InteractorCase,
        LinkScorerCase,
        StructureCase,
        TextEncoderCase,
    )
    from k3m_kg.testing.predictors import LinkPredictorCase
    from k3m_kg.testing.readers import ReaderCase
    from k3m_kg.testing.store import StoreCase
    from k3m_kg.testing.tasks import TaskCase

_LAZY = {
    "CommandCase": "commands",
    "EvaluationCase": "evaluations",
    "FusionCase": "plugins",
    "HIDDEN": "plugins",
    "ImageEncoderCase": "plugins",
    "InteractorCase": "plugins",
    "StructureCase": "plugins",
    "ModalityCase": "modalities",
    "LinkLossCase": "negatives",
    "LinkPredictorCase": "predictors",
    "LinkScorerCase": "plugins",
    "NegativeSamplerCase": "negatives",
    "ReaderCase": "readers",
    "StoreCase": "store",
    "TaskCase": "tasks",
    "TextEncoderCase": "plugins",
}

__all__ = [
    "CommandCase",
    "EvaluationCase",
    "FusionCase",
    "ImageEncoderCase",
    "InteractorCase",
    "LinkLossCase",
    "LinkPredictorCase",
    "LinkScorerCase",
    "ModalityCase",
    "NegativeSamplerCase",
    "ReaderCase",
    "StoreCase",
    "StructureCase",
    "TaskCase",
    "TextEncoderCase",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
