"""Browsing: search, facets with counts, a list."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.serve.browse.columns import CATEGORY, SOURCE
from k3m_kg.serve.browse.index import BrowseIndex, Facet, Selection
from k3m_kg.serve.explore.asked import Asked, AskedList
from k3m_kg.serve.explore.listing import ListedProduct, list_products, numbers_of, texts_of
from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.rendering import page
from k3m_kg.serve.site import Site, SiteOf

router = APIRouter(include_in_schema=False)
ON_PAGE = 40
_DEEPEST = 10_000
"""Pages further back are not counted up to: nobody turns so many."""


@dataclass(frozen=True, slots=True)
class ShownValue:
    """A value of a facet, and where it leads."""

    text: str
    count: int
    chosen: bool
    to: str


@dataclass(frozen=True, slots=True)
class ShownFacet:
    """A facet as it is shown."""

    name: str
    kind: str
    values: list[ShownValue]
    different: int
    products: int


@dataclass(frozen=True, slots=True)
class FoundProducts:
    """What a list shows."""

    selection: Selection
    products: list[ListedProduct]
    facets: list[ShownFacet]


def find_products(
    site: Site, index: BrowseIndex, asked: AskedList, size: int = ON_PAGE, *, facets: bool = True
) -> FoundProducts:
    """The products of a page, and the facets of all that were found."""
    with site.store.reading() as reader:
        numbers = numbers_of(reader, [value for _, value in asked.wanted.values])
        selection = index.select(asked.wanted, numbers)
        start = (asked.page - 1) * size
        places = selection.places[start : start + size]
        products = list_products(reader, index.columns.entities_N[places].tolist())
        counted = list(index.facets(selection, asked.facets)) if facets else []
        return FoundProducts(selection, products, _shown(reader, index, asked, counted))


def _shown(
    reader: GraphReader, index: BrowseIndex, asked: AskedList, facets: list[Facet]
) -> list[ShownFacet]:
    texts = texts_of(
        reader, {one.tail for facet in facets if facet.property >= 0 for one in facet.values}
    )
    shown = []
    for facet in facets:
        kind = {CATEGORY: "category", SOURCE: "source"}.get(facet.property, "values")
        values = []
        for one in facet.values:
            own = kind == "values"
            text = texts.get(one.tail, "") if own else index.columns.texts[facet.property][one.tail]
            item: object = (facet.name, text) if own else text
            chosen = item in getattr(asked.wanted, kind)
            values.append(ShownValue(text, one.count, chosen, asked.toggled(kind, item).link()))
        shown.append(ShownFacet(facet.name, kind, values, facet.different, facet.products))
    return shown


@router.get("/browse")
def browse(request: Request, site: SiteOf, visitor: Reader, asked: Asked) -> Response:
    """A page of the list."""
    known = site.index.get()
    if known is None:
        return page(request, "waiting.html", again=asked.link(page=asked.page))
    found = find_products(site, known.value, asked)
    last = max(1, min(_DEEPEST, -(-found.selection.total // ON_PAGE)))
    return page(
        request,
        "browse.html",
        asked=asked,
        found=found,
        known=known,
        last=last,
        start=(asked.page - 1) * ON_PAGE,
        names=[one.name for one in known.value.properties[:500]],
    )
