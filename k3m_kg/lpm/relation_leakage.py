"""Test triples that other relations give away: inverse, equal or determining ones.

Toutanova and Chen (2015) found FB15k full of inverse relations, which any model answers by looking
up the reverse triple; FB15k-237 and WN18RR were cut for that reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

SHARE = 0.8
"""A relation is given away where this share of its training triples is."""
DETERMINED = 0.95
"""A relation determines another where so many guesses by it are right, over all its tails."""
DETERMINED_VALUE = 0.99
"""One value determines another where more of the products that have it have the other.

Higher than `DETERMINED`, which is the mean over all tails of a relation and tolerates a few that
say nothing: a rule of one value speaks for that value alone, is counted on as few as ten products,
and of the many pairs of values some are nearly certain by chance.
"""
_LEAST_TRIPLES = 10
_FEW_TAILS = 1.2
"""At most so many tails per head, on average, has a relation whose tail another can determine."""
_MOST_TRIPLES_OF_A_HEAD = 100


@dataclass(frozen=True, slots=True)
class Rule:
    """A relation gives another away.

    Attributes:
        cause: `inverse` (a relation may be its own: symmetric), `equal` or `determined`.
        relation: what is given away.
        by: what gives it away.
        share: of the first one's training triples for which that holds.
    """

    cause: str
    relation: int
    by: int
    share: float


@dataclass(slots=True)
class Leaks:
    """What was found.

    Attributes:
        rules: between relations, by cause.
        causes: for each cause, bool (Q,): the triple is given away by a training triple.
    """

    rules: list[Rule]
    causes: dict[str, np.ndarray]

    @property
    def leaking_Q(self) -> np.ndarray:
        """Given away by any cause."""
        found: np.ndarray = np.logical_or.reduce(list(self.causes.values()))
        return found


def find_relation_leaks(train_T3: np.ndarray, asked_Q3: np.ndarray) -> Leaks:
    """Rules that hold in training, and which of the asked triples follow by them from it.

    `inverse` and `equal`: at least `SHARE` of a relation's pairs are the other's, turned round or
    as they are; a triple leaks if training holds its counterpart. `determined`: among heads that
    have both relations, the tail of one says the tail of the other in at least `DETERMINED` of the
    cases (each head left out when its own is guessed), and the commonest tail alone does not; a
    triple leaks if the guess from its head's other triples is right. Only relations with nearly one
    tail per head can be determined, and heads with very many triples are left aside.
    """
    train, asked = train_T3.astype(np.int64), asked_Q3.astype(np.int64)
    entities = int(max(train[:, [0, 2]].max(initial=0), asked[:, [0, 2]].max(initial=0))) + 1
    relations = int(max(train[:, 1].max(initial=0), asked[:, 1].max(initial=0))) + 1
    rules: list[Rule] = []
    causes = {}
    for cause, turned in (("inverse", True), ("equal", False)):
        found = _pair_rules(cause, train, entities, relations, turned)
        causes[cause] = _counterparts(train, asked, entities, relations, found, turned)
        rules += found
    determined, mask = _determined(train, asked, relations)
    causes["determined"] = mask
    return Leaks(rules + determined, causes)


def equal_relations(train_T3: np.ndarray) -> list[Rule]:
    """The `equal` rules alone, of triples whose heads and tails need not be numbered as one."""
    train = train_T3.astype(np.int64)
    entities = int(train[:, [0, 2]].max(initial=0)) + 1
    relations = int(train[:, 1].max(initial=0)) + 1
    return _pair_rules("equal", train, entities, relations, turned=False)


def _pair_rules(
    cause: str, train: np.ndarray, entities: int, relations: int, turned: bool
) -> list[Rule]:
    shares = _shared_pairs(train, entities, relations, turned)
    return [
        Rule(cause, int(r), int(by), float(share))
        for r, by, share in zip(shares.row, shares.col, shares.data, strict=True)
        if share >= SHARE and (turned or r != by)
    ]


def _shared_pairs(
    train: np.ndarray, entities: int, relations: int, turned: bool
) -> sparse.coo_matrix:
    """(R, R): the share of a relation's pairs that the other has, turned round if wanted."""
    pairs = train[:, 0] * entities + train[:, 2]
    others = train[:, 2] * entities + train[:, 0] if turned else pairs
    keys, place = np.unique(np.concatenate([pairs, others]), return_inverse=True)
    ones = np.ones(len(train), np.float64)
    tables = [
        sparse.csr_matrix((ones, (train[:, 1], part)), shape=(relations, len(keys)))
        for part in (place[: len(train)], place[len(train) :])
    ]
    for table in tables:
        table.data[:] = 1  # a triple that stands twice counts once
    both = tables[0] @ tables[1].T
    both.sort_indices()
    shares = both.tocoo()
    size_R = np.asarray(tables[0].sum(1)).ravel()
    shares.data *= (size_R >= _LEAST_TRIPLES)[shares.row] / size_R[shares.row]
    return shares


def _counterparts(
    train: np.ndarray,
    asked: np.ndarray,
    entities: int,
    relations: int,
    rules: list[Rule],
    turned: bool,
) -> np.ndarray:
    """(Q,) whether training holds the triple's counterpart by any of the rules."""
    found = np.zeros(len(asked), bool)
    known = np.unique((train[:, 0] * relations + train[:, 1]) * entities + train[:, 2])
    for rule in rules:
        mine = np.flatnonzero(asked[:, 1] == rule.relation)
        head, tail = asked[mine, 0], asked[mine, 2]
        if turned:
            head, tail = tail, head
        keys = (head * relations + rule.by) * entities + tail
        place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        found[mine] |= known[place] == keys
    return found


def _determined(
    train: np.ndarray, asked: np.ndarray, relations: int
) -> tuple[list[Rule], np.ndarray]:
    rules, found = [], np.zeros(len(asked), bool)
    train = np.unique(train, axis=0)
    degree = np.bincount(train[:, 0])
    train = train[degree[train[:, 0]] <= _MOST_TRIPLES_OF_A_HEAD]
    parts = {r: train[train[:, 1] == r] for r in range(relations)}
    tables = {r: _one_tail(part) for r, part in parts.items() if len(part) >= _LEAST_TRIPLES}
    single = {r: table for r, table in tables.items() if table is not None}
    shared = _shared_heads(train, relations)
    for relation, tails in single.items():
        mine = np.flatnonzero(asked[:, 1] == relation)
        for by in np.flatnonzero(shared[relation] >= _LEAST_TRIPLES).tolist():
            if by == relation or by not in single or not len(mine):
                continue
            signs = single[by]
            heads = np.intersect1d(tails[0], signs[0], assume_unique=True)
            answer, sign = _at(tails, heads), _at(signs, heads)
            share = _left_out_accuracy(sign, answer)
            commonest = np.bincount(np.unique(answer, return_inverse=True)[1]).max() / len(answer)
            if share < DETERMINED or commonest >= DETERMINED:
                continue
            rules.append(Rule("determined", relation, by, share))
            guess = _majority(sign, answer)
            shown = np.isin(asked[mine, 0], signs[0])
            for place in mine[shown].tolist():
                key = int(_at(signs, asked[place : place + 1, 0])[0])
                found[place] |= guess.get(key) == asked[place, 2]
    return rules, found


def _shared_heads(train: np.ndarray, relations: int) -> np.ndarray:
    """(R, R): how many heads have both relations."""
    pairs = np.unique(train[:, :2], axis=0)
    ones = np.ones(len(pairs), np.int64)
    table = sparse.csr_matrix(
        (ones, (pairs[:, 1], pairs[:, 0])), shape=(relations, int(pairs[:, 0].max(initial=0)) + 1)
    )
    counts: np.ndarray = (table @ table.T).toarray()
    return counts


def _one_tail(part: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Heads, ascending, and a tail of each, of a relation with nearly one tail per head."""
    heads, first = np.unique(part[:, 0], return_index=True)
    if len(part) > _FEW_TAILS * len(heads):
        return None
    return heads, part[first, 2]


def _at(table: tuple[np.ndarray, np.ndarray], heads: np.ndarray) -> np.ndarray:
    found: np.ndarray = table[1][np.searchsorted(table[0], heads)]
    return found


def _left_out_accuracy(sign: np.ndarray, answer: np.ndarray) -> float:
    """How often the commonest answer among the others with the same sign is right."""
    pairs, inverse, counts = np.unique(
        np.stack([sign, answer], 1), axis=0, return_inverse=True, return_counts=True
    )
    inverse = inverse.ravel()
    order = np.lexsort((-counts, pairs[:, 0]))
    signs, first = np.unique(pairs[order, 0], return_index=True)
    place = np.searchsorted(signs, sign)
    top = order[first]  # the commonest pair of each sign
    follows = np.append(order, order[-1])[first + 1]
    second = np.where(pairs[follows, 0] == signs, counts[follows], 0)
    second = np.where(np.append(first, len(order))[1:] - first > 1, second, 0)
    right = (inverse == top[place]) & (counts[top][place] - 1 > second[place])
    return float(right.mean())


def _majority(sign: np.ndarray, answer: np.ndarray) -> dict[int, int]:
    """The commonest answer of each sign."""
    pairs, counts = np.unique(np.stack([sign, answer], 1), axis=0, return_counts=True)
    best: dict[int, int] = {}
    for place in np.argsort(counts, kind="stable").tolist():
        best[int(pairs[place, 0])] = int(pairs[place, 1])
    return best
