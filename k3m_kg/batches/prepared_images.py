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
from k3m_kg.snapshot.layout import cache_of

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

    Products that have the same picture, as variants do, share what was prepared of it.

    Attributes:
        row_N: snapshot row -> place of its first picture in `picture_P`, -1 where it has none.
        count_N: snapshot row -> how many pictures stand there, one after another.
        picture_P: index into `arrays` of each product's pictures.
        arrays: name -> (distinct pictures, ...), memory-mapped where the cache could be written.
    """

    def __init__(
        self,
        row_N: np.ndarray,
        count_N: np.ndarray,
        picture_P: np.ndarray,
        arrays: dict[str, np.ndarray],
    ) -> None:
        self.row_N = row_N
        self.count_N = count_N
        self.picture_P = picture_P
        self.arrays = arrays

    def choose(self, rows: np.ndarray, random: np.random.Generator | None = None) -> np.ndarray:
        """The index of one picture of each product, -1 for none: its first, or a random one."""
        place: np.ndarray = self.row_N[rows]
        if not len(self.picture_P):
            return place
        if random is not None:
            place = place + random.integers(self.count_N[rows].clip(1))
        return np.where(place >= 0, self.picture_P[place], -1)

    def shown_as(self, rows: np.ndarray) -> PreparedImages:
        """Each product with the pictures of another: (N,) rows of whom, -1 for nobody."""
        some = rows >= 0
        row_N = np.where(some, self.row_N[rows], -1)
        count_N = np.where(some, self.count_N[rows], 0)
        return PreparedImages(row_N, count_N, self.picture_P, self.arrays)

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

    A picture that several products have is prepared once. The cache is
    `<snapshot>.cache/<encoder key>/`, complete or absent; where it cannot be written (a read-only
    folder, a full disk) the arrays stay in memory. One that is not what the encoder gives is made
    again, with a warning in the log.

    Args:
        every: prepare all pictures of a product, not only the first.
    """
    found = np.diff(snapshot.image_offsets)
    count_N = found if every else np.minimum(found, 1)
    row_N = np.where(count_N > 0, np.cumsum(count_N) - count_N, -1)
    total = int(count_N.sum())
    if not total:
        return PreparedImages(row_N, count_N, np.empty(0, np.int64), {})
    key = encoder.cache_key() + ("-every" if every else "")
    folder = cache_of(snapshot.path) / key
    rows = np.repeat(np.arange(len(snapshot)), count_N)
    places = np.stack([rows, np.arange(total) - row_N[rows]], 1)
    stored_P = snapshot.image_thumbnail[snapshot.image_offsets[rows] + places[:, 1]]
    _, first_D, picture_P = np.unique(stored_P, return_index=True, return_inverse=True)
    training = encoder.training
    encoder.eval()
    try:
        arrays = _arrays(snapshot, encoder, places[first_D], folder, progress)
    finally:
        encoder.train(training)
    return PreparedImages(row_N, count_N, picture_P, arrays)


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
            window = [(len(some), pool.submit(work, some)) for some in islice(pending, _AHEAD)]
            while window:
                count, future = window.pop(0)
                found = future.result()
                window.extend((len(some), pool.submit(work, some)) for some in islice(pending, 1))
                made = found if encoder.prepares_in_threads else prepare(*found)
                _check(made, first, count, encoder.cache_key())
                for name, array in made.items():
                    arrays[name][done : done + count] = array
                done += count
                if progress:
                    progress(done, len(places))
        if staging is None:
            return arrays
        for array in arrays.values():
            array.flush()  # type: ignore[attr-defined]
        return _kept(staging, folder, wanted) or arrays


def _check(
    made: dict[str, np.ndarray], first: dict[str, np.ndarray], count: int, where: str
) -> None:
    """Raise a PluginError unless `prepare` gave the same arrays as for the first picture."""
    if made.keys() != first.keys():
        raise PluginError(
            f"prepare gave the arrays {sorted(made)} once and {sorted(first)} another time",
            where=where,
        )
    for name, array in made.items():
        wanted = (count, *first[name].shape[1:])
        if array.shape != wanted or array.dtype != first[name].dtype:
            raise PluginError(
                f"prepare gave {name!r} of {array.dtype} and shape {array.shape} for {count} "
                f"pictures, where {first[name].dtype} and {wanted} follow from the first",
                where=where,
            )


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
