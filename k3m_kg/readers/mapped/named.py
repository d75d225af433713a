"""What a mapping says by the names of columns, and which of them a source has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Generic, TypeVar

from k3m_kg.errors import ConfigError, listed, nearest
from k3m_kg.readers.mapping import NUMBER, PLACEHOLDER
from k3m_kg.readers.mapping import Mapping as MappingFile

_Said = TypeVar("_Said")
_KNOWN = 2000
"""Names that are kept to find the nearest one among."""


def pattern(name: str) -> re.Pattern[str] | None:
    """What a name with `*` matches: any text in its place; None for a name without one."""
    if "*" not in name:
        return None
    return re.compile(".*?".join(map(re.escape, re.split(r"\*+", name))), re.DOTALL)


class ByName(Generic[_Said]):
    """What is said of columns: of one by its name before all by a pattern."""

    def __init__(self, said: Mapping[str, _Said]) -> None:
        self._exact = dict(said)
        self._patterns = [
            (found, what) for name, what in said.items() if (found := pattern(name)) is not None
        ]

    def __bool__(self) -> bool:
        return bool(self._exact)

    def get(self, *names: str) -> _Said | None:
        """What is said of the first of these names that something is said of."""
        for name in names:
            if name in self._exact:
                return self._exact[name]
        for found, what in self._patterns:
            if any(map(found.fullmatch, names)):
                return what
        return None


def above(path: str) -> Iterator[str]:
    """A dotted path and those of the objects that it is in."""
    yield path
    place = path.rfind(".")
    while place > 0:
        yield path[:place]
        place = path.rfind(".", 0, place)


def unknown_column(key: str, column: str, known: Iterable[str], where: str) -> ConfigError:
    """The error for a column that a source does not have."""
    names = list(known)
    guess = nearest(column, names)
    return ConfigError(
        f"`{key}` names the column {column!r}, which the file does not have"
        + (f"; did you mean {guess!r}?" if guess else ""),
        where=where,
        hint=f"columns: {listed(names)}\n  a column that some files lack is named in `optional`",
    )


def named_columns(mapping: MappingFile) -> Iterator[tuple[str, str]]:
    """Each column that a mapping names, with the setting that does; patterns and `{n}` aside."""
    for key in ("id", "title", "category"):
        columns: Sequence[str] = getattr(mapping, {"category": "categories"}.get(key, f"{key}s"))
        # Of several that are tried one after the other some may lack.
        yield from ((key, column) for column in columns if len(columns) == 1)
    for image in mapping.images:
        yield from (("image", column) for column in PLACEHOLDER.findall(image) or [image])
    if mapping.language is not None:
        yield "language", mapping.language
    if mapping.category_levels is not None:
        yield from (("category_levels", column) for column in mapping.category_levels.columns)
    if mapping.properties != "*":
        yield from (("properties", column) for column in mapping.properties)
    for key in ("links", "rename", "separators", "cells", "missing_in", "leave_out", "unprefixed"):
        yield from ((key, column) for column in getattr(mapping, key))
    for pair in mapping.pairs:
        if pair.within is not None:
            yield "pairs", pair.within
        else:
            yield from (("pairs", name) for name in (pair.name, pair.value, pair.unit) if name)
    if mapping.variants is not None:
        variants = mapping.variants
        yield from (
            ("variants", name) for name in (variants.id, variants.within, variants.parent) if name
        )
        yield from (("variants", name) for name in variants.own)


class Unseen:
    """The columns that a mapping names and that no row has had so far."""

    def __init__(self, mapping: MappingFile, where: str) -> None:
        free = ByName(dict.fromkeys(mapping.optional, True))
        self._where = where
        self._waits: dict[str, str] = {}
        self._known: dict[str, None] = {}
        self._groups = [
            (key, columns)
            for key, columns in (
                ("id", mapping.ids), ("title", mapping.titles), ("category", mapping.categories),
            )
            if len(columns) > 1
        ]  # fmt: skip
        self._seen_of_groups: set[str] = set()
        for key, column in named_columns(mapping):
            if "*" not in column and NUMBER not in column and not free.get(column):
                self._waits.setdefault(column, key)
        self._tried = set(chain.from_iterable(columns for _, columns in self._groups))

    def __bool__(self) -> bool:
        return bool(self._waits)

    def see(self, *paths: str) -> None:
        """Note that a row has these columns."""
        for path in paths:
            if len(self._known) < _KNOWN:
                self._known.setdefault(path)
            for name in above(path):
                self._waits.pop(name, None)
                if name in self._tried:
                    self._seen_of_groups.add(name)

    def check(self, key_of_all: str | None = None) -> None:
        """See that all were there; called when a source has been read.

        Args:
            key_of_all: only those of this setting.

        Raises:
            ConfigError: one was not, or none of several that are tried one after the other.
        """
        for column, key in self._waits.items():
            if key_of_all in (None, key):
                raise unknown_column(key, column, self._known, self._where)
        for key, columns in self._groups:
            if key_of_all in (None, key) and not self._seen_of_groups.intersection(columns):
                raise unknown_column(key, columns[0], self._known, self._where)
