"""Which of the tables a columnar file holds, and the records of it.

Loaded when a file is read, not when readers are asked what they know: it needs Arrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from k3m_kg.errors import CatalogError, ConfigError, MappingNeeded
from k3m_kg.readers.cells import check_width
from k3m_kg.readers.columnar.arrow_batches import Batches, open_batches, too_large
from k3m_kg.readers.columnar.graph_rows import graph_rows
from k3m_kg.readers.columnar.long_table import LongTable, long_columns
from k3m_kg.readers.columnar.wide_table import WideBatch, is_list, is_tree, paths, tree_records
from k3m_kg.readers.columns import Columns
from k3m_kg.readers.graph_table import GRAPH_COLUMNS, graph_records, is_graph_table
from k3m_kg.readers.mapped.guessing.suggesting import suggested_beside, suggested_mapping
from k3m_kg.readers.mapped.guessing.usual_names import guess_columns
from k3m_kg.readers.mapped.nested import BadTree, first_text, scalar_text
from k3m_kg.readers.mapping import Mapping, load_mapping, refuse_settings_of_others
from k3m_kg.records import CatalogRecord, Note

_SURE_FROM = 100
"""Rows that are looked at where a column is called as an id is."""


def table_records(path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
    """The records of a file; the line of each is the number of its row.

    Raises:
        CatalogError: the file cannot be read, is damaged, has too many columns, or needs more
            memory than this process may take.
        ConfigError: the mapping does not fit the columns, or there is none and no column is
            named as an id is.
    """
    try:
        yield from _records(path, mapping)
    except MemoryError as error:
        raise too_large(path, error) from None
    except pa.ArrowException as error:  # such as a column of a type that is no text
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CatalogError(f"a column cannot be read: {first[:300]}", where=str(path)) from None


def _records(path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
    settings = load_mapping(mapping) if mapping is not None else None
    if settings is not None:
        refuse_settings_of_others(settings, "parquet", str(mapping))
    source = open_batches(path)
    names = list(source.schema.names)
    check_width(names, str(path))
    if is_graph_table(names) and settings is None:
        yield from graph_records(graph_rows(source.of(GRAPH_COLUMNS)))
        return
    if (triple := long_columns(names)) is not None:
        if settings is not None and settings.ids[0] != triple[0]:
            raise ConfigError(
                f"`id` must be {triple[0]!r} in a table with a row for each triple",
                where=str(mapping),
            )
        table = LongTable(settings, str(mapping))
        for before, batch in source.of(triple):
            yield from table.records(before, batch)
        yield from table.rest()
        return
    where = str(mapping) if mapping is not None else str(path)
    if settings is None:
        source, settings, notes = _guessed(source, path)
        yield from map(Note, notes)
    if settings.is_plain and not any(map(is_tree, source.schema.types)):
        columns = Columns(settings, names, where)
        kinds = dict(enumerate(source.schema.types))
        roles = (columns.id, columns.title, columns.category)
        if all(columns.is_plain(n) and (n is None or not is_list(kinds[n])) for n in roles):
            for before, batch in source.batches:
                yield from WideBatch(columns, before, batch).records()
            return
    yield from tree_records(settings, source, where, mapping.parent if mapping else None)


def _guessed(source: Batches, path: Path) -> tuple[Batches, Mapping, list[str]]:
    """The table once more, a mapping from its names and first rows, and what is to be said of it.

    Raises:
        MappingNeeded: no column has the name of an id.
    """
    names = list(source.schema.names)
    kinds = dict(zip(names, source.schema.types, strict=True))
    plain = [name for name in names if not is_list(kinds[name]) and not is_tree(kinds[name])]
    is_known = guess_columns(names).get("id") in plain
    first = list(islice(source.batches, 1))
    rows = [
        {name: _text(value) for name, value in row.items()}
        for _, batch in first
        for row in batch.select(plain).slice(0, _SURE_FROM if is_known else None).to_pylist()
    ]
    kept = {field.name: list(paths(field.name, field.type, leaves=True)) for field in source.schema}
    lists = [path for name in names if name not in plain for path in kept[name]]
    for _, batch in first if lists else ():
        for row, tree in zip(rows, batch.slice(0, _SURE_FROM).to_pylist(), strict=False):
            row.update({path: _first(tree, path) for path in lists})
    names = [path for name in names for path in kept[name]]
    if not is_known:
        raise MappingNeeded(
            "none of its columns has the name of an id",
            where=str(path),
            mapping=suggested_mapping(names or ["id"], rows, lists),
        )
    guess = guess_columns(names)
    said, notes = suggested_beside(names, rows, lists, guess["id"], guess)
    source = Batches(source.schema, chain(first, source.batches))
    return source, Mapping.model_validate({**guess, **said}), notes


def _first(tree: object, path: str) -> str:
    try:
        return first_text(tree, path) or ""
    except BadTree:
        return ""


def _text(value: object) -> str:
    try:
        return scalar_text(value) or ""
    except BadTree:  # the row is rejected when it is read
        return ""
