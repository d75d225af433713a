"""Properties and values: who has them, and how they are spelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from starlette.responses import Response

from k3m_kg.graph.fulltext.phrases import phrases
from k3m_kg.graph.fulltext.tables import WordTable
from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.tables import EntityKind, entities, properties, triples
from k3m_kg.quality.examination import PropertyCoverage, Suspicion
from k3m_kg.serve.browse.index import BrowseIndex, PropertyCount, Wanted
from k3m_kg.serve.explore.asked import AskedList
from k3m_kg.serve.explore.browse import find_products
from k3m_kg.serve.explore.listing import texts_of
from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.problems import not_found
from k3m_kg.serve.rendering import link, page
from k3m_kg.serve.site import Site, SiteOf

router = APIRouter(include_in_schema=False)
ON_PAGE = 100
_SAID = 50
NameQuery = Annotated[str, Query(max_length=5000)]
PageQuery = Annotated[int, Query(ge=1, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class PropertyValues:
    """A page of a property's values, the most frequent first."""

    count: PropertyCount
    values: list[tuple[str, int]]
    different: int


def property_values(
    site: Site, index: BrowseIndex, name: str, query: str = "", number: int = 1, size: int = ON_PAGE
) -> PropertyValues:
    """The values of a property that have these words.

    Raises:
        Refused: 404.
    """
    count = next((one for one in index.properties if one.name == name), None)
    if count is None:
        raise not_found("property", name)
    some = index.columns.pairs_of(count.property)
    counts, tails = index.columns.counts(some), index.columns.tail_P[some]
    for phrase in phrases(query):
        kept = np.isin(tails, index.words.find(WordTable.ENTITIES, phrase))
        counts, tails = counts[kept], tails[kept]
    best = np.argsort(-counts, kind="stable")[(number - 1) * size : number * size]
    with site.store.reading() as reader:
        texts = texts_of(reader, tails[best].tolist())
    values = [(texts[int(tails[one])], int(counts[one])) for one in best.tolist()]
    return PropertyValues(count, values, len(tails))


@router.get("/properties")
def all_properties(request: Request, site: SiteOf, visitor: Reader) -> Response:
    """Every property, the one that most products have first."""
    known = site.index.get()
    if known is None:
        return page(request, "waiting.html", again="/properties")
    return page(request, "properties.html", known=known, total=max(1, len(known.value)))


@router.get("/property")
def one_property(
    request: Request,
    site: SiteOf,
    visitor: Reader,
    name: NameQuery,
    q: Annotated[str, Query(max_length=500)] = "",
    number: Annotated[int, Query(ge=1, le=1_000_000, alias="page")] = 1,
) -> Response:
    """Its values with their products."""
    known = site.index.get()
    if known is None:
        return page(request, "waiting.html", again=link("/property", name=name))
    found = property_values(site, known.value, name, q, number)
    coverage, suspicious = _quality(site, name)
    return page(
        request,
        "property.html",
        known=known,
        total=max(1, len(known.value)),
        found=found,
        query=q,
        number=number,
        last=max(1, -(-found.different // ON_PAGE)),
        turned=lambda other: link("/property", name=name, q=q or None, page=other),
        coverage=coverage,
        suspicious=suspicious,
        lacking=AskedList(Wanted(lacks=(name,))).link(),
    )


def _quality(site: Site, name: str) -> tuple[PropertyCoverage | None, list[Suspicion]]:
    """What the examination found, where it is done."""
    quality = site.quality.get(0)
    if quality is None:
        return None, []
    coverage = next((one for one in quality.value.coverage if one.property == name), None)
    return coverage, [one for one in quality.value.suspicious.listed if one.property == name]


@router.get("/value")
def one_value(
    request: Request, site: SiteOf, visitor: Reader, name: NameQuery, value: NameQuery
) -> Response:
    """The products that have it, what else these have, and what is said of the value itself."""
    known = site.index.get()
    if known is None:
        return page(request, "waiting.html", again=link("/value", name=name, value=value))
    asked = AskedList(Wanted(values=((name, value),)))
    found = find_products(site, known.value, asked, 12)
    if not found.selection.total:
        raise not_found("value", value)
    with site.store.reading() as reader:
        said, others = _said(reader, value), _elsewhere(reader, value, name)
    facets = [one for one in found.facets if one.name != name and one.kind != "source"]
    return page(
        request,
        "value.html",
        known=known,
        name=name,
        value=value,
        found=found,
        facets=facets,
        all_of_them=asked.link(),
        said=said,
        others=others,
    )


def _said(reader: GraphReader, value: str) -> list[tuple[str, str]]:
    """What sources say of a value."""
    number = reader.find(EntityKind.VALUE, value)
    query = (
        select(properties.c.name, entities.c.text)
        .select_from(triples)
        .join(entities, entities.c.id == triples.c.tail)
        .join(properties, properties.c.id == triples.c.property)
        .where(triples.c.head == number)
        .limit(_SAID)
    )
    return [(name, text) for name, text in reader.connection.execute(query)]


def _elsewhere(reader: GraphReader, value: str, name: str) -> list[str]:
    """Other properties that have the value, too."""
    number = reader.find(EntityKind.VALUE, value)
    query = (
        select(properties.c.name)
        .where(
            select(triples.c.head)
            .where(triples.c.tail == number, triples.c.property == properties.c.id)
            .exists(),
            properties.c.name != name,
        )
        .limit(_SAID)
    )
    return list(reader.connection.execute(query).scalars())
