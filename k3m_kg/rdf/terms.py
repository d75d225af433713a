"""From lines of N-Triples to the terms of rdflib."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyoxigraph as ox
from rdflib import BNode, Literal, URIRef
from rdflib.term import Node

RdfTriple = tuple[Node, Node, Node]


def rdflib_triples(lines: Iterable[str]) -> Iterator[RdfTriple]:
    """The triples of lines that `k3m_kg.rdf.ntriples` made: no languages, no datatypes."""
    for quad in ox.parse("".join(lines), ox.RdfFormat.N_TRIPLES):
        yield _term(quad.subject), _term(quad.predicate), _term(quad.object)


def _term(term: object) -> Node:
    if isinstance(term, ox.NamedNode):
        return URIRef(term.value)
    if isinstance(term, ox.BlankNode):
        return BNode(term.value)
    assert isinstance(term, ox.Literal)
    return Literal(term.value)
