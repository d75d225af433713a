"""Products that are trees: objects and lists as JSON, Parquet and Arrow have them, flattened.

Objects flatten to dotted names, `size.width`. A list gives several values. A list of objects with
a name and a value, as attributes and specifications are often written, gives properties of these
names, with their unit where there is one, and so does an Arrow map. Objects with a language and a
text are that text in that language. Texts lose surrounding blanks; an empty one, null and
not-a-number are missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from k3m_kg.readers.html_text import html_to_text
from k3m_kg.readers.mapped.contents import ATTACHED
from k3m_kg.readers.mapped.literals import NoLiteralError, read_literal
from k3m_kg.readers.mapped.named import ByName, above, named_columns
from k3m_kg.readers.mapped.objects import amount_keys, language_keys, property_keys
from k3m_kg.readers.mapped.splitting import split
from k3m_kg.readers.mapped.wrappers import TYPED, unwrapped
from k3m_kg.readers.mapping import NUMBER, KeyValues, Mapping, Pair
from k3m_kg.readers.numbers import decimal_text, float_text

MAX_NAME = 500
_DROPPED_KNOWN = 100
_OWN_IDS = frozenset(("sku", "SKU", "ean", "gtin", "barcode", "variant_id", "variantId"))
"""Keys of an object in a product that is one itself, such as a variant."""
_BELOW_KNOWN = 10_000
"""Paths of fields that are kept, since most products have the same."""


class Cell(NamedTuple):
    """One text of a product.

    Attributes:
        path: dotted, of where it stands; in a pair the path of its name.
        name: of the property.
        text: not empty, without surrounding blanks.
        origin: the path of the value itself.
        language: the language that stands beside it, if one does.
    """

    path: str
    name: str
    text: str
    origin: str
    language: str | None = None


class BadTree(Exception):  # noqa: N818  (becomes the reason of a RejectedRow)
    """Why a tree is no product."""


def scalar_text(value: Any) -> str | None:
    """A number, date or truth value as text, None for null and not-a-number.

    Raises:
        BadTree: it is bytes that are no text.
    """
    if value is None or value != value:  # not-a-number differs from itself
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, bytes):
        try:
            return value.decode().strip() or None
        except UnicodeDecodeError:
            raise BadTree("bytes that are not valid UTF-8") from None
    return str(value)


def dug(tree: Any, path: str) -> Iterator[Any]:
    """What stands at a dotted path in objects, through lists; a key may hold dots itself."""
    if isinstance(tree, list):
        for item in tree:
            yield from dug(item, path)
        return
    if not isinstance(tree, dict):
        return
    if path in tree:
        yield tree[path]
        return
    key, dot, rest = path.partition(".")
    if dot and key in tree:
        yield from dug(tree[key], rest)


def first_text(tree: Any, path: str) -> str | None:
    """The first text at a path, if there is one."""
    for value in dug(tree, path):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict | list | tuple):
                continue
            if text := (item.strip() if isinstance(item, str) else scalar_text(item)):
                return text
    return None


def joined(path: str, key: str) -> str:
    """A path and a key below it.

    Raises:
        BadTree: that is too long.
    """
    key = key.strip()
    found = f"{path}.{key}" if path and key else path or key
    if len(found) > MAX_NAME:
        raise BadTree(f"a name longer than {MAX_NAME} characters: {found[:40]!r}...")
    return found


class _Columns(NamedTuple):
    """A pair of columns in one row: where the name and the unit of a value stand."""

    name: str
    unit: str | None


class Trees:
    """Flattens trees as a mapping says.

    Attributes:
        aliases: path to the one that it would have if a text with its language were an object.
        mixed: paths of lists of objects that have ids of their own.
        dropped: path to keys of objects there that are neither name, value nor unit.
    """

    def __init__(self, mapping: Mapping | None = None) -> None:
        pairs = mapping.pairs if mapping is not None else []
        self._within = {pair.within: pair for pair in pairs if pair.within is not None}
        self._columns = [_compiled(pair) for pair in pairs if pair.within is None]
        self._known_columns: dict[str, _Columns | str | None] = {}
        self._unprefixed = ByName(dict.fromkeys(mapping.unprefixed if mapping else [], True))
        self._read = ByName(mapping.cells if mapping is not None else {})
        self._reads, self._unprefixes = bool(self._read), bool(self._unprefixed)
        self._opened = _opened(mapping) if mapping is not None else frozenset()
        self._empty = frozenset(("", *(mapping.missing if mapping is not None else ())))
        self._below: dict[tuple[str, str], str] = {}
        self.aliases: dict[str, str] = {}
        self.dropped: dict[str, set[str]] = {}
        self.mixed: set[str] = set()

    def cells(self, tree: dict[str, Any], names: dict[str, str] | None = None) -> list[Cell]:
        """The cells of one row, a dict of dicts, lists and scalars.

        Args:
            names: the names that stood in the name columns of pairs, which rows that continue a
                product leave out; what stands there now is put in.

        Raises:
            BadTree: a name is too long, or a cell is not what it should be.
        """
        out: list[Cell] = []
        if self._columns:
            self._row(out, tree, {} if names is None else names)
        else:
            self._object(out, tree, "", "", True)
        return out

    def _row(self, out: list[Cell], tree: dict[str, Any], names: dict[str, str]) -> None:
        for key, value in tree.items():
            key = str(key).strip()
            place = self._place(key)
            if place is None:
                path = joined("", key)
                self._flat(out, value, path, path)
            elif isinstance(place, _Columns):
                name = first_text(tree, place.name)
                if name is None or name in self._empty:
                    name = names.get(place.name)
                else:
                    names[place.name] = name
                unit = first_text(tree, place.unit) if place.unit is not None else None
                name = joined("", name or key)
                cells: list[Cell] = []
                self._flat(cells, value, key, name, unit)
                for cell in cells:
                    out.append(cell._replace(path=name + cell.path[len(key) :], origin=key))
            # Names and units are said with their value.

    def _place(self, key: str) -> _Columns | str | None:
        """The columns that belong to a value, "" for those columns, None for all others."""
        if key not in self._known_columns:
            if len(self._known_columns) > 10_000:
                self._known_columns.clear()
            self._known_columns[key] = next(
                (found for pair in self._columns if (found := pair.place(key)) is not None), None
            )
        return self._known_columns[key]

    def _flat(
        self,
        out: list[Cell],
        tree: Any,
        path: str,
        name: str,
        unit: str | None = None,
        read: bool = True,
    ) -> None:
        """Put the cells of a tree out; `read` if its texts may be what `cells` says."""
        if isinstance(tree, str):
            text = tree.strip()
            if not text:
                return
            if read and self._reads and (how := self._read.get(path)) is not None:
                self._inside(out, how, text, path, name)
            else:
                out.append(Cell(path, name, f"{text} {unit}" if unit else text, path))
        elif isinstance(tree, dict):
            if len(tree) == 1 and (key := next(iter(tree))) in TYPED:
                self._flat(out, tree[key], path, name, unit, read)
            elif (
                len(tree) == 2
                and path not in self._opened
                and (keys := amount_keys(tree)) is not None
                and not (self._within and path in self._within)
            ):
                unit = first_text(tree, keys[1])
                self._flat(out, tree[keys[0]], path, name, unit, read)
            else:
                self._object(out, tree, path, name, read)
        elif isinstance(tree, list):
            pair = self._within.get(path) if self._within else None
            for item in tree:
                if isinstance(item, dict):
                    if pair is not None:
                        self._pair(out, pair, item, path, name, read)
                    else:
                        self._item(out, item, path, name, read)
                elif isinstance(item, tuple) and len(item) == 2:  # an entry of an Arrow map
                    key = str(item[0])
                    self._flat(out, item[1], joined(path, key), joined("", key), None, read)
                else:
                    self._flat(out, item, path, name, unit, read)
        elif written := scalar_text(tree):
            out.append(Cell(path, name, f"{written} {unit}" if unit else written, path))

    def _object(
        self, out: list[Cell], tree: dict[Any, Any], path: str, name: str, read: bool
    ) -> None:
        if self._within and (pair := self._within.get(path)) is not None:
            self._pair(out, pair, tree, path, name, read)
            return
        if self._unprefixes and path and self._unprefixed.get(path):
            name = ""
        is_same, reads = path == name, read and self._reads
        known = self._below
        if len(known) > _BELOW_KNOWN:
            known.clear()
        for key, value in tree.items():
            key = str(key)
            place = path, key
            if (below := known.get(place)) is None:
                below = known[place] = joined(path, key)
            label = below if is_same else joined(name, key)
            if type(value) is not str or reads:
                self._flat(out, value, below, label, None, read)
            elif text := value.strip():  # most are
                out.append(Cell(below, label, text, below))

    def _item(
        self, out: list[Cell], item: dict[Any, Any], path: str, name: str, read: bool
    ) -> None:
        """An object in a list: a text in a language, a name and a value, or just an object."""
        if (language := language_keys(item)) is not None:
            self._in_language(out, item, language, path, name, read)
            return
        keys = property_keys(item)
        if keys is None and "node" in item:
            node = unwrapped(item)
            item, keys = (node, found) if (found := property_keys(node)) else (item, None)
        if keys is None:
            if len(self.mixed) < _DROPPED_KNOWN and not _OWN_IDS.isdisjoint(item):
                self.mixed.add(path)
            self._object(out, item, path, name, read)
            return
        name_key, value_key, unit_key = keys
        if len(item) > 3 or len(item) > 2 + (unit_key is not None):
            self._drop(path, (key for key in item if key not in keys and item[key] is not None))
        unit = first_text(item, unit_key) if unit_key is not None else None
        if name_key is not None:
            label = str(item[name_key])
            path, name = joined(path, label), joined("", label)
        self._flat(out, item[value_key], path, name, unit, read)

    def _in_language(
        self,
        out: list[Cell],
        item: dict[Any, Any],
        keys: tuple[str, str],
        path: str,
        name: str,
        read: bool,
    ) -> None:
        """A text in a language, which may be the value of a property that is named beside it."""
        tag_key, text_key = keys
        rest = {key: value for key, value in item.items() if key != tag_key}
        cells: list[Cell] = []
        stated = property_keys(rest)
        if stated is not None and stated[0] is not None and stated[1] == text_key:
            self._item(cells, rest, path, name, read)
        else:
            if path:
                self.aliases.setdefault(path, f"{path}.{text_key}")
            self._flat(cells, item[text_key], path, name, None, read)
            del rest[text_key]
            stated = None
        tag = item[tag_key] or None
        out += [cell._replace(language=tag) for cell in cells]
        if stated is None:
            self._object(out, rest, path, name, read)

    def _pair(
        self,
        out: list[Cell],
        pair: Pair,
        item: dict[Any, Any],
        path: str,
        name: str,
        read: bool,
    ) -> None:
        """An object whose keys the mapping tells."""
        label = first_text(item, pair.name) if pair.name is not None else None
        if pair.name is not None and (label is None or label in self._empty):
            for key, value in item.items():  # no name: nothing of it is lost
                key = str(key)
                self._flat(out, value, joined(path, key), joined(name, key), None, read)
            return
        unit = first_text(item, pair.unit) if pair.unit is not None else None
        below, name = (path, name) if label is None else (joined(path, label), joined("", label))
        for value in dug(item, pair.value):
            self._flat(out, value, below, name, unit, read)

    def _drop(self, path: str, keys: Iterable[Any]) -> None:
        known = self.dropped.setdefault(path, set()) if len(self.dropped) < _DROPPED_KNOWN else None
        if known is not None and len(known) < _DROPPED_KNOWN:
            known.update(map(str, keys))

    def _inside(
        self, out: list[Cell], how: str | KeyValues, text: str, path: str, name: str
    ) -> None:
        """The cells of a cell."""
        if how == "html":
            if plain := html_to_text(text).strip():
                out.append(Cell(path, name, plain, path))
        elif how == "attachments":
            for address in ATTACHED.findall(text) or [text]:
                out.append(Cell(path, name, address, path))
        elif isinstance(how, KeyValues):
            for entry in split(text, how.between):
                key, mark, value = (part.strip() for part in entry.partition(how.after_name))
                if mark and key and value:
                    below = joined(path, key)
                    out.append(Cell(below, joined("", key), value, below))
                elif entry and not (mark and key):
                    out.append(Cell(path, name, entry, path))
        else:
            try:
                found = read_literal(text)
            except NoLiteralError as error:
                raise BadTree(f"the cell {path!r} is no JSON: {error}") from None
            self._flat(out, found, path, name, None, False)


class _compiled:  # noqa: N801  (reads as what it makes)
    """A pair of columns, `{n}` being any number."""

    def __init__(self, pair: Pair) -> None:
        self._name, self._value, self._unit = pair.name or "", pair.value, pair.unit
        self._patterns = [
            re.compile(re.escape(text).replace(re.escape(NUMBER), "([0-9]{1,6})"))
            for text in (self._value, self._name, *([self._unit] if self._unit else []))
        ]

    def place(self, key: str) -> _Columns | str | None:
        value, *others = self._patterns
        if (found := value.fullmatch(key)) is not None:
            number = found[1] if found.groups() else ""
            unit = self._unit.replace(NUMBER, number) if self._unit else None
            return _Columns(self._name.replace(NUMBER, number), unit)
        return "" if any(other.fullmatch(key) for other in others) else None


def _opened(mapping: Mapping) -> frozenset[str]:
    """The paths of objects in which the mapping names a field."""
    found: set[str] = set()
    for _, column in named_columns(mapping):
        found.update(above(column.partition("*")[0]))
        found.discard(column)
    return frozenset(found)
