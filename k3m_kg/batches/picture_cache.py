"""The folder beside a snapshot that keeps what an encoder made of its pictures, and may be wrong.

Whoever may write beside a snapshot may have changed it, so it is used only where names, dtypes and
shapes are those that the encoder gives, files are whole, and their contents are what was written.
No name in it is taken for a path, and no header is evaluated.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from k3m_kg.errors import K3MError
from k3m_kg.manifests import Count, file_hash, read_record, write_json
from k3m_kg.snapshot.examined import is_examined, remember, state_of
from k3m_kg.snapshot.npy import map_npy

LIST = "arrays.json"
"""File of an array -> [bytes, SHA-256 (hex)]."""
_MARKER = "examined"


class StaleCacheError(K3MError):
    """A cache that is not what the encoder gives; it is to be thrown away."""


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """What an array in the cache must be.

    Attributes:
        dtype: as numpy has it.
        shape: (number of pictures, ...).
    """

    dtype: np.dtype
    shape: tuple[int, ...]


def file_of(name: str) -> str:
    """The file of the array `name`."""
    return f"{name}.npy"


def describe(folder: Path, names: list[str]) -> None:
    """Write the list of a filled folder."""
    files = {name: folder / file_of(name) for name in names}
    write_json(folder / LIST, {n: [f.stat().st_size, file_hash(f)] for n, f in files.items()})


def settle(folder: Path, names: list[str]) -> None:
    """Remember that what was just written is as it should be."""
    with suppress(OSError):
        remember(_state(folder, names), folder / _MARKER)


def open_cache(folder: Path, wanted: Mapping[str, ArrayShape]) -> dict[str, np.ndarray] | None:
    """The arrays in the folder, mapped and read-only; None where there is none.

    Contents are compared with their hashes once, which is remembered as for a snapshot.

    Raises:
        StaleCacheError: names, dtypes, shapes, sizes or contents are others; says which.
    """
    if not _is_kind(folder, stat.S_ISDIR):
        if folder.is_symlink() or folder.exists():
            raise StaleCacheError("is no folder", where=str(folder))
        return None
    names = sorted(wanted)
    try:
        if not any(folder.iterdir()):
            return None
        for file in (LIST, *map(file_of, names)):
            if not _is_kind(folder / file, stat.S_ISREG):
                raise StaleCacheError(f"{file} is missing", where=str(folder))
        before = _state(folder, names)
        arrays = {name: _array(folder, name, wanted[name]) for name in names}
        if not is_examined(folder / _MARKER, before):
            _compare(folder, names)
            if _state(folder, names) == before:
                remember(before, folder / _MARKER)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StaleCacheError(f"cannot be read: {reason}", where=str(folder)) from None
    return arrays


def _array(folder: Path, name: str, wanted: ArrayShape) -> np.ndarray:
    try:
        array = map_npy(folder / file_of(name))
    except ValueError as error:
        raise StaleCacheError(f"{file_of(name)}: {error}", where=str(folder)) from None
    if array.dtype != wanted.dtype or array.shape != wanted.shape:
        raise StaleCacheError(
            f"{file_of(name)} holds {array.dtype} {array.shape}, and the encoder gives "
            f"{wanted.dtype} {wanted.shape}",
            where=str(folder),
        )
    return array


def _compare(folder: Path, names: list[str]) -> None:
    try:
        listed = read_record(folder / LIST, dict[str, tuple[Count, str]])
    except K3MError as error:
        raise StaleCacheError(f"{LIST} {error.message}", where=str(folder)) from None
    if sorted(listed) != names:
        raise StaleCacheError(f"{LIST} lists other arrays", where=str(folder))
    for name in names:
        file = folder / file_of(name)
        if (file.stat().st_size, file_hash(file)) != listed[name]:
            raise StaleCacheError(f"{file.name} is not what was written", where=str(folder))


def _state(folder: Path, names: list[str]) -> str:
    return state_of([folder / LIST, *(folder / file_of(name) for name in names)])


def _is_kind(path: Path, kind: Callable[[int], bool]) -> bool:
    """Whether it is there, of that kind, and no link: a pipe would be waited for."""
    try:
        return kind(path.lstat().st_mode)
    except OSError:
        return False
