"""Questions about one product see much the same triples: as matrix products, block by block.

`leave-one-out` shows each question all triples of its product but its own, so pairs of a question
and a triple grow with the square of the triples. What a question sees of a triple does not depend
on the question, but for whether it sees it: with `e = exp(b)` the aggregate is
`sum_k m_qk e_k t_k / sum_k m_qk e_k`, two products of the 0-1 matrix `m` with what triples have.
Nothing of the size of pairs times heads is held, and a product of matrices costs a fraction
of as many gathered rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_FEWEST_SEEN = 16
"""Pairs of a question in the mean, from which blocks are faster than gathered rows."""
_EMPTIEST = 8
"""Cells of all blocks for each pair, beyond which blocks are mostly empty."""
_FARTHEST = 60.0
"""Scores of one block that lie farther apart could vanish in float32 beside the largest."""


@dataclass(slots=True)
class Block:
    """Questions [first, last) that see triples of [low, high) only, and nobody else does.

    Attributes:
        seen_QE: 1 where a question sees a triple, else 0; float32.
    """

    first: int
    last: int
    low: int
    high: int
    seen_QE: Tensor


def blocks_of(count: int, question_N: Tensor, triple_N: Tensor) -> list[Block] | None:
    """The blocks of (question, triple) pairs on the CPU; None where they would not pay.

    Args:
        count: Q.
        question_N: ascending.
        triple_N: each once for a question.
    """
    if len(question_N) < _FEWEST_SEEN * count:
        return None
    question, triple = question_N.numpy(), triple_N.numpy()
    asked, starts = np.unique(question, return_index=True)
    low = np.minimum.accumulate(np.minimum.reduceat(triple, starts)[::-1])[::-1]
    high = np.maximum.accumulate(np.maximum.reduceat(triple, starts))
    begins = np.flatnonzero(np.concatenate([[True], low[1:] > high[:-1]]))
    ends = np.concatenate([begins[1:], [len(asked)]])
    firsts, lasts = asked[begins], asked[ends - 1] + 1
    lows, highs = low[begins], high[ends - 1] + 1
    if int(((lasts - firsts) * (highs - lows)).sum()) > _EMPTIEST * len(question):
        return None
    bounds = np.searchsorted(question, np.stack([firsts, lasts]))
    found = []
    for place, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
        part = slice(*bounds[:, place].tolist())
        least, most = int(lows[place]), int(highs[place])
        seen_QE = torch.zeros(last - first, most - least)
        seen_QE[question_N[part] - first, triple_N[part] - least] = 1
        found.append(Block(first, last, least, most, seen_QE))
    return found


def combined(
    count: int, t_EXH: Tensor, b_EX: Tensor, question_N: Tensor, triple_N: Tensor
) -> Tensor | None:
    """(Q, H) the mean over heads of each question's weighted sum of `t`; None: not by blocks.

    As star attention defines it; zero for questions that see nothing.
    """
    blocks = blocks_of(count, question_N, triple_N)
    if blocks is None:
        return None
    with torch.autocast("cpu", enabled=False):
        return _summed(count, t_EXH, b_EX.float(), blocks)


def _summed(count: int, t_EXH: Tensor, b_EX: Tensor, blocks: list[Block]) -> Tensor | None:
    with torch.no_grad():
        mine = [b_EX[block.low : block.high] for block in blocks]
        top_KX = torch.stack([part.amax(0) for part in mine])
        low_KX = torch.stack([part.amin(0) for part in mine])
    if float((top_KX - low_KX).max()) > _FARTHEST:
        return None
    heads, hidden = t_EXH.shape[1:]
    parts, end = [], 0
    for block, top_X in zip(blocks, top_KX, strict=True):
        if block.first > end:
            parts.append(t_EXH.new_zeros(block.first - end, hidden))
        end = block.last
        share_EX = torch.exp(b_EX[block.low : block.high] - top_X)
        weighed_EF = (share_EX[..., None] * t_EXH[block.low : block.high].float()).flatten(1)
        total_QX = (block.seen_QE @ share_EX).clamp_min(torch.finfo(torch.float32).tiny)
        sum_QXH = (block.seen_QE @ weighed_EF).view(-1, heads, hidden)
        parts.append((sum_QXH / total_QX[..., None]).mean(1).to(t_EXH.dtype))
    if end < count:
        parts.append(t_EXH.new_zeros(count - end, hidden))
    return torch.cat(parts)
