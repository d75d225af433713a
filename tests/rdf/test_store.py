"""rdflib on the SQL graph answers as rdflib does on the exported file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product as combinations
from pathlib import Path

import pytest
import rdflib
from hypothesis import HealthCheck, given, settings
from rdflib import RDF, RDFS, BNode, Literal, URIRef
from rdflib.compare import to_isomorphic
from rdflib.graph import ModificationException

from k3m_kg.errors import GraphError, UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.export import export
from k3m_kg.rdf.store import GraphStoreRDF
from k3m_kg.records import ProductRecord
from k3m_kg.vocabulary import K3M, PRODUCT, PROPERTY, SCHEMA, VALUE
from tests.rdf.conftest import CATALOG, Record, catalogs, state

Triples = set[tuple[object, object, object]]


@pytest.fixture
def live(store: GraphStore) -> Iterator[rdflib.Graph]:
    graph = rdflib.Graph(store=GraphStoreRDF(store.url))
    yield graph
    graph.close()


def loaded(store: GraphStore, path: Path) -> rdflib.Graph:
    """rdflib's own memory store, with the same names of blank nodes."""
    export(store, path, "nt")
    text = path.read_text(encoding="utf-8")
    names = {name: BNode(name) for name in re.findall(r"_:(images\d+x\d+)", text)}
    return rdflib.Graph().parse(data=text, format="nt", bnode_context=names)


def patterns(graph: rdflib.Graph) -> Iterator[tuple[object, object, object]]:
    """Every pattern that has at least one triple, and some that have none."""
    others = (URIRef(PRODUCT + "none"), RDF.type, Literal("none"))
    for triple in [*graph, others]:
        for bound in combinations((True, False), repeat=3):
            yield tuple(term if use else None for term, use in zip(triple, bound, strict=True))  # type: ignore[misc]


def assert_same(live: rdflib.Graph, expected: rdflib.Graph) -> None:
    assert len(live) == len(expected)
    for pattern in set(patterns(expected)):
        found = list(live.triples(pattern))  # type: ignore[arg-type]
        assert len(found) == len(set(found)), pattern
        assert set(found) == set(expected.triples(pattern)), pattern  # type: ignore[arg-type]


def test_every_pattern_gives_what_the_exported_file_has(
    store: GraphStore, live: rdflib.Graph, tmp_path: Path
) -> None:
    assert_same(live, loaded(store, tmp_path / "out.nt"))


@settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(records=catalogs())
def test_every_pattern_of_any_catalog(
    any_store: GraphStore, tmp_path: Path, records: Sequence[Record]
) -> None:
    state(any_store, records)
    graph = rdflib.Graph(store=GraphStoreRDF(any_store.url))
    assert to_isomorphic(graph) == to_isomorphic(loaded(any_store, tmp_path / "out.nt"))
    assert_same(graph, loaded(any_store, tmp_path / "out.nt"))
    graph.close()


@pytest.mark.parametrize(
    "term",
    [
        Literal("red", lang="en"),
        Literal("1", datatype=rdflib.XSD.integer),
        Literal("red", datatype=rdflib.XSD.string),
        URIRef("red"),
        BNode("red"),
        BNode("images1x99"),
        URIRef(VALUE + "mugs"),
        URIRef(PROPERTY + "unused"),
        URIRef(PRODUCT + "gone"),
        Literal(1),
    ],
)
def test_terms_that_the_graph_does_not_have(
    store: GraphStore, live: rdflib.Graph, tmp_path: Path, term: object
) -> None:
    expected = loaded(store, tmp_path / "out.nt")
    for pattern in ((term, None, None), (None, term, None), (None, None, term)):
        found = set(live.triples(pattern))  # type: ignore[arg-type]
        assert found == set(expected.triples(pattern))  # type: ignore[arg-type]


QUERIES = [
    "SELECT ?p ?t { ?p a schema:Product . OPTIONAL { ?p schema:name ?t } }",
    "SELECT ?v (COUNT(*) AS ?n) { ?p property:colour ?v } GROUP BY ?v ORDER BY ?v",
    "SELECT ?other { product:1 schema:category ?c . ?other schema:category ?c }",
    "SELECT ?a ?b { ?a property:variant%20of ?b . ?b k3m:id '1' }",
    "SELECT ?p ?more { ?p property:colour ?v . ?x rdfs:label ?v . ?x ?q ?more }",
    "SELECT ?image { ?p k3m:images/rdf:rest*/rdf:first ?image }",
    "SELECT ?x { ?x ?p 'red' FILTER NOT EXISTS { ?x a schema:Product } }",
    "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
    "SELECT ?name { [] ?property [] . ?property rdfs:label ?name } ORDER BY ?name",
    "ASK { product:1 property:colour 'red' ; property:material ?m }",
    "CONSTRUCT { ?p k3m:is ?v } { ?p property:colour ?v }",
]


@pytest.mark.parametrize("query", QUERIES)
def test_sparql_of_rdflib(
    store: GraphStore, live: rdflib.Graph, tmp_path: Path, query: str
) -> None:
    memory = loaded(store, tmp_path / "out.nt")
    names = dict(live.namespaces())
    found, expected = live.query(query), memory.query(query, initNs=names)
    assert found.type == expected.type
    if found.type == "ASK":
        assert found.askAnswer is expected.askAnswer is True
    else:
        assert sorted(map(str, found)) == sorted(map(str, expected)) != []


def test_prefixes_are_known(live: rdflib.Graph) -> None:
    assert dict(live.namespaces()).items() >= {
        "k3m": URIRef(K3M), "schema": URIRef(SCHEMA), "product": URIRef(PRODUCT),
    }.items()  # fmt: skip
    live.bind("mine", "https://example.org/")
    assert live.qname("https://example.org/x") == "mine:x"
    assert "schema:Product" in live.serialize(format="turtle")


def test_it_is_live(store: GraphStore, live: rdflib.Graph) -> None:
    assert live.value(URIRef(PRODUCT + "1"), RDF.type)
    state(store, [ProductRecord("new", "t")])
    assert list(live.subjects(RDF.type)) == [URIRef(PRODUCT + "new")]
    assert len(live) == 3


def test_patterns_read_together_show_one_state(store: GraphStore, live: rdflib.Graph) -> None:
    outer = live.triples((None, RDFS.label, None))
    next(outer)
    state(store, [ProductRecord("new", "t")])
    assert len(list(live.subjects(RDF.type))) == 3
    outer.close()  # type: ignore[attr-defined]
    assert len(list(live.subjects(RDF.type))) == 1


def test_many_patterns_may_be_open_at_once(live: rdflib.Graph) -> None:
    opened = [live.triples((None, None, None)) for _ in range(40)]
    assert all(next(found) for found in opened)


def test_changes_are_refused(live: rdflib.Graph) -> None:
    triple = (URIRef("a:a"), URIRef("a:b"), Literal("c"))
    before = len(live)
    with pytest.raises(ModificationException):
        live.add(triple)
    with pytest.raises(ModificationException):
        live.addN([(*triple, live)])
    with pytest.raises(ModificationException):
        live.remove((None, None, None))
    with pytest.raises(ModificationException):
        live.update("INSERT DATA { <a:a> <a:b> <a:c> }")
    assert len(live) == before


def test_there_is_one_context(live: rdflib.Graph) -> None:
    assert list(live.store.contexts()) == []
    assert not live.store.context_aware


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="no such database"):
        GraphStoreRDF(f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(UsageError, match="not open"):
        len(rdflib.Graph(store=GraphStoreRDF()))
    assert not (tmp_path / "none.db").exists()


def test_opening_through_rdflib(store: GraphStore) -> None:
    graph = rdflib.Graph(store=GraphStoreRDF())
    graph.open(store.url)
    assert len(graph) > len(CATALOG)
    graph.close()
