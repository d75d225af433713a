"""What a text says as a quantity: one number, or two of a range, with or without a unit.

Nothing is guessed. A text with anything else in it is no quantity. `1,000` and `1.000` can be read
in two ways: they are `Unclear` until something else says which sign is the decimal one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from k3m_kg.quantities.units import Unit, unit_of

Sign = Literal[".", ","]
"""What stands before the decimals."""

_LONGEST = 60
"""A longer text is none."""
_BLANKS = re.compile(r"\s+")
_NUMBER = re.compile(
    r"[+\-−]?"
    r"(?:[0-9]{1,3}(?: [0-9]{3})+(?![0-9])(?:[.,][0-9]+)?|[0-9]+(?:[.,'’][0-9]+)*|[.,][0-9]+)"
)
_FRACTION = re.compile(
    r"(?:([0-9]{1,4})(?: | ?- ?))?([0-9]{1,2}) ?[/⁄] ?(2|3|4|8|16|32|64)(?![0-9])"
)
_VULGAR = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅛": "1/8", "⅜": "3/8"}
_TIMES = re.compile(r"([0-9]{1,3}) ?[x×*] ?(?=[0-9.,])", re.IGNORECASE)
_TO = re.compile(r" ?(?:-|–|—|~|\.\.\.?|…|to\b|bis\b|à\b) ?(?=[+\-−.,0-9])")
_NAMED = re.compile(r" ?-?(?=\S)")
_ABOUT = re.compile(r"(?:about|approx\.?|approximately|ca\.?|circa|etwa|~|≈|±)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a text says.

    Attributes:
        low, high: numbers in `unit`, equal where it is no range.
        unit: None where there is none.
        decimal: the sign before the decimals, where the text leaves no doubt which it is.
    """

    low: float
    high: float
    unit: Unit | None = None
    decimal: Sign | None = None

    @property
    def middle(self) -> float:
        """The number that it is ordered by."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, slots=True)
class Unclear:
    """A text that is a quantity in two ways, by which sign is the decimal one."""

    point: Quantity
    comma: Quantity

    def by(self, decimal: Sign) -> Quantity:
        """Its reading where that is the sign before the decimals."""
        return self.point if decimal == "." else self.comma


def parse(text: str) -> Quantity | Unclear | None:
    """The quantity that a text is; None where it is none.

    Of "3 x 8 GB" it is all together, 24 GB; lengths that are multiplied are the sides of something,
    and no quantity. Numbers of another alphabet than 0 to 9 are none.
    """
    if len(text) > _LONGEST or not re.search("[0-9½¼¾⅓⅔⅛⅜]", text):
        return None
    text = _plain(text)
    point, comma = (_read(text, sign) for sign in (".", ","))
    if point is None or comma is None:
        return point or comma
    if (point.low, point.high) == (comma.low, comma.high):
        return point
    return Unclear(point, comma)


def _plain(text: str) -> str:
    for sign, spelled in _VULGAR.items():
        text = re.sub(rf"\s?{sign}", f" {spelled}", text)
    return _BLANKS.sub(" ", text.replace("μ", "µ")).strip()


def _read(text: str, decimal: Sign) -> Quantity | None:
    """The whole text as a quantity, where signs that have two meanings have this one."""
    if about := _ABOUT.match(text):
        text = text[about.end() :]
    times = 1.0
    if (many := _TIMES.match(text)) is not None:
        times, text = float(many[1]), text[many.end() :]
    first = _number(text, decimal)
    if first is None:
        return None
    low, sure, text = first
    high = low
    unit_before, text = _unit_before_range(text)
    if (to := _TO.match(text)) is not None:
        last = _number(text[to.end() :], decimal)
        if last is None or last[0] <= low:
            return None
        high, also_sure, text = last
        sure = sure or also_sure
    named = _NAMED.sub("", text, count=1).strip() if text.strip("- ") else text.strip()
    unit = unit_of(named) if named else unit_before
    if named and unit is None:
        return None
    if unit_before is not None and unit is not unit_before:
        return None
    if times != 1 and (unit is None or unit.dimension == "length"):
        return None
    return Quantity(low * times, high * times, unit, sure)


def _unit_before_range(text: str) -> tuple[Unit | None, str]:
    """Of "10 mm - 20 mm" the first unit, and what follows it."""
    for to in _TO.finditer(text):
        name = text[: to.start()].strip()
        if name and (unit := unit_of(name)) is not None:
            return unit, text[to.start() :]
    return None, text


def _number(text: str, decimal: Sign) -> tuple[float, Sign | None, str] | None:
    """A number at the start of a text, the decimal sign if it shows which, and the rest."""
    if (parts := _FRACTION.match(text)) is not None:
        over, under = int(parts[2]), int(parts[3])
        if over < under and math.gcd(over, under) == 1:
            return int(parts[1] or 0) + over / under, None, text[parts.end() :]
    found = _NUMBER.match(text)
    if found is None:
        return None
    value = _value(found[0], decimal)
    return None if value is None else (*value, text[found.end() :])


def _value(digits: str, decimal: Sign) -> tuple[float, Sign | None] | None:
    """What digits with signs among them say, and the decimal sign where they leave no doubt."""
    sign = -1.0 if digits[0] in "-−" else 1.0
    digits = digits.lstrip("+-−").replace(" ", "'").replace("’", "'")
    marks = [mark for mark in digits if mark in ".,'"]
    kinds = set(marks)
    sure: Sign | None = None
    point: str | None
    if len(kinds) > 2:
        return None
    if len(kinds) == 2 or kinds == {"'"}:
        point = marks[-1] if len(kinds) == 2 else None
        if point == "'" or marks.count(str(point)) > 1:
            return None
        sure = "." if point == "." else "," if point == "," else None
    elif len(marks) > 1:  # 1.234.567: groups
        point, sure = None, "," if kinds == {"."} else "."
    elif marks:
        (mark,) = marks
        whole, after = digits.split(mark)
        both = len(after) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")
        point = mark if not both or mark == decimal else None
        sure = None if both else "." if mark == "." else ","
    else:
        return sign * float(digits), None
    whole, after = digits.rsplit(point, 1) if point else (digits, "")
    groups = re.split("[.,']", whole)
    if len(groups) > 1 and not (1 <= len(groups[0]) <= 3 and all(len(g) == 3 for g in groups[1:])):
        return None
    return sign * float(f"{''.join(groups) or '0'}.{after or '0'}"), sure
