"""Amazon Berkeley Objects: the listings, JSON Lines with texts in many languages.

Pictures are named by their ids; `images.csv` of the data set says where each one lies.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

from k3m_kg.api import CatalogRecord, ConfigError, Note, ProductRecord, RejectedRow, open_table
from k3m_kg_readers.documents.lines import LinesDialect, record, text

_LEFT_OUT = frozenset(
    [
        "item_id", "item_name", "product_type", "main_image_id", "other_image_id", "item_keywords",
        "domain_name", "marketplace", "country", "3dmodel_id", "spin_id", "node",
    ]
)  # fmt: skip


class BerkeleyReader(LinesDialect):
    """Reads the listings of Amazon Berkeley Objects."""

    name = "amazon-berkeley"
    id_key = "item_id"
    marks = frozenset(("item_id", "main_image_id", "item_name", "bullet_point", "domain_name"))

    def __init__(self, language: str = "en", images: str | None = None) -> None:
        """Read texts in one language.

        Args:
            language: whose texts have the plain names, such as `en_US` or `de`.
            images: the table of pictures, `images.csv`.
        """
        self._wanted = language.lower().replace("-", "_")
        self._rank = lru_cache(maxsize=1000)(self._rank_of)
        self._images = images
        self._places: sqlite3.Connection | None = None

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure if the keys of listings are in the first line, and its texts say their languages."""
        return super().sniff(path, head) if b'"language_tag"' in head else 0.0

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a line that is none is rejected alone.

        Raises:
            CatalogError: the file, or the table of pictures, cannot be read.
            ConfigError: a mapping was given, or the table of pictures has other columns.
        """
        with closing(sqlite3.connect("", isolation_level=None)) as places:
            if self._images is not None:
                _keep_places(places, Path(self._images))
                self._places = places
            yield from super().read(path, mapping)
            self._places = None
        if self._images is None:
            yield Note(
                "pictures are ids here: --set images=images.csv, the table beside the listings, "
                "says where they lie"
            )

    def product(self, tree: dict[str, Any], line: int) -> ProductRecord | str:
        """The product of a listing, or why it is none."""
        id_ = text(tree.get("item_id"))
        if not id_:
            return "no item_id"
        title, others = self._texts(tree.get("item_name"))
        kinds, _ = self._texts(tree.get("product_type"))
        properties: list[tuple[str, str]] = []
        for name, value in tree.items():
            if name not in _LEFT_OUT:
                properties += self._properties(name, value)
        properties += ((f"item_name ({tag})", one) for tag, one in others)
        nodes = tree.get("node")
        for node in nodes if isinstance(nodes, list) else []:
            if isinstance(node, dict):
                properties.append(("node", text(node.get("node_name"))))
        ids = [text(tree.get("main_image_id"))]
        other_ids = tree.get("other_image_id")
        ids += [text(one) for one in other_ids] if isinstance(other_ids, list) else []
        pictures = [self._picture(one) for one in ids if one]
        first = title[0] if title else ""
        properties += (("item_name", one) for one in title[1:])
        return record(id_, first, kinds[0] if kinds else "", pictures, properties, line)

    def _texts(self, items: Any) -> tuple[list[str], list[tuple[str, str]]]:
        """The texts of the best language, and the others with theirs."""
        found = [
            (text(item.get("language_tag")), one)
            for item in (items if isinstance(items, list) else [])
            if isinstance(item, dict) and (one := text(item.get("value")))
        ]
        if len(found) < 2:
            return [one for _, one in found], []
        tags = {tag for tag, _ in found}
        best = min(tags, key=lambda tag: (self._rank(tag), tag)) if len(tags) > 1 else tags.pop()
        return (
            [one for tag, one in found if tag == best],
            [(tag, one) for tag, one in found if tag != best],
        )

    def _rank_of(self, tag: str) -> int:
        plain = tag.lower().replace("-", "_")
        if plain in ("", self._wanted):
            return 0
        language = self._wanted.partition("_")[0]
        return 1 if plain.partition("_")[0] == language else 2

    def _properties(self, name: str, value: Any) -> Iterable[tuple[str, str]]:
        if isinstance(value, dict):
            return _measures(name, value)
        if not isinstance(value, list):
            return [(name, text(value))]
        objects = [item for item in value if isinstance(item, dict)]
        if any("unit" in item for item in objects):
            return [(name, _measured(item)) for item in objects]
        best, others = self._texts(objects)
        found = [(name, one) for one in best]
        found += [(f"{name} ({tag})", one) for tag, one in others]
        if len(objects) < len(value):
            found += [(name, text(item)) for item in value if not isinstance(item, dict)]
        return found

    def _picture(self, id_: str) -> str:
        if self._places is None:
            return id_
        row = self._places.execute("SELECT path FROM places WHERE id = ?", (id_,)).fetchone()
        return str(row[0]) if row is not None else id_


def _measures(name: str, value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "value" in value:
        yield name, _measured(value)
        return
    for key, inner in value.items():
        if isinstance(inner, dict) and "value" in inner:
            yield f"{name}.{key}", _measured(inner)


def _measured(item: dict[str, Any]) -> str:
    amount, unit = text(item.get("value")), text(item.get("unit"))
    return f"{amount} {unit}".strip() if amount else ""


def _keep_places(places: sqlite3.Connection, path: Path) -> None:
    """Where each picture lies, on the disk: there are hundreds of thousands."""
    places.execute("CREATE TABLE places (id TEXT PRIMARY KEY, path TEXT) WITHOUT ROWID")
    with open_table(path) as table:
        if not {"image_id", "path"} <= set(table.header):
            raise ConfigError("has no columns `image_id` and `path`", where=str(path))
        at = table.header.index("image_id"), table.header.index("path")
        rows = (row for row in table if not isinstance(row, RejectedRow))
        places.execute("BEGIN")
        places.executemany(
            "INSERT OR IGNORE INTO places VALUES (?, ?)",
            ((row.cells[at[0]], row.cells[at[1]]) for row in rows),
        )
        places.execute("COMMIT")
