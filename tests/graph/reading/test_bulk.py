"""The graph as texts is the same on both databases: RDF is made from it."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import rdflib

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.tables import EntityKind
from k3m_kg.rdf.export import export
from k3m_kg.rdf.store import GraphStoreRDF
from k3m_kg.records import ProductRecord
from tests.rdf.conftest import CATALOG, state
from tests.rdf.read_back import content_of, read_back


def test_rdf_of_either_database(database_url: str, tmp_path: Path) -> None:
    with GraphStore.create(database_url)[0] as store:
        state(store, CATALOG)
        report = export(store, tmp_path / "out.nt", "nt")
        assert read_back(ox.parse(path=str(tmp_path / "out.nt"))) == content_of(CATALOG)
        live = rdflib.Graph(store=GraphStoreRDF(database_url))
        assert len(live) == len(list(live)) == report.triples
        for subject, predicate, object_ in live:
            assert (subject, predicate, object_) in live
            assert subject in set(live.subjects(predicate, object_))
            assert predicate in set(live.predicates(None, object_))
        live.close()


def test_terms_are_found_and_streams_may_be_open_together(database_url: str) -> None:
    with GraphStore.create(database_url)[0] as store:
        state(store, CATALOG)
        with store.reading() as reader:
            graph = reader
            product = graph.find(EntityKind.PRODUCT, "a/b c?")
            assert product is not None
            assert graph.find(EntityKind.VALUE, "a/b c?") is None
            ((row,),) = graph.subjects([product])
            assert tuple(row) == (product, EntityKind.PRODUCT, "a/b c?", None, None)
            several = [graph.knowledge() for _ in range(3)]
            assert len({str(next(rows)) for rows in several}) == 1
            assert graph.find_property("colour") is not None
            assert graph.find_property("100 %") is None


def test_the_state_changes_with_every_run(database_url: str) -> None:
    with GraphStore.create(database_url)[0] as store:
        seen = set()

        def look() -> None:
            with store.reading() as reader:
                seen.add(reader.state())

        look()
        for title in ("a", "b"):
            state(store, [ProductRecord("1", title)])
            look()
            look()
        with store.writing() as writer:
            writer.undo(2)
        look()
        assert len(seen) == 4
