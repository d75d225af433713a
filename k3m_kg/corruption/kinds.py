"""Which corruptions there are: those of the K3M paper (its section 4), and of the triples.

Missing: TMR title, IMR image, MMR mixed. Noise, which is another product's: TNR title, INR image,
TINR both, MNR mixed. Mixed is one of three for each product: its title, its picture, or both. KMR
and KNR are the same of triples, which the paper leaves whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from k3m_kg.errors import UsageError, unknown_name

Part = Literal["title", "image", "triples"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to harm products.

    Attributes:
        name: as in the paper.
        summary: in words.
        harm: the part is taken away, or is another product's.
        parts: what of a product it meets.
        mixed: only one of its parts, or all, as is drawn for each product.
    """

    name: str
    summary: str
    harm: Literal["missing", "wrong"]
    parts: tuple[Part, ...]
    mixed: bool = False


CORRUPTIONS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("TMR", "title missing", "missing", ("title",)),
        Kind("IMR", "image missing", "missing", ("image",)),
        Kind("MMR", "title, image or both missing", "missing", ("title", "image"), mixed=True),
        Kind("TNR", "title of another product", "wrong", ("title",)),
        Kind("INR", "image of another product", "wrong", ("image",)),
        Kind("TINR", "title and image of other products", "wrong", ("title", "image")),
        Kind("MNR", "title, image or both wrong", "wrong", ("title", "image"), mixed=True),
        Kind("KMR", "triples missing", "missing", ("triples",)),
        Kind("KNR", "triples of another product", "wrong", ("triples",)),
    )
}


@dataclass(frozen=True, slots=True)
class Corruption:
    """A kind and a share of products.

    Attributes:
        kind: how they are harmed.
        ratio: how many, in [0, 1].
    """

    kind: Kind
    ratio: float

    def __str__(self) -> str:
        return f"{self.kind.name}:{self.ratio:g}"


def corruption_of(text: str, where: str = "--corrupt") -> Corruption:
    """A corruption as it is written: `TMR:0.5`.

    Raises:
        UsageError: no such corruption, or no share.
    """
    name, colon, share = text.partition(":")
    kind = kind_of(name, where)
    try:
        ratio = float(share)
    except ValueError:
        ratio = -1.0
    if not colon or not 0 <= ratio <= 1:
        raise UsageError(
            f"{text!r} says no share of products",
            where=where,
            hint=f"0 to 1 after the colon: {kind.name}:0.5",
        )
    return Corruption(kind, ratio)


def kind_of(name: str, where: str) -> Kind:
    """A kind by its name.

    Raises:
        UsageError: there is none; names the nearest.
    """
    if name not in CORRUPTIONS:
        raise UsageError(unknown_name("corruption", name, tuple(CORRUPTIONS)), where=where)
    return CORRUPTIONS[name]
