"""IRIs: the namespaces of the published vocabulary (`schemas/k3m.ttl`), minting and parsing.

A product, property or value is its text behind a namespace, as percent-encoded UTF-8 in which only
the unreserved characters of RFC 3986 (letters, digits, `-`, `_`, `~` and `.`) stand for themselves.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

K3M = "https://k3m-kg.org/ns#"
SCHEMA = "https://schema.org/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"

PRODUCT = "https://k3m-kg.org/product/"
PROPERTY = "https://k3m-kg.org/property/"
VALUE = "https://k3m-kg.org/value/"
DECISION = "https://k3m-kg.org/decision/"
REVIEWER = "https://k3m-kg.org/reviewer/"

XSD = "http://www.w3.org/2001/XMLSchema#"
PROV = "http://www.w3.org/ns/prov#"

PREFIXES = {
    "k3m": K3M,
    "product": PRODUCT,
    "property": PROPERTY,
    "rdf": RDF,
    "rdfs": RDFS,
    "schema": SCHEMA,
    "value": VALUE,
}
"""The prefixes that exports declare and queries may use without declaring them."""
QUERY_PREFIXES = {**PREFIXES, "xsd": XSD}
"""Queries cast values with the types of `xsd`, which exports have no use for."""

TYPE = RDF + "type"
FIRST = RDF + "first"
REST = RDF + "rest"
NIL = RDF + "nil"
LABEL = RDFS + "label"
PRODUCT_CLASS = SCHEMA + "Product"
ID = K3M + "id"
IMAGES = K3M + "images"
TITLE = SCHEMA + "name"
CATEGORY = SCHEMA + "category"
IMAGE = SCHEMA + "image"

# Resolving an IRI takes a path of dots away, so these two cannot stand for themselves.
_DOTS = {".": "%2E", "..": "%2E%2E"}


def mint(namespace: str, text: str) -> str:
    """The IRI of the product, property or value `text`; `namespace` is one of the three above."""
    return namespace + (_DOTS.get(text) or quote(text, safe=""))


def parse(namespace: str, iri: str) -> str | None:
    """The text of an IRI that `mint` made; None for any other."""
    if not iri.startswith(namespace):
        return None
    try:
        text = unquote(iri[len(namespace) :], errors="strict")
        return text if mint(namespace, text) == iri else None
    except UnicodeError:
        return None
