"""Browsing at catalog scale: how long the catalog takes to be read, and facets to be counted.

    python -m benchmarks serve_browse --products 200000

A generated graph (10 properties, 3 to 20,000 values each, by Zipf's law; titles of words), SQLite.
Every request is a different one: words, values, both, products that lack a property. What the
server does for a list, without the network and the template.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.records import ProductRecord
from k3m_kg.serve.browse.index import BrowseIndex, Wanted
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


def main() -> None:
    """Fill, read, ask, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--products", type=int, default=200_000)
    parser.add_argument("--requests", type=int, default=200)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        store, _ = GraphStore.create(f"sqlite:///{Path(folder, 'graph.db')}")
        with store:
            began = time.perf_counter()
            fill(store, options.products, random)
            print(f"{options.products:,} products written in {time.perf_counter() - began:.0f} s")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            began = time.perf_counter()
            with store.reading() as reader:
                index = BrowseIndex.read(reader)
            triples = sum(one.triples for one in index.properties)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            print(
                f"read {triples:,} triples in {time.perf_counter() - began:.1f} s, "
                f"at most {grown:.0f} MB more"
            )
            took = []
            for wanted in requests(random, options.requests):
                began = time.perf_counter()
                with store.reading() as reader:
                    numbers = numbers_of(reader, [value for _, value in wanted.values])
                    selection = index.select(wanted, numbers)
                    entities = index.columns.entities_N[selection.places[:40]].tolist()
                    list_products(reader, entities)
                    facets = list(index.facets(selection))
                    tails = {v.tail for f in facets if f.property >= 0 for v in f.values}
                    texts_of(reader, tails)
                took.append(1000 * (time.perf_counter() - began))
            shown = ", ".join(f"p{q} {np.percentile(took, q):.0f} ms" for q in (50, 95, 99))
            print(f"{len(took)} lists with facets: {shown}")


if __name__ == "__main__":
    main()
