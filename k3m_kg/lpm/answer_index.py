"""What answers questions about a graph of numbered triples, looked up."""

from __future__ import annotations

import numpy as np


class AnswerIndex:
    """Which entities complete (head, relation, ?) or (?, relation, tail).

    Args:
        triples_T3: (head, relation, tail) ids, in any order, repeats allowed.
        entities: how many entities there are.
        side: what is asked for, `head` or `tail`.
    """

    def __init__(self, triples_T3: np.ndarray, entities: int, side: str) -> None:
        self._entities = entities
        self._side = side
        keys = self.keys(triples_T3)
        answers = triples_T3[:, 2 if side == "tail" else 0]
        order = np.lexsort((answers, keys))
        self._keys, self._answers = keys[order], answers[order]

    def keys(self, triples_N3: np.ndarray) -> np.ndarray:
        """One number per question: the relation and the entity that is given."""
        given = triples_N3[:, 0 if self._side == "tail" else 2]
        number: np.ndarray = triples_N3[:, 1].astype(np.int64) * self._entities + given
        return number

    def answers(self, keys_U: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All answers of some questions: (index into the questions, entity)."""
        first = np.searchsorted(self._keys, keys_U, "left")
        counts = np.searchsorted(self._keys, keys_U, "right") - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        question = np.repeat(np.arange(len(keys_U)), counts)
        return question, self._answers[first[question] + within]


def places(candidates: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The index of each value among ascending candidates, or -1."""
    if not len(candidates):
        return np.full(len(values), -1, np.int64)
    place = np.minimum(np.searchsorted(candidates, values), len(candidates) - 1)
    found: np.ndarray = np.where(candidates[place] == values, place, -1).astype(np.int64)
    return found


def seen_by_relation(triples_T3: np.ndarray, relations: int, side: str) -> list[np.ndarray]:
    """For each relation the entities that some triples have as its head or tail, ascending."""
    answers = triples_T3[:, 2 if side == "tail" else 0].astype(np.int64)
    stride = int(answers.max(initial=-1)) + 1
    keys = np.unique(triples_T3[:, 1].astype(np.int64) * max(1, stride) + answers)
    relation, entity = np.divmod(keys, max(1, stride))
    bounds = np.searchsorted(relation, np.arange(relations + 1))
    return [entity[bounds[r] : bounds[r + 1]] for r in range(relations)]
