"""The first page: how much there is, how good it is, and what is missing."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.rendering import page
from k3m_kg.serve.site import SiteOf

router = APIRouter(include_in_schema=False)


@router.get("/")
def start(request: Request, site: SiteOf, visitor: Reader) -> Response:
    """Counts of the whole graph."""
    return page(request, "start.html", status_of=site.store.status())
