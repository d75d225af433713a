"""The model, over HTTP: questions of several requests are computed together."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from k3m_kg.serve.asking.kinds import Auditing, Completing, Embedding, Explaining
from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.site import SiteOf

router = APIRouter(prefix="/api/v1", tags=["model"])
Products = Annotated[
    list[Annotated[str, Field(max_length=5000)]], Field(min_length=1, max_length=1000)
]


class Body(BaseModel):
    """What is sent: nothing else than is known."""

    model_config = ConfigDict(extra="forbid")


class CompleteBody(Body):
    """Which values are asked for.

    Attributes:
        products: their ids.
        properties: these; by default all that can be completed.
        top: values per property.
        known_too: also ask what a product states, hidden first.
        applies: ask a property where it applies with at least this probability.
        explain: say what carried the best value of each property.
    """

    products: Products
    properties: list[str] = Field([], max_length=1000)
    top: int = Field(5, ge=1, le=100)
    known_too: bool = False
    applies: float = Field(0.5, ge=0, le=1)
    explain: bool = False


class ProductsBody(Body):
    """Some products, by their ids."""

    products: Products


class AuditBody(ProductsBody):
    """Products that are looked at, and how many findings of each kind come back."""

    top: int = Field(20, ge=1, le=1000)


EXAMPLE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "array", "items": {}}}}},
    503: {"description": "The model has more to do than it can; Retry-After says when to ask."},
}


@router.post("/complete", responses=EXAMPLE)
async def complete(site: SiteOf, visitor: Reader, body: CompleteBody) -> Response:
    """The values that products lack, with probabilities: as `k3m-kg complete --json`."""
    kind = Completing(tuple(body.properties), body.top, body.known_too, body.applies)
    desk = site.desk()
    found = await desk.ask(kind, body.products)
    proposals = [proposal for some in found for proposal in some]
    if body.explain:
        best: dict[tuple[str, str], Any] = {}
        for proposal in proposals:
            best.setdefault((proposal.product, proposal.property), proposal)
        asked = list(best.values())
        told = dict(zip(asked, await desk.ask(Explaining(), asked), strict=True))
        proposals = [told.get(proposal, proposal) for proposal in proposals]
    return as_json([proposal.record() for proposal in proposals])


@router.post("/embed", responses=EXAMPLE)
async def embed(site: SiteOf, visitor: Reader, body: ProductsBody) -> Response:
    """The vectors of products: as `k3m-kg embed`."""
    found = await site.desk().ask(Embedding(), body.products)
    return as_json(
        [
            {"product": id_, "vector": [round(number, 6) for number in vector_H.tolist()]}
            for id_, vector_H in zip(body.products, found, strict=True)
        ]
    )


@router.post("/audit", responses=EXAMPLE)
async def audit(site: SiteOf, visitor: Reader, body: AuditBody) -> Response:
    """What of products probably belongs to others: as `k3m-kg audit --json`."""
    found = await site.desk().ask(Auditing(body.top), body.products)
    findings = sorted(
        (finding for some in found for finding in some), key=lambda one: -one.suspicion
    )
    return as_json([finding.record() for finding in findings])


def as_json(content: Any) -> Response:
    """Plain JSON; what is not finite is null there, as on the command line."""
    text = json.dumps(_finite(content), ensure_ascii=False, allow_nan=False)
    return Response(text, media_type="application/json")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
