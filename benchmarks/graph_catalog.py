"""The graph at catalog scale: ingest, memory, snapshot, look-ups; beside bare peers in one run.

    python -m benchmarks graph_catalog --products 100000 200000 500000 1000000 --work runs/graph \
        --postgresql postgresql://user@/name

Ten triples a product (`generated_catalog`). Every step is a process of its own, so that its peak
memory is its own; an ingest has a second process that reads, and its peak is the sum of both.
Peers, on the same rows: oxigraph's bulk load of the same N-Triples file to disk;
`sqlite3.executemany` of ready-made numbers into one table with the same key and index; COPY of
ready-made text into the same table of PostgreSQL. Rates are triples per second of wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.generated_catalog import write

ROOT = Path(__file__).resolve().parent.parent
TRIPLES = 10
"""Of each product."""


def ingest(url: str, source: Path, mapping: Path | None) -> dict[str, Any]:
    """`k3m-kg ingest`, as the command does it."""
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.ingest.options import IngestOptions
    from k3m_kg.ingest.pipeline import ingest as run
    from k3m_kg.ingest.quarantine import Quarantine

    with GraphStore.create(url)[0] as store, Quarantine(None) as rejected:
        started = time.perf_counter()
        (report,) = run(store, [source], IngestOptions(mapping=mapping), quarantine=rejected)
        seconds = time.perf_counter() - started
    return {
        "triples": report.counts.triples_added,
        "products": report.counts.products_read,
        "seconds": seconds,
        "same": report.unchanged,
    }


def oxigraph(source: Path, folder: Path) -> dict[str, Any]:
    """Oxigraph's own bulk load to disk."""
    import pyoxigraph

    started = time.perf_counter()
    store = pyoxigraph.Store(str(folder))
    store.bulk_load(path=str(source), format=pyoxigraph.RdfFormat.N_TRIPLES)
    store.flush()
    return {"triples": len(store), "seconds": time.perf_counter() - started}


def _rows(url: str) -> list[tuple[int, ...]]:
    from sqlalchemy import select

    from k3m_kg.graph.store import GraphStore
    from k3m_kg.graph.tables import triples

    with GraphStore.open(url) as store, store._engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(triples)).all()]


def bare_sqlite(url: str, file: Path) -> dict[str, Any]:
    """Ready-made numbers into one table."""
    import sqlite3

    rows = _rows(url)
    started = time.perf_counter()
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA cache_size = -131072")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "CREATE TABLE t (head INTEGER NOT NULL, property INTEGER NOT NULL, tail INTEGER NOT NULL,"
        " position INTEGER NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (head, property, tail))"
        " WITHOUT ROWID"
    )
    connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute("CREATE INDEX i ON t (tail, property)")
    connection.execute("COMMIT")
    return {"triples": len(rows), "seconds": time.perf_counter() - started}


def bare_copy(url: str, sqlite: str) -> dict[str, Any]:
    """Ready-made text of the same rows into the same tables of PostgreSQL, keys and indexes too."""
    import psycopg
    from sqlalchemy import select

    from k3m_kg.graph.database.dialect import copy_text
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.graph.tables import entities, subjects, triples

    count = 0
    seconds: dict[str, float] = {}
    with (
        psycopg.connect(url) as connection,
        connection.cursor() as cursor,
        GraphStore.open(sqlite) as store,
        store._engine.connect() as source,
    ):
        for table in (entities, subjects, triples):
            rows = source.execute(select(table)).all()
            text = copy_text(rows)
            count = len(rows)
            del rows
            cursor.execute("DROP TABLE IF EXISTS bare")
            cursor.execute(f"CREATE TABLE bare (LIKE {table.name} INCLUDING ALL)")
            connection.commit()
            started = time.perf_counter()
            with cursor.copy("COPY bare FROM STDIN") as copy:
                copy.write(text)
            connection.commit()
            seconds[f"{table.name}_s"] = time.perf_counter() - started
            cursor.execute("DROP TABLE bare")
    return {"triples": count, "seconds": sum(seconds.values()), **seconds}


def snapshot(url: str, folder: Path) -> dict[str, Any]:
    """Cut, open, and look into it."""
    import random

    from k3m_kg.graph.store import GraphStore
    from k3m_kg.snapshot import build_snapshot
    from k3m_kg.snapshot.read import Snapshot

    with GraphStore.open(url) as store:
        started = time.perf_counter()
        built = build_snapshot(store, folder).snapshot
        seconds = time.perf_counter() - started
    started = time.perf_counter()
    opened = Snapshot.open(built.path)
    to_open = time.perf_counter() - started
    rows = random.Random(0).sample(range(len(opened.ids)), 5000)
    started = time.perf_counter()
    for row in rows:
        opened.product(row)
    record = (time.perf_counter() - started) / len(rows)
    return {"seconds": seconds, "open_s": to_open, "record_us": record * 1e6}


def look_up(url: str) -> dict[str, Any]:
    """One product at a time, by id."""
    import random
    import statistics

    from k3m_kg.graph.store import GraphStore

    with GraphStore.open(url) as store:
        count = store.status().products
        times = []
        for number in random.Random(0).sample(range(count), 1000):
            started = time.perf_counter()
            found = store.product(f"SKU-{number:09d}")
            times.append(time.perf_counter() - started)
            assert found is not None
    return {"p50_ms": statistics.median(times) * 1e3, "p99_ms": sorted(times)[-10] * 1e3}


STEPS = {
    "ingest": lambda url, source, mapping: ingest(
        url, Path(source), Path(mapping) if mapping else None
    ),
    "oxigraph": lambda source, folder: oxigraph(Path(source), Path(folder)),
    "bare_sqlite": lambda url, file: bare_sqlite(url, Path(file)),
    "bare_copy": bare_copy,
    "snapshot": lambda url, folder: snapshot(url, Path(folder)),
    "look_up": look_up,
}


def step(name: str, *arguments: object) -> dict[str, Any]:
    """Run one step in a process of its own; what it measured, with its peak memory."""
    command = [sys.executable, "-m", "benchmarks", "graph_catalog", "--step", name]
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [*command, *(str(a or "") for a in arguments)],
        stdout=subprocess.PIPE,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "triples" in result:
        result["rate"] = result["triples"] / result["seconds"]
    print(f"  {name}: {json.dumps({k: round(v, 3) for k, v in result.items()})}", flush=True)
    return result


def measure(
    products: int, work: Path, formats: list[str], postgresql: str | None, *, overlap: bool
) -> None:
    """All steps for one size."""
    print(f"{products:,} products, {products * TRIPLES:,} triples", flush=True)
    files = write(work, products, formats)
    mapping = work / "mapping.yaml"
    rates: dict[str, float] = {}
    url = ""
    for name, file in files.items():
        database = work / f"{name}-{products}.db"
        for old in work.glob(f"{database.name}*"):
            old.unlink()
        print(name)
        url = f"sqlite:///{database}"
        rates[name] = step("ingest", url, file, mapping if name == "parquet" else None)["rate"]
    print("again, unchanged")
    step("ingest", url, file, mapping if name == "parquet" else None)
    if overlap:
        _overlap(f"sqlite:///{work}/tsv-{products}.db", files["tsv"])
    (work / "bare.db").unlink(missing_ok=True)
    bare = step("bare_sqlite", url, work / "bare.db")["rate"]
    for name, rate in rates.items():
        print(f"  {name} at {rate / bare:.2f} of bare SQLite")
    if "nt" in files:
        shutil.rmtree(work / "oxigraph", ignore_errors=True)
        peer = step("oxigraph", files["nt"], work / "oxigraph")["rate"]
        # The file also says of each product what it is and its title: twelve lines, ten triples.
        print(f"  nt at {rates['nt'] * 1.2 / peer:.2f} of oxigraph's bulk load, line by line")
    step("look_up", url)
    shutil.rmtree(work / "snapshots", ignore_errors=True)
    step("snapshot", url, work / "snapshots")
    if postgresql:
        _postgresql(postgresql, url, next(iter(files.values())), mapping)


def _overlap(url: str, tsv: Path) -> None:
    """A second source about the same products: other properties, then the same ones."""
    other, same = tsv.with_name(f"other-{tsv.name}"), tsv.with_name(f"same-{tsv.name}")
    with tsv.open() as lines, other.open("w") as file:
        file.writelines(line.replace("#:#", " again#:#") for line in lines)
    shutil.copyfile(tsv, same)
    print("two more sources of the same products: other properties, and the same ones")
    step("ingest", url, other, None)
    step("ingest", url, same, None)
    print("again, unchanged")
    step("ingest", url, other, None)


def _postgresql(server: str, sqlite: str, source: Path, mapping: Path) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS k3m_kg_benchmark CASCADE")
        connection.execute("CREATE SCHEMA k3m_kg_benchmark")
    joiner = "&" if "?" in server else "?"
    url = f"{server}{joiner}options=-csearch_path%3Dk3m_kg_benchmark"
    print("PostgreSQL")
    of_mapping = mapping if source.suffix == ".parquet" else None
    rate = step("ingest", url, source, of_mapping)["rate"]
    bare = step("bare_copy", url, sqlite)["rate"]
    print(f"  at {rate / bare:.2f} of a bare COPY of the same rows")
    step("look_up", url)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA k3m_kg_benchmark CASCADE")


def _peak_mib() -> float:
    """Of this process and the one that read for it, together at most.

    What the parent had before it became this process does not count.
    """
    status = Path("/proc/self/status").read_text()
    own = int(status.split("VmHWM:")[1].split()[0])
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="The graph at catalog scale.")
    parser.add_argument("--products", type=int, nargs="+", default=[100_000])
    parser.add_argument("--formats", nargs="+", default=["tsv", "parquet", "nt"])
    parser.add_argument("--work", type=Path, default=Path("runs/graph"))
    parser.add_argument("--postgresql", metavar="URL", help="a server to measure too")
    parser.add_argument("--overlap", action="store_true", help="sources about the same products")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        name, *arguments = options.step
        result = STEPS[name](*arguments)
        print(json.dumps(result | {"peak_mib": _peak_mib()}))
        return
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)  # quarantine files go here
    for products in options.products:
        measure(products, work, options.formats, options.postgresql, overlap=options.overlap)


if __name__ == "__main__":
    main()
