"""Indexes of nearest vectors, all with the same verbs, each on one thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

M, CONSTRUCTION = 16, 128
SEARCH = (32, 64, 128, 256)
TOP = 10
POSTGRESQL = "K3M_KG_NEAREST"
"""The environment's name for where `Pgvector` connects to."""


class InMemory:
    """What an index has in common that lies in this process.

    Attributes:
        widths: how widely it is told to look, one after the other.
        ours: its memory is this process's.
    """

    widths: tuple[int, ...] = SEARCH
    ours = True

    def ready(self) -> None:
        """It can be asked after each `add`."""

    def elsewhere(self) -> float:
        """Seconds of processor that another process took for it."""
        return 0.0


class Usearch(InMemory):
    """unum-cloud/usearch."""

    def __init__(self, width: int, count: int, dtype: str, where: str) -> None:
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

    def size(self, path: Path) -> int:
        """Bytes of it as a file."""
        self.index.save(str(path))
        return path.stat().st_size


class Hnswlib(InMemory):
    """nmslib/hnswlib."""

    def __init__(self, width: int, count: int, dtype: str, where: str) -> None:
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

    def size(self, path: Path) -> int:
        """Bytes of it as a file."""
        self.index.save_index(str(path))
        return path.stat().st_size


class Faiss(InMemory):
    """facebookresearch/faiss."""

    def __init__(self, width: int, count: int, dtype: str, where: str) -> None:
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

    def size(self, path: Path) -> int:
        """Bytes of it as a file."""
        self.faiss.write_index(self.index, str(path))
        return path.stat().st_size


class SqliteVec(InMemory):
    """asg017/sqlite-vec: a table in a file, all of which is compared."""

    widths = (0,)

    def __init__(self, width: int, count: int, dtype: str, where: str) -> None:
        import sqlite_vec

        self.file = Path(where, "vectors.db")
        self.file.unlink(missing_ok=True)
        # Not every Python lets its own SQLite load an extension.
        driver = import_module("pysqlite3" if find_spec("pysqlite3") else "sqlite3")
        self.connection = driver.connect(self.file)
        self.connection.enable_load_extension(True)
        sqlite_vec.load(self.connection)
        self.connection.execute(
            f"CREATE VIRTUAL TABLE vectors USING vec0(vector float[{width}] distance_metric=cosine)"
        )

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """More vectors, in a transaction."""
        rows = ((key, one.tobytes()) for key, one in zip(keys.tolist(), vectors, strict=True))
        with self.connection:
            self.connection.executemany("INSERT INTO vectors (rowid, vector) VALUES (?, ?)", rows)

    def width(self, search: int) -> None:
        """It looks everywhere."""

    def find(self, queries: np.ndarray) -> np.ndarray:
        """(Q, TOP) keys."""
        ask = "SELECT rowid FROM vectors WHERE vector MATCH ? AND k = ? ORDER BY distance"
        return np.array(
            [
                [key for (key,) in self.connection.execute(ask, (one.tobytes(), TOP))]
                for one in queries
            ]
        )

    def size(self, path: Path) -> int:
        """Bytes of the file."""
        return self.file.stat().st_size


class Pgvector(InMemory):
    """pgvector/pgvector: HNSW in PostgreSQL, made when the first vectors are there."""

    ours = False

    def __init__(self, width: int, count: int, dtype: str, where: str) -> None:
        import psycopg

        self.kind, self.indexed = ("halfvec" if dtype == "f16" else "vector"), False
        self.connection = psycopg.connect(os.environ[POSTGRESQL], autocommit=True)
        self.execute = self.connection.execute
        for statement in (
            "CREATE EXTENSION IF NOT EXISTS vector",
            "SET max_parallel_maintenance_workers = 0",
            "SET max_parallel_workers_per_gather = 0",
            "SET maintenance_work_mem = '3GB'",
            "DROP TABLE IF EXISTS vectors",
            f"CREATE TABLE vectors (id integer PRIMARY KEY, vector {self.kind}({width}))",
            "ALTER TABLE vectors ALTER vector SET STORAGE PLAIN",
        ):
            self.execute(statement)
        self.server = self.connection.info.backend_pid
        self.before = self._took()

    def _took(self) -> float:
        """Seconds of processor of the server's process that works for us."""
        fields = Path(f"/proc/{self.server}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def elsewhere(self) -> float:
        """Seconds of processor since it was made."""
        return self._took() - self.before

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """More vectors."""
        with self.connection.cursor().copy("COPY vectors FROM STDIN") as copy:
            for key, one in zip(keys.tolist(), vectors.tolist(), strict=True):
                copy.write_row((key, str(one)))

    def ready(self) -> None:
        """The index of what was added so far; of what comes later it learns by itself."""
        self.execute(
            f"CREATE INDEX ON vectors USING hnsw (vector {self.kind}_cosine_ops)"
            f" WITH (m = {M}, ef_construction = {CONSTRUCTION})"
        )

    def width(self, search: int) -> None:
        """How widely it looks."""
        self.execute(f"SET hnsw.ef_search = {search}")

    def find(self, queries: np.ndarray) -> np.ndarray:
        """(Q, TOP) keys."""
        ask = f"SELECT id FROM vectors ORDER BY vector <=> %s::{self.kind} LIMIT {TOP}"
        found = np.full((len(queries), TOP), -1)
        for place, one in enumerate(queries.tolist()):
            keys = [key for (key,) in self.execute(ask, (str(one),), prepare=True)]
            found[place, : len(keys)] = keys
        return found

    def size(self, path: Path) -> int:
        """Bytes of the table and its indexes."""
        row = self.execute("SELECT pg_total_relation_size('vectors')").fetchone()
        return 0 if row is None else int(row[0])


KINDS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "usearch f32": (Usearch, "usearch", "f32"),
    "usearch f16": (Usearch, "usearch", "f16"),
    "hnswlib f32": (Hnswlib, "hnswlib", "f32"),
    "faiss f32": (Faiss, "faiss", "f32"),
    "faiss f16": (Faiss, "faiss", "f16"),
    "sqlite-vec f32": (SqliteVec, "sqlite_vec", "f32"),
    "pgvector f32": (Pgvector, "psycopg", "f32"),
    "pgvector f16": (Pgvector, "psycopg", "f16"),
}
