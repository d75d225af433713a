"""The runs, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.shown import shown_run
from k3m_kg.serve.site import SiteOf

router = APIRouter(prefix="/api/v1", tags=["runs"])


@router.get("/runs")
def runs(
    site: SiteOf, visitor: Reader, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    """The runs, newest first."""
    return [shown_run(run).record() for run in site.store.runs(limit)]
