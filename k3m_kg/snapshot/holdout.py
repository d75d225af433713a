"""Which triples of and between train products are hidden, to be asked for in link prediction."""

from __future__ import annotations

import numpy as np

from k3m_kg.snapshot.hashing import draw, mix

KNOWN, HELD_FOR_VALIDATION, HELD_FOR_TEST = range(3)
UNSEEN, UNTRUE = 3, 4
"""Only in a view that corrupts (`k3m_kg.corruption`): true and asked as ever, but shown to no
question; and shown, but true of nobody."""


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


def hold_out(
    product: np.ndarray,
    relation: np.ndarray,
    value: np.ndarray,
    hashes: np.ndarray,
    share: float,
    seed: int,
) -> np.ndarray:
    """Draw about `share` of the triples, and give back those that must stay known.

    Of what stays known there is always one triple of each product, and one with each pair of
    property and value: so every held-out answer is among the values that its property is known
    to take, and no product is left without triples. Which triples are drawn depends on their
    own content and the seed; giving back can therefore leave fewer than `share`.

    Args:
        product, relation, value: (E,) integers, the triples of the train products.
        hashes: (E,) uint64, from `triple_hashes`.
        share: of the E triples, half for validation, half for test.

    Returns:
        (E,) uint8: 0 known, 1 held out for validation, 2 for test.
    """
    draws = draw(hashes, "holdout", seed)
    held = draws < share
    if held.any():
        pairs = relation.astype(np.int64) * (int(value.max()) + 1) + value
        for members in (product, np.unique(pairs, return_inverse=True)[1]):
            held[_one_of_each_lost(members, held, draws)] = False
    return _sides(held, hashes, "holdout side", seed)


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
    size = int(members.max()) + 1
    known = np.bincount(members[~held], minlength=size)
    lost = np.flatnonzero(held & (known[members] == 0))
    lost = lost[np.argsort(draws[lost], kind="stable")[::-1]]
    _, first = np.unique(members[lost], return_index=True)
    return lost[first]
