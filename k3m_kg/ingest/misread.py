"""What a reader took as it stands and a person would not, such as a value `N/A`, in any source.

Nothing of it is changed: it is told, with what to do. But a row that sums up the others is no
product, and is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter

from k3m_kg.ingest.ruined import Counts, count
from k3m_kg.readers.mapped.contents import PLACEHOLDERS
from k3m_kg.records import Note, ProductRecord

_SUM = re.compile(
    r"(?:(?:grand|sub)[\s-]?)?totals?|sum|summe|gesamt(?:summe|betrag|anzahl)?|zwischensumme|"
    r"insgesamt|totale|totaal|suma|somme|totaux|合计|总计",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"https?://[^\s|;,]+[\s|;,]+https?://", re.IGNORECASE)
_value = itemgetter(1)
_LISTED = 6


class Misread:
    """Looks for it in the records of one source."""

    def __init__(self) -> None:
        self._placeholders: Counts = {}
        self._pictures: Counts = {}

    @property
    def found(self) -> tuple[Counts, Counts]:
        """Placeholders that are values by property, and pictures that are several by their number.

        Of a property's placeholders the first is the example.
        """
        return self._placeholders, self._pictures

    def look(self, record: ProductRecord) -> None:
        """Count what a product has of it."""
        if not PLACEHOLDERS.isdisjoint(map(_value, record.properties)):
            for name, value in record.properties:
                if value in PLACEHOLDERS:
                    count(self._placeholders, name, value)
        for image in record.images:
            if image.count("://") > 1 and _SEVERAL.match(image):
                count(self._pictures, "", image)

    def notes(self) -> Iterator[Note]:
        """What is to be said of the source."""
        if self._placeholders:
            found = sorted(self._placeholders.items(), key=lambda item: -item[1][0])
            listed = [f"{text!r} of {name!r}" for name, (_, text) in found]
            more = f" and of {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
            yield Note(
                f"values that look as if nothing was known: {', '.join(listed[:_LISTED])}{more}; "
                "they were taken as they are; in a format that goes by a mapping, `missing` in it "
                "leaves such out"
            )
        for _, example in self._pictures.values():
            yield Note(
                f"pictures are several addresses in one, such as {example[:80]!r}, and cannot be "
                "found: `separators` in a mapping takes them apart"
            )


def sums_up(record: ProductRecord) -> bool:
    """Whether a row is the sum of others: called so, and without a title or picture."""
    if record.title is not None or record.images:
        return False
    return _SUM.fullmatch(record.id.rstrip(" :")) is not None
