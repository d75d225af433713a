"""Resources of JSON:API: products, and what is `included` in their document.

https://jsonapi.org/format/1.1/#document-compound-documents. What a product is related to stands
behind the products, so it is read before them and kept in a database without a name: on the disk
where it is large, gone with the reading.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from k3m_kg.readers.json.lines import scan_json
from k3m_kg.readers.levels import path_from_top
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.readers.scratch import scratch_database

_PARTS = frozenset(("type", "id", "attributes", "relationships", "links", "meta"))
_NAMES = ("name", "title", "label", "presentation", "display_name", "displayName")
_ADDRESSES = ("url", "original_url", "src", "href", "uri", "download_url", "path")
_PICTURE = re.compile(r"image|media|picture|photo|file|asset", re.IGNORECASE)
_FIRST_PICTURE = re.compile(r"cover|main|primary|default|featured", re.IGNORECASE)
_CATEGORY = re.compile(r"categor|taxons?\Z", re.IGNORECASE)
_VARIANT = re.compile(r"variant|variation|children", re.IGNORECASE)
_NAMED_BY = ("group", "option_type", "optionType", "attribute", "property")
"""Relationships of a value to what it is a value of."""
_DEEPEST = 4
_KEPT, _KEPT_LENGTH = 10_000, 500


class TooMuchError(Exception):
    """A product is related to more than a product may have."""


def resource(tree: dict[str, Any], included: Included | None = None) -> dict[str, Any] | None:
    """What a resource says of itself, and what it is related to; None of what is none.

    Args:
        included: where what it is related to is kept; else the ids of that stand for it.

    Raises:
        TooMuchError: that has more than `MAX_LINE` characters.
    """
    attributes = tree.get("attributes")
    if not isinstance(attributes, dict) or not {"type", "id"} <= tree.keys() <= _PARTS:
        return None
    if "id" in attributes:
        return None
    found: dict[str, Any] = {"id": tree["id"], **attributes}
    if included is not None:
        included.relate(tree, found)
        return found
    for name, references in _relationships(tree):
        if ids := [reference["id"] for reference in references if "id" in reference]:
            found.setdefault(name, ids)
    return found


class Included:
    """Resources that others are related to, by type and id.

    Attributes:
        missing: of each type, how many references lead to none.
    """

    def __init__(self) -> None:
        self._database = scratch_database(
            "CREATE TABLE resources (type BLOB, id BLOB, text TEXT, PRIMARY KEY (type, id))"
            " WITHOUT ROWID;"
        )
        self.missing: Counter[str] = Counter()
        self._kept: dict[tuple[str, str], str | dict[str, str]] = {}
        self._left = 0

    def add(self, items: Iterable[tuple[int, Any, str]]) -> bool:
        """Keep those of the items that are resources; whether there is any."""
        rows = (
            (_key(tree["type"]), _key(tree["id"]), text)
            for _, tree, text in items
            if isinstance(tree, dict) and _is_reference(tree)
        )
        return self._database.executemany(
            "INSERT OR IGNORE INTO resources VALUES (?, ?, ?)", rows
        ).rowcount > 0  # fmt: skip

    def relate(self, tree: dict[str, Any], found: dict[str, Any]) -> None:
        """Put what a product is related to into what is found of it.

        Pictures are its `images`, categories its `categories`, all else has the relationship's
        name.
        """
        self._left = MAX_LINE
        pictures: list[str] = []
        for name, references in _relationships(tree):
            said = [one for one in (self._said(name, one, 0) for one in references) if one]
            addresses = [one for one in said if isinstance(one, _Address)]
            others = [one for one in said if not isinstance(one, _Address)]
            if addresses:
                place = 0 if _FIRST_PICTURE.search(name) else len(pictures)
                pictures[place:place] = addresses
            if others:
                is_category = any(_CATEGORY.search(one["type"]) for one in references)
                found.setdefault("categories" if is_category else name, others)
        if pictures:
            found.setdefault("images", pictures)

    def note(self) -> str | None:
        """What is to be said of resources that are not there."""
        if not self.missing:
            return None
        count, kinds = self.missing.total(), sorted(self.missing)
        are = "resource is" if count == 1 else "resources are"
        listed = ", ".join(map(repr, kinds[:8]))
        return f"{count:,} related {are} not in the document ({listed}): an id stands for it"

    def close(self) -> None:
        """Forget them."""
        self._database.close()

    def _get(self, reference: dict[str, Any]) -> dict[str, Any] | None:
        query = "SELECT text FROM resources WHERE type = ? AND id = ?"
        keys = _key(reference["type"]), _key(reference["id"])
        row = self._database.execute(query, keys).fetchone()
        if row is None:
            return None
        self._left -= len(row[0])
        if self._left < 0:
            raise TooMuchError
        tree: dict[str, Any] = scan_json(row[0], 0)[0]
        return tree

    def _said(self, relationship: str, reference: dict[str, Any], depth: int) -> Any:
        """What stands for a related resource: its name, its address, or all that it says."""
        kind = reference["type"]
        kept = self._kept.get((kind, reference["id"]))
        if kept is not None and not _VARIANT.search(relationship):
            return kept
        tree = self._get(reference) if depth < _DEEPEST else None
        if tree is None:
            if depth == 0:
                self.missing[kind] += 1
            return reference["id"]
        said = _attributes(tree)
        related = dict(_relationships(tree))
        if _VARIANT.search(kind) or _VARIANT.search(relationship):
            return {"id": reference["id"]} | self._whole(said, related, depth)
        if _PICTURE.search(kind) and (address := self._address(said, related, depth)):
            return _Address(address)
        name = _name(said)
        if not name:
            return self._whole(said, related, depth) or reference["id"]
        if (value := said.get("value")) is not None:
            unit = {"unit": said["unit"]} if isinstance(said.get("unit"), str) else {}
            return {"name": name, "value": value} | unit
        for of in _NAMED_BY:
            if (group := self._first(related, of)) and (group_name := _name(_attributes(group))):
                return self._keep(reference, {"name": group_name, "value": name})
        return self._keep(reference, self._path(reference, name, related))

    def _keep(self, reference: dict[str, Any], said: str | dict[str, str]) -> str | dict[str, str]:
        """Remember what stands for a resource that many products are related to."""
        texts = [said] if isinstance(said, str) else said.values()
        if sum(map(len, texts)) <= _KEPT_LENGTH:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[reference["type"], reference["id"]] = said
        return said

    def _whole(self, said: dict[str, Any], related: dict[str, Any], depth: int) -> dict[str, Any]:
        found = dict(said)
        for name, references in related.items():
            if name != "product":
                values = [self._said(name, one, depth + 1) for one in references]
                found.setdefault(name, [str(v) if type(v) is _Address else v for v in values])
        return found

    def _address(self, said: dict[str, Any], related: dict[str, Any], depth: int) -> str:
        if (address := _address(said)) or depth >= _DEEPEST:
            return address
        for name, references in related.items():
            if name != "product" and references and _PICTURE.search(references[0]["type"]):
                tree = self._get(references[0])
                inner = dict(_relationships(tree)) if tree else {}
                if tree and (address := self._address(_attributes(tree), inner, depth + 1)):
                    return address
        return ""

    def _first(self, related: dict[str, Any], name: str) -> dict[str, Any] | None:
        references = related.get(name)
        return self._get(references[0]) if references else None

    def _path(self, reference: dict[str, Any], name: str, related: dict[str, Any]) -> str:
        """The name behind those of what it lies in."""
        kind, innermost = reference["type"], reference["id"]

        def above(id_: str) -> tuple[str, str | None] | None:
            shown, others = name, related
            if id_ != innermost:
                tree = self._get({"type": kind, "id": id_})
                if tree is None or not (shown := _name(_attributes(tree))):
                    return None
                others = dict(_relationships(tree))
            parents = others.get("parent", [])
            is_level = parents and parents[0]["type"] == kind
            return shown, parents[0]["id"] if is_level else None

        return path_from_top(innermost, above)


class _Address(str):
    """Where a picture is."""


def _relationships(tree: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    related = tree.get("relationships")
    for name, said in related.items() if isinstance(related, dict) else ():
        data = said.get("data") if isinstance(said, dict) else None
        items = data if isinstance(data, list) else [data]
        yield name, [item for item in items if isinstance(item, dict) and _is_reference(item)]


def _is_reference(tree: dict[str, Any]) -> bool:
    return type(tree.get("type")) is str and type(tree.get("id")) is str


def _key(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _attributes(tree: dict[str, Any]) -> dict[str, Any]:
    """What a resource says of itself; some shops put the address of a file beside that."""
    said = tree.get("attributes")
    found = said if isinstance(said, dict) else {}
    link = tree.get("link")
    return {"link": link} | found if isinstance(link, dict) else found


def _name(said: dict[str, Any]) -> str:
    translated = said.get("translated")
    for names in (said, translated if isinstance(translated, dict) else {}):
        for key in _NAMES:
            if isinstance(name := names.get(key), str) and name.strip():
                return name.strip()
    return ""


def _address(said: Any) -> str:
    """The first address in what a picture says; of several sizes the last one."""
    if isinstance(said, list):
        return _address(said[-1]) if said else ""
    if not isinstance(said, dict):
        return ""
    for key in _ADDRESSES:
        value = said.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, dict) and (address := _address(value)):
            return address
    return _address(said.get("link")) or _address(said.get("styles"))
