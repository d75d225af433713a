"""Training questions of link prediction, and the candidate values that answer them.

Everything ragged is flat, and its structure comes from the CPU, where the batch was made: on the
device nothing is looped over and no shape depends on a number there.

Q questions, P (question, candidate) pairs, question by question; G tiles of S questions about one
property by C of its candidates: all scores of a batch are one batched matrix product over tiles.
A column is the place of a (property, candidate) among those of all properties, one after another;
where some were drawn of too many, among those that were drawn, unless it is said "among all".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(slots=True)
class Choices:
    """Of each question the values that its property takes in training: `k3m_kg.lpm.choices`.

    Attributes:
        pairs: P.
        known: how many questions have their answer among their candidates.
        width: C.
        size_Q: candidates of each question.
        begin_Q: its first pair.
        column_Q: the column of its first candidate.
        place_Q: where its first pair stands in the tiles' scores, laid flat; the next ones follow,
            C of them in each tile.
        target_Q: the pair that is its answer, -1 where there is none.
        closed_X: pairs that are no wrong answers, being further true ones.
        question_GS: the questions of each tile; where it has fewer, any.
        first_G: the column of each tile's first candidate.
        last_G: that of its last.
        drawn_D: where a property has too many values for a step, what was drawn: the columns among
            all that a property takes, ascending, of those here; None where these are all.
        added_D: what is added to a score before the softmax, so that the values that were drawn
            count for those that were not; float32.
    """

    pairs: int
    known: int
    width: int
    size_Q: Tensor
    begin_Q: Tensor
    column_Q: Tensor
    place_Q: Tensor
    target_Q: Tensor
    closed_X: Tensor
    question_GS: Tensor
    first_G: Tensor
    last_G: Tensor
    drawn_D: Tensor | None = None
    added_D: Tensor | None = None

    def of_pairs(self) -> tuple[Tensor, Tensor]:
        """(P,) the question of each pair, ascending, and which of its candidates it is."""
        every_Q = torch.arange(len(self.size_Q), device=self.size_Q.device)
        question_P = torch.repeat_interleave(every_Q, self.size_Q, output_size=self.pairs)
        every_P = torch.arange(self.pairs, device=self.size_Q.device)
        return question_P, every_P - self.begin_Q[question_P]

    def columns_GC(self) -> Tensor:
        """(G, C) the columns, among all, of each tile; where it has fewer, its last once more."""
        within_C = torch.arange(self.width, device=self.first_G.device)
        here_GC = torch.minimum(self.first_G[:, None] + within_C, self.last_G[:, None])
        return here_GC if self.drawn_D is None else self.drawn_D[here_GC]

    def columns_P(self, question_P: Tensor, candidate_P: Tensor) -> Tensor:
        """(P,) the column, among all, of each pair."""
        here_P = self.column_Q[question_P] + candidate_P
        return here_P if self.drawn_D is None else self.drawn_D[here_P]

    def pairs_of(self, question_Y: Tensor, column_Y: Tensor) -> Tensor:
        """(Y,) the pair of a question and a column among all; P, one too many, where none is."""
        first_Y = self.begin_Q[question_Y] - self.column_Q[question_Y]
        if self.drawn_D is None:
            return first_Y + column_Y
        here_Y = torch.searchsorted(self.drawn_D, column_Y).clamp_max(len(self.drawn_D) - 1)
        found_Y = self.drawn_D[here_Y] == column_Y
        return torch.where(found_Y, first_Y + here_Y, self.pairs)

    def weighed(self, scores_P: Tensor, question_P: Tensor, candidate_P: Tensor) -> Tensor:
        """(P,) scores for a softmax that stands for one over all values of the properties."""
        if self.added_D is None:
            return scores_P
        return scores_P + self.added_D[self.column_Q[question_P] + candidate_P]

    def tiled(self, vectors_QH: Tensor) -> Tensor:
        """(G, S, H) what questions have, for the tiles."""
        return F.embedding(self.question_GS, vectors_QH)

    def flat(self, scores_GSC: Tensor, question_P: Tensor, candidate_P: Tensor) -> Tensor:
        """(P,) the tiles' scores, one for each pair."""
        tile_P = candidate_P // self.width
        step = scores_GSC.shape[1] * self.width
        place_P = self.place_Q[question_P] + tile_P * step + candidate_P % self.width
        return scores_GSC.flatten().index_select(0, place_P)


@dataclass(slots=True)
class Questions:
    """What a task asks of a batch.

    Attributes:
        asked_Q: the triple that each question asks, ascending.
        question_N: the question of each (question, triple that it sees) pair, ascending; None where
            each sees the visible triples of its product.
        triple_N: the triple of each such pair.
        choices: what it may answer; None where it is not asked among all candidates.
        evidence: what the model found, on the CPU, that speaks for the candidates.
        wrong_Q: bool, whether the asked triple is one that people rejected: the target of such a
            question is the answer that it must not give. None where there are none.
    """

    asked_Q: Tensor
    question_N: Tensor | None = None
    triple_N: Tensor | None = None
    choices: Choices | None = None
    evidence: Any = None
    wrong_Q: Tensor | None = None
