"""What the objects of triples say as text: values, pictures, nested nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from k3m_kg.readers.rdf.groups import Pairs, SubjectPart
from k3m_kg.readers.rdf.languages import LiteralLanguages
from k3m_kg.readers.rdf.names import Blank, Iri, Tagged, local_name, schema_name
from k3m_kg.vocabulary import FIRST, ID, IMAGES, LABEL, PROPERTY, REST, TYPE, VALUE

_LABELS_KEPT = 1 << 18
_NODES_OF_A_PRODUCT = 2000
_ROLES = {"name": "title", "category": "category", "image": "image", "additionalProperty": "more"}
_APART = {TYPE: "type", LABEL: "label", ID: "id", IMAGES: "images"}

Pair = tuple[str, str]
Property = tuple[str, str]
"""Role ("" for a plain property) and name."""

schema_name_of = lru_cache(1 << 14)(schema_name)


class TooNested(Exception):  # noqa: N818  (becomes the reason of a RejectedRow)
    """A product refers to more nodes than any product has."""


class Nodes:
    """Names and nested values, of the part that is being read and of what came before.

    Attributes:
        part: the part that is being read.
        visits: how many nodes the record that is being made may still look into.
        languages: which of several literals counts.
    """

    def __init__(self, languages: LiteralLanguages | None = None) -> None:
        self.part = SubjectPart({}, {})
        self.languages = languages or LiteralLanguages()
        self.visits = _NODES_OF_A_PRODUCT
        self._predicates: dict[str, Property] = {}
        self._labels: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._named: dict[str, str] = {}

    def learn_label(self, subject: Iri, pairs: Pairs) -> bool:
        """Remember what a property or value is called; whether that was new."""
        if subject.startswith((PROPERTY, VALUE)) or len(self._labels) >= _LABELS_KEPT:
            return False
        label = self.first(pairs, LABEL)
        if not label or subject in self._labels:
            return False
        self._labels[subject] = label
        self._predicates.pop(subject, None)
        return True

    def property(self, iri: Iri) -> Property:
        """What a predicate means."""
        found = self._predicates.get(iri)
        if found is None:
            known = schema_name(iri)
            role = _APART.get(iri) or _ROLES.get(known or "", "")
            found = role, self._labels.get(iri) or known or local_name(iri)
            if len(self._predicates) < _LABELS_KEPT:
                self._predicates[iri] = found
        return found

    def begin(self) -> None:
        """A new record is made."""
        self.visits = _NODES_OF_A_PRODUCT

    def pairs(self, term: str) -> Pairs:
        """What is said of a node in this part.

        Raises:
            TooNested: the record has asked for too many.
        """
        self.visits -= 1
        if self.visits < 0:
            raise TooNested
        if isinstance(term, Blank):
            found = self.part.nodes.get(term)
        else:
            found = self.part.subjects.get(Iri(term))
        return found[1] if found else []

    def name(self, term: Iri) -> str:
        """What an IRI that is no product is called, by each product the same.

        Two nodes with one label or local name stay two: the second has its IRI behind the name.
        """
        if term.startswith((PROPERTY, VALUE)):
            return local_name(term)
        known = self._names.get(term)
        if known is not None:
            return known
        label = self._labels.get(term)
        name = None if label else self.schema_first(self.pairs(term), "name")
        if name is None:
            name = label or local_name(term)
            node = schema_name_of(term) or str(term)
            if len(self._named) < _LABELS_KEPT and self._named.setdefault(name, node) != node:
                name = f"{name} <{term}>"
        if len(self._names) < _LABELS_KEPT:
            self._names[term] = name
        return name

    def text(self, term: str) -> str | None:
        """A term as one text."""
        return next((text for _, text in self.values("", term)), None)

    def values(self, name: str, term: str) -> Iterator[Pair]:
        """The values that a term is: a node without a name has those of its properties."""
        if isinstance(term, Iri):
            yield name, self.name(term)
        elif not isinstance(term, Blank):
            if term:
                yield name, term
        else:
            pairs = self.pairs(term)
            text = self.first(pairs, LABEL) or self.schema_first(pairs, "name")
            if text:
                yield name, text
            elif any(predicate == FIRST and term for predicate, term in pairs):
                for item in self.list(term):
                    yield from self.values(name, item)
            else:
                for predicate, inner in pairs:
                    role, own = self.property(predicate)
                    if role != "type":
                        yield from self.values(f"{name}.{own}" if name else own, inner)

    def additional(self, name: str, term: str) -> Iterator[Pair]:
        """A `PropertyValue`, with its unit behind the value."""
        pairs = self.pairs(term) if isinstance(term, (Iri, Blank)) else []
        own = (
            self.schema_first(pairs, "name")
            or self.first(pairs, LABEL)
            or self.schema_first(pairs, "propertyID")
        )
        values = [
            text
            for predicate, inner in pairs
            if schema_name_of(predicate) == "value"
            for _, text in self.values("", inner)
        ]
        if own and values:
            unit = self.schema_first(pairs, "unitText") or self.schema_first(pairs, "unitCode")
            yield from ((own, _with_unit(value, unit)) for value in values)
        else:
            yield from self.values(name, term)

    def images(self, term: str) -> Iterable[str]:
        """The path or URL of a picture, written as text, IRI or `ImageObject`."""
        if not isinstance(term, (Iri, Blank)):
            return [term] if term else []
        pairs = self.pairs(term)
        url = self.schema_first(pairs, "contentUrl") or self.schema_first(pairs, "url")
        if url:
            return [url]
        return [str(term)] if isinstance(term, Iri) else []

    def list(self, term: str) -> Iterator[str]:
        """The items of an RDF list; one that runs in a circle ends with `TooNested`."""
        while isinstance(term, Blank):
            pairs = self.pairs(term)
            yield from (item for predicate, item in pairs if predicate == FIRST)
            term = next((rest for predicate, rest in pairs if predicate == REST), "")

    def first(self, pairs: Pairs, predicate: str) -> str | None:
        """The text or IRI behind a predicate: the first in the best language."""
        found = [
            term
            for name, term in pairs
            if name == predicate and term and not isinstance(term, Blank)
        ]
        picked = self.languages.pick(found)
        return None if picked is None else str(picked)

    def schema_first(self, pairs: Pairs, name: str) -> str | None:
        """`first`, of a predicate of schema.org."""
        found = [
            term
            for predicate, term in pairs
            if term and schema_name_of(predicate) == name and not isinstance(term, Blank)
        ]
        picked = self.languages.pick(found)
        return None if picked is None else str(picked)


def _with_unit(value: str, unit: str | None) -> str:
    """A value with its unit, still in its language."""
    if not unit:
        return value
    text = f"{value} {unit}"
    return Tagged(text, value.language) if isinstance(value, Tagged) else text
