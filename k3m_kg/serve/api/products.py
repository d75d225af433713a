"""Products, properties and values, over HTTP."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query

from k3m_kg.serve.browse.index import BrowseIndex
from k3m_kg.serve.explore.asked import Asked
from k3m_kg.serve.explore.browse import ON_PAGE, find_products
from k3m_kg.serve.explore.listing import ListedProduct
from k3m_kg.serve.explore.product import (
    IdQuery,
    ShownImage,
    ShownTriple,
    alike_products,
    product_page,
)
from k3m_kg.serve.explore.properties import NameQuery, property_values
from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.problems import Refused
from k3m_kg.serve.site import Site, SiteOf

router = APIRouter(prefix="/api/v1")
_RETRY = 2


@dataclass(frozen=True, slots=True)
class CountedValue:
    """A value, and the products that have it."""

    value: str
    products: int


@dataclass(frozen=True, slots=True)
class CountedFacet:
    """The most frequent values of a property among what was found."""

    name: str
    kind: str
    values: list[CountedValue]
    different: int


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of a list.

    Attributes:
        fresh: whether the newest run is counted already.
    """

    total: int
    page: int
    fresh: bool
    products: list[ListedProduct]
    facets: list[CountedFacet]


@dataclass(frozen=True, slots=True)
class ProductRecordShown:
    """A product with everything that the graph has of it."""

    id: str
    title: str | None
    category: str | None
    triples: list[ShownTriple]
    images: list[ShownImage]
    linked_from: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AlikeProduct:
    """A product, and how much it shares with another, 0 to 1."""

    product: ListedProduct
    share: float


def index_of(site: Site) -> tuple[BrowseIndex, bool]:
    """The catalog in memory, and whether it is up to date.

    Raises:
        Refused: 503, it is being read for the first time.
    """
    known = site.index.get()
    if known is None:
        raise Refused(503, "The catalog is being read.", retry=_RETRY)
    return known.value, known.fresh


@router.get("/products", tags=["products"])
def products(
    site: SiteOf,
    visitor: Reader,
    asked: Asked,
    limit: Annotated[int, Query(ge=1, le=500)] = ON_PAGE,
    facets: bool = True,
) -> FoundPage:
    """Products by words (`q`), values (`f`), category, source, or what they lack, with facets."""
    index, fresh = index_of(site)
    found = find_products(site, index, asked, limit, facets=facets)
    counted = [
        CountedFacet(
            facet.name,
            facet.kind,
            [CountedValue(one.text, one.count) for one in facet.values],
            facet.different,
        )
        for facet in found.facets
    ]
    return FoundPage(found.selection.total, asked.page, fresh, found.products, counted)


@router.get("/product", tags=["products"])
def product(site: SiteOf, visitor: Reader, id: IdQuery) -> ProductRecordShown:
    """One product: its triples with who says them, its pictures, what links to it."""
    shown = product_page(site, id)
    return ProductRecordShown(
        shown.product.id,
        shown.product.title,
        shown.product.category,
        shown.triples,
        shown.images,
        shown.linked,
    )


@router.get("/product/alike", tags=["products"])
def alike(site: SiteOf, visitor: Reader, id: IdQuery) -> list[AlikeProduct]:
    """Products that share most with one, by how rare what they share is."""
    index_of(site)
    return [AlikeProduct(*pair) for pair in alike_products(site, id) or ()]


@router.get("/properties", tags=["properties"])
def properties(site: SiteOf, visitor: Reader) -> list[dict[str, Any]]:
    """Every property, with its products, values and triples."""
    index, _ = index_of(site)
    return [
        {name: value for name, value in asdict(one).items() if name != "property"}
        for one in index.properties
    ]


@router.get("/values", tags=["properties"])
def values(
    site: SiteOf,
    visitor: Reader,
    name: NameQuery,
    q: Annotated[str, Query(max_length=500)] = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[CountedValue]:
    """The values of a property that have the words `q`, the most frequent first."""
    index, _ = index_of(site)
    found = property_values(site, index, name, q, page, limit)
    return [CountedValue(*pair) for pair in found.values]
