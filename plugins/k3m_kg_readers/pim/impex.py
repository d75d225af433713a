"""SAP Commerce's ImpEx: what all headers of a file say of products, categories and media.

A product may be stated under several headers, its categories and media before or behind it, so
what is said is kept on the disk until the file ends.
"""

from __future__ import annotations

import marshal
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from k3m_kg.api import (
    CatalogError,
    CatalogRecord,
    Confidence,
    Note,
    ProductRecord,
    RejectedRow,
    html_to_text,
    path_from_top,
    scratch_database,
)
from k3m_kg_readers.documents.xml import unique
from k3m_kg_readers.pim.impex_rows import ImpExFile, ItemRow
from k3m_kg_readers.tables.dialect import MAX_CHARACTERS, MAX_ROWS, SURE, refuse_mapping
from k3m_kg_readers.tables.variants import Families

_BEGINS = re.compile(
    rb"^[\" \t]{0,99}(?:INSERT_UPDATE|INSERT|UPDATE|REMOVE)[ \t]+[A-Z]\w*[ \t]*"
    rb"(?:\[[^\]\r\n]{0,500}\][ \t]*)?\"?;([^\r\n]*)",
    re.MULTILINE,
)
_OF_HEADERS = re.compile(rb"\[\s*\w+\s*=|\(\s*\w+|\$\w")
"""A modifier, a reference or a macro: a table with a row about "Update notes" has none."""
_STEERING = frozenset(
    (
        "catalogversion", "approvalstatus", "europe1pricefactory_ptg", "europe1pricefactory_ppg",
        "europe1pricefactory_pdg", "europe1prices", "varianttype", "onlinedate", "offlinedate",
        "order", "sequenceid", "minorderquantity", "maxorderquantity", "stocklevels", "vendors",
        "code", "supercategories", "baseproduct", "pk",
    )
)  # fmt: skip
_PICTURES = ("picture", "others", "detail", "normal", "thumbnail")
_OTHER_PICTURES = frozenset((*_PICTURES, "thumbnails", "galleryimages", "logo", "data_sheet"))
_ADDRESSES = ("url", "internalurl", "@media", "realfilename")
_JAR = re.compile(r"\A(?:(?:jar|zip):[^&]*&|file:(?://)?)")
_SIZE = re.compile(r"\d{2,4}")
_KEPT_PATHS, _KEPT_LENGTH = 10_000, 500
_TABLES = """
CREATE TABLE products (place INTEGER PRIMARY KEY, code TEXT UNIQUE);
CREATE TABLE said (kind TEXT, code TEXT, place INTEGER, value BLOB, PRIMARY KEY (kind, code, place))
    WITHOUT ROWID;
"""
_Part = tuple[str, str, str]
"""Kind (`text`, `category`, `picture`, `gallery`, `parent`), name or language, value."""


class ImpExReader:
    """Reads the products of an ImpEx file."""

    name = "impex"

    def __init__(self, encoding: str | None = None, language: str = "en") -> None:
        self._encoding = encoding
        self._language = language.lower().replace("-", "_")

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure if a line is a header as only ImpEx has them."""
        is_named = ".impex" in path.name.lower()
        found = (is_named or _OF_HEADERS.search(one[1]) for one in _BEGINS.finditer(head))
        return SURE if any(found) else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """The products in the order in which they are first named; no code in the file is run.

        Raises:
            CatalogError: the file cannot be read, or has no product.
            ConfigError: a mapping was given, which this format has no use for.
        """
        refuse_mapping(self.name, mapping)
        file = ImpExFile(path, self._encoding)
        left_out: Counter[str] = Counter()
        any_rejected = False
        with closing(_Kept()) as kept:
            for row in file:
                if isinstance(row, RejectedRow):
                    any_rejected = True
                    yield row
                elif (rejected := _keep(kept, row, left_out)) is not None:
                    any_rejected = True
                    yield rejected
            if not kept.count and not any_rejected:
                raise CatalogError(
                    "there is no product in this file",
                    where=str(path),
                    hint=f"types with rows in it: {_listed(left_out) or 'none'}",
                )
            with Families(levels=True) as families:
                for place, code in kept.products():
                    yield from self._records(kept, families, place, code)
                yield from families.rest()
        if left_out:
            listed = _listed(left_out)
            yield Note(f"rows of types that say nothing of products were left out: {listed}")
        if file.scripts:
            yield Note(
                f"lines of code (#%) that were not run: {file.scripts:,}; only rows are read"
            )

    def _records(
        self, kept: _Kept, families: Families, place: int, code: str
    ) -> Iterator[CatalogRecord]:
        parts: list[_Part] = []
        characters = 0
        for number, packed in enumerate(kept.said("product", code)):
            characters += len(packed)
            if number >= MAX_ROWS or characters > MAX_CHARACTERS:
                why = f"more than {MAX_ROWS:,} rows, or too many characters, of one product"
                yield RejectedRow(place, why, code)
                break
            parts += marshal.loads(packed)  # noqa: S302  # of this very reading
        found = self._record(kept, code, parts, place)
        parent = next((value for kind, _, value in parts if kind == "parent"), "")
        if parent and parent != code:
            yield from families.variant(found, parent)
        else:
            yield from families.product(found)

    def _record(self, kept: _Kept, code: str, parts: list[_Part], line: int) -> ProductRecord:
        best: dict[str, str] = {}
        for kind, name, _ in parts:
            if kind == "text":
                plain, _, language = name.partition("\t")
                before = best.setdefault(plain, language)
                if self._rank(language) < self._rank(before):
                    best[plain] = language
        title = ""
        properties: list[tuple[str, str]] = []
        for kind, name, value in parts:
            if kind != "text":
                continue
            plain, _, language = name.partition("\t")
            is_plain = language == best[plain]
            if plain == "name" and is_plain:
                title = value  # the last one counts
            else:
                properties.append((plain if is_plain else f"{plain} ({language})", value))
        codes = [value for kind, _, value in parts if kind == "category"]
        codes += (packed.decode() for packed in kept.said("member", code))
        paths = [self._known_path(kept, one) for one in dict.fromkeys(codes)]
        properties += (("category", path) for path in paths[1:])
        links = [marshal.loads(one) for one in kept.said("link", code)]  # noqa: S302
        return ProductRecord(
            code,
            title or None,
            paths[0] if paths else None,
            tuple(dict.fromkeys(_pictures(kept, parts))),
            unique(properties),
            line,
            tuple(dict.fromkeys(links)),
        )

    def _known_path(self, kept: _Kept, code: str) -> str:
        if (path := kept.paths.get(code)) is None:
            path = self._path(kept, code)
            if len(kept.paths) < _KEPT_PATHS and len(path) <= _KEPT_LENGTH:
                kept.paths[code] = path
        return path

    def _path(self, kept: _Kept, code: str) -> str:
        """The name of a category behind the names of those above it."""

        def above(category: str) -> tuple[str, str | None] | None:
            names = [marshal.loads(one) for one in kept.said("name", category)]  # noqa: S302
            if not names and category != code:
                return None
            name = min(names, key=lambda one: self._rank(one[0]))[1] if names else code
            return name, next((one.decode() for one in kept.said("above", category)), None)

        return path_from_top(code, above)

    def _rank(self, language: str) -> int:
        plain = language.lower().replace("-", "_")
        if plain in ("", self._language):
            return 0
        return 1 if plain.partition("_")[0] == self._language.partition("_")[0] else 2


class _Kept:
    """What a file says, on the disk where that is much.

    Attributes:
        count: of products.
        paths: of categories, when all is said.
    """

    def __init__(self) -> None:
        self._database = scratch_database(_TABLES)
        self._place = 0
        self._kinds: set[str] = set()
        self.count = 0
        self.paths: dict[str, str] = {}

    def product(self, code: str, line: int, parts: list[_Part]) -> None:
        """What a row says of a product."""
        insert = "INSERT OR IGNORE INTO products VALUES (?, ?)"
        self.count += self._database.execute(insert, (line, code)).rowcount
        self.say("product", code, marshal.dumps(parts))

    def say(self, kind: str, code: str, value: bytes) -> None:
        """One more thing of a kind that is said of a code."""
        self._place += 1
        self._kinds.add(kind)
        insert = "INSERT INTO said VALUES (?, ?, ?, ?)"
        self._database.execute(insert, (kind, code, self._place, value))

    def said(self, kind: str, code: str) -> Iterator[bytes]:
        """All of a kind that is said of a code, in order."""
        if kind not in self._kinds:
            return
        query = "SELECT value FROM said WHERE kind = ? AND code = ? ORDER BY place"
        for (value,) in self._database.execute(query, (kind, code)):
            yield value

    def forget(self, code: str) -> None:
        """A product is removed."""
        self._database.execute("DELETE FROM said WHERE kind = 'product' AND code = ?", (code,))
        self._database.execute("DELETE FROM products WHERE code = ?", (code,))

    def products(self) -> Iterator[tuple[int, str]]:
        """Line and code of each product, in order."""
        yield from self._database.execute("SELECT place, code FROM products ORDER BY place")

    def close(self) -> None:
        """Forget all."""
        self._database.close()


def _keep(kept: _Kept, row: ItemRow, left_out: Counter[str]) -> RejectedRow | None:
    """Keep what a row says; why it is none, if it should be one of a product."""
    kind = row.kind
    if kind.endswith("Product"):
        code = next(iter(row.values("code")), "")
        if not code:
            return row.rejected("no code")
        if row.header.mode == "REMOVE":
            kept.forget(code)
            return row.rejected(f"says that the product {code!r} is to be removed", code)
        kept.product(code, row.line, list(_parts(row)))
    elif row.header.mode == "REMOVE":
        left_out[kind] += 1
    elif kind.endswith("Category") or kind == "ClassificationClass":
        _keep_category(kept, row)
    elif kind == "Media":
        for code in row.values("code"):
            for address in row.values(*_ADDRESSES)[:1]:
                kept.say("media", code, _JAR.sub("", address).strip().encode())
    elif kind == "MediaContainer":
        for code in row.values("qualifier"):
            for media in row.values("medias"):
                kept.say("container", code, media.encode())
    elif kind in ("CategoryProductRelation", "CategoryCategoryRelation"):
        member = "member" if kind == "CategoryProductRelation" else "above"
        for source in row.values("source"):
            for target in row.values("target"):
                kept.say(member, target, source.encode())
    elif kind == "ProductReference":
        for source in row.values("source"):
            kinds = [one.lower().replace("_", " ").strip() for one in row.values("referencetype")]
            name = next(filter(None, kinds), "related")
            for target in row.values("target"):
                kept.say("link", source, marshal.dumps((name, target)))
    else:
        left_out[kind] += 1
    return None


def _keep_category(kept: _Kept, row: ItemRow) -> None:
    for code in row.values("code"):
        for above in row.values("supercategories"):
            kept.say("above", code, above.encode())
        for column, cell in zip(row.header.columns, row.cells, strict=True):
            if column is not None and column.key == "name":
                for name in column.values(cell):
                    said = column.modifiers.get("lang", ""), name
                    kept.say("name", code, marshal.dumps(said))


def _parts(row: ItemRow) -> Iterator[_Part]:
    """What a row says of its product."""
    for column, cell in zip(row.header.columns, row.cells, strict=True):
        if column is None:
            continue
        key = column.key
        if key in ("supercategories", "baseproduct"):
            kind = "category" if key == "supercategories" else "parent"
            yield from ((kind, "", value) for value in column.values(cell))
        elif key in _OTHER_PICTURES:
            kind = "gallery" if key == "galleryimages" else "picture"
            yield from ((kind, key, value) for value in column.values(cell))
        elif key not in _STEERING and "virtual" not in column.modifiers:
            name = "name" if key == "name" else column.name
            language = column.modifiers.get("lang", "")
            name = f"{name}\t{language}" if language else name
            for value in column.values(cell):
                yield "text", name, html_to_text(value) if "<" in value else value


def _pictures(kept: _Kept, parts: list[_Part]) -> Iterator[str]:
    """Those of the gallery, each in its largest size; else the product's picture."""
    gallery = False
    for kind, _, code in parts:
        if kind == "gallery" and (medias := [one.decode() for one in kept.said("container", code)]):
            gallery = True
            yield _address(kept, max(medias, key=_size))
    if gallery:
        return
    for name in _PICTURES:
        codes = [code for kind, of, code in parts if kind == "picture" and of == name]
        if codes:
            yield from (_address(kept, code) for code in codes)
            return


def _listed(kinds: Counter[str]) -> str:
    return ", ".join(f"{kind} ({count:,})" for kind, count in kinds.most_common(8))


def _size(media: str) -> int:
    found = _SIZE.search(media)
    return int(found[0]) if found else 0


def _address(kept: _Kept, media: str) -> str:
    return next((one.decode() for one in kept.said("media", media) if one), media)
