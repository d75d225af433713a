"""Filtered ranking over a whole graph: heads and tails of triples among all its entities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import LinkScorer
from k3m_kg.lpm.ranking import SCORES_AT_ONCE, Ranks, Scores, rank_scores
from k3m_kg.lpm.triple_index import TripleIndex, places
from k3m_kg.scorers.interactions import InteractionScorer

Side = Literal["head", "tail"]
SIDES: tuple[Side, ...] = ("head", "tail")
BOTH = "both"
_Rows = Callable[[Tensor, Tensor, Tensor], Tensor]


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

    def scores(
        self, side: Side, given_U: np.ndarray, relation_U: np.ndarray, candidates_CH: Tensor
    ) -> Scores:
        """What ranks candidates for each of U questions; equal in order to the scorer's scores."""
        device = self.entities_EH.device
        given, relation = torch.from_numpy(given_U), torch.from_numpy(relation_U)
        inverse = self.inverse_RH if side == "head" else None
        relations_RH = self.relations_RH if inverse is None else inverse
        as_tails = side == "tail" or inverse is not None
        scorer: Any = self.scorer
        cheap = isinstance(self.scorer, InteractionScorer)
        tails: _Rows = scorer.order_tails if cheap else scorer.score_tails
        heads: _Rows = scorer.order_heads if cheap else scorer.score_heads

        def scores(rows: np.ndarray, columns: slice) -> Tensor:
            index = torch.from_numpy(rows)
            given_NH = self.entities_EH[given[index].to(device)]
            relation_NH = relations_RH[relation[index].to(device)]
            if as_tails:
                return tails(given_NH, relation_NH, candidates_CH[columns])
            return heads(candidates_CH[columns], relation_NH, given_NH)

        return scores


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
        index = TripleIndex(truth_T3.astype(np.int64), len(vectors.entities_EH), side)
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
    index: TripleIndex,
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
    return rank_scores(
        vectors.scores(side, given_U, relation_U, candidates_CH),
        target_Q,
        len(candidates_CH),
        (known_row, known_entity),
        row_Q=row_Q,
        at_once=at_once,
    )


def _tell(progress: Callable[[int], None] | None, count: int) -> None:
    if progress is not None:
        progress(count)
