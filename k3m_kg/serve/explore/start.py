"""The first page: how much there is, how good it is, and what is missing."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.rendering import page
from k3m_kg.serve.shown import shown_run, shown_source
from k3m_kg.serve.site import SiteOf

router = APIRouter(include_in_schema=False)
_RUNS = 6


@router.get("/")
def start(request: Request, site: SiteOf, visitor: Reader) -> Response:
    """Counts of the whole graph, what is missing, the newest runs."""
    known = site.index.get()
    if known is None:
        return page(request, "waiting.html", again="/")
    index = known.value
    columns = index.columns
    return page(
        request,
        "start.html",
        known=known,
        total=len(index),
        triples=sum(one.triples for one in index.properties),
        values=sum(one.values for one in index.properties),
        missing={
            "title": int((~columns.titled_N).sum()),
            "image": int((~columns.pictured_N).sum()),
            "triples": int(columns.bare_N.sum()),
        },
        properties=index.properties,
        runs=[*map(shown_run, site.store.runs(_RUNS))],
    )


@router.get("/start/quality")
def quality(request: Request, site: SiteOf, visitor: Reader) -> Response:
    """A fragment: what looks wrong; asked for again while it is looked at."""
    return page(request, "quality.html", quality=site.quality.get(), shown_source=shown_source)
