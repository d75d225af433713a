"""What the connectors' tests share: reading a text as an ingest would, format told from it."""

from __future__ import annotations

from pathlib import Path

from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "exports"


def told(path: Path, *settings: str) -> tuple[str, list[CatalogRecord]]:
    """The format that a file is told to be in, and its records."""
    chosen = choose_reader(path, overrides=settings)
    return chosen.name, list(chosen.reader.read(path, None))


def products(path: Path, format: str, *settings: str) -> dict[str, ProductRecord]:
    """The products of a file of which no row is rejected, by id."""
    name, records = told(path, *settings)
    assert name == format
    assert [record for record in records if isinstance(record, RejectedRow)] == []
    found = {record.id: record for record in records if isinstance(record, ProductRecord)}
    assert len(found) == len(records)
    return found


def written(folder: Path, text: str, name: str = "export.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def values(record: ProductRecord) -> dict[str, list[str]]:
    """The values of a product by property, in order."""
    found: dict[str, list[str]] = {}
    for name, value in record.properties:
        found.setdefault(name, []).append(value)
    return found
