"""What the model proposes for a product, and what carried it, drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query, Request
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from k3m_kg.pages.html import printable
from k3m_kg.serve.asking.kinds import Completing, Explaining
from k3m_kg.serve.explore.product import IdQuery
from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.rendering import page
from k3m_kg.serve.site import SiteOf
from k3m_kg.use.completion.proposals import Explanation, Part, Place, Proposal

router = APIRouter(include_in_schema=False)
_LONGEST = 600
_PARTS = 8


@dataclass(frozen=True, slots=True)
class ShownEvidence:
    """An explanation, drawn.

    Attributes:
        title: with the words marked; None where no word carried it.
        regions: of the picture, (left, top, width, height) in hundredths, and how much each did.
        triples, others: parts that are listed.
        without: the probability left without all of a kind.
    """

    title: Markup | None
    regions: list[tuple[float, float, float, float, Part]]
    triples: list[Part]
    others: list[Part]
    without: dict[str, float]

    @property
    def outlines(self) -> list[tuple[float, float, float, float, float]]:
        """Where regions are drawn, and how opaque."""
        return [(left, top, width, height, 1.0) for left, top, width, height, _ in self.regions]


def shown_evidence(explanation: Explanation, title: str | None) -> ShownEvidence:
    """The parts by how they are drawn."""
    words = [part for part in explanation.parts if part.kind == "title"]
    boxed = [(part, part.box) for part in explanation.parts if part.box is not None]
    return ShownEvidence(
        marked(title, [part.text for part in words]) if title and words else None,
        [
            (100 * left, 100 * top, 100 * (right - left), 100 * (bottom - top), part)
            for part, (left, top, right, bottom) in boxed
        ],
        [part for part in explanation.parts if part.kind == "triple"],
        [
            part
            for part in explanation.parts
            if part.kind not in ("title", "triple") and part.box is None
        ],
        explanation.without,
    )


def marked(title: str, words: Sequence[str]) -> Markup:
    """A title in which these words are marked."""
    shown = title[:_LONGEST]
    wanted = sorted({word for word in words if word}, key=len, reverse=True)
    pattern = "|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in wanted)
    out, end = Markup("<bdi>"), 0
    for found in re.finditer(pattern, shown, re.IGNORECASE) if pattern else ():
        out += escape(printable(shown[end : found.start()]))
        out += Markup("<mark>") + escape(printable(found[0])) + Markup("</mark>")
        end = found.end()
    return out + escape(printable(shown[end:])) + Markup("</bdi>")


def marked_place(title: str, place: Place) -> Markup:
    """A title in which an open value is marked where it stands."""
    before, inside, after = (
        escape(printable(part))
        for part in (title[: place.start], title[place.start : place.end], title[place.end :])
    )
    return Markup("<bdi>{}<mark>{}</mark>{}</bdi>").format(before, inside, after)


def _asked(known: bool) -> Completing:
    """What products lack; with `known` also what they state, as if they did not."""
    return Completing(known_too=True, applies=0.0) if known else Completing()


@router.get("/product/proposals")
async def proposals(
    request: Request, site: SiteOf, visitor: Reader, id: IdQuery, known: bool = False
) -> Response:
    """A fragment: the values that the product lacks, property by property."""
    desk = site.desk()
    if desk.state == "opening":
        return page(
            request, "proposals.html", id=id, waiting=True, known=known, groups=[], stated=set()
        )
    (found,) = await desk.ask(_asked(known), [id])
    product = await run_in_threadpool(site.store.product, id)
    stated = set() if product is None else set(product.triples)
    groups = [
        (name, list(some)) for name, some in groupby(found, lambda proposal: proposal.property)
    ]
    groups.sort(key=lambda group: -group[1][0].probability)
    return page(
        request,
        "proposals.html",
        id=id,
        waiting=False,
        known=known,
        groups=groups,
        stated=stated,
    )


@router.get("/product/why")
async def why(
    request: Request,
    site: SiteOf,
    visitor: Reader,
    id: IdQuery,
    name: Annotated[str, Query(max_length=5000)],
    value: Annotated[str, Query(max_length=5000)],
    known: bool = False,
) -> Response:
    """A fragment: what carried one proposal."""
    (found,) = await site.desk().ask(_asked(known), [id])
    chosen: Proposal | None = next(
        (one for one in found if (one.property, one.value) == (name, value)), None
    )
    if chosen is None:
        return page(request, "why.html", proposal=None, evidence=None, place=None, picture=None)
    product = await run_in_threadpool(site.store.product, id)
    title = None if product is None else product.title
    usable = [] if product is None else [n for n, one in enumerate(product.images) if one.usable]
    picture = usable[0] if usable else None
    if chosen.place is not None and chosen.place.source == "title":
        place = None if title is None else marked_place(title, chosen.place)
        return page(
            request, "why.html", proposal=chosen, evidence=None, place=place, picture=picture
        )
    (explained,) = await site.desk().ask(Explaining(_PARTS), [chosen])
    evidence = None
    if explained.explanation is not None:
        evidence = shown_evidence(explained.explanation, title)
    return page(
        request, "why.html", proposal=chosen, evidence=evidence, place=None, picture=picture
    )
