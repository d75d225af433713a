"""Filtered link prediction over a set of questions: ranks by property, and what they amount to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from k3m_kg.config import ValidationSettings
from k3m_kg.contracts import Catalog, Heads, LinkPredictor
from k3m_kg.lpm.answer_index import places
from k3m_kg.lpm.questions import (
    ProductSource,
    PropertyVectors,
    Triples,
    Visibility,
    answerable,
    asked_of,
    property_ids,
)
from k3m_kg.lpm.ranking import Ranks, Scores, rank_candidates, rank_scores
from k3m_kg.progress import Advance

_QUERIES_AT_ONCE = 1 << 14


@dataclass(slots=True)
class LinkRanks:
    """The ranks of questions, by property.

    Attributes:
        names: property names in the catalog's order.
        ranks: the ranks of each one's questions.
    """

    names: list[str]
    ranks: list[Ranks]

    def metrics(self) -> dict[str, float]:
        """`mrr`, `hits@k`, `mr` over all questions, and `macro_*`: the mean over properties."""
        every = Ranks.join(self.ranks).metrics()
        each = [ranks.metrics() for ranks in self.ranks]
        macro = {
            f"macro_{key}": float(np.mean([metrics[key] for metrics in each]))
            if each
            else float("nan")
            for key in every
        }
        return every | macro

    def per_property(self) -> dict[str, dict[str, Any]]:
        """The metrics of each property with how many questions it got, and how many were unseen.

        A question is unseen where its answer is no value that the property takes in training.
        """
        return {
            name: ranks.metrics()
            | {"questions": len(ranks.unseen_Q), "unseen": int(ranks.unseen_Q.sum())}
            for name, ranks in zip(self.names, self.ranks, strict=True)
        }


def rank_questions(
    predictor: LinkPredictor,
    source: ProductSource,
    questions: Triples,
    visibility: Visibility,
    *,
    truth: Triples,
    batch_size: int,
    progress: Advance | None = None,
) -> LinkRanks:
    """Rank the answer of each question among the values its property takes in training.

    Args:
        predictor: any link predictor.
        source: where the products are.
        questions: (product, property, true value), in any order.
        visibility: what the questions may see.
        truth: all that is true of the products; other true values of a question's product and
            property are left out of its ranking.
        batch_size: questions in one forward pass.
        progress: told of questions done.

    Raises:
        K3MError: the predictor gave NaN scores.
    """
    catalog = source.catalog
    questions = questions[np.lexsort((questions.rows, questions.properties))]
    found: dict[int, list[Ranks]] = {}
    vectors = PropertyVectors(predictor, source, int(questions.rows[0])) if questions else None
    for start in range(0, len(questions), _QUERIES_AT_ONCE):
        block = questions[start : start + _QUERIES_AT_ONCE]
        asked = asked_of(
            predictor, source, block, visibility, batch_size=batch_size, progress=progress
        )
        heads = Heads.join(list(asked))
        for name in np.unique(block.properties).tolist():
            mine = np.flatnonzero(block.properties == name)
            candidates = catalog.candidates[name]
            assert vectors is not None
            with torch.no_grad():
                ranks = rank_candidates(
                    predictor,
                    heads[torch.from_numpy(mine).to(heads.vectors_NH.device)],
                    vectors(name),
                    places(candidates, block.values[mine]),
                    _known(block[mine], truth, name, candidates),
                )
            found.setdefault(name, []).append(ranks)
    return LinkRanks(
        [catalog.properties[name] for name in found], [Ranks.join(part) for part in found.values()]
    )


def rank_by_frequency(catalog: Catalog, questions: Triples, truth: Triples) -> LinkRanks:
    """The majority baseline: each property's values ranked by how often training has them.

    Of values that are as frequent the first by id is ahead: whoever says the most frequent one has
    to choose, and is right about those that have it. As a tie it would be right about none.
    """
    names = np.unique(questions.properties).tolist()
    ranks = []
    for name in names:
        order_C = np.argsort(-catalog.counts[name], kind="stable")
        scores_C = torch.empty(len(order_C), dtype=torch.float64)
        scores_C[torch.from_numpy(order_C)] = -torch.arange(len(order_C), dtype=torch.float64)

        def scores(rows: np.ndarray, columns: slice, scores_C: Tensor = scores_C) -> Tensor:
            return scores_C[columns].repeat(len(rows), 1)

        asked = questions[questions.properties == name]
        ranks.append(rank_property(scores, asked, truth, name, catalog.candidates[name]))
    return LinkRanks([catalog.properties[name] for name in names], ranks)


def rank_property(
    scores: Scores, asked: Triples, truth: Triples, name: int, candidates: np.ndarray
) -> Ranks:
    """Rank the answers to questions about one property by any scores (question, candidate).

    Other values that are true of a question's product are left out, as in `rank_questions`.

    Raises:
        K3MError: a score is NaN.
    """
    target = places(candidates, asked.values)
    return rank_scores(scores, target, len(candidates), _known(asked, truth, name, candidates))


def _known(
    asked: Triples, truth: Triples, name: int, candidates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(question, candidate) pairs that are true of the questions' products."""
    mine = truth[truth.properties == name]
    order = np.argsort(mine.rows, kind="stable")
    rows, place = mine.rows[order], places(candidates, mine.values[order])
    first = np.searchsorted(rows, asked.rows, "left")
    count = np.searchsorted(rows, asked.rows, "right") - first
    question = np.repeat(np.arange(len(asked)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    candidate = place[first[question] + within]
    return question[candidate >= 0], candidate[candidate >= 0]


def validate_links(
    predictor: LinkPredictor,
    source: ProductSource,
    rows: np.ndarray,
    settings: ValidationSettings,
    *,
    batch_size: int,
) -> dict[str, Any]:
    """Every asked triple of some products as a question: `metrics` and `per_property`.

    Raises:
        UsageError: an unknown property in the settings.
        K3MError: the predictor gave NaN scores.
    """
    catalog = source.catalog
    asked = property_ids(catalog, settings.properties, "validation.properties")
    hide = property_ids(catalog, settings.hide, "validation.hide")
    truth = Triples.of(source, rows)
    questions = truth.about(asked if settings.properties else answerable(catalog))
    found = rank_questions(
        predictor,
        source,
        questions,
        Visibility(hide=hide, cut_title=settings.cut_title),
        truth=truth,
        batch_size=batch_size,
    )
    return {"metrics": found.metrics(), "per_property": found.per_property()}
