"""Indexes of nearest vectors: recall at 10 against exact search, queries/s, memory, adding.

    k3m-kg embed ARTIFACT vectors.parquet
    python -m benchmarks nearest --vectors vectors.parquet --count 200000

The vectors are those of a model; where they are fewer than `--count`, further ones lie between two
near neighbours, with a little noise. Queries are vectors of the same making that are not in the
index. Each index is built in a process of its own, on one thread, and times are those of the
processor, so that other work beside it changes little: by `usearch`, `hnswlib` and
`faiss` (HNSW), with the same `M` and `ef_construction` where they have them; and exactly, by numpy.
Where a graph lives: `sqlite-vec`, which compares all, in a file; and `pgvector` (HNSW) in a
database on this machine that has the extension, `--postgresql`. What is not installed is left out.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks._figures import add_out, tell
from benchmarks._vector_indexes import KINDS, POSTGRESQL, TOP, Pgvector

_BLOCK = 4096
_SLOW = 30
"""Queries of what compares all vectors."""


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
    made(vectors.shape[1], 10, dtype, folder).add(np.arange(2), np.array(vectors[:2]))  # imported
    before = _memory()
    index = made(vectors.shape[1], len(vectors), dtype, folder)

    def now() -> float:
        return time.process_time() + index.elsewhere()

    began = now()
    for start in range(0, first, _BLOCK):
        stop = min(first, start + _BLOCK)
        index.add(np.arange(start, stop), np.array(vectors[start:stop]))
    index.ready()
    built = now() - began
    began = now()
    index.add(np.arange(first, len(vectors)), np.array(vectors[first:]))
    added = later / (now() - began)
    path = Path(folder, "index")
    figures: dict[str, Any] = {
        "index": name,
        "vectors": len(vectors),
        "width": vectors.shape[1],
        "build_s": round(built, 1),
        "added_per_s": round(added),
        "memory_mib": round(_memory() - before) if index.ours else None,
        "file_mib": round(index.size(path) / 2**20),
    }
    path.unlink(missing_ok=True)
    for search in index.widths:
        index.width(search)
        asked = queries if search else queries[:_SLOW]
        began = now()
        found = np.concatenate([index.find(asked[i : i + 1]) for i in range(len(asked))])
        took = now() - began
        right = [len(set(a) & set(b)) for a, b in zip(found.tolist(), truth.tolist(), strict=False)]
        figures[f"recall@{TOP}, {search}"] = round(sum(right) / found.size, 4)
        figures[f"queries/s, {search}"] = round(len(asked) / took, 1)
    pipe.send(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description="Indexes of nearest vectors.")
    parser.add_argument("--vectors", type=Path, required=True, help="written by `k3m-kg embed`")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--postgresql", help="of pgvector: as psycopg takes it, on this machine")
    add_out(parser)
    options = parser.parse_args()
    os.environ[POSTGRESQL] = options.postgresql or ""
    random = np.random.default_rng(0)
    real = read(options.vectors)
    every = grown(real, options.count + options.queries, random)
    queries, vectors = every[: options.queries], every[options.queries :]
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "vectors.npy"), vectors)
        np.save(Path(folder, "queries.npy"), queries)
        truth = exact(vectors, queries, TOP)
        np.save(Path(folder, "truth.npy"), truth)
        some = queries[:_SLOW]
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
            if KINDS[name][0] is Pgvector and not options.postgresql:
                print(f"{name}: no --postgresql")
                continue
            spawned = multiprocessing.get_context("spawn")
            ours, theirs = spawned.Pipe(False)
            # by its own name: this module may run as another
            work = import_module("benchmarks.nearest").measure
            worker = spawned.Process(target=work, args=(name, folder, theirs))
            worker.start()
            theirs.close()
            try:
                tell(ours.recv(), options.out)
            except EOFError:
                print(f"{name}: it ended with an error, above")
            worker.join()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
