"""What a ranking is worth: Q queries, N things that are searched, any number of them right.

Ties are in an order of chance, so that a search which finds all alike is no better than one.
"""

from __future__ import annotations

import numpy as np

CUTS = (1, 5, 10)
_DEPTH = 10
NAMES = ("mrr", *(f"recall@{k}" for k in CUTS), f"ndcg@{_DEPTH}")


def of_scores(scores_QN: np.ndarray, right_QN: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Each query's figures, (Q,) by name.

    `mrr` is the reciprocal rank of the first right one. `recall@k` is how many right ones are
    among the first k, of as many as could be there. `ndcg@10` counts right ones by where they are
    (Järvelin and Kekäläinen 2002), of as much as could be.

    Args:
        scores_QN: higher comes first.
        right_QN: bool, at least one right for each query.
        seed: of the order of ties.
    """
    lots_QN = np.random.default_rng(seed).random(scores_QN.shape)
    order_QN = np.lexsort((lots_QN, -scores_QN), axis=1)
    hits_QN = np.take_along_axis(right_QN, order_QN, axis=1)
    count_Q = right_QN.sum(1)
    found = {"mrr": 1 / (hits_QN.argmax(1) + 1.0)}
    for k in CUTS:
        found[f"recall@{k}"] = hits_QN[:, :k].sum(1) / np.minimum(k, count_Q)
    gain_K = _gains(min(_DEPTH, hits_QN.shape[1]))
    found[f"ndcg@{_DEPTH}"] = (hits_QN[:, :_DEPTH] * gain_K).sum(1) / _most(count_Q)
    return found


def by_chance(count_Q: np.ndarray, things_Q: np.ndarray) -> dict[str, np.ndarray]:
    """What an order of chance gives on average, where `count_Q` of `things_Q` are right."""
    found = {name: np.empty(len(count_Q)) for name in NAMES}
    for right, things in {*zip(count_Q.tolist(), things_Q.tolist(), strict=True)}:
        mine = (count_Q == right) & (things_Q == things)
        place = np.arange(1, things - right + 2)
        # the first right one is at place j + 1 if it is not at one of the j before
        later = (things - place - right + 1) / np.maximum(1, things - place)
        first = right / things * np.concatenate([[1.0], np.cumprod(later[:-1])])
        found["mrr"][mine] = (first / place).sum()
        for k in CUTS:
            found[f"recall@{k}"][mine] = min(k, things) * right / things / min(k, right)
        gained = _gains(min(_DEPTH, things)).sum() * right / things
        found[f"ndcg@{_DEPTH}"][mine] = gained / _most(np.array([right]))[0]
    return found


def _gains(places: int) -> np.ndarray:
    gains: np.ndarray = 1 / np.log2(np.arange(places) + 2)
    return gains


def _most(count_Q: np.ndarray) -> np.ndarray:
    """What is gained where all that is right comes first."""
    most: np.ndarray = np.cumsum(_gains(_DEPTH))[np.minimum(count_Q, _DEPTH) - 1]
    return most
