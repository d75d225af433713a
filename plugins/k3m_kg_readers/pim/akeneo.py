"""Akeneo's exports: products, product models, families and other codes with labels.

An attribute's column has its locale, channel, currency or unit behind its code:
`description-en_US-ecommerce`, `price-EUR`, `weight-unit`. The preferred locale and channel have the
plain name, the others are kept apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from k3m_kg.api import (
    CatalogRecord,
    ConfigError,
    DelimitedTable,
    ProductRecord,
    RejectedRow,
    TableRow,
    ValueRecord,
    html_to_text,
    open_table,
)
from k3m_kg_readers.tables.dialect import TableDialect, split
from k3m_kg_readers.tables.variants import Families

_LOCALE = re.compile(r"[a-z]{2,3}_(?:[A-Z][a-z]{3}_)?[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_OPTIONS = re.compile(r"\w+(?:,\w+)+")
_DECIMAL = re.compile(r"-?\d+,\d+")
_PICTURE = re.compile(r".+\.(?:jpe?g|png|gif|webp|tiff?|bmp|avif)", re.IGNORECASE)
_LAST_OF_PICTURE = frozenset("gGfFpP")
"""Letters that such names end with."""
_TITLES = ("name", "product_name", "title", "label", "erp_name", "variation_name")
_SHOP = frozenset(("uuid", "enabled", "family_variant", "created", "updated", "completeness"))
_IDS = ("sku", "identifier", "code")


class _Column(NamedTuple):
    """What one column holds.

    Attributes:
        code: of the attribute.
        locale, channel, currency: empty where the column has none.
    """

    place: int
    code: str
    locale: str = ""
    channel: str = ""
    currency: str = ""


class AkeneoColumns:
    """Where in a row what stands, and which locale and channel have the plain names."""

    def __init__(self, header: Sequence[str], locale: str, channel: str) -> None:
        at = {name: place for place, name in reversed(list(enumerate(header)))}
        known = next((name for name in _IDS if name in at), None)
        # The identifier may have any code; it stands first, behind Akeneo's own.
        known = known or next(name for name in header if name not in _SHOP)
        self.id = at[known]
        self.parent, self.family = at.get("parent"), at.get("family")
        self.categories = at.get("categories")
        self.units: dict[str, int] = {}
        self.links: list[tuple[int, str]] = []
        self.columns: list[_Column] = []
        read = {self.id, self.parent, self.family, self.categories}
        for place, name in enumerate(header):
            if place not in read and name and name not in _SHOP:
                self._add(place, name)
        locales = Counter(c.locale for c in self.columns if c.locale)
        channels = Counter(c.channel for c in self.columns if c.channel)
        self.locale = _preferred(locale, locales)
        self.channel = _preferred(channel, channels)
        self.stated = [self._stated(column) for column in self.columns]
        self.titles = [
            column
            for code in _TITLES
            for column in sorted(self.columns, key=self._rank)
            if column.code == code
        ]

    def _rank(self, column: _Column) -> tuple[bool, bool]:
        return column.locale not in ("", self.locale), column.channel not in ("", self.channel)

    def _add(self, place: int, name: str) -> None:
        code, *rest = map(str.strip, name.split("-"))
        if not code:  # none of Akeneo's
            code, rest = name, []
        if rest == ["unit"]:
            self.units[code] = place
        elif rest and rest[-1] in ("products", "product_models", "groups"):
            if rest[-1] != "groups":
                self.links.append((place, code.lower().replace("_", "-")))
        else:
            locale = next((part for part in rest if _LOCALE.fullmatch(part)), "")
            others = [part for part in rest if part != locale]
            currency = next((part for part in others if _CURRENCY.fullmatch(part)), "")
            channel = "-".join(part for part in others if part != currency)
            self.columns.append(_Column(place, code, locale, channel, currency))

    def _stated(self, column: _Column) -> tuple[_Column, int, str, int | None, str]:
        behind = f" {column.currency}" if column.currency else ""
        unit = self.units.get(column.code)
        return column, column.place, self.name_of(column), unit, behind

    def name_of(self, column: _Column) -> str:
        """The property: locale and channel behind the code, if they are not the preferred ones."""
        apart = [
            part
            for part, preferred in ((column.locale, self.locale), (column.channel, self.channel))
            if part and part != preferred
        ]
        return f"{column.code} ({', '.join(apart)})" if apart else column.code


def _preferred(wanted: str, found: Counter[str]) -> str:
    """The wanted one if it is there, else the one of its language, else the commonest."""
    if not found or wanted in found:
        return wanted
    language = wanted.partition("_")[0]
    near = [name for name in found if language and name.partition("_")[0] == language]
    return near[0] if near else found.most_common(1)[0][0]


class AkeneoReader(TableDialect):
    """Reads the CSV files of Akeneo's export jobs."""

    name = "akeneo"

    def __init__(
        self,
        encoding: str | None = None,
        locale: str = "en_US",
        channel: str = "ecommerce",
        models: str | None = None,
    ) -> None:
        super().__init__(encoding)
        self._locale = locale
        self._channel = channel
        self._models = models

    def is_header(self, names: Sequence[str]) -> bool:
        """Products, product models, or codes with their labels."""
        found = set(names)
        return (
            ({"categories", "family"} <= found and bool(found & {"enabled", "groups", "parent"}))
            or _is_of_models(found)
            or _is_of_codes(found)
        )

    def columns(self, header: Sequence[str]) -> AkeneoColumns:
        """Where in a row what stands."""
        return AkeneoColumns(header, self._locale, self._channel)

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """The identifier."""
        return [place for place, name in enumerate(names) if name in _IDS]

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """Products and models with what they inherit; of other codes, what is said of them."""
        names = set(table.header)
        if _is_of_codes(names) and not ("categories" in names or _is_of_models(names)):
            yield from _codes(table)
            return
        with Families(levels=True) as families:
            if self._models is not None:
                self._keep_models(families, Path(self._models))
            columns = self.columns(table.header)
            for row in table:
                if isinstance(row, RejectedRow):
                    yield row
                elif not row.cells[columns.id]:
                    yield table.rejected(row, f"no {table.header[columns.id]}")
                else:
                    parent = _cell(row, columns.parent)
                    record = _product(columns, row)
                    if parent:
                        yield from families.variant(record, parent)
                    else:
                        yield from families.product(record)
            yield from families.rest()

    def _keep_models(self, families: Families, path: Path) -> None:
        """Read the models first: their products inherit from them."""
        with open_table(path, encoding=self._encoding, is_header=self.is_header) as table:
            if not _is_of_models(set(table.header)):
                raise ConfigError(
                    "is no export of product models: there is no `family_variant`", where=str(path)
                )
            for record in AkeneoReader(self._encoding, self._locale, self._channel).records(table):
                if isinstance(record, ProductRecord):
                    families.keep(record)


def _is_of_models(names: set[str]) -> bool:
    return {"code", "family_variant"} <= names


def _is_of_codes(names: set[str]) -> bool:
    labels = any(name.startswith("label-") and _LOCALE.fullmatch(name[6:]) for name in names)
    return "code" in names and labels


def _cell(row: TableRow, place: int | None) -> str:
    return row.cells[place] if place is not None else ""


def _product(columns: AkeneoColumns, row: TableRow) -> ProductRecord:
    cells = row.cells
    title = None
    for title in columns.titles:
        if cells[title.place]:
            break
    else:
        title = None
    properties: list[tuple[str, str]] = []
    pictures: list[str] = []
    for column, place, name, unit, behind in columns.stated:
        cell = cells[place]
        if not cell or column is title:
            continue
        if cell[-1] in _LAST_OF_PICTURE and _PICTURE.fullmatch(cell) and " " not in cell:
            pictures += split(cell)
            continue
        if unit is not None and cells[unit]:
            cell = f"{cell} {cells[unit]}"
        elif behind:
            cell += behind
        elif "<" in cell:
            cell = html_to_text(cell)
        if "," in cell:
            properties += [(name, value) for value in options_in(cell)]
        else:
            properties.append((name, cell))
    categories = split(_cell(row, columns.categories))
    properties += [("categories", code) for code in categories]
    return ProductRecord(
        cells[columns.id],
        cells[title.place] if title is not None else None,
        _cell(row, columns.family) or None,
        tuple(dict.fromkeys(pictures)),
        tuple(dict.fromkeys([pair for pair in properties if pair[1]])),
        row.line,
        tuple(
            dict.fromkeys(
                [
                    (name, other)
                    for place, name in columns.links
                    if cells[place]
                    for other in split(cells[place])
                ]
            )
        ),
    )


def options_in(cell: str) -> list[str]:
    """Codes of several options are separated by commas; a text or a number is one value."""
    if _OPTIONS.fullmatch(cell) and not _DECIMAL.fullmatch(cell):
        return cell.split(",")
    return [cell]


def _codes(table: DelimitedTable) -> Iterator[CatalogRecord]:
    """Families, categories and options: what is said of each code."""
    place = table.header.index("code")
    for row in table:
        if isinstance(row, RejectedRow):
            yield row
        elif not row.cells[place]:
            yield table.rejected(row, "no code")
        else:
            pairs = tuple(
                (name, cell)
                for name, cell in zip(table.header, row.cells, strict=True)
                if cell and name and name != "code"
            )
            if pairs:
                yield ValueRecord(row.cells[place], tuple(dict.fromkeys(pairs)), row.line)
            else:
                yield table.rejected(row, "nothing is said of this code")
