"""Regions that someone computed before: `.npz`, Parquet, or the bottom-up-attention TSV."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from k3m_kg.api import ConfigError, check_parquet, most_unpacked

_FIELDS = ("image_id", "image_w", "image_h", "num_boxes", "boxes", "features")
_SAMPLE = 1 << 20
_LINE = 1 << 26
"""Bytes of a line: a hundred regions of 2,048 numbers take one."""


class FileRegions(NamedTuple):
    """The regions of one picture: (R, F), (R, 4) corners in [0, 1], and (R, C) or None."""

    features: np.ndarray
    corners: np.ndarray
    classes: np.ndarray | None


class FeatureFile(ABC):
    """Regions by the name of a picture.

    Attributes:
        width: F.
        classes: C; 0 where the file tells none.
    """

    path: Path
    width: int
    classes: int

    def get(self, name: str) -> FileRegions | None:
        """The regions of one picture; None where the file has none of it.

        Raises:
            ConfigError: what the file has is damaged.
        """
        try:
            found = self._get(name)
            return found if found is None else _checked(found)
        except Exception as error:  # numpy, pyarrow and zipfile meet any bytes, and raise anything
            raise ConfigError(
                f"the regions of {name[:200]!r} cannot be read: {_said(error)}",
                where=str(self.path),
            ) from None

    @abstractmethod
    def _get(self, name: str) -> FileRegions | None:
        """As they are in the file."""


def _checked(found: FileRegions) -> FileRegions | None:
    """None where there are no regions.

    Raises:
        ValueError: they are no regions.
    """
    count = len(found.features)
    if not count:
        return None
    if found.features.ndim != 2 or found.corners.shape != (count, 4):
        raise ValueError(f"features {found.features.shape} and boxes {found.corners.shape}")
    if found.classes is not None and (found.classes.ndim != 2 or len(found.classes) != count):
        raise ValueError(f"features {found.features.shape} and classes {found.classes.shape}")
    for name, numbers in found._asdict().items():
        if numbers is not None and not np.isfinite(numbers).all():
            raise ValueError(f"{name} that are no finite numbers")
    return found


def _said(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _check_unpacked(path: Path, size: int) -> None:
    if size > most_unpacked(path):
        raise ValueError(f"it unpacks to {size >> 20:,} MiB, which no file of regions does")


class NpzFile(FeatureFile):
    """`ids`, `features` (N, R, F), `boxes` (N, R, 4) in [0, 1]; maybe `classes`, `counts`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with zipfile.ZipFile(path) as packed:
            _check_unpacked(path, sum(member.file_size for member in packed.infolist()))
        with np.load(path, allow_pickle=False) as held:
            self._held = {name: held[name] for name in held.files}
        ids = self._held["ids"].astype(str).tolist()
        self._row = {name: row for row, name in enumerate(ids)}
        self.width = int(self._held["features"].shape[2])
        self.classes = int(self._held["classes"].shape[2]) if "classes" in self._held else 0

    def _get(self, name: str) -> FileRegions | None:
        """Padding after `counts` is left out."""
        if (row := self._row.get(name)) is None:
            return None
        held = self._held
        count = int(held["counts"][row]) if "counts" in held else held["features"].shape[1]
        classes = held["classes"][row, :count] if self.classes else None
        return FileRegions(held["features"][row, :count], held["boxes"][row, :count], classes)


class ParquetFile(FeatureFile):
    """A row a picture: `id`, and lists of lists `features`, `boxes`, `classes` (optional)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        check_parquet(path, str(path))
        self._table = pq.read_table(path, memory_map=True)
        self._table.validate(full=True)
        names = self._table.column_names
        self._row = {str(n): row for row, n in enumerate(self._table["id"].to_pylist())}
        self.classes = 0
        found = next(filter(None, map(self.get, self._row)), None)
        self.width = found.features.shape[1] if found else 0
        if found and "classes" in names:
            self.classes = len(self._table["classes"][0].as_py()[0])

    def _get(self, name: str) -> FileRegions | None:
        """From its row."""
        if (row := self._row.get(name)) is None:
            return None

        def read(column: str) -> np.ndarray:
            return np.asarray(self._table[column][row].as_py(), np.float32)

        classes = read("classes") if self.classes else None
        return FileRegions(read("features"), read("boxes"), classes)


class TsvFile(FeatureFile):
    """The file of bottom-up attention: corners in pixels, float32 in base64."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._place: dict[str, int] = {}
        place = 0
        with path.open("rb") as file:
            while line := file.readline(_LINE):
                if len(line) == _LINE:
                    raise ValueError(f"a line of more than {_LINE >> 20} MiB")
                self._place[line.split(b"\t", 1)[0].decode("utf-8", "replace")] = place
                place += len(line)
        self.classes = 0
        found = next(filter(None, map(self.get, self._place)), None)
        self.width = found.features.shape[1] if found else 0

    def _get(self, name: str) -> FileRegions | None:
        """Reads the one line."""
        if (place := self._place.get(name)) is None:
            return None
        with self.path.open("rb") as file:
            file.seek(place)
            cells = file.readline(_LINE).decode("ascii").rstrip("\r\n").split("\t")
        row = dict(zip(_FIELDS, cells, strict=False))
        count = int(row["num_boxes"])
        if not count:
            return None
        boxes, features = (
            np.frombuffer(base64.b64decode(row[name], validate=True), "<f4").reshape(count, -1)
            for name in ("boxes", "features")
        )
        size = np.array([row["image_w"], row["image_h"]] * 2, np.float32)
        if not size.all():
            raise ValueError("a picture without width or height")
        return FileRegions(features, boxes / size, None)


def open_features(path: Path) -> FeatureFile:
    """By the ending of its name.

    Raises:
        ConfigError: it is missing, damaged or of no kind that is known.
    """
    kinds: dict[str, type[Any]] = {".npz": NpzFile, ".parquet": ParquetFile, ".tsv": TsvFile}
    if path.suffix not in kinds:
        raise ConfigError(
            f"no file of regions: known are {', '.join(kinds)}", where="image_encoder.path"
        )
    try:
        found: FeatureFile = kinds[path.suffix](path)
    except ConfigError:
        raise
    except Exception as error:  # as above
        raise ConfigError(f"the regions cannot be read: {_said(error)}", where=str(path)) from None
    if not found.width:
        raise ConfigError("the file holds no regions", where=str(path))
    return found


def identity(path: Path) -> str:
    """A hash of its size and of what stands at its beginning and end: such files are large."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_SAMPLE))
        file.seek(max(0, size - _SAMPLE), os.SEEK_SET)
        digest.update(file.read(_SAMPLE))
    return digest.hexdigest()[:16]
