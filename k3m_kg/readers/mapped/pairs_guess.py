"""Columns of which one holds the name of a property and another its value, told by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from k3m_kg.readers.columnar_names import LONG_HEADS, LONG_PROPERTIES, LONG_VALUES
from k3m_kg.readers.mapped.usual_names import LONGEST_NAME, UNITS, called, called_ids
from k3m_kg.readers.mapping import NUMBER

_WORDS = (
    ("name", ("value(s)", "values", "value", "val", "wert")),
    ("label", ("value(s)", "values", "value", "text")),
    ("key", ("values", "value", "val")),
    ("title", ("values", "value")),
    ("attribute", ("value(s)", "values", "value")),
    ("property", ("value(s)", "values", "value")),
    ("feature", ("value(s)", "values", "value")),
    ("specification", ("value(s)", "values", "value")),
    ("spec", ("value(s)", "values", "value")),
    ("merkmal", ("wert", "merkmalswert")),
)
"""What stands in the name of the one, and what in its place in that of the other."""
_UNIT_WORDS = ("unit", "units", "uom", "einheit")
_NUMBER = re.compile(r"\d+")


def numbered_pairs(names: Sequence[str]) -> list[dict[str, str]]:
    """Pairs of numbered columns, `{n}` for the number."""
    known = {name.lower(): name for name in reversed(names)}
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


def _pair(name: str, place: re.Match[str], known: Mapping[str, str]) -> dict[str, str] | None:
    lower = name.lower()
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


def long_table(names: Sequence[str]) -> tuple[str, dict[str, str]] | None:
    """The id and the pair of a table with a row for each attribute, if these are all it has."""
    pair = long_pair(names)
    if pair is None or len(names) != 1 + len(pair):
        return None
    head = called(names, LONG_HEADS) or next(iter(called_ids(names)), None)
    return None if head is None or head in pair.values() else (head, pair)
