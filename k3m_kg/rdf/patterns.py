"""Triple patterns of RDF, answered from the tables: each by the look-up that fits it.

Subjects, properties and tails are found by index. Titles, categories and pictures have none: a
pattern that gives only one of these scans its table in the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain

from rdflib import BNode, Literal, URIRef
from rdflib.term import Node

from k3m_kg import vocabulary as v
from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.tables import EntityKind
from k3m_kg.rdf.ntriples import Properties, document, subject_lines
from k3m_kg.rdf.rdflib_terms import RdfTriple, rdflib_triples
from k3m_kg.rdf.subjects import Subject, iter_subjects

Pattern = tuple[Node | None, Node | None, Node | None]
_LIST_NODE = re.compile(r"images(\d+)x(\d+)")


class Patterns:
    """Answers triple patterns within one read transaction."""

    def __init__(self, graph: GraphReader) -> None:
        self._graph = graph

    def match(self, pattern: Pattern) -> Iterator[RdfTriple]:
        """The triples of the graph that fit; None fits everything. Each comes once."""
        subject, predicate, object_ = pattern
        if subject is not None:
            found = self._of_subject(subject)
        elif predicate is not None:
            found = self._of_predicate(predicate, object_)
        elif object_ is not None:
            found = chain(
                *(self._of_predicate(URIRef(iri), object_) for iri in self._fixed),
                self._knowledge(None, object_),
            )
        else:
            lines = document(iter_subjects(self._graph))
            found = chain.from_iterable(map(rdflib_triples, lines))
        return (triple for triple in found if _fits(triple, pattern))

    def _of_subject(self, subject: Node) -> Iterator[RdfTriple]:
        if isinstance(subject, BNode):
            if node := _LIST_NODE.fullmatch(subject):
                yield from self._lists(int(node[1]))
            return
        if (name := v.parse(v.PROPERTY, str(subject))) is not None:
            if self._graph.find_property(name) is not None:
                yield subject, URIRef(v.LABEL), Literal(name)
            return
        for kind, namespace in (
            (EntityKind.PRODUCT, v.PRODUCT),
            (EntityKind.VALUE, v.VALUE),
        ):
            text = v.parse(namespace, str(subject))
            entity = None if text is None else self._graph.find(kind, text)
            if entity is not None:
                for found in iter_subjects(self._graph, [entity]):
                    yield from rdflib_triples(subject_lines(found, Properties()))

    @property
    def _fixed(self) -> dict[str, Callable[[Node | None], Iterator[RdfTriple]]]:
        """How triples with each predicate of the vocabulary are found, by their object."""
        return {
            v.TYPE: self._types,
            v.ID: self._ids,
            v.TITLE: self._titles,
            v.CATEGORY: self._categories,
            v.IMAGE: self._images,
            v.IMAGES: self._list_triples,
            v.FIRST: self._list_triples,
            v.REST: self._list_triples,
            v.LABEL: self._labels,
        }

    def _of_predicate(self, predicate: Node, object_: Node | None) -> Iterator[RdfTriple]:
        fixed = self._fixed.get(str(predicate))
        if fixed is not None:
            found = fixed(object_)
            return (triple for triple in found if triple[1] == predicate)
        name = v.parse(v.PROPERTY, str(predicate))
        return iter(()) if name is None else self._knowledge(name, object_)

    def _products(
        self, *, title: str | None = None, category: str | None = None
    ) -> Iterator[tuple[URIRef, str, str | None, str | None]]:
        """(IRI, id, title, category) of the products that have these, or of all."""
        batches = self._graph.subjects(kind=EntityKind.PRODUCT, title=title, category=category)
        for _, _, text, known, sort in chain.from_iterable(batches):
            yield URIRef(v.mint(v.PRODUCT, text)), text, known, sort

    def _types(self, object_: Node | None) -> Iterator[RdfTriple]:
        if object_ in (None, URIRef(v.PRODUCT_CLASS)):
            for iri, *_ in self._products():
                yield iri, URIRef(v.TYPE), URIRef(v.PRODUCT_CLASS)

    def _ids(self, object_: Node | None) -> Iterator[RdfTriple]:
        if object_ is None:
            for iri, text, *_ in self._products():
                yield iri, URIRef(v.ID), Literal(text)
        elif (id_ := _plain(object_)) is not None:
            yield from self._of_subject(URIRef(v.mint(v.PRODUCT, id_)))

    def _titles(self, object_: Node | None) -> Iterator[RdfTriple]:
        if object_ is None or _plain(object_) is not None:
            for iri, _, known, _ in self._products(title=_plain(object_)):
                if known is not None:
                    yield iri, URIRef(v.TITLE), Literal(known)

    def _categories(self, object_: Node | None) -> Iterator[RdfTriple]:
        if object_ is None or _plain(object_) is not None:
            for iri, _, _, category in self._products(category=_plain(object_)):
                if category is not None:
                    yield iri, URIRef(v.CATEGORY), Literal(category)

    def _images(self, object_: Node | None) -> Iterator[RdfTriple]:
        if object_ is None or _plain(object_) is not None:
            for text, image in chain.from_iterable(self._graph.picture_owners(_plain(object_))):
                yield URIRef(v.mint(v.PRODUCT, text)), URIRef(v.IMAGE), Literal(image)

    def _list_triples(self, object_: Node | None) -> Iterator[RdfTriple]:
        node = _LIST_NODE.fullmatch(object_) if isinstance(object_, BNode) else None
        if object_ is None or node or _plain(object_) is not None or str(object_) == v.NIL:
            yield from self._lists(int(node[1]) if node else None)

    def _lists(self, product: int | None) -> Iterator[RdfTriple]:
        """The triples of the lists of pictures, of one product or of all."""
        only = None if product is None else [product]
        for subject in iter_subjects(self._graph, only):
            if len(subject.pictures) > 1:
                bare = Subject(subject.entity, subject.kind, subject.text)
                bare.pictures = subject.pictures
                for triple in rdflib_triples(subject_lines(bare, Properties())):
                    if triple[1] in _OF_LISTS:
                        yield triple

    def _labels(self, object_: Node | None) -> Iterator[RdfTriple]:
        if object_ is not None:
            if (text := _plain(object_)) is not None:
                yield from self._of_subject(URIRef(v.mint(v.PROPERTY, text)))
                yield from self._of_subject(URIRef(v.mint(v.VALUE, text)))
            return
        for name in self._graph.properties_in_use():
            yield URIRef(v.mint(v.PROPERTY, name)), URIRef(v.LABEL), Literal(name)
        for _, _, text, *_ in chain.from_iterable(self._graph.subjects(kind=EntityKind.VALUE)):
            yield URIRef(v.mint(v.VALUE, text)), URIRef(v.LABEL), Literal(text)

    def _knowledge(self, name: str | None, object_: Node | None) -> Iterator[RdfTriple]:
        """The triples that have a property as predicate."""
        property_ = None if name is None else self._graph.find_property(name)
        tail = None if object_ is None else self._tail(object_)
        if (name is not None and property_ is None) or (object_ is not None and tail is None):
            return
        rows = chain.from_iterable(self._graph.matching(property=property_, tail=tail))
        for head_kind, head, used, kind, text in rows:
            yield (
                URIRef(v.mint(v.PRODUCT if head_kind == EntityKind.PRODUCT else v.VALUE, head)),
                URIRef(v.mint(v.PROPERTY, used)),
                URIRef(v.mint(v.PRODUCT, text)) if kind == EntityKind.PRODUCT else Literal(text),
            )

    def _tail(self, object_: Node) -> int | None:
        text = _plain(object_)
        if text is not None:
            return self._graph.find(EntityKind.VALUE, text)
        product = v.parse(v.PRODUCT, str(object_)) if isinstance(object_, URIRef) else None
        return None if product is None else self._graph.find(EntityKind.PRODUCT, product)


_OF_LISTS = {URIRef(v.IMAGES), URIRef(v.FIRST), URIRef(v.REST)}


def _plain(node: Node | None) -> str | None:
    """The text of a plain string; None for every other node."""
    if isinstance(node, Literal) and node.datatype is None and node.language is None:
        return str(node)
    return None


def _fits(triple: RdfTriple, pattern: Pattern) -> bool:
    return all(
        wanted is None or wanted == term for wanted, term in zip(pattern, triple, strict=True)
    )
