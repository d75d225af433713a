"""A table of pictures of its own: which path belongs to what the catalog's image column names."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from k3m_kg.errors import ConfigError, listed, nearest
from k3m_kg.readers.cells import unstorable
from k3m_kg.readers.csv.header import read_header
from k3m_kg.readers.csv.rows import open_text, read_rows
from k3m_kg.readers.lines import TextLines
from k3m_kg.readers.mapping import ImageTable

MAX_PICTURES = 10_000_000


def image_table_file(table: ImageTable, folder: Path, where: str) -> Path:
    """The file of a table.

    Raises:
        ConfigError: it is not in the folder or below: a mapping is data, and says nothing of other
            places.
    """
    path = folder / table.file
    if Path(table.file).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(
            f"`image_table` names {table.file!r}, which is not in the folder of the mapping file",
            where=where,
            hint="put the table beside the mapping file",
        )
    if not path.is_file():
        raise ConfigError(f"`image_table` names {table.file!r}: no such file", where=where)
    return path


class ImageTablePictures:
    """The paths of a table by their keys, in memory."""

    def __init__(self, table: ImageTable, folder: Path, where: str) -> None:
        """Read the table.

        Raises:
            ConfigError: it cannot be read, or does not have these columns.
        """
        self._paths: dict[str, list[str]] = {}
        self._unknown = 0
        self._first = ""
        self._file = table.file
        path = image_table_file(table, folder, where)
        try:
            with open_text(path) as file:
                lines = TextLines(file)
                header, dialect = read_header(lines, None, path)
                key, place = (_column(name, header, path) for name in (table.key, table.path))
                count = 0
                for _, row in read_rows(lines, dialect, path):
                    if isinstance(row, str) or len(row) <= max(key, place) or unstorable(row):
                        continue
                    if row[key].strip() and row[place].strip():
                        self._paths.setdefault(row[key].strip(), []).append(row[place].strip())
                        count += 1
                    if count > MAX_PICTURES:
                        raise ConfigError(f"more than {MAX_PICTURES:,} pictures", where=str(path))
        except (OSError, UnicodeError, csv.Error) as error:
            raise ConfigError(f"cannot be read: {error}", where=str(path)) from None

    def of(self, names: Sequence[str]) -> list[str]:
        """The pictures that these names stand for."""
        found: list[str] = []
        for name in names:
            if name in self._paths:
                found += self._paths[name]
            else:
                self._unknown += 1
                self._first = self._first or name
        return found

    def notes(self) -> Iterator[str]:
        """What was not in the table."""
        if self._unknown:
            yield (f"{self._unknown:,} pictures, such as {self._first!r}, are not in {self._file}")


def _column(name: str, header: Sequence[str], path: Path) -> int:
    if name in header:
        return header.index(name)
    guess = nearest(name, header)
    raise ConfigError(
        f"there is no column {name!r}" + (f"; did you mean {guess!r}?" if guess else ""),
        where=str(path),
        hint=f"columns: {listed(header)}",
    )
