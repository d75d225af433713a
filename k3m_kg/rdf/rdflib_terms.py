"""From the terms of oxigraph to those of rdflib."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyoxigraph as ox
from rdflib import BNode, Literal, URIRef
from rdflib.term import Node

_STRING = "http://www.w3.org/2001/XMLSchema#string"
RdfTriple = tuple[Node, Node, Node]


def rdflib_triples(lines: Iterable[str]) -> Iterator[RdfTriple]:
    """The triples of lines of N-Triples; blank nodes keep their names."""
    for quad in ox.parse("".join(lines), ox.RdfFormat.N_TRIPLES):
        yield rdflib_triple(quad)


def rdflib_triple(quad: ox.Quad | ox.Triple) -> RdfTriple:
    """The same triple with rdflib's terms."""
    return _term(quad.subject), _term(quad.predicate), _term(quad.object)


def _term(term: object) -> Node:
    if isinstance(term, ox.NamedNode):
        return URIRef(term.value)
    if isinstance(term, ox.BlankNode):
        return BNode(term.value)
    assert isinstance(term, ox.Literal)
    if term.language:
        return Literal(term.value, lang=term.language)
    plain = term.datatype.value == _STRING
    return Literal(term.value, datatype=None if plain else URIRef(term.datatype.value))
