"""Ids that are whole numbers written as decimal ones: `4006381333931.0` is `4006381333931`.

Software writes them so where a column of numbers has an empty cell. Where one of the source's ids
has a fraction, `1.1`, `1.0` is none of these: then all stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from k3m_kg.readers.numbers import were_whole, whole_id
from k3m_kg.records import CatalogRecord, Note, ProductRecord

_LOOKED_AT = 5_000
"""Records after the first such id in which one with a fraction is looked for."""
_FRACTION = re.compile(r"\d+\.\d*[1-9]\d*|\d+\.00+")


def with_whole_ids(records: Iterable[CatalogRecord]) -> Iterator[CatalogRecord]:
    """All records, ids and links mended, then what is to be said of that."""
    records = iter(records)
    for record in records:
        if type(record) is not ProductRecord or not ("." in record.id or record.links):
            yield record
            continue
        named = _named(record)
        if any(map(_FRACTION.fullmatch, named)):
            yield record
            yield from records
            return
        if any(name != whole_id(name) for name in named):
            yield from _decided(record, records)
            return
        yield record


def _decided(first: ProductRecord, records: Iterator[CatalogRecord]) -> Iterator[CatalogRecord]:
    held: list[CatalogRecord] = [first]
    try:
        for record in records:
            held.append(record)
            if type(record) is ProductRecord and _has_fraction(record):
                yield from held
                yield from records
                return
            if len(held) >= _LOOKED_AT:
                break
    except Exception:
        yield from map(_mended, held)  # as if nothing had been held
        raise
    yield from _all_mended(chain(held, records))


def _all_mended(records: Iterable[CatalogRecord]) -> Iterator[CatalogRecord]:
    count, example, other = 0, "", ""
    for record in records:
        if type(record) is ProductRecord:
            mended = _mended(record)
            if isinstance(mended, ProductRecord) and mended.id != record.id:
                count += 1
                example = example or record.id
            elif not other and _has_fraction(record):
                other = next(filter(_FRACTION.fullmatch, _named(record)))
            record = mended
        yield record
    if count:
        later = f", though later ones are like {other!r}" if other else ""
        yield Note(were_whole(count, "id", example) + later)


def _named(record: ProductRecord) -> list[str]:
    return [record.id, *(target for _, target in record.links)]


def _has_fraction(record: ProductRecord) -> bool:
    if not ("." in record.id or record.links):
        return False
    return any(map(_FRACTION.fullmatch, _named(record)))


def _mended(record: CatalogRecord) -> CatalogRecord:
    if type(record) is not ProductRecord or not (record.id.endswith(".0") or record.links):
        return record
    id_ = whole_id(record.id)
    links = tuple((name, whole_id(target)) for name, target in record.links)
    if id_ == record.id and links == record.links:
        return record
    return replace(record, id=id_, links=links)
