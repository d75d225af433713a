"""Whom a corruption meets, and whose title, picture or triples they get instead.

All draws depend on the products' ids and the seed alone. Whoever is met at 20 % is met at 50 %, in
the same way; a product that gets another's title gets the same one at any share and by any
corruption; and all corruptions meet the same products first.
"""

from __future__ import annotations

import numpy as np

from k3m_kg.corruption.kinds import Corruption, Part
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.hashing import draw, mix, text_hashes
from k3m_kg.snapshot.split import normalised_title

NOBODY = -1
_LOOKED_AT = 64
"""Products that are tried as donors, until one says something else."""


def some_of(snapshot: Snapshot, rows: np.ndarray, count: int) -> np.ndarray:
    """Some of the rows, by chance that depends on the products' ids alone; ascending."""
    hashes = text_hashes([snapshot.ids[row] for row in rows.tolist()])
    order = np.argsort(draw(hashes, "asked", 0), kind="stable")
    found: np.ndarray = np.sort(rows[order[:count]])
    return found


class Draws:
    """The draws for some products of a snapshot.

    Args:
        snapshot: has the products, none of them corrupted.
        rows: those that are met, and those that give; ascending.
        seed: other draws.

    Attributes:
        order: places in `rows`, in the order in which all corruptions meet them.
    """

    def __init__(self, snapshot: Snapshot, rows: np.ndarray, seed: int) -> None:
        self.snapshot, self.seed, self.rows = snapshot, seed, rows
        self._hashes = text_hashes([snapshot.ids[row] for row in self.rows.tolist()])
        self.order = self._ordered("corrupted")

    def met(self, corruption: Corruption) -> dict[Part, np.ndarray]:
        """Rows of the products that are harmed in each part, ascending."""
        count = round(corruption.ratio * len(self.rows))
        chosen = np.sort(self.order[:count])
        parts = corruption.kind.parts
        if not corruption.kind.mixed:
            return dict.fromkeys(parts, self.rows[chosen])
        # one part each and then all of them, with equal chances
        lot = (draw(self._hashes[chosen], "which part", self.seed) * (len(parts) + 1)).astype(int)
        return {
            part: self.rows[chosen[(lot == place) | (lot == len(parts))]]
            for place, part in enumerate(parts)
        }

    def donors(self, part: Part) -> np.ndarray:
        """(N,) of every row of the snapshot whose part it gets: `NOBODY` where there is none.

        A donor is another product of the split, and says something else: titles that differ in
        more than case and white space, other first pictures, other triples. Each product gives to
        few, as donors are next to each other in a ring.
        """
        content = self._content(part)
        found = np.full(len(self.snapshot), NOBODY, np.int64)
        order = self._ordered(f"donor of {part}")
        order = order[content[order] != 0]
        ring, says = self.rows[order], content[order]
        waiting = np.arange(len(ring))
        for step in range(1, min(len(ring), _LOOKED_AT + 1)):
            other = (waiting + step) % len(ring)
            differs = says[other] != says[waiting]
            found[ring[waiting[differs]]] = ring[other[differs]]
            waiting = waiting[~differs]
        return found

    def has(self, part: Part, rows: np.ndarray) -> np.ndarray:
        """Which of some rows of the split have the part, bool."""
        there: np.ndarray = self._content(part)[np.searchsorted(self.rows, rows)] != 0
        return there

    def _ordered(self, purpose: str) -> np.ndarray:
        """Places in `rows` in an order of chance."""
        order: np.ndarray = np.argsort(draw(self._hashes, purpose, self.seed), kind="stable")
        return order

    def _content(self, part: Part) -> np.ndarray:
        """A number for what each row of the split says in a part, uint64; 0 for nothing."""
        snapshot, rows = self.snapshot, self.rows
        found = np.zeros(len(rows), np.uint64)
        if part == "title":
            titles = [normalised_title(text) for text in snapshot.titles.take(rows).to_pylist()]
            has = np.array([title is not None for title in titles], bool)
            found[has] = text_hashes([title for title in titles if title is not None])
        elif part == "image":
            first = snapshot.image_offsets[rows]
            has = snapshot.image_offsets[rows + 1] > first
            found[has] = mix(snapshot.image_thumbnail[first[has]].astype(np.uint64))
        else:
            first, counts = snapshot.triple_offsets[rows], np.diff(snapshot.triple_offsets)[rows]
            owner = np.repeat(np.arange(len(rows)), counts)
            index = np.arange(len(owner)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
            pairs = mix(snapshot.triple_property[index].astype(np.uint64))
            pairs = mix(pairs ^ snapshot.triple_value[index].astype(np.uint64))
            has = counts > 0
            np.add.at(found, owner, pairs)  # in any order
        found[has & (found == 0)] = 1
        return found
