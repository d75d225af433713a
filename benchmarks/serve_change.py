"""Requests while a changed catalog is read anew, beside the same when nothing changes.

    python -m benchmarks serve_change --products 1000000 --db URL

The graph of `serve_browse`, `k3m-kg serve` over it, and some clients, each a thread with a
connection of its own, that look at products, ask for lists with facets and take items to review,
with a pause after each request. First while the server reads the catalog for the first time, when
there are no lists yet; then when it knows the graph as it is; then another source states some of
the products, as a second ingest does, and the server reads all of them anew behind the requests,
until a list says that it is up to date. The server reads at most one twentieth of the time, so this
waits until it would. Times are by the clock.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from benchmarks._figures import add_out, tell
from benchmarks.serve_browse import fill
from benchmarks.serve_load import Client, Seen, served
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.records import ProductRecord


def ask(
    address: str,
    number: int,
    options: argparse.Namespace,
    kept: Seen,
    end: threading.Event,
    lists: bool,
) -> None:
    """Until it shall end: one request, a pause, the next."""
    client = Client(address, f"reviewer {number}", kept)
    random = np.random.default_rng()
    while not end.is_set():
        product = f"P{int(random.integers(options.products)):07}"
        client.ask("product page", "GET", f"/product?id={quote(product)}")
        time.sleep(options.pause)
        if lists:
            client.ask("list with facets", "GET", f"/browse?q=word{int(random.integers(20, 400))}")
            time.sleep(options.pause)
        client.ask("next item", "POST", "/api/v1/proposals/next", {"count": 1})
        time.sleep(options.pause)


def is_fresh(address: str) -> bool:
    """Whether the server knows the graph as it is; asking makes it read."""
    found = Client(address, "watches", Seen()).ask("", "GET", "/api/v1/products?limit=1")
    return bool(found and found["fresh"])


def during(
    options: argparse.Namespace,
    address: str,
    most: float,
    *,
    until_fresh: bool = True,
    lists: bool = True,
) -> dict[str, Any]:
    """The figures of some clients, for so many seconds, or until the server is up to date."""
    kept, end = [Seen() for _ in range(options.clients)], threading.Event()
    threads = [
        threading.Thread(target=ask, args=(address, n, options, seen, end, lists))
        for n, seen in enumerate(kept)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    while time.perf_counter() - began < most and not (until_fresh and is_fresh(address)):
        time.sleep(0.2)
    seconds = time.perf_counter() - began
    end.set()
    for thread in threads:
        thread.join()
    took: dict[str, list[float]] = defaultdict(list)
    for seen in kept:
        for kind, times in seen.took.items():
            took[kind] += times
    return {
        "seconds": round(seconds, 1),
        "refused": sum(sum(seen.refused.values()) for seen in kept),
        "milliseconds": {
            kind: {"requests": len(times)}
            | {f"p{n}": round(1000 * float(np.percentile(times, n)), 1) for n in (50, 95, 99)}
            for kind, times in sorted(took.items())
        },
    }


def change(store: GraphStore, products: int, count: int) -> None:
    """Another source states some products."""
    rows = np.random.default_rng(1).permutation(products)[:count].tolist()
    with store.writing() as writer:
        session = writer.session(SourceVersion(f"second-{time.time()}", "csv", "e"), lambda _: [])
        said = (("property 0", "value 0.1"), ("finish", "matt"))
        session.write(
            [Statement(ProductRecord(f"P{n:07}", "a title", None, (), said)) for n in rows]
        )
        session.finish(0)


def measure(options: argparse.Namespace, db: str) -> dict[str, Any]:
    """Without a change, and while one is read."""
    random = np.random.default_rng(0)
    store, _ = GraphStore.create(db)
    with store:
        if not store.status().products:
            fill(store, options.products, random)
        rows = random.permutation(options.products)[:2000].tolist()
        offers = [ReviewOffer(f"P{row:07}", "material", "steel", 0.5) for row in rows]
        ReviewDesk(store).add("generated", offers)
        with served(db, first="/api/v1/runs") as address:
            first = during(options, address, 600.0, lists=False)
            quiet = during(options, address, options.seconds, until_fresh=False)
            time.sleep(max(0.0, 20 * first["seconds"] - options.seconds))
            change(store, options.products, options.changed)
            again = during(options, address, 600.0)
    return {
        "database": db.partition(":")[0],
        "products": options.products,
        "changed": options.changed,
        "clients": options.clients,
        "load": round(os.getloadavg()[0], 1),
        "while_it_is_read_first": first,
        "without_a_change": quiet,
        "while_it_is_read_again": again,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Requests while a changed catalog is read.")
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.1, help="seconds after each request")
    parser.add_argument("--seconds", type=float, default=30.0, help="without a change")
    parser.add_argument("--db", help="the graph of `serve_browse`; by default a fresh SQLite file")
    add_out(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = options.db or f"sqlite:///{Path(folder, 'graph.db')}"
        tell(measure(options, db), options.out)


if __name__ == "__main__":
    main()
