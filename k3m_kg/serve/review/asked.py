"""What a reviewer asked for: which items, in which order, and how they are shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import ReviewItem, ReviewOrder
from k3m_kg.graph.tables import ItemKind
from k3m_kg.serve.site import SiteOf

NUMBERS_END = 1 << 31
"""No item has a number so large; a database would not take some larger ones."""
_PATIENCE = 5.0
"""Seconds that a reviewer waits for an ingest before he is told of it."""


class WantedItems(BaseModel):
    """Which items are asked for.

    Attributes:
        order: what comes first.
        property: only of this one; empty for all.
        kind: only proposals, or only findings; empty for both.
        again: what others decided, for a second opinion.
        blind: show neither probability nor evidence.
    """

    model_config = ConfigDict(extra="ignore")

    order: ReviewOrder = ReviewOrder.UNCERTAINTY
    property: str = Field(default="", max_length=1000)
    kind: ItemKind | None = None
    again: bool = False
    blind: bool = False

    def take(
        self, desk: ReviewDesk, reviewer: str, count: int, having: list[int]
    ) -> list[ReviewItem]:
        """The next items for a reviewer.

        Raises:
            K3MError: no such property, or another writer takes too long.
        """
        return desk.next(
            reviewer,
            count,
            order=self.order,
            property=self.property or None,
            kind=self.kind,
            having=having,
            again=self.again,
        )


async def _wanted(
    order: ReviewOrder = ReviewOrder.UNCERTAINTY,
    property: Annotated[str, Query(max_length=1000)] = "",
    kind: str = "",
    again: bool = False,
    blind: bool = False,
) -> WantedItems:
    return WantedItems(
        order=order,
        property=property,
        kind=ItemKind(kind) if kind in list(ItemKind) else None,
        again=again,
        blind=blind,
    )


async def _desk(site: SiteOf) -> ReviewDesk:
    return ReviewDesk(site.store, patience=_PATIENCE)


WantedOf = Annotated[WantedItems, Depends(_wanted)]
DeskOf = Annotated[ReviewDesk, Depends(_desk)]
