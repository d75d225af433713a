"""The contract of change writers: what `ReaderPlugin.changes` builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from k3m_kg.records import ProductRecord


@dataclass(frozen=True, slots=True)
class ProductChange:
    """A product of which something changed.

    Attributes:
        product: all of it, as it is now.
        properties: of those that changed, the names.
        links: likewise.
        title, category, images: whether these did.
        since: False where all of it changed before the run that is asked for. What is written of
            it goes along with others only, so that a file that has the column, and a row of the
            product, takes nothing back.
    """

    product: ProductRecord
    properties: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    title: bool = False
    category: bool = False
    images: bool = False
    since: bool = True

    def values(self, name: str) -> list[str]:
        """The values of a property as they are now."""
        return [value for known, value in self.product.properties if known == name]


@dataclass(frozen=True, slots=True)
class WrittenForm:
    """How the text of the file is written: as that of the source is.

    Attributes:
        keys: the columns that say which product a row is about, where no row changed.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row of a changed product.

    Attributes:
        cells: by column, as they will be; those that did not change too.
        keys: the columns that say which product it is, in order.
        changed: the columns that changed.
    """

    cells: Mapping[str, str]
    keys: tuple[str, ...]
    changed: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What changed and cannot be said in this format: of which product, what, and why."""

    product: str
    what: str
    why: str


@runtime_checkable
class ChangeWriter(Protocol):
    """Writes changes of products as the import file that the software of a format takes."""

    def rows(
        self, path: Path, mapping: Path | None, changes: Mapping[str, ProductChange]
    ) -> Iterator[WrittenForm | ChangedRow | Unwritten]:
        """First the form, then the rows of the changed products in the order of the source.

        It is asked twice: which columns change is known when all rows were seen.

        Args:
            path: the source that the products came from.
            mapping: the mapping that it was read by.
            changes: by the ids of products, of this source and of others. No row is there for
                the sake of one whose `since` is False.

        Raises:
            CatalogError: the source cannot be read.
            ConfigError: the mapping does not fit it, or cannot be turned round.
        """
        ...
