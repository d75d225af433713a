"""Variants find their products, however many stand between them."""

from __future__ import annotations

import random

import pytest

from k3m_kg.api import ProductRecord
from k3m_kg_readers.tables import variants
from k3m_kg_readers.tables.variants import Families

_SIZES = ("XS", "S", "M", "L")


def _read(rows: list[tuple[str, str | None]]) -> dict[str, ProductRecord]:
    found: list[ProductRecord] = []
    with Families() as families:
        for line, (id_, parent) in enumerate(rows, start=1):
            if parent is None:
                record = ProductRecord(
                    id_, f"title of {id_}", properties=(("maker", id_),), line=line
                )
                found += families.product(record)
            else:
                found += families.variant(ProductRecord(id_, line=line), parent)
        found += families.rest()
    assert len(found) == len(rows)
    return {record.id: record for record in found}


@pytest.mark.parametrize("recent", [1, 7, 1_000])
@pytest.mark.parametrize("marks", [1, 64, 1 << 20])
def test_whatever_the_order(monkeypatch: pytest.MonkeyPatch, recent: int, marks: int) -> None:
    monkeypatch.setattr(variants, "_RECENT", recent)
    monkeypatch.setattr(variants, "_MARKS", marks)
    rows: list[tuple[str, str | None]] = [(f"p{number}", None) for number in range(100)]
    rows += [(f"p{number}-{size}", f"p{number}") for number in range(120) for size in _SIZES]
    random.Random(3).shuffle(rows)
    found = _read(rows)
    for number in range(120):
        for size in _SIZES:
            variant = found[f"p{number}-{size}"]
            is_known = number < 100
            assert variant.title == (f"title of p{number}" if is_known else None)
            assert variant.properties == ((("maker", f"p{number}"),) if is_known else ())
            assert variant.links == (("variant of", f"p{number}"),)


@pytest.mark.parametrize("recent", [1, 1_000])
def test_of_two_products_of_one_id_the_first_is_inherited(
    monkeypatch: pytest.MonkeyPatch, recent: int
) -> None:
    monkeypatch.setattr(variants, "_RECENT", recent)
    with Families() as families:
        for id_, title in (("p", "first"), ("q", ""), ("p", "second"), ("r", "")):
            list(families.product(ProductRecord(id_, title)))
        (variant,) = families.variant(ProductRecord("p-1"), "p")
    assert variant.title == "first"
