"""What the cells of a product say, and the record that is made of it: the roles of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from k3m_kg.readers.mapped.fields import Field
from k3m_kg.readers.mapped.image_table import ImageTablePictures
from k3m_kg.readers.mapped.nested import BadTree, Cell
from k3m_kg.readers.mapped.variants import Parents
from k3m_kg.readers.mapping import PLACEHOLDER, CategoryLevels
from k3m_kg.readers.mapping import Mapping as MappingFile
from k3m_kg.readers.numbers import digits_lost, lost_digits
from k3m_kg.records import ProductRecord

LEVEL = " > "
"""Between the levels of a category."""

Placed = tuple[Cell, Field]
"""A cell with what the mapping says of it."""


class Made:
    """What the cells of a product say, before what is the title, say, and what is left of it.

    Attributes:
        roles: (role, column as the mapping names it) to its values.
        properties: names and values, those included that may turn out to be title or category.
        spare: place in `properties` of such a one to its role and column.
    """

    __slots__ = ("line", "links", "properties", "roles", "spare")

    def __init__(self, line: int, placed: Sequence[Placed] = ()) -> None:
        self.line = line
        self.roles: dict[tuple[str, str], list[str]] = {}
        self.properties: list[tuple[str, str]] = []
        self.spare: dict[int, tuple[str, str]] = {}
        self.links: list[tuple[str, str]] = []
        properties = self.properties
        for (_, name, text, _, _), field in placed:
            if field.is_plain:  # most are
                properties.append((field.rename or name, text))
            else:
                self.add(field, field.rename or name, text)

    def add(self, field: Field, name: str, text: str) -> None:
        """One more cell."""
        if field.only is not None and field.only not in self.roles:  # as title and category are
            if text not in field.missing:
                self.roles[field.only] = [text]
            return
        values = field.values(text)
        if field.link is not None:
            self.links += [(field.link, value) for value in values]
        if field.is_property:
            self.properties += [(name, value) for value in values]
        for role in field.roles:
            more = values
            if role in self.roles:
                self.roles[role] += values
            else:
                self.roles[role] = list(values)
                more = values[1:]  # the first one is the title, say, or nothing
            if more and not field.is_property and role[0] in ("title", "category"):
                for value in more:
                    self.spare[len(self.properties)] = role
                    self.properties.append((name, value))

    def kept(self, taken: Mapping[tuple[str, str], Sequence[str]]) -> list[tuple[str, str]]:
        """The properties without what became title or category.

        Of several columns that are tried, those that were not taken are not kept either.
        """
        if not self.spare:
            return self.properties
        return [
            pair
            for place, pair in enumerate(self.properties)
            if (role := self.spare.get(place)) is None
            or (role in taken and pair[1] not in taken[role])
        ]


class MadeRecords:
    """Makes records, as a mapping says which column is what.

    Args:
        where: the mapping file, for errors.
        folder: that an image table lies in or below.
    """

    def __init__(self, mapping: MappingFile, where: str, folder: Path) -> None:
        """Prepare.

        Raises:
            ConfigError: the image table cannot be read.
        """
        variants = mapping.variants
        self._ids = mapping.ids
        self._titles = [("title", column) for column in mapping.titles]
        self._categories = [("category", column) for column in mapping.categories]
        self._levels = mapping.category_levels
        self._image_parts = [(image, PLACEHOLDER.split(image)) for image in mapping.images]
        self._parent = variants.parent if variants is not None else None
        self.pictures = (
            ImageTablePictures(mapping.image_table, folder, where)
            if mapping.image_table is not None
            else None
        )
        self.parents = Parents(variants) if variants is not None and self._parent else None

    def of(self, made: Made, id_: str | None = None) -> ProductRecord:
        """The record.

        Raises:
            BadTree: it has no id, or several, or one that lost its digits.
        """
        id_ = id_ or self.id_of(made)
        roles = made.roles
        title = category = None
        levels: list[tuple[str, str]] = []
        taken: dict[tuple[str, str], Sequence[str]] = {}
        for role in self._categories:
            if values := roles.get(role):
                category = values[0]
                if self._levels is None:
                    taken[role] = (category,)
                else:
                    category, taken[role], levels = _leveled(self._levels, values)
                break
        if self._levels is not None and self._levels.columns:
            found = [roles.get(("level", column)) for column in self._levels.columns]
            if path := [values[0] for values in found if values]:
                category, levels = _path(self._levels, path)
        for role in self._titles:
            if values := roles.get(role):
                title = values[0]
                taken[role] = (title,)
                break
        images = self._images(made)
        if self.pictures is not None:
            images = self.pictures.of(images)
        for _, target in made.links:
            check_digits(target)
        record = ProductRecord(
            id_,
            title,
            category,
            tuple(dict.fromkeys(images)) if images else (),
            tuple(dict.fromkeys(made.kept(taken) + levels if levels else made.kept(taken))),
            made.line,
            tuple(dict.fromkeys(made.links)) if made.links else (),
        )
        if self.parents is None:
            return record
        return self.parents.of(
            record, next(iter(roles.get(("parent", self._parent or ""), ())), None)
        )

    def id_of(self, made: Made) -> str:
        """The id.

        Raises:
            BadTree: there is none, or several, or one that lost its digits.
        """
        for column in self._ids:
            if values := made.roles.get(("id", column)):
                if len(values) > 1 and len(values := list(dict.fromkeys(values))) > 1:
                    several = ", ".join(repr(value[:40]) for value in values[:3])
                    raise BadTree(f"several ids in {column!r}: {several}")
                check_digits(values[0])
                return values[0]
        names = " and ".join(map(repr, self._ids))
        raise BadTree(f"no id: {names} {'are' if ' and ' in names else 'is'} not there or empty")

    def _images(self, made: Made) -> list[str]:
        found: list[str] = []
        for image, texts in self._image_parts:
            if len(texts) == 1:
                found += made.roles.get(("image", image), ())
                continue
            parts = list(texts)
            places = [made.roles.get(("place", name)) for name in parts[1::2]]
            if all(places):
                parts[1::2] = [values[0] for values in places if values]
                found.append("".join(parts))
        return found


def _leveled(
    levels: CategoryLevels, every: Sequence[str]
) -> tuple[str, Sequence[str], list[tuple[str, str]]]:
    """The category, which values it is made of, and the properties that its levels are."""
    first = every[0]
    if levels.between is None:
        path, used = list(every), every
    else:
        path, used = [part.strip() for part in first.split(levels.between)], [first]
    category, named = _path(levels, [part for part in path if part])
    return category or first, used, named


def _path(levels: CategoryLevels, path: Sequence[str]) -> tuple[str, list[tuple[str, str]]]:
    """The category of a path, and the properties that its levels are."""
    return LEVEL.join(path[: levels.keep]), list(zip(levels.names, path, strict=False))


def check_digits(text: str) -> None:
    """See that a number that names something is whole.

    Raises:
        BadTree: it lost its digits.
    """
    if lost_digits(text):
        raise BadTree(digits_lost(text))
