"""Deciding in a browser: one item at a time, the next ones at hand, and equal ones at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, Response

from k3m_kg.graph.reviewing.items import ReviewItem, ReviewOrder, answer_named
from k3m_kg.graph.tables import ItemKind
from k3m_kg.quality.promises import judged_promises
from k3m_kg.serve.guard.access import Form, Reader, Reviewer, field
from k3m_kg.serve.problems import Refused
from k3m_kg.serve.rendering import page
from k3m_kg.serve.review.asked import NUMBERS_END, DeskOf, WantedItems, WantedOf
from k3m_kg.serve.review.shown import shown_items
from k3m_kg.serve.site import Site, SiteOf

router = APIRouter(prefix="/review", include_in_schema=False)

MOST_AT_ONCE = 10
_MOST_EQUAL = 100
_ORDERS = {
    ReviewOrder.UNCERTAINTY: "least sure first",
    ReviewOrder.PROPERTY: "one property after the other",
    ReviewOrder.WORTH: "worth most first",
    ReviewOrder.RANDOM: "at random",
}
_KINDS = {ItemKind.PROPOSAL: "proposals", ItemKind.FINDING: "doubted values"}


@router.get("")
def review(
    request: Request, site: SiteOf, desk: DeskOf, visitor: Reviewer, wanted: WantedOf
) -> Response:
    """The page; it fetches its items itself."""
    counts = desk.counts()
    return page(
        request,
        "review/desk.html",
        wanted=wanted,
        counts=counts,
        names=sorted({row.property for row in counts}),
        left=sum(row.open for row in counts),
        orders=_ORDERS,
        kinds=_KINDS,
    )


@router.post("/next")
def next_items(
    request: Request, site: SiteOf, desk: DeskOf, visitor: Reviewer, wanted: WantedOf, form: Form
) -> Response:
    """The next items, as articles; those that the browser has already are named in `having`."""
    having = _numbers(form, "having")
    count = min(MOST_AT_ONCE, _number(field(form, "count", 9)))
    items = wanted.take(desk, visitor.name, count, having)
    return _articles(request, site, wanted, items)


@router.post("/decide")
def decide(desk: DeskOf, visitor: Reviewer, form: Form) -> Response:
    """Decide; when this answers, it is kept."""
    value = field(form, "value") if "value" in form else None
    found = desk.decide(
        visitor.name,
        _numbers(form, "item"),
        answer_named(field(form, "answer", 20)),
        value,
        blind=form.get("blind") == "1",
    )
    return JSONResponse(
        {
            "run": found.run,
            "items": found.items,
            "left_out": found.left_out,
            "repeated": found.repeated,
        }
    )


@router.post("/undo")
def undo(
    request: Request, site: SiteOf, desk: DeskOf, visitor: Reviewer, wanted: WantedOf, form: Form
) -> Response:
    """Take the last decision back; its items come again."""
    _, numbers = desk.undo(visitor.name)
    items = [found for number in numbers[:MOST_AT_ONCE] if (found := desk.item(number))]
    return _articles(request, site, wanted, items)


@router.post("/release")
def release(desk: DeskOf, visitor: Reviewer, form: Form) -> Response:
    """Give items back: the page is left."""
    desk.release(visitor.name, _numbers(form, "item"))
    return Response(status_code=204)


@router.get("/promises")
def promises(request: Request, desk: DeskOf, visitor: Reader) -> Response:
    """A fragment: what waits, and which promised precisions hold."""
    found = desk.promised()
    wanted = max((one.promised or 0.0 for one in found), default=0.0)
    return page(
        request,
        "review/promises.html",
        left=sum(row.open for row in desk.counts()),
        promises=sorted(judged_promises(found, wanted).items()),
    )


@router.get("/equal")
def equal(
    request: Request,
    desk: DeskOf,
    site: SiteOf,
    visitor: Reviewer,
    wanted: WantedOf,
    item: Annotated[int, Query(ge=0, lt=NUMBERS_END)],
) -> Response:
    """Items that ask the same of other products, to decide at once."""
    items = desk.equal(item, visitor.name, _MOST_EQUAL)
    return page(
        request,
        "review/equal.html",
        shown=shown_items(site.store, items),
        wanted=wanted,
        most=_MOST_EQUAL,
    )


@router.get("/values")
def values(
    desk: DeskOf,
    visitor: Reviewer,
    property: Annotated[str, Query(max_length=1000)],
    text: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Values of a property that hold a text."""
    found = desk.values(property, text)
    return JSONResponse([{"value": value, "products": count} for value, count in found])


def _articles(
    request: Request, site: Site, wanted: WantedItems, items: list[ReviewItem]
) -> Response:
    return page(
        request,
        "review/items.html",
        shown=shown_items(site.store, items),
        wanted=wanted,
        explains=site.model is not None,
    )


def _numbers(form: FormData, name: str) -> list[int]:
    return [_number(given) for given in form.getlist(name) if isinstance(given, str)]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Refused(400, "The form is not as we send it.")
    return int(text)
