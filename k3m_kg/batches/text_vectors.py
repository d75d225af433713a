"""What a frozen text encoder makes of a snapshot's terms and words, cached beside the snapshot."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from k3m_kg.contracts import FrozenTextEncoder, ProductTable
from k3m_kg.errors import K3MError, PluginError
from k3m_kg.files import whole_file
from k3m_kg.progress import Progress
from k3m_kg.snapshot.layout import cache_of

Ids = Sequence[int]
_DIGEST = 32
_TOGETHER = 1 << 11
"""Texts of one file: what is lost at most when the process is killed."""


def mean_vectors(
    encoder: FrozenTextEncoder,
    texts: Sequence[Ids],
    snapshot: ProductTable,
    progress: Progress | None = None,
) -> np.ndarray:
    """(N, W) float16: of each text the mean over its tokens, zero where it has none."""
    found = list(_parts(encoder, texts, snapshot, progress, mean=True))
    return np.concatenate(found) if found else np.zeros((0, 1), np.float16)


def token_vectors(
    encoder: FrozenTextEncoder,
    texts: Sequence[Ids],
    snapshot: ProductTable,
    progress: Progress | None = None,
) -> np.ndarray:
    """(all tokens, W) float16: those of each text, one text after another."""
    found = list(_parts(encoder, texts, snapshot, progress, mean=False))
    return np.concatenate(found) if found else np.zeros((0, 1), np.float16)


def _parts(
    encoder: FrozenTextEncoder,
    texts: Sequence[Ids],
    snapshot: ProductTable,
    progress: Progress | None,
    *,
    mean: bool,
) -> Iterator[np.ndarray]:
    """Part after part, from its file where there is one: an interrupted call goes on there."""
    folder = cache_of(snapshot.path) / encoder.cache_key()
    for start in range(0, len(texts), _TOGETHER):
        some = [np.asarray(ids, np.int32) for ids in texts[start : start + _TOGETHER]]
        path = folder / f"{'mean' if mean else 'tokens'}-{_hash(some)}.f16"
        rows = len(some) if mean else sum(map(len, some))
        part = _read(path, rows)
        if part is None:
            part = _encode(encoder, some, mean=mean)
            _write(path, part)
        yield part
        if progress:
            progress(start + len(some), len(texts))


def _hash(texts: list[np.ndarray]) -> str:
    digest = hashlib.sha256(np.array([len(ids) for ids in texts], np.int64).tobytes())
    for ids in texts:
        digest.update(ids.tobytes())
    return digest.hexdigest()[:24]


def _read(path: Path, rows: int) -> np.ndarray | None:
    """(rows, W) float16; None where there is nothing, or not what was written."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        content = path.read_bytes()
    except OSError:
        return None
    numbers = content[_DIGEST:]
    width = len(numbers) // 2 // rows if rows else 0
    if not width or width * rows * 2 != len(numbers):
        return None
    if hashlib.sha256(numbers).digest() != content[:_DIGEST]:
        return None
    return np.frombuffer(numbers, "<f2").reshape(rows, width)


def _write(path: Path, part: np.ndarray) -> None:
    """A hash, and the numbers: how many there are follows from what they are of."""
    numbers = part.astype("<f2").tobytes()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, named=False) as staging, staging.open("wb") as file:
            file.write(hashlib.sha256(numbers).digest() + numbers)
    except (OSError, K3MError):
        return  # a read-only folder, a full disk: the vectors stay in memory


@torch.no_grad()
def _encode(encoder: FrozenTextEncoder, texts: list[np.ndarray], *, mean: bool) -> np.ndarray:
    found = encoder.vectors([ids.tolist() for ids in texts])
    if [len(vectors) for vectors in found] != [len(ids) for ids in texts]:
        raise PluginError("vectors gave not one for each token", where=encoder.cache_key())
    if not mean:
        return np.concatenate(found)
    width = found[0].shape[1]
    means = np.zeros((len(found), width), np.float16)
    for row, vectors in enumerate(found):
        if len(vectors):
            means[row] = vectors.mean(0, dtype=np.float32)
    return means
