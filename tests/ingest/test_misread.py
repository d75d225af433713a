"""What is told of records that were read as they stand: sums, placeholders, decimal ids."""

from __future__ import annotations

import pytest

from k3m_kg.ingest.checked import checked
from k3m_kg.ingest.whole_ids import with_whole_ids
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow


def read(*records: CatalogRecord) -> tuple[list[ProductRecord], list[str]]:
    """The products, and the notes and reasons."""
    products, said = [], []
    for item in checked(with_whole_ids(records)):
        if isinstance(item, Note):
            said.append(item.text)
        elif isinstance(item, RejectedRow):
            said.append(item.reason)
        elif isinstance(item[0], ProductRecord):
            products.append(item[0])
    return products, said


@pytest.mark.parametrize("name", ["Total", "TOTAL:", "Grand Total", "Subtotals", "Summe", "合计"])
def test_a_row_that_sums_up_is_no_product(name: str) -> None:
    sums = ProductRecord(name, properties=(("price", "89.97"),))
    products, (reason,) = read(ProductRecord("a", title="Mug"), sums)
    assert [product.id for product in products] == ["a"]
    assert "seems to sum up other rows" in reason


@pytest.mark.parametrize("record", [
    ProductRecord("Total", title="Cereal"), ProductRecord("total-1", properties=(("a", "b"),)),
    ProductRecord("Total", images=("a.jpg",)),
])  # fmt: skip
def test_what_is_called_nearly_so_is_a_product(record: ProductRecord) -> None:
    assert read(record) == ([record], [])


def test_placeholders_are_told_and_kept() -> None:
    values = (("brand", "N/A"), ("size", "-"), ("colour", "red"))
    products, (note,) = read(ProductRecord("a", properties=values), ProductRecord("b", "x"),
        ProductRecord("c", properties=(("brand", "null"),)))  # fmt: skip
    assert products[0].properties == values
    assert "'N/A' of 'brand', '-' of 'size'; they were taken" in note


def test_several_addresses_in_one_picture_are_told() -> None:
    one = "https://web.archive.org/web/https://a/1.jpg"
    _, (note,) = read(ProductRecord("a", images=("https://a/1.jpg|https://a/2.jpg", one)))
    assert note.startswith("pictures are several addresses in one")


def test_whole_numbers_that_were_written_as_decimal_ones() -> None:
    record = ProductRecord("1001.0", links=(("variant of", "1000.0"),), properties=(
        ("ean", "4006381333931.0"), ("weight", "12345678.0"), ("code", "2.0"), ("size", "1.0"),
    ))  # fmt: skip
    (product,), notes = read(record)
    assert (product.id, product.links) == ("1001", (("variant of", "1000"),))
    assert product.properties == (("ean", "4006381333931"), *record.properties[1:])
    assert len(notes) == 2
    assert "1 values of 'ean', such as '4006381333931.0', are whole numbers" in notes[1]
