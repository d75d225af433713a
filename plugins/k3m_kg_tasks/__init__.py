"""Built-in pretraining tasks: MLM, MOM, LPM, and those that train for what is missing or wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k3m_kg.api import TaskPlugin, hookimpl
from k3m_kg_tasks.settings import (
    ContrastiveSettings,
    LpmSettings,
    MlmSettings,
    ModalityDropoutSettings,
    ModalityNoiseSettings,
    MomSettings,
)

if TYPE_CHECKING:
    from k3m_kg.api import PretrainingTask, TaskContext

_TORCH = ("torch",)


def _mlm(settings: MlmSettings, context: TaskContext) -> PretrainingTask:
    from k3m_kg_tasks.mlm import MaskedLanguageModelling

    return MaskedLanguageModelling(settings, context)


def _mom(settings: MomSettings, context: TaskContext) -> PretrainingTask:
    from k3m_kg_tasks.mom import MaskedObjectModelling

    return MaskedObjectModelling(settings, context)


def _lpm(settings: LpmSettings, context: TaskContext) -> PretrainingTask:
    from k3m_kg_tasks.lpm import LinkPredictionModelling

    return LinkPredictionModelling(settings, context)


def _modality_dropout(settings: ModalityDropoutSettings, context: TaskContext) -> PretrainingTask:
    from k3m_kg_tasks.modality_dropout import ModalityDropout

    return ModalityDropout(settings, context)


def _modality_noise(settings: ModalityNoiseSettings, context: TaskContext) -> PretrainingTask:
    from k3m_kg_tasks.modality_noise import ModalityNoise

    return ModalityNoise(settings, context)


def _contrastive(settings: ContrastiveSettings, context: TaskContext) -> PretrainingTask:
    from k3m_kg_tasks.contrastive import Contrastive

    return Contrastive(settings, context)


@hookimpl
def k3m_kg_tasks() -> list[TaskPlugin]:
    """The three tasks of K3M, and training for what is missing or wrong."""
    return [
        TaskPlugin(
            "mlm",
            "masked language modelling of titles and knowledge",
            MlmSettings,
            _mlm,
            requires=_TORCH,
        ),
        TaskPlugin(
            "mom", "masked object modelling of image regions", MomSettings, _mom, requires=_TORCH
        ),
        TaskPlugin(
            "lpm",
            "link prediction modelling of the product's triples",
            LpmSettings,
            _lpm,
            requires=_TORCH,
        ),
        TaskPlugin(
            "modality-dropout",
            "hide titles and images at random, so that missing ones are no surprise",
            ModalityDropoutSettings,
            _modality_dropout,
            requires=_TORCH,
        ),
        TaskPlugin(
            "modality-noise",
            "noise in what modalities say, and those of other products, drawn anew each epoch",
            ModalityNoiseSettings,
            _modality_noise,
            requires=_TORCH,
        ),
        TaskPlugin(
            "contrastive",
            "title, picture and triples of a product close, graded by the triples that are shared",
            ContrastiveSettings,
            _contrastive,
            requires=_TORCH,
        ),
    ]
