"""What RDF in the shape of our exports says, read independently of the code under test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pyoxigraph as ox

from k3m_kg.records import ProductRecord, ValueRecord

BASE = "https://k3m-kg.org/"
SCHEMA = "https://schema.org/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"


@dataclass
class Described:
    """A product or value, whatever the order of its triples."""

    title: str | None = None
    category: str | None = None
    images: tuple[str, ...] = ()
    pairs: set[tuple[str, str]] = field(default_factory=set)
    links: set[tuple[str, str]] = field(default_factory=set)


Content = dict[tuple[str, str], Described]
"""By kind and text."""


def content_of(records: Sequence[ProductRecord | ValueRecord]) -> Content:
    """The same for records."""
    found: Content = {}
    for record in records:
        if isinstance(record, ValueRecord):
            found["value", record.value] = Described(pairs=set(record.properties))
        else:
            found["product", record.id] = Described(
                record.title, record.category, record.images, set(record.properties),
                set(record.links),
            )  # fmt: skip
    return found


def read_back(quads: Iterable[ox.Quad]) -> Content:
    """The content of parsed RDF; asserts that nothing else is in it."""
    objects: dict[Any, dict[str, list[Any]]] = {}
    for quad in quads:
        assert quad.graph_name == ox.DefaultGraph()
        about = objects.setdefault(quad.subject, {})
        about.setdefault(quad.predicate.value, []).append(quad.object)
    found: Content = {}
    used, labelled = set(), set()
    for subject, about in objects.items():
        if isinstance(subject, ox.BlankNode):
            continue
        kind, _, encoded = subject.value.removeprefix(BASE).partition("/")
        text = unquote(encoded, errors="strict")
        if kind == "property":
            assert about == {LABEL: [ox.Literal(text)]}
            labelled.add(text)
            continue
        item = found[kind, text] = Described()
        if kind == "product":
            assert about.pop(RDF + "type") == [ox.NamedNode(SCHEMA + "Product")]
            assert about.pop(BASE + "ns#id") == [ox.Literal(text)]
        else:
            assert about.pop(LABEL) == [ox.Literal(text)]
        item.title = _only(about.pop(SCHEMA + "name", []))
        item.category = _only(about.pop(SCHEMA + "category", []))
        item.images = tuple(o.value for o in about.pop(SCHEMA + "image", []))
        if nodes := about.pop(BASE + "ns#images", None):
            distinct, item.images = set(item.images), tuple(_list(objects, *nodes))
            assert set(item.images) == distinct
            assert len(item.images) > 1
        for value in about.pop(SCHEMA + "additionalProperty", []):
            pair = objects[value]
            (name,), (tail,) = pair[SCHEMA + "name"], pair[SCHEMA + "value"]
            used.add(name.value)
            (item.pairs if isinstance(tail, ox.Literal) else item.links).add(
                (name.value, _text(tail))
            )
        for predicate, tails in about.items():
            name = unquote(predicate.removeprefix(BASE + "property/"), errors="strict")
            used.add(name)
            for tail in tails:
                (item.pairs if isinstance(tail, ox.Literal) else item.links).add(
                    (name, _text(tail))
                )
    assert used == labelled
    return found


def _only(nodes: list[Any]) -> str | None:
    assert len(nodes) < 2
    return _text(nodes[0]) if nodes else None


def _text(tail: Any) -> str:
    if isinstance(tail, ox.Literal):
        assert tail == ox.Literal(tail.value)
        return tail.value
    return unquote(tail.value.removeprefix(BASE + "product/"), errors="strict")


def _list(objects: dict[Any, dict[str, list[Any]]], node: Any) -> Iterable[str]:
    while node != ox.NamedNode(RDF + "nil"):
        (first,), (node,) = objects[node][RDF + "first"], objects[node][RDF + "rest"]
        yield first.value
