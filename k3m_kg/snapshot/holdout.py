"""Which triples of and between train products are hidden, to be asked for in link prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from k3m_kg.snapshot.hashing import draw, mix

KNOWN, HELD_FOR_VALIDATION, HELD_FOR_TEST = range(3)
UNSEEN, UNTRUE = 3, 4
"""Only in a view that corrupts (`k3m_kg.corruption`): true and asked as ever, but shown to no
question; and shown, but true of nobody."""
REJECTED = 5
"""Only in batches of training: people said that it is wrong; shown to no question, and asked."""


def is_held_out(marks: np.ndarray) -> np.ndarray:
    """Which marks of triples say that training must not see them, bool."""
    found: np.ndarray = (marks == HELD_FOR_VALIDATION) | (marks == HELD_FOR_TEST)
    return found


def is_shown(marks: np.ndarray) -> np.ndarray:
    """Which marks of triples say that a product shows them, bool."""
    found: np.ndarray = (marks == KNOWN) | (marks == UNTRUE)
    return found


def triple_hashes(
    product_hashes: np.ndarray, property_hashes: np.ndarray, value_hashes: np.ndarray
) -> np.ndarray:
    """One uint64 per triple from those of its three texts, each (E,) uint64; of links as well."""
    return mix(mix(mix(product_hashes) ^ property_hashes) ^ value_hashes)


@dataclass(frozen=True, slots=True)
class TripleBatch:
    """Triples of some train products, all that these products have.

    Attributes:
        product, relation, value: (E,) integers.
        hashes: (E,) uint64, from `triple_hashes`.
    """

    product: np.ndarray
    relation: np.ndarray
    value: np.ndarray
    hashes: np.ndarray

    def pairs(self) -> np.ndarray:
        """(E,) int64, a number for each pair of property and value."""
        found: np.ndarray = (self.relation.astype(np.int64) << 32) | self.value
        return found


def hold_out(batches: Callable[[], Iterable[TripleBatch]], share: float, seed: int) -> np.ndarray:
    """Draw about `share` of the triples, and give back those that must stay known.

    Of what stays known there is always one triple of each product, and one with each pair of
    property and value: so every held-out answer is among the values that its property is known
    to take, and no product is left without triples. Which triples are drawn depends on their
    own content and the seed; giving back can therefore leave fewer than `share`.

    Memory: a few numbers for each triple that is drawn, and a byte for every triple.

    Args:
        batches: all triples of the train products, batch by batch; called twice.
        share: of the E triples, half for validation, half for test.

    Returns:
        (E,) uint8 over all batches: 0 known, 1 held out for validation, 2 for test.
    """
    marks: list[np.ndarray] = []
    pairs, draws, hashes = [], [], []
    for batch in batches():
        drawn = draw(batch.hashes, "holdout", seed)
        held = drawn < share
        if held.any():
            held[_one_of_each_lost(batch.product, held, drawn)] = False
        marks.append(held.view(np.uint8))
        pairs.append(batch.pairs()[held])
        draws.append(drawn[held])
        hashes.append(batch.hashes[held])
    result = np.concatenate([np.empty(0, np.uint8), *marks])
    if not result.any():
        return result
    distinct, pair = np.unique(np.concatenate(pairs), return_inverse=True)
    kept = ~_last_drawn(pair, ~_known(distinct, batches, marks)[pair], np.concatenate(draws))
    result[result != 0] = _sides(kept, np.concatenate(hashes), "holdout side", seed)
    return result


def _known(
    pairs: np.ndarray, batches: Callable[[], Iterable[TripleBatch]], held: list[np.ndarray]
) -> np.ndarray:
    """Which pairs, ascending, some triple has that is not held out."""
    known = np.zeros(len(pairs), bool)
    for batch, marks in zip(batches(), held, strict=True):
        there = np.unique(batch.pairs()[marks == 0])
        place = np.minimum(np.searchsorted(pairs, there), len(pairs) - 1)
        known[place[pairs[place] == there]] = True
    return known


def _last_drawn(members: np.ndarray, lost: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Of each group of items that are lost, the one that was drawn last: bool."""
    place = np.flatnonzero(lost)
    place = place[np.argsort(draws[place], kind="stable")[::-1]]
    found = np.zeros(len(lost), bool)
    found[place[np.unique(members[place], return_index=True)[1]]] = True
    return found


def hold_out_links(
    head: np.ndarray,
    relation: np.ndarray,
    tail: np.ndarray,
    hashes: np.ndarray,
    share: float,
    seed: int,
    settled: np.ndarray,
) -> np.ndarray:
    """Draw about `share` of the links between train products, and give back what must stay known.

    Of what stays known there is always one link of each property, and one of each product that
    has no other triple: as head or as tail. As with `hold_out`, the draw depends on the link's own
    content and the seed. The inverse of a link that is held out may stay known.

    Args:
        head, relation, tail: (L,) integers, the links between train products, by row of the graph.
        hashes: (L,) uint64, from `triple_hashes`.
        share: of the L links, half for validation, half for test.
        settled: (N,) bool, products that are known by their triples.

    Returns:
        (L,) uint8: 0 known, 1 held out for validation, 2 for test.
    """
    draws = draw(hashes, "links", seed)
    held = draws < share
    if held.any():
        ends = np.concatenate([head, tail])
        lost = _one_of_each_lost(ends, np.tile(held, 2), np.tile(draws, 2))
        held[lost[~settled[ends[lost]]] % len(held)] = False
        held[_one_of_each_lost(relation, held, draws)] = False
    return _sides(held, hashes, "links side", seed)


def _sides(held: np.ndarray, hashes: np.ndarray, purpose: str, seed: int) -> np.ndarray:
    """What is held out goes to validation or test by a coin of its own."""
    result = np.zeros(len(held), dtype=np.uint8)
    coins = draw(hashes[held], purpose, seed)
    result[held] = np.where(coins < 0.5, HELD_FOR_VALIDATION, HELD_FOR_TEST)
    return result


def _one_of_each_lost(members: np.ndarray, held: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Of every group with all members held, the triple that was drawn last."""
    groups, own = np.unique(members, return_inverse=True)
    known = np.bincount(own[~held], minlength=len(groups)) > 0
    return np.flatnonzero(_last_drawn(own, held & ~known[own], draws))
