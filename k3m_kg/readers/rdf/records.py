"""From subjects to records: which are products, and what their triples say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from k3m_kg.readers.cells import unstorable
from k3m_kg.readers.rdf.groups import Pairs, SubjectPart, is_typed
from k3m_kg.readers.rdf.languages import LiteralLanguages
from k3m_kg.readers.rdf.names import Blank, Iri, Tagged, local_name, namespace_of, product_id
from k3m_kg.readers.rdf.nodes import Nodes, Pair, TooNested, schema_name_of
from k3m_kg.records import ProductRecord, RejectedRow, Subject, ValueRecord
from k3m_kg.vocabulary import ID, PRODUCT, PROPERTY, TYPE, VALUE

_PAIRS_KEPT = 1 << 17
_LONGEST_KEPT = 256
_CLASSES_KEPT = 1000
_BLANK_IDS = ("sku", "productID", "gtin", "gtin13", "gtin14", "gtin12", "gtin8", "mpn")


class Records:
    """Turns the parts of one file into records.

    Attributes:
        any_product: whether there was one.
        classes: of subjects that are none, and how many of each, at most `_CLASSES_KEPT`.
        any_foreign: whether anything was said of a node that is no value or property of ours.
    """

    def __init__(self, languages: LiteralLanguages | None = None) -> None:
        self._nodes = Nodes(languages)
        self.any_product = self.any_foreign = False
        self.classes: dict[str, int] = {}
        self._first = True
        self._untyped = False
        self._products: set[str] = set()
        self._helpers: set[str] = set()
        self._product_spaces: set[str] = set()
        self._other_spaces: set[str] = set()
        self._plain: dict[tuple[Iri, str], Pair] = {}  # from predicate and literal
        self._sound: set[Pair] = set()

    def of(self, part: SubjectPart) -> Iterator[Subject | RejectedRow]:
        """The records of a part, in the order of their lines."""
        self._nodes.part = part
        self._forget()
        if self._first:
            self._first = False
            self._look_at_all(part)
        if len(part.subjects) == 1 and not part.nodes and not part.rejected:
            ((subject, (line, pairs)),) = part.subjects.items()
            yield from self._records(subject, pairs, line)
            return
        records: list[Subject | RejectedRow] = list(part.rejected)
        for subject, (line, pairs) in part.subjects.items():
            records += self._records(subject, pairs, line)
        for node, (line, pairs) in part.nodes.items():
            if self._is_product(Blank(node), pairs):
                records += self._records(Blank(node), pairs, line)
        records.sort(key=lambda record: record.line)
        yield from records

    def _forget(self) -> None:
        """Bounded memory, whatever the values are."""
        for known in (self._plain, self._sound):
            if len(known) > _PAIRS_KEPT:
                known.clear()

    def _look_at_all(self, part: SubjectPart) -> None:
        """What must be known of every subject in the first part before the first record."""
        self._untyped = not is_typed(part)
        for pairs in (pairs for _, pairs in (*part.subjects.values(), *part.nodes.values())):
            for predicate, term in pairs:
                if self._untyped and predicate in part.subjects:
                    self._helpers.add(predicate)
                if isinstance(term, Iri) and self._nodes.property(predicate)[0] in (
                    "more",
                    "image",
                ):
                    self._helpers.add(term)
        for subject, (_, pairs) in part.subjects.items():
            if self._is_product(subject, pairs):
                self._products.add(subject)
            self._note(subject, pairs)

    def _note(self, subject: Iri, pairs: Pairs) -> bool:
        """Remember what tells products from values later on; whether this is a product."""
        if self._is_product(subject, pairs):
            if not subject.startswith(PRODUCT):
                self._product_spaces.add(namespace_of(subject))
            return True
        self._other_spaces.add(namespace_of(subject))
        if self._nodes.learn_label(subject, pairs):
            self._plain.clear()
        return False

    def _records(
        self, subject: Iri | Blank, pairs: Pairs, line: int
    ) -> Iterator[Subject | RejectedRow]:
        self._nodes.begin()
        try:
            if isinstance(subject, Blank):
                id_ = self._blank_id(pairs)
                if id_ is None:
                    why = "a product without IRI and without sku"
                    yield RejectedRow(line, why, ascii(pairs)[:2000])
                else:
                    yield self._product(id_, pairs, line)
            elif self._note(subject, pairs):
                yield self._product(product_id(subject) or str(subject), pairs, line)
            else:
                yield from self._value(subject, pairs, line)
        except TooNested:
            why = "refers to too many nodes, or in a circle"
            yield RejectedRow(line, why, ascii(subject), product_id(subject))
        except RecursionError:
            yield RejectedRow(line, "nested too deep", ascii(subject), product_id(subject))

    def _is_product(self, subject: Iri | Blank, pairs: Pairs) -> bool:
        for predicate, term in pairs:
            if predicate == TYPE and schema_name_of(term) == "Product":
                return True
        if isinstance(subject, Blank) or subject.startswith((PROPERTY, VALUE)):
            return False
        if product_id(subject) is not None:
            return True
        return self._untyped and subject not in self._helpers

    def _blank_id(self, pairs: Pairs) -> str | None:
        known = (self._nodes.schema_first(pairs, name) for name in _BLANK_IDS)
        return self._nodes.first(pairs, ID) or next(filter(None, known), None)

    def _product(self, id_: str, pairs: Pairs, line: int) -> Subject | RejectedRow:
        nodes, property_of, plain = self._nodes, self._nodes.property, self._plain
        properties: list[Pair] = []
        links: list[Pair] = []
        parts: dict[str, list[str]] = {}
        spare: dict[int, str] = {}
        held: dict[str, str] = {}
        tagged = False  # whether any text may say its language
        self.any_product = True
        for pair in pairs:
            predicate, term = pair
            if type(term) is str and (known_pair := plain.get(pair)) is not None:
                properties.append(known_pair)
                continue
            role, name = property_of(predicate)
            if not role:
                if type(term) is str:
                    if term:
                        properties.append((name, term))
                        if len(name) + len(term) <= _LONGEST_KEPT:
                            plain[pair] = (name, term)
                elif type(term) is not Tagged and (target := self._target(term)) is not None:
                    links.append((name, target))
                else:
                    properties += nodes.values(name, term)
                    tagged = True
            elif role == "more":
                tagged = True
                properties += nodes.additional(name, term)
            elif role == "image":
                parts.setdefault(role, []).extend(nodes.images(term))
            elif role == "images":
                for item in nodes.list(term):
                    parts.setdefault(role, []).extend(nodes.images(item))
            elif role == "type":
                if isinstance(term, Iri) and schema_name_of(term) != "Product":
                    properties.append((name, nodes.name(term)))
            elif role != "id" and (text := term if type(term) is str else nodes.text(term)):
                tagged = tagged or type(text) is Tagged
                known = parts.setdefault(role, [])
                if role != "label" and text not in known:
                    if known or type(text) is Tagged:
                        spare[len(properties)] = role
                        properties.append((name, text))
                    else:  # most likely the title or category
                        held[role] = name
                known.append(text)
        pick = nodes.languages.pick if tagged else _first
        title = pick(parts.get("title", ())) or pick(parts.get("label", ()))
        category = pick(parts.get("category", ()))
        used = {"title": title, "category": category}
        taken = [place for place, role in spare.items() if properties[place][1] == used[role]]
        if tagged:
            properties = nodes.languages.chosen(properties)
        for place in reversed(taken):
            del properties[place]
        properties += (
            (name, parts[role][0]) for role, name in held.items() if parts[role][0] != used[role]
        )
        images = (*parts.get("images", ()), *parts.get("image", ()))
        record = ProductRecord(
            id_,
            str(title) if title else None,
            str(category) if category else None,
            tuple(dict.fromkeys(images)),
            tuple(dict.fromkeys(properties)),
            line,
            tuple(dict.fromkeys(links)),
        )
        return self._checked(record, [id_, *images, record.title or "", record.category or ""])

    def _value(self, subject: Iri, pairs: Pairs, line: int) -> Iterator[Subject | RejectedRow]:
        """What is said of a value but for its label, if anything."""
        types = {local_name(term) for p, term in pairs if p == TYPE and isinstance(term, Iri)}
        is_property = any(name.endswith("Property") for name in types)
        if is_property or subject in self._helpers or subject.startswith(PROPERTY):
            return
        if not subject.startswith(VALUE):
            self.any_foreign = True
            for class_ in (term for p, term in pairs if p == TYPE):
                if class_ in self.classes or len(self.classes) < _CLASSES_KEPT:
                    self.classes[class_] = self.classes.get(class_, 0) + 1
        properties: list[Pair] = []
        for predicate, term in pairs:
            role, name = self._nodes.property(predicate)
            if role not in ("type", "label", "title", "id", "images"):
                properties += self._nodes.values(name, term)
        if properties:
            text = self._nodes.name(subject)
            properties = self._nodes.languages.chosen(properties)
            yield self._checked(ValueRecord(text, tuple(dict.fromkeys(properties)), line), [text])

    def _target(self, term: str) -> str | None:
        """The id of the product that an object is, if it is one."""
        if isinstance(term, Blank):
            pairs = self._nodes.pairs(term)
            return self._blank_id(pairs) if self._is_product(term, pairs) else None
        if (id_ := product_id(term)) is not None:
            return id_
        space = namespace_of(term)
        is_alike = space in self._product_spaces and space not in self._other_spaces
        return str(term) if is_alike or term in self._products else None

    def _checked(
        self, record: ProductRecord | ValueRecord, texts: list[str]
    ) -> Subject | RejectedRow:
        pairs = record.properties
        if isinstance(record, ProductRecord):
            pairs += record.links
        sound = self._sound
        new = [pair for pair in pairs if pair not in sound]
        for pair in new:
            texts += pair
        why = unstorable(texts)
        if why is None and any(text != text.strip() for text in texts):
            why = "an IRI with blanks at its end"  # literals lost theirs when they were read
        if why is not None:
            id_ = record.id if isinstance(record, ProductRecord) else None
            return RejectedRow(record.line, why, ascii(record)[:2000], id_)
        sound.update(pair for pair in new if len(pair[0]) + len(pair[1]) <= _LONGEST_KEPT)
        return record


def _first(texts: Sequence[str]) -> str | None:
    return texts[0] if texts else None
