"""The K3M authors' format."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.readers.k3m_tsv import K3MTSVReader
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.records import ProductRecord, RejectedRow

GOOD = "1\ta title\thttps://x/1.jpg\tcolour#:#red#;#size#:#L\tcoats"


def read(tmp_path: Path, content: str | bytes) -> list[ProductRecord | RejectedRow]:
    file = tmp_path / "catalog.tsv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(K3MTSVReader().read(file, None))


def reason(tmp_path: Path, line: str | bytes) -> str:
    """Why the second of three lines is rejected; the lines around it must survive."""
    line = line if isinstance(line, bytes) else line.encode()
    first, bad, last = read(tmp_path, GOOD.encode() + b"\n" + line + b"\n" + GOOD.encode())
    assert isinstance(first, ProductRecord)
    assert isinstance(last, ProductRecord)
    assert isinstance(bad, RejectedRow)
    assert (bad.line, last.line) == (2, 3)
    return bad.reason


def test_a_line_becomes_a_product(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD + "\n") == [
        ProductRecord(
            "1",
            "a title",
            "coats",
            ("https://x/1.jpg",),
            (("colour", "red"), ("size", "L")),
            1,
        )
    ]


def test_empty_cells_are_missing(tmp_path: Path) -> None:
    assert read(tmp_path, "1\t \t\t\t\n") == [ProductRecord("1", line=1)]


def test_a_property_may_have_several_values_and_repeats_count_once(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "1\tt\t\ta#:#1#;#b#:#1#;#a#:#2#;#a#:#1#;#\t")
    assert isinstance(record, ProductRecord)
    assert record.properties == (("a", "1"), ("b", "1"), ("a", "2"))


def test_a_literal_na_none_or_null_is_kept(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "1\tNone\t\ta#:#NA#;#b#:#null#;#c#:#\t")
    assert isinstance(record, ProductRecord)
    assert record.title == "None"
    assert record.properties == (("a", "NA"), ("b", "null"))


def test_a_bom_carriage_returns_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + GOOD.encode() + b"\r\n\r\n" + GOOD.encode() + b"\r\n"
    first, second = read(tmp_path, content)
    assert isinstance(first, ProductRecord)
    assert isinstance(second, ProductRecord)
    assert (first.id, first.category, second.line) == ("1", "coats", 3)


@pytest.mark.parametrize("columns", [1, 4, 6])
def test_a_ragged_line_is_rejected(tmp_path: Path, columns: int) -> None:
    assert f"found {columns}" in reason(tmp_path, "\t".join("x" * columns))


def test_a_line_without_id_is_rejected(tmp_path: Path) -> None:
    assert "no id" in reason(tmp_path, GOOD[1:])


def test_a_property_without_separator_is_rejected(tmp_path: Path) -> None:
    assert "'colour red' has no '#:#'" in reason(tmp_path, "2\tt\t\ta#:#b#;#colour red\t")


def test_a_value_without_property_is_rejected(tmp_path: Path) -> None:
    assert "no property name before the value 'red'" in reason(tmp_path, "2\tt\t\t#:#red\t")


def test_invalid_utf8_is_rejected_with_its_place(tmp_path: Path) -> None:
    assert "invalid UTF-8 at byte 3" in reason(tmp_path, b"2\t\xff\t\ta#:#b\t")


def test_a_nul_byte_is_rejected(tmp_path: Path) -> None:
    assert "NUL" in reason(tmp_path, "2\ta\0b\t\ta#:#b\t")


def test_a_line_without_end_is_rejected_without_being_held(tmp_path: Path) -> None:
    assert "longer than" in reason(tmp_path, b"2\t" + b"x" * (3 * MAX_LINE))


def test_a_rejected_row_shows_its_beginning(tmp_path: Path) -> None:
    (bad,) = read(tmp_path, b"\xff" + b"x" * 10_000)
    assert isinstance(bad, RejectedRow)
    assert bad.raw.startswith("\\xffxxx")
    assert len(bad.raw) == 2000


def test_a_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="takes no mapping"):
        list(K3MTSVReader().read(tmp_path / "x.tsv", tmp_path / "mapping.yaml"))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        list(K3MTSVReader().read(tmp_path / "missing.tsv", None))


def test_sniff_knows_its_own_and_nothing_else() -> None:
    def sniff(head: bytes) -> float:
        return K3MTSVReader().sniff(Path("x"), head)

    assert sniff(GOOD.encode())
    assert sniff(b"garbage\n" + f"{GOOD}\n{GOOD}\n".encode())
    assert not sniff(b"")
    assert not sniff(b"id\ttitle\timage\tcolour\tsize\n1\ta\tb\tc\td\n")
    assert not sniff(b"a#:#b\n")
