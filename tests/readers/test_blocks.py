"""Rows read by blocks are the rows read one by one; a mapping by columns is one by rows."""

from __future__ import annotations

import random
from io import StringIO
from pathlib import Path

import pytest

from k3m_kg.readers import lines as lines_module
from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.columns import Columns
from k3m_kg.readers.csv.blocks import read_blocks
from k3m_kg.readers.csv.delimited import Rows
from k3m_kg.readers.csv.plain_rows import PlainRows, plain_record
from k3m_kg.readers.csv.rows import read_rows
from k3m_kg.readers.json.jsonl import JSONLinesReader
from k3m_kg.readers.lines import TextLines
from k3m_kg.readers.mapped.products import Products
from k3m_kg.readers.mapping import Mapping
from k3m_kg.records import ProductRecord, RejectedRow

DIALECT = {"delimiter": ",", "strict": True, "quotechar": '"'}
PIECES = ["a", "b c", ",", ",", "\n", "\n", "\r\n", "\r", '"', '""', '"x\ny"', '"p,q"', "é", "\0"]


@pytest.mark.parametrize("block", [1, 7, 64])
def test_blocks_are_rows(monkeypatch: pytest.MonkeyPatch, block: int, tmp_path: Path) -> None:
    monkeypatch.setattr(lines_module, "BLOCK", block)
    draw = random.Random(block)
    for _ in range(300):
        text = "".join(draw.choices(PIECES, k=draw.randint(0, 40)))
        one_by_one = TextLines(StringIO(text, newline=""))
        expected = [
            (line, row, raw_text(one_by_one.row_text()))
            for line, row in read_rows(one_by_one, DIALECT, tmp_path)
        ]
        found = []
        for part in read_blocks(TextLines(StringIO(text, newline="")), DIALECT, tmp_path):
            if isinstance(part, RejectedRow):
                found.append((part.line, part.reason, part.raw))
            else:
                rows = enumerate(zip(part.numbers, part.rows, strict=True))
                found += [(line, row, part.raw(at)) for at, (line, row) in rows]
        assert found == expected, repr(text)


def test_columns_are_rows(tmp_path: Path) -> None:
    draw = random.Random(3)
    header = ["id", "name", "kind", "p", "q", "r", "pic"]
    mappings = [
        {"missing": ["n/a"], "image": "pic"},
        {"separators": {"p": "|"}, "rename": {"q": "r"}, "image": ["pic", "x/{id}.jpg"]},
        {"links": {"r": "goes with"}, "properties": ["p", "q"]},
        {"missing_in": {"name": ["b"]}, "leave_out": ["q"]},
    ]
    cells = ["", "n/a", "a", "b", "a|b", "1.23E+12", "+1"]
    for said in mappings:
        mapping = Mapping.model_validate({"id": "id", "title": "name", "category": "kind", **said})
        columns = Columns(mapping, header, "m.yaml")
        for _ in range(40):
            rows = [draw.choices(cells, k=7) for _ in range(draw.randint(1, 5))]
            text = "".join(",".join(row) + "\n" for row in rows if any(row))
            blocks = read_blocks(TextLines(StringIO(text)), DIALECT, tmp_path)
            expected = [plain_record(columns, row) for row in Rows(blocks, header)]
            blocks = read_blocks(TextLines(StringIO(text)), DIALECT, tmp_path)
            plan = PlainRows(columns)
            parts = Rows(blocks, header).parts()
            found = [record for part in parts for record in plan.records(part)]
            assert found == expected, text


def test_objects_of_texts_are_what_others_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id": "1", "name": " A ", "image": "a.jpg", "p": "x", "q": ""}\n'
        '{"id": "2", "name": "", "image": "", "p": "é", "q": "n/a"}\n'
        '{"id": "", "name": "C", "image": "", "p": "x", "q": "y"}\n'
        '{"id": "1.23E+12", "name": "C", "image": "", "p": "x", "q": "y"}\n'
        '{"id": "4", "name": "D", "image": "i", "p": "a\\u0000", "q": "y"}\n'
        '{"id": "5", "name": null, "image": ["i", "j"], "p": 5, "q": {"r": true}}\n'
    )
    found = list(JSONLinesReader().read(path, None))
    assert sum(isinstance(record, ProductRecord) for record in found) == 3
    monkeypatch.setattr(Products, "_of_plain", lambda *_: None)
    assert list(JSONLinesReader().read(path, None)) == found
