"""Part of reading in an ingest: every text of a record storable, every record hashed.

Numbers that lost their digits, sums and placeholders are found here too, whatever the format.

It happens in whichever of the two processes has time for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from k3m_kg.ingest.misread import Misread, sums_up
from k3m_kg.ingest.ruined import Counts, RuinedNumbers, count
from k3m_kg.readers.numbers import digits_lost
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow, Subject

_LOOKED_AT = 5000
"""Products of a source in which placeholders are looked for: each costs as much as a check."""
_SUMS = (
    "{!r} without a title seems to sum up other rows, and to be no product; `skip_at_end` in a "
    "mapping leaves such rows out"
)

Checked = tuple[Subject, str]
"""A record and its `content_hash()`."""


Read = Checked | RejectedRow | Note
"""What reading gives: a record to write, or what is only told."""


def checked(records: Iterable[CatalogRecord]) -> Iterator[Read]:
    """All records of a source as a `Checker` gives them, then what is to be said of them."""
    checker = Checker()
    yield from checker.of(records)
    yield from checker.notes()


class Checker:
    """Checks the records of one source, in as many parts as they come."""

    def __init__(self) -> None:
        self._ruined = RuinedNumbers()
        self._misread = Misread()
        self._unlooked = _LOOKED_AT

    @property
    def found(self) -> tuple[Counts, ...]:
        """What will be noted, so far."""
        return *self._ruined.found, *self._misread.found

    def add(self, *found: Counts) -> None:
        """What another process found in the same source."""
        for own, other in zip(self.found, found, strict=True):
            for name, (number, example) in other.items():
                count(own, name, example, number)

    def of(self, records: Iterable[CatalogRecord]) -> Iterator[Read]:
        """The records with their hashes; one that is none for the graph is rejected.

        That depends on the record alone: not on its pictures, and not on which reader made it.
        """
        for record in records:
            if isinstance(record, RejectedRow | Note):
                yield record
                continue
            content = record.content_text()
            reason = _unfit(record, content)
            if isinstance(record, ProductRecord) and reason is None:
                mended = record
                if "E+" in content or "e+" in content:
                    if (name := self._ruined.name_of(record)) is not None:
                        reason = digits_lost(name)
                    mended = self._ruined.without(mended)
                if record.title is None and sums_up(record):
                    reason = _SUMS.format(record.id)
                if ".0\x1f" in content:
                    mended = self._ruined.whole(mended)
                if mended is not record:
                    record, content = mended, mended.content_text()
                if self._unlooked:
                    self._unlooked -= 1
                    self._misread.look(record)
            if reason:
                yield RejectedRow(record.line, reason, repr(record)[:2000], id_of(record))
            else:
                yield record, hashlib.sha256(content.encode()).hexdigest()

    def notes(self) -> Iterator[Note]:
        """What is to be said of all of them, at the end."""
        yield from self._ruined.notes()
        yield from self._misread.notes()


def id_of(record: Subject) -> str | None:
    """The product that a record is about; None for a value."""
    return record.id if isinstance(record, ProductRecord) else None


def _unfit(record: Subject, content: str) -> str | None:
    absent = 0
    pairs = record.properties
    if isinstance(record, ProductRecord):
        pairs += record.links
        if not record.id:
            return "no id"
        absent = (record.title is None) + (record.category is None)
    elif not record.value:
        return "no value"
    if not all(map(all, pairs)):
        return "a property without name or value"
    if content.count("\0") != absent:  # that many `content_text` has of its own
        return "NUL character"
    try:
        content.encode()
    except UnicodeEncodeError:
        return "characters that are no Unicode text (lone surrogates)"
    return None
