"""Where sources contradict each other: two sources, two values for what has one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, Table, select

from k3m_kg.graph.history.journal import (
    SUBJECT_COLUMNS,
    StoredSubject,
    Version,
    chunks,
    with_content,
)
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.tables import EntityKind, entities, properties, sources, statements

SEVERAL_VALUES = 0.01
"""A property has one value where at most this share of the products that sources share have several
values of it from one source."""
TITLE, CATEGORY = "title", "category"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What sources say otherwise of one product.

    Attributes:
        kind: `title`, `category` or `property`.
        property: its name; None for title and category.
        values: each source with its value, in the order of the sources.
    """

    product: str
    kind: str
    property: str | None
    values: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Contradictions:
    """All of them.

    Attributes:
        products: with one at least.
        by_property: how many products, by property, the most first; title and category stand
            among them as `(title)` and `(category)`.
        listed: some of them.
    """

    products: int = 0
    by_property: dict[str, int] = field(default_factory=dict)
    listed: list[Contradiction] = field(default_factory=list)


def find_contradictions(store: GraphStore, *, limit: int | None = None) -> Contradictions:
    """Contradictions between sources, as one state of the graph.

    A property has one value where hardly any source gives several: tags and features do not count.

    Args:
        limit: of those listed; None lists all.

    Raises:
        GraphError: the database cannot be read.
    """
    with store.reading() as reader:
        return contradictions_in(reader.connection, limit)


_Said = tuple[tuple[int, int | str], ...]
"""Sources, each with its value: a text, or the number of one."""


@dataclass(slots=True)
class _SeenProperty:
    """What was seen of one property, or of title or category (-1 and -2).

    Attributes:
        stated, several: statements with a value of it, and with several.
        products: that sources contradict each other on.
        some: of them, entity and values.
    """

    stated: int = 0
    several: int = 0
    products: int = 0
    some: list[tuple[int, _Said]] = field(default_factory=list)

    @property
    def is_single(self) -> bool:
        return self.several <= SEVERAL_VALUES * self.stated


_TITLE, _CATEGORY = -1, -2


def contradictions_in(connection: Connection, limit: int | None) -> Contradictions:
    """`find_contradictions`, within a transaction."""
    seen: dict[int, _SeenProperty] = defaultdict(_SeenProperty)
    together: Counter[frozenset[int]] = Counter()
    for entity, versions in _products(connection):
        contradicted = set()
        for key, said in _said(versions, seen).items():
            if len({value for _, value in said}) > 1:
                counts = seen[key]
                counts.products += 1
                if limit is None or len(counts.some) < limit:
                    counts.some.append((entity, said))
                contradicted.add(key)
        if contradicted:
            together[frozenset(contradicted)] += 1
    single = {key: counts for key, counts in seen.items() if counts.products and counts.is_single}
    names = _names(connection, properties, [key for key in single if key >= 0])
    shown = names | {_TITLE: "(title)", _CATEGORY: "(category)"}
    result = Contradictions(sum(n for keys, n in together.items() if keys & single.keys()))
    for key, counts in sorted(single.items(), key=lambda item: (-item[1].products, shown[item[0]])):
        result.by_property[shown[key]] = counts.products
    some = sorted((entity, key, said) for key, of in single.items() for entity, said in of.some)
    result.listed = list(_listed(connection, some[:limit], names))
    return result


def _products(connection: Connection) -> Iterator[tuple[int, list[Version]]]:
    """The products that several sources state, with what each states, in the order of sources."""
    columns = [statements.c[name] for name in (*SUBJECT_COLUMNS, "content")]
    rows = connection.execution_options(yield_per=5_000).execute(
        select(*columns)
        .join(sources, sources.c.id == statements.c.source)
        .where(statements.c.kind == int(EntityKind.PRODUCT))
        .order_by(statements.c.entity, sources.c.place, sources.c.id)
    )
    for entity, group in groupby(rows, key=itemgetter(0)):
        yield entity, [with_content(StoredSubject(*row[:-1]), row[-1]) for row in group]


def _said(versions: list[Version], seen: dict[int, _SeenProperty]) -> dict[int, _Said]:
    """By property, what sources say that each give one value of it."""
    said: dict[int, list[tuple[int, int | str]]] = defaultdict(list)
    many = set()
    for version in versions:
        of = version.subject
        values: dict[int, list[int | str]] = defaultdict(list)
        for property_, tail in version.pairs:
            values[property_].append(tail)
        for key, text in ((_TITLE, of.title), (_CATEGORY, of.category)):
            if text is not None:
                values[key].append(text)
        for key, found in values.items():
            seen[key].stated += 1
            if len(found) > 1:
                seen[key].several += 1
                many.add(key)
            else:
                said[key].append((of.source, found[0]))
    return {key: tuple(found) for key, found in said.items() if key not in many}


def _listed(
    connection: Connection, some: list[tuple[int, int, _Said]], names: dict[int, str]
) -> Iterator[Contradiction]:
    by_source = _names(connection, sources, {source for *_, said in some for source, _ in said})
    wanted = {entity for entity, _, _ in some}
    wanted |= {value for *_, said in some for _, value in said if isinstance(value, int)}
    texts = _names(connection, entities, wanted, "text")
    for entity, key, said in some:
        yield Contradiction(
            texts[entity],
            {_TITLE: TITLE, _CATEGORY: CATEGORY}.get(key, "property"),
            names.get(key),
            tuple(
                (by_source[source], texts[value] if isinstance(value, int) else value)
                for source, value in said
            ),
        )


def _names(
    connection: Connection, table: Table, wanted: Iterable[int], column: str = "name"
) -> dict[int, str]:
    found: dict[int, str] = {}
    for chunk in chunks(wanted):
        query = select(table.c.id, table.c[column]).where(table.c.id.in_(chunk))
        found.update(connection.execute(query).all())
    return found
