"""What an image encoder's `prepare` makes of a snapshot's pictures, cached beside the snapshot."""

from __future__ import annotations

import errno
import logging
import math
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from k3m_kg.batches.picture_cache import (
    ArrayShape,
    StaleCacheError,
    describe,
    file_of,
    open_cache,
    settle,
)
from k3m_kg.contracts import ImageEncoder, ProductTable
from k3m_kg.errors import PluginError
from k3m_kg.files import put_folder, staging_folder
from k3m_kg.progress import Progress

if TYPE_CHECKING:
    from PIL.Image import Image

_LOG = logging.getLogger(__name__)
_DISK_TO_SPARE = 64 << 20
_TOGETHER = 32
"""Pictures that an encoder prepares in one call."""
_AHEAD = 8
"""Calls whose pictures are decoded ahead of the writer."""


class PreparedImages:
    """The prepared pictures of every product that has one: the first of each, or all of them.

    Attributes:
        row_N: snapshot row -> index of its first picture, -1 where the product has none.
        count_N: snapshot row -> how many pictures stand there, one after another.
        arrays: name -> (number of pictures, ...), memory-mapped where the cache could be written.
    """

    def __init__(
        self, row_N: np.ndarray, count_N: np.ndarray, arrays: dict[str, np.ndarray]
    ) -> None:
        self.row_N = row_N
        self.count_N = count_N
        self.arrays = arrays

    @classmethod
    def none(cls, products: int) -> PreparedImages:
        """No pictures of any of so many products."""
        return cls(np.full(products, -1), np.zeros(products, np.int64), {})

    def choose(self, rows: np.ndarray, random: np.random.Generator | None = None) -> np.ndarray:
        """The index of one picture of each product, -1 for none: its first, or a random one."""
        first: np.ndarray = self.row_N[rows]
        return first if random is None else first + random.integers(self.count_N[rows].clip(1))

    def tensors(self, index_I: np.ndarray) -> dict[str, Tensor]:
        """Arrays of the chosen pictures, copied into memory."""
        return {name: torch.from_numpy(array[index_I]) for name, array in self.arrays.items()}


def prepare_images(
    snapshot: ProductTable,
    encoder: ImageEncoder,
    progress: Progress | None = None,
    *,
    every: bool = False,
) -> PreparedImages:
    """Prepare every product's first picture, or open what an earlier call left.

    The cache is `<snapshot>.cache/<encoder key>/`, complete or absent; where it cannot be written
    (a read-only folder, a full disk) the arrays stay in memory. One that is not what the encoder
    gives is made again, with a warning in the log.

    Args:
        every: prepare all pictures of a product, not only the first.
    """
    found = np.diff(snapshot.image_offsets)
    count_N = found if every else np.minimum(found, 1)
    row_N = np.where(count_N > 0, np.cumsum(count_N) - count_N, -1)
    total = int(count_N.sum())
    if not total:
        return PreparedImages(row_N, count_N, {})
    key = encoder.cache_key() + ("-every" if every else "")
    folder = snapshot.path.parent / f"{snapshot.path.name}.cache" / key
    rows = np.repeat(np.arange(len(snapshot)), count_N)
    places = np.stack([rows, np.arange(total) - row_N[rows]], 1)
    return PreparedImages(row_N, count_N, _arrays(snapshot, encoder, places, folder, progress))


def _arrays(
    snapshot: ProductTable,
    encoder: ImageEncoder,
    places: np.ndarray,
    folder: Path,
    progress: Progress | None,
) -> dict[str, np.ndarray]:
    """The prepared pictures at `places`, each (row, position within the product).

    One picture is prepared in any case: it tells what the encoder gives.
    """

    def decode(some: np.ndarray) -> tuple[list[Image], list[str]]:
        images, hashes = [], []
        for row, position in some.tolist():
            image = snapshot.image(row, position)
            assert image is not None
            images.append(encoder.resized(image))
            hashes.append(snapshot.image_hash(int(snapshot.image_offsets[row]) + position))
        return images, hashes

    @torch.no_grad()
    def prepare(images: list[Image], hashes: list[str]) -> dict[str, np.ndarray]:
        return encoder.prepare(images, hashes)

    def both(some: np.ndarray) -> dict[str, np.ndarray]:
        return prepare(*decode(some))

    first = prepare(*decode(places[:1]))
    shapes = {name: (len(places), *array.shape[1:]) for name, array in first.items()}
    wanted = {name: ArrayShape(first[name].dtype, shape) for name, shape in shapes.items()}
    try:
        if (cached := open_cache(folder, wanted)) is not None:
            return cached
    except StaleCacheError as error:
        _LOG.warning("the prepared pictures in %s are made again: %s", folder, error.message)
    with ExitStack() as stack:
        staging: Path | None = None
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            staging = stack.enter_context(staging_folder(folder.parent)) / "new"
            staging.mkdir()
            needed = sum(first[n].itemsize * math.prod(shape) for n, shape in shapes.items())
            if shutil.disk_usage(staging).free < needed + _DISK_TO_SPARE:
                raise OSError(errno.ENOSPC, "no room")  # a full disk under a map is a bus error
            arrays: dict[str, np.ndarray] = {
                name: np.lib.format.open_memmap(
                    staging / file_of(name), "w+", dtype=first[name].dtype, shape=shape
                )
                for name, shape in shapes.items()
            }
        except OSError:
            staging = None
            arrays = {name: np.empty(shape, first[name].dtype) for name, shape in shapes.items()}
        done = 0
        work: Any = both if encoder.prepares_in_threads else decode
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            pending = iter(np.array_split(places, -(-len(places) // _TOGETHER)))
            window = [pool.submit(work, some) for some in islice(pending, _AHEAD)]
            while window:
                found = window.pop(0).result()
                window.extend(pool.submit(work, some) for some in islice(pending, 1))
                made = found if encoder.prepares_in_threads else prepare(*found)
                count = len(next(iter(made.values()), ()))
                for name, array in made.items():
                    if array.shape[1:] != shapes[name][1:]:
                        raise PluginError(
                            f"prepare gave {name!r} of shape {array.shape[1:]} for one picture and "
                            f"{shapes[name][1:]} for another",
                            where=encoder.cache_key(),
                        )
                    arrays[name][done : done + count] = array
                done += count
                if progress:
                    progress(done, len(places))
        if staging is None:
            return arrays
        for array in arrays.values():
            array.flush()  # type: ignore[attr-defined]
        return _kept(staging, folder, wanted) or arrays


def _kept(
    staging: Path, folder: Path, wanted: dict[str, ArrayShape]
) -> dict[str, np.ndarray] | None:
    """What was written in `staging`, under its name; None where it cannot have it."""
    names = sorted(wanted)
    try:
        describe(staging, names)
        try:
            put_folder(staging, folder, replace=False)
        except OSError:  # something is there
            with suppress(StaleCacheError):
                if (other := open_cache(folder, wanted)) is not None:
                    return other  # another process was first: its cache is as good
            put_folder(staging, folder)
        settle(folder, names)
        return open_cache(folder, wanted)
    except (OSError, StaleCacheError):
        return None
