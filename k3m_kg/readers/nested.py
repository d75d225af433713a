"""Products that are trees: objects and lists as JSON, Parquet and Arrow have them.

Objects flatten to dotted names, `size.width`. A list gives several values. A list of objects with
a name and a value, as attributes and specifications are often written, gives properties of these
names, and so does an Arrow map. Texts lose surrounding blanks; an empty one, null and not-a-number
are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from k3m_kg.errors import ConfigError
from k3m_kg.readers.cells import unstorable
from k3m_kg.readers.mapping import PLACEHOLDER, Mapping, guess_columns, guess_mapping
from k3m_kg.records import ProductRecord

Cell = tuple[str, str, str]
"""Dotted path, name of the property, text."""

_MAX_NAME = 500
_NAME_KEYS = ("name", "key")
_FIELDS_KNOWN = 10_000


class BadTree(Exception):  # noqa: N818  (becomes the reason of a RejectedRow)
    """Why a tree is no product."""


def flatten(tree: Any, path: str = "", name: str = "") -> Iterator[Cell]:
    """The cells of a tree of dicts, lists and scalars.

    Raises:
        BadTree: a name is too long.
    """
    if isinstance(tree, str):
        if text := tree.strip():
            yield path, name, text
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from flatten(value, _joined(path, str(key)), _joined(name, str(key)))
    elif isinstance(tree, list):
        for item in tree:
            if (pair := _name_and_value(item)) is None:
                yield from flatten(item, path, name)
            else:
                key, value = pair
                yield from flatten(value, _joined(path, key), _joined("", key))
    elif written := scalar_text(tree):
        yield path, name, written


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
        return repr(value).removesuffix(".0")
    if isinstance(value, bytes):
        try:
            return value.decode().strip() or None
        except UnicodeDecodeError:
            raise BadTree("bytes that are not valid UTF-8") from None
    return str(value)


def _joined(path: str, key: str) -> str:
    key = key.strip()
    joined = f"{path}.{key}" if path and key else path or key
    if len(joined) > _MAX_NAME:
        raise BadTree(f"a name longer than {_MAX_NAME} characters: {joined[:40]!r}...")
    return joined


def _name_and_value(item: Any) -> tuple[str, Any] | None:
    if isinstance(item, tuple) and len(item) == 2:  # an entry of an Arrow map
        return str(item[0]), item[1]
    if not isinstance(item, dict) or len(item) != 2 or "value" not in item:
        return None
    name = next((item[key] for key in _NAME_KEYS if key in item), None)
    return (name, item["value"]) if isinstance(name, str) and name.strip() else None


def guessed(trees: Iterable[Any], where: Path) -> Mapping:
    """A mapping from the names in the first products.

    Raises:
        ConfigError: none of the names is that of an id.
    """
    names = list(dict.fromkeys(path for tree in trees for path in _paths(tree)))
    guess = guess_columns(names)
    if "id" not in guess:
        raise ConfigError(
            "none of its fields has the name of an id",
            where=str(where),
            hint="save this as mapping.yaml, edit it, and pass --mapping mapping.yaml"
            f"\n\n{guess_mapping(names or ['id'])}",
        )
    return Mapping.model_validate(guess)


def _paths(tree: Any) -> list[str]:
    try:
        return [path for path, _, _ in flatten(tree)]
    except BadTree:
        return []


class _Field:
    """What the mapping says of one path."""

    __slots__ = ("is_image", "link", "missing", "property", "role", "separator")

    def __init__(self, mapping: Mapping, path: str, named: frozenset[str]) -> None:
        roles = {mapping.id: "id", mapping.title: "title", mapping.category: "category"}
        self.role = roles.get(path, "")
        self.link = mapping.links.get(path)
        self.separator = mapping.separators.get(path)
        self.missing = {"", *mapping.missing, *mapping.missing_in.get(path, ())}
        self.is_image = path in mapping.images
        wanted = mapping.properties == "*" and not (self.role or self.link or self.is_image)
        if mapping.properties != "*":
            parts = path.split(".")
            above = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
            wanted = any(name in named for name in above)
        self.property = wanted


class Fields:
    """A mapping applied to trees: dotted paths stand where a CSV has columns."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._fields: dict[str, _Field] = {}
        self._images = mapping.images
        named = mapping.properties
        self._named = frozenset() if named == "*" else frozenset(named)

    def product(self, tree: Any, line: int) -> ProductRecord:
        """The product that a tree is.

        Title and category are the first value of theirs; a second one is kept as a property.

        Raises:
            BadTree: it has no id, or text that cannot be stored.
        """
        cells = list(flatten(tree))
        if why := unstorable(text for cell in cells for text in cell[1:]):
            raise BadTree(why)
        roles: dict[str, str] = {}
        by_path: dict[str, list[str]] = {}
        properties: list[tuple[str, str]] = []
        links: list[tuple[str, str]] = []
        for path, name, text in cells:
            if not name:
                raise BadTree(f"a value without a name: {text[:40]!r}")
            field = self._fields.get(path) or self._field(path)
            for value in _values(field, text):
                by_path.setdefault(path, []).append(value)
                if field.role and field.role not in roles:
                    roles[field.role] = value
                elif field.link:
                    links.append((field.link, value))
                if field.property or (field.role and roles[field.role] != value):
                    properties.append((self._mapping.rename.get(path, name), value))
        if "id" not in roles:
            raise BadTree(f"no id: {self._mapping.id!r} is not there or is empty")
        return ProductRecord(
            id=roles["id"],
            title=roles.get("title"),
            category=roles.get("category"),
            images=tuple(dict.fromkeys(self._pictures(by_path))),
            properties=tuple(dict.fromkeys(properties)),
            line=line,
            links=tuple(dict.fromkeys(links)),
        )

    def _field(self, path: str) -> _Field:
        if len(self._fields) >= _FIELDS_KNOWN:
            self._fields.clear()
        field = self._fields[path] = _Field(self._mapping, path, self._named)
        return field

    def _pictures(self, values: dict[str, list[str]]) -> Iterator[str]:
        for image in self._images:
            parts = PLACEHOLDER.split(image)
            if len(parts) == 1:
                yield from values.get(image, ())
            elif all(path in values for path in parts[1::2]):
                parts[1::2] = (values[path][0] for path in parts[1::2])
                yield "".join(parts)


def _values(field: _Field, text: str) -> Sequence[str]:
    if text in field.missing:
        return ()
    if field.separator is None:
        return (text,)
    parts = (part.strip() for part in text.split(field.separator))
    return [part for part in parts if part not in field.missing]
