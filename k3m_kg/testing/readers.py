"""Conformance tests for catalog readers; nothing here needs torch."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

import pytest

from k3m_kg.ingest.checked import checked
from k3m_kg.ingest.reading_ahead import read_apart
from k3m_kg.plugin.written_back import ChangedRow, ProductChange, WrittenForm
from k3m_kg.readers.choosing import ChosenReader
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow
from k3m_kg.writeback.writing import write_changes


class ReaderCase:
    """Subclass this and give `record()` and `sample(folder) -> (path, mapping or None)`.

    `build` may be given too, to test other settings than the default.
    """

    @abstractmethod
    def record(self) -> Any:
        """The `ReaderPlugin` under test."""

    @abstractmethod
    def sample(self, folder: Path) -> tuple[Path, Path | None]:
        """Write a valid source of at least two products into `folder`."""

    def build(self) -> Any:
        """The reader under test."""
        return self.record().factory(self.record().config())

    def test_recognises_its_own_format(self, tmp_path: Path) -> None:
        """`sniff` is more or less sure of a valid source, by its name and beginning alone."""
        path, _ = self.sample(tmp_path)
        head = path.read_bytes()[:65536]
        path.unlink()
        confidence = self.build().sniff(path, head)
        assert not isinstance(confidence, bool)
        assert 0 < confidence <= 1

    @pytest.mark.parametrize("head", [b"", b"\0" * 100, b"\x89PNG\r\n", b"\xff\xfe\xfd" * 9])
    def test_does_not_claim_what_is_no_catalog(self, head: bytes) -> None:
        """`sniff` answers 0 to bytes that are no catalog, whatever they are, and never raises."""
        assert self.build().sniff(Path("unnamed"), head) == 0

    def test_streams_records_with_ids_and_lines(self, tmp_path: Path) -> None:
        """Ids are non-empty, lines ascend, nothing missing is an empty string."""
        path, mapping = self.sample(tmp_path)
        records = list(self.build().read(path, mapping))
        products = [record for record in records if isinstance(record, ProductRecord)]
        assert len(products) >= 2
        assert all(isinstance(record, CatalogRecord) for record in records)
        lines = [record.line for record in records if not isinstance(record, Note)]
        assert lines == sorted(lines)
        for product in products:
            assert product.id
            assert product.title != ""
            assert product.category != ""
            assert all(name and value for name, value in product.properties)

    def test_reads_the_same_twice(self, tmp_path: Path) -> None:
        """Content decides, nothing else."""
        path, mapping = self.sample(tmp_path)
        reader = self.build()
        assert list(reader.read(path, mapping)) == list(reader.read(path, mapping))

    def test_reads_the_same_in_another_process(self, tmp_path: Path) -> None:
        """What `worker` names makes the same reader from the settings as plain data."""
        record = self.record()
        if record.worker is None:
            pytest.skip("this reader reads in the process of the ingest only")
        path, mapping = self.sample(tmp_path)
        settings = record.config()
        expected = list(checked(record.factory(settings).read(path, mapping)))
        with read_apart(ChosenReader(record, settings, self.build()), path, mapping) as found:
            assert list(found) == expected

    def test_what_is_written_back_reads_as_it_was(self, tmp_path: Path) -> None:
        """`changes` writes rows that name their product; read again, they say nothing else."""
        record = self.record()
        if record.changes is None:
            pytest.skip("this format is not written back")
        path, mapping = self.sample(tmp_path)
        read = self.build().read(path, mapping)
        products = {found.id: found for found in read if isinstance(found, ProductRecord)}
        changes = {
            id_: ProductChange(
                product,
                properties=frozenset(name for name, _ in product.properties),
                title=product.title is not None,
                category=product.category is not None,
            )
            for id_, product in products.items()
        }
        writer = record.changes(record.config())
        given = list(writer.rows(path, mapping, changes))
        assert isinstance(given[0], WrittenForm)
        rows = [row for row in given if isinstance(row, ChangedRow)]
        assert rows
        assert all(set(row.keys) <= row.cells.keys() for row in rows)
        assert all(row.cells[row.keys[0]] or len(row.keys) > 1 for row in rows)
        assert given == list(writer.rows(path, mapping, changes))
        assert list(writer.rows(path, mapping, {})) == given[:1]
        out = tmp_path / f"written{path.suffix}"
        write_changes(out, record.name, writer, path, mapping, changes)
        for again in self.build().read(out, mapping):
            assert not isinstance(again, RejectedRow)
            if isinstance(again, ProductRecord):
                before = products[again.id]
                assert again.title in (None, before.title)
                assert again.category in (None, before.category)
                assert set(again.properties) <= set(before.properties)
