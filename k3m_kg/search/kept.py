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

import numpy as np

from k3m_kg import __version__
from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.errors import ArtifactError
from k3m_kg.files import beside, whole_folder
from k3m_kg.manifests import described_files, read_json, write_json
from k3m_kg.progress import Advance
from k3m_kg.search.kept_files import FORMAT, GRAPH, HINT, MANIFEST, KeptFiles, read_kept
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
from k3m_kg.search.words import WordPostings
from k3m_kg.use.open_model import OpenModel

ENDING = ".vectors"
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
    return beside(artifact, ENDING)


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
    theirs = (found.get("weights"), found.get("snapshot"))
    return theirs == (opened.trained.weights, opened.snapshot.id)


def open_kept(folder: Path, opened: OpenModel) -> KeptVectors:
    """The vectors in a folder.

    Raises:
        ArtifactError: there are none, they are another model's or snapshot's, or damaged.
    """
    files = read_kept(folder)
    if (files.weights, files.snapshot) != (opened.trained.weights, opened.snapshot.id):
        raise ArtifactError("vectors of another model or snapshot", where=str(folder), hint=HINT)
    if len(files.vectors_NH) != len(opened.snapshot):
        raise ArtifactError("vectors of other products", where=str(folder), hint=HINT)
    _check_width(folder, files, opened)
    return _opened(files, KeptUpdate(len(opened.snapshot), 0))


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
    _check_free(folder)
    old = read_kept(folder) if (folder / MANIFEST).is_file() else None
    if old is not None and old.weights != opened.trained.weights:
        old = None
    if old is not None:
        _check_width(folder, old, opened)
    with whole_folder(folder, hint="--vectors names another folder") as new:
        told = _write(new, old, opened, batch_size, progress)
    return _opened(read_kept(folder), told)


def _check_free(folder: Path) -> None:
    """Raise an ArtifactError where something else than vectors is."""
    try:
        if folder.exists() and not folder.is_dir():
            raise ArtifactError("is no folder", where=str(folder))
        if folder.exists() and not (folder / MANIFEST).is_file() and any(folder.iterdir()):
            raise ArtifactError("holds something else than vectors", where=str(folder))
    except OSError as error:
        raise ArtifactError(f"cannot be read: {error.strerror}", where=str(folder)) from None


def _write(
    new: Path,
    old: KeptFiles | None,
    opened: OpenModel,
    batch_size: int,
    progress: Advance | None,
) -> KeptUpdate:
    snapshot = opened.snapshot
    marks = marks_of(snapshot)
    source_N = np.full(len(snapshot), -1, np.int64)
    if old is not None:
        source_N = same_rows((old.names_N, old.contents_N), marks)
    vectors = _filled(new / "vectors.npy", old, source_N, opened, batch_size, progress)
    wanted = _wants_graph(len(vectors))
    grows = (
        wanted
        and old is not None
        and old.graph is not None
        and (source_N >= 0).sum() >= _WORTH_ADDING * max(len(old.vectors_NH), len(vectors))
    )
    # a graph that grows keeps the middle that its vectors were taken around
    middle = old.middle_H if grows and old is not None else _middle(vectors)
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
            keys, added, removed = _grown(new, old, source_N, vectors, arrays["middle"])
        else:
            _built(new, vectors, arrays["middle"])
        arrays["keys"] = keys.astype(np.int64)
    for name, array in arrays.items():
        np.save(new / f"{name}.npy", array, allow_pickle=False)
    manifest = {
        "format": FORMAT,
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
    old: KeptFiles | None,
    source_N: np.ndarray,
    opened: OpenModel,
    batch_size: int,
    progress: Advance | None,
) -> np.ndarray:
    """The file of vectors: those that stay copied, the others made."""
    missing = np.flatnonzero(source_N < 0)
    known = None if old is None else old.vectors_NH
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
    graph.save(str(new / GRAPH))


def _grown(
    new: Path,
    old: KeptFiles,
    source_N: np.ndarray,
    vectors: np.ndarray,
    middle: np.ndarray,
) -> tuple[np.ndarray, int, int]:
    """The old index with what came and without what went; the keys, and how many of each."""
    assert old.graph is not None
    known = old.keys_N
    graph = read_graph(old.graph, vectors.shape[1], len(old.vectors_NH), change=True)
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
    graph.save(str(new / GRAPH))
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


def _check_width(folder: Path, files: KeptFiles, opened: OpenModel) -> None:
    """Raise an ArtifactError where the model's vectors have another width."""
    width = opened.vectors(np.arange(min(1, len(opened.snapshot)))).shape[1]
    if len(opened.snapshot) and files.vectors_NH.shape[1] != width:
        what = f"vectors of width {files.vectors_NH.shape[1]:,} instead of {width:,}"
        raise ArtifactError(what, where=str(folder), hint=HINT)


def _opened(files: KeptFiles, told: KeptUpdate) -> KeptVectors:
    vectors, middle = files.vectors_NH, files.middle_H
    nearest: Nearest = Exact(vectors, middle)
    if files.graph is not None and graph_possible():
        graph = read_graph(files.graph, vectors.shape[1], len(vectors))
        nearest = NearestGraph(graph, files.keys_N, middle)
    return KeptVectors(vectors, middle, files.maps, files.words, nearest, told)
