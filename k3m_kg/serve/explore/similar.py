"""What the model finds alike: for a product's page, and beside a search by words."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from k3m_kg.graph.database.dialect import dialect_of
from k3m_kg.graph.tables import EntityKind
from k3m_kg.search.found import FoundProduct
from k3m_kg.serve.asking.kinds import Resembling, Searching
from k3m_kg.serve.explore.asked import LONGEST
from k3m_kg.serve.explore.listing import ListedProduct, list_products
from k3m_kg.serve.explore.product import IdQuery
from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.rendering import page
from k3m_kg.serve.site import Site, SiteOf

router = APIRouter(include_in_schema=False)
_SHOWN = 8


@router.get("/product/similar")
async def similar(request: Request, site: SiteOf, visitor: Reader, id: IdQuery) -> Response:
    """A fragment: the products whose vectors are nearest."""
    if site.desk().state == "opening":
        return page(request, "similar.html", again=request.url.path, id=id, q=None, found=None)
    (found,) = await site.desk().ask(Resembling(_SHOWN), [id])
    shown = await run_in_threadpool(_listed, site, found)
    return page(request, "similar.html", again=request.url.path, id=id, q=None, found=shown)


@router.get("/browse/model")
async def searched(
    request: Request,
    site: SiteOf,
    visitor: Reader,
    q: Annotated[str, Query(max_length=LONGEST)] = "",
) -> Response:
    """A fragment: the products that a text describes, as the model reads it."""
    asked = any(map(str.isalnum, q))
    if asked and site.desk().state == "opening":
        return page(request, "similar.html", again=request.url.path, id=None, q=q, found=None)
    found = (await site.desk().ask(Searching(_SHOWN), [q]))[0] if asked else []
    shown = await run_in_threadpool(_listed, site, found)
    return page(request, "similar.html", again=request.url.path, id=None, q=q, found=shown)


def _listed(site: Site, found: list[FoundProduct]) -> list[tuple[ListedProduct, FoundProduct]]:
    """Those that the graph still has."""
    known = {one.product: one for one in found}
    with site.store.reading() as reader:
        dialect = dialect_of(reader.connection.engine)
        numbers = dialect.find_terms(reader.connection, int(EntityKind.PRODUCT), list(known))
        places = [numbers[id_] for id_ in known if id_ in numbers]
        return [(one, known[one.id]) for one in list_products(reader, places)]
