"""RDF/XML, streamed. It cannot say everything, and what it cannot is said otherwise or refused.

An element's name is the last part of a predicate's IRI, and a name does not begin with a digit. So
no element can be made of `property/size%202` ("size 2"). Values of products by such a property are
written as schema.org has it, `schema:additionalProperty` with a `schema:PropertyValue`, which
`k3m-kg ingest` reads as the same triple. Links, and triples of values, have no such other form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

import pyoxigraph as ox

from k3m_kg.errors import K3MError
from k3m_kg.vocabulary import PREFIXES, PRODUCT, PROPERTY, parse

_LOCAL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*$")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_KNOWN = {namespace: prefix for prefix, namespace in PREFIXES.items()}


def rdfxml(triples: Iterable[ox.Triple]) -> Iterator[str]:
    """An RDF/XML document; consecutive triples of one subject share an element.

    Raises:
        K3MError: a text or a property is none that XML can write.
    """
    declared = "".join(f"\n    xmlns:{prefix}={quoteattr(ns)}" for prefix, ns in PREFIXES.items())
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<rdf:RDF{declared}>\n'
    for subject, group in groupby(triples, lambda triple: triple.subject):
        yield f"<rdf:Description{_reference(subject, 'about')}>\n"
        for triple in group:
            yield _element(triple)
        yield "</rdf:Description>\n"
    yield "</rdf:RDF>\n"


def _reference(node: object, attribute: str) -> str:
    if isinstance(node, ox.BlankNode):
        return f' rdf:nodeID="{node.value}"'
    assert isinstance(node, ox.NamedNode)
    return f" rdf:{attribute}={quoteattr(node.value)}"


def _element(triple: ox.Triple) -> str:
    iri, value = triple.predicate.value, triple.object
    local = _LOCAL_NAME.search(iri)
    name = parse(PROPERTY, iri)
    if local is None:
        assert name is not None
        if not isinstance(value, ox.Literal) or not str(triple.subject).startswith(f"<{PRODUCT}"):
            raise _unfit(f"XML has no element for the property {name!r} of a link or value", triple)
        return (
            "  <schema:additionalProperty><schema:PropertyValue>"
            + _property("schema:name", "", ox.Literal(name), triple)
            + _property("schema:value", "", value, triple)
            + "</schema:PropertyValue></schema:additionalProperty>\n"
        )
    namespace = iri[: local.start()]
    known = _KNOWN.get(namespace)
    declared = "" if known else f" xmlns:p={quoteattr(namespace)}"
    return "  " + _property(f"{known or 'p'}:{local[0]}", declared, value, triple) + "\n"


def _property(name: str, declared: str, value: object, triple: ox.Triple) -> str:
    if not isinstance(value, ox.Literal):
        return f"<{name}{declared}{_reference(value, 'resource')}/>"
    if _NO_XML.search(value.value):
        raise _unfit(f"XML cannot hold the control character in {value.value!r}", triple)
    text = escape(value.value, {"\r": "&#13;"})
    return f"<{name}{declared}>{text}</{name}>"


def _unfit(message: str, triple: ox.Triple) -> K3MError:
    return K3MError(
        message,
        where=f"{triple.subject} {triple.predicate}",
        hint="export to another format: nt, nq, ttl, trig or jsonld",
    )
