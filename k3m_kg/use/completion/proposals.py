"""What completion says: a value that a product may have, and what speaks for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a product, and what it is worth to a proposal.

    Attributes:
        kind: `triple`, or a modality: a word of the `title`, a region of the `image`.
        text: the triple, the word, where the region is, or what else names the tokens.
        drop: by how much the probability falls when the part alone is absent.
        box: of a region, (left, top, right, bottom) as shares of the picture.
    """

    kind: str
    text: str
    drop: float
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What carried a proposal.

    Attributes:
        parts: those with the largest drop, largest first.
        without: the probability left when all `triples`, or a modality, are absent, of those that
            the product has.
    """

    parts: tuple[Part, ...]
    without: dict[str, float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in the product's own texts.

    Attributes:
        source: `title`, or the property whose value is the text.
        start, end: characters of that text.
    """

    source: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """One value that a product may have.

    Attributes:
        score: of the model's link scorer; comparable within one product and property.
        probability: that the property applies and this is its value: `applies` times the softmax of
            the scores over all values that the property takes in training, at the calibrated
            temperature where there is one.
        applies: how probably the product has a value of the property at all.
        explanation: the parts of the product that carried it, where they were asked for.
        place: where the value stands in the product's texts, where these were read.
        open: whether training never saw the value as one of this property.
    """

    product: str
    property: str
    value: str
    score: float
    probability: float
    applies: float = 1.0
    explanation: Explanation | None = None
    place: Place | None = None
    open: bool = False

    def record(self) -> dict[str, Any]:
        """As it is written in JSON."""
        record = asdict(self)
        if self.explanation is None:
            del record["explanation"]
        if self.place is None:
            del record["place"], record["open"]
        return record
