"""A snapshot in which some products' titles, pictures or triples are missing or another's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from k3m_kg.corruption.drawing import NOBODY, Draws, some_of
from k3m_kg.corruption.kinds import Corruption, Part, corruption_of
from k3m_kg.errors import UsageError
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.columns import offsets
from k3m_kg.snapshot.holdout import UNSEEN, UNTRUE, is_held_out
from k3m_kg.snapshot.layout import NO_SPLIT

_PARTS: tuple[Part, ...] = ("title", "image", "triples")
_REBUILT = ("triple_product", "link_head")


class TitlesOf:
    """A column of titles of which each row shows another's, or none: as an Arrow column is read.

    Args:
        column: all titles.
        rows: (N,) whose title each row shows, -1 for none.
    """

    def __init__(self, column: pa.ChunkedArray, rows: np.ndarray) -> None:
        self._column, self._rows = column, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> pa.Scalar:
        source = int(self._rows[row])
        return pa.scalar(None, self._column.type) if source < 0 else self._column[source]

    def take(self, rows: Sequence[int] | np.ndarray | pa.Array) -> Any:
        """The titles of some rows."""
        source = self._rows[np.asarray(rows, np.int64)]
        return self._column.take(pa.array(source, mask=source < 0))

    def slice(self, start: int, length: int | None = None) -> Any:
        """The titles of rows one after another."""
        stop = len(self) if length is None else min(len(self), start + length)
        return self.take(np.arange(start, max(start, stop)))

    def to_pylist(self) -> list[str | None]:
        """All titles."""
        found: list[str | None] = self.take(np.arange(len(self))).to_pylist()
        return found

    @property
    def null_count(self) -> int:
        """How many rows show none."""
        found: int = self.take(np.arange(len(self))).null_count
        return found


class CorruptedSnapshot(Snapshot):
    """A view that reads as a snapshot does: nothing is written, and no text or picture copied.

    The truth stays: triples that a product no longer shows are asked as before, those that it got
    from another are the answer to nothing. `train` and whatever is not of the split are untouched.
    Make one with `corrupt`. Pickles as the path of the whole, and how it was corrupted.
    """

    def __init__(
        self,
        whole: Snapshot,
        corruptions: Sequence[Corruption],
        split: str,
        seed: int,
        products: int | None = None,
    ) -> None:
        """Use `corrupt`."""
        self.__dict__.update({k: v for k, v in vars(whole).items() if k not in _REBUILT})
        self._whole = whole
        self._asked = (tuple(map(str, corruptions)), split, seed, products)
        told = f"{whole.id} {split} {seed} {products} {' '.join(self._asked[0])}"
        self.id = hashlib.sha256(told.encode()).hexdigest()
        rows = whole.rows(split)
        if products is not None and products < len(rows):
            rows = some_of(whole, rows, products)
            self.split = whole.split.copy()
            self.split[np.setdiff1d(whole.rows(split), rows)] = NO_SPLIT
        draws = Draws(whole, rows, seed)
        shown = {part: np.arange(len(whole)) for part in _PARTS}
        applied = [_apply(corruption, draws, shown) for corruption in corruptions]
        self._told = {"split": split, "seed": seed, "products": len(draws.rows), "applied": applied}
        self._title_rows, self._picture_rows = shown["title"], shown["image"]
        self.titles = TitlesOf(whole.titles, shown["title"])
        self._show_pictures(shown["image"])
        self._show_triples(shown["triples"])

    @property
    def whole(self) -> Snapshot:
        """What this is a view of."""
        return self._whole

    @property
    def picture_rows(self) -> np.ndarray | None:
        """(N,) int64: whose pictures each product shows, -1 for nobody's."""
        return self._picture_rows

    @property
    def corruption(self) -> dict[str, Any] | None:
        """`split`, `seed`, `products` of the split; `applied`: for each corruption `name`, `ratio`
        and for each part how many products lost it (`missing`) or have another's (`wrong`), how
        many had `none` before, and of how many no other product says something else (`alike`).
        """
        return self._told

    def verify(self) -> None:
        """Of the whole."""
        self._whole.verify()

    def __repr__(self) -> str:
        return f"<{self._whole!r} corrupted by {', '.join(self._asked[0]) or 'nothing'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._whole, *self._asked)

    def _title(self, row: int) -> str | None:
        source = int(self._title_rows[row])
        return None if source < 0 else self._whole._title(source)

    def _show_pictures(self, rows: np.ndarray) -> None:
        whole = self._whole
        counts = np.where(rows >= 0, np.diff(whole.image_offsets)[rows], 0)
        self.image_offsets = offsets(counts)
        self.image_thumbnail = whole.image_thumbnail[_places(whole.image_offsets, rows, counts)]

    def _show_triples(self, rows: np.ndarray) -> None:
        whole, own = self._whole, np.arange(len(rows))
        harmed = rows != own
        if not harmed.any():
            return
        marks = whole.triple_holdout.copy()
        mine = harmed[whole.triple_product] & ~is_held_out(marks)
        marks[mine] = UNSEEN
        counts = np.diff(whole.triple_offsets)
        added = np.where(harmed & (rows >= 0), counts[rows], 0)
        place, receiver = _places(whole.triple_offsets, rows, added), np.repeat(own, added)
        given = ~is_held_out(whole.triple_holdout[place])
        place, receiver = place[given], receiver[given]
        self.triple_offsets = offsets(counts + np.bincount(receiver, minlength=len(own)))
        owner = np.concatenate([whole.triple_product, receiver])
        order = np.argsort(owner, kind="stable")  # its own first
        every = np.concatenate([np.arange(len(marks)), place])[order]
        self.triple_property = whole.triple_property[every]
        self.triple_value = whole.triple_value[every]
        new = np.concatenate([marks, np.full(len(place), UNTRUE, marks.dtype)])
        self.triple_holdout = new[order]


def corrupt(
    snapshot: Snapshot,
    corruptions: Sequence[Corruption],
    *,
    split: str = "test",
    seed: int = 0,
    products: int | None = None,
) -> CorruptedSnapshot:
    """A view of a snapshot with products of one split corrupted.

    Args:
        snapshot: of which nothing is corrupted yet.
        corruptions: together; each part is met by one of them at most.
        split: who is met; donors are of it too.
        seed: other products, other donors.
        products: at most so many of the split, drawn by chance that no seed changes; the others are
            of no split then.

    Raises:
        UsageError: two corruptions of one part, or a snapshot that is a view already.
        SnapshotError: no such split.
    """
    if snapshot.corruption is not None:
        raise UsageError("is corrupted already: name all corruptions at once", where=repr(snapshot))
    met: dict[Part, Corruption] = {}
    for corruption in corruptions:
        for part in corruption.kind.parts:
            if part in met:
                raise UsageError(
                    f"{met[part]} and {corruption} both change the {part}", where="--corrupt"
                )
            met[part] = corruption
    return CorruptedSnapshot(snapshot, corruptions, split, seed, products)


def _again(
    whole: Snapshot, corruptions: tuple[str, ...], split: str, seed: int, products: int | None
) -> CorruptedSnapshot:
    """A view that this process was sent."""
    asked = [corruption_of(text) for text in corruptions]
    return CorruptedSnapshot(whole, asked, split, seed, products)


def _apply(corruption: Corruption, draws: Draws, shown: dict[Part, np.ndarray]) -> dict[str, Any]:
    """Change whose part each row shows, and tell how many."""
    told: dict[str, Any] = {"name": corruption.kind.name, "ratio": corruption.ratio}
    for part, rows in draws.met(corruption).items():
        has = draws.has(part, rows)
        counts = {"none": int((~has).sum())}
        rows = rows[has]
        if corruption.kind.harm == "missing":
            shown[part][rows] = NOBODY
            counts = {"missing": len(rows)} | counts
        else:
            donors = draws.donors(part)[rows]
            found = donors != NOBODY
            shown[part][rows[found]] = donors[found]
            counts = {"wrong": int(found.sum())} | counts | {"alike": int((~found).sum())}
        told[part] = counts
    return told


def _places(starts: np.ndarray, rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Where the first `counts` items of some rows lie, one row after another."""
    begin = np.repeat(np.cumsum(counts) - counts, counts)
    found: np.ndarray = np.repeat(starts[rows], counts) + np.arange(int(counts.sum())) - begin
    return found
