"""Shrinking a catalog's pictures into thumbnails.arrow: in parallel, in order, bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

from k3m_kg.progress import StageProgress
from k3m_kg.snapshot.columns import Pictures, table_writer
from k3m_kg.snapshot.layout import TABLES, THUMBNAILS_PER_BATCH
from k3m_kg.snapshot.thumbnails import PictureError, decoder_warnings_off, make_thumbnail

_WAITING_PER_THREAD = 4


def write_thumbnails(
    table: Path, pictures: Pictures, size: int, progress: StageProgress | None = None
) -> tuple[np.ndarray, dict[int, str]]:
    """Store every distinct picture once, by first use.

    Where several files have the same content, the others stand in for one that is gone.

    Args:
        size: the longest side, in pixels.

    Returns:
        (U,) int64, each distinct picture's row in the table, -1 for those left out; and the
        reason for each that is left out.
    """
    rows = np.full(len(pictures.first), -1, np.int64)
    failed: dict[int, str] = {}
    written = 0
    hashes: list[bytes] = []
    images: list[bytes] = []
    with table_writer(table) as writer:

        def flush() -> None:
            columns = [pa.array(hashes, pa.binary(32)), pa.array(images, pa.large_binary())]
            writer.write_batch(pa.record_batch(columns, schema=TABLES["thumbnails"]))
            hashes.clear()
            images.clear()

        for number, result in enumerate(_shrunk(pictures, size)):
            if isinstance(result, str):
                failed[number] = result
            else:
                hashes.append(pictures.hashes[number].as_py())
                images.append(result)
                rows[number] = written
                written += 1
                if len(images) == THUMBNAILS_PER_BATCH:
                    flush()
            if progress:
                progress("pictures", number + 1, len(rows))
        if images:
            flush()
    return rows, failed


def _shrunk(pictures: Pictures, size: int) -> Iterator[bytes | str]:
    """The thumbnail of each distinct picture in order, or why there is none."""
    threads = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4, 16)
    waiting: deque[Future[bytes | str]] = deque()
    with decoder_warnings_off(), ThreadPoolExecutor(threads, "thumbnail") as pool:
        try:
            for number in range(len(pictures.first)):
                if len(waiting) >= threads * _WAITING_PER_THREAD:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(_one, pictures, number, size))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _one(pictures: Pictures, number: int, size: int) -> bytes | str:
    content_hash = pictures.hashes[number].as_py().hex()
    tried = pictures.paths[int(pictures.first[number])].as_py()
    try:
        return make_thumbnail(Path(tried), content_hash, size)
    except PictureError as error:
        reason = str(error)
    same = np.flatnonzero(pictures.distinct == number)
    for path in {pictures.paths[int(place)].as_py() for place in same} - {tried}:
        try:
            return make_thumbnail(Path(path), content_hash, size)
        except PictureError:
            continue
    return reason
