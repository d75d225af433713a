"""Columns of which one holds the name of a property and another its value, told by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from k3m_kg.readers.columnar_names import LONG_HEADS, LONG_PROPERTIES, LONG_VALUES
from k3m_kg.readers.mapped.guessing.usual_names import (
    LANGUAGE_COLUMNS,
    LONGEST_NAME,
    UNITS,
    called,
    called_ids,
)
from k3m_kg.readers.mapping import NUMBER

_WORDS = (
    ("name", ("value(s)", "values", "value", "val", "wert", "choices", "description")),
    ("label", ("value(s)", "values", "value", "text")),
    ("key", ("values", "value", "val")),
    ("title", ("values", "value", "description", "text", "content")),
    ("attribute", ("value(s)", "values", "value")),
    ("property", ("value(s)", "values", "value")),
    ("feature", ("value(s)", "values", "value")),
    ("specification", ("value(s)", "values", "value")),
    ("spec", ("value(s)", "values", "value")),
    ("merkmal", ("wert", "merkmalswert")),
)
"""What stands in the name of the one, and what in its place in that of the other."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_UNIT_WORDS = ("unit", "units", "uom", "einheit")
_NUMBER = re.compile(r"\d+")
_ENTITIES = (*LONG_HEADS, "entity", "entity_id", "product")
_SCOPES = (*LANGUAGE_COLUMNS, "store_id", "store", "store_view", "store_code", "scope", "channel")
_OF_DATABASES = (
    "value_id", "row_id", "attribute_id", "entity_type_id", "attribute_type", "data_type",
    "backend_type", "created_at", "updated_at",
)  # fmt: skip


def numbered_pairs(names: Sequence[str]) -> list[dict[str, str]]:
    """Pairs of numbered columns, `{n}` for the number."""
    known = {_words(name): name for name in reversed(names)}
    found: dict[tuple[str, str], dict[str, str]] = {}
    used: set[str] = set()
    for name in names:
        if len(name) > LONGEST_NAME:
            continue
        for place in _NUMBER.finditer(name):
            pair = _pair(name, place, known)
            if pair is not None and pair["value"] != pair["name"] and name not in used:
                found.setdefault((pair["name"], pair["value"]), pair)
                used.add(name)
                break
    return list(found.values())


def _words(name: str) -> str:
    """A name as it is compared: `optionName1` is `option name1`."""
    return _CAMEL.sub(" ", name).lower()


def _pair(name: str, place: re.Match[str], known: Mapping[str, str]) -> dict[str, str] | None:
    lower = _words(name)
    for word, values in _WORDS:
        for value in _instead(lower, word, values):
            if (column := known.get(value)) is None or not _same_number(column, name, place):
                continue
            pair = {"name": _with_n(name, place[0]), "value": _with_n(column, place[0])}
            for unit in _instead(lower, word, _UNIT_WORDS):
                if unit in known and known[unit] != column:
                    return pair | {"unit": _with_n(known[unit], place[0])}
            return pair
    return None


def _instead(name: str, word: str, others: Sequence[str]) -> Iterator[str]:
    """A name with another word in the place of one that stands for itself."""
    for at in re.finditer(rf"(?<![a-z]){word}(?![a-z])", name):
        for other in others:
            yield name[: at.start()] + other + name[at.end() :]


def _same_number(column: str, name: str, place: re.Match[str]) -> bool:
    return _NUMBER.findall(column) == _NUMBER.findall(name) == [place[0]]


def _with_n(name: str, number: str) -> str:
    return name.replace(number, NUMBER, 1)


def long_pair(names: Sequence[str]) -> dict[str, str] | None:
    """The columns with name, value and unit of a table that has a row for each attribute."""
    name, value = called(names, LONG_PROPERTIES), called(names, LONG_VALUES)
    if name is None or value is None or name == value:
        return None
    unit = called(names, UNITS)
    return {"name": name, "value": value} | ({"unit": unit} if unit is not None else {})


class AttributeTable(NamedTuple):
    """The columns of a table with a row for each attribute.

    Attributes:
        id: of the product.
        pair: name, value and unit.
        scope: the column with the language or store that a row is of.
        others: columns that only the database needs.
    """

    id: str
    pair: dict[str, str]
    scope: str | None
    others: list[str]


def long_table(names: Sequence[str]) -> AttributeTable | None:
    """The columns of a table with a row for each attribute, if these are all it has."""
    pair = long_pair(names)
    if pair is None:
        return None
    left = [name for name in names if name not in pair.values()]
    head = called(left, _ENTITIES) or next(iter(called_ids(left)), None)
    left = [name for name in left if name != head]
    scope = called(left, _SCOPES)
    left = [name for name in left if name != scope]
    if head is None or any(called([name], _OF_DATABASES) is None for name in left):
        return None
    return AttributeTable(head, pair, scope, left)
