"""Numbers that spreadsheet software has cut short, in whatever process their records are hashed."""

from __future__ import annotations

import marshal
from io import BytesIO
from typing import cast

import pytest

from k3m_kg.ingest import reading_ahead, reading_worker
from k3m_kg.ingest.checked import checked
from k3m_kg.ingest.ruined import cut_short, is_identifier
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow
from k3m_kg.workers.inside import Answer
from k3m_kg.workers.process import WorkerAnswers


def stated(*properties: tuple[str, str], id_: str = "a") -> ProductRecord:
    return ProductRecord(id_, properties=properties)


def read(*records: CatalogRecord) -> tuple[list[ProductRecord], list[str]]:
    """The products and the notes."""
    found = list(checked(records))
    products = [item[0] for item in found if isinstance(item, tuple)]
    return cast(list[ProductRecord], products), [n.text for n in found if isinstance(n, Note)]


NAMED = [
    "Barcode", "gtin13", "EAN", "UPC/EAN", "Variant Barcode", "mpn", "Artikelnummer",
    "product_code", "GTIN-14", "Strichcode", "codice a barre", "isbn",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_a_barcode_that_lost_its_digits_is_left_out_and_said(name: str) -> None:
    (product,), notes = read(stated((name, "4.00638E+12"), ("colour", "red")))
    assert product.properties == (("colour", "red"),)
    (note,) = notes
    assert f"1 values of {name!r}, such as '4.00638E+12', lost their digits" in note


def test_a_number_that_may_be_meant_so_stays_and_is_said() -> None:
    (product,), (note,) = read(stated(("resistance", "1E+12"), ("resistance", "1.5E+13")))
    assert len(product.properties) == 2
    assert note.startswith("2 values of 'resistance'")
    assert "taken as they are" in note


@pytest.mark.parametrize(
    "value", ["4006381333931", "1E+05", "4.006381333931E+12", "A+E+12", "1e12"]
)
def test_what_has_its_digits_is_taken_without_a_word(value: str) -> None:
    (product,), notes = read(stated(("ean", value)))
    assert product.properties == (("ean", value),)
    assert not notes


@pytest.mark.parametrize("name", ["colour", "video", "noise", "identity", "material", "refill"])
def test_names_of_other_things_are_no_identifiers(name: str) -> None:
    assert not is_identifier(name)


def test_a_number_cut_short_has_more_digits_than_it_shows() -> None:
    assert cut_short("4,00638E+12")
    assert not cut_short("1.5E+10")


def test_a_product_that_is_called_so_is_rejected_in_any_format() -> None:
    linked = ProductRecord("b", links=(("variant of", "4.00638E+12"),))
    found = list(checked([stated(id_="4.00638E+12"), linked, stated(id_="c")]))
    assert [type(item) for item in found] == [RejectedRow, RejectedRow, tuple]
    assert isinstance(found[0], RejectedRow)
    assert "lost its digits" in found[0].reason


def test_two_processes_say_it_together() -> None:
    now, sent = 0.0, BytesIO()
    sender = reading_worker.Sender(Answer(sent), lambda: now)
    ruined = [stated(("ean", "4.00638E+12"), id_=f"{n}") for n in range(1200)]
    sender._waits = True  # the first message is hashed there
    sender.records(ruined)
    messages = []
    sent.seek(0)
    while size := int.from_bytes(sent.read(8), "little"):
        messages.append(marshal.loads(sent.read(size)))
    assert [content[1] is not None for what, content in messages if what == "records"] == [
        True, False, False,
    ]  # fmt: skip
    *_, note = reading_ahead._received(cast(WorkerAnswers, messages))
    assert isinstance(note, Note)
    assert note.text.startswith("1,200 values of 'ean'")
