"""A mapping to start from, told from the names of columns and what stands in them.

The id is a column whose values are all there and all different; names only say which of several,
and make up for a row in fifty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from k3m_kg.readers.columnar_names import LONG_HEADS, LONG_PROPERTIES, LONG_VALUES
from k3m_kg.readers.numbers import lost_digits

_SURE = {
    "id": ("id", "sku", "product_id", "productid", "item_id", "asin", "code"),
    "title": ("title", "name", "product_name", "productname", "productdisplayname"),
    "image": (
        "image", "image_url", "image_link", "base_image", "picture", "img", "photo",
        "images", "image_urls", "pictures", "image.url", "images.url", "images.src", "imgurl",
    ),
    "category": ("category", "categories", "product_type"),
}  # fmt: skip
"""Names that need nobody's word."""
_NAMES = {
    "id": (
        "id", "sku", "product_id", "productid", "item_id", "itemid", "asin", "code", "parent_asin",
        "item_sku", "variant_sku", "handle", "article_id", "article_number", "artikelnummer",
        "artikelnr", "art_nr", "produkt_id", "reference", "ref", "product_code", "part_number",
        "mpn", "gtin", "ean", "ean13", "barcode", "upc", "uniq_id", "pid", "uuid", "_id",
        "referencia", "codice", "supplier_aid", "prod_id", "product_sku", "item_number", "number",
    ),
    "title": (
        "title", "name", "product_name", "productname", "productdisplayname", "product_title",
        "item_name", "titel", "produktname", "artikelbezeichnung", "bezeichnung", "label", "nom",
        "nombre", "titre", "nome", "titolo", "nazwa", "description_short", "model_name",
    ),
    "image": (
        "image", "image_url", "image_link", "base_image", "picture", "img", "photo", "images",
        "image_urls", "pictures", "image.url", "images.url", "images.src", "image_src", "img_url",
        "main_image", "main_image_url", "imgurl", "bild", "bilder", "bild_url", "image_path",
        "image_name", "foto", "photos", "imagen", "immagine", "thumbnail", "image1", "image_1",
        "images.large", "images.link", "image.src",
    ),
    "category": (
        "category", "categories", "product_type", "type", "product_category", "kategorie",
        "kategorien", "main_category", "category_name", "google_product_category", "categorie",
        "categoria", "product_category_tree", "product_group", "warengruppe", "category_path",
    ),
}  # fmt: skip
_OF_PROPERTIES = frozenset(
    ("attributes", "properties", "specs", "specifications", "details", "features", "facets")
)
_FEW_IDS = 20
"""Rows below which any column may look like an id."""
_LONGEST_ID = 100
_BAD = 0.02
"""Share of rows without an id of their own that a column which is called so may have."""
_LEVELS = (" >> ", " > ", ">>", ">", "///")
_SAMPLE = 5_000
_PAIR = re.compile(r"(.*?)(\d+)(.*)", re.DOTALL)
_PAIR_NAMES = (("name", ("value(s)", "values", "value")), ("key", ("value",)))
_UNITS = ("unit", "uom", "unit_of_measure", "einheit")
OPEN = "???"
"""Stands for the column of the id where none looks like one."""


def normal(name: str) -> str:
    """A name as the usual ones are written here."""
    return re.sub(r"[\s\-]+", "_", name.strip().lower())


def guess_columns(names: Sequence[str], *, sure: bool = True) -> dict[str, str]:
    """Which columns are id, title, image and category, where the names tell it.

    Args:
        sure: by the usual names only; otherwise also by those that a person should look at.
    """
    known = {normal(name): name for name in reversed(names)}
    guess = {
        key: next((known[name] for name in usual if name in known), None)
        for key, usual in (_SURE if sure else _NAMES).items()
    }
    return {key: column for key, column in guess.items() if column}


def suggested_mapping(
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    lists: Iterable[str] = (),
    header: int | None = None,
) -> str:
    """The text of a mapping file to start from.

    Args:
        names: the columns, dotted paths for what lies in objects.
        rows: the first rows, text by column.
        lists: columns that hold several values, or lie in lists.
        header: the row that was taken for the header, if it is not the first.
    """
    said: dict[str, Any] = {}
    notes: list[str] = []
    several = set(lists)
    single = [name for name in names if name not in several]
    pairs = _pairs(names)
    long = _long(names)
    guessed = guess_columns(names, sure=False)
    if long is not None:
        head, pair = long
        said |= {"id": head, "rows": "continue", "pairs": [pair]}
    else:
        id_, why = _id(single, rows)
        said["id"] = id_ or OPEN
        notes += [f"id: {why}"] if why else []
        used = {id_}
        for key in ("title", "category", "image"):
            column = guessed.get(key)
            if column and column not in used and (key == "image" or column not in several):
                said[key] = column
                used.add(column)
        if "category" in guessed and guessed["category"] in several and "category" not in said:
            said["category"] = guessed["category"]
        if (category := said.get("category")) and (between := _levels(rows, category)):
            said["category_levels"] = between
        if pairs:
            said["pairs"] = pairs
    if unprefixed := _unprefixed(names):
        said["unprefixed"] = unprefixed
    cells = {name: "json" for name in single if _is_json(rows, name)}
    if cells:
        said["cells"] = cells
    said["properties"] = "*"
    said["missing"] = []
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        listed = ", ".join(" ".join(name.split()) for name in doubled[:8])
        notes.append(f"columns of one name: {listed}; give each a name of its own in the file")
    if header is not None:
        said["header"] = header
        notes.append(f"header: the first row with a name for most columns is row {header}")
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=1000)
    if said["id"] == OPEN:
        text = text.replace(f"id: {OPEN!r}", f"id: {OPEN}  # which column?").replace(
            f"id: {OPEN}\n", f"id: {OPEN}  # which column? {_some(names)}\n"
        )
    return "".join(f"# {note}\n" for note in notes) + text


def is_open(mapping: str) -> bool:
    """Whether a suggested mapping leaves the id to be named."""
    return any(line.startswith(f"id: {OPEN}") for line in mapping.splitlines())


def _some(names: Sequence[str]) -> str:
    return "one of " + ", ".join(" ".join(name.split()) for name in names[:12])


def _values(rows: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    return [str(row.get(name) or "") for row in rows]


def _id(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> tuple[str | None, str]:
    """The column of the id and why; None where no column looks like one."""
    if not rows:
        return guess_columns(names, sure=False).get("id"), ""
    known = {normal(name): name for name in reversed(names)}
    usual = [known[name] for name in _NAMES["id"] if name in known]
    for name in usual:
        if _is_id(_values(rows, name)):
            return name, f"all {len(rows):,} rows looked at have one, and all are different"
    for name in usual:
        values = _values(rows, name)
        kept = list(dict.fromkeys(value for value in values if value))
        if len(rows) - len(kept) <= len(rows) * _BAD and _is_id(kept):
            return name, (
                f"called as an id is, and all but {len(rows) - len(kept):,} of {len(rows):,} rows "
                "looked at have one of their own; an ingest rejects the others"
            )
    ends = ("id", "sku", "code", "nr", "no", "number", "nummer", "asin")
    left = [name for name in names if name not in usual]
    likely = [name for name in left if re.split(r"[._]", normal(name).rstrip("._#"))[-1] in ends]
    others = [name for name in left if name not in likely]
    for name in (*likely, *(others if len(rows) >= _FEW_IDS else ())):
        values = _values(rows, name)
        if _is_id(values) and not any(" " in value for value in values[:_SAMPLE]):
            return name, (
                f"all {len(rows):,} rows looked at have one, and all are different; its name does "
                "not say that it is an id"
            )
    if usual and len(rows) > 1:
        values = _values(rows, usual[0])
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


def _is_id(values: Sequence[str]) -> bool:
    return (
        all(values)
        and len(set(values)) == len(values)
        and max(map(len, values)) <= _LONGEST_ID
        and not any(map(lost_digits, values))
    )


def _unprefixed(names: Sequence[str]) -> list[str]:
    """Objects of which each key is a property: called so, and without names that others have."""
    known = set(names)
    found = dict.fromkeys(name.partition(".")[0] for name in names if "." in name)
    keys = {
        column: [n[len(column) + 1 :] for n in names if n.startswith(f"{column}.")]
        for column in found
        if normal(column) in _OF_PROPERTIES
    }
    return [column for column, below in keys.items() if not known.intersection(below)]


def _levels(rows: Sequence[Mapping[str, Any]], name: str) -> str | None:
    values = [value for value in _values(rows[:_SAMPLE], name) if value]
    for between in _LEVELS:
        if values and sum(between in value for value in values) * 2 > len(values):
            return between.strip()
    return None


def _is_json(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = [value for value in _values(rows[:_SAMPLE], name) if value]
    fits = sum(
        value[:1] + value[-1:] in ("{}", "[]") and value[1:2] not in ("", " ") for value in values
    )
    return bool(values) and fits == len(values)


def _pairs(names: Sequence[str]) -> list[dict[str, str]]:
    """Numbered columns of which one holds the name of a property and another its value."""
    known = set(names)
    found: dict[tuple[str, str], None] = {}
    for name in names:
        if (parts := _PAIR.fullmatch(name)) is None:
            continue
        before, number, after = parts.groups()
        for word, values in _PAIR_NAMES:
            if not after.lower().strip(" _-").startswith(word):
                continue
            for value in values:
                other = after.lower().replace(word, value)
                for candidate in names:
                    if candidate.lower() == f"{before}{number}{other}".lower() and (
                        candidate in known
                    ):
                        tail = candidate[len(before) + len(number) :]
                        found.setdefault((f"{before}{{n}}{after}", f"{before}{{n}}{tail}"))
                        break
                else:
                    continue
                break
    return [{"name": name, "value": value} for name, value in found]


def _long(names: Sequence[str]) -> tuple[str, dict[str, str]] | None:
    """The columns of a table with a row for each attribute, if these are all that it has."""
    known = {normal(name): name for name in names}
    unit = next((known[name] for name in _UNITS if name in known), None)
    if len(names) != 3 + (unit is not None):
        return None
    found = [
        next((known[name] for name in usual if name in known), None)
        for usual in (LONG_HEADS, LONG_PROPERTIES, LONG_VALUES)
    ]
    head, name, value = found
    if head is None:
        left = [known[key] for key in _NAMES["id"] if key in known]
        head = left[0] if left else None
    if head is None or name is None or value is None or len({head, name, value}) < 3:
        return None
    return head, {"name": name, "value": value} | ({"unit": unit} if unit is not None else {})
