"""Which products are for training, validation and test: never two of one kind apart.

Products that share a title or a picture are one group, and so are those that are connected
through others; a group goes to one side as a whole. Sides are drawn from a hash of the group's
own content and the seed, so a product keeps its side when others come, go or change order,
unless one of them joins its group.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.errors import SnapshotError, unknown_name
from k3m_kg.readers.lines import LineTooLong, short_lines
from k3m_kg.snapshot.hashing import draw
from k3m_kg.snapshot.layout import SPLITS

TRAIN, VALIDATION, TEST = range(3)
_NAMES = {"train": TRAIN, "validation": VALIDATION, "valid": VALIDATION, "test": TEST}


@dataclass(frozen=True, slots=True)
class GroupKeys:
    """What products may have in common; E edges connect N products with K keys.

    Attributes:
        product: (E,) int64, ascending; the product of each edge.
        key: (E,) int64 in 0..K-1, a title or a picture.
        is_title: (K,) bool.
        hashes: (K,) uint64, hash of the title or picture.
        product_hashes: (N,) uint64, hash of the product's id.
    """

    product: np.ndarray
    key: np.ndarray
    is_title: np.ndarray
    hashes: np.ndarray
    product_hashes: np.ndarray


@dataclass(frozen=True, slots=True)
class Bond:
    """What most products of a group share.

    Attributes:
        is_title: a title; else a picture.
        product: the row of one of these products.
        key: of the title or picture, as in `GroupKeys`.
        count: how many products share it.
    """

    is_title: bool
    product: int
    key: int
    count: int


@dataclass(frozen=True, slots=True)
class Split:
    """Sides of all products, and what a person should know about them.

    Attributes:
        sides: (N,) uint8: 0 train, 1 validation, 2 test.
        groups: number of groups.
        notes: as in the manifest.
        bond: what holds the largest group together that is larger than a side.
    """

    sides: np.ndarray
    groups: int
    notes: list[dict[str, Any]] = field(default_factory=list)
    bond: Bond | None = None


def normalised_title(title: str | None) -> str | None:
    """A title as compared between products: case and white space do not count."""
    return " ".join(title.split()).casefold() or None if title else None


def group_keys(
    title_hashes: np.ndarray,
    has_title: np.ndarray,
    image_product: np.ndarray,
    image_key: np.ndarray,
    image_hashes: np.ndarray,
    product_hashes: np.ndarray,
) -> GroupKeys:
    """Bring titles and pictures into one numbering of keys.

    Args:
        title_hashes: (N,) uint64 of the normalised titles; any value where there is none.
        has_title: (N,) bool.
        image_product: (P,) int64, the product of each picture.
        image_key: (P,) int64, an index into `image_hashes`.
        image_hashes: (U,) uint64, one per distinct picture.
        product_hashes: (N,) uint64.
    """
    titled = np.flatnonzero(has_title)
    titles, title_key = np.unique(title_hashes[titled], return_inverse=True)
    product = np.concatenate([titled, image_product])
    key = np.concatenate([title_key, image_key + len(titles)])
    order = np.argsort(product, kind="stable")
    is_title = np.arange(len(titles) + len(image_hashes)) < len(titles)
    hashes = np.concatenate([titles, image_hashes])
    return GroupKeys(product[order], key[order], is_title, hashes, product_hashes)


def groups_of(keys: GroupKeys) -> np.ndarray:
    """The group of each product, (N,) int64 in 0..G-1: connected components over the keys."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    products = len(keys.product_hashes)
    shared = np.bincount(keys.key, minlength=len(keys.hashes)) > 1  # others connect nobody
    number = np.cumsum(shared, dtype=np.int64) + products - 1
    edges = shared[keys.key]
    ends = (keys.product[edges].astype(np.int32), number[keys.key[edges]].astype(np.int32))
    total = products + int(np.count_nonzero(shared))
    graph = coo_array((np.ones(len(ends[0]), np.uint8), ends), shape=(total, total))
    _, labels = connected_components(graph, directed=False)
    _, groups = np.unique(labels[:products], return_inverse=True)
    return groups.astype(np.int64)


def grouped_split(keys: GroupKeys, validation: float, test: float, seed: int) -> Split:
    """Draw a side for each group.

    A group is known by the smallest hash of its titles; without any, of its pictures; without
    any, of the product's id. A group larger than the whole share of the side it was drawn for
    goes to train, with a note.

    Args:
        validation, test: shares of the products, below 1 together.
    """
    groups = groups_of(keys)
    sizes = np.bincount(groups)
    draws = draw(_group_hashes(keys, groups, len(sizes)), "split", seed)
    sides = np.full(len(sizes), TRAIN, dtype=np.uint8)
    sides[draws < validation + test] = VALIDATION
    sides[draws < test] = TEST
    room = np.array([np.inf, validation, test])[sides] * len(groups)
    giants = np.flatnonzero(sizes > np.maximum(room, 1))
    sides[giants] = TRAIN
    largest = int(sizes[giants].max()) if len(giants) else 0
    bond = _bond(keys, groups == giants[sizes[giants].argmax()]) if largest else None
    split = Split(sides[groups], len(sizes), bond=bond)
    if largest:
        message = (
            f"{len(giants)} groups of products that share titles or pictures are larger than a "
            f"whole side (up to {largest:,} products): put in train"
        )
        split.notes.append({"message": message, "count": len(giants)})
    for code, share in ((VALIDATION, validation), (TEST, test)):
        if share > 0 and not (split.sides == code).any():
            why = "nearly all share titles or pictures" if len(giants) else "the catalog is small"
            message = f"no product fell into {SPLITS[code]}: {why}"
            split.notes.append({"message": message, "count": 0})
    return split


def _bond(keys: GroupKeys, members: np.ndarray) -> Bond:
    """What most members share, (N,) bool of a group of several."""
    edges = np.flatnonzero(members[keys.product])
    shared = np.bincount(keys.key[edges])
    key = int(shared.argmax())
    first = edges[keys.key[edges] == key][0]
    return Bond(bool(keys.is_title[key]), int(keys.product[first]), key, int(shared[key]))


def group_draws(keys: GroupKeys, purpose: str, seed: int) -> np.ndarray:
    """A uniform draw from [0, 1) for each product, (N,) float64, the same within a group."""
    groups = groups_of(keys)
    count = int(groups.max(initial=-1)) + 1
    draws: np.ndarray = draw(_group_hashes(keys, groups, count), purpose, seed)[groups]
    return draws


def _group_hashes(keys: GroupKeys, groups: np.ndarray, count: int) -> np.ndarray:
    nothing = np.uint64(2**64 - 1)
    edge_group = groups[keys.product]
    result = np.full(count, nothing)
    candidates = [
        (edge_group[keys.is_title[keys.key] == wanted], wanted) for wanted in (True, False)
    ]
    for where, wanted in candidates:
        smallest = np.full(count, nothing)
        chosen = keys.key[keys.is_title[keys.key] == wanted]
        np.minimum.at(smallest, where, keys.hashes[chosen])
        result = np.where(result == nothing, smallest, result)
    smallest = np.full(count, nothing)
    np.minimum.at(smallest, groups, keys.product_hashes)
    return np.where(result == nothing, smallest, result)


def split_from_file(path: Path, ids: Sequence[str], keys: GroupKeys) -> Split:
    """The split in a CSV file with the columns id and split, as it stands.

    Titles and pictures that straddle it are counted in a note, not moved.

    Args:
        ids: the products' ids, ascending.

    Raises:
        SnapshotError: the file cannot be read, names unknown products or splits, contradicts
            itself, or says nothing of some products.
    """
    place = {product: row for row, product in enumerate(ids)}
    sides = np.full(len(ids), 255, dtype=np.uint8)
    unknown: list[str] = []
    for line, product, name in _read_split_file(path):
        side = _NAMES.get(name)
        if side is None:
            raise SnapshotError(unknown_name("split", name, _NAMES), where=f"{path}, line {line}")
        row = place.get(product)
        if row is None:
            unknown.append(product)
        elif sides[row] not in (255, side):
            what = f"product {product!r} is in two splits"
            raise SnapshotError(what, where=f"{path}, line {line}", hint="keep one of the lines")
        else:
            sides[row] = side
    if unknown:
        _refuse(path, f"{len(unknown):,} products are not in the graph", unknown, "remove them")
    missing = np.flatnonzero(sides == 255)
    if len(missing):
        examples = [ids[int(row)] for row in missing[:3]]
        message = f"{len(missing):,} products of the graph have no split"
        _refuse(path, message, examples, "give each product a line")
    split = Split(sides, int(groups_of(keys).max(initial=-1)) + 1)
    _note_straddling(split, keys)
    return split


def _refuse(path: Path, message: str, examples: list[str], advice: str) -> None:
    shown = ", ".join(repr(item) for item in examples[:3])
    hint = f"{advice}, or leave --split-file out for a grouped split"
    raise SnapshotError(f"{message}, such as {shown}", where=str(path), hint=hint)


def _read_split_file(path: Path) -> list[tuple[int, str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(short_lines(stream), strict=True)
            columns = reader.fieldnames or []
            if not {"id", "split"} <= set(columns):
                found = f"needs the columns id and split; it has {', '.join(columns) or 'none'}"
                raise SnapshotError(found, where=f"{path}, line 1")
            rows: list[tuple[int, str, str]] = []
            for row in reader:
                product, name = row["id"], row["split"]
                if not product or not name or None in row:
                    what = f"expected {len(columns)} columns with an id and a split"
                    raise SnapshotError(what, where=f"{path}, line {reader.line_num}")
                rows.append((reader.line_num, product, name.strip().lower()))
            return rows
    except FileNotFoundError:
        raise SnapshotError("no such split file", where=str(path)) from None
    except (OSError, UnicodeDecodeError, csv.Error, LineTooLong) as error:
        raise SnapshotError(f"not a readable CSV file: {error}", where=str(path)) from None


def _note_straddling(split: Split, keys: GroupKeys) -> None:
    seen = np.unique(keys.key * 3 + split.sides[keys.product])
    straddles = np.bincount(seen // 3, minlength=len(keys.hashes)) > 1
    counts = {
        "titles": int(np.count_nonzero(straddles & keys.is_title)),
        "pictures": int(np.count_nonzero(straddles & ~keys.is_title)),
    }
    for what, count in counts.items():
        if count:
            message = f"{count:,} {what} are shared by products of different splits"
            split.notes.append({"message": message, "count": count})
