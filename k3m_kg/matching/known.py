"""Known pairs to learn from: of a file, or links between products with wrong pairs beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from k3m_kg.errors import UsageError, unknown_name
from k3m_kg.matching.pair_files import read_pairs
from k3m_kg.matching.pairs import ProductPairs, families_of
from k3m_kg.snapshot import Snapshot

_MOST = 100_000
"""Pairs that are learned from, drawn at random."""


@dataclass(frozen=True, slots=True)
class KnownPairs:
    """What is known of pairs.

    Attributes:
        train: to learn from, right and wrong ones.
        test: to be asked in the end: of a file that has a split called so, else empty.
        source: where they come from, in words.
        notes: what was left out or drawn, in words.
    """

    train: ProductPairs
    test: ProductPairs
    source: str
    notes: tuple[str, ...]


def pairs_of_file(snapshot: Snapshot, path: Path, candidates: np.ndarray) -> KnownPairs:
    """The pairs of a file; where it names right ones only, candidates beside them are wrong.

    Args:
        candidates: (C, 2) rows.

    Raises:
        UsageError: no such file, or none of its products is in the snapshot.
        CatalogError: it cannot be read.
    """
    place = {id_: row for row, id_ in enumerate(snapshot.ids)}
    every = read_pairs(path)
    kept = [pair for pair in every if pair.left in place and pair.right in place]
    if not kept:
        raise UsageError("no product of these pairs is in the snapshot", where=f"--pairs {path}")
    notes = []
    if len(kept) < len(every):
        notes.append(f"{len(every) - len(kept):,} pairs are of products that are not there")
    left = np.array([place[pair.left] for pair in kept], np.int64)
    right = np.array([place[pair.right] for pair in kept], np.int64)
    same = np.array([pair.same is not False for pair in kept], bool)
    test = np.array([pair.split == "test" for pair in kept], bool)
    family_N = families_of(len(snapshot), left[same], right[same])
    pairs = ProductPairs(left, right, same, family_N[left])
    train = pairs[np.flatnonzero(~test)]
    if train.same.all():
        train = _with_wrong(train, candidates, family_N, notes)
    return KnownPairs(_some(train), pairs[np.flatnonzero(test)], f"pairs of {path}", tuple(notes))


def pairs_of_links(snapshot: Snapshot, names: Sequence[str], candidates: np.ndarray) -> KnownPairs:
    """Links that say that two products are one, or of one family; candidates beside them are wrong.

    Products that are linked to the same one are a right pair, too.

    Raises:
        UsageError: an unknown property, or no such links.
    """
    for name in names:
        if name not in snapshot.properties:
            raise UsageError(unknown_name("property", name, snapshot.properties), where="--links")
    ids = [snapshot.properties.index(name) for name in names]
    wanted = np.isin(snapshot.link_property, ids)
    head = snapshot.link_head[wanted]
    tail = snapshot.link_product[wanted].astype(np.int64)
    apart = head != tail
    head, tail = head[apart], tail[apart]
    if not len(head):
        raise UsageError(
            "no links between products by these properties", where=f"--links {' '.join(names)}"
        )
    family_N = families_of(len(snapshot), head, tail)
    among = candidates[family_N[candidates[:, 0]] == family_N[candidates[:, 1]]]
    low = np.concatenate([np.minimum(head, tail), among[:, 0]])
    high = np.concatenate([np.maximum(head, tail), among[:, 1]])
    keys = np.unique(low * len(snapshot) + high)
    left, right = keys // len(snapshot), keys % len(snapshot)
    notes: list[str] = []
    pairs = ProductPairs(left, right, np.ones(len(left), bool), family_N[left])
    train = _some(_with_wrong(pairs, candidates, family_N, notes))
    nothing = train[np.empty(0, np.int64)]
    return KnownPairs(train, nothing, f"links by {', '.join(names)}", tuple(notes))


def _with_wrong(
    right_ones: ProductPairs, candidates: np.ndarray, family_N: np.ndarray, notes: list[str]
) -> ProductPairs:
    """With the candidates of the same products that are not known to be right."""
    known = np.zeros(len(family_N), bool)
    known[right_ones.left] = known[right_ones.right] = True
    left, right = candidates[:, 0], candidates[:, 1]
    wrong = (known[left] | known[right]) & (family_N[left] != family_N[right])
    notes.append(
        f"{int(wrong.sum()):,} candidates of the same products count as wrong: what is known is "
        "taken to be all that there is"
    )
    return ProductPairs(
        np.concatenate([right_ones.left, left[wrong]]),
        np.concatenate([right_ones.right, right[wrong]]),
        np.concatenate([right_ones.same, np.zeros(int(wrong.sum()), bool)]),
        np.concatenate([right_ones.families, family_N[left[wrong]]]),
    )


def _some(pairs: ProductPairs) -> ProductPairs:
    if len(pairs) <= _MOST:
        return pairs
    return pairs[np.sort(np.random.default_rng(0).permutation(len(pairs))[:_MOST])]
