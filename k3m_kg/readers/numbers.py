"""Numbers as text that keeps what the file says, in whatever form a file holds them.

A number that was written as text stays as it is. One in binary is written with all its digits: no
exponent where a person would write none, and never more digits than the file's own type holds.
"""

from __future__ import annotations

import re
from decimal import Decimal

_EXACT = 1 << 53
"""Whole numbers up to here are exact in a double."""
_SMALL = -10
_WHOLE = re.compile(r"\d+\.0")
_CUT_SHORT = re.compile(r"[-+]?(\d+)(?:[.,](\d+))?[eE]\+(\d{1,3})")


def float_text(value: float) -> str:
    """A double in its shortest form: `4006381333931`, `0.004`."""
    return plain_text(repr(value))


def plain_text(text: str) -> str:
    """A number that was written by a program, without exponent where that loses nothing."""
    if "e" in text or "E" in text:
        number = Decimal(text)
        if abs(number) < _EXACT and number.adjusted() >= _SMALL:
            text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").removesuffix(".") if "e" not in text else text
    return text


def decimal_text(value: Decimal) -> str:
    """A decimal number with the digits that it has: `9.50`."""
    return format(value, "f")


def whole_id(text: str) -> str:
    """An id, without the `.0` that software puts behind whole numbers."""
    return text[:-2] if text.endswith(".0") and _WHOLE.fullmatch(text) else text


def digits_lost(text: str) -> str:
    """Why a row is rejected that names something by a number that lost its digits."""
    return (
        f"{text!r} lost its digits in spreadsheet software: format the column as text there, and "
        "save it again"
    )


def were_whole(count: int, name: str, example: str) -> str:
    """What is said of whole numbers that were taken as such."""
    return (
        f"{count:,} values of {name!r}, such as {example!r}, are whole numbers that software wrote "
        "as decimal ones: `.0` was left out"
    )


def lost_digits(text: str) -> bool:
    """Whether a number was cut short by the software that wrote it, such as `1.23E+12`.

    Spreadsheets show and save numbers of more than eleven digits so. One that still has all its
    digits, `1.234567890123E+12`, is not cut.
    """
    if "+" not in text or (found := _CUT_SHORT.fullmatch(text)) is None:
        return False
    whole, part, exponent = found[1], found[2] or "", int(found[3])
    return len(part) < exponent and len(whole) == 1
