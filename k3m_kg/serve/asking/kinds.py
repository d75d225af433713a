"""What a model can be asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Completing:
    """For products: the values that they lack.

    Attributes:
        properties: these; where empty, all that can be completed.
        top: values per property.
        known_too: also what is stated, hidden first.
        applies: ask a property where it applies with at least this probability.
    """

    properties: tuple[str, ...] = ()
    top: int = 5
    known_too: bool = False
    applies: float = 0.5


@dataclass(frozen=True, slots=True)
class Explaining:
    """For proposals: what carried them.

    Attributes:
        parts: the most of each.
    """

    parts: int = 8


@dataclass(frozen=True, slots=True)
class Embedding:
    """For products: their vectors."""


@dataclass(frozen=True, slots=True)
class Auditing:
    """For products: what of them probably belongs to another one.

    Attributes:
        top: findings of each kind, of all products that are asked together.
    """

    top: int = 20


@dataclass(frozen=True, slots=True)
class Searching:
    """For texts: the products that they describe.

    Attributes:
        top: products for each.
        by: `words`, `model` or `both`.
    """

    top: int = 10
    by: str = "both"


@dataclass(frozen=True, slots=True)
class SearchingPictures:
    """For picture files, as bytes: the products that they may be of."""

    top: int = 10


@dataclass(frozen=True, slots=True)
class Resembling:
    """For products: those whose vectors are nearest."""

    top: int = 8


@dataclass(frozen=True, slots=True)
class Matching:
    """For products: those that are probably the same one.

    Attributes:
        each: so many of the nearest are compared, and as many that share words.
        least: only what is the same with at least this probability.
    """

    each: int = 10
    least: float = 0.5
