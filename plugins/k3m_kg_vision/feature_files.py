"""Regions that someone computed before: `.npz`, Parquet, or the bottom-up-attention TSV."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from k3m_kg.api import ConfigError

_FIELDS = ("image_id", "image_w", "image_h", "num_boxes", "boxes", "features")
_SAMPLE = 1 << 20


class Found(NamedTuple):
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

    width: int
    classes: int

    @abstractmethod
    def get(self, name: str) -> Found | None:
        """The regions of one picture."""


class NpzFile(FeatureFile):
    """`ids`, `features` (N, R, F), `boxes` (N, R, 4) in [0, 1]; maybe `classes`, `counts`."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as held:
            self._held = {name: held[name] for name in held.files}
        ids = self._held["ids"].astype(str).tolist()
        self._row = {name: row for row, name in enumerate(ids)}
        self.width = int(self._held["features"].shape[2])
        self.classes = int(self._held["classes"].shape[2]) if "classes" in self._held else 0

    def get(self, name: str) -> Found | None:
        """Padding after `counts` is left out."""
        if (row := self._row.get(name)) is None:
            return None
        held = self._held
        count = int(held["counts"][row]) if "counts" in held else held["features"].shape[1]
        classes = held["classes"][row, :count] if self.classes else None
        return Found(held["features"][row, :count], held["boxes"][row, :count], classes)


class ParquetFile(FeatureFile):
    """A row a picture: `id`, and lists of lists `features`, `boxes`, `classes` (optional)."""

    def __init__(self, path: Path) -> None:
        self._table = pq.read_table(path, memory_map=True)
        names = self._table.column_names
        self._row = {str(n): row for row, n in enumerate(self._table["id"].to_pylist())}
        first = next(iter(self._row), None)
        self.classes = 0
        found = self.get(first) if first is not None else None
        self.width = found.features.shape[1] if found else 0
        if found and "classes" in names:
            self.classes = len(self._table["classes"][0].as_py()[0])

    def get(self, name: str) -> Found | None:
        """From its row."""
        if (row := self._row.get(name)) is None:
            return None

        def read(column: str) -> np.ndarray:
            return np.asarray(self._table[column][row].as_py(), np.float32)

        classes = read("classes") if self.classes else None
        return Found(read("features"), read("boxes"), classes)


class TsvFile(FeatureFile):
    """The file of bottom-up attention: corners in pixels, float32 in base64."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place: dict[str, int] = {}
        place = 0
        with path.open("rb") as file:
            for line in file:
                self._place[line.split(b"\t", 1)[0].decode("utf-8", "replace")] = place
                place += len(line)
        self.width, self.classes = 0, 0
        first = next(iter(self._place), None)
        if first is not None and (found := self.get(first)):
            self.width = found.features.shape[1]

    def get(self, name: str) -> Found | None:
        """Reads the one line."""
        if (place := self._place.get(name)) is None:
            return None
        with self._path.open("rb") as file:
            file.seek(place)
            cells = file.readline().decode("ascii").rstrip("\r\n").split("\t")
        row = dict(zip(_FIELDS, cells, strict=False))
        count = int(row["num_boxes"])
        boxes, features = (
            np.frombuffer(base64.b64decode(row[name], validate=True), "<f4").reshape(count, -1)
            for name in ("boxes", "features")
        )
        size = np.array([row["image_w"], row["image_h"]] * 2, np.float32)
        return Found(features, boxes / size, None)


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
    except (OSError, ValueError, KeyError, IndexError, TypeError, binascii.Error) as error:
        raise ConfigError(
            f"the regions cannot be read: {str(error).splitlines()[0]}", where=str(path)
        ) from None
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
