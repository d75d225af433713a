"""What the cells of a column seem to be, told from those of the first rows."""

from __future__ import annotations

import html.entities
import re
from collections import Counter
from collections.abc import Collection, Sequence

PLACEHOLDERS = frozenset(
    (
        "N/A", "n/a", "N/a", "#N/A", "#NA", "NULL", "null", "Null", "(null)", "<null>", "nan",
        "NaN", "NAN", "nil", "undefined", "None", "NA", "-", "--", "---", "\u2013", "\u2014", "?",
        "n.a.", "N.A.", "k.A.", "k. A.", "#REF!", "#VALUE!", "#DIV/0!", "not available", "n/v",
    )
)  # fmt: skip
"""What is written where nothing is known."""
_MAY_BE_MEANT = frozenset(("None", "NA"))
"""Those of them that may be a value; they are none where several columns have them."""
_LEVELS = (" >> ", " > ", ">>", ">", "///", " / ", "|")
_PICTURE = re.compile(
    r"\S.*\.(?:jpe?g|png|webp|gif|tiff?|bmp|avif|jfif)(?:[?#].*)?", re.IGNORECASE | re.DOTALL
)
_ADDRESS = re.compile(r"(?:https?:)?//\S+", re.IGNORECASE)
ATTACHED = re.compile(r"\s\((https?://[^\s()]+)\)", re.IGNORECASE)
"""The address behind the name of a file, as Airtable writes attachments: `a.jpg (https://...)`."""
_SEVERAL = ("|", ";", ", ", ",", "\n", " ")
_TAG = re.compile(
    r"</?(?:p|br|ul|ol|li|b|strong|div|span|h[1-6]|em|i|table|tr|td|a|sup|sub)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"&(?:#\d{2,6}|#x[0-9a-f]{2,6}|([a-z][a-z0-9]{1,30}));", re.IGNORECASE)
_LONGEST_PART = 60
_LONGEST_PATH = 300
_LONGEST_TITLE = 120
_SAMPLE = 1000
_TRIED = 100
"""Cells of a column that are taken apart on trial."""
_LONGEST_NAME = 40
SEPARATORS = ("|", ";")
"""What may stand between several values of a cell."""
_BETWEEN = ("#;#", ";", "\uff1b", "|", "\n", ",")
_AFTER_NAME = ("#:#", ":", "\uff1a", "=")


def levels(values: Sequence[str]) -> str | None:
    """What stands between the levels of paths, if most are paths."""
    for between in _LEVELS:
        if values and sum(between in value for value in values) * 2 > len(values):
            return between.strip()
    return None


def paths(values: Sequence[str]) -> tuple[str | None, str | None]:
    """What stands between the levels of categories, and between several categories of a cell.

    A bar may be either: between levels, no name is now a level of its own and now below others.
    """
    values = values[:_SAMPLE]
    between = levels(values)
    if between == "|" and _are_several(values, "|"):
        return None, "|"
    for mark in ("|", ";", ", ", ","):
        if mark != between and _are_several(values, mark, between):
            return between, mark.strip()
    return between, None


def _are_several(values: Sequence[str], mark: str, between: str | None = None) -> bool:
    """Whether a mark stands between categories: each a path, or the whole of another cell."""
    several = [parts for value in values if len(parts := _parts(value, mark)) > 1]
    first = {_parts(value, mark)[0] for value in values if _parts(value, mark)}
    further = [part for parts in several for part in parts[1:]]
    if not several or not all(len(part) <= _LONGEST_PATH for part in further):
        return False
    told = [
        part
        for part in further
        if part in first or part.startswith("/") or (between is not None and between in part)
    ]
    return 2 * len(told) > len(further)


def are_levels(columns: Sequence[Sequence[str]]) -> bool:
    """Whether columns, cell by cell, hold the levels of paths from the top.

    No level is there without the one above it, hardly any stands below two others, or on two
    levels: several categories of one product are told from one path so.
    """
    known = [set(filter(None, column)) for column in columns]
    if sum(map(len, known)) - len(set().union(*known)) > 0.05 * sum(map(len, known)):
        return False
    below: dict[tuple[int, str], str] = {}
    pairs = others = 0
    for cells in zip(*columns, strict=True):
        filled = [bool(cell) for cell in cells]
        if filled != sorted(filled, reverse=True):
            return False
        for place, (cell, upper) in enumerate(zip(cells[1:], cells, strict=False)):
            if cell:
                pairs += 1
                others += below.setdefault((place, cell), upper) != upper
    return pairs > 0 and others <= 0.05 * pairs


def are_literals(values: Sequence[str]) -> bool:
    """Whether all look like JSON, or the like of Python."""
    fits = sum(
        (value[:1] + value[-1:] in ("{}", "[]") and value[1:2] not in ("", " ")) or value == "[]"
        for value in values
    )
    return (
        bool(values) and fits == len(values) and any(value not in ("[]", "{}") for value in values)
    )


def are_titles(values: Sequence[str]) -> bool:
    """Whether nearly all are there and short, hardly any is said twice, and none has markup."""
    filled = [value for value in values if value]
    return (
        bool(filled)
        and len(filled) >= 0.9 * len(values)
        and len(set(filled)) >= 0.8 * len(filled)
        and max(map(len, filled)) <= _LONGEST_TITLE
        and not holds_markup(filled)
    )


def are_pictures(values: Sequence[str]) -> bool:
    """Whether all but a few are paths or addresses of pictures."""
    if not values:
        return False
    values = values[:_TRIED]
    fits = sum(map(_is_picture, (first_of(value) for value in values)))
    return fits >= 0.9 * len(values)


def are_addresses(values: Sequence[str]) -> bool:
    """Whether all begin with an address of the web."""
    return bool(values) and all(map(_ADDRESS.match, values[:_TRIED]))


def first_of(value: str) -> str:
    """What stands before the first mark that may part several pictures."""
    return re.split(r"[|;\n]|,\s*(?=https?://)|\s+\(?(?=https?://)", value, maxsplit=1)[0].strip()


def _is_picture(text: str) -> bool:
    return _PICTURE.fullmatch(text) is not None


def are_attachments(values: Sequence[str]) -> bool:
    """Whether all are names of files with their address in brackets."""
    values = values[:_TRIED]
    return bool(values) and all(v.endswith(")") and ATTACHED.search(v) for v in values)


def between_pictures(values: Sequence[str]) -> str | None:
    """What stands between several pictures of a cell, if some hold several."""
    for between in _SEVERAL:
        several = [parts for value in values if len(parts := _parts(value, between)) > 1]
        if several and all(_are_places(parts) for parts in several):
            return between
    return None


def _are_places(parts: Sequence[str]) -> bool:
    if _ADDRESS.match(parts[0]):
        return all(map(_ADDRESS.fullmatch, parts))
    return all(map(_is_picture, parts))


def between_values(values: Sequence[str]) -> str | None:
    """What stands between several values of a cell, if many hold several short ones.

    Few that do are enough where most of their parts are what other cells hold alone. A comma is
    none: it may be part of a number or of a phrase.
    """
    values = values[:_SAMPLE]
    for between in SEPARATORS:
        several = _several(values, between)
        many = len(several) >= max(2, 0.1 * len(values))
        if several and (many or _are_values(several, values, between)):
            return between
    return None


def between_as_elsewhere(values: Sequence[str], known: Collection[str]) -> str | None:
    """That of `known`, which other columns have, that stands between several values here too.

    It stands between without a blank, as in no phrase, and not in addresses.
    """
    values = values[:_SAMPLE]
    for between in known:
        told = [value for value in values if between in value]
        if (
            _several(values, between)
            and not any(f" {between}" in value or f"{between} " in value for value in told)
            and not any("://" in value for value in told)
        ):
            return between
    return None


def _several(values: Sequence[str], between: str) -> list[list[str]]:
    """The parts of cells that have several; none where these are no values."""
    several = [parts for value in values if len(parts := _parts(value, between)) > 1]
    short = all(len(part) <= _LONGEST_PART for parts in several for part in parts)
    return several if short and not holds_markup(values) else []


def _are_values(several: Sequence[Sequence[str]], values: Sequence[str], between: str) -> bool:
    """Whether at least half of the parts are the whole of other cells."""
    alone = {value for value in values if between not in value}
    parts = [part for found in several for part in found]
    return 2 * sum(part in alone for part in parts) >= len(parts)


def _parts(value: str, between: str) -> list[str]:
    return [part for part in map(str.strip, value.split(between)) if part]


def names_and_values(values: Sequence[str]) -> tuple[str, str] | None:
    """What parts entries, and names from values, where cells are `colour:red;size:L`."""
    best: tuple[int, tuple[str, str] | None] = (0, None)
    values = values[:_TRIED]
    for after in _AFTER_NAME:
        if sum(after in value for value in values) < 0.8 * len(values):
            continue
        for between in _BETWEEN:
            count = _entries(values, between, after)
            if count > best[0]:
                best = (count, (between, after))
    return best[1]


def _entries(values: Sequence[str], between: str, after: str) -> int:
    """How many entries there are; none where the cells are something else."""
    names: Counter[str] = Counter()
    fits = several = 0
    for value in values:
        entries = _parts(value, between)
        found = [entry.partition(after) for entry in entries]
        if all(_is_entry(name, text) for name, _, text in found):
            fits += 1
            several += len(found) > 1
            names.update(name.strip() for name, _, _ in found)
    total = sum(names.values())
    if fits < 0.8 * len(values) or several * 2 < max(len(values), 1):
        return 0
    known = sum(count for count in names.values() if count > 1)
    return total if len(values) < 5 or known * 2 > total else 0


def _is_entry(name: str, text: str) -> bool:
    name, text = name.strip(), text.strip()
    return (
        bool(text)
        and 0 < len(name) <= _LONGEST_NAME
        and any(map(str.isalpha, name))
        and not text.startswith("//")
    )


def holds_markup(values: Sequence[str]) -> bool:
    """Whether one of them has tags of HTML, or characters by their names there."""
    return any(map(is_markup, values))


def is_markup(text: str) -> bool:
    """Whether a text has tags of HTML, or characters by their names there."""
    if "<" in text and _TAG.search(text) is not None:
        return True
    return "&" in text and any(
        found[1] is None or f"{found[1]};" in html.entities.html5
        for found in _REFERENCE.finditer(text)
    )


def count_up(values: Sequence[str]) -> bool:
    """Whether they are the numbers of rows, from 0 or 1."""
    if not values or values[0] not in ("0", "1", "0.0", "1.0"):
        return False
    first = int(float(values[0]))
    return all(
        value in (str(number), f"{number}.0") for number, value in enumerate(values, start=first)
    )


def placeholders(columns: Sequence[Sequence[str]]) -> list[str]:
    """Those that stand in columns, the commonest first."""
    counts: Counter[str] = Counter()
    among: Counter[str] = Counter()
    for values in columns:
        found = Counter(value for value in values if value in PLACEHOLDERS)
        counts.update(found)
        among.update(found.keys())
    return [
        text for text, _ in counts.most_common() if among[text] > 1 or text not in _MAY_BE_MEANT
    ]
