"""Filtered ranking of a true value among its property's values (Q questions, C candidates).

Three ranks, as in PyKEEN: optimistic (ahead of everything it ties with), pessimistic (behind), and
realistic, their mean, which is what a random order of ties gives on average. Every headline figure
is realistic: a model that scores all values alike gets the middle rank, not the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import Candidates, Heads, LinkPredictor
from k3m_kg.errors import K3MError

HITS = (1, 3, 10)
SCORES_AT_ONCE = 1 << 22
"""How many scores are held in memory at a time."""
_COLUMNS_AT_ONCE = 1 << 16

Scores = Callable[[np.ndarray, slice], Tensor]
"""Scores, in memory of their own, of the questions of some rows and a slice of the candidates."""


class Precision(Protocol):
    """How far scores may be off, and what they really are."""

    def error(self, rows: np.ndarray) -> Tensor | None:
        """(N,) at most by so much are a row's scores off; None: not at all."""
        ...

    def exact(self, rows_P: np.ndarray, candidates_P: np.ndarray) -> Tensor:
        """(P,) the scores of P (row, candidate) pairs without that error."""
        ...


@dataclass(frozen=True, slots=True)
class Ranks:
    """The ranks of Q questions, 1 is best.

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

    @property
    def first_Q(self) -> np.ndarray:
        """bool, which true values come first, by realistic rank: those that Hits@1 counts."""
        first: np.ndarray = ~self.unseen_Q & (self.realistic_Q <= 1)
        return first

    @classmethod
    def join(cls, parts: Sequence[Ranks]) -> Ranks:
        """The questions of all parts, in order."""
        columns = [(p.optimistic_Q, p.pessimistic_Q, p.options_Q, p.unseen_Q) for p in parts]
        if not columns:
            nothing = np.empty(0, np.int64)
            return cls(nothing, nothing, nothing, nothing.astype(bool))
        return cls(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    def metrics(self, kind: str = "realistic") -> dict[str, float]:
        """`mrr`, `hits@1`, `hits@3`, `hits@10` and `mr` by one kind of rank; NaN without questions.

        `kind` is `realistic`, `optimistic` or `pessimistic`. Realistic ranks give two more, which
        do not depend on how many candidates there are (Berrendorf et al. 2020): `amr`, the mean
        rank over its expectation under random scores, and `amri`, 1 for perfect, 0 for random.
        """
        rank_Q: np.ndarray = getattr(self, f"{kind}_Q").astype(np.float64)
        if not len(rank_Q):
            adjusted = ("amr", "amri") if kind == "realistic" else ()
            names = ("mrr", *(f"hits@{k}" for k in HITS), "mr", *adjusted)
            return dict.fromkeys(names, float("nan"))
        found_Q = ~self.unseen_Q
        result = {"mrr": float((found_Q / rank_Q).mean())}
        for k in HITS:
            result[f"hits@{k}"] = float((found_Q & (rank_Q <= k)).mean())
        result["mr"] = float(rank_Q.mean())
        if kind == "realistic":
            expected = float((self.options_Q.mean() + 1) / 2)
            result["amr"] = result["mr"] / expected
            result["amri"] = (
                1 - (result["mr"] - 1) / (expected - 1) if expected > 1 else float("nan")
            )
        return result

    def of(self, questions: np.ndarray) -> Ranks:
        """The ranks of some questions, by index or mask."""
        return Ranks(
            self.optimistic_Q[questions],
            self.pessimistic_Q[questions],
            self.options_Q[questions],
            self.unseen_Q[questions],
        )


def rank_scores(
    scores: Scores,
    target_Q: np.ndarray,
    candidates: int,
    known: tuple[np.ndarray, np.ndarray],
    *,
    precision: Precision | None = None,
    row_Q: np.ndarray | None = None,
    at_once: int = SCORES_AT_ONCE,
) -> Ranks:
    """Rank each question's target among all candidates.

    Questions that ask the same have the same row of scores, and only that row is computed. A target
    is compared with the whole row; other true candidates of the row are struck out before, at
    their own places, so that nothing of the size of the scores is built besides them.

    Args:
        scores: asked for one block at a time, never for all.
        target_Q: the true candidate's index, or -1 where it is not among the candidates.
        candidates: C.
        known: (row, candidate) pairs that are true too and are left out.
        precision: of scores that are quick, but only near: candidates that are too near to the
            target to say which is above are compared by their exact scores.
        row_Q: each question's row of scores, 0, 1, ...; by default each has one of its own.
        at_once: the largest block, in scores.

    Raises:
        K3MError: a score is NaN.
    """
    row_Q = np.arange(len(target_Q)) if row_Q is None else row_Q
    truth = _Known(known, int(row_Q.max(initial=-1)) + 1, candidates)
    own_Q = truth.contains(row_Q, target_Q)
    options_Q = (candidates - truth.count(row_Q) + own_Q).astype(np.int64)
    ranks = Ranks(options_Q + 1, options_Q + 1, options_Q, target_Q < 0)
    width = max(1, min(candidates, at_once, _COLUMNS_AT_ONCE))
    columns = [slice(c, min(c + width, candidates)) for c in range(0, candidates, width)]
    for batch in _batches(row_Q, target_Q, width, max(1, at_once // width)):
        above, level = _count(scores, batch, columns, truth, precision)
        ranks.optimistic_Q[batch.questions] = above + 1
        ranks.pessimistic_Q[batch.questions] = level + own_Q[batch.questions]
    return ranks


class _Known:
    """(row, candidate) pairs, each once, by row."""

    def __init__(self, known: tuple[np.ndarray, np.ndarray], rows: int, candidates: int) -> None:
        self._stride = max(1, candidates)
        self._keys = np.unique(known[0].astype(np.int64) * self._stride + known[1])
        row, self._candidates = np.divmod(self._keys, self._stride)
        self._starts = np.searchsorted(row, np.arange(rows + 1))

    def count(self, rows: np.ndarray) -> np.ndarray:
        """How many candidates each row has."""
        counts: np.ndarray = self._starts[rows + 1] - self._starts[rows]
        return counts

    def contains(self, rows: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Whether each pair is known."""
        if not len(self._keys):
            return np.zeros(len(rows), bool)
        keys = rows * self._stride + candidates
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        found: np.ndarray = (self._keys[place] == keys) & (candidates >= 0)
        return found

    def of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All pairs of some rows: (index into `rows`, candidate)."""
        counts = self.count(rows)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        place = np.repeat(self._starts[rows], counts) + within
        return np.repeat(np.arange(len(rows)), counts), self._candidates[place]


@dataclass(slots=True)
class _Batch:
    """Rows of scores to compute together; those asked most often come first.

    Attributes:
        rows: the rows.
        questions: questions that ask them, row by row.
        counts: how many questions ask each row; falling.
        target: of each question.
        column: the block of candidates that holds the targets.
    """

    rows: np.ndarray
    questions: np.ndarray
    counts: np.ndarray
    target: np.ndarray
    column: int


def _batches(row_Q: np.ndarray, target_Q: np.ndarray, width: int, height: int) -> Iterator[_Batch]:
    """All questions with a target, such that a batch's targets lie in one block of candidates.

    That block is computed first and gives the targets' scores: no block is computed twice, and a
    target is compared with the very number that stands in its row.
    """
    questions = np.flatnonzero(target_Q >= 0)
    key = (target_Q[questions] // width) * (row_Q.max(initial=0) + 1) + row_Q[questions]
    unit, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    column, row = np.divmod(unit, row_Q.max(initial=0) + 1)
    order = np.lexsort((-counts, column))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    questions = questions[np.argsort(place[inverse], kind="stable")]
    row, column, counts = row[order], column[order], counts[order]
    ends = np.concatenate([[0], np.cumsum(counts)])
    for block in np.unique(column).tolist():
        first, last = np.searchsorted(column, [block, block + 1]).tolist()
        for start in range(first, last, height):
            stop = min(start + height, last)
            mine = questions[ends[start] : ends[stop]]
            yield _Batch(row[start:stop], mine, counts[start:stop], target_Q[mine], block)


def _count(
    scores: Scores,
    batch: _Batch,
    columns: list[slice],
    truth: _Known,
    precision: Precision | None,
) -> tuple[np.ndarray, np.ndarray]:
    """How many candidates score above each target, and how many at least the same."""
    above = np.zeros(len(batch.questions), np.int64)
    level = np.zeros(len(batch.questions), np.int64)
    known_row, known_candidate = truth.of(batch.rows)
    row = np.repeat(np.arange(len(batch.rows)), batch.counts)
    starts = np.cumsum(batch.counts) - batch.counts
    error_N = None if precision is None else precision.error(batch.rows)
    target_score: Tensor | None = None
    for column in (columns[batch.column], *columns[: batch.column], *columns[batch.column + 1 :]):
        block = checked_scores(scores(batch.rows, column))
        if target_score is None:
            target_score = _pick(block, row, batch.target - column.start)
        inside = (known_candidate >= column.start) & (known_candidate < column.stop)
        place = (known_row[inside], known_candidate[inside] - column.start)
        block[tuple(torch.from_numpy(part).to(block.device) for part in place)] = torch.nan
        for turn in range(int(batch.counts[0])):
            asked = int(np.searchsorted(-batch.counts, -turn))  # rows with more questions than that
            mine = starts[:asked] + turn
            goal = target_score[torch.from_numpy(mine).to(block.device), None]
            low = high = goal
            if error_N is not None:
                both_N1 = 2 * error_N[:asked, None]  # the target's and the candidate's
                low, high = goal - both_N1, goal + both_N1
            surely, maybe = block[:asked] > high, block[:asked] >= low
            above[mine] += _how_many(surely)
            level[mine] += _how_many(maybe)
            if precision is not None and error_N is not None:
                near = _places(maybe ^ surely)
                pairs = (batch.rows[near[0]], near[1] + column.start)
                goals = (batch.rows[:asked], batch.target[mine])
                ahead, behind = _settled(precision, pairs, goals, near[0])
                above[mine] += ahead
                level[mine] -= behind
    return above, level


def _settled(
    precision: Precision,
    pairs: tuple[np.ndarray, np.ndarray],
    goals: tuple[np.ndarray, np.ndarray],
    question_P: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """How many of some questions' near candidates are above the target, and how many below."""
    count = len(goals[0])
    if not len(question_P):
        return np.zeros(count, np.int64), np.zeros(count, np.int64)
    asked, place_P = np.unique(question_P, return_inverse=True)
    goal = precision.exact(goals[0][asked], goals[1][asked])
    found = precision.exact(*pairs)
    goal = goal[torch.from_numpy(place_P).to(goal.device)]
    ahead, behind = (
        np.bincount(question_P[mask.cpu().numpy()], minlength=count)
        for mask in (found > goal, found < goal)
    )
    return ahead, behind


def _places(mask: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of what is true."""
    if mask.device.type != "cpu":
        row, column = mask.nonzero(as_tuple=True)
        return row.cpu().numpy(), column.cpu().numpy()
    row_P, column_P = np.divmod(np.flatnonzero(mask.numpy()), mask.shape[1])
    return row_P, column_P


def _pick(block: Tensor, row: np.ndarray, column: np.ndarray) -> Tensor:
    return block[torch.from_numpy(row).to(block.device), torch.from_numpy(column).to(block.device)]


def _how_many(mask: Tensor) -> np.ndarray:
    """How many are true in each row."""
    if mask.device.type != "cpu":
        return mask.sum(1).cpu().numpy()
    rows = mask.numpy()  # counts bytes by the machine word, which a sum over an axis does not
    return np.fromiter((np.count_nonzero(row) for row in rows), np.int64, len(rows))


def checked_scores(block: Tensor) -> Tensor:
    """`block` itself.

    Raises:
        K3MError: a score is NaN.
    """
    if block.numel() and block.amax().isnan():  # the maximum passes NaN on
        raise K3MError(
            "the model gave NaN scores: its weights or its inputs are not finite",
            hint="train again with a lower learning rate, or clip gradients harder",
        )
    return block


def rank_candidates(
    predictor: LinkPredictor,
    heads: Heads,
    candidates: Candidates,
    target_Q: np.ndarray,
    known: tuple[np.ndarray, np.ndarray],
    *,
    at_once: int = SCORES_AT_ONCE,
) -> Ranks:
    """Rank the true answers to questions about one property among its candidates.

    Raises:
        K3MError: a score is NaN.
    """

    def scores(rows: np.ndarray, columns: slice) -> Tensor:
        chosen = torch.from_numpy(rows).to(heads.vectors_NH.device)
        return predictor.score(heads[chosen], candidates[columns])

    return rank_scores(scores, target_Q, len(candidates), known, at_once=at_once)
