"""The column of the id, told from names of columns and what stands in them.

Its values are all there and all different; names only say which of several, and make up for a row
in fifty. Or those of one product stand together, as rows for its variants or languages do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from k3m_kg.readers.mapped import contents
from k3m_kg.readers.mapped.guessing.usual_names import (
    LANGUAGE_COLUMNS,
    PARENTS,
    ROW_NUMBERS,
    called,
    called_ids,
    guess_columns,
)
from k3m_kg.readers.numbers import lost_digits

_FEW_IDS = 20
"""Rows below which any column may look like an id."""
_LONGEST_ID = 100
_BAD = 0.02
"""Share of rows without an id of their own that a column which is called so may have."""
_ID_ENDS = (
    "id", "sku", "code", "nr", "no", "number", "nummer", "asin", "gtin", "ean", "upc", "barcode",
    "mpn", "isbn", "reference",
)  # fmt: skip
_SAMPLE = 5_000

Rows = Sequence[Mapping[str, Any]]
"""The first rows of a source, text by column."""


def values_of(rows: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    """The cells of a column, empty where there is none."""
    return [str(row.get(name) or "") for row in rows]


def guessed_id(names: Sequence[str], rows: Rows) -> tuple[str | None, str]:
    """The column of the id and why; None where no column looks like one."""
    if not rows:
        return guess_columns(names, sure=False).get("id"), ""
    usual = called_ids(names)
    for name in usual:
        if _is_id(values_of(rows, name)):
            return name, f"all {len(rows):,} rows looked at have one, and all are different"
    for name in usual:
        values = values_of(rows, name)
        kept = list(dict.fromkeys(value for value in values if value))
        if len(rows) - len(kept) <= len(rows) * _BAD and _is_id(kept):
            return name, (
                f"called as an id is, and all but {len(rows) - len(kept):,} of {len(rows):,} rows "
                "looked at have one of their own; an ingest rejects the others"
            )
    left = [name for name in names if name not in usual and not _counts_rows(name, rows)]
    likely = [name for name in left if _last_word(name) in _ID_ENDS]
    likely.sort(key=lambda name: name.count("."))
    others = [name for name in left if name not in likely]
    for name in (*likely, *(others if len(rows) >= _FEW_IDS else ())):
        values = values_of(rows, name)
        if _is_id(values) and not any(" " in value for value in values[:_SAMPLE]):
            return name, (
                f"all {len(rows):,} rows looked at have one, and all are different; its name does "
                "not say that it is an id"
            )
    if usual and len(rows) > 1:
        values = values_of(rows, usual[0])
        lacking = values.count("")
        doubled = len(values) - lacking - len(set(values) - {""})
        return None, (
            f"{usual[0]!r} is called as an id is, but {lacking:,} of {len(rows):,} rows have none "
            f"and {doubled:,} have one that came before; if such rows go on with the product "
            "before them, say `rows: continue`"
            if lacking or doubled
            else f"{usual[0]!r} is called as an id is, but some are too long or lost their digits "
            "in spreadsheet software"
        )
    return None, "no column has a value in every row, all of them different"


def _last_word(name: str) -> str:
    return re.split(r"[\s._-]+", name.strip().lower().rstrip("._#"))[-1]


def _counts_rows(name: str, rows: Rows) -> bool:
    return called([name], ROW_NUMBERS) is not None and contents.count_up(values_of(rows, name))


def _is_id(values: Sequence[str]) -> bool:
    return (
        all(values)
        and len(set(values)) == len(values)
        and max(map(len, values)) <= _LONGEST_ID
        and not any(map(lost_digits, values))
    )


def id_of_rows(names: Sequence[str], rows: Rows) -> tuple[str, str] | None:
    """A column that is called as an id is, the rows of each of which stand together."""
    if called(names, LANGUAGE_COLUMNS) is not None:
        return None  # what such a row says is in one language
    for name in called_ids(names):
        values = _filled_down(names, rows, values_of(rows, name))
        if len(values) < 2 or not all(values) or len(set(values)) < 2:
            continue
        heads = [
            value for place, value in enumerate(values) if not place or values[place - 1] != value
        ]
        if _is_id(heads) and len(heads) < len(values):
            return name, (
                f"{len(values):,} rows looked at are of {len(heads):,} products, and those of "
                "one stand together: `rows: continue` makes them one product with all values"
            )
    return None


class VariantRows(NamedTuple):
    """Rows of which the first of a product has its title, and the others are its variants.

    Attributes:
        id: the column of the product's id; it may be empty in the others.
        variant: that of the variant's.
        own: columns that say something of a variant.
        products, variants: how many.
    """

    id: str
    variant: str
    own: list[str]
    products: int
    variants: int


def variant_rows(names: Sequence[str], rows: Rows) -> VariantRows | None:
    """The ids of a table that goes on with a row for each variant, none of which has a title."""
    title = guess_columns(names, sure=False).get("title")
    if title is None or not rows or not rows[0].get(title):
        return None
    titled = [bool(row.get(title)) for row in rows]
    if all(titled) or called(names, PARENTS) is not None:
        return None
    ids = called_ids([name for name in names if name != title])
    for name in ids:
        said = values_of(rows, name)
        if any(is_first and not id_ for is_first, id_ in zip(titled, said, strict=True)):
            continue
        heads = [id_ for is_first, id_ in zip(titled, said, strict=True) if is_first]
        if not _is_id(heads) or not _go_on(titled, said):
            continue
        for variant in ids:
            others = values_of(rows, variant)
            own = [id_ for is_first, id_ in zip(titled, others, strict=True) if not is_first]
            filled = [id_ for id_ in others if id_]
            if variant != name and any(own) and _is_id(filled):
                goes_with = [row for row, id_ in zip(rows, others, strict=True) if id_]
                goes_with = [row for row in goes_with if not row.get(title)]
                columns = [
                    one
                    for one in names
                    if one not in (name, variant, title) and any(row.get(one) for row in goes_with)
                ]
                count = len(filled)
                return VariantRows(name, variant, columns, len(heads), count)
    return None


def _go_on(titled: Sequence[bool], ids: Sequence[str]) -> bool:
    """Whether rows without a title have the id of the one above that has one, or none."""
    above = ""
    for is_first, id_ in zip(titled, ids, strict=True):
        above = id_ if is_first else above
        if id_ not in ("", above):
            return False
    return True


def id_of_spoken_rows(
    names: Sequence[str], rows: Rows
) -> tuple[str | None, str, dict[str, Any]] | None:
    """The id, why, and settings, where a product has a row for each of several languages.

    The id is None where the rows of a product do not stand together.
    """
    column = called(names, LANGUAGE_COLUMNS)
    if column is None:
        return None
    tags = values_of(rows, column)
    languages = sorted(dict.fromkeys(filter(None, tags)), key=lambda tag: tag[:2].lower() != "en")
    for name in called_ids([name for name in names if name != column]):
        ids = values_of(rows, name)
        each = set(zip(ids, tags, strict=True))
        if not (all(ids) and len(set(ids)) < len(ids) == len(each)) or len(languages) < 2:
            continue
        heads = [id_ for place, id_ in enumerate(ids) if not place or ids[place - 1] != id_]
        if not _is_id(heads):
            why = (
                f"{name!r} has a row for each language in {column!r}, and those of one product "
                "do not stand together: sort the file by it"
            )
            return None, why, {}
        why = (
            f"{len(heads):,} products have a row for each language in {column!r}: "
            f"{languages[0]} has the plain names, the others are kept apart, but where it says "
            "nothing"
        )
        said = {"rows": "continue", "language": column, "languages": languages}
        return name, why, said
    return None


def _filled_down(names: Sequence[str], rows: Rows, values: list[str]) -> list[str]:
    """Ids of rows, where those without one go on with the product above: they have no title."""
    title = guess_columns(names, sure=False).get("title")
    if title is None or not values[:1] or not values[0]:
        return values
    filled: list[str] = []
    for row, value in zip(rows, values, strict=True):
        filled.append(value or ("" if row.get(title) else filled[-1]))
    return filled
