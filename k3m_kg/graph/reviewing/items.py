"""What is up for review, and what can be said of it: plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from k3m_kg.errors import GraphError, UsageError, unknown_name
from k3m_kg.graph.tables import ItemKind

CATEGORY_NAME = "category"
"""What the category is called where a property is."""


class ReviewConflict(GraphError):  # noqa: N818  (two people meet)
    """Another reviewer has the item, or has decided it meanwhile."""


class DecidedAs(StrEnum):
    """What a reviewer says of an item."""

    ACCEPT = "accept"
    """The proposed value is right; of a finding: and the stated one is wrong."""
    REJECT = "reject"
    """The proposed value is wrong; of a finding: and the stated one is right."""
    CORRECT = "correct"
    """Another value is right."""
    SKIP = "skip"
    """Somebody else shall say; nothing follows."""


class ReviewOrder(StrEnum):
    """What comes first."""

    UNCERTAINTY = "uncertainty"
    """What the model is least sure of."""
    PROPERTY = "property"
    """One property after the other; of each, what the model is least sure of."""
    WORTH = "worth"
    """Whose answer is worth most."""
    RANDOM = "random"
    """A random order, the same for everybody."""


@dataclass(frozen=True, slots=True)
class ReviewOffer:
    """A proposal or finding that shall be reviewed.

    Attributes:
        property: None for the product's category.
        value: that is proposed; of a finding, that is expected instead of `stated`.
        probability: of a proposal, that it is right; of a finding, that `stated` is wrong.
        stated: of a finding, the value that the product has; None of a proposal.
        worth: what an answer is worth, comparable among what is reviewed together; None: that of
            its uncertainty, p (1 - p).
        promised: the precision that was promised for what is as probable; None where it was not.
        details: JSON: whatever a page shows as evidence.
    """

    product: str
    property: str | None
    value: str
    probability: float
    stated: str | None = None
    worth: float | None = None
    promised: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def kind(self) -> ItemKind:
        """A finding doubts what is stated."""
        return ItemKind.PROPOSAL if self.stated is None else ItemKind.FINDING

    def check(self) -> None:
        """Raise a GraphError unless it can be kept."""
        texts = [self.product, self.value]
        texts += [text for text in (self.property, self.stated) if text is not None]
        where = f"what shall be reviewed of {self.product!r}"
        if not all(texts) or "\0" in "".join(texts):
            raise GraphError("product, property and values must be texts", where=where)
        if not (math.isfinite(self.probability) and 0 <= self.probability <= 1):
            raise GraphError(f"{self.probability} is no probability", where=where)
        if self.stated is not None and (self.property is None or self.stated == self.value):
            raise GraphError("a finding doubts a value that a property has", where=where)


def weights_of(model: str) -> str:
    """What tells a model from others: its weights, wherever its artifact lies by now.

    Args:
        model: who proposes, as `path@weights`; a name without weights tells itself.
    """
    return model.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One thing to decide.

    Attributes:
        id: its number in the queue.
        property: `category` where `of_category`.
        value, stated, probability, promised, details: as in `ReviewOffer`.
        model: who proposes it, as `path@weights`.
        decided: whether somebody has decided it.
        drawn: it comes from the random stream that keeps estimates honest.
    """

    id: int
    kind: ItemKind
    product: str
    property: str
    value: str
    stated: str | None
    probability: float
    details: Mapping[str, Any]
    model: str
    of_category: bool = False
    decided: bool = False
    drawn: bool = False
    promised: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What one reviewer said of one item.

    Attributes:
        run: the run that it is.
        item: the item's number.
        value: of a correction, the right value.
        drawn: the item came from the random stream.
        blind: the reviewer was shown no probability.
        decided_at: ISO 8601, UTC.
    """

    run: int
    item: int
    reviewer: str
    answer: DecidedAs
    value: str | None
    drawn: bool
    blind: bool
    decided_at: str


@dataclass(frozen=True, slots=True)
class DecidedItem:
    """A decision that holds, with what was decided."""

    item: ReviewItem
    decision: Decision

    @property
    def right(self) -> bool | None:
        """Whether what was proposed is right; None where it was skipped."""
        if self.decision.answer == DecidedAs.SKIP:
            return None
        return self.decision.answer == DecidedAs.ACCEPT


@dataclass(frozen=True, slots=True)
class AskedShare:
    """A proposal of the queue as a number.

    Attributes:
        right: what people say of it; None where nobody has.
    """

    property: str
    probability: float
    promised: float | None
    right: bool | None


@dataclass(frozen=True, slots=True)
class QueueCount:
    """How far the review of a property is.

    Attributes:
        property: its name, `category` for the category.
        open, accepted, rejected, corrected: items; those that several people decided count by the
            newest decision.
    """

    kind: ItemKind
    property: str
    open: int
    accepted: int
    rejected: int
    corrected: int


def answer_named(text: str) -> DecidedAs:
    """The answer of that name.

    Raises:
        UsageError: there is none.
    """
    return DecidedAs(_one_of("answer", text, [one.value for one in DecidedAs]))


def order_named(text: str) -> ReviewOrder:
    """The order of that name.

    Raises:
        UsageError: there is none.
    """
    return ReviewOrder(_one_of("order", text, [one.value for one in ReviewOrder]))


def _one_of(what: str, text: str, choices: list[str]) -> str:
    if text not in choices:
        raise UsageError(unknown_name(what, text, choices))
    return text
