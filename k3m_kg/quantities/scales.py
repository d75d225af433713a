"""Whether the values of a property are quantities, and then their numbers in one unit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from k3m_kg.quantities.parsing import Quantity, Sign, Unclear, parse
from k3m_kg.quantities.units import INTERVAL_DIMENSIONS, Unit, unit_of

LEAST_SHARE = 0.9
"""Of the triples of a quantity at least so many are numbers of one dimension."""
LEAST_NUMBERS = 8
"""With fewer different numbers, they are classes as good as any others."""
TOLERANCE = 0.1
"""A predicted number is right within this share of the true one."""
_MOST_DIGITS = 7
_IDENTIFYING = 0.9
_SPREAD = (0.05, 0.95)
_IN_BRACKETS = re.compile(r"[(\[]([^()\[\]]+)[)\]]\s*$")


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """The numbers of a property's V values.

    Attributes:
        unit: in which they are: the one that most triples have; None: bare numbers.
        numbers_V: float64, the middle of a range; NaN where a value is no number.
        bare: triples without a unit beside others that have one, read in the only one there is.
        unread: triples that were not read: no number, another dimension, or unclear.
        unclear: values that can be read in two ways and were left out, most frequent first.
        decimal: the sign before decimals, where the values show it.
        absolute: tolerance that is added to the relative one: a share of the spread, where zero
            lies within the scale or is a convention (temperatures), else 0.
        written: `unit`, if values have it; None where it stands in the property's name.
        lone: whether no value has another unit.
    """

    unit: Unit | None
    numbers_V: np.ndarray
    bare: int = 0
    unread: int = 0
    unclear: tuple[str, ...] = ()
    decimal: Sign | None = None
    absolute: float = 0.0
    written: Unit | None = None
    lone: bool = True

    def tolerance(self, numbers: np.ndarray) -> np.ndarray:
        """How far from each true number a predicted one may be."""
        relative = np.zeros_like(numbers) if self.absolute else TOLERANCE * np.abs(numbers)
        allowed: np.ndarray = relative + self.absolute
        return allowed

    def read(self, values: Sequence[str]) -> np.ndarray:
        """(N,) float64: the numbers of other values of the property; NaN where one is none."""
        settled = [_settled(parse(text), self.decimal) for text in values]
        numbers = [_number(found, self.written, bare=self.lone) for found in settled]
        return np.array(numbers, np.float64)

    def text(self, number: float) -> str:
        """A number as people read it, three digits of it, with the unit."""
        shown = f"{number:,.0f}".replace(",", "") if abs(number) >= 1000 else f"{number:.3g}"
        if self.unit is None:
            return shown
        return f"{shown}{'' if self.unit.symbol in ('°', '%') else ' '}{self.unit.symbol}"


def scale_of(
    values: Sequence[str], counts: Sequence[int] | np.ndarray, name: str = ""
) -> Scale | None:
    """The numbers of a property, from its values in training and how often each occurs.

    Where no value has a unit, that of the property's name counts: "weight (kg)".

    None where it is no quantity: less than `LEAST_SHARE` of its triples are numbers of one
    dimension, fewer than `LEAST_NUMBERS` of them differ, or they look like identifiers (long whole
    numbers, nearly all different).
    """
    weight_V = np.asarray(counts, np.int64)
    read = [parse(text) for text in values]
    total = int(weight_V.sum())
    if not total or _share(read, weight_V) < LEAST_SHARE * total:
        return None
    decimal = _decimal(read, weight_V)
    settled = [_settled(item, decimal) for item in read]
    units = Counter[Unit | None]()
    for found, weight in zip(settled, weight_V.tolist(), strict=True):
        if found is not None:
            units[found.unit] += weight
    unit, alone = _unit(units)
    written = unit
    numbers_V = np.array([_number(found, unit, bare=alone) for found in settled], np.float64)
    there_V = np.isfinite(numbers_V)
    different = np.unique(numbers_V[there_V])
    if weight_V[there_V].sum() < LEAST_SHARE * total or len(different) < LEAST_NUMBERS:
        return None
    if unit is None and _identifies(different, int(weight_V[there_V].sum())):
        return None
    unclear = [
        (weight, text)
        for item, text, weight in zip(read, values, weight_V.tolist(), strict=True)
        if isinstance(item, Unclear) and decimal is None
    ]
    if unit is None and (found_in := _IN_BRACKETS.search(name)) is not None:
        unit = unit_of(found_in[1].strip())
    return Scale(
        unit,
        numbers_V,
        bare=units[None] if written is not None and alone else 0,
        unread=int(weight_V[~there_V].sum()),
        unclear=tuple(text for _, text in sorted(unclear, key=lambda pair: (-pair[0], pair[1]))),
        decimal=decimal,
        absolute=_absolute(np.repeat(numbers_V[there_V], weight_V[there_V]), unit),
        written=written,
        lone=alone,
    )


def _share(read: Sequence[Quantity | Unclear | None], weight_V: np.ndarray) -> int:
    return int(weight_V[[item is not None for item in read]].sum())


def _decimal(read: Sequence[Quantity | Unclear | None], weight_V: np.ndarray) -> Sign | None:
    """The sign before the decimals, where all values that show one agree."""
    shown = {item.decimal for item in read if isinstance(item, Quantity) and item.decimal}
    return shown.pop() if len(shown) == 1 else None


def _settled(item: Quantity | Unclear | None, decimal: Sign | None) -> Quantity | None:
    if isinstance(item, Unclear):
        return None if decimal is None else item.by(decimal)
    return item


def _unit(units: Counter[Unit | None]) -> tuple[Unit | None, bool]:
    """The most frequent unit, and whether bare numbers can only mean it."""
    named = Counter({unit: count for unit, count in units.items() if unit is not None})
    if not named or named.total() <= (1 - LEAST_SHARE) * units.total():
        return None, True
    unit, _ = max(named.items(), key=lambda pair: (pair[1], pair[0].symbol))
    return unit, len(named) == 1


def _number(found: Quantity | None, unit: Unit | None, *, bare: bool) -> float:
    if found is None:
        return np.nan
    if found.unit == unit or (found.unit is None and bare):
        return found.middle
    if found.unit is None or unit is None or found.unit.dimension != unit.dimension:
        return np.nan
    return unit.from_base(found.unit.to_base(found.middle))


def _identifies(different: np.ndarray, triples: int) -> bool:
    whole = bool((different == np.round(different)).all())
    long = bool(np.median(np.abs(different)) >= 10 ** (_MOST_DIGITS - 1))
    return whole and (long or len(different) > _IDENTIFYING * triples >= _IDENTIFYING * 100)


def _absolute(numbers: np.ndarray, unit: Unit | None) -> float:
    convention = unit is not None and unit.dimension in INTERVAL_DIMENSIONS
    if not convention and (numbers >= 0).all():
        return 0.0
    low, high = np.quantile(numbers, _SPREAD)
    return TOLERANCE * float(high - low)
