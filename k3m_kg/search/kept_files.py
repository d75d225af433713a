"""The files of a folder of kept vectors: read as data, and checked before anything uses them.

Hashes say only that files belong together: whoever hands a folder over can make them. So numbers
are finite, places are inside of what they point into, and the index is followed to its end. That
is done once for files in one state, and remembered as for a snapshot. N products, H wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.errors import ArtifactError
from k3m_kg.manifests import read_json, read_manifest
from k3m_kg.search.graph_file import wrong_in_graph
from k3m_kg.search.marks import MARK
from k3m_kg.search.nearest import LIBRARY
from k3m_kg.search.part_maps import PARTS
from k3m_kg.search.words import ARRAYS, WordPostings
from k3m_kg.snapshot.examined import is_examined, remember, state_of
from k3m_kg.snapshot.npy import map_npy

MANIFEST = "vectors.json"
FORMAT = 1
GRAPH = "graph.usearch"
HINT = "`k3m-kg embed ARTIFACT FOLDER.vectors` writes one"
_REMOVE = "remove the folder: what is missing is made anew"
_MARKER = "examined"
_MOST_KEY = 1 << 62
_ROWS_AT_ONCE = 1 << 14


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """What a folder holds.

    Attributes:
        weights, snapshot: of which model and catalog it is.
        vectors_NH: float32, mapped.
        middle_H: float32.
        names_N, contents_N: of `MARK`.
        maps: by part of a product, (H + 1, H) float32.
        words: postings.
        graph: the file of the index; None where there is none.
        keys_N: int64, what each row is called in it; empty where there is none.
    """

    weights: str
    snapshot: str
    vectors_NH: np.ndarray
    middle_H: np.ndarray
    names_N: np.ndarray
    contents_N: np.ndarray
    maps: dict[str, np.ndarray]
    words: WordPostings
    graph: Path | None
    keys_N: np.ndarray


def read_kept(folder: Path) -> KeptFiles:
    """The files of a folder.

    Raises:
        ArtifactError: there are none, or they are damaged.
    """
    try:
        before = state_of(sorted(folder.glob("*.*"))) if (folder / MANIFEST).is_file() else None
        if before is not None and is_examined(folder / _MARKER, before):
            return _mapped(folder, read_json(folder / MANIFEST))
        found = _mapped(folder, _manifest(folder))
        wrong = _wrong(found)
        if wrong is not None:
            raise ArtifactError(wrong, where=str(folder), hint=_REMOVE)
        if before is not None:
            remember(before, folder / _MARKER)
        return found
    except OSError as error:
        raise ArtifactError(f"cannot be read: {error.strerror}", where=str(folder)) from None


def _manifest(folder: Path) -> dict[str, Any]:
    """Checked with every file."""
    maps = [f"{part}_map" for part in PARTS]
    names = ["vectors", "middle", "names", "contents", *maps, *ARRAYS]
    index = read_json(folder / MANIFEST).get("index")
    if index not in (None, LIBRARY):
        raise ArtifactError("an index of another library", where=str(folder), hint=_REMOVE)
    if index is not None:
        names.append("keys")
    needs = [f"{name}.npy" for name in names] + ([] if index is None else [GRAPH])
    found = read_manifest(folder, MANIFEST, FORMAT, hint=HINT, needs=needs)
    for key, kind in (("weights", str), ("snapshot", str), ("count", int), ("width", int)):
        if type(found.get(key)) is not kind:
            raise ArtifactError(f"{key} is missing", where=str(folder / MANIFEST))
    return found


def _mapped(folder: Path, manifest: dict[str, Any]) -> KeptFiles:
    count, width = manifest["count"], manifest["width"]
    indexed = manifest.get("index") is not None
    words = [_array(folder, name, kind, None) for name, kind in ARRAYS.items()]
    names, contents = (
        np.ascontiguousarray(_array(folder, name, "|u1", count, MARK.itemsize)).view(MARK).ravel()
        for name in ("names", "contents")
    )
    return KeptFiles(
        manifest["weights"],
        manifest["snapshot"],
        _array(folder, "vectors", "<f4", count, width),
        _array(folder, "middle", "<f4", width),
        names,
        contents,
        {part: _array(folder, f"{part}_map", "<f4", width + 1, width) for part in PARTS},
        WordPostings(count, *words),
        folder / GRAPH if indexed else None,
        _array(folder, "keys", "<i8", count) if indexed else np.empty(0, np.int64),
    )


def _array(folder: Path, name: str, dtype: str, *shape: int | None) -> np.ndarray:
    path = folder / f"{name}.npy"
    try:
        found = map_npy(path)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"cannot be read: {error}", where=str(path), hint=_REMOVE) from None
    fits = found.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, found.shape, strict=False)
    )
    if found.dtype != np.dtype(dtype) or not fits:
        raise ArtifactError("holds another kind of numbers", where=str(path), hint=_REMOVE)
    return found


def _wrong(found: KeptFiles) -> str | None:
    """What of the files' contents does not fit together."""
    count, width = found.vectors_NH.shape
    for name, numbers in (
        ("vectors", found.vectors_NH),
        ("middle", found.middle_H),
        *found.maps.items(),
        ("weights of words", found.words.weights_P),
    ):
        starts = range(0, len(numbers), _ROWS_AT_ONCE)
        if not all(np.isfinite(numbers[start : start + _ROWS_AT_ONCE]).all() for start in starts):
            return f"numbers that are none among its {name}"
    if not _words_fit(found.words):
        return "its words do not fit together"
    keys = found.keys_N
    if len(keys) and (keys.min() < 0 or keys.max() > _MOST_KEY or len(np.unique(keys)) < count):
        return "its index calls products by wrong numbers"
    wrong = None if found.graph is None else wrong_in_graph(found.graph, width, count)
    return None if wrong is None else f"no index: {wrong}"


def _words_fit(words: WordPostings) -> bool:
    numbers, starts, rows = words.numbers_W, words.starts_W1, words.rows_P
    if len(starts) != len(numbers) + 1 or len(rows) != len(words.weights_P):
        return False
    if starts[0] != 0 or starts[-1] != len(rows) or (np.diff(starts) < 0).any():
        return False
    inside = not len(rows) or 0 <= int(rows.min()) <= int(rows.max()) < words.products
    return inside and bool((numbers[1:] > numbers[:-1]).all())
