"""Indexes of nearest vectors: recall at 10 against exact search, queries/s, memory, adding.

    k3m-kg embed ARTIFACT vectors.parquet
    python -m benchmarks nearest --vectors vectors.parquet --count 200000

The vectors are those of a model; where they are fewer than `--count`, further ones lie between two
near neighbours, with a little noise. Queries are vectors of the same making that are not in the
index. Each index is built in a process of its own, on one thread, and times are those of the
processor, so that other work beside it changes little: by `usearch`, `hnswlib` and
`faiss` (HNSW), with the same `M` and `ef_construction` where they have them; and exactly, by numpy.
An index whose package is not installed is left out.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks._figures import add_out, tell

M, CONSTRUCTION = 16, 128
SEARCH = (32, 64, 128, 256)
TOP = 10
_BLOCK = 4096


def read(path: Path) -> np.ndarray:
    """(N, H), centred and of length 1."""
    column = pq.read_table(path)["vector"].combine_chunks()
    flat = column.values.to_numpy(zero_copy_only=False)
    return unit(flat.reshape(len(column), -1).astype(np.float32))


def unit(vectors_NH: np.ndarray) -> np.ndarray:
    lengths_N1 = np.linalg.norm(vectors_NH, axis=1, keepdims=True)
    return vectors_NH / np.maximum(lengths_N1, 1e-9)


def grown(real_NH: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` vectors: the real ones, and others between two of them that are near."""
    real_NH = unit(real_NH - real_NH.mean(0))
    if count <= len(real_NH):
        return real_NH[random.permutation(len(real_NH))[:count]]
    near = exact(real_NH, real_NH, 9)[:, 1:]
    spread = 0.3 * float(np.median(np.linalg.norm(real_NH - real_NH[near[:, 0]], axis=1)))
    more = count - len(real_NH)
    one = random.integers(0, len(real_NH), more)
    other = near[one, random.integers(0, near.shape[1], more)]
    share_N1 = random.random((more, 1), np.float32)
    noise = random.standard_normal((more, real_NH.shape[1]), np.float32)
    noise *= spread / real_NH.shape[1] ** 0.5
    between = share_N1 * real_NH[one] + (1 - share_N1) * real_NH[other] + noise
    found = np.concatenate([real_NH, unit(between)])
    return found[random.permutation(count)]


def exact(things_NH: np.ndarray, queries_QH: np.ndarray, top: int) -> np.ndarray:
    """(Q, top), the nearest first; a block of queries at a time."""
    found = []
    for start in range(0, len(queries_QH), 256):
        scores_QN = queries_QH[start : start + 256] @ things_NH.T
        best = np.argpartition(-scores_QN, top, 1)[:, :top]
        order = np.argsort(-np.take_along_axis(scores_QN, best, 1), 1, kind="stable")
        found.append(np.take_along_axis(best, order, 1))
    return np.concatenate(found)


class Usearch:
    """unum-cloud/usearch."""

    def __init__(self, width: int, count: int, dtype: str) -> None:
        from usearch.index import Index

        self.index = Index(
            ndim=width, metric="cos", dtype=dtype, connectivity=M, expansion_add=CONSTRUCTION
        )

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """More vectors."""
        self.index.add(keys, vectors, threads=1)

    def width(self, search: int) -> None:
        """How widely it looks."""
        self.index.expansion_search = search

    def find(self, queries: np.ndarray) -> np.ndarray:
        """(Q, TOP) keys."""
        return np.asarray(self.index.search(queries, TOP, threads=1).keys).reshape(-1, TOP)

    def save(self, path: Path) -> None:
        """As a file."""
        self.index.save(str(path))


class Hnswlib:
    """nmslib/hnswlib."""

    def __init__(self, width: int, count: int, dtype: str) -> None:
        import hnswlib

        self.index = hnswlib.Index(space="cosine", dim=width)
        self.index.init_index(max_elements=count, ef_construction=CONSTRUCTION, M=M)
        self.index.set_num_threads(1)

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """More vectors."""
        self.index.add_items(vectors, keys)

    def width(self, search: int) -> None:
        """How widely it looks."""
        self.index.set_ef(search)

    def find(self, queries: np.ndarray) -> np.ndarray:
        """(Q, TOP) keys."""
        return np.asarray(self.index.knn_query(queries, TOP)[0])

    def save(self, path: Path) -> None:
        """As a file."""
        self.index.save_index(str(path))


class Faiss:
    """facebookresearch/faiss."""

    def __init__(self, width: int, count: int, dtype: str) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        self.faiss = faiss
        metric = faiss.METRIC_INNER_PRODUCT
        if dtype == "f16":
            kind = faiss.ScalarQuantizer.QT_fp16
            self.index = faiss.IndexHNSWSQ(width, kind, M, metric)
            self.index.train(np.zeros((1, width), np.float32))
        else:
            self.index = faiss.IndexHNSWFlat(width, M, metric)
        self.index.hnsw.efConstruction = CONSTRUCTION

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """More vectors."""
        self.index.add(vectors)

    def width(self, search: int) -> None:
        """How widely it looks."""
        self.index.hnsw.efSearch = search

    def find(self, queries: np.ndarray) -> np.ndarray:
        """(Q, TOP) keys."""
        return np.asarray(self.index.search(queries, TOP)[1])

    def save(self, path: Path) -> None:
        """As a file."""
        self.faiss.write_index(self.index, str(path))


KINDS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "usearch f32": (Usearch, "usearch", "f32"),
    "usearch f16": (Usearch, "usearch", "f16"),
    "hnswlib f32": (Hnswlib, "hnswlib", "f32"),
    "faiss f32": (Faiss, "faiss", "f32"),
    "faiss f16": (Faiss, "faiss", "f16"),
}


def _memory() -> float:
    """MiB of this process now, without what is mapped from files."""
    resident, shared = Path("/proc/self/statm").read_text().split()[1:3]
    return (int(resident) - int(shared)) * resource.getpagesize() / 2**20


def measure(name: str, folder: str, pipe: Any) -> None:
    """Build one index, add a hundredth, ask; in a process of its own."""
    made, _, dtype = KINDS[name]
    vectors = np.load(Path(folder, "vectors.npy"), mmap_mode="r")
    queries, truth = (np.load(Path(folder, f"{n}.npy")) for n in ("queries", "truth"))
    later = max(1, len(vectors) // 100)
    first = len(vectors) - later
    made(vectors.shape[1], 10, dtype).add(np.arange(2), np.array(vectors[:2]))  # imported
    before = _memory()
    index = made(vectors.shape[1], len(vectors), dtype)
    began = time.process_time()
    for start in range(0, first, _BLOCK):
        stop = min(first, start + _BLOCK)
        index.add(np.arange(start, stop), np.array(vectors[start:stop]))
    built = time.process_time() - began
    began = time.process_time()
    index.add(np.arange(first, len(vectors)), np.array(vectors[first:]))
    added = later / (time.process_time() - began)
    path = Path(folder, "index")
    index.save(path)
    figures: dict[str, Any] = {
        "index": name,
        "vectors": len(vectors),
        "width": vectors.shape[1],
        "build_s": round(built, 1),
        "added_per_s": round(added),
        "memory_mib": round(_memory() - before),
        "file_mib": round(path.stat().st_size / 2**20),
    }
    path.unlink()
    for search in SEARCH:
        index.width(search)
        began = time.process_time()
        found = np.concatenate([index.find(queries[i : i + 1]) for i in range(len(queries))])
        took = time.process_time() - began
        right = [len(set(a) & set(b)) for a, b in zip(found.tolist(), truth.tolist(), strict=True)]
        figures[f"recall@{TOP}, {search}"] = round(sum(right) / truth.size, 4)
        figures[f"queries/s, {search}"] = round(len(queries) / took)
    pipe.send(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description="Indexes of nearest vectors.")
    parser.add_argument("--vectors", type=Path, required=True, help="written by `k3m-kg embed`")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=list(KINDS), choices=list(KINDS))
    add_out(parser)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    real = read(options.vectors)
    every = grown(real, options.count + options.queries, random)
    queries, vectors = every[: options.queries], every[options.queries :]
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "vectors.npy"), vectors)
        np.save(Path(folder, "queries.npy"), queries)
        truth = exact(vectors, queries, TOP)
        np.save(Path(folder, "truth.npy"), truth)
        some = queries[:30]
        began = time.process_time()
        for place in range(len(some)):
            exact(vectors, some[place : place + 1], TOP)
        each = len(some) / (time.process_time() - began)
        figures = {"index": "exact", "real": len(real), "vectors": len(vectors)}
        tell(figures | {"queries/s": round(each, 1)}, options.out)
        for name in options.only:
            if find_spec(KINDS[name][1]) is None:
                print(f"{name}: not installed")
                continue
            spawned = multiprocessing.get_context("spawn")
            ours, theirs = spawned.Pipe(False)
            # by its own name: this module may run as another
            work = import_module("benchmarks.nearest").measure
            worker = spawned.Process(target=work, args=(name, folder, theirs))
            worker.start()
            theirs.close()
            tell(ours.recv(), options.out)
            worker.join()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
