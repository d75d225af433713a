from __future__ import annotations

from collections.abc import Iterator

import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.ingest import whole_ids
from k3m_kg.ingest.whole_ids import with_whole_ids
from k3m_kg.records import CatalogRecord, Note, ProductRecord


def ids(*given: str) -> tuple[list[str], list[str]]:
    found = list(with_whole_ids(map(ProductRecord, given)))
    notes = [note.text for note in found if isinstance(note, Note)]
    return [record.id for record in found if isinstance(record, ProductRecord)], notes


def test_whole_numbers_that_were_written_as_decimal_ones_are_these() -> None:
    found, (note,) = ids("A-1", "7.0", "12.0", "x.0")
    assert found == ["A-1", "7", "12", "x.0"]
    assert note.startswith("2 values of 'id', such as '7.0'")


@pytest.mark.parametrize("given", [("1.0", "1.1"), ("1.1", "1.0"), ("1.0", "a", "2.50", "2.0")])
def test_they_stay_as_they_are_beside_one_with_a_fraction(given: tuple[str, ...]) -> None:
    assert ids(*given) == (list(given), [])


def test_one_that_comes_too_late_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_ids, "_LOOKED_AT", 2)
    found, (note,) = ids("1.0", "2.0", "2.5")
    assert found == ["1", "2", "2.5"]
    assert "though later ones are like '2.5'" in note


def test_links_go_with_the_ids() -> None:
    linked = ProductRecord("2", links=(("variant of", "1.0"),))
    (record,) = with_whole_ids([linked])
    assert isinstance(record, ProductRecord)
    assert record.links == (("variant of", "1"),)
    kept = [ProductRecord("1.1"), ProductRecord("2", links=(("variant of", "1.0"),))]
    assert list(with_whole_ids(kept)) == kept


def test_what_was_held_comes_before_an_error() -> None:
    def records() -> Iterator[CatalogRecord]:
        yield ProductRecord("1.0")
        raise CatalogError("broken")

    stream = with_whole_ids(records())
    assert next(stream) == ProductRecord("1")
    with pytest.raises(CatalogError):
        next(stream)
