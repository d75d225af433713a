"""The runs, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query

from k3m_kg.graph.stored import SubjectDiff, Undone
from k3m_kg.serve.explore.runs import NumberPath, find_run, take_back
from k3m_kg.serve.guard.access import Reader, Reviewer
from k3m_kg.serve.shown import ShownRun, shown_run, shown_source
from k3m_kg.serve.site import SiteOf

router = APIRouter(prefix="/api/v1", tags=["runs"])
LimitQuery = Annotated[int, Query(ge=1, le=1000)]


@router.get("/runs")
def runs(site: SiteOf, visitor: Reader, limit: LimitQuery = 100) -> list[ShownRun]:
    """The runs, newest first."""
    return [shown_run(run) for run in site.store.runs(limit)]


@router.get("/runs/{number}")
def run(site: SiteOf, visitor: Reader, number: NumberPath) -> ShownRun:
    """One run."""
    return shown_run(find_run(site, number))


@router.get("/runs/{number}/diff")
def diff(
    site: SiteOf, visitor: Reader, number: NumberPath, limit: LimitQuery = 100
) -> list[SubjectDiff]:
    """What a run changed, subject by subject; the first of them."""
    find_run(site, number)
    return [_without_folders(one) for one in islice(site.store.diff(number), limit)]


def _without_folders(found: SubjectDiff) -> SubjectDiff:
    """Pictures are paths of this machine, mostly."""
    if found.images is None:
        return found
    before, after = (tuple(map(shown_source, names)) for names in found.images)
    return replace(found, images=(before, after))


@router.post("/runs/{number}/undo")
def undo(site: SiteOf, visitor: Reviewer, number: NumberPath) -> Undone:
    """Take a run back: of models and people, reviewers may; of a catalog, admins."""
    return take_back(site, visitor, number)
