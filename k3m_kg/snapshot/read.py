"""Reading a snapshot: opened in milliseconds, however large, because everything is mapped."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from k3m_kg.errors import SnapshotError, nearest, unknown_name
from k3m_kg.snapshot import layout
from k3m_kg.snapshot.arrow_file import map_table, read_table, refuse_unpacking
from k3m_kg.snapshot.examined import is_examined, remember, state_of
from k3m_kg.snapshot.layout import (
    ARRAYS,
    LINK_ARRAYS,
    MANIFEST,
    REJECTED_ARRAYS,
    SPLITS,
    TABLES,
    damaged,
)
from k3m_kg.snapshot.npy import map_npy
from k3m_kg.snapshot.structure import check_arrays, check_tables
from k3m_kg.snapshot.texts import Texts
from k3m_kg.snapshot.thumbnails import PictureError, decode

_SPLIT_NAMES = (*SPLITS, "none")
_FEW_IDS = 2_000
_NEIGHBOURS = 1_000


@dataclass(frozen=True, slots=True)
class SnapshotProduct:
    """One product of a snapshot.

    Attributes:
        row: its row.
        split: `train`, `validation` or `test`; in a view that asks only some, `none`.
        images: SHA-256 (hex) of each stored picture's source, in order.
        properties: (property, value) pairs in the catalog's order.
        holdout: for each of `properties`, 0 known, 1 held out for validation, 2 for test; in a view
            that corrupts, 3 true but not shown and 4 shown but not true.
        links: (property, id of another product) pairs in the catalog's order.
        link_holdout: the same for each of `links`.
    """

    row: int
    id: str
    title: str | None
    category: str | None
    split: str
    images: tuple[str, ...]
    properties: tuple[tuple[str, str], ...]
    holdout: tuple[int, ...]
    links: tuple[tuple[str, str], ...]
    link_holdout: tuple[int, ...]


class Snapshot:
    """An immutable cut of the graph; see `k3m_kg.snapshot.layout` for its files.

    Open one with `Snapshot.open`. N products, E triples from products to values, L links (triples
    from products to products), F facts (triples from values to values); a row is a product's place
    in the ascending ids. Safe to use from several threads; pickles as its path.

    Attributes:
        path: the snapshot's folder.
        manifest: counts, settings and notes of the build.
        id: SHA-256 (hex) of the content.
        ids: the products' ids, ascending.
        titles, categories: (N,) Arrow strings, null where missing.
        split: (N,) uint8: 0 train, 1 validation, 2 test.
        triple_offsets: (N+1,) int64: product n has triples [n] up to [n+1].
        triple_property, triple_value: (E,) int32, places in `properties` and `values`.
        triple_holdout: (E,) uint8: 0 known, 1 held out for validation, 2 for test.
        image_offsets: (N+1,) int64: product n has pictures [n] up to [n+1].
        image_thumbnail: (pictures,) int32, which stored thumbnail; equal files share one.
        link_offsets: (N+1,) int64: product n has links [n] up to [n+1].
        link_property: (L,) int32, places in `properties`.
        link_product: (L,) int32, the row of the product that is the tail.
        link_holdout: (L,) uint8, as `triple_holdout`; held out are only links between two products
            of train.
        fact_head, fact_property, fact_tail: (F,) int32, value id, property id, value id; ascending.
        rejected_offsets: (N+1,) int64: product n has rejected values [n] up to [n+1].
        rejected_property, rejected_value: (R,) int32, what people said is wrong of it.
    """

    split: np.ndarray
    triple_offsets: np.ndarray
    triple_property: np.ndarray
    triple_value: np.ndarray
    triple_holdout: np.ndarray
    image_offsets: np.ndarray
    image_thumbnail: np.ndarray
    link_offsets: np.ndarray
    link_property: np.ndarray
    link_product: np.ndarray
    link_holdout: np.ndarray
    fact_head: np.ndarray
    fact_property: np.ndarray
    fact_tail: np.ndarray
    rejected_offsets: np.ndarray
    rejected_property: np.ndarray
    rejected_value: np.ndarray

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        """Use `Snapshot.open`, which checks what is there."""
        self.path = folder
        self.manifest = manifest
        self.id: str = manifest["id"]
        for name, kind in ARRAYS.items():
            setattr(self, name, _map_array(folder, name, kind))
        tables = {name: map_table(folder, name) for name in TABLES}
        self.ids = Texts(tables["products"]["id"])
        self.titles: pa.ChunkedArray = tables["products"]["title"]
        self.categories: pa.ChunkedArray = tables["products"]["category"]
        self._titles = Texts(self.titles)
        self._categories = Texts(self.categories)
        self._properties = Texts(tables["properties"]["text"])
        self._values = Texts(tables["values"]["text"])
        self._thumbnails: pa.ChunkedArray = tables["thumbnails"]["data"]
        self._hashes: pa.ChunkedArray = tables["thumbnails"]["hash"]
        self._read_links()
        self._check_shapes()

    def _read_links(self) -> None:
        version = self.manifest["format"]
        for since, arrays in ((2, LINK_ARRAYS), (3, REJECTED_ARRAYS)):
            for name, kind in arrays.items():
                none = np.zeros(len(self.ids) + 1 if name.endswith("_offsets") else 0, kind)
                none.flags.writeable = False
                there = version >= since
                setattr(self, name, _map_array(self.path, name, kind) if there else none)

    @classmethod
    def open(cls, path: str | Path) -> Snapshot:
        """The snapshot in a folder, or the latest one in a folder of snapshots.

        The first opening of files that are new here, or were changed, reads everything: see
        `verify`. That is remembered in the cache folder beside the snapshot, and later openings
        compare sizes and times only. Files must not change while a snapshot is open: a mapped file
        that is cut off then ends the process (SIGBUS), which no check can prevent.

        Raises:
            SnapshotError: missing, damaged, cut off, or of a newer format.
        """
        folder, manifest = _found(path)
        if is_examined(layout.marker_of(folder), _state(folder, manifest)):
            return cls(folder, manifest)
        return cls._examined(folder, manifest)

    @classmethod
    def examine(cls, path: str | Path) -> Snapshot:
        """As `open`, and reads everything also where that is remembered: see `verify`.

        Raises:
            SnapshotError: as `open`.
        """
        return cls._examined(*_found(path))

    @classmethod
    def _examined(cls, folder: Path, manifest: dict[str, Any]) -> Snapshot:
        try:
            before = _state(folder, manifest)
            layout.check_hashes(folder, manifest)
            for name in TABLES:
                refuse_unpacking(folder, name)
            opened = cls(folder, manifest)
            check_tables(folder, {name: read_table(folder, name) for name in TABLES})
            check_arrays(
                opened,
                {
                    "products": len(opened),
                    "properties": len(opened._properties),
                    "values": len(opened._values),
                    "thumbnails": opened.thumbnail_count,
                },
            )
            if _state(folder, manifest) == before:
                remember(before, layout.marker_of(folder))
        except (OSError, ValueError, pa.ArrowException) as error:
            raise damaged(folder, MANIFEST, str(error)) from None
        return opened

    def verify(self) -> None:
        """Read everything: contents against the hashes of the manifest, and the structure.

        Every table passes Arrow's full validation, texts ascend, offsets do not fall, and every id
        is within what it points into. What stands in the manifest can still be another catalog's.

        Raises:
            SnapshotError: a file that is not what was written.
        """
        self._examined(self.path, self.manifest)

    def __len__(self) -> int:
        return len(self.split)

    def __repr__(self) -> str:
        return f"<Snapshot {layout.folder_name(self.id)}: {len(self):,} products>"

    @property
    def whole(self) -> Snapshot:
        """The snapshot itself; of a view that corrupts it, what it is a view of."""
        return self

    @property
    def picture_rows(self) -> np.ndarray | None:
        """In a view, (N,) int64: whose pictures in `whole` each product shows, -1 for nobody's."""
        return None

    @property
    def corruption(self) -> dict[str, Any] | None:
        """In a view, what was corrupted and how, as reports tell it."""
        return None

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.path, _state(self.path, self.manifest))

    @cached_property
    def properties(self) -> list[str]:
        """Property names; a property's id is its place."""
        return list(self._properties)

    @cached_property
    def has_categories(self) -> bool:
        """Whether any product has a category."""
        found: bool = self.categories.null_count < len(self.categories)
        return found

    @cached_property
    def values(self) -> list[str]:
        """Value texts; a value's id is its place. Reads them all: `value_text` reads one."""
        return list(self._values)

    @property
    def value_column(self) -> pa.ChunkedArray:
        """Value texts as an Arrow column, not read into memory."""
        return self._values.column

    def value_text(self, value: int) -> str:
        """The text of one value id."""
        return self._values[value]

    def rows(self, split: str) -> np.ndarray:
        """The rows of `train`, `validation` or `test`, ascending, int64.

        Raises:
            SnapshotError: no such split.
        """
        if split not in SPLITS:
            raise SnapshotError(unknown_name("split", split, SPLITS), where=str(self.path))
        rows: np.ndarray = np.flatnonzero(self.split == SPLITS.index(split))
        return rows

    def row_of(self, ids: Sequence[str]) -> np.ndarray:
        """The rows of products, int64, in the order of `ids`.

        Raises:
            SnapshotError: unknown ids; names the first, and the nearest known one.
        """
        if len(ids) > _FEW_IDS:
            found = pc.index_in(pa.array(ids, pa.string()), value_set=self.ids.column)
            rows: np.ndarray = np.asarray(found.fill_null(-1), dtype=np.int64)
        else:
            rows = np.array([self._find(product) for product in ids], dtype=np.int64)
        if (rows < 0).any():
            self._refuse_unknown([ids[int(place)] for place in np.flatnonzero(rows < 0)])
        return rows

    def product(self, row: int) -> SnapshotProduct:
        """One product with its texts.

        Raises:
            IndexError: no such row.
        """
        product = self.ids[row]
        row = row % len(self)
        start, stop = self.triple_offsets[row : row + 2].tolist()
        names = map(self.properties.__getitem__, self.triple_property[start:stop].tolist())
        values = map(self._values.at, self.triple_value[start:stop].tolist())
        first, last = self.image_offsets[row : row + 2].tolist()
        begin, end = self.link_offsets[row : row + 2].tolist()
        links = map(self.properties.__getitem__, self.link_property[begin:end].tolist())
        others = map(self.ids.at, self.link_product[begin:end].tolist())
        return SnapshotProduct(
            row,
            product,
            self._title(row),
            self._categories.at(row),
            _SPLIT_NAMES[self.split[row]],
            tuple(map(self.image_hash, range(first, last))),
            tuple(zip(names, values, strict=True)),
            tuple(self.triple_holdout[start:stop].tolist()),
            tuple(zip(links, others, strict=True)),
            tuple(self.link_holdout[begin:end].tolist()),
        )

    def _title(self, row: int) -> str | None:
        return self._titles.at(row)

    def image(self, row: int, position: int = 0) -> Image.Image | None:
        """A product's picture as stored, RGB; None where there is none at that position.

        Raises:
            IndexError: no such row.
            SnapshotError: the stored picture is damaged.
        """
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        row = row % len(self)
        start, stop = self.image_offsets[row : row + 2].tolist()
        if not 0 <= position < stop - start:
            return None
        return self.thumbnail(int(self.image_thumbnail[start + position]))

    def image_hash(self, number: int) -> str:
        """SHA-256 (hex) of the source file of picture `number`, in 0..image_offsets[-1]-1."""
        digest: bytes = self._hashes[int(self.image_thumbnail[number])].as_py()
        return digest.hex()

    @property
    def thumbnail_count(self) -> int:
        """How many distinct pictures are stored."""
        return len(self._thumbnails)

    def thumbnail(self, number: int) -> Image.Image:
        """Distinct picture `number`, in 0..thumbnail_count-1, RGB.

        Raises:
            SnapshotError: the stored picture is damaged.
        """
        try:
            return decode(self._thumbnails[number].as_py())
        except PictureError as error:
            raise damaged(self.path, "thumbnails.arrow", f"picture {number}: {error}") from None

    @cached_property
    def triple_product(self) -> np.ndarray:
        """(E,) int64, the row of each triple's product."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.triple_offsets))

    @cached_property
    def link_head(self) -> np.ndarray:
        """(L,) int64, the row of the product that each link goes out from."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.link_offsets))

    def candidates(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What each property is known to take in training.

        Returns:
            Per property the ascending value ids of the train products' known triples, and how
            often each occurs, int64; empty for a property that only other products have.
        """
        train = (self.split == 0)[self.triple_product] & (self.triple_holdout == 0)
        width = len(self._values)
        pairs = self.triple_property[train].astype(np.int64) * width + self.triple_value[train]
        pairs, counts = np.unique(pairs, return_counts=True)
        ends = np.searchsorted(pairs, np.arange(1, len(self._properties)) * width)
        values = pairs % width if width else pairs
        if not len(self._properties):
            return [], []
        return np.split(values, ends), np.split(counts.astype(np.int64, copy=False), ends)

    def _find(self, product: str) -> int:
        place = bisect_left(self.ids, product)
        return place if place < len(self) and self.ids[place] == product else -1

    def _refuse_unknown(self, unknown: list[str]) -> None:
        # Only ids that sort close by are compared: a catalog can have millions.
        place = bisect_left(self.ids, unknown[0])
        near = self.ids[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]
        guess = nearest(unknown[0], near)
        shown = ", ".join(repr(item) for item in unknown[:3])
        more = f" and {len(unknown) - 3:,} more" if len(unknown) > 3 else ""
        hint = f"did you mean {guess!r}?" if guess else f"ids look like {self.ids[0]!r}"
        raise SnapshotError(f"unknown product {shown}{more}", where=str(self.path), hint=hint)

    def _check_shapes(self) -> None:
        products, triples = len(self.ids), len(self.triple_property)
        links, facts = len(self.link_property), len(self.fact_head)
        pictures, rejected = len(self.image_thumbnail), len(self.rejected_property)
        expected = {
            "split": products,
            "triple_offsets": products + 1,
            "triple_value": triples,
            "triple_holdout": triples,
            "image_offsets": products + 1,
            "link_offsets": products + 1,
            "link_product": links,
            "link_holdout": links,
            "fact_property": facts,
            "fact_tail": facts,
            "rejected_offsets": products + 1,
            "rejected_value": rejected,
        }
        covered = {
            "triple_offsets": triples,
            "image_offsets": pictures,
            "link_offsets": links,
            "rejected_offsets": rejected,
        }
        for name, length in expected.items():
            if len(getattr(self, name)) != length:
                raise damaged(self.path, f"{name}.npy", f"{length:,} entries expected")
        for name, last in covered.items():
            if getattr(self, name)[0] != 0 or getattr(self, name)[-1] != last:
                raise damaged(self.path, f"{name}.npy", "does not cover what it points into")


def _reopen(path: Path, state: str) -> Snapshot:
    """A snapshot that this process was sent, and need not examine if it is as the sender saw it."""
    remember(state)
    return Snapshot.open(path)


def _found(path: str | Path) -> tuple[Path, dict[str, Any]]:
    """The folder that is meant, and its manifest."""
    try:
        folder = layout.locate(Path(path).expanduser())
        return folder, layout.read_manifest(folder)
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the path; ~nobody
        reason = getattr(error, "strerror", None) or error
        raise SnapshotError(f"cannot be read: {reason}", where=str(path)) from None


def _state(folder: Path, manifest: dict[str, Any]) -> str:
    try:
        return state_of(layout.files_of(folder, manifest["format"]))
    except OSError as error:
        raise damaged(folder, MANIFEST, f"its files cannot be read: {error}") from None


def _map_array(folder: Path, name: str, kind: str) -> np.ndarray:
    path = folder / f"{name}.npy"
    try:
        array = map_npy(path)
    except (OSError, ValueError) as error:
        raise damaged(folder, path.name, str(error)) from None
    if array.dtype != np.dtype(kind) or array.ndim != 1:
        raise damaged(folder, path.name, f"holds {array.dtype} of {array.ndim} dimensions")
    return array
