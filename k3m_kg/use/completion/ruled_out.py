"""What people have said of values: models propose nothing that was rejected, doubt nothing that was
confirmed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from k3m_kg.graph.tables import Judgement

Question = tuple[str, str | None]
"""Product, and property; None for its category."""


@dataclass(frozen=True, slots=True)
class RuledOut:
    """What a model need not say.

    Attributes:
        rejected: values that are wrong, by question.
        confirmed: values that are right, by question.
    """

    rejected: Mapping[Question, Collection[str]] = field(default_factory=dict)
    confirmed: Mapping[Question, Collection[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, judgements: Iterable[tuple[str, str | None, str, Judgement]]) -> RuledOut:
        """From what people say of (product, property, value)."""
        rejected: dict[Question, set[str]] = {}
        confirmed: dict[Question, set[str]] = {}
        for product, name, value, says in judgements:
            of = confirmed if says == Judgement.RIGHT else rejected
            of.setdefault((product, name), set()).add(value)
        return cls(rejected, confirmed)

    def __bool__(self) -> bool:
        """Whether people have said anything."""
        return bool(self.rejected or self.confirmed)


NOTHING_RULED_OUT = RuledOut()
