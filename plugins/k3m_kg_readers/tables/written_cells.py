"""What change writers of delimited text have in common: cells that are put into a row."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence

from k3m_kg.api import ChangedRow, ProductChange, Unwritten

SEVERAL = "has several values, and this column takes one"
NO_PICTURES = "pictures are not written back"
NO_LINKS = "links are not written back"


class EditedRow:
    """A row of a source, and what becomes of it.

    Attributes:
        product: whose row it is.
        unwritten: what cannot be said.
    """

    def __init__(self, product: str, header: Sequence[str], cells: Sequence[str]) -> None:
        self.product = product
        self.unwritten: list[Unwritten] = []
        self._cells = dict(zip(header, cells, strict=True))
        self._written: dict[str, str] = {}

    def cell(self, column: str) -> str:
        """What stands there, or will."""
        return self._written.get(column, self._cells.get(column, ""))

    def put(self, column: str, cell: str) -> None:
        """Write a cell."""
        self._written[column] = cell

    def put_one(self, what: str, column: str | None, values: Sequence[str]) -> None:
        """Write the value that a column takes, or say why not."""
        if column is None:
            self.cannot(what, "there is no column for it")
        elif len(values) > 1:
            self.cannot(what, SEVERAL)
        else:
            self.put(column, values[0] if values else "")

    def cannot(self, what: str, why: str) -> None:
        """Something that changed has no place here."""
        self.unwritten.append(Unwritten(self.product, what, why))

    def refuse_pictures_and_links(self, change: ProductChange) -> None:
        """What none of these formats is written."""
        if change.images:
            self.cannot("image", NO_PICTURES)
        for name in sorted(change.links):
            self.cannot(name, NO_LINKS)

    @property
    def is_changed(self) -> bool:
        """Whether anything was written."""
        return bool(self._written)

    def is_changed_in(self, which: Callable[[str], bool]) -> bool:
        """Whether anything was written in columns of some kind."""
        return any(map(which, self._written))

    def row(self, keys: Sequence[str], *, changed: bool = True) -> ChangedRow:
        """The row as it will be; not `changed`: it only goes along with others."""
        columns = tuple(self._written) if changed else ()
        return ChangedRow(self._cells | self._written, tuple(keys), columns)

    def told(self, keys: Sequence[str]) -> Iterator[ChangedRow | Unwritten]:
        """What cannot be said, and the row if it changed."""
        yield from self.unwritten
        if self.is_changed:
            yield self.row(keys)


def as_html(text: str) -> str:
    """A text that means the same where HTML is read."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def escaped_list(values: Sequence[str]) -> str:
    r"""Values between commas; a comma within one is `\,`."""
    return ", ".join(value.replace(",", "\\,") for value in values)
