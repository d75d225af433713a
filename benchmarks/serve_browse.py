"""Browsing at catalog scale: how long the catalog takes to be read, and facets to be counted.

    python -m benchmarks serve_browse --products 200000 [--db URL]

A generated graph (10 properties, 3 to 20,000 values each, by Zipf's law; titles of words), in a
SQLite file that goes away, or in `--db`, where it stays and is taken as it is the next time. Every
request is a different one: words, values, both, products that lack a property. What the server does
for a list, without the network and the template. Times are by the clock and, in brackets, of this
process's processor.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.records import ProductRecord
from k3m_kg.serve.browse.index import BrowseIndex, Wanted
from k3m_kg.serve.browse.words import words_of
from k3m_kg.serve.explore.listing import list_products, numbers_of, texts_of

_VALUES = (3, 8, 12, 20, 40, 80, 200, 500, 2000, 20000)
_BATCH = 5000


def fill(store: GraphStore, products: int, random: np.random.Generator) -> None:
    """Make the graph."""
    words = [f"word{number}" for number in range(3000)]
    columns = [np.minimum(random.zipf(1.3, products) - 1, size - 1) % size for size in _VALUES]
    stated = random.random((products, len(_VALUES))) < 0.8
    chosen = np.minimum(random.zipf(1.2, (products, 6)), len(words)) - 1
    with store.writing() as writer:
        session = writer.session(SourceVersion("generated.csv", "csv", "d"), lambda images: [])
        for start in range(0, products, _BATCH):
            session.write(
                [
                    Statement(
                        ProductRecord(
                            f"P{row:07}",
                            " ".join(words[one] for one in chosen[row]),
                            f"class {row % 40}",
                            (),
                            tuple(
                                (f"property {n}", f"value {n}.{column[row]}")
                                for n, column in enumerate(columns)
                                if stated[row, n]
                            ),
                        )
                    )
                    for row in range(start, min(start + _BATCH, products))
                ]
            )
        session.finish(0)


def requests(random: np.random.Generator, count: int) -> list[Wanted]:
    """Different questions, from wide to narrow ones."""
    found = []
    for number in range(count):
        pairs = tuple(
            (f"property {n}", f"value {n}.{int(random.integers(0, min(5, _VALUES[n])))}")
            for n in random.choice(8, int(random.integers(0, 3)), replace=False).tolist()
        )
        query = f"word{int(random.integers(0, 60))}" if number % 2 else ""
        lacks = (f"property {int(random.integers(0, 10))}",) if number % 5 == 0 else ()
        found.append(Wanted(query, pairs, lacks))
    return found


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long something took."""
    clock, processor = time.perf_counter(), time.process_time()
    yield
    took = time.perf_counter() - clock, time.process_time() - processor
    print(f"{what}: {took[0]:.1f} s ({took[1]:.1f})", flush=True)


def ask(store: GraphStore, index: BrowseIndex, wanted: Wanted) -> None:
    """What a server does for one list."""
    with store.reading() as reader:
        numbers = numbers_of(reader, [value for _, value in wanted.values])
        selection = index.select(wanted, numbers)
        entities = index.columns.entities_N[selection.places[:40]].tolist()
        list_products(reader, entities)
        facets = list(index.facets(selection))
        texts_of(reader, {v.tail for f in facets if f.property >= 0 for v in f.values})


def measure(store: GraphStore, products: int, count: int) -> None:
    """Fill, read, ask, print."""
    random = np.random.default_rng(0)
    if store.status().products != products:
        with timed(f"{products:,} products ingested"):
            fill(store, products, random)
    with timed("words filled"):
        store.fill_words()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with timed("read"), store.reading() as reader:
        index = BrowseIndex.read(reader, words_of(store, reader))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{sum(one.triples for one in index.properties):,} triples, at most {grown:.0f} MB more")
    took, used = [], []
    for wanted in requests(np.random.default_rng(1), count):
        clock, processor = time.perf_counter(), time.process_time()
        ask(store, index, wanted)
        took.append(1000 * (time.perf_counter() - clock))
        used.append(1000 * (time.process_time() - processor))
    shown = ", ".join(
        f"p{q} {np.percentile(took, q):.0f} ({np.percentile(used, q):.0f}) ms" for q in (50, 95, 99)
    )
    print(f"{len(took)} lists with facets: {shown}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--products", type=int, default=200_000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--db")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store, _ = GraphStore.create(options.db or f"sqlite:///{Path(folder, 'graph.db')}")
        with store:
            measure(store, options.products, options.requests)


if __name__ == "__main__":
    main()
