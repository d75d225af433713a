"""Products of several rows: none is held without a bound, whatever the format."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import Note, ProductRecord, RejectedRow
from k3m_kg_readers.tables import dialect

FORMATS = {
    "shopify": ("Handle,Title,Option1 Name,Image Src\n", "a,A,,\n", "a,,,{n}.jpg\n", "b,B,,\n"),
    "bigcommerce": (
        "Item,ID,Name,Options,Custom Fields,Image Sort Order,Internal Image URL (Export)\n",
        "Product,1,A,,,,\n", "Image,,,,,{n},{n}.jpg\n", "Product,2,B,,,,\n",
    ),
    "magento1": (
        "sku,_type,_attribute_set,_category,_media_image\n",
        "a,simple,Default,,\n", ",,,,{n}.jpg\n", "b,simple,Default,,\n",
    ),
}  # fmt: skip


def content(name: str, rows: int) -> str:
    header, first, more, last = FORMATS[name]
    return header + first + "".join(more.format(n=n) for n in range(rows)) + last


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("bound", ["MAX_ROWS", "MAX_CHARACTERS"])
def test_a_product_of_endless_rows_is_cut_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, bound: str
) -> None:
    monkeypatch.setattr(dialect, bound, 100)
    path = tmp_path / "shop.csv"
    path.write_text(content(name, 300))
    chosen = choose_reader(path)
    assert chosen.name == name
    records = list(chosen.reader.read(path, None))
    found = [record for record in records if isinstance(record, ProductRecord)]
    rejected = [record for record in records if isinstance(record, RejectedRow)]
    assert len(found) == 2
    assert 0 < len(found[0].images) < 100
    assert len(rejected) == 300 - len(found[0].images)
    assert all("of one product" in row.reason for row in rejected)


def test_kinds_of_rows_that_are_not_read_are_said(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(content("bigcommerce", 1) + "Bundle,,,,,,\nBundle,,,,,,\n,,x,,,,\n")
    notes = [r.text for r in choose_reader(path).reader.read(path, None) if isinstance(r, Note)]
    assert "rows of kinds that are not read were left out: Bundle (2), (blank) (1)" in notes
