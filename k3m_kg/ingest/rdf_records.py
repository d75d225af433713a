"""From subjects to records: which are products, and what their triples say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from k3m_kg.ingest.cells import unstorable
from k3m_kg.ingest.rdf_groups import Pairs, Part, is_typed
from k3m_kg.ingest.rdf_terms import (
    FIRST,
    ID,
    IMAGES,
    LABEL,
    NIL,
    PROPERTIES,
    REST,
    TYPE,
    VALUES,
    Blank,
    Iri,
    local_name,
    namespace_of,
    product_id,
    schema_name,
)
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow, ValueRecord

_LABELS_KEPT = 1 << 18
_DEPTH = 8
_ROLES = {"name": "title", "category": "category", "image": "image", "additionalProperty": "more"}
_BLANK_IDS = ("sku", "productID", "gtin", "gtin13", "gtin14", "gtin12", "gtin8", "mpn")
_APART = {TYPE: "type", LABEL: "label", ID: "id", IMAGES: "images"}

_Pair = tuple[str, str]
_Property = tuple[str, str]
"""Role ("" for a plain property) and name."""


class Records:
    """Turns the parts of one file into records."""

    def __init__(self) -> None:
        self._first = True
        self._untyped = False
        self._predicates: dict[str, _Property] = {}
        self._labels: dict[str, str] = {}
        self._product_spaces: set[str] = set()
        self._other_spaces: set[str] = set()
        self._part = Part({}, {})
        self._products: set[str] = set()
        self._helpers: set[str] = set()

    def of(self, part: Part) -> Iterator[CatalogRecord]:
        """The records of a part, in the order of their lines."""
        self._part = part
        if self._first:
            self._first = False
            self._untyped = not is_typed(part)
            self._prepare()
        records: list[CatalogRecord] = list(part.rejected)
        for subject, (line, pairs) in part.subjects.items():
            self._learn_label(subject, pairs)
            if self._is_product(subject, pairs):
                self._product_spaces.add(namespace_of(subject))
                records.append(self._product(self._id(subject), pairs, line))
            else:
                self._other_spaces.add(namespace_of(subject))
                records += self._value(subject, pairs, line)
        for node, (line, pairs) in part.nodes.items():
            if self._is_product(Blank(node), pairs):
                records.append(self._blank_product(pairs, line))
        records.sort(key=lambda record: record.line)
        yield from records
        self._part = Part({}, {})

    def _prepare(self) -> None:
        """What must be known of all subjects in the first part before the first record."""
        subjects = self._part.subjects
        if self._untyped:
            for _, pairs in (*subjects.values(), *self._part.nodes.values()):
                for predicate, _ in pairs:
                    if predicate in subjects:
                        self._helpers.add(predicate)
        for subject, (_, pairs) in subjects.items():
            self._learn_label(subject, pairs)
            if self._is_product(subject, pairs):
                self._products.add(subject)
                self._product_spaces.add(namespace_of(subject))
            else:
                self._other_spaces.add(namespace_of(subject))
            for predicate, term in pairs:
                if isinstance(term, Iri) and schema_name(predicate) in (
                    "additionalProperty",
                    "image",
                ):
                    self._helpers.add(term)

    def _learn_label(self, subject: Iri, pairs: Pairs) -> None:
        if subject.startswith((PROPERTIES, VALUES)) or len(self._labels) >= _LABELS_KEPT:
            return
        label = _first(pairs, LABEL)
        if label:
            self._labels.setdefault(subject, label)
            self._predicates.pop(subject, None)

    def _is_product(self, subject: Iri | Blank, pairs: Pairs) -> bool:
        types = [schema_name(term) for predicate, term in pairs if predicate == TYPE]
        if "Product" in types:
            return True
        if isinstance(subject, Blank) or subject.startswith((PROPERTIES, VALUES)):
            return False
        if product_id(subject) is not None:
            return True
        return self._untyped and subject not in self._helpers

    def _id(self, subject: Iri) -> str:
        return product_id(subject) or str(subject)

    def _blank_product(self, pairs: Pairs, line: int) -> CatalogRecord:
        id_ = self._blank_id(pairs)
        if id_ is None:
            return RejectedRow(line, "a product without IRI and without sku", repr(pairs)[:2000])
        return self._product(id_, pairs, line)

    def _blank_id(self, pairs: Pairs) -> str | None:
        if own := _first(pairs, ID):
            return own
        by_name = {schema_name(p): term for p, term in reversed(pairs) if type(term) is str}
        return next((by_name[name] for name in _BLANK_IDS if by_name.get(name)), None)

    def _product(self, id_: str, pairs: Pairs, line: int) -> CatalogRecord:
        title = category = label = None
        images: list[str] = []
        listed: list[str] = []
        properties: list[_Pair] = []
        links: list[_Pair] = []
        predicates = self._predicates
        for predicate, term in pairs:
            role, name = predicates.get(predicate) or self._predicate(predicate)
            if not role:
                if type(term) is str:
                    if term:
                        properties.append((name, term))
                elif (target := self._target(term)) is not None:
                    links.append((name, target))
                else:
                    properties += self._values(name, term)
            elif role == "title" and title is None:
                title = self._text(term)
            elif role == "category" and category is None:
                category = self._text(term)
            elif role == "image":
                images += self._images(term)
            elif role == "images":
                listed += self._list(term)
            elif role == "more":
                properties += self._additional(name, term)
            elif role == "label":
                label = label or self._text(term)
            elif role in ("title", "category") and (text := self._text(term)):
                if text not in (title, category):
                    properties.append((name, text))
            elif role == "type" and isinstance(term, Iri) and schema_name(term) != "Product":
                properties.append((name, self._name(term)))
        record = ProductRecord(
            id_,
            title or label,
            category,
            tuple(dict.fromkeys(listed + images)),
            tuple(dict.fromkeys(properties)),
            line,
            tuple(dict.fromkeys(links)),
        )
        return _checked(record, (id_, title or label or "", category or "", *record.images))

    def _value(self, subject: Iri, pairs: Pairs, line: int) -> Iterator[CatalogRecord]:
        """What is said of a value but for its label, if anything."""
        types = {local_name(term) for p, term in pairs if p == TYPE and isinstance(term, Iri)}
        is_property = any(name.endswith("Property") for name in types)
        if is_property or subject in self._helpers or subject.startswith(PROPERTIES):
            return
        properties: list[_Pair] = []
        for predicate, term in pairs:
            role, name = self._predicates.get(predicate) or self._predicate(predicate)
            if role not in ("type", "label", "title", "id", "images"):
                properties += self._values(name, term)
        if properties:
            text = self._name(subject, pairs)
            record = ValueRecord(text, tuple(dict.fromkeys(properties)), line)
            yield _checked(record, (text,))

    def _predicate(self, iri: Iri) -> _Property:
        known = schema_name(iri)
        role = _APART.get(iri) or _ROLES.get(known or "", "")
        found = self._predicates[iri] = role, self._labels.get(iri) or known or local_name(iri)
        return found

    def _target(self, term: str) -> str | None:
        """The id of the product that a term is, if it is one."""
        if isinstance(term, Blank):
            pairs = self._node(term)
            is_product = bool(pairs) and self._is_product(term, pairs)
            return self._blank_id(pairs) if is_product else None
        if (id_ := product_id(term)) is not None:
            return id_
        if term in self._products:
            return str(term)
        space = namespace_of(term)
        if space in self._product_spaces and space not in self._other_spaces:
            return str(term)
        return None

    def _node(self, term: str) -> Pairs:
        groups = self._part.nodes if isinstance(term, Blank) else self._part.subjects
        found = groups.get(term)  # type: ignore[call-overload]
        return found[1] if found else []

    def _name(self, term: Iri, pairs: Pairs | None = None) -> str:
        """What an IRI that is no product is called."""
        if term.startswith((PROPERTIES, VALUES)):
            return local_name(term)
        named = _first(self._node(term) if pairs is None else pairs, None, "name")
        return self._labels.get(term) or named or local_name(term)

    def _text(self, term: str) -> str | None:
        if isinstance(term, Iri):
            return self._name(term)
        if isinstance(term, Blank):
            return next((text for _, text in self._values("", term)), None)
        return term or None

    def _values(self, name: str, term: str, depth: int = 0) -> Iterator[_Pair]:
        """The values that a term is: a node without a name has those of its properties."""
        if isinstance(term, Iri):
            yield name, self._name(term)
        elif not isinstance(term, Blank):
            if term:
                yield name, term
        elif depth < _DEPTH:
            pairs = self._node(term)
            text = _first(pairs, LABEL) or _first(pairs, None, "name")
            if text:
                yield name, text
                return
            for predicate, inner in pairs:
                role, own = self._predicates.get(predicate) or self._predicate(predicate)
                if predicate in (FIRST, REST):
                    own = ""
                if role != "type" and inner != NIL:
                    joined = f"{name}.{own}" if name and own else name or own
                    yield from self._values(joined, inner, depth + (not predicate == REST))

    def _additional(self, name: str, term: str) -> Iterator[_Pair]:
        """A `PropertyValue`, with its unit behind the value."""
        pairs = self._node(term) if isinstance(term, (Iri, Blank)) else []
        own = (
            _first(pairs, None, "name") or _first(pairs, LABEL) or _first(pairs, None, "propertyID")
        )
        values = [
            text
            for predicate, inner in pairs
            if schema_name(predicate) == "value"
            for _, text in self._values("", inner)
        ]
        if own and values:
            unit = _first(pairs, None, "unitText") or _first(pairs, None, "unitCode")
            yield from ((own, f"{value} {unit}" if unit else value) for value in values)
        else:
            yield from self._values(name, term)

    def _images(self, term: str) -> Iterable[str]:
        if type(term) is str:
            return [term] if term else []
        pairs = self._node(term)
        url = _first(pairs, None, "contentUrl") or _first(pairs, None, "url")
        if url:
            return [url]
        return [str(term)] if isinstance(term, Iri) else []

    def _list(self, term: str) -> Iterator[str]:
        """The items of an RDF list; one that runs in a circle ends where it closes."""
        seen: set[str] = set()
        while isinstance(term, Blank) and term not in seen:
            seen.add(term)
            pairs = self._node(term)
            for predicate, item in pairs:
                if predicate == FIRST:
                    yield from self._images(item)
            term = next((rest for predicate, rest in pairs if predicate == REST), "")


def _first(pairs: Pairs, predicate: str | None, name: str | None = None) -> str | None:
    """The first text or IRI behind a predicate, or behind one of schema.org."""
    for found, term in pairs:
        if (found == predicate or (name and schema_name(found) == name)) and term:
            if not isinstance(term, Blank):
                return str(term)
    return None


def _checked(
    record: ProductRecord | ValueRecord, texts: tuple[str, ...]
) -> ProductRecord | ValueRecord | RejectedRow:
    cells = [*texts, *(text for pair in record.properties for text in pair)]
    if isinstance(record, ProductRecord):
        cells += [text for pair in record.links for text in pair]
    why = unstorable(cells)
    return RejectedRow(record.line, why, ascii(record)[:2000]) if why else record
