"""Pairs of a snapshot's products, by split: from a file, or from links with wrong ones drawn.

Which pairs there are depends on the catalog alone, never on a model or on what was corrupted, so
that all models are asked the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from k3m_kg.api import (
    FilePair,
    OpenModel,
    ProductPairs,
    UsageError,
    families_of,
    read_pairs,
    unknown_name,
    words_of,
)
from k3m_kg_evaluations.settings import AlignmentSettings

SPLITS = ("train", "validation", "test")
_ROWS_AT_ONCE = 1024
_MOST = 50_000
"""Right pairs of a split, drawn at random."""


@dataclass(frozen=True, slots=True)
class PairData:
    """All pairs.

    Attributes:
        parts: by split.
        gallery: rows of all products that stand on the right of a pair: what candidates are.
        source: what they were made of, in words.
        notes: what was left out, in words.
    """

    parts: dict[str, ProductPairs]
    gallery: np.ndarray
    source: str
    notes: list[str]


def pairs_of(opened: OpenModel, asked: AlignmentSettings) -> PairData:
    """The pairs that the settings name.

    Raises:
        UsageError: there are none, or none to learn from.
        CatalogError: a file that cannot be read.
    """
    notes: list[str] = []
    if asked.pairs is not None:
        left, right, same, split, source = _from_file(opened, read_pairs(asked.pairs), notes)
    else:
        left, right, split, source = _from_links(opened, asked.links)
        same = np.ones(len(left), bool)
    known = opened.trained.known_products
    if known is not None:
        ids = opened.snapshot.ids
        there = np.array(
            [ids[a] in known and ids[b] in known for a, b in zip(left, right, strict=True)], bool
        )
        if not there.all():
            notes.append(
                f"{int((~there).sum()):,} pairs are of products that this model has no vector of"
            )
        left, right, same, split = left[there], right[there], same[there], split[there]
    family_N = families_of(len(opened.snapshot), left[same], right[same])
    gallery = np.unique(right)
    parts = {}
    for number, name in enumerate(SPLITS):
        mine = np.flatnonzero(split == number)
        some = ProductPairs(left[mine], right[mine], same[mine], family_N[left[mine]])
        if same.all() and len(some):  # the file, or the graph, says only what is right
            some = _with_wrong(opened, some, gallery, family_N, asked.negatives, notes, number)
        parts[name] = some
    return PairData(parts, gallery, source, notes)


def _from_links(
    opened: OpenModel, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Both ends of the links, the side with fewer products on the right, and their splits.

    A link is of the split for which it was held out, or of that of the later of its products.
    """
    snapshot = opened.snapshot.whole
    for name in names:
        if name not in snapshot.properties:
            raise UsageError(
                unknown_name("property", name, snapshot.properties), where="--set links"
            )
    wanted = np.ones(len(snapshot.link_property), bool)
    if names:
        ids = [snapshot.properties.index(name) for name in names]
        wanted = np.isin(snapshot.link_property, ids)
    head, tail = snapshot.link_head[wanted], snapshot.link_product[wanted].astype(np.int64)
    if not len(head):
        raise UsageError(
            "the graph has no links between products",
            where=str(snapshot.path),
            hint="--set pairs=FILE names pairs: two ids and a label a line",
        )
    split = np.maximum(snapshot.split[head], snapshot.split[tail]).astype(np.int64)
    held = snapshot.link_holdout[wanted].astype(np.int64)
    split = np.where(held > 0, held, split)
    left, right = (tail, head) if len(np.unique(head)) < len(np.unique(tail)) else (head, tail)
    used = sorted({snapshot.properties[i] for i in snapshot.link_property[wanted].tolist()})
    return left, right, split, f"links by {', '.join(used)}"


def _from_file(
    opened: OpenModel, pairs: list[FilePair], notes: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]:
    place = {id_: row for row, id_ in enumerate(opened.snapshot.ids)}
    kept = [pair for pair in pairs if pair.left in place and pair.right in place]
    if not kept:
        raise UsageError(
            "no product of these pairs is in the snapshot",
            where="--set pairs",
            hint="ingest the file too, if its lines hold whole records",
        )
    if len(kept) < len(pairs):
        notes.append(f"{len(pairs) - len(kept):,} pairs are of products that are not there")
    again = len(kept) - len(dict.fromkeys(kept))
    if again:
        notes.append(f"{again:,} pairs stand there again, and count again")
    left = np.array([place[pair.left] for pair in kept], np.int64)
    right = np.array([place[pair.right] for pair in kept], np.int64)
    same = np.array([pair.same is not False for pair in kept], bool)
    named = [pair.split for pair in kept]
    if all(name is None for name in named):
        split = _drawn_split(opened, left, right)
        notes.append("the file says no splits: whole groups of its products were drawn, 3 : 1 : 1")
    else:
        split = np.array([SPLITS.index(name or "train") for name in named], np.int64)
    return left, right, same, split, "pairs of the file"


def _drawn_split(opened: OpenModel, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """By groups of products that pairs hold together, so that no product is in two splits."""
    group_N = families_of(len(opened.snapshot), left, right)[left]
    groups = np.unique(group_N)
    lot = np.random.default_rng(0).permutation(len(groups))
    if len(groups) < 10:  # all hang together: by the left product alone
        group_N, groups = left, np.unique(left)
        lot = np.random.default_rng(0).permutation(len(groups))
    third = lot * 5 // max(1, len(groups))
    found: np.ndarray = np.maximum(0, third - 2)[np.searchsorted(groups, group_N)]
    return found


def _with_wrong(
    opened: OpenModel,
    right_ones: ProductPairs,
    gallery: np.ndarray,
    family_N: np.ndarray,
    count: int,
    notes: list[str],
    seed: int,
) -> ProductPairs:
    """With `count` wrong pairs for each right one: half alike in words, half by chance."""
    random = np.random.default_rng(seed)
    if len(right_ones) > _MOST:
        notes.append(f"{len(right_ones):,} right pairs: {_MOST:,} were drawn")
        right_ones = right_ones[np.sort(random.permutation(len(right_ones))[:_MOST])]
    distinct = np.unique(right_ones.left)
    alike = _alike_in_words(opened, distinct, gallery, family_N, -(-count // 2))
    where_L = np.searchsorted(distinct, right_ones.left)
    left, right = [], []
    for place, row in enumerate(right_ones.left.tolist()):
        found = [*dict.fromkeys(alike[where_L[place]])]
        for other in gallery[random.integers(0, len(gallery), 4 * count)].tolist():
            if len(found) >= count:
                break
            if family_N[other] != family_N[row] and other not in found:
                found.append(other)
        left += [row] * len(found)
        right += found
    wrong = np.unique(np.array([left, right], np.int64).reshape(2, -1), axis=1)
    both = ProductPairs(
        np.concatenate([right_ones.left, wrong[0]]),
        np.concatenate([right_ones.right, wrong[1]]),
        np.concatenate([right_ones.same, np.zeros(len(wrong[0]), bool)]),
        np.concatenate([right_ones.families, family_N[wrong[0]]]),
    )
    return both


def _alike_in_words(
    opened: OpenModel, rows: np.ndarray, gallery: np.ndarray, family_N: np.ndarray, count: int
) -> list[list[int]]:
    """For each row the products of other families whose titles share most of its words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    titles = opened.snapshot.whole.titles
    texts = {row: titles[row].as_py() or "" for row in {*rows.tolist(), *gallery.tolist()}}
    if not any(words_of(text) for text in texts.values()):
        return [[] for _ in rows]
    vectoriser = TfidfVectorizer(analyzer=words_of, sublinear_tf=True, dtype=np.float32)
    vectoriser.fit(list(texts.values()))
    things: Any = vectoriser.transform([texts[row] for row in gallery.tolist()]).T.tocsr()
    found: list[list[int]] = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        asked: Any = vectoriser.transform([texts[row] for row in some.tolist()])
        likeness = (asked @ things).tocsr()
        for place, row in enumerate(some.tolist()):
            mine = likeness[place]
            others = gallery[mine.indices]
            apart = family_N[others] != family_N[row]
            order = np.lexsort((others[apart], -mine.data[apart]))[:count]
            found.append(others[apart][order].tolist())
    return found
