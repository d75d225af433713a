"""RDF terms as the reader holds them, and the names that it understands.

A literal is a plain `str` without surrounding blanks, or `Tagged` where it says its language.
Datatypes are dropped.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import unquote

from k3m_kg.vocabulary import PRODUCT, PROPERTY, VALUE

_SCHEMA = re.compile(r"https?://schema\.org/(\w+)")
_BELOW_PRODUCT = re.compile(r"^[a-z][a-z0-9+.-]*://[^?#]*?/product/([^?#]+)$", re.IGNORECASE)


class Iri(str):
    """An IRI, without its brackets."""

    __slots__ = ()


class Blank(str):
    """A blank node, by its label."""

    __slots__ = ()


class Tagged(str):
    """A literal that says its language.

    Attributes:
        language: the tag, as it is written.
    """

    __slots__ = ("language",)

    language: str

    def __new__(cls, text: str, language: str) -> Tagged:
        """The text in this language."""
        made = super().__new__(cls, text)
        made.language = language
        return made


class TripleRun(NamedTuple):
    """Triples of one subject that follow each other.

    Attributes:
        line: the line, or in a document the number of the triple, where it begins.
    """

    line: int
    subject: Iri | Blank
    pairs: list[tuple[Iri, str]]


def schema_name(iri: str) -> str | None:
    """The name that schema.org has for an IRI, with http or https; None for any other IRI."""
    match = _SCHEMA.fullmatch(iri)
    return match[1] if match else None


def product_id(iri: str) -> str | None:
    """The id of a product whose IRI has a part `/product/`."""
    if iri.startswith(PRODUCT):
        return unquote(iri[len(PRODUCT) :]).strip() or None
    match = _BELOW_PRODUCT.match(iri)
    return (unquote(match[1]).strip() or None) if match else None


def local_name(iri: str) -> str:
    """What follows the namespace, decoded; the whole IRI where nothing does."""
    for namespace in (PROPERTY, VALUE):
        if iri.startswith(namespace):
            return unquote(iri[len(namespace) :]).strip() or iri
    return unquote(iri[len(namespace_of(iri)) :]).strip() or iri


def namespace_of(iri: str) -> str:
    """Up to the last `#` or `/`, or colon where there is neither."""
    end = max(iri.rfind("#"), iri.rfind("/"))
    return iri[: (end if end >= 0 else iri.rfind(":")) + 1]


def term_of(term: Any) -> str | None:
    """A term of pyoxigraph; None for a triple as a term."""
    import pyoxigraph as ox

    if isinstance(term, ox.NamedNode):
        return Iri(term.value)
    if isinstance(term, ox.BlankNode):
        return Blank(term.value)
    if not isinstance(term, ox.Literal):
        return None
    text = str(term.value).strip()
    return Tagged(text, term.language) if term.language else text
