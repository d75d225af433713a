"""Products of one kind in an opened snapshot: those that share a title or a picture."""

from __future__ import annotations

import numpy as np

from k3m_kg.snapshot.hashing import text_hashes
from k3m_kg.snapshot.read import Snapshot
from k3m_kg.snapshot.split import group_draws, group_keys, normalised_title


def draws_by_group(snapshot: Snapshot, rows: np.ndarray, purpose: str, seed: int = 0) -> np.ndarray:
    """A uniform draw from [0, 1) for each of some products, the same within a group.

    Groups are made of these products alone, and known by their content, as in the split.

    Args:
        rows: (N,) distinct rows.
        purpose: draws for different purposes are independent.
    """
    titles = [normalised_title(text) for text in snapshot.titles.take(rows).to_pylist()]
    first, count = snapshot.image_offsets[rows], snapshot.image_offsets[rows + 1]
    count = count - first
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    numbers = np.repeat(first, count) + within
    pictures, key = np.unique(snapshot.image_thumbnail[numbers], return_inverse=True)
    some = np.zeros(len(pictures), np.int64)
    some[key] = numbers
    keys = group_keys(
        text_hashes([title or "" for title in titles]),
        np.array([title is not None for title in titles], bool),
        np.repeat(np.arange(len(rows)), count),
        key.astype(np.int64),
        _short_hashes(snapshot, some),
        text_hashes([snapshot.ids[row] for row in rows.tolist()]),
    )
    return group_draws(keys, purpose, seed)


def _short_hashes(snapshot: Snapshot, numbers: np.ndarray) -> np.ndarray:
    """The first 64 bits of pictures' hashes, as the split knows them."""
    data = b"".join(bytes.fromhex(snapshot.image_hash(n))[:8] for n in numbers.tolist())
    return np.frombuffer(data, dtype="<u8").astype(np.uint64)
