"""The folder of a catalog's vectors `c*` under one model, with what finds them.

    manifest.json       which model and snapshot, and every file's size and SHA-256
    vectors.npy         (N, H) float32, in the snapshot's order
    middle.npy          (H,) float32, what cosines are taken around
    names.npy           (N, 16) hashes of the ids
    contents.npy        (N, 16) hashes of what each product shows
    word_*.npy          postings of titles and values
    *_map.npy           (H + 1, H) each, from a title or a picture alone to a whole product
    keys.npy, graph     the index, where there is one

Products whose content is as it was keep their vector when the snapshot changes, and the index is
added to. N products, H wide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg import __version__
from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.errors import ArtifactError
from k3m_kg.files import whole_folder
from k3m_kg.manifests import described_files, read_json, read_manifest, write_json
from k3m_kg.progress import Advance
from k3m_kg.search.marks import MARK, marks_of, same_rows
from k3m_kg.search.nearest import (
    LIBRARY,
    WORTH,
    Exact,
    Nearest,
    NearestGraph,
    centred,
    empty_graph,
    graph_possible,
    read_graph,
)
from k3m_kg.search.part_maps import PARTS, fit_map
from k3m_kg.search.words import ARRAYS, WordPostings
from k3m_kg.snapshot.examined import is_examined, remember, state_of
from k3m_kg.snapshot.npy import map_npy
from k3m_kg.use.open_model import OpenModel

MANIFEST = "vectors.json"
ENDING = ".vectors"
_FORMAT = 1
_GRAPH = "graph.usearch"
_MARKER = "examined"
_HINT = "`k3m-kg embed ARTIFACT FOLDER.vectors` writes one"
_TOGETHER = 4096
_WORTH_ADDING = 0.5
"""Of an index's vectors at least so many must stay: else it is built anew."""


@dataclass(frozen=True, slots=True)
class KeptUpdate:
    """What was done to have the vectors as they are.

    Attributes:
        kept: products whose vector was there.
        made: products that the model encoded.
        added, removed: vectors that the index got and lost; None where it was built anew, or there
            is none.
    """

    kept: int
    made: int
    added: int | None = None
    removed: int | None = None


@dataclass(frozen=True, slots=True)
class KeptVectors:
    """The vectors of a snapshot's products.

    Attributes:
        vectors_NH: float32; of a folder mapped.
        middle_H: what cosines are taken around.
        maps: by part of a product, as `fit_map` gives them.
        words: their postings.
        nearest: finds rows by vectors.
        told: what was done.
    """

    vectors_NH: np.ndarray
    middle_H: np.ndarray
    maps: dict[str, np.ndarray]
    words: WordPostings
    nearest: Nearest
    told: KeptUpdate


def kept_beside(artifact: Path) -> Path:
    """Where the vectors of a model's catalog lie, unless it is said otherwise."""
    return artifact.with_name(f"{artifact.name}{ENDING}")


def in_memory(
    opened: OpenModel, *, batch_size: int = 256, progress: Advance | None = None
) -> KeptVectors:
    """Made, and kept nowhere."""
    rows = np.arange(len(opened.snapshot))
    with held_out_included(opened.batcher):
        vectors_NH = opened.vectors(rows, batch_size=batch_size, progress=progress)
    middle_H = _middle(vectors_NH)
    return KeptVectors(
        vectors_NH,
        middle_H,
        {part: fit_map(opened, vectors_NH, middle_H, part) for part in PARTS},
        WordPostings.of(opened.snapshot),
        Exact(vectors_NH, middle_H),
        KeptUpdate(0, len(rows)),
    )


def is_fresh(folder: Path, opened: OpenModel) -> bool:
    """Whether the folder has the vectors of this model and snapshot, as far as its manifest says.

    Raises:
        ArtifactError: the manifest is damaged.
    """
    if not (folder / MANIFEST).is_file():
        return False
    found = read_json(folder / MANIFEST)
    return _of_model(found, opened) and found.get("snapshot") == opened.snapshot.id


def open_kept(folder: Path, opened: OpenModel) -> KeptVectors:
    """The vectors in a folder.

    Raises:
        ArtifactError: there are none, they are another model's or snapshot's, or damaged.
    """
    manifest = _manifest(folder)
    if not _of_model(manifest, opened) or manifest.get("snapshot") != opened.snapshot.id:
        raise ArtifactError("vectors of another model or snapshot", where=str(folder), hint=_HINT)
    return _opened(folder, manifest, KeptUpdate(len(opened.snapshot), 0))


def brought_up_to_date(
    folder: Path,
    opened: OpenModel,
    *,
    batch_size: int = 256,
    progress: Advance | None = None,
) -> KeptVectors:
    """The vectors in a folder; what is missing is made, and written there.

    Args:
        progress: counts products that the model encodes.

    Raises:
        ArtifactError: the folder is damaged, or holds something else.
        K3MError: it cannot be written.
    """
    if is_fresh(folder, opened):
        kept = open_kept(folder, opened)
        if isinstance(kept.nearest, NearestGraph) or not _wants_graph(len(kept.vectors_NH)):
            return kept
    if folder.exists() and not (folder / MANIFEST).is_file() and any(folder.iterdir()):
        raise ArtifactError("holds something else than vectors", where=str(folder))
    before = None
    if (folder / MANIFEST).is_file():
        manifest = _manifest(folder)
        before = manifest if _of_model(manifest, opened) else None
    with whole_folder(folder, hint="--vectors names another folder") as new:
        told = _write(new, folder if before else None, before or {}, opened, batch_size, progress)
    return _opened(folder, _manifest(folder), told)


def _write(
    new: Path,
    old: Path | None,
    before: dict[str, Any],
    opened: OpenModel,
    batch_size: int,
    progress: Advance | None,
) -> KeptUpdate:
    snapshot = opened.snapshot
    marks = marks_of(snapshot)
    source_N = np.full(len(snapshot), -1, np.int64)
    if old is not None:
        source_N = same_rows(tuple(_marks(old, name) for name in ("names", "contents")), marks)  # type: ignore[arg-type]
    vectors = _filled(new / "vectors.npy", old, source_N, opened, batch_size, progress)
    wanted = _wants_graph(len(vectors))
    grows = (
        wanted
        and old is not None
        and before.get("index") == LIBRARY
        and (source_N >= 0).sum() >= _WORTH_ADDING * max(before["count"], len(vectors))
    )
    # a graph that grows keeps the middle that its vectors were taken around
    middle = map_npy(old / "middle.npy") if grows and old is not None else _middle(vectors)
    arrays: dict[str, np.ndarray] = {"middle": np.ascontiguousarray(middle, np.float32)}
    for name, of in zip(("names", "contents"), marks, strict=True):
        arrays[name] = of.view(np.uint8).reshape(-1, MARK.itemsize)
    for part in PARTS:
        arrays[f"{part}_map"] = fit_map(opened, vectors, arrays["middle"], part)
    arrays |= WordPostings.of(snapshot).files()
    added = removed = None
    if wanted:
        keys = np.arange(len(vectors))
        if grows and old is not None:
            keys, added, removed = _grown(new, old, before, source_N, vectors, arrays["middle"])
        else:
            _built(new, vectors, arrays["middle"])
        arrays["keys"] = keys.astype(np.int64)
    for name, array in arrays.items():
        np.save(new / f"{name}.npy", array, allow_pickle=False)
    manifest = {
        "format": _FORMAT,
        "k3m_kg": __version__,
        "weights": opened.trained.weights,
        "snapshot": snapshot.id,
        "count": len(vectors),
        "width": vectors.shape[1],
        "index": LIBRARY if wanted else None,
    }
    write_json(new / MANIFEST, manifest | {"files": described_files(new)})
    kept = int((source_N >= 0).sum())
    return KeptUpdate(kept, len(vectors) - kept, added, removed)


def _filled(
    path: Path,
    old: Path | None,
    source_N: np.ndarray,
    opened: OpenModel,
    batch_size: int,
    progress: Advance | None,
) -> np.ndarray:
    """The file of vectors: those that stay copied, the others made."""
    missing = np.flatnonzero(source_N < 0)
    known = None if old is None else map_npy(old / "vectors.npy")
    vectors: np.ndarray | None = None

    def file_of(width: int) -> np.ndarray:
        shape = (len(source_N), width)
        return np.lib.format.open_memmap(path, "w+", dtype="<f4", shape=shape)

    with held_out_included(opened.batcher):
        for start in range(0, len(missing), _TOGETHER):
            some = missing[start : start + _TOGETHER]
            found = opened.vectors(some, batch_size=batch_size, progress=progress)
            vectors = file_of(found.shape[1]) if vectors is None else vectors
            vectors[some] = found
    if vectors is None:
        vectors = file_of(0 if known is None else known.shape[1])
    if known is not None:
        there = np.flatnonzero(source_N >= 0)
        for start in range(0, len(there), _TOGETHER):
            some = there[start : start + _TOGETHER]
            vectors[some] = known[source_N[some]]
    vectors.flush()  # type: ignore[attr-defined]
    return vectors


def _built(new: Path, vectors: np.ndarray, middle: np.ndarray) -> None:
    graph = empty_graph(vectors.shape[1])
    for start, some in _blocks(np.arange(len(vectors))):
        graph.add(some, centred(vectors[start : start + len(some)], middle), threads=1)
    graph.save(str(new / _GRAPH))


def _grown(
    new: Path,
    old: Path,
    before: dict[str, Any],
    source_N: np.ndarray,
    vectors: np.ndarray,
    middle: np.ndarray,
) -> tuple[np.ndarray, int, int]:
    """The old index with what came and without what went; the keys, and how many of each."""
    known = map_npy(old / "keys.npy")
    graph = read_graph(old / _GRAPH, vectors.shape[1], before["count"], change=True)
    there = source_N >= 0
    gone = np.setdiff1d(known, known[source_N[there]])
    if len(gone):
        graph.remove(gone)
    keys = np.full(len(vectors), -1, np.int64)
    keys[there] = known[source_N[there]]
    came = np.flatnonzero(~there)
    keys[came] = int(known.max(initial=-1)) + 1 + np.arange(len(came))
    for _, some in _blocks(came):
        graph.add(keys[some], centred(vectors[some], middle), threads=1)
    graph.save(str(new / _GRAPH))
    return keys, len(came), len(gone)


def _blocks(rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(rows), _TOGETHER):
        yield start, rows[start : start + _TOGETHER]


def _wants_graph(count: int) -> bool:
    return count >= WORTH and graph_possible()


def _middle(vectors_NH: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.zeros(vectors_NH.shape[1], np.float64)
    for start in range(0, len(vectors_NH), _TOGETHER):
        found += vectors_NH[start : start + _TOGETHER].sum(0, dtype=np.float64)
    return (found / max(1, len(vectors_NH))).astype(np.float32)


def _of_model(manifest: dict[str, Any], opened: OpenModel) -> bool:
    return bool(manifest.get("weights") == opened.trained.weights)


def _manifest(folder: Path) -> dict[str, Any]:
    """Checked with every file, which is remembered as for a snapshot.

    Raises:
        ArtifactError: none, or damaged.
    """
    try:
        if (folder / MANIFEST).is_file():
            before = state_of(sorted(folder.glob("*.*")))
            if is_examined(folder / _MARKER, before):
                return read_json(folder / MANIFEST)
            found = _read(folder)
            remember(before, folder / _MARKER)
            return found
    except OSError as error:
        raise ArtifactError(f"cannot be read: {error.strerror}", where=str(folder)) from None
    return _read(folder)


def _read(folder: Path) -> dict[str, Any]:
    maps = [f"{part}_map" for part in PARTS]
    names = ["vectors", "middle", "names", "contents", *maps, *ARRAYS]
    found = read_manifest(
        folder, MANIFEST, _FORMAT, hint=_HINT, needs=[f"{name}.npy" for name in names]
    )
    for key, kind in (("weights", str), ("snapshot", str), ("count", int), ("width", int)):
        if type(found.get(key)) is not kind:
            raise ArtifactError(f"{key} is missing", where=str(folder / MANIFEST))
    return found


def _array(folder: Path, name: str, dtype: str, *shape: int | None) -> np.ndarray:
    path = folder / f"{name}.npy"
    try:
        found = map_npy(path)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"cannot be read: {error}", where=str(path)) from None
    fits = found.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, found.shape, strict=False)
    )
    if found.dtype != np.dtype(dtype) or not fits:
        raise ArtifactError("holds another kind of numbers", where=str(path))
    return found


def _marks(folder: Path, name: str) -> np.ndarray:
    found = _array(folder, name, "|u1", None, MARK.itemsize)
    return np.ascontiguousarray(found).view(MARK).ravel()


def _opened(folder: Path, manifest: dict[str, Any], told: KeptUpdate) -> KeptVectors:
    count, width = manifest["count"], manifest["width"]
    vectors = _array(folder, "vectors", "<f4", count, width)
    middle = _array(folder, "middle", "<f4", width)
    arrays = {name: _array(folder, name, kind, None) for name, kind in ARRAYS.items()}
    numbers, starts, rows, weights = arrays.values()
    fits = len(starts) == len(numbers) + 1 and len(rows) == len(weights)
    fits = (
        fits and starts[0] == 0 and starts[-1] == len(rows) and bool((np.diff(starts) >= 0).all())
    )
    if not fits or (len(rows) and not 0 <= rows.min() <= rows.max() < count):
        raise ArtifactError("its words do not fit together", where=str(folder))
    words = WordPostings(count, numbers, starts, rows, weights)
    nearest: Nearest = Exact(vectors, middle)
    if manifest.get("index") == LIBRARY and graph_possible():
        keys = _array(folder, "keys", "<i8", count)
        nearest = NearestGraph(read_graph(folder / _GRAPH, width, count), keys, middle)
    maps = {part: _array(folder, f"{part}_map", "<f4", width + 1, width) for part in PARTS}
    return KeptVectors(vectors, middle, maps, words, nearest, told)
