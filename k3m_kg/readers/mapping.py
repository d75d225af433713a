"""The mapping file: which column of a table, or field of an object, means what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import yaml
from pydantic import ConfigDict, Field, field_validator

from k3m_kg.config import Settings, read_yaml, validate_settings
from k3m_kg.errors import ConfigError, nearest

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


class Mapping(Settings):
    """How the columns of a table become products.

    In JSON Lines, Parquet and Arrow a column is a field or, inside an object, a dotted path such
    as `size.width`.

    Attributes:
        id: the column with the product's id.
        title: the column with its title.
        category: the column with its class; the model predicts properties, not this.
        image: a column with a path or URL, or a template such as `images/{id}.jpg` with column
            names in braces; or a list of these.
        properties: the columns whose cells become triples, or `*`: all that are not used above.
        links: column to property, for columns whose cells are ids of other products, such as
            `related_skus: related to`. They become triples between products.
        rename: column to property name, where they differ.
        separators: column to the text between several values in one cell, such as `|`.
        missing: cells that mean "not known", in every column. Only the empty cell does anyway:
            a literal NA, None or null is kept unless it is listed here.
        missing_in: further such cells by column.
        delimiter: of a delimited file, between cells; by default the most frequent of `,` tab `;`
            `|` in the header.
        quote: of a delimited file, around cells that hold delimiters or line breaks; null if the
            file quotes nothing.
        encoding: of a delimited file.
    """

    model_config = ConfigDict(strict=True)

    id: str
    title: str | None = None
    category: str | None = None
    image: str | list[str] | None = None
    properties: Literal["*"] | list[str] = "*"
    links: dict[str, str] = Field(default_factory=dict)
    rename: dict[str, str] = Field(default_factory=dict)
    separators: dict[str, str] = Field(default_factory=dict)
    missing: list[str] = Field(default_factory=list)
    missing_in: dict[str, list[str]] = Field(default_factory=dict)
    delimiter: str | None = None
    quote: str | None = '"'
    encoding: str = "utf-8"

    @field_validator("delimiter", "quote")
    @classmethod
    def _one_character(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 1 or value in "\r\n\0"):
            raise ValueError(f"must be one character, not {value!r}")
        return value

    @field_validator("separators", "rename", "links")
    @classmethod
    def _not_empty(cls, value: dict[str, str]) -> dict[str, str]:
        if empty := [column for column, text in value.items() if not text]:
            raise ValueError(f"{empty[0]!r} is given an empty text")
        return value

    @property
    def images(self) -> list[str]:
        """Columns and templates of pictures, in order."""
        if self.image is None:
            return []
        return [self.image] if isinstance(self.image, str) else self.image


def load_mapping(path: Path) -> Mapping:
    """The mapping in a YAML file; `007`, `no`, `1.10` and dates are texts there.

    Raises:
        ConfigError: it is missing, no YAML, or has unknown keys or impossible values.
    """
    return validate_settings(Mapping, read_yaml(path, Mapping), str(path))


def refuse_text_settings(mapping: Mapping, format: str, where: str) -> None:
    """Settings of delimited text have no meaning in other formats.

    Raises:
        ConfigError: the mapping has one.
    """
    for key in ("delimiter", "quote", "encoding"):
        if getattr(mapping, key) != Mapping.model_fields[key].default:
            raise ConfigError(
                f"`{key}` is a setting of delimited text, which {format} is not",
                where=where,
                hint=f"leave `{key}` out",
            )


class Columns:
    """A mapping applied to the header of one file: cell numbers instead of names."""

    def __init__(self, mapping: Mapping, header: Sequence[str], where: str) -> None:
        """Find every column.

        Raises:
            ConfigError: the mapping names a column that is not there, or one that is there twice.
        """
        self._header = list(header)
        self._places: dict[str, list[int]] = {}
        for number, name in enumerate(self._header):
            self._places.setdefault(name, []).append(number)
        self._where = where
        self.width = len(header)
        self.id = self._find(mapping.id, "id")
        self.title = self._find(mapping.title, "title") if mapping.title else None
        self.category = self._find(mapping.category, "category") if mapping.category else None
        self.images = [self._image(text) for text in mapping.images]
        for key in ("links", "rename", "separators", "missing_in"):
            for column in getattr(mapping, key):
                self._find(column, key)
        self.links = [(self._find(column, "links"), name) for column, name in mapping.links.items()]
        self.properties = [
            (number, mapping.rename.get(header[number], header[number]))
            for number in self._property_columns(mapping)
        ]
        self.separators = {
            self._find(column, "separators"): text for column, text in mapping.separators.items()
        }
        everywhere = {"", *mapping.missing}
        self.missing = [everywhere | set(mapping.missing_in.get(name, ())) for name in header]

    def _property_columns(self, mapping: Mapping) -> list[int]:
        if mapping.properties != "*":
            return [self._find(column, "properties") for column in mapping.properties]
        used = {self.id, self.title, self.category}
        used.update(image for image in self.images if isinstance(image, int))
        used.update(number for number, _ in self.links)
        # A column without a name is a row number that some tools write.
        names = [name for number, name in enumerate(self._header) if name and number not in used]
        return [self._find(name, "properties") for name in names]

    def _image(self, text: str) -> int | Template:
        if not PLACEHOLDER.search(text):
            return self._find(text, "image")
        parts = PLACEHOLDER.split(text)
        return Template(parts[::2], [self._find(name, "image") for name in parts[1::2]])

    def _find(self, column: str, key: str) -> int:
        places = self._places.get(column, [])
        if len(places) == 1:
            return places[0]
        if places:
            raise ConfigError(
                f"the file has {len(places)} columns named {column!r}",
                where=self._where,
                hint="give each column a name of its own",
            )
        guess = nearest(column, self._header)
        raise ConfigError(
            f"`{key}` names the column {column!r}, which the file does not have"
            + (f"; did you mean {guess!r}?" if guess else ""),
            where=self._where,
            hint=f"columns: {', '.join(self._header)[:500]}",
        )


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


_GUESSES = {
    "id": ("id", "sku", "product_id", "productid", "item_id", "asin", "code"),
    "title": ("title", "name", "product_name", "productname", "productdisplayname"),
    "image": (
        "image", "image_url", "image_link", "base_image", "picture", "img", "photo",
        "images", "image_urls", "pictures", "image.url", "images.url", "images.src",
    ),
    "category": ("category", "categories", "product_type"),
}  # fmt: skip


def guess_columns(names: Sequence[str]) -> dict[str, str]:
    """Which columns are id, title, image and category, where the names tell it."""
    lower = {name.lower().replace(" ", "_").replace("-", "_"): name for name in reversed(names)}
    guess = {
        key: next((lower[name] for name in usual if name in lower), None)
        for key, usual in _GUESSES.items()
    }
    return {key: column for key, column in guess.items() if column}


def guess_mapping(names: Sequence[str]) -> str:
    """A mapping file to start from, guessed from the names of the columns."""
    lines: dict[str, object] = {"id": names[0], **guess_columns(names)}
    lines["properties"] = "*"
    lines["missing"] = []
    return yaml.safe_dump(lines, sort_keys=False, allow_unicode=True)
