"""Runs: what each changed, and taking one back."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from k3m_kg.errors import GraphError
from k3m_kg.graph.stored import Run, Undone
from k3m_kg.graph.tables import RunKind
from k3m_kg.serve.guard.access import Form, Reader, Reviewer
from k3m_kg.serve.guard.roles import Role, Visitor
from k3m_kg.serve.problems import Refused, not_found
from k3m_kg.serve.rendering import page
from k3m_kg.serve.shown import shown_run
from k3m_kg.serve.site import Site, SiteOf

router = APIRouter(include_in_schema=False)
_LISTED = 200
ON_PAGE = 50
_PATIENCE = 10.0
NumberPath = Annotated[int, Path(ge=0, lt=1 << 31)]


@router.get("/runs")
def runs(request: Request, site: SiteOf, visitor: Reader) -> Response:
    """The newest first."""
    found = [*map(shown_run, site.store.runs(_LISTED))]
    return page(request, "runs.html", runs=found, most=_LISTED)


@router.get("/runs/{number}")
def run(
    request: Request,
    site: SiteOf,
    visitor: Reader,
    number: NumberPath,
    at: Annotated[int, Query(ge=1, le=20_000, alias="page")] = 1,
) -> Response:
    """One run, and what it changed."""
    found = find_run(site, number)
    shown = shown_run(found)
    changes = []
    if shown.holds:
        start = (at - 1) * ON_PAGE
        changes = list(islice(site.store.diff(number), start, start + ON_PAGE + 1))
    return page(
        request,
        "run.html",
        run=shown,
        changes=changes[:ON_PAGE],
        more=len(changes) > ON_PAGE,
        at=at,
        may_undo=visitor.may(_role_for(shown.kind)),
    )


def find_run(site: Site, number: int) -> Run:
    """The run of that number.

    Raises:
        Refused: 404.
    """
    try:
        return site.store.run(number)
    except GraphError:
        raise not_found("run", number) from None


def _role_for(kind: str) -> Role:
    """Who may take a run back: what models and people added, reviewers; a catalog, admins."""
    return Role.ADMIN if kind in (RunKind.INGEST, RunKind.END) else Role.REVIEWER


def take_back(site: Site, visitor: Visitor, number: int) -> Undone:
    """Take a run back.

    Raises:
        Refused: 404, or 403 where the visitor may not.
        GraphError: it cannot be taken back.
    """
    if not visitor.may(_role_for(find_run(site, number).kind)):
        raise Refused(403, "To take a catalog's run back is for the role admin.")
    with site.store.writing(patience=_PATIENCE) as writer:
        return writer.undo(number)


@router.post("/runs/{number}/undo")
def undo(site: SiteOf, visitor: Reviewer, number: NumberPath, form: Form) -> Response:
    """Take it back."""
    take_back(site, visitor, number)
    return RedirectResponse(f"/runs/{number}", 303)
