"""How much goes into one batch: so many records, cells and characters, whichever is reached first.

Nothing that a catalog states makes a batch large: a product may have thousands of triples, and a
text a million characters.
"""

from __future__ import annotations

from operator import itemgetter

from k3m_kg.records import CatalogRecord, Note, RejectedRow

CHARACTERS = 1 << 24
_value = itemgetter(1)


class Room:
    """What is left of a batch.

    Args:
        records: that it may have.
        cells: of properties, and one for each record.
        characters: of the properties' values.

    The last record may go beyond.
    """

    def __init__(self, records: int, cells: int, characters: int = CHARACTERS) -> None:
        self._whole = records, cells, characters
        self._records, self._cells, self._characters = self._whole

    def is_full_with(self, record: CatalogRecord) -> bool:
        """Whether the batch is full with this record; if it is, the next one begins another."""
        self._records -= 1
        self._cells -= 1
        if not isinstance(record, RejectedRow | Note):
            self._cells -= len(record.properties)
            self._characters -= sum(map(len, map(_value, record.properties)))
        if self._records > 0 and self._cells > 0 and self._characters > 0:
            return False
        self._records, self._cells, self._characters = self._whole
        return True
