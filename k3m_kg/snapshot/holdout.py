"""Which triples of the train products are hidden, to be asked for in link prediction."""

from __future__ import annotations

import numpy as np

from k3m_kg.snapshot.hashing import draw, mix

KNOWN, HELD_FOR_VALIDATION, HELD_FOR_TEST = range(3)


def triple_hashes(
    product_hashes: np.ndarray, property_hashes: np.ndarray, value_hashes: np.ndarray
) -> np.ndarray:
    """One uint64 per triple from those of its three texts, each (E,) uint64."""
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
    result = np.zeros(len(held), dtype=np.uint8)
    coins = draw(hashes[held], "holdout side", seed)
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
