"""A product as a card: its picture, what is known of it, and values with their probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from k3m_kg.pages.html import image, text


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its probability; a `right` one is dark."""

    value: str
    probability: float
    right: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """What a page shows of a product.

    Attributes:
        title: None where it has none.
        picture: a PNG or JPEG; None where it has none.
        picture_kind: `png` or `jpeg`.
        known: values that the catalog has of it.
        notes: lines in red below the title.
        asked: properties, each with its bars.
    """

    title: str | None
    picture: bytes | None
    picture_kind: str = "png"
    known: Sequence[str] = ()
    notes: Sequence[str] = ()
    asked: Sequence[tuple[str, Sequence[Bar]]] = ()


def cards(shown: Iterable[Card]) -> str:
    """The cards in a grid."""
    return f"<div class=products>{''.join(map(_card, shown))}</div>"


def _card(card: Card) -> str:
    picture = "<div class=noimage>no picture</div>"
    if card.picture is not None:
        picture = image(card.picture, card.picture_kind)
    title = "(no title)" if card.title is None else text(card.title)
    notes = "".join(f"<div class=wrong>{text(note, 240)}</div>" for note in card.notes)
    known = "".join(f"<span>{text(value, 40)}</span>&#8203;" for value in card.known)
    asked = "".join(
        f"<div class=asked>{text(name)}?</div>{''.join(map(_bar, bars))}"
        for name, bars in card.asked
    )
    return (
        f"<div class=product><header>{picture}<div><h3>{title}</h3>{notes}</div></header>"
        f"<div class=known>{known}</div>{asked}</div>"
    )


def _bar(bar: Bar) -> str:
    percent = 100 * bar.probability
    return (
        f'<div class="bar{" right" if bar.right else ""}"><span>{text(bar.value)}</span>'
        f'<i style="width:{percent:.1f}%"></i><span>{percent:.0f} %</span></div>'
    )
