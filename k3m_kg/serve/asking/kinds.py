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
