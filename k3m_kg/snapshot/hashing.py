"""Chance that depends on content alone: not on order, process, or what else is in the catalog."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa


def text_hash(text: str) -> int:
    """64 bits of BLAKE2b of a text; the same on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def text_hashes(texts: list[str]) -> np.ndarray:
    """`text_hash` of each text, (len(texts),) uint64."""
    blake2b = hashlib.blake2b
    digests = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64, copy=False)


def hashes_of(texts: pa.Array, at_once: int = 1 << 16) -> np.ndarray:
    """`text_hash` of each text of an Arrow column, (len(texts),) uint64; few are in memory."""
    found = np.empty(len(texts), np.uint64)
    for start in range(0, len(texts), at_once):
        piece = texts.slice(start, at_once)
        found[start : start + len(piece)] = text_hashes(piece.to_pylist())
    return found


def mix(keys: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser (Steele et al., 2014): uint64 -> uint64, every bit spread."""
    with np.errstate(over="ignore"):
        x = keys + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def draw(keys: np.ndarray, purpose: str, seed: int) -> np.ndarray:
    """A uniform draw from [0, 1) for each uint64 key, float64; independent per purpose and seed."""
    salt = np.uint64(text_hash(f"{purpose} {seed}"))
    return (mix(keys ^ salt) >> np.uint64(11)).astype(np.float64) * 2.0**-53
