"""The mapping file: which column of a table, or field of an object, means what.

One meaning for every setting in every format. A *column* is one of a table, or in trees (JSON,
Parquet and Arrow with structs) a field, by its dotted path; a name that a pair gives is one too.
Where a setting takes columns, `*` in a name stands for any text.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from k3m_kg.config import Settings, read_yaml, validate_settings
from k3m_kg.errors import ConfigError

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
NODE = "@id"
"""In RDF the column with what names a node."""
NUMBER = "{n}"
"""In the columns of a pair: whatever number stands there, the same in all of them."""


def _short(key: str, form: Any) -> BeforeValidator:
    """Settings that may be written as the text of one key."""
    return BeforeValidator(
        lambda value: {key: value} if isinstance(value, str) else value,
        json_schema_input_type=str | form,
    )


def _one_character(value: str | None) -> str | None:
    if value is not None and (len(value) != 1 or value in "\r\n\0"):
        raise ValueError(f"must be one character, not {value!r}")
    return value


class Separator(Settings):
    """What stands between several values in one cell.

    Attributes:
        between: the text between two values.
        escape: before a `between` that is part of a value; itself it is dropped.
        quote: around a value that holds a `between`; doubled within it.
    """

    between: str = Field(min_length=1)
    escape: str | None = None
    quote: str | None = None

    _characters = field_validator("escape", "quote")(_one_character)


class KeyValues(Settings):
    """A cell of names and values, such as `size=XS, material=Cotton`.

    Attributes:
        between: what stands between two entries.
        after_name: what stands between the name and the value of one.
    """

    between: Annotated[Separator, _short("between", Separator)]
    after_name: str = Field("=", min_length=1)


class Pair(Settings):
    """One column holds the name of a property and another its value.

    Attributes:
        name: the column with the property's name, such as `Attribute {n} name`, where `{n}` is any
            number, the same in the others. None: the property is called as `within` is.
        value: the column with the value.
        unit: the column with its unit, which is written behind it.
        within: the column whose objects hold all these, as keys or dotted paths of keys.
    """

    name: str | None = None
    value: str
    unit: str | None = None
    within: str | None = None

    @model_validator(mode="after")
    def _has_a_name(self) -> Pair:
        if self.name is None and self.within is None:
            raise ValueError("a pair of columns needs a `name`")
        return self


class CategoryLevels(Settings):
    """A category that is a path.

    Attributes:
        columns: the columns that hold a level each, from the top, such as `[category_1,
            category_2]`; without `category`.
        between: the text between two levels, such as `>`. None: a list in the cell is the path.
        keep: so many levels from the top make the category; all by default.
        names: properties that take the levels from the top, such as `[department, kind]`.
    """

    columns: list[str] = Field(default_factory=list)
    between: str | None = Field(None, min_length=1)
    keep: int | None = Field(None, ge=1)
    names: list[str] = Field(default_factory=list)


class Variants(Settings):
    """Rows that are a variant of a product become products of their own, linked to it.

    A variant takes over what it does not state itself: title, category, pictures, and every
    property of which it has no value.

    Attributes:
        id: the column with the variant's id, beside that of the product that a row belongs to
            (`rows: continue`), or in the objects of `within`.
        within: in trees, the list of objects in a product that are its variants.
        parent: or the column with the id of the product that a row is a variant of; that one
            stands before it, at most 10,000 products away.
        own: the columns that are said of the variant alone, where `id` is given.
        link: the property of the link from the variant to the product.
        inherit: whether a variant takes over what it does not state.
    """

    id: str | None = None
    within: str | None = None
    parent: str | None = None
    own: list[str] = Field(default_factory=list)
    link: str = Field("variant of", min_length=1)
    inherit: bool = True

    @model_validator(mode="after")
    def _one_way(self) -> Variants:
        if (self.id is None) == (self.parent is None):
            raise ValueError("name either `id` or `parent`")
        if self.parent is not None and self.own:
            raise ValueError("`own` goes with `id`: a row with a `parent` is the variant's own")
        if self.within is not None and (self.id is None or self.own):
            raise ValueError("`within` needs the `id` of its objects, and has no `own`")
        return self


class ImageTable(Settings):
    """A table that says where the picture is that a column of the catalog names.

    Attributes:
        file: a CSV or TSV file with a header, in the folder of the mapping file or below it.
        key: the column with what the catalog's `image` column holds, such as a picture's number
            or the id of a product.
        path: the column with the path or URL; several rows of one key are several pictures.
    """

    file: str
    key: str
    path: str


class Mapping(Settings):
    """How the columns of a table become products.

    In JSON Lines, Parquet and Arrow a column is a field or, inside an object, a dotted path such
    as `size.width`. A column that the file does not have is an error.

    Attributes:
        id: the column with the product's id; of a list the first one that is not empty. In RDF
            it may be left out: `@id` is what names the product there.
        title: the column with its title; of a list the first one that is not empty.
        category: the column with its class; the model predicts properties, not this. A list is
            as for `title`. A second value is a property, here as of a title.
        category_levels: of a category that is a path such as `A > B > C`: the text between two
            levels; or `between` (null: a list is the path), `columns` of one level each, `keep` so
            many levels, and `names` of properties that take them.
        image: a column with a path or URL, or a template such as `images/{id}.jpg` with column
            names in braces; or a list of these.
        image_table: a table that says where the picture is that the `image` column names: `file`,
            `key` and `path`.
        properties: the columns whose cells become triples, or `*`: all that are not used above.
        leave_out: columns that are none of the properties, where these are `*`.
        pairs: columns with the name of a property (`name`) and its value (`value`), and its
            `unit`; `{n}` in them is any number. `within` names a column of objects whose keys they
            are.
        unprefixed: columns with objects whose keys are properties of their own names, `colour`
            for `attributes.colour`.
        links: column to property, for columns whose cells are ids of other products, such as
            `related_skus: related to`. They become triples between products.
        rename: column to property name, where they differ.
        separators: column to the text between several values in one cell, such as `|`; or
            `between`, `escape` and `quote`.
        cells: column to what its cells are: `json` (a JSON, Python or Ruby literal), `html`
            (becomes plain text), `attachments` (`a.jpg (https://...)`: the addresses), or names and
            values (`between` and `after_name`).
        languages: which language a text is taken from, the first that there is, such as `[en_US,
            en]`. Others are kept apart, under the name with the language behind it.
        language: the column with the language of a row, where a product has a row for each
            (`rows: continue`): what they say differently is chosen and kept apart by `languages`.
        rows: `product`: a row is a product. `continue`: a row with the same id as the row before,
            or none, goes on with that product.
        variants: rows that are variants of a product: their `id` or `parent`, what is their `own`,
            the `link`, and whether they `inherit`.
        missing: cells that mean "not known", in every column. Only the empty cell does anyway:
            a literal NA, None or null is kept unless it is listed here.
        missing_in: further such cells by column.
        optional: columns that the file need not have.
        element: of XML, the name of the element that is a product, such as `offer`.
        classes: of RDF, the classes whose nodes are products, as IRIs or by what follows their
            namespace, such as `[Product]`; by default those of schema.org.
        header: of a delimited file or a sheet, the number of the row with the names of the
            columns, as a spreadsheet shows it: blank rows count. By default the first one that has
            those which the mapping names.
        skip_after_header: of a delimited file or a sheet, rows below the header that are none of
            the data, blank ones included.
        skip_at_end: of a delimited file or a sheet, rows at the end that are none, such as totals,
            blank ones between them included.
        delimiter: of a delimited file, between cells; by default the most frequent of `,` tab `;`
            `|` in the header.
        quote: of a delimited file, around cells that hold delimiters or line breaks; null if the
            file quotes nothing.
        escape: of a delimited file, before a quote or delimiter that is part of a cell.
        encoding: of a delimited file; by default UTF-8, or what its first bytes tell.
    """

    model_config = ConfigDict(strict=True)

    id: str | list[str]
    title: str | list[str] | None = None
    category: str | list[str] | None = None
    category_levels: Annotated[CategoryLevels | None, _short("between", CategoryLevels | None)] = (
        None
    )
    image: str | list[str] | None = None
    image_table: ImageTable | None = None
    properties: Literal["*"] | list[str] = "*"
    leave_out: list[str] = Field(default_factory=list)
    pairs: list[Pair] = Field(default_factory=list)
    unprefixed: list[str] = Field(default_factory=list)
    links: dict[str, str] = Field(default_factory=dict)
    rename: dict[str, str] = Field(default_factory=dict)
    separators: dict[str, Annotated[Separator, _short("between", Separator)]] = Field(
        default_factory=dict
    )
    cells: dict[str, Literal["json", "html", "attachments"] | KeyValues] = Field(
        default_factory=dict
    )
    languages: list[str] = Field(default_factory=list)
    language: str | None = None
    rows: Literal["product", "continue"] = "product"
    variants: Variants | None = None
    missing: list[str] = Field(default_factory=list)
    missing_in: dict[str, list[str]] = Field(default_factory=dict)
    optional: list[str] = Field(default_factory=list)
    element: str | None = Field(None, min_length=1)
    classes: list[str] = Field(default_factory=list)
    header: int | None = Field(None, ge=1, le=1000)
    skip_after_header: int = Field(0, ge=0, le=1000)
    skip_at_end: int = Field(0, ge=0, le=1000)
    delimiter: str | None = None
    quote: str | None = '"'
    escape: str | None = None
    encoding: str | None = None

    _characters = field_validator("delimiter", "quote", "escape")(_one_character)

    @model_validator(mode="before")
    @classmethod
    def _named_by_its_node(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("classes") and "id" not in given:
            return {**given, "id": NODE}
        return given

    @field_validator("separators", mode="before")
    @classmethod
    def _no_empty_separator(cls, value: Any) -> Any:
        return _no_empty_text(value) if isinstance(value, dict) else value

    @field_validator("rename", "links")
    @classmethod
    def _not_empty(cls, value: dict[str, str]) -> dict[str, str]:
        return _no_empty_text(value)

    @field_validator("id", "title", "category")
    @classmethod
    def _some_column(cls, value: str | list[str] | None) -> str | list[str] | None:
        if value == []:
            raise ValueError("names no column")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Mapping:
        variants = self.variants
        if variants is not None:
            in_rows = variants.id is not None and variants.within is None
            if in_rows and self.rows != "continue":
                raise ValueError("`variants` with an `id` needs `rows: continue`, or `within`")
            if not in_rows and self.rows == "continue":
                named = "within" if variants.within else "parent"
                raise ValueError(f"`variants` with a `{named}` needs `rows: product`")
        if self.language is not None and self.rows != "continue":
            raise ValueError("`language` needs `rows: continue`")
        if self.image_table is not None and not self.images:
            raise ValueError("`image_table` needs an `image`: the column that its `key` is in")
        levels = self.category_levels
        if levels is not None and levels.columns and (self.category or levels.between):
            raise ValueError("`category_levels` with `columns` takes no `category` or `between`")
        if self.leave_out and self.properties != "*":
            raise ValueError('`leave_out` goes with `properties: "*"`')
        return self

    @property
    def ids(self) -> list[str]:
        """Columns of the id, in the order they are tried."""
        return _listed(self.id)

    @property
    def titles(self) -> list[str]:
        """Columns of the title, in the order they are tried."""
        return _listed(self.title)

    @property
    def categories(self) -> list[str]:
        """Columns of the category, in the order they are tried."""
        return _listed(self.category)

    @property
    def images(self) -> list[str]:
        """Columns and templates of pictures, in order."""
        return _listed(self.image)

    @property
    def is_plain(self) -> bool:
        """Whether each cell means by itself what its column says, and each row is a product."""
        several = max(map(len, (self.ids, self.titles, self.categories))) > 1
        special = (self.pairs, self.cells, self.languages, self.unprefixed, self.variants)
        return not (
            several
            or any(special)
            or self.rows != "product"
            or self.category_levels is not None
            or self.image_table is not None
        )


def _listed(value: str | list[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def _no_empty_text(value: dict[str, Any]) -> dict[str, Any]:
    if empty := [column for column, text in value.items() if text == ""]:
        raise ValueError(f"{empty[0]!r} is given an empty text")
    return value


def load_mapping(path: Path) -> Mapping:
    """The mapping in a YAML file; `007`, `no`, `1.10` and dates are texts there.

    Raises:
        ConfigError: it is missing, no YAML, or has unknown keys or impossible values.
    """
    return validate_settings(Mapping, read_yaml(path, Mapping), str(path))


def tables_beside(path: Path) -> list[Path]:
    """The files that a mapping file names and that are there: what is read depends on them too."""
    try:
        named = read_yaml(path).get("image_table")
    except ConfigError:  # as whoever reads by it will say
        return []
    file = named.get("file") if isinstance(named, dict) else None
    table = path.parent / file if isinstance(file, str) and "\0" not in file else None
    return [table] if table is not None and table.is_file() else []


_OF_TEXT = (
    "header", "skip_after_header", "skip_at_end", "delimiter", "quote", "escape", "encoding",
)  # fmt: skip
_OF_ONE_KIND = {
    **dict.fromkeys(_OF_TEXT, "delimited text"),
    "element": "XML",
    "classes": "RDF",
}


def refuse_settings_of_others(
    mapping: Mapping, format: str, where: str, own: Collection[str] = ()
) -> None:
    """Settings of one kind of source have no meaning in others.

    Args:
        own: those that the format has.

    Raises:
        ConfigError: the mapping has one.
    """
    for key, kind in _OF_ONE_KIND.items():
        if key not in own and getattr(mapping, key) != Mapping.model_fields[key].get_default(
            call_default_factory=True
        ):
            raise ConfigError(
                f"`{key}` is a setting of {kind}, which {format} is not",
                where=where,
                hint=f"leave `{key}` out",
            )


OF_TEXT = frozenset(_OF_TEXT)
"""Settings of delimited text."""
