"""What an image encoder's `prepare` makes of a snapshot's pictures, cached beside the snapshot."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import ImageEncoder
from k3m_kg.errors import PluginError
from k3m_kg.snapshot import Snapshot

Progress = Callable[[int, int], None]
_DISK_TO_SPARE = 64 << 20
_AHEAD = 256  # pictures decoded ahead of the writer


class PreparedImages:
    """The prepared first picture of every product that has one.

    Attributes:
        row_N: snapshot row -> index into the arrays, -1 where the product has no picture.
        arrays: name -> (number of pictures, ...), memory-mapped where the cache could be written.
    """

    def __init__(self, row_N: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
        self.row_N = row_N
        self.arrays = arrays

    def tensors(self, index_I: np.ndarray) -> dict[str, Tensor]:
        """Arrays of the chosen pictures, copied into memory."""
        return {name: torch.from_numpy(array[index_I]) for name, array in self.arrays.items()}


def prepare_images(
    snapshot: Snapshot, encoder: ImageEncoder, progress: Progress | None = None
) -> PreparedImages:
    """Prepare every product's first picture, or open what an earlier call left.

    The cache is `<snapshot>.cache/<encoder key>/`, complete or absent; where it cannot be written
    (a read-only folder, a full disk) the arrays stay in memory.
    """
    counts = np.diff(snapshot.image_offsets)
    with_image = np.flatnonzero(counts > 0)
    row_N = np.full(len(snapshot), -1, dtype=np.int64)
    row_N[with_image] = np.arange(len(with_image))
    if not len(with_image):
        return PreparedImages(row_N, {})
    folder = snapshot.path.parent / f"{snapshot.path.name}.cache" / encoder.cache_key()
    if (folder / "arrays.json").exists():
        names = json.loads((folder / "arrays.json").read_text())
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
        return PreparedImages(row_N, arrays)
    return PreparedImages(row_N, _build(snapshot, encoder, with_image, folder, progress))


def _build(
    snapshot: Snapshot,
    encoder: ImageEncoder,
    rows: np.ndarray,
    folder: Path,
    progress: Progress | None,
) -> dict[str, np.ndarray]:
    def prepare(row: int) -> dict[str, np.ndarray]:
        image = snapshot.image(row)
        assert image is not None
        return encoder.prepare(image)

    first = prepare(int(rows[0]))
    shapes = {name: (len(rows), *array.shape) for name, array in first.items()}
    staging: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
        staging.chmod(0o755)
        needed = sum(first[n].itemsize * math.prod(shape) for n, shape in shapes.items())
        if shutil.disk_usage(staging).free < needed + _DISK_TO_SPARE:
            raise OSError(errno.ENOSPC, "no room")  # a full disk under a map is a bus error
        arrays: dict[str, np.ndarray] = {
            name: np.lib.format.open_memmap(
                staging / f"{name}.npy", "w+", dtype=first[name].dtype, shape=shape
            )
            for name, shape in shapes.items()
        }
    except OSError:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        staging = None
        arrays = {name: np.empty(shape, first[name].dtype) for name, shape in shapes.items()}
    try:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            pending = iter(rows.tolist())
            window = [pool.submit(prepare, row) for row in islice(pending, _AHEAD)]
            for number in range(len(rows)):
                made = window.pop(0).result()
                for row in islice(pending, 1):
                    window.append(pool.submit(prepare, row))
                for name, array in made.items():
                    if array.shape != shapes[name][1:]:
                        raise PluginError(
                            f"prepare gave {name!r} of shape {array.shape} for one picture and "
                            f"{shapes[name][1:]} for another",
                            where=encoder.cache_key(),
                        )
                    arrays[name][number] = array
                if progress:
                    progress(number + 1, len(rows))
        if staging is None:
            return arrays
        for array in arrays.values():
            array.flush()  # type: ignore[attr-defined]
        (staging / "arrays.json").write_text(json.dumps(sorted(shapes)))
        try:
            staging.rename(folder)
        except OSError:  # another process was first: its cache is as good
            return {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in sorted(shapes)}
        return {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in sorted(shapes)}
    finally:
        if staging is not None and staging.exists():
            shutil.rmtree(staging, ignore_errors=True)
