"""A product: pictures, what is known of it and by whom, what is like it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import bindparam, select
from starlette.responses import Response

from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.reading.origins import TripleOrigin, product_origins
from k3m_kg.graph.reading.products import find_product
from k3m_kg.graph.stored import StoredImage, StoredProduct
from k3m_kg.graph.tables import EntityKind, entities, properties, triples
from k3m_kg.serve.explore.listing import ListedProduct, list_products
from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.problems import not_found
from k3m_kg.serve.rendering import page
from k3m_kg.serve.shown import shown_source
from k3m_kg.serve.site import SiteOf

router = APIRouter(include_in_schema=False)
IdQuery = Annotated[str, Query(max_length=5000)]
_MOST_LINKED = 50
_ALIKE = 8


@dataclass(frozen=True, slots=True)
class ShownOrigin:
    """Who says a triple, without the way to them."""

    source: str
    run: int
    kind: str
    at: str
    probability: float | None


@dataclass(frozen=True, slots=True)
class ShownTriple:
    """A row of a product's page.

    Attributes:
        proposed: whether models alone say it.
    """

    property: str
    value: str
    link: bool
    proposed: bool
    origins: list[ShownOrigin]


@dataclass(frozen=True, slots=True)
class ShownImage:
    """A picture as it is named: files without their folder."""

    n: int
    name: str
    usable: bool
    error: str | None
    width: int | None
    height: int | None


def shown_origin(origin: TripleOrigin) -> ShownOrigin:
    """Without the folder of the source."""
    return ShownOrigin(
        shown_source(origin.source), origin.run, origin.kind, origin.at, origin.probability
    )


def _shown_image(n: int, image: StoredImage) -> ShownImage:
    name = image.source
    if "://" not in name:
        name = PurePath(name.replace("\\", "/")).name
    return ShownImage(n, name, image.usable, image.error, image.width, image.height)


@dataclass(frozen=True, slots=True)
class ProductPage:
    """What is shown of a product."""

    product: StoredProduct
    triples: list[ShownTriple]
    category: list[ShownOrigin]
    images: list[ShownImage]
    linked: list[tuple[str, str]]


def product_page(site: SiteOf, id_: str) -> ProductPage:
    """All that the graph has of a product.

    Raises:
        Refused: 404.
    """
    with site.store.reading() as reader:
        number = reader.find(EntityKind.PRODUCT, id_)
        if number is None:
            raise not_found("product", id_)
        product = find_product(reader.connection, number, id_)
        origins = product_origins(reader.connection, number)
        if product is None or origins is None:
            raise not_found("product", id_)
        linked = _linked(reader, number)
    return ProductPage(
        product,
        [
            ShownTriple(
                one.property,
                one.value,
                one.link,
                all(origin.probability is not None for origin in one.origins),
                [*map(shown_origin, one.origins)],
            )
            for one in origins.triples
        ],
        [*map(shown_origin, origins.category)],
        [_shown_image(n, image) for n, image in enumerate(product.images)],
        linked,
    )


_LINKED = (
    select(properties.c.name, entities.c.text)
    .select_from(triples)
    .join(entities, entities.c.id == triples.c.head)
    .join(properties, properties.c.id == triples.c.property)
    .where(triples.c.tail == bindparam("number"), entities.c.kind == int(EntityKind.PRODUCT))
    .limit(_MOST_LINKED)
)


def _linked(reader: GraphReader, number: int) -> list[tuple[str, str]]:
    """(property, id) of products that link to this one."""
    found = reader.connection.execute(_LINKED, {"number": number})
    return [(name, text) for name, text in found]


@router.get("/product")
def product(request: Request, site: SiteOf, visitor: Reader, id: IdQuery) -> Response:
    """The page."""
    return page(request, "product.html", shown=product_page(site, id))


@router.get("/product/alike")
def alike(request: Request, site: SiteOf, visitor: Reader, id: IdQuery) -> Response:
    """A fragment: products that share most with this one."""
    return page(request, "alike.html", id=id, found=alike_products(site, id))


def alike_products(site: SiteOf, id_: str) -> list[tuple[ListedProduct, float]] | None:
    """Products with how much they share, 0 to 1; None while the catalog is being read."""
    known = site.index.get()
    if known is None:
        return None
    with site.store.reading() as reader:
        number = reader.find(EntityKind.PRODUCT, id_)
        if number is None:
            raise not_found("product", id_)
        shares = dict(known.value.alike(number, _ALIKE))
        return [(one, shares[one.entity]) for one in list_products(reader, list(shares))]
