"""The texts of a product that values may stand in: its title, long texts, its other values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.holdout import KNOWN, UNTRUE
from k3m_kg.snapshot.read import SnapshotProduct

TITLE = "title"
LONG, VALUE = "long text", "value"
_LONG_MEAN = 60
"""Characters of the mean value: a longer property holds texts."""
_LONG_DISTINCT = 0.3
"""Of a text property's triples at least this share differ: others are long names of classes."""
_SAMPLE = 2000
READ = 1000
"""Characters of a long text that are read."""


@dataclass(frozen=True, slots=True)
class ProductText:
    """One text of a product.

    Attributes:
        kind: `title`, `long text`, or `value` of another property.
        name: the property it is the value of; `title` of a title.
        text: at most `READ` characters.
    """

    kind: str
    name: str
    text: str


def are_texts(values: Sequence[str]) -> bool:
    """Whether a property's values, one per triple, are texts: long, and mostly different."""
    distinct = set(values)
    if not distinct or len(distinct) < _LONG_DISTINCT * len(values):
        return False
    return sum(map(len, distinct)) > _LONG_MEAN * len(distinct)


def long_texts(snapshot: Snapshot) -> dict[str, int]:
    """The properties whose values are texts, and how many train triples have them; most first."""
    found = {}
    for name, values, counts in zip(snapshot.properties, *snapshot.candidates(), strict=True):
        triples = int(counts.sum())
        if len(values) < _LONG_DISTINCT * triples:
            continue
        some = values[:: max(1, len(values) // _SAMPLE)]
        if are_texts([snapshot.value_text(value) for value in some.tolist()]):
            found[name] = triples
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def texts_of(
    product: SnapshotProduct, long: dict[str, int], *, values: bool
) -> Iterator[ProductText]:
    """A product's texts, without what is held out.

    Args:
        product: has them.
        long: as `long_texts` gives.
        values: also its short values.
    """
    if product.title:
        yield ProductText(TITLE, TITLE, product.title[:READ])
    for (name, value), mark in zip(product.properties, product.holdout, strict=True):
        if mark not in (KNOWN, UNTRUE):
            continue
        if name in long:
            yield ProductText(LONG, name, value[:READ])
        elif values and len(value) <= _LONG_MEAN:
            yield ProductText(VALUE, name, value)
