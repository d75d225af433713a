"""What people decided about a model's proposals, as truth for its calibration.

Two things are taken from decisions. Answers of validation that people judged are what people say,
not what the catalog says. And the decided proposals are answers to the very questions that
`complete` asks: of products that lack the property, where nobody else knows whether it applies.

Reviewers do not see proposals at random, but by what the model says of them: each decided one
counts for as many of the model's proposals as there are in its range of probabilities for each one
that is decided there (inverse probability of selection, see `k3m_kg.quality.promises`). No one
counts for more than the root of how many there are times their mean (Ionides, Truncated importance
sampling, 2008), so that a single answer decides nothing: what is cut off biases towards what was
seen more, and is counted. What lies in ranges in which nothing is decided nobody speaks for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from k3m_kg.batches.batcher import Batcher
from k3m_kg.contracts import LinkPredictor
from k3m_kg.graph.reviewing.items import CATEGORY_NAME, AskedShare, DecidedItem, weights_of
from k3m_kg.graph.tables import ItemKind, Judgement
from k3m_kg.lpm.questions import PropertyVectors, Triples, asked_of
from k3m_kg.lpm.ranking import checked_scores
from k3m_kg.quality.promises import clipped_weights, range_of
from k3m_kg.use.calibration.answers import KnownAnswers
from k3m_kg.use.completion.proposing import SEE_ALL, Temperature, WhatApplies

_Judged = Mapping[tuple[str, str], Mapping[str, Judgement]]


@dataclass(frozen=True, slots=True)
class DecidedProposal:
    """A proposal that people decided.

    Attributes:
        right: whether it is.
        weight: for how many of the model's proposals it counts.
    """

    product: str
    property: str
    value: str
    right: bool
    weight: float


@dataclass(frozen=True, slots=True)
class DecidedAnswers:
    """D decided proposals of one property.

    Attributes:
        probability_D: what the model gives them now.
        right_D: what people say of them.
        weight_D: for how many proposals each counts.
    """

    probability_D: np.ndarray
    right_D: np.ndarray
    weight_D: np.ndarray


@dataclass(frozen=True, slots=True)
class DecidedProposals:
    """What people said of one model's proposals, and of values whoever stated or proposed them.

    Attributes:
        proposals: decided, of properties.
        judged: of (product, property) what people say of values.
        asked: proposals of the model in the queue, decided or not.
        clipped: decided ones that would have counted for more.
        unseen: proposals in ranges of probability in which nothing is decided.
    """

    proposals: tuple[DecidedProposal, ...] = ()
    judged: _Judged = field(default_factory=dict)
    asked: int = 0
    clipped: int = 0
    unseen: int = 0

    @classmethod
    def of(
        cls,
        model: str,
        shares: Iterable[AskedShare],
        decided: Iterable[DecidedItem],
        judgements: Iterable[tuple[str, str | None, str, Judgement]] = (),
    ) -> DecidedProposals:
        """From the queue.

        Args:
            model: whose proposals.
            shares: of all of these, decided or not.
            decided: decisions that hold, newest first; others' are left out.
            judgements: (product, property, value, what people say of it).
        """
        judged: dict[tuple[str, str], dict[str, Judgement]] = defaultdict(dict)
        for product, name, value, says in judgements:
            if name is not None:
                judged[product, name][value] = says
        newest: dict[int, DecidedItem] = {}
        weights = weights_of(model)
        for one in decided:
            item = one.item
            if (
                one.right is not None
                and item.kind == ItemKind.PROPOSAL
                and weights_of(item.model) == weights
                and not item.of_category
            ):
                newest.setdefault(item.id, one)
        found = list(newest.values())
        cell_D = [(one.item.property, range_of(one.item.probability)) for one in found]
        decided_in = Counter(cell_D)
        names = {name for name, _ in cell_D}
        asked_in = Counter(
            (one.property, range_of(one.probability))
            for one in shares
            if one.property != CATEGORY_NAME or CATEGORY_NAME in names
        )
        weight_D, clipped = clipped_weights(
            np.array([asked_in[cell] / decided_in[cell] for cell in cell_D])
        )
        return cls(
            tuple(
                DecidedProposal(
                    one.item.product, one.item.property, one.item.value, bool(one.right), weight
                )
                for one, weight in zip(found, weight_D.tolist(), strict=True)
            ),
            judged,
            asked_in.total(),
            clipped,
            sum(count for cell, count in asked_in.items() if cell not in decided_in),
        )

    def judges(self, answers: KnownAnswers, batcher: Batcher) -> int:
        """How many of some questions people have judged."""
        if not self.judged:
            return 0
        ids = batcher.snapshot.ids
        return sum((ids[row], answers.name) in self.judged for row in answers.rows_Q.tolist())

    def corrected(self, answers: KnownAnswers, batcher: Batcher) -> KnownAnswers:
        """The answers with what people judged in place of what the catalog says."""
        if not self.judged:
            return answers
        ids, catalog = batcher.snapshot.ids, batcher.catalog
        candidates = catalog.candidates[catalog.properties.index(answers.name)].tolist()
        right_QC = answers.right_QC
        place: dict[str, int] = {}
        for question, row in enumerate(answers.rows_Q.tolist()):
            said = self.judged.get((ids[row], answers.name))
            if not said:
                continue
            if not place:
                place = {catalog.values[value]: n for n, value in enumerate(candidates)}
                right_QC = right_QC.clone()
            for value, says in said.items():
                if value in place:
                    right_QC[question, place[value]] = says == Judgement.RIGHT
        return replace(answers, right_QC=right_QC)

    def answers(
        self,
        predictor: LinkPredictor,
        batcher: Batcher,
        applies: WhatApplies,
        temperature: Temperature,
        *,
        batch_size: int = 256,
    ) -> dict[str, DecidedAnswers]:
        """The decided proposals as the model says them now, by property.

        Left out is what it would no longer propose, or is not asked as its snapshot states it.

        Raises:
            K3MError: the predictor gave NaN scores.
        """
        catalog = batcher.catalog
        known = {name: number for number, name in enumerate(catalog.properties)}
        rows = _rows(batcher.snapshot.ids, self.proposals)
        groups: dict[str, list[DecidedProposal]] = defaultdict(list)
        for one in self.proposals:
            if one.product in rows and one.property in known:
                groups[one.property].append(one)
        if not groups:
            return {}
        vectors = PropertyVectors(predictor, batcher, min(rows.values()))
        found = {}
        for name, group in sorted(groups.items()):
            number = known[name]
            row_D = np.array([rows[one.product] for one in group], np.int64)
            questions = Triples.each(row_D, number)
            candidates = catalog.candidates[number]
            if len(candidates) < 2:
                continue
            scores = []
            for heads in asked_of(predictor, batcher, questions, SEE_ALL, batch_size=batch_size):
                with torch.no_grad():
                    scores.append(predictor.score(heads, vectors(number)).cpu())
            scores_DC = checked_scores(torch.cat(scores))
            top = (scores_DC / temperature(name)).softmax(1).max(1)
            best = [catalog.values[int(candidates[at])] for at in top.indices.tolist()]
            same_D = np.array([one.value == said for one, said in zip(group, best, strict=True)])
            stated_D = _states(batcher, row_D, number)
            applies_D = applies(row_D, [name])[:, 0]
            kept = same_D & ~stated_D
            if kept.any():
                found[name] = DecidedAnswers(
                    (top.values.double().numpy() * applies_D)[kept],
                    np.array([one.right for one in group])[kept],
                    np.array([one.weight for one in group])[kept],
                )
        return found


NOTHING_DECIDED = DecidedProposals()


def _rows(ids: Sequence[str], proposals: Iterable[DecidedProposal]) -> dict[str, int]:
    """The rows of the products that the snapshot has."""
    found = {}
    for product in {one.product for one in proposals}:
        row = bisect_left(ids, product)
        if row < len(ids) and ids[row] == product:
            found[product] = row
    return found


def _states(batcher: Batcher, rows_D: np.ndarray, name: int) -> np.ndarray:
    """(D,) bool: which products state a property."""
    product, properties, _ = batcher.triples(rows_D)
    found = np.zeros(len(rows_D), bool)
    found[product[properties == name]] = True
    return found
