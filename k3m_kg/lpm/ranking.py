"""Filtered ranking of a true value among its property's values (Q queries, C candidates).

Three ranks, as in PyKEEN: optimistic (ahead of everything it ties with), pessimistic (behind), and
realistic, their mean, which is what a random order of ties gives on average. Every headline figure
is realistic: a model that scores all values alike gets the middle rank, not the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import LinkScorer
from k3m_kg.errors import K3MError

HITS = (1, 3, 10)
SCORES_AT_ONCE = 1 << 22
"""How many scores are held in memory at a time."""

Scores = Callable[[slice, slice], Tensor]
"""Scores (queries of the first slice, candidates of the second slice)."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """The ranks of Q queries, 1 is best.

    Attributes:
        optimistic_Q, pessimistic_Q: int64.
        options_Q: how many candidates were ranked, without other true values, int64.
        unseen_Q: bool; the true value is no candidate, so no model could have ranked it. It
            counts as a miss at every k and adds nothing to MRR; its rank is options + 1.
    """

    optimistic_Q: np.ndarray
    pessimistic_Q: np.ndarray
    options_Q: np.ndarray
    unseen_Q: np.ndarray

    @property
    def realistic_Q(self) -> np.ndarray:
        """The mean of the other two, float64."""
        mean: np.ndarray = (self.optimistic_Q + self.pessimistic_Q) / 2
        return mean

    @classmethod
    def join(cls, parts: Sequence[Ranks]) -> Ranks:
        """The queries of all parts, in order."""
        columns = [(p.optimistic_Q, p.pessimistic_Q, p.options_Q, p.unseen_Q) for p in parts]
        if not columns:
            nothing = np.empty(0, np.int64)
            return cls(nothing, nothing, nothing, nothing.astype(bool))
        return cls(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    def metrics(self, kind: str = "realistic") -> dict[str, float]:
        """`mrr`, `hits@1`, `hits@3`, `hits@10` and `mr` by one kind of rank; NaN without queries.

        `kind` is `realistic`, `optimistic` or `pessimistic`.
        """
        rank_Q: np.ndarray = getattr(self, f"{kind}_Q").astype(np.float64)
        if not len(rank_Q):
            return dict.fromkeys(("mrr", *(f"hits@{k}" for k in HITS), "mr"), float("nan"))
        found_Q = ~self.unseen_Q
        result = {"mrr": float((found_Q / rank_Q).mean())}
        for k in HITS:
            result[f"hits@{k}"] = float((found_Q & (rank_Q <= k)).mean())
        result["mr"] = float(rank_Q.mean())
        return result


def rank_scores(
    scores: Scores,
    target_Q: np.ndarray,
    candidates: int,
    known: tuple[np.ndarray, np.ndarray],
    *,
    at_once: int = SCORES_AT_ONCE,
) -> Ranks:
    """Rank each query's target among all candidates.

    Args:
        scores: asked for one block at a time, never for all.
        target_Q: the true candidate's index, or -1 where it is not among the candidates.
        candidates: C.
        known: (query index, candidate index) pairs that are true too and are left out.
        at_once: the largest block, in scores.

    Raises:
        K3MError: a score is NaN.
    """
    queries = len(target_Q)
    known_query, known_candidate = _without_targets(known, target_Q, candidates)
    removed_Q = np.bincount(known_query, minlength=queries)
    options_Q = (candidates - removed_Q).astype(np.int64)
    unseen_Q = target_Q < 0
    ranks = Ranks(options_Q + 1, options_Q + 1, options_Q, unseen_Q)
    width = max(1, min(candidates, at_once))
    height = max(1, at_once // width)
    columns = [slice(c, min(c + width, candidates)) for c in range(0, candidates, width)]
    for start in range(0, queries, height):
        rows = slice(start, min(start + height, queries))
        mine = slice(*np.searchsorted(known_query, [rows.start, rows.stop]))
        pairs = (known_query[mine] - rows.start, known_candidate[mine])
        above, level = _count(scores, rows, columns, target_Q[rows], pairs)
        seen = ~unseen_Q[rows]
        ranks.optimistic_Q[rows][seen] = above[seen] + 1
        ranks.pessimistic_Q[rows][seen] = above[seen] + level[seen]
    return ranks


def _without_targets(
    known: tuple[np.ndarray, np.ndarray], target_Q: np.ndarray, candidates: int
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs, each once, ascending, without any query's own target."""
    query, candidate = known
    key = np.unique(query.astype(np.int64) * max(1, candidates) + candidate)
    query, candidate = np.divmod(key, max(1, candidates))
    other = target_Q[query] != candidate
    return query[other], candidate[other]


def _count(
    scores: Scores,
    rows: slice,
    columns: list[slice],
    target_N: np.ndarray,
    known: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """How many candidates score above each target, and how many the same (itself included)."""
    above = level = np.zeros(len(target_N), np.int64)
    only = checked_scores(scores(rows, columns[0])) if len(columns) == 1 else None

    def block_of(column: slice) -> Tensor:
        return checked_scores(scores(rows, column)) if only is None else only

    target_score_N = _target_scores(block_of, columns, target_N)
    for column in columns:
        block = block_of(column)
        higher = (block > target_score_N[:, None]).sum(1)
        same = (block == target_score_N[:, None]).sum(1)
        inside = np.flatnonzero((known[1] >= column.start) & (known[1] < column.stop))
        query = torch.from_numpy(known[0][inside]).to(block.device)
        score = block[query, torch.from_numpy(known[1][inside] - column.start).to(block.device)]
        higher.index_add_(0, query, -(score > target_score_N[query]).long())
        same.index_add_(0, query, -(score == target_score_N[query]).long())
        above, level = above + higher.cpu().numpy(), level + same.cpu().numpy()
    return above, level


def _target_scores(
    block_of: Callable[[slice], Tensor], columns: list[slice], target_N: np.ndarray
) -> Tensor:
    """(N,) each target's own score, 0 where it is not among the candidates."""
    result = None
    for column in columns:
        block = block_of(column)
        if result is None:
            result = block.new_zeros(len(target_N))
        found = np.flatnonzero((target_N >= column.start) & (target_N < column.stop))
        query = torch.from_numpy(found).to(block.device)
        result[query] = block[query, torch.from_numpy(target_N[found] - column.start).to(query)]
    return torch.zeros(len(target_N)) if result is None else result


def checked_scores(block: Tensor) -> Tensor:
    """`block` itself.

    Raises:
        K3MError: a score is NaN.
    """
    if block.isnan().any():
        raise K3MError(
            "the model gave NaN scores: its weights or its inputs are not finite",
            hint="train again with a lower learning rate, or clip gradients harder",
        )
    return block


def rank_tails(
    scorer: LinkScorer,
    head_QH: Tensor,
    relation_H: Tensor,
    tail_CH: Tensor,
    target_Q: np.ndarray,
    known: tuple[np.ndarray, np.ndarray],
    *,
    at_once: int = SCORES_AT_ONCE,
) -> Ranks:
    """Rank the true tails of (head, relation, ?) among the tails of one relation.

    Raises:
        K3MError: a score is NaN.
    """

    def scores(rows: slice, columns: slice) -> Tensor:
        head_NH = head_QH[rows]
        relation_NH = relation_H.expand(len(head_NH), -1)
        return scorer.score_tails(head_NH, relation_NH, tail_CH[columns])

    return rank_scores(scores, target_Q, len(tail_CH), known, at_once=at_once)
