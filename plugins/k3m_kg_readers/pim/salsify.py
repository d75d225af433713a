"""Salsify's exports: CSV, and JSON with its properties, their values and assets before products.

Fields of Salsify's own begin with `salsify:`. In CSV a property with several values has several
columns of one name; texts by locale are `Name - en-US`, in JSON `{"en-US": ...}`. A product with a
parent is a variant of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from k3m_kg.api import (
    CatalogError,
    CatalogRecord,
    DelimitedTable,
    JsonItem,
    Note,
    ProductRecord,
    RejectedRow,
    html_to_text,
    json_sections,
    open_bytes,
    path_from_top,
    scratch_database,
    unstorable,
)
from k3m_kg_readers.documents.lines import record, text
from k3m_kg_readers.tables.dialect import SURE, TableDialect, refuse_mapping
from k3m_kg_readers.tables.variants import Families

OWN = "salsify:"
_SECTIONS = frozenset(
    ("header", "attributes", "attribute_values", "digital_assets", "products", "data", "meta")
)
_OF_JSON = re.compile(rb'\s*[\[{].*"salsify:', re.DOTALL)
_TITLES = ("productname", "name", "itemname", "producttitle", "title", "itemtitle")
_CATEGORIES = ("category", "productcategory", "taxonomy", "categories", "producttype")
_LOCALIZED = re.compile(r"(.+?)\s+-\s+([a-z]{2,3}(?:-[A-Z][a-z]{3})?-[A-Z]{2})")
_LOCALE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2})?")
_PICTURE = re.compile(
    r"https?://(?:images\.salsify\.com/\S*/[^./\s]+"
    r"|\S+\.(?:jpe?g|png|gif|webp|tiff?|bmp|avif)(?:[?#]\S*)?)",
    re.IGNORECASE,
)
_PICTURE_FORMATS = frozenset(("jpg", "jpeg", "png", "gif", "webp", "tif", "tiff", "bmp", "avif"))
_TABLES = """
CREATE TABLE choices (property TEXT, id TEXT, name TEXT, parent TEXT, PRIMARY KEY (property, id))
    WITHOUT ROWID;
CREATE TABLE assets (id TEXT PRIMARY KEY, address TEXT, is_picture INTEGER) WITHOUT ROWID;
"""


class _Said(NamedTuple):
    """A value of a product; the locale is empty where there is none."""

    name: str
    locale: str
    value: str
    is_picture: bool = False


class SalsifyReader(TableDialect):
    """Reads Salsify's exports of products."""

    name = "salsify"

    def __init__(self, encoding: str | None = None, locale: str = "en-US") -> None:
        super().__init__(encoding)
        self._locale = locale.lower()

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure if a column or a key is one of Salsify's own."""
        if _OF_JSON.match(head.removeprefix(b"\xef\xbb\xbf")):
            return SURE
        return super().sniff(path, head)

    def is_header(self, names: Sequence[str]) -> bool:
        """A column of Salsify's own."""
        return any(name.startswith(OWN) for name in names)

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """Salsify's id; where it is not exported, the first column is the product's id."""
        if OWN + "id" in names:
            return [list(names).index(OWN + "id")]
        return [place for place, name in enumerate(names) if name and not name.startswith(OWN)][:1]

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a row or object that is none is rejected alone.

        Raises:
            CatalogError: the file cannot be read, or has properties and no products.
            ConfigError: a mapping was given, which this format has no use for.
        """
        with open_bytes(path) as file:
            is_json = file.read(1000).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{")
        if not is_json:
            yield from super().read(path, mapping)
            return
        refuse_mapping(self.name, mapping)
        late = False
        with closing(_Document()) as document, Families(levels=True) as families:
            for item in json_sections(path, _SECTIONS):
                if isinstance(item, RejectedRow):
                    yield item
                elif item.key in ("attributes", "attribute_values", "digital_assets"):
                    document.learn(item)
                    late = late or document.any_asked
                elif item.key in ("products", "data", ""):
                    yield from self._of_item(document, item, families)
            yield from families.rest()
        if late:
            yield Note(
                "properties, their values or assets that stand behind products were not known when "
                "these were read: some are called by their ids"
            )

    def _of_item(
        self, document: _Document, item: JsonItem, families: Families
    ) -> Iterator[CatalogRecord]:
        tree = item.tree
        document.any_asked = True
        id_ = text(tree.get(OWN + "id")) or text(tree.get(document.id_property))
        if not id_:
            yield item.rejected(f"no {OWN}id")
            return
        said = [
            one
            for name, value in tree.items()
            if not name.startswith(OWN) and name not in document.references
            for one in document.said(name, value)
        ]
        pictures, documents, named = document.assets_of(tree)
        if named:
            said = [one for one in said if one.value not in named]
        found = self._record(id_, [*said, *documents], item.line, document.title_property, pictures)
        if OWN + "relations" in tree:
            found = replace(found, links=tuple(dict.fromkeys(_links(tree))))
        if "\\u" in item.written and (why := _unstorable(found)):
            yield item.rejected(why)
            return
        parent = text(tree.get(OWN + "parent_id"))
        if parent and parent != id_:
            yield from families.variant(found, parent)
        else:
            yield from families.product(found)

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """The products of a table.

        Raises:
            CatalogError: it holds definitions of properties, or their values.
        """
        header = table.header
        if kind := next((n for n in (OWN + "data_type", OWN + "attribute_id") if n in header), ""):
            raise CatalogError(
                f"holds Salsify's properties or their values, and no products: it has {kind}",
                hint="export products",
            )
        ids = self.ids(header)
        if not ids:
            raise CatalogError("none of its columns is that of a product's id")
        place = ids[0]
        parents = header.index(OWN + "parent_id") if OWN + "parent_id" in header else None
        columns = [
            (at, *_localized(name))
            for at, name in enumerate(header)
            if name and at != place and not name.startswith(OWN)
        ]
        with Families(levels=True) as families:
            for row in table:
                if isinstance(row, RejectedRow):
                    yield row
                    continue
                cells = row.cells
                if not cells[place]:
                    yield table.rejected(row, f"no {header[place]}")
                    continue
                said = [_Said(name, locale, cells[at]) for at, name, locale in columns if cells[at]]
                found = self._record(cells[place], said, row.line)
                parent = cells[parents] if parents is not None else ""
                if parent and parent != found.id:
                    yield from families.variant(found, parent)
                else:
                    yield from families.product(found)
            yield from families.rest()

    def _record(
        self,
        id_: str,
        said: Iterable[_Said],
        line: int,
        title_property: str = "",
        pictures: Iterable[str] = (),
    ) -> ProductRecord:
        """The product of what is said; of a text in several languages one has the plain name."""
        shown: list[str] = list(pictures)
        others: list[_Said] = []
        best: dict[str, str] = {}
        for one in said:
            if one.is_picture or _is_address_of_picture(one.value):
                shown.append(one.value)
                continue
            others.append(one)
            before = best.setdefault(one.name, one.locale)
            if self._rank(one.locale) < self._rank(before):
                best[one.name] = one.locale
        squashed = {_squashed(name): name for name in reversed(best)}
        title = title_property if title_property in best else _first(squashed, _TITLES)
        category = _first(squashed, _CATEGORIES)
        taken: dict[str, str] = {}
        properties: list[tuple[str, str]] = []
        for name, locale, value, _ in others:
            value = html_to_text(value) if "<" in value else value
            is_plain = locale == best[name]
            if is_plain and name in (title, category) and name not in taken:
                taken[name] = value
            else:
                properties.append((name if is_plain else f"{name} ({locale})", value))
        return record(
            id_, taken.get(title, ""), taken.get(category, ""), shown, properties, line
        )  # fmt: skip

    def _rank(self, locale: str) -> int:
        plain = locale.lower()
        if plain in ("", self._locale):
            return 0
        return 1 if plain.partition("-")[0] == self._locale.partition("-")[0] else 2


class _Document:
    """What stands before the products of a document: in memory or, of what may be much, on disk.

    Attributes:
        id_property, title_property: with the role of id and name.
        references: properties that say again what other fields do.
        any_asked: a product was read.
    """

    def __init__(self) -> None:
        self.id_property = self.title_property = ""
        self.references: set[str] = set()
        self.any_asked = False
        self._names: dict[str, str] = {}
        self._of_assets: set[str] = set()
        self._chosen: set[str] = set()
        self._database = scratch_database(_TABLES)
        self._choice = lru_cache(maxsize=10_000)(self._choice_of)

    def learn(self, item: JsonItem) -> None:
        """Keep what an object says of a property, of one of its values, or of an asset."""
        said = {name.removeprefix(OWN): text(value) for name, value in item.tree.items()}
        id_ = said.get("id", "")
        if unstorable(said.values()):
            return
        if item.key == "attributes":
            self._learn_property(id_, said)
        elif item.key == "attribute_values":
            property_ = said.get("attribute_id", "")
            self._chosen.add(property_)
            choice = property_, id_, said.get("name") or id_, said.get("parent_id", "")
            self._database.execute("INSERT OR IGNORE INTO choices VALUES (?, ?, ?, ?)", choice)
        else:
            asset = id_, _address(said), _is_picture(said)
            self._database.execute("INSERT OR IGNORE INTO assets VALUES (?, ?, ?)", asset)

    def _learn_property(self, id_: str, said: Mapping[str, str]) -> None:
        name = said.get("name") or id_
        self._names[id_] = name
        if said.get("data_type") == "digital_asset":
            self._of_assets.add(id_)
        if said.get("role") == "product_id":
            self.id_property = id_
            self.references.add(id_)
        elif said.get("role") == "product_name":
            self.title_property = name

    def said(self, name: str, value: Any) -> Iterator[_Said]:
        """The values of a property: names of those chosen from a list, addresses of assets."""
        for locale, one in _texts(value):
            is_picture = False
            if name in self._of_assets:
                address, is_picture = self._asset(one)
                one = address or one
            elif name in self._chosen:
                one = self._choice(name, one)
            plain, of_name = _localized(self._names.get(name, name))
            yield _Said(plain, locale or of_name, one, is_picture)

    def assets_of(self, tree: Mapping[str, Any]) -> tuple[list[str], list[_Said], set[str]]:
        """Pictures, other assets and ids of those that stand within a product."""
        pictures: list[str] = []
        others: list[_Said] = []
        ids: set[str] = set()
        profile = text(tree.get(OWN + "profile_asset_id"))
        if profile and (kept := self._asset(profile))[1]:
            pictures.append(kept[0])
        items = tree.get(OWN + "digital_assets")
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                said = {name.removeprefix(OWN): text(value) for name, value in item.items()}
                address = _address(said)
                is_picture = _is_picture(said)
            else:
                said = {"id": text(item)}
                address, is_picture = self._asset(said["id"])
            if said.get("status") == "failed" or not address:
                continue
            ids.add(said.get("id", ""))
            if not is_picture:
                others.append(_Said("digital asset", "", address))
            elif profile and said.get("id") == profile:
                pictures.insert(0, address)
            else:
                pictures.append(address)
        return pictures, others, ids

    def close(self) -> None:
        """Forget it."""
        self._database.close()

    def _asset(self, id_: str) -> tuple[str, bool]:
        """The address of an asset, and whether it is a picture."""
        if unstorable([id_]):
            return "", False
        query = "SELECT address, is_picture FROM assets WHERE id = ?"
        found = self._database.execute(query, (id_,)).fetchone()
        return (found[0], bool(found[1])) if found is not None else ("", False)

    def _choice_of(self, name: str, id_: str) -> str:
        """The name of a value behind the names of those above it."""
        query = "SELECT name, parent FROM choices WHERE property = ? AND id = ?"

        def above(choice: str) -> tuple[str, str | None] | None:
            row = self._database.execute(query, (name, choice)).fetchone()
            return None if row is None else (row[0], row[1] or None)

        return id_ if unstorable([name, id_]) else path_from_top(id_, above) or id_


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Texts of a value, each with its locale."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item) if not isinstance(item, list) else ()
    elif isinstance(value, dict):
        for key, inner in value.items():
            if _LOCALE.fullmatch(key):
                yield from ((key, one) for _, one in _texts(inner))
    elif one := text(value):
        yield "", one


def _is_address_of_picture(value: str) -> bool:
    # Without blanks the pattern takes a time that grows with the length alone.
    return (
        value[:4].lower() == "http"
        and len(value.split(None, 1)) == 1
        and bool(_PICTURE.fullmatch(value))
    )


def _address(said: Mapping[str, str]) -> str:
    return said.get("url") or said.get("source_url") or ""


def _is_picture(said: Mapping[str, str]) -> bool:
    kind = said.get("asset_resource_type")
    return kind == "image" if kind else said.get("format", "jpg").lower() in _PICTURE_FORMATS


def _links(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    items = tree.get(OWN + "relations")
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and (target := text(item.get(OWN + "target_product_id"))):
            said = {name.removeprefix(OWN): text(value) for name, value in item.items()}
            yield said.get("relation_type") or said.get("type") or "related", target


def _unstorable(found: ProductRecord) -> str | None:
    texts = [found.id, found.title or "", found.category or "", *found.images]
    texts += (one for pair in (*found.properties, *found.links) for one in pair)
    return unstorable(texts)


@lru_cache(maxsize=10_000)
def _localized(name: str) -> tuple[str, str]:
    """A name without its locale, and that."""
    found = _LOCALIZED.fullmatch(name)
    return (found[1], found[2]) if found else (name, "")


@lru_cache(maxsize=10_000)
def _squashed(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _first(squashed: Mapping[str, str], usual: Sequence[str]) -> str:
    return next((squashed[name] for name in usual if name in squashed), "")
