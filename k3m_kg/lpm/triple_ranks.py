"""Filtered ranking over a whole graph: heads and tails of triples among all its entities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import LinkScorer, QueryVectors, as_float, full_precision
from k3m_kg.lpm.answer_index import AnswerIndex, places
from k3m_kg.lpm.ranking import SCORES_AT_ONCE, Ranks, rank_scores

Side = Literal["head", "tail"]
SIDES: tuple[Side, ...] = ("head", "tail")
BOTH = "both"
_PAIRS_AT_ONCE = 1 << 14


@dataclass(slots=True)
class TripleVectors:
    """What a model says of a whole graph.

    Attributes:
        scorer: compares the vectors.
        entities_EH, relations_RH: one row each.
        inverse_RH: vectors of the inverse relations; where there are any, the head of (?, r, t) is
            asked as the tail of (t, inverse of r, ?).
    """

    scorer: LinkScorer
    entities_EH: Tensor
    relations_RH: Tensor
    inverse_RH: Tensor | None = None

    def questions(
        self, side: Side, given_U: np.ndarray, relation_U: np.ndarray, candidates_CH: Tensor
    ) -> TripleQuestions:
        """U questions about the candidates."""
        inverse = self.inverse_RH if side == "head" else None
        return TripleQuestions(
            self.scorer,
            self.entities_EH,
            self.relations_RH if inverse is None else inverse,
            torch.from_numpy(given_U),
            torch.from_numpy(relation_U),
            candidates_CH,
            as_tails=side == "tail" or inverse is not None,
        )


@dataclass(slots=True)
class TripleQuestions:
    """Scores of U questions, from the query vector where the scorer has one.

    `scores` are then quick, but only near; `error` and `exact` say how near, and are the
    `Precision` of the ranking.

    Attributes:
        scorer, entities_EH, relations_RH: the model.
        given_U, relation_U: ids of what is given.
        candidates_CH: what competes.
        as_tails: candidates are tails; otherwise heads.
        last: the rows asked last, and their query vectors.
    """

    scorer: LinkScorer
    entities_EH: Tensor
    relations_RH: Tensor
    given_U: Tensor
    relation_U: Tensor
    candidates_CH: Tensor
    as_tails: bool
    last: tuple[np.ndarray, QueryVectors | None] | None = None

    def scores(self, rows: np.ndarray, columns: slice) -> Tensor:
        """(N, C) numbers that rank some of the candidates."""
        candidates_CH = self.candidates_CH[columns]
        query = self._query(rows)
        if query is not None:
            return query.shortcut(candidates_CH)
        given_NH, relation_NH = self._vectors(rows)
        if self.as_tails:
            return self.scorer.score_tails(given_NH, relation_NH, candidates_CH)
        return self.scorer.score_heads(candidates_CH, relation_NH, given_NH)

    def error(self, rows: np.ndarray) -> Tensor | None:
        """(N,) by how much those are off at most."""
        query = self._query(rows)
        return None if query is None else query.shortcut_error(self.candidates_CH)

    def exact(self, rows_P: np.ndarray, candidates_P: np.ndarray) -> Tensor:
        """(P,) scores of pairs, as the scorer gives them."""
        parts = []
        for start in range(0, len(rows_P), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            query = self._query(rows_P[part])
            assert query is not None
            place = torch.from_numpy(candidates_P[part]).to(self.candidates_CH.device)
            parts.append(query.scores(self.candidates_CH[place, None])[:, 0])
        return torch.cat(parts)

    def _vectors(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        index, device = torch.from_numpy(rows), self.entities_EH.device
        given_NH = self.entities_EH[self.given_U[index].to(device)]
        return given_NH, self.relations_RH[self.relation_U[index].to(device)]

    def _query(self, rows: np.ndarray) -> QueryVectors | None:
        if self.last is None or self.last[0] is not rows:
            given_NH, relation_NH = (as_float(part) for part in self._vectors(rows))
            with full_precision(given_NH):
                if self.as_tails:
                    query = self.scorer.tail_query(given_NH, relation_NH)
                else:
                    query = self.scorer.head_query(relation_NH, given_NH)
            self.last = (rows, query)
        return self.last[1]


@dataclass(slots=True)
class TripleRanks:
    """The ranks of Q triples, by the side that was asked.

    Attributes:
        relations_Q: the relation of each triple.
        ranks: by side, in the triples' order.
    """

    relations_Q: np.ndarray
    ranks: dict[Side, Ranks]

    def of(self, side: str, questions: np.ndarray | None = None) -> Ranks:
        """The ranks of one side or of `both`, of all questions or some (index or mask)."""
        parts = list(self.ranks.values()) if side == BOTH else [self.ranks[side]]  # type: ignore[index]
        return Ranks.join([part if questions is None else part.of(questions) for part in parts])

    def metrics(
        self, side: str = BOTH, kind: str = "realistic", questions: np.ndarray | None = None
    ) -> dict[str, float]:
        """Over all triples, and as `macro_*` the mean over relations."""
        every = self.of(side, questions).metrics(kind)
        each = self.per_relation(side, kind, questions).values()
        macro = {
            f"macro_{key}": float(np.mean([found[key] for found in each])) if each else np.nan
            for key in every
        }
        return every | macro

    def per_relation(
        self, side: str = BOTH, kind: str = "realistic", questions: np.ndarray | None = None
    ) -> dict[int, dict[str, float]]:
        """The metrics of each relation that was asked, with its number of questions."""
        wanted = np.ones(len(self.relations_Q), bool)
        if questions is not None:
            wanted = np.zeros(len(self.relations_Q), bool)
            wanted[questions] = True
        found = {}
        for relation in np.unique(self.relations_Q[wanted]).tolist():
            ranks = self.of(side, wanted & (self.relations_Q == relation))
            found[relation] = ranks.metrics(kind) | {"questions": len(ranks.unseen_Q)}
        return found


@torch.no_grad()
def rank_triples(
    vectors: TripleVectors,
    triples_Q3: np.ndarray,
    truth_T3: np.ndarray,
    *,
    sides: Sequence[Side] = SIDES,
    candidates: dict[Side, list[np.ndarray]] | None = None,
    at_once: int = SCORES_AT_ONCE,
    progress: Callable[[int], None] | None = None,
) -> TripleRanks:
    """Rank each triple's head and tail.

    Args:
        vectors: entities, relations and what compares them.
        triples_Q3: (head, relation, tail) ids.
        truth_T3: all that is true: training, validation and test triples. Other true answers to a
            question are left out of its ranking.
        sides: what is asked for.
        candidates: by side, for each relation the only entities that compete, ascending; by default
            all do. A true answer that is none of them is a miss, as nothing could have ranked it.
        at_once: how many scores are held in memory at a time.
        progress: told of triples asked, on each side.

    Raises:
        K3MError: a score is NaN.
    """
    triples_Q3 = triples_Q3.astype(np.int64)
    found: dict[Side, Ranks] = {}
    for side in sides:
        index = AnswerIndex(truth_T3.astype(np.int64), len(vectors.entities_EH), side)
        if candidates is None:
            found[side] = _rank_side(vectors, triples_Q3, index, side, None, at_once)
            _tell(progress, len(triples_Q3))
            continue
        parts, order = [], []
        for relation in np.unique(triples_Q3[:, 1]).tolist():
            mine = np.flatnonzero(triples_Q3[:, 1] == relation)
            allowed = candidates[side][relation].astype(np.int64)
            parts.append(_rank_side(vectors, triples_Q3[mine], index, side, allowed, at_once))
            order.append(mine)
            _tell(progress, len(mine))
        back = np.argsort(np.concatenate(order)) if order else np.empty(0, np.int64)
        found[side] = Ranks.join(parts).of(back)
    return TripleRanks(triples_Q3[:, 1], found)


def _rank_side(
    vectors: TripleVectors,
    triples_Q3: np.ndarray,
    index: AnswerIndex,
    side: Side,
    allowed: np.ndarray | None,
    at_once: int,
) -> Ranks:
    key_U, row_Q = np.unique(index.keys(triples_Q3), return_inverse=True)
    relation_U, given_U = np.divmod(key_U, len(vectors.entities_EH))
    known_row, known_entity = index.answers(key_U)
    target_Q = triples_Q3[:, 2 if side == "tail" else 0]
    candidates_CH = vectors.entities_EH
    if allowed is not None:
        candidates_CH = candidates_CH[torch.from_numpy(allowed).to(candidates_CH.device)]
        target_Q, known_entity = places(allowed, target_Q), places(allowed, known_entity)
        known_row, known_entity = known_row[known_entity >= 0], known_entity[known_entity >= 0]
    questions = vectors.questions(side, given_U, relation_U, candidates_CH)
    return rank_scores(
        questions.scores,
        target_Q,
        len(candidates_CH),
        (known_row, known_entity),
        precision=questions,
        row_Q=row_Q,
        at_once=at_once,
    )


def _tell(progress: Callable[[int], None] | None, count: int) -> None:
    if progress is not None:
        progress(count)
