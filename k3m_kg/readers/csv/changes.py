"""Changed products as rows of the delimited text that they came from, the mapping turned round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from k3m_kg.errors import ConfigError
from k3m_kg.plugin.written_back import ChangedRow, ProductChange, Unwritten, WrittenForm
from k3m_kg.readers.columns import Columns
from k3m_kg.readers.compressed import unreadable
from k3m_kg.readers.csv.blocks import read_blocks
from k3m_kg.readers.csv.delimited import Row, Rows
from k3m_kg.readers.csv.encodings import told_encoding
from k3m_kg.readers.csv.header import find_header
from k3m_kg.readers.csv.plain_rows import plain_record
from k3m_kg.readers.csv.rows import open_text, undecodable
from k3m_kg.readers.lines import TextLines
from k3m_kg.readers.mapped.named import ByName
from k3m_kg.readers.mapped.splitting import values_in
from k3m_kg.readers.mapping import Mapping as MappingFile
from k3m_kg.readers.mapping import Separator, load_mapping
from k3m_kg.readers.numbers import whole_id
from k3m_kg.records import ProductRecord, RejectedRow

_SEVERAL = "has several values, and the mapping has no `separators` for its column"


class DelimitedChanges:
    """Writes changes as rows of a table that a plain mapping describes."""

    def rows(
        self, path: Path, mapping: Path | None, changes: Mapping[str, ProductChange]
    ) -> Iterator[WrittenForm | ChangedRow | Unwritten]:
        """The rows of the changed products, with the columns of the source.

        Raises:
            CatalogError: the source cannot be read.
            ConfigError: there is no mapping, it does not fit, or cannot be turned round.
        """
        if mapping is None:
            raise ConfigError(
                "what its columns mean is needed to write them",
                where=str(path),
                hint="--mapping names the file that it was ingested by; without one, the whole "
                "graph as tables: `k3m-kg export FOLDER --format csv`",
            )
        settings = load_mapping(mapping)
        if not settings.is_plain:
            raise ConfigError(
                "this mapping makes a product of more than the cells of its row, which cannot be "
                "turned round",
                where=str(mapping),
                hint="export the table instead: `k3m-kg export FOLDER --format csv`",
            )
        try:
            encoding = settings.encoding or told_encoding(path)[0]
            with open_text(path, encoding) as file:
                lines = TextLines(file)
                header, dialect, _ = find_header(lines, settings, path)
                table = _Table(settings, header, str(mapping))
                yield WrittenForm(dialect["delimiter"], encoding, keys=table.keys)
                rows = Rows(read_blocks(lines, dialect, path), header)
                rows.skip(settings.skip_after_header)
                rows.keep_back(settings.skip_at_end)
                seen = set()
                for row in rows:
                    # What was rejected when it was read does not go back.
                    if not isinstance(row, Row):
                        continue
                    record = table.record(row)
                    if isinstance(record, ProductRecord) and record.id not in seen:
                        change = changes.get(record.id) or changes.get(whole_id(record.id))
                        if change is not None and change.since:
                            seen.add(record.id)
                            yield from table.edited(row.cells, change)
        except OSError as error:
            raise unreadable(path, error) from None
        except UnicodeError as error:
            raise undecodable(path, error, "set `encoding` in the mapping file") from None


class _Table:
    """The columns of one source, and how a value becomes a cell of them."""

    def __init__(self, settings: MappingFile, header: Sequence[str], where: str) -> None:
        self._settings = settings
        self._header = list(header)
        self._columns = Columns(settings, header, where)
        self._left_out = ByName(dict.fromkeys(settings.leave_out, True))
        self._places: dict[str, list[int]] = {}
        # Cells are written by the names of their columns: `Columns` refuses two of one name.
        for place, name in self._columns.properties:
            self._places.setdefault(name, []).append(place)
        self._links: dict[str, list[int]] = {}
        for place, name in self._columns.links:
            self._links.setdefault(name, []).append(place)

    @property
    def keys(self) -> tuple[str, ...]:
        """The column of the id."""
        return (self._header[self._columns.id],)

    def record(self, row: Row) -> ProductRecord | RejectedRow:
        """The product of a row."""
        return plain_record(self._columns, row)

    def edited(
        self, cells: Sequence[str], change: ProductChange
    ) -> Iterator[ChangedRow | Unwritten]:
        """The row of a changed product as it will be, and what cannot be said of it."""
        columns = self._columns
        product = change.product
        written: dict[str, str] = {}
        asked: list[tuple[str, list[int], list[str]]] = []
        if change.title:
            asked.append(("title", _some(columns.title), _some(product.title)))
        if change.category:
            asked.append(("category", _some(columns.category), _some(product.category)))
        asked += ((n, self._places.get(n, []), change.values(n)) for n in sorted(change.properties))
        asked += (
            (n, self._links.get(n, []), [target for name, target in product.links if name == n])
            for n in sorted(change.links)
        )
        for name, places, values in asked:
            why = self._put(written, name, places, values, is_property=name in change.properties)
            if why is not None:
                yield Unwritten(product.id, name, why)
        if change.images:
            yield Unwritten(product.id, "image", "pictures are not written back")
        if written:
            names = dict(zip(self._header, cells, strict=True))
            yield ChangedRow(names | written, self.keys, tuple(written))

    def _put(
        self,
        written: dict[str, str],
        name: str,
        places: Sequence[int],
        values: Sequence[str],
        *,
        is_property: bool,
    ) -> str | None:
        """Put values where they belong, or say why they cannot be."""
        if not places:
            if not is_property:
                return "the mapping has no column for it"
            return self._put_new(written, name, values)
        separator = self._columns.separators.get(places[0])
        cell = joined(values, separator)
        if cell is None:
            return _SEVERAL if len(values) > 1 else "its separator stands in a value"
        if list(values_in(cell, separator, self._columns.missing[places[0]])) != list(values):
            return "the mapping takes this for a missing value"
        for place in places[1:]:
            written[self._header[place]] = ""
        written[self._header[places[0]]] = cell
        return None

    def _put_new(self, written: dict[str, str], name: str, values: Sequence[str]) -> str | None:
        """A column of its own for a property that no column has."""
        settings = self._settings
        if settings.properties != "*" or self._left_out.get(name):
            return "the mapping reads no column of that name"
        if name in self._header or name in settings.rename.values():
            return "a column of that name means something else"
        separator = ByName(settings.separators).get(name)
        cell = joined(values, separator)
        if cell is None:
            return _SEVERAL
        if cell in {"", *settings.missing} and values:
            return "the mapping takes this for a missing value"
        written[name] = cell
        return None


def _some(value: object) -> list:  # type: ignore[type-arg]
    return [] if value is None else [value]


def joined(values: Sequence[str], separator: Separator | None) -> str | None:
    """A cell that holds these values, or None where none can."""
    if separator is None:
        return (values[0] if values else "") if len(values) < 2 else None
    parts = []
    for value in values:
        if separator.between not in value and separator.escape not in list(value):
            parts.append(value)
        elif separator.escape is not None:
            escaped = value.replace(separator.escape, separator.escape * 2)
            parts.append(escaped.replace(separator.between, separator.escape + separator.between))
        elif separator.quote is not None:
            doubled = value.replace(separator.quote, separator.quote * 2)
            parts.append(f"{separator.quote}{doubled}{separator.quote}")
        else:
            return None
    return separator.between.join(parts)
