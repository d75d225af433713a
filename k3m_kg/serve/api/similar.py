"""Searches by the model, and products that are the same, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from k3m_kg.serve.api.model import EXAMPLE, Body, Products, as_json
from k3m_kg.serve.asking.kinds import Matching, Resembling, Searching, SearchingPictures
from k3m_kg.serve.explore.product import IdQuery
from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.problems import Refused
from k3m_kg.serve.site import SiteOf

router = APIRouter(prefix="/api/v1", tags=["model"])
LimitQuery = Annotated[int, Query(ge=1, le=1000)]
_LONGEST = 2000


class MatchBody(Body):
    """Products that are compared with all others.

    Attributes:
        probability: only what is the same with at least this.
        each: so many of the nearest are compared, and as many that share words.
    """

    products: Products
    probability: float = Field(0.5, ge=0, le=1)
    each: int = Field(10, ge=1, le=100)


@router.get("/search", responses=EXAMPLE)
async def search(
    site: SiteOf,
    visitor: Reader,
    q: Annotated[str, Query(min_length=1, max_length=_LONGEST)],
    limit: LimitQuery = 10,
    by: Literal["both", "words", "model"] = "both",
) -> Response:
    """The products that a text describes: as `k3m-kg search TEXT --json`."""
    if not any(map(str.isalnum, q)):
        raise Refused(422, "q has no word to search by.")
    (found,) = await site.desk().ask(Searching(limit, by), [q])
    return as_json([one.record() for one in found])


@router.post("/search/picture", responses=EXAMPLE)
async def search_picture(
    site: SiteOf, visitor: Reader, request: Request, limit: LimitQuery = 10
) -> Response:
    """The products that a picture may be of; the body is the picture's file (`image/jpeg`, ...)."""
    if not request.headers.get("content-type", "").startswith("image/"):
        raise Refused(415, "The body is a picture, and its content type image/jpeg or the like.")
    (found,) = await site.desk().ask(SearchingPictures(limit), [await request.body()])
    return as_json([one.record() for one in found])


@router.get("/product/similar", responses=EXAMPLE)
async def similar(site: SiteOf, visitor: Reader, id: IdQuery, limit: LimitQuery = 10) -> Response:
    """Products whose vectors are nearest to one's: as `k3m-kg search --like ID --json`."""
    (found,) = await site.desk().ask(Resembling(limit), [id])
    return as_json([one.record() for one in found])


@router.post("/match", responses=EXAMPLE)
async def match(site: SiteOf, visitor: Reader, body: MatchBody) -> Response:
    """Pairs of these products and any others that are probably one.

    Probabilities are calibrated where the server was started with known pairs (`--pairs`).
    """
    answers = await site.desk().ask(Matching(body.each, body.probability), body.products)
    pairs: dict[tuple[str, str], Any] = {}
    calibrated = False
    for known, some in answers:
        calibrated = known
        pairs |= {(one.product, one.same_as): one for one in some}
    found = sorted(pairs.values(), key=lambda one: -one.probability)
    return as_json({"calibrated": calibrated, "pairs": [one.record() for one in found]})
