"""The shape of the graph in RDF, as lines of N-Triples. Every other form is made from these.

- A product is `product/ID` with `k3m:id`, the class `schema:Product`, `schema:name`,
  `schema:category` and one `schema:image` per picture; where there is more than one picture,
  `k3m:images` is the list of them in order.
- A triple has `property/NAME` as predicate; its object is the value as a plain string, or the
  other product.
- A value that has triples is `value/TEXT`; it and every property in use carry `rdfs:label`.

A product that is only linked to is an object and nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from k3m_kg import vocabulary as v
from k3m_kg.graph.tables import EntityKind
from k3m_kg.rdf.subjects import Subject

_REMEMBERED = 100_000
_SPECIAL = re.compile(r'[\x00-\x1f"\\\x7f]')
_ESCAPES = {
    **{character: f"\\u{ord(character):04X}" for character in map(chr, [*range(32), 127])},
    **{"\t": "\\t", "\b": "\\b", "\n": "\\n", "\r": "\\r", "\f": "\\f", '"': '\\"', "\\": "\\\\"},
}


def literal(text: str) -> str:
    """A plain string as canonical N-Triples writes it."""
    if _SPECIAL.search(text):
        text = _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text)
    return f'"{text}"'


@lru_cache(_REMEMBERED)
def tail_term(kind: int, text: str) -> str:
    """The object of a triple: a plain string, or the IRI of a product."""
    return f"<{v.mint(v.PRODUCT, text)}>" if kind == EntityKind.PRODUCT else literal(text)


def subject_term(subject: Subject) -> str:
    """The IRI of a product or value."""
    return f"<{v.mint(v.PRODUCT if subject.is_product else v.VALUE, subject.text)}>"


class Properties(dict[str, str]):
    """The properties in use: from a name to its IRI, minted when it is first asked for."""

    def __missing__(self, name: str) -> str:
        iri = self[name] = f"<{v.mint(v.PROPERTY, name)}>"
        return iri

    def lines(self) -> list[str]:
        """The label of each."""
        return [f"{iri} <{v.LABEL}> {literal(name)} .\n" for name, iri in sorted(self.items())]


def subject_lines(subject: Subject, properties: Properties) -> list[str]:
    """Everything that is said of one product or value; `properties` learns those it uses."""
    head = subject_term(subject)
    lines = []
    if subject.is_product:
        lines += [
            f"{head} <{v.TYPE}> <{v.PRODUCT_CLASS}> .\n",
            f"{head} <{v.ID}> {literal(subject.text)} .\n",
        ]
        if subject.title is not None:
            lines.append(f"{head} <{v.TITLE}> {literal(subject.title)} .\n")
        if subject.category is not None:
            lines.append(
                f"{head} <{v.CATEGORY}> {tail_term(EntityKind.VALUE, subject.category)} .\n"
            )
        lines += _image_lines(head, subject)
    else:
        lines.append(f"{head} <{v.LABEL}> {literal(subject.text)} .\n")
    lines += [
        f"{head} {properties[name]} {tail_term(kind, text)} .\n"
        for name, kind, text, *_ in subject.triples
    ]
    return lines


def list_node(entity: int, position: int) -> str:
    """The name of the blank node of a product's list of pictures at `position`."""
    return f"images{entity}x{position}"


def _image_lines(head: str, subject: Subject) -> Iterator[str]:
    written = [literal(image) for image in subject.images]
    for image in dict.fromkeys(written):
        yield f"{head} <{v.IMAGE}> {image} .\n"
    if len(written) < 2:
        return
    nodes = [f"_:{list_node(subject.entity, position)}" for position in range(len(written))]
    yield f"{head} <{v.IMAGES}> {nodes[0]} .\n"
    for node, image, rest in zip(nodes, written, [*nodes[1:], f"<{v.NIL}>"], strict=True):
        yield f"{node} <{v.FIRST}> {image} .\n"
        yield f"{node} <{v.REST}> {rest} .\n"


def document(subjects: Iterable[Subject]) -> Iterator[list[str]]:
    """The whole graph: the lines of one subject after the other, then those of the properties."""
    properties = Properties()
    for subject in subjects:
        yield subject_lines(subject, properties)
    yield properties.lines()
