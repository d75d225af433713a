"""Numbers that other software has spoilt, such as a barcode `4.00638E+12`, in any source.

A product that is called so is rejected, and so is one with such a link. An identifier that it
states is left out, with a word. Elsewhere such a number may be meant: it stays, with a word too.
An identifier that is a whole number written as a decimal one, `4006381333931.0`, is that number;
`whole_ids` has those that products are called by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from k3m_kg.readers.numbers import lost_digits, were_whole
from k3m_kg.records import Note, ProductRecord

_IDENTIFIER = re.compile(
    r"(?<![a-z])(?:id|ids|gtin|ean|upc|isbn|issn|jan|itf|asin|sku|mpn|plu|pzn|hsn|code|codes|"
    r"barcode|barcodes|strichcode|codice|codigo|código|number|numbers|nummer|nr|no|num|numero|"
    r"número|numéro|ref|reference|référence|referenz|referencia|artikelnummer|artikelnr|serial)"
    r"(?![a-z])|(?:code|nummer|barcode|gtin|ean|sku)(?![a-z])",
    re.IGNORECASE,
)
_MANY_DIGITS = 11
"""The exponent from which on spreadsheets show any whole number so."""
_LONG_WHOLE = re.compile(r"\d{8,18}\.0")
"""What a barcode is written as where a column of numbers has an empty cell."""
_WITH_EXPONENT = re.compile(r"[eE]\+(\d+)")
_KNOWN = 1000
"""Properties of which it is counted."""


Counts = dict[str, tuple[int, str]]
"""By property: how many values, and one of them."""


def is_identifier(name: str) -> bool:
    """Whether a property is called as one that tells things apart by a number."""
    return _IDENTIFIER.search(name) is not None


def cut_short(text: str) -> bool:
    """Whether a value is a number of so many digits that it was shown and saved in part."""
    if not lost_digits(text):
        return False
    found = _WITH_EXPONENT.search(text)
    return found is not None and int(found[1]) >= _MANY_DIGITS


class RuinedNumbers:
    """Looks for them in the records of one source."""

    def __init__(self) -> None:
        self._left_out: Counts = {}
        self._kept: Counts = {}
        self._whole: Counts = {}

    @property
    def found(self) -> tuple[Counts, Counts, Counts]:
        """What was left out, what was taken as it is, and whole numbers that lost their `.0`."""
        return self._left_out, self._kept, self._whole

    def name_of(self, record: ProductRecord) -> str | None:
        """What lost its digits of the id and the links, if anything did."""
        named = (record.id, *(target for _, target in record.links))
        return next(filter(lost_digits, named), None)

    def without(self, record: ProductRecord) -> ProductRecord:
        """The record without identifiers that are ruined."""
        left = []
        for name, value in record.properties:
            ruined = cut_short(value)
            if ruined:
                count(self._left_out if is_identifier(name) else self._kept, name, value)
            if not (ruined and is_identifier(name)):
                left.append((name, value))
        if len(left) == len(record.properties):
            return record
        return replace(record, properties=tuple(left))

    def whole(self, record: ProductRecord) -> ProductRecord:
        """The record with identifiers that are long as the whole numbers they are."""
        properties = []
        for name, value in record.properties:
            if _LONG_WHOLE.fullmatch(value) and is_identifier(name):
                count(self._whole, name, value)
                value = value[:-2]
            properties.append((name, value))
        made = tuple(properties)
        return record if made == record.properties else replace(record, properties=made)

    def notes(self) -> Iterator[Note]:
        """What is to be said of the source."""
        for name, (number, example) in self._left_out.items():
            yield Note(
                f"{number:,} values of {name!r}, such as {example!r}, lost their digits in "
                "spreadsheet software and were left out: format the column as text there, and save "
                "it again"
            )
        for name, (number, example) in self._kept.items():
            yield Note(
                f"{number:,} values of {name!r}, such as {example!r}, look as if they had lost "
                "digits in spreadsheet software; they were taken as they are"
            )
        for name, (number, example) in self._whole.items():
            yield Note(were_whole(number, name, example))


def count(counts: Counts, name: str, example: str, more: int = 1) -> None:
    """Count so many more of a name; the first example stays."""
    if name in counts or len(counts) < _KNOWN:
        before, first = counts.get(name, (0, example))
        counts[name] = before + more, first
