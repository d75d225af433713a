"""Open Food Facts: the CSV (tab-separated) and the JSON Lines of its exports.

Nutriments are paired with their units. What is kept is what a product is: who edited it when, and
how complete its page is, are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from k3m_kg.api import (
    CatalogRecord,
    Confidence,
    DelimitedTable,
    ProductRecord,
    RejectedRow,
    open_bytes,
)
from k3m_kg_readers.documents.lines import LinesDialect, record, text
from k3m_kg_readers.tables.dialect import TableDialect, split

_TITLES = ("product_name", "abbreviated_product_name", "generic_name")
_TEXTS = (
    "generic_name", "quantity", "serving_size", "ingredients_text", "nutriscore_grade",
    "nova_group", "environmental_score_grade", "ecoscore_grade", "pnns_groups_1", "pnns_groups_2",
)  # fmt: skip
_LISTS = (
    "brands", "packaging", "labels", "origins", "manufacturing_places", "countries", "stores",
    "allergens", "traces", "additives", "food_groups", "ingredients_analysis", "emb_codes",
)  # fmt: skip
_UNKNOWN = frozenset(("", "unknown", "not-applicable", "undefined"))
_PER_100 = "_100g"
_UNITS = {
    "energy-kcal": " kcal",
    "energy-kj": " kJ",
    "energy": " kJ",
    "energy-from-fat": " kJ",
    "alcohol": " % vol",
    "ph": "",
    "nutrition-score-fr": "",
    "nutrition-score-uk": "",
    "nova-group": "",
    "fruits-vegetables-nuts": " %",
    "fruits-vegetables-nuts-estimate": " %",
    "fruits-vegetables-nuts-estimate-from-ingredients": " %",
    "fruits-vegetables-legumes-estimate-from-ingredients": " %",
    "collagen-meat-protein-ratio": " %",
    "cocoa": " %",
}
"""Per 100 g every nutriment is in grams, but for these."""
_PICTURES = "https://images.openfoodfacts.org/images/products"


class OpenFoodFactsReader(TableDialect, LinesDialect):
    """Reads the exports of Open Food Facts and its siblings for beauty, pet food and products."""

    name = "openfoodfacts"
    id_key = "code"
    marks = frozenset(
        ["nutriments", "states_tags", "_keywords", "ingredients_n", "pnns_groups_1", "created_t",
         "last_modified_t", "entry_dates_tags", "nutriscore_data", "ingredients_text"]
    )  # fmt: skip

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure if it has the columns of the CSV, or keys of the lines."""
        if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"{"):
            return LinesDialect.sniff(self, path, head) if b'"code"' in head else Confidence.NONE
        return TableDialect.sniff(self, path, head)

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a row or line that is none is rejected alone.

        Raises:
            CatalogError: the file cannot be read, or is neither of both.
            ConfigError: a mapping was given, which this format has no use for.
        """
        reads = LinesDialect if begins_with_brace(path) else TableDialect
        yield from reads.read(self, path, mapping)

    def is_header(self, names: Sequence[str]) -> bool:
        """A code, a name, and nutriments per 100 g."""
        found = set(names)
        return {"code", "product_name"} <= found and (
            any(name.endswith(_PER_100) for name in names) or "states_tags" in found
        )

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """The code."""
        return [place for place, name in enumerate(names) if name == "code"]

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """A row is a product."""
        columns = _Columns(table.header)
        for row in table:
            if isinstance(row, RejectedRow):
                yield row
            else:
                found = _product(columns.stated(row.cells), row.line)
                yield table.rejected(row, found) if isinstance(found, str) else found

    def product(self, tree: dict[str, Any], line: int) -> ProductRecord | str:
        """The product of a line."""
        return _product(
            _keys(text(tree.get("lang")) or text(tree.get("lc")) or "en").stated(tree), line
        )


class _Stated(NamedTuple):
    """What is said of a product.

    Attributes:
        titles: the first that there is counts.
        category: the main one.
        texts: names and values.
        lists: names, each with several values.
        nutriments: names and amounts per 100 g.
    """

    code: str
    titles: Sequence[str]
    category: str
    categories: Sequence[str]
    texts: Sequence[tuple[str, str]]
    lists: Sequence[tuple[str, Sequence[str]]]
    nutriments: Sequence[tuple[str, str]]
    picture: str


class _Columns:
    """Where in a row what stands."""

    def __init__(self, header: Sequence[str]) -> None:
        at = {name: place for place, name in enumerate(header)}
        self._code = at["code"]
        self._titles = [at[name] for name in _TITLES if name in at]
        self._category = at.get("main_category_en")
        self._picture = at.get("image_url")
        self._texts = [(name, at[name]) for name in _TEXTS if name in at]
        self._lists = [
            (name, [at[key] for key in (f"{name}_en", name) if key in at])
            for name in ("categories", *_LISTS)
        ]
        self._nutriments = [
            (name.removesuffix(_PER_100), place)
            for name, place in at.items()
            if name.endswith(_PER_100) and name != _PER_100
        ]

    def stated(self, cells: Sequence[str]) -> _Stated:
        """What a row says."""
        (_, categories), *lists = [
            (name, split(cell))
            for name, places in self._lists
            if (cell := next(filter(None, [cells[place] for place in places]), ""))
            or name == "categories"
        ]
        return _Stated(
            cells[self._code],
            [cells[place] for place in self._titles],
            cells[self._category] if self._category is not None else "",
            categories,
            [(name, cells[place]) for name, place in self._texts if cells[place]],
            lists,
            [(name, cells[place]) for name, place in self._nutriments if cells[place]],
            cells[self._picture] if self._picture is not None else "",
        )


class _Keys:
    """The keys of a line whose main language is one.

    Each text has its own key, or one with the language behind it.
    """

    def __init__(self, language: str) -> None:
        def keys(*names: str) -> list[tuple[str, str, str]]:
            return [(name, name, f"{name}_{language}") for name in names]

        self._language = language
        self._titles = keys(*_TITLES)
        self._category = keys("main_category_en")
        self._texts = keys(*_TEXTS)
        self._pictures = keys("image_front_url", "image_url")
        self._lists = [(f"{key[0]}_tags", key) for key in keys("categories", *_LISTS)]

    def stated(self, tree: dict[str, Any]) -> _Stated:
        """What a line says."""
        lists = []
        get = tree.get
        for tags_key, key in self._lists:
            name, plain, with_language = key
            if name != "brands" and tags_key in tree and isinstance(tags := tree[tags_key], list):
                lists.append((name, [found for tag in tags if (found := text(tag))]))
            elif plain in tree or with_language in tree or name == "categories":
                lists.append((name, split(_first_of(tree, key))))
        nutriments = get("nutriments")
        pictures = (_first_of(tree, key) for key in self._pictures)
        return _Stated(
            text(get("code")) or text(get(f"code_{self._language}")),
            [found for key in self._titles if (found := _first_of(tree, key))],
            _first_of(tree, self._category[0]),
            lists[0][1],
            [
                (key[0], found)
                for key in self._texts
                if (key[1] in tree or key[2] in tree) and (found := _first_of(tree, key))
            ],
            lists[1:],
            [
                (key.removesuffix(_PER_100), found)
                for key, item in (nutriments.items() if isinstance(nutriments, dict) else ())
                if key.endswith(_PER_100) and key != _PER_100 and (found := text(item))
            ],
            next(filter(None, pictures), "") or _picture(tree, self._language),
        )


_keys = lru_cache(maxsize=500)(_Keys)


def _first_of(tree: dict[str, Any], key: tuple[str, str, str]) -> str:
    """The text of a key, else of the same with the language; most keys are in no line."""
    _, plain, with_language = key
    if (value := tree.get(plain)) is not None and (found := text(value)):
        return found
    return text(value) if (value := tree.get(with_language)) is not None else ""


def begins_with_brace(path: Path) -> bool:
    """Whether the first character of the file is `{`."""
    with open_bytes(path) as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \r\n").startswith(b"{")


def _product(said: _Stated, line: int) -> ProductRecord | str:
    if not said.code:
        return "no code"
    properties = [pair for pair in said.texts if pair[1] not in _UNKNOWN]
    for name, values in said.lists:
        properties += [(name, one) for one in values]
    properties += [("categories", one) for one in said.categories]
    for name, amount in said.nutriments:
        shown, unit = _nutriment(name)
        properties.append((shown, amount + unit))
    title = next(filter(None, said.titles), "")
    category = said.category or (said.categories[-1] if said.categories else "")
    return record(said.code, title, category, [said.picture], properties, line)


@lru_cache(maxsize=5_000)
def _nutriment(name: str) -> tuple[str, str]:
    """What the property of a nutriment is called, and its unit."""
    return f"{name} per 100 g", _UNITS.get(name.removesuffix("_prepared"), " g")


def _picture(tree: dict[str, Any], language: str) -> str:
    """The address of the front's picture, which the lines do not hold as a whole."""
    images, code = tree.get("images"), text(tree.get("code"))
    if not isinstance(images, dict) or not code.isdecimal():
        return ""
    own = f"front_{language}"
    fronts = sorted(key for key in images if key.startswith("front"))
    for key in sorted(fronts, key=own.__ne__):
        image = images.get(key)
        if isinstance(image, dict) and (revision := text(image.get("rev"))):
            code = code.zfill(13)
            folder = "/".join((code[:3], code[3:6], code[6:9], code[9:]))
            return f"{_PICTURES}/{folder}/{key}.{revision}.400.jpg"
    return ""
