from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, ConfigError, K3MError, MappingNeeded
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.workbook import WorkbookReader, written
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow

EXPORTS = Path(__file__).parent.parent.parent / "examples" / "exports"
_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_OO = "urn:oasis:names:tc:opendocument:xmlns"


def cell(value: object) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>" if value is not None else "<c/>"


def xlsx(path: Path, *sheets: list[tuple[object, ...]], merged: str = "") -> Path:
    """A workbook as small as may be, with sheets called S1, S2, ..."""
    merges = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    numbers = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_OFFICE}/package/2006/content-types"><Default '
        'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_OFFICE}/package/2006/relationships">'
        f'<Relationship Id="r" Type="{_OFFICE}/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_OFFICE}/package/2006/relationships'
        '">' + "".join(
            f'<Relationship Id="r{n}" Type="{_OFFICE}/officeDocument/2006/relationships/worksheet" '
            f'Target="worksheets/sheet{n}.xml"/>' for n in numbers
        ) + "</Relationships>",
        "xl/workbook.xml": f'<workbook {_NS} xmlns:r="{_OFFICE}/officeDocument/2006/relationships">'
        "<sheets>" + "".join(
            f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers
        ) + "</sheets></workbook>",
    }  # fmt: skip
    for number, rows in enumerate(sheets, start=1):
        content = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f"<worksheet {_NS}><sheetData>{content}</sheetData>{merges}</worksheet>"
        )
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0"?>{text}')
    return path


def ods(path: Path, rows: list[tuple[str, ...]]) -> Path:
    content = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{text}</text:p>'
            "</table:table-cell>"
            for text in row
        )
        + "</table:table-row>"
        for row in rows
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{_OO}:manifest:1.0"/>')
        archive.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{_OO}:office:1.0" '
            f'xmlns:table="{_OO}:table:1.0" xmlns:text="{_OO}:text:1.0"><office:body>'
            f'<office:spreadsheet><table:table table:name="T">{content}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def read(path: Path, mapping: str, *settings: str) -> list[CatalogRecord]:
    file = path.with_name("m.yaml")
    file.write_text(mapping)
    chosen = choose_reader(path, overrides=settings, mapped=True)
    assert chosen.name == "workbook"
    return list(chosen.reader.read(path, file))


def test_a_sheet_is_read_as_a_table_with_all_digits_of_its_numbers(tmp_path: Path) -> None:
    rows = [
        ("sku", "name", "ean", "price"),
        ("0012", "Mug, red\nround", 4006381333931, 9.5),
        (None, None, None, None),
        ("0013", "Cup", None, 0.004),
    ]
    first, second = read(xlsx(tmp_path / "a.xlsx", rows), "id: sku\ntitle: name\n")
    assert isinstance(first, ProductRecord)
    assert isinstance(second, ProductRecord)
    assert (first.id, first.title, first.line) == ("0012", "Mug, red\nround", 2)
    assert first.properties == (("ean", "4006381333931"), ("price", "9.5"))
    assert (second.id, second.line) == ("0013", 4)
    assert second.properties == (("price", "0.004"),)


def test_a_title_above_the_header_is_no_header(tmp_path: Path) -> None:
    rows = [
        (None, None, None),
        ("Catalog, spring", None, None),
        (None, None, None),
        ("sku", "name", "colour"),
        ("A", "Mug", "red"),
        (None, None, None),
        ("B", "Cup", "blue"),
    ]
    path = xlsx(tmp_path / "a.xlsx", rows)
    with pytest.raises(MappingNeeded) as raised:
        list(WorkbookReader().read(path, None))
    assert "header: 4\n" in raised.value.mapping
    found = [r for r in read(path, raised.value.mapping) if isinstance(r, ProductRecord)]
    assert [(r.id, r.title, r.line) for r in found] == [("A", "Mug", 5), ("B", "Cup", 7)]


def test_a_file_that_a_program_wrote(tmp_path: Path) -> None:
    first, second, note = WorkbookReader().read(
        EXPORTS / "workbook.xlsx", EXPORTS / "workbook.yaml"
    )
    assert isinstance(note, Note)  # it has a second sheet
    assert isinstance(first, ProductRecord)
    assert dict(first.properties) == {
        "colour": "red",
        "ean": "4006381333931",
        "price": "9.5",
        "since": "2026-02-01",
        "vegan": "true",
    }
    assert isinstance(second, ProductRecord)
    assert second.properties[:2] == (("colour", "white"), ("colour", "blue"))


def test_what_a_merged_cell_says_is_said_in_each_of_its_rows(tmp_path: Path) -> None:
    rows = [("sku", "name", "group"), ("A", "Mug", "mugs"), ("B", "Cup", None), ("C", "Pot", None)]
    path = xlsx(tmp_path / "c.xlsx", rows, merged="C2:C3")
    found = read(path, "id: sku\ntitle: name\ncategory: group\n")
    assert [record.category for record in found] == ["mugs", "mugs", None]


def test_opendocument(tmp_path: Path) -> None:
    path = ods(tmp_path / "a.ods", [("sku", "name"), ("1", "Mug")])
    (mug,) = read(path, "id: sku\ntitle: name\n")
    assert isinstance(mug, ProductRecord)
    assert (mug.id, mug.title, mug.line) == ("1", "Mug", 2)


def test_another_sheet_is_named(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [("x",)], [("sku",), ("1",), ("2",)])
    assert len(read(path, "id: sku\n", "sheet=S2")) == 2
    with pytest.raises(ConfigError, match=r"no sheet 'S3'; did you mean"):
        read(path, "id: sku\n", "sheet=S3")


def test_a_row_without_an_id_is_rejected_with_its_number(tmp_path: Path) -> None:
    rows = [("sku", "name"), ("", "Mug"), ("2", "Cup")]
    rejected, _ = read(xlsx(tmp_path / "a.xlsx", rows), "id: sku\n")
    assert isinstance(rejected, RejectedRow)
    assert rejected.line == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        (True, "true"),
        (12.0, "12"),
        (0.1, "0.1"),
        (1e22, "1e+22"),
        (datetime.datetime(2026, 2, 1), "2026-02-01"),
        (datetime.datetime(2026, 2, 1, 8, 30), "2026-02-01T08:30:00"),
        (datetime.time(8, 30), "08:30:00"),
        (None, ""),
    ],
)
def test_cells_as_text(value: object, text: str) -> None:
    assert written(value) == text


def test_what_is_no_workbook_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04" + b"[Content_Types].xml" * 3)
    with pytest.raises(CatalogError, match="no workbook that can be read"):
        read(path, "id: sku\n")
    with pytest.raises(CatalogError, match="nothing in this sheet"):
        read(xlsx(path, [("",)]), "id: sku\n")


def test_without_a_mapping_the_error_names_the_workbook(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [("a", "b"), ("1", "2")])
    with pytest.raises(K3MError) as caught:
        list(choose_reader(path).reader.read(path, None))
    assert str(path) in str(caught.value)
    assert "k3m-kg-" not in str(caught.value)


def test_the_first_sheet_with_a_table_is_read_and_the_others_are_told(tmp_path: Path) -> None:
    about, first, second = [("Export of May",), ("see there",)], TABLE, [("sku",), ("X",)]
    path = xlsx(tmp_path / "c.xlsx", about, first, second)
    with pytest.raises(MappingNeeded) as needed:
        list(WorkbookReader().read(path, None))
    assert "# the sheet 'S2' was read, and not: 'S1', 'S3'" in needed.value.mapping
    (tmp_path / "m.yaml").write_text("id: sku\n")
    *records, note = WorkbookReader().read(path, tmp_path / "m.yaml")
    assert [record.id for record in records if isinstance(record, ProductRecord)] == ["A", "B"]
    assert isinstance(note, Note)
    assert note.text.startswith("the sheet 'S2' was read")
    (only,) = WorkbookReader("S3").read(path, tmp_path / "m.yaml")
    assert isinstance(only, ProductRecord)


TABLE: list[tuple[object, ...]] = [("sku", "name"), ("A", "Mug"), ("B", "Cup")]
