"""Built-in downstream tasks on product vectors: alignment, question answering, retrieval; and the
reader of the files of pairs that alignment is measured on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k3m_kg.api import EvaluationPlugin, ReaderPlugin, Settings, hookimpl, made_by
from k3m_kg_evaluations.settings import (
    AlignmentSettings,
    QuestionAnsweringSettings,
    RetrievalSettings,
)

if TYPE_CHECKING:
    from k3m_kg.api import Evaluation


def _retrieval(settings: RetrievalSettings) -> Evaluation[Any]:
    from k3m_kg_evaluations.retrieval import Retrieval

    return Retrieval(settings)


def _alignment(settings: AlignmentSettings) -> Evaluation[Any]:
    from k3m_kg_evaluations.alignment import Alignment

    return Alignment(settings)


def _question_answering(settings: QuestionAnsweringSettings) -> Evaluation[Any]:
    from k3m_kg_evaluations.question_answering import QuestionAnswering

    return QuestionAnswering(settings)


@hookimpl
def k3m_kg_readers() -> list[ReaderPlugin]:
    """The products of pairs that are two records each."""
    worker = "k3m_kg_evaluations.pair_reader:PairReader"
    return [
        ReaderPlugin(
            "record-pairs",
            "pairs of records for matching: COL name VAL value ..., tab, the other, tab, label",
            Settings,
            made_by(worker),
            worker,
            takes_mapping=False,
        )
    ]


@hookimpl
def k3m_kg_evaluations() -> list[EvaluationPlugin]:
    """Three of the tasks that the K3M paper is judged by; the fourth, classification, is the
    framework's own.
    """
    needs = ("torch", "sklearn")
    return [
        EvaluationPlugin(
            "alignment",
            "whether two products are the same one",
            AlignmentSettings,
            _alignment,
            requires=needs,
        ),
        EvaluationPlugin(
            "qa",
            "answers to questions about products, ranked among candidates",
            QuestionAnsweringSettings,
            _question_answering,
            requires=needs,
        ),
        EvaluationPlugin(
            "retrieval",
            "a title finds its picture, a picture its title, a value its products",
            RetrievalSettings,
            _retrieval,
            requires=needs,
        ),
    ]
