"""SPARQL group-by over a million triples: `k3m_kg.rdf.sparql` against oxigraph alone, in one run.

Both have the same N-Triples in a store on disk. Ours also looks whether the cut is that of the
current graph and runs the query in a process of its own that can be stopped; the cut is built
before. Runs alternate, so that a noisy machine hits both alike; the ratio of medians is what to
quote.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.rdf.export import export
from k3m_kg.rdf.sparql import query
from k3m_kg.records import ProductRecord
from k3m_kg.vocabulary import PREFIXES

PRODUCTS, PROPERTIES, ROUNDS = 75_000, 10, 7
QUERIES = {
    "triples per predicate": "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p",
    "products per category": "SELECT ?c (COUNT(*) AS ?n) { ?s schema:category ?c } GROUP BY ?c",
    "values of a property": "SELECT ?v (COUNT(*) AS ?n) { ?s property:p0 ?v } GROUP BY ?v "
    "ORDER BY DESC(?n) LIMIT 20",
}


def fill(store: GraphStore) -> None:
    """A catalog in which a few values are frequent and most are rare."""
    dice = random.Random(0)

    def product(number: int) -> Statement:
        values = [min(int(dice.paretovariate(1.1)), 20_000) for _ in range(PROPERTIES)]
        pairs = tuple((f"p{k}", f"value {value}") for k, value in enumerate(values))
        return Statement(
            ProductRecord(str(number), f"title {number}", f"category {number % 50}", (), pairs)
        )

    with store.writing() as writer:
        session = writer.session(SourceVersion("bench", "bench", "0"), lambda images: [])
        for start in range(0, PRODUCTS, 5_000):
            session.write([product(number) for number in range(start, start + 5_000)])
        session.finish(0)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="k3m-kg-bench") as name:
        folder = Path(name)
        with GraphStore.create(f"sqlite:///{folder}/graph.db")[0] as store:
            fill(store)
            report = export(store, folder / "graph.nt", "nt")
            print(
                f"{report.triples:,} triples: export to N-Triples {report.seconds:.1f} s "
                f"({report.triples / report.seconds:,.0f}/s)"
            )
            alone = ox.Store(str(folder / "alone"))
            load = seconds(lambda: alone.bulk_load(path=str(folder / "graph.nt")))
            first = seconds(lambda: query(store, "ASK {}"))
            print(
                f"cut built in {first:.1f} s, oxigraph alone loads the file in {load:.1f} s: "
                f"ratio {first / load:.2f}"
            )
            for title, text in QUERIES.items():
                times: dict[str, list[float]] = {"alone": [], "ours": []}
                for _ in range(ROUNDS):
                    times["alone"].append(
                        seconds(lambda: list(alone.query(text, prefixes=PREFIXES)))  # noqa: B023
                    )
                    times["ours"].append(seconds(lambda: query(store, text)))  # noqa: B023
                median = {who: statistics.median(found) for who, found in times.items()}
                print(
                    f"{title}: ours {median['ours']:.3f} s, oxigraph alone "
                    f"{median['alone']:.3f} s, ratio {median['ours'] / median['alone']:.2f}"
                )


if __name__ == "__main__":
    main()
