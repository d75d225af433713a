"""How good a graph's data is, at a glance: coverage, frequent values, and what looks wrong.

The database counts; of each property only its most frequent values are looked at one by one, so
memory does not grow with the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

from sqlalchemy import Connection, distinct, func, or_, select

from k3m_kg.graph.reading.categories import category_of, has_proposed_categories
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.tables import EntityKind, entities, images, properties, subjects, triples
from k3m_kg.placeholders import LONGEST as LONGEST_PLACEHOLDER
from k3m_kg.placeholders import placeholder_kind
from k3m_kg.quality.contradictions import Contradictions, contradictions_in
from k3m_kg.quality.spelling import fold, folded_variants, near_pairs, typos
from k3m_kg.quality.units import mixed_units

EXAMINED_VALUES = 20_000
"""Values of one property that are looked at, the most frequent ones."""
LISTED_KINDS = ("placeholder", "catch-all", "spelling", "typo", "long")
_READ_CHARACTERS = 300
_LONG, _LONGER = 200, 10
_IS_PRODUCT = subjects.c.kind == int(EntityKind.PRODUCT)
_TOGETHER = 0.2
"""Of the products with the rarer of two properties, those that may state both by mistake."""
_SHARED_VALUES, _SHARED = 100, 0.3


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value, and the triples of its property that have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class PropertyCoverage:
    """One property.

    Attributes:
        products: that have it.
        share: of all products.
        triples: with it, of products.
        values: distinct ones.
        examined: values that were looked at one by one, the most frequent ones.
        most_frequent: values with their counts.
        units: numbers in several units, with their counts; empty where there are not.
    """

    property: str
    products: int
    share: float
    triples: int
    values: int
    examined: int
    most_frequent: tuple[ValueCount, ...]
    units: dict[str, int]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A value that is probably not what it should be.

    Attributes:
        kind: `placeholder` (nobody filled it in), `catch-all` (other, none), `spelling` (as `like`
            but for case, spaces, punctuation), `typo` (one letter off a far more frequent value),
            `long` (far longer than the property's others). With the property None, a title.
        count: triples (or titles) with it.
        like, like_count: the value that it is probably meant to be.
    """

    kind: str
    property: str | None
    value: str
    count: int
    like: str | None = None
    like_count: int | None = None


@dataclass(frozen=True, slots=True)
class SimilarProperties:
    """Two properties that are probably one.

    Attributes:
        shared: share of the rarer one's frequent values that the other has too.
    """

    property: str
    products: int
    like: str
    like_products: int
    shared: float


@dataclass(slots=True)
class Suspicions:
    """What looks wrong.

    Attributes:
        values, triples: by kind, how many distinct values and triples (or titles).
        listed: the most frequent of each kind.
        repeated_titles: titles that several products have.
        products_with_repeated_title: how many products those are.
    """

    values: dict[str, int] = field(default_factory=dict)
    triples: dict[str, int] = field(default_factory=dict)
    listed: list[Suspicion] = field(default_factory=list)
    similar_properties: list[SimilarProperties] = field(default_factory=list)
    repeated_titles: list[ValueCount] = field(default_factory=list)
    products_with_repeated_title: int = 0


@dataclass(frozen=True, slots=True)
class GraphQuality:
    """What `examine` found.

    Attributes:
        coverage: every property, by the number of products that have it.
        categories: the most frequent ones, with their products.
        category_count: how many there are.
        image_errors: why pictures cannot be used, the most frequent reasons.
        contradictions: between sources.
    """

    coverage: list[PropertyCoverage]
    suspicious: Suspicions
    categories: list[ValueCount]
    category_count: int
    image_errors: list[ValueCount]
    contradictions: Contradictions


def examine(store: GraphStore, *, top: int = 10) -> GraphQuality:
    """Coverage of properties and what looks wrong, as one state of the graph.

    Args:
        store: the graph.
        top: how many of each list are kept: frequent values, suspicious ones, titles.

    Raises:
        GraphError: the database cannot be read.
    """
    with store.reading() as reader:
        return _examine(reader.connection, top)


def _examine(connection: Connection, top: int) -> GraphQuality:
    counts = _property_counts(connection)
    total = connection.execute(select(func.count()).where(_IS_PRODUCT)).scalar_one()
    found = _Findings(top)
    coverage = []
    for name, values in _values(connection, counts):
        coverage.append(found.examine(name, counts[name], total, values))
    coverage.sort(key=lambda one: (-one.products, one.property))
    _examine_titles(connection, found, top)
    suspicious = found.result()
    suspicious.similar_properties = list(
        islice(_not_of_one_product(connection, found.similar(coverage)), top)
    )
    category = category_of(has_proposed_categories(connection))
    categories = _frequent(connection, category, top)
    return GraphQuality(
        coverage=coverage,
        suspicious=suspicious,
        categories=categories,
        category_count=connection.execute(
            select(func.count(distinct(category))).select_from(subjects)
        ).scalar_one(),
        image_errors=_frequent(connection, images.c.error, top),
        contradictions=contradictions_in(connection, top),
    )


_Counts = tuple[int, int, int]
"""Products, triples and distinct values of one property."""


def _property_counts(connection: Connection) -> dict[str, _Counts]:
    rows = connection.execute(
        select(
            properties.c.name,
            func.count(distinct(triples.c.head)),
            func.count(),
            func.count(distinct(triples.c.tail)),
        )
        .join(triples, triples.c.property == properties.c.id)
        .join(subjects, subjects.c.entity == triples.c.head)
        .where(_IS_PRODUCT)
        .group_by(properties.c.name)
    )
    return {name: (heads, all_, tails) for name, heads, all_, tails in rows}


_Value = tuple[str, int, int]
"""The first characters of a value, its length, and its count."""


def _values(
    connection: Connection, counts: dict[str, _Counts]
) -> Iterator[tuple[str, list[_Value]]]:
    """Each property with its most frequent values in order; one property in memory at a time."""
    used = (
        select(triples.c.property, triples.c.tail, func.count().label("n"))
        .group_by(triples.c.tail, triples.c.property)
        .subquery()
    )
    rank = func.row_number().over(
        partition_by=used.c.property, order_by=(used.c.n.desc(), used.c.tail)
    )
    ranked = select(used, rank.label("place")).subquery()
    rows = connection.execution_options(yield_per=10_000).execute(
        select(
            properties.c.name,
            func.substr(entities.c.text, 1, _READ_CHARACTERS),
            func.length(entities.c.text),
            ranked.c.n,
        )
        .join(entities, entities.c.id == ranked.c.tail)
        .join(properties, properties.c.id == ranked.c.property)
        .where(ranked.c.place <= EXAMINED_VALUES, entities.c.kind == int(EntityKind.VALUE))
        .order_by(ranked.c.property, ranked.c.place)
    )
    seen = set()
    for name, group in groupby(rows, key=lambda row: row[0]):
        if name in counts:
            seen.add(name)
            yield name, [(text, length, count) for _, text, length, count in group]
    for name in counts:
        if name not in seen:  # its tails are products
            yield name, []


class _Findings:
    """Collects what is suspicious, the most frequent of each kind."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._result = Suspicions()
        self._kinds: dict[str, list[Suspicion]] = {kind: [] for kind in LISTED_KINDS}
        self._frequent: dict[str, frozenset[int]] = {}

    def examine(
        self, name: str, counts: _Counts, total: int, values: Sequence[_Value]
    ) -> PropertyCoverage:
        """Look at one property's values, the most frequent first."""
        heads, all_, distinct_values = counts
        whole = [(text, count) for text, length, count in values if length <= _READ_CHARACTERS]
        found = [
            Suspicion(kind, name, text, count)
            for text, count in whole
            if (kind := placeholder_kind(text, name)) is not None
        ]
        known = {one.value for one in found}
        sensible = [pair for pair in whole if pair[0] not in known]
        spelled = folded_variants(sensible)
        found += [
            Suspicion("spelling", name, v.text, v.count, v.like, v.like_count) for v in spelled
        ]
        known |= {variant.text for variant in spelled}
        found += [
            Suspicion("typo", name, v.text, v.count, v.like, v.like_count)
            for v in typos([pair for pair in sensible if pair[0] not in known])
        ]
        found += [Suspicion("long", name, text, count) for text, count in _long(values)]
        self.add(found)
        letters = [text for text, _ in sensible if any(map(str.isalpha, text))]
        self._frequent[name] = frozenset(hash(fold(text)) for text in letters[:_SHARED_VALUES])
        return PropertyCoverage(
            property=name,
            products=heads,
            share=heads / total if total else 0.0,
            triples=all_,
            values=distinct_values,
            examined=len(values),
            most_frequent=tuple(
                ValueCount(_cut(text, length), n) for text, length, n in values[: self._top]
            ),
            units=mixed_units(sensible) or {},
        )

    def add(self, found: Sequence[Suspicion]) -> None:
        """Count suspicions; only the most frequent are kept."""
        for one in found:
            values, counts = self._result.values, self._result.triples
            values[one.kind] = values.get(one.kind, 0) + 1
            counts[one.kind] = counts.get(one.kind, 0) + one.count
            self._kinds[one.kind].append(one)
        for listed in self._kinds.values():
            listed.sort(key=lambda one: (-one.count, one.property or "", one.value))
            del listed[self._top :]

    def result(self) -> Suspicions:
        """What was found."""
        self._result.listed = [one for listed in self._kinds.values() for one in listed]
        return self._result

    def similar(self, coverage: Sequence[PropertyCoverage]) -> list[SimilarProperties]:
        """Properties whose names are alike: folded the same, or one letter apart and with the
        same values (height and weight are one letter apart too).
        """
        counts = {one.property: one.products for one in coverage}
        found = []
        for more, fewer in near_pairs(one.property for one in coverage):
            mine, other = self._frequent[fewer], self._frequent[more]
            smaller = min(len(mine), len(other))
            shared = len(mine & other) / smaller if smaller else 0.0
            if fold(more) == fold(fewer) or shared >= _SHARED:
                found.append(
                    SimilarProperties(fewer, counts[fewer], more, counts[more], round(shared, 3))
                )
        return found


def _not_of_one_product(
    connection: Connection, pairs: Iterable[SimilarProperties]
) -> Iterator[SimilarProperties]:
    """Those that few products state together: who states both means two things.

    Names that differ in case and the like alone are one, whoever states both.
    """
    mine, other = triples.alias(), triples.alias()
    ids = {
        name: id_ for id_, name in connection.execute(select(properties.c.id, properties.c.name))
    }
    for pair in pairs:
        both = connection.execute(
            select(func.count(distinct(mine.c.head)))
            .join(other, other.c.head == mine.c.head)
            .where(mine.c.property == ids[pair.property], other.c.property == ids[pair.like])
        ).scalar_one()
        if both <= _TOGETHER * pair.products or fold(pair.property) == fold(pair.like):
            yield pair


def _long(values: Sequence[_Value]) -> list[tuple[str, int]]:
    """Values of more than 200 characters that are ten times as long as the property's median."""
    half = sum(count for _, _, count in values) / 2
    median, before = 0, 0
    for length, count in sorted((length, count) for _, length, count in values):
        median, before = length, before + count
        if before >= half:
            break
    limit = max(_LONG, _LONGER * median)
    return [(_cut(text, length), n) for text, length, n in values if length > limit]


def _cut(text: str, length: int) -> str:
    return text if length == len(text) else f"{text}…"


def _examine_titles(connection: Connection, found: _Findings, top: int) -> None:
    title = subjects.c.title
    short = connection.execute(
        select(title, func.count())
        .where(or_(func.length(title) <= LONGEST_PLACEHOLDER, title.ilike("%lorem ipsum%")))
        .group_by(title)
    )
    found.add(
        [
            Suspicion(kind, None, text, count)
            for text, count in short
            if (kind := placeholder_kind(text)) is not None
        ]
    )
    repeated = (
        select(title.label("title"), func.count().label("n"))
        .where(title.is_not(None))
        .group_by(title)
        .having(func.count() > 1)
        .subquery()
    )
    result = found.result()
    result.products_with_repeated_title = int(
        connection.execute(select(func.sum(repeated.c.n))).scalar_one() or 0
    )
    rows = connection.execute(
        select(repeated.c.title, repeated.c.n)
        .order_by(repeated.c.n.desc(), repeated.c.title)
        .limit(top)
    )
    result.repeated_titles = [ValueCount(text, count) for text, count in rows]


def _frequent(connection: Connection, column: Any, top: int) -> list[ValueCount]:
    texts = select(column.label("text")).where(column.is_not(None)).subquery()
    rows = connection.execute(
        select(texts.c.text, func.count())
        .group_by(texts.c.text)
        .order_by(func.count().desc(), texts.c.text)
        .limit(top)
    )
    return [ValueCount(text, count) for text, count in rows]
