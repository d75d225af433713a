"""The vocabulary: IRIs that can be taken apart again, and a published file that parses."""

from __future__ import annotations

from urllib.parse import urljoin

import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import example, given
from hypothesis import strategies as st

from k3m_kg import vocabulary
from k3m_kg.resources import resource_folder
from k3m_kg.vocabulary import K3M, PRODUCT, PROPERTY, SCHEMA, VALUE, mint, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
NAMESPACES = st.sampled_from([PRODUCT, PROPERTY, VALUE])


@given(NAMESPACES, TEXT)
@example(PRODUCT, ".")
@example(PRODUCT, "..")
@example(PROPERTY, "100%25 a/b?c#d")
@example(VALUE, "颜色 <é>\n\x00")
def test_parsing_undoes_minting(namespace: str, text: str) -> None:
    iri = mint(namespace, text)
    assert parse(namespace, iri) == text
    assert all(character.isascii() and character.isprintable() for character in iri)
    assert [parse(other, iri) for other in {PRODUCT, PROPERTY, VALUE} - {namespace}] == [None] * 2


@given(NAMESPACES, TEXT)
@example(PRODUCT, "..")
def test_resolving_and_parsing_elsewhere_leaves_an_iri_as_it_is(namespace: str, text: str) -> None:
    iri = mint(namespace, text)
    assert urljoin("https://example.org/a/b", iri) == iri
    turtle = f"<{iri}> <{iri}> <{iri}> ."
    (triple,) = ox.parse(turtle, ox.RdfFormat.TURTLE, base_iri="https://example.org/")
    assert triple.subject.value == iri


@given(NAMESPACES, TEXT, TEXT)
def test_different_texts_have_different_iris(namespace: str, one: str, other: str) -> None:
    assert (mint(namespace, one) == mint(namespace, other)) == (one == other)


@pytest.mark.parametrize(
    "iri",
    [
        "https://example.org/product/1",
        PRODUCT + "%e2%82%ac",  # lower case
        PRODUCT + "a b",
        PRODUCT + "%41",  # a letter stands for itself
        PRODUCT + "%ff",  # no UTF-8
        PRODUCT + "%4",
        PRODUCT + "a/b",
    ],
)
def test_other_iris_are_none_of_ours(iri: str) -> None:
    assert parse(PRODUCT, iri) is None


@pytest.fixture(scope="module")
def published() -> rdflib.Graph:
    return rdflib.Graph().parse(resource_folder("schemas") / "k3m.ttl")


def test_the_published_vocabulary_is_also_read_by_oxigraph(published: rdflib.Graph) -> None:
    path = resource_folder("schemas") / "k3m.ttl"
    assert len(list(ox.parse(path=str(path)))) == len(published) > 30


def test_every_term_in_use_is_published_with_label_and_comment(published: rdflib.Graph) -> None:
    in_use = {
        value
        for name, value in vars(vocabulary).items()
        if name.isupper() and isinstance(value, str) and value not in (K3M, SCHEMA)
        if value.startswith((K3M, SCHEMA))
    }
    assert len(in_use) == 6
    for term in in_use | {str(term) for term in published.subjects() if term.startswith(K3M)}:
        for what in (rdflib.RDFS.label, rdflib.RDFS.comment):
            assert list(published.objects(rdflib.URIRef(term), what)), (term, what)


def test_own_terms_are_mapped_onto_schema_org(published: rdflib.Graph) -> None:
    maps = (rdflib.RDFS.subClassOf, rdflib.RDFS.subPropertyOf, rdflib.RDFS.seeAlso)
    for term in {term for term in published.subjects() if term.startswith(K3M)}:
        targets = [str(t) for m in maps for t in published.objects(term, m)]
        known = (SCHEMA, vocabulary.RDF, vocabulary.PROV)
        assert any(target.startswith(known) for target in targets), term
