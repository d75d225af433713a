"""An item as a page shows it: the product, what is known, what is proposed, and what carried it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from k3m_kg.graph.reviewing.items import ReviewItem
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import StoredProduct

_ALTERNATIVES = 5
_PARTS = 8


@dataclass(frozen=True, slots=True)
class PictureRegion:
    """A region of the picture, as shares of it, and how much it carried, 0 to 1."""

    left: float
    top: float
    width: float
    height: float
    strength: float


@dataclass(frozen=True, slots=True)
class TitlePiece:
    """A piece of the title; a marked one carried the proposal, by so much from 0 to 1."""

    text: str
    strength: float = 0.0


@dataclass(frozen=True, slots=True)
class KnownTriple:
    """A triple of the product.

    Attributes:
        strength: how much it carried the proposal, 0 to 1.
        doubted: it is what the item doubts.
    """

    property: str
    value: str
    strength: float = 0.0
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class ShownItem:
    """One item with all that a reviewer looks at.

    Attributes:
        picture: the position of the first usable picture; None where there is none.
        pictures: how many usable ones there are.
        others: (value, probability) that the model held possible too.
        reasons: lines about what else carried it, with by how much.
        without: (what, probability left without it).
        gone: the product is no longer there.
    """

    item: ReviewItem
    title: Sequence[TitlePiece]
    category: str | None
    known: Sequence[KnownTriple]
    picture: int | None
    pictures: int
    regions: Sequence[PictureRegion]
    others: Sequence[tuple[str, float]]
    reasons: Sequence[tuple[str, float]]
    without: Sequence[tuple[str, float]]
    gone: bool = False

    @property
    def explained(self) -> bool:
        """Whether it came with what carried it."""
        return bool(_rows(self.item.details.get("parts")) or self.item.details.get("place"))

    @property
    def outlines(self) -> list[tuple[float, float, float, float, float]]:
        """Where regions are drawn, and how opaque."""
        return [
            (one.left, one.top, one.width, one.height, 0.35 + 0.65 * one.strength)
            for one in self.regions
        ]


def shown_items(store: GraphStore, items: Iterable[ReviewItem]) -> list[ShownItem]:
    """Items as a page shows them."""
    return [shown_item(item, store.product(item.product)) for item in items]


def shown_item(item: ReviewItem, product: StoredProduct | None) -> ShownItem:
    """An item as a page shows it; details that cannot be read are left out."""
    if product is None:
        return ShownItem(item, (), None, (), None, 0, (), (), (), (), gone=True)
    parts = _parts(item.details)
    most = max((drop for _, _, drop, _ in parts), default=0.0)
    strength = {(kind, text): drop / most for kind, text, drop, _ in parts if most > 0 and drop > 0}
    usable = [n for n, image in enumerate(product.images) if image.usable]
    own = (item.property, item.value)  # where it was written it says nothing about itself
    triples = [pair for pair in (*product.triples, *product.links) if pair != own]
    others = [
        (str(other["value"]), _share(other.get("probability")))
        for other in _rows(item.details.get("alternatives"))
        if "value" in other and other["value"] != item.value
    ]
    without = item.details.get("without")
    return ShownItem(
        item,
        _pieces(product.title or "", item, strength),
        product.category,
        [
            KnownTriple(
                name,
                value,
                strength.get(("triple", f"{name}: {value}"), 0.0),
                (name, value) == (item.property, item.stated),
            )
            for name, value in triples
        ],
        usable[0] if usable else None,
        len(usable),
        [
            PictureRegion(
                box[0],
                box[1],
                max(0.0, box[2] - box[0]),
                max(0.0, box[3] - box[1]),
                drop / most if most > 0 else 0.0,
            )
            for kind, _, drop, box in parts
            if kind == "image" and box is not None and drop > 0
        ],
        others[:_ALTERNATIVES],
        [
            (text, drop)
            for kind, text, drop, box in parts
            if kind not in ("title", "triple") and box is None
        ],
        [(str(kind), _share(left)) for kind, left in without.items()]
        if isinstance(without, dict)
        else [],
    )


_Box = tuple[float, float, float, float]


def _parts(details: Mapping[str, Any]) -> list[tuple[str, str, float, _Box | None]]:
    found = []
    for part in _rows(details.get("parts"))[:_PARTS]:
        box = part.get("box")
        whole = isinstance(box, list) and len(box) == 4
        found.append(
            (
                str(part.get("kind", "")),
                str(part.get("text", "")),
                _share(part.get("drop")),
                tuple(map(_share, box)) if whole and isinstance(box, list) else None,
            )
        )
    return found  # type: ignore[return-value]


def _rows(given: object) -> list[dict[str, Any]]:
    return [row for row in given if isinstance(row, dict)] if isinstance(given, list) else []


def _share(given: object) -> float:
    return float(given) if isinstance(given, int | float) and abs(given) <= 1 else 0.0


def _pieces(
    title: str, item: ReviewItem, strength: Mapping[tuple[str, str], float]
) -> Sequence[TitlePiece]:
    """The title, cut where words carried the proposal, or where the value itself stands."""
    marks = {text.casefold(): by for (kind, text), by in strength.items() if kind == "title"}
    place = item.details.get("place")
    spans: list[tuple[int, int, float]] = []
    if isinstance(place, dict) and place.get("source") == "title":
        start, end = place.get("start"), place.get("end")
        if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(title):
            spans.append((start, end, 1.0))
    if marks:
        spans += [
            (found.start(), found.end(), marks[found[0].casefold()])
            for found in re.finditer(r"\w+", title)
            if found[0].casefold() in marks
        ]
    pieces: list[TitlePiece] = []
    at = 0
    for start, end, by in sorted(spans):
        if start < at:
            continue
        if start > at:
            pieces.append(TitlePiece(title[at:start]))
        pieces.append(TitlePiece(title[start:end], by))
        at = end
    if at < len(title):
        pieces.append(TitlePiece(title[at:]))
    return pieces
