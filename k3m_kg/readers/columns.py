"""A plain mapping applied to the header of one table: cell numbers instead of names."""

from __future__ import annotations

from collections.abc import Sequence

from k3m_kg.errors import ConfigError
from k3m_kg.readers.mapped.named import ByName, unknown_column
from k3m_kg.readers.mapping import PLACEHOLDER, Mapping, Separator


class Template:
    """A text with cells in it, such as `images/{id}.jpg`."""

    def __init__(self, texts: list[str], columns: list[int]) -> None:
        self._texts = texts
        self.columns = columns

    def fill(self, cells: Sequence[str] | dict[int, str]) -> str:
        """The text with the cells of one row."""
        filled = [self._texts[0]]
        for column, text in zip(self.columns, self._texts[1:], strict=True):
            filled += (cells[column], text)
        return "".join(filled)


class Columns:
    """Where the columns are that a plain mapping names.

    A column that is named in `optional` and not there is left out.
    """

    def __init__(
        self, mapping: Mapping, header: Sequence[str], where: str, *, doubled: bool = False
    ) -> None:
        """Find every column.

        Args:
            doubled: columns of one name are several values of a property, or several pictures.

        Raises:
            ConfigError: the mapping names a column that is not there, or one that is there twice.
        """
        self._header = list(header)
        self._doubled = doubled
        self._optional = ByName(dict.fromkeys(mapping.optional, True))
        self._places: dict[str, list[int]] = {}
        for number, name in enumerate(self._header):
            self._places.setdefault(name, []).append(number)
        self._where = where
        self.width = len(header)
        found = self._find(mapping.ids[0], "id")
        if found is None:
            raise unknown_column("id", mapping.ids[0], self._header, where)
        self.id = found
        self.title = self._first(mapping.titles, "title")
        self.category = self._first(mapping.categories, "category")
        self.images: list[int | Template] = []
        for text in mapping.images:
            self.images += self._image(text)
        for key in ("rename", "separators", "missing_in", "leave_out"):
            for column in getattr(mapping, key):
                if "*" not in column or column in self._places:
                    self._all(column, key)
        self.links = [
            (number, name)
            for column, name in mapping.links.items()
            for number in self._matching(column, "links")
        ]
        self._rename = ByName(mapping.rename)
        self.properties = [
            (number, self._rename.get(header[number]) or header[number])
            for number in self._property_columns(mapping)
        ]
        separators = ByName(mapping.separators)
        self.separators: dict[int, Separator] = {
            number: separator
            for number, name in enumerate(self._header)
            if separators and (separator := separators.get(name)) is not None
        }
        everywhere = {"", *mapping.missing}
        missing_in = ByName(mapping.missing_in)
        self.missing = [everywhere | set(missing_in.get(name) or ()) for name in header]

        self.single = (
            None
            if self.separators
            else [(number, name, self.missing[number]) for number, name in self.properties]
        )
        """Number, name and missing cells of each property, where each cell is one value."""

    def property_name(self, number: int) -> str:
        """What further values of a column are called, of which the first is the title, say."""
        return self._rename.get(self._header[number]) or self._header[number]

    def is_plain(self, number: int | None) -> bool:
        """Whether a cell of the column holds one value."""
        return number is None or number not in self.separators

    def _first(self, columns: Sequence[str], key: str) -> int | None:
        return self._find(columns[0], key) if columns else None

    def _property_columns(self, mapping: Mapping) -> list[int]:
        used = {self.id, self.title, self.category}
        used.update(image for image in self.images if isinstance(image, int))
        used.update(number for number, _ in self.links)
        if mapping.properties != "*":
            found = [
                number
                for column in mapping.properties
                for number in self._matching(column, "properties", used)
            ]
            return list(dict.fromkeys(found))
        left_out = ByName(dict.fromkeys(mapping.leave_out, True))
        # A column without a name is a row number that some tools write.
        return [
            number
            for number, name in enumerate(self._header)
            if name
            and number not in used
            and not (left_out and left_out.get(name))
            and self._all(name, "properties")
        ]

    def _matching(self, column: str, key: str, used: set[int | None] | None = None) -> list[int]:
        """The column of a name, or those of a pattern that are not used otherwise."""
        if "*" in column and column not in self._places:
            said = ByName({column: True})
            return [
                number
                for number, name in enumerate(self._header)
                if name and said.get(name) and number not in (used or ())
            ]
        return self._all(column, key)

    def _image(self, text: str) -> Sequence[int | Template]:
        if not PLACEHOLDER.search(text):
            return self._all(text, "image")
        parts = PLACEHOLDER.split(text)
        columns = [self._find(name, "image") for name in parts[1::2]]
        found = [number for number in columns if number is not None]
        return [Template(parts[::2], found)] if len(found) == len(columns) else []

    def _all(self, column: str, key: str) -> list[int]:
        """Every column of a name, where several may be."""
        if self._doubled and len(places := self._places.get(column, ())) > 1:
            return list(places)
        found = self._find(column, key)
        return [] if found is None else [found]

    def _find(self, column: str, key: str) -> int | None:
        places = self._places.get(column, [])
        if len(places) == 1:
            return places[0]
        if places:
            raise ConfigError(
                f"the file has {len(places)} columns named {column!r}",
                where=self._where,
                hint="give each column a name of its own",
            )
        if self._optional and self._optional.get(column):
            return None
        raise unknown_column(key, column, self._header, self._where)
