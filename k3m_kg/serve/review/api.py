"""The queue and decisions over HTTP, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from k3m_kg.graph.reviewing.items import DecidedAs, ReviewItem
from k3m_kg.serve.guard.access import Reader, Reviewer
from k3m_kg.serve.problems import not_found
from k3m_kg.serve.review.asked import NUMBERS_END, DeskOf, WantedItems
from k3m_kg.serve.shown import shown_source

router = APIRouter(prefix="/api/v1", tags=["review"])
_MOST = 100
_Item = Annotated[int, Field(ge=0, lt=NUMBERS_END)]


class NextItems(WantedItems):
    """A request for items."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(default=1, ge=1, le=_MOST)
    having: list[_Item] = Field(default=[], max_length=1000)


class NewDecision(BaseModel):
    """A decision about one item, or the same about several."""

    model_config = ConfigDict(extra="forbid")

    items: list[_Item] = Field(min_length=1, max_length=1000)
    answer: DecidedAs
    value: str | None = Field(default=None, max_length=10_000)
    blind: bool = False


@router.get("/proposals")
def queue(desk: DeskOf, visitor: Reader) -> list[dict[str, Any]]:
    """How much waits for review and was decided, by kind and property."""
    return [asdict(row) for row in desk.counts()]


@router.post("/proposals/next")
def next_items(desk: DeskOf, visitor: Reviewer, wanted: NextItems) -> list[dict[str, Any]]:
    """Items for this reviewer alone, for ten minutes."""
    found = wanted.take(desk, visitor.name, wanted.count, wanted.having)
    return [_record(item) for item in found]


@router.get("/proposals/{number}")
def one_item(
    desk: DeskOf, visitor: Reader, number: Annotated[int, Path(ge=0, lt=NUMBERS_END)]
) -> dict[str, Any]:
    """One item of the queue."""
    item = desk.item(number)
    if item is None:
        raise not_found("proposal", number)
    return _record(item)


@router.post("/decisions", status_code=201)
def decide(desk: DeskOf, visitor: Reviewer, decision: NewDecision) -> dict[str, Any]:
    """Decide; it is kept when this answers. The same again is no second decision."""
    return asdict(
        desk.decide(
            visitor.name,
            decision.items,
            decision.answer,
            decision.value,
            blind=decision.blind,
        )
    )


@router.get("/decisions")
def decisions(
    desk: DeskOf,
    visitor: Reader,
    reviewer: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """Decisions that hold, newest first."""
    return [
        asdict(found.decision) | {"proposal": _record(found.item)}
        for found in desk.decided(reviewer, limit)
    ]


@router.delete("/decisions/last")
def undo(desk: DeskOf, visitor: Reviewer) -> dict[str, Any]:
    """Take this reviewer's last decision back."""
    undone, items = desk.undo(visitor.name)
    return {"run": undone.run, "items": items}


def _record(item: ReviewItem) -> dict[str, Any]:
    """As JSON; models by their name alone."""
    return asdict(item) | {"model": shown_source(item.model)}
