"""What tells whether a product is still the one whose vector is kept: numbers, and no text."""

from __future__ import annotations

import hashlib

import numpy as np

from k3m_kg.progress import Advance
from k3m_kg.snapshot import Snapshot

MARK = np.dtype("V16")
_DIGEST = 16
_TOGETHER = 10_000


def marks_of(snapshot: Snapshot, progress: Advance | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(N,) of `MARK` each: of a product's id, and of all that a model may see of it.

    That is its title, its pictures in their order, its triples and its links.
    """
    names, contents = bytearray(), bytearray()
    for row in range(len(snapshot)):
        product = snapshot.product(row)
        names += _digest(product.id)
        seen = (product.title, product.images, product.properties, product.links)
        contents += _digest(repr(seen))
        if progress is not None and (row + 1) % _TOGETHER == 0:
            progress(_TOGETHER)
    return np.frombuffer(bytes(names), MARK), np.frombuffer(bytes(contents), MARK)


def same_rows(
    before: tuple[np.ndarray, np.ndarray], after: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(N,) int64: where each product stood before as it is now; -1 where it did not."""
    old = np.stack([of.view("<u8").reshape(-1, 2) for of in before], 1).reshape(-1, 4)
    new = np.stack([of.view("<u8").reshape(-1, 2) for of in after], 1).reshape(-1, 4)
    found = np.full(len(new), -1, np.int64)
    if not len(old):
        return found
    order = np.lexsort(old[:, ::-1].T)
    first = old[order, 0]
    place = np.searchsorted(first, new[:, 0])
    # 64 bits of the id tell products apart; the rest is compared
    inside = place < len(first)
    there = order[np.minimum(place, len(first) - 1)]
    same = inside & (old[there] == new).all(1)
    found[same] = there[same]
    return found


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()
