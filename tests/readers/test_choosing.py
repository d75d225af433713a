"""`--format auto`: each file is one format."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from k3m_kg.readers.choosing import choose_reader


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["1"], "a,b": ["x"]}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a", b"1\tt, or not\tu\ta#:#b\tc\n", "k3m-tsv"),
        ("a.csv", b"id,name\n", "csv"),
        ("a.txt", b"id;name\n", "csv"),
        ("a.csv", b"sku,name,additional_attributes\n", "magento"),
        ("a.jsonl", b'{"id": 1, "b": 2}\n', "jsonl"),
        ("a.csv", b'{"id": 1, "b": 2}\n', "jsonl"),
        ("a", b'{"id": 1, "b": 2}\n{"id": 2}\n', "jsonl"),
        ("a", parquet(), "parquet"),
        ("a.nt", b"# one, two; three\n<urn:a> <urn:b> \"c, d\" .\n", "rdf"),
        ("a", b"<urn:a> <urn:b> \"c, d\" .\n", "rdf"),
        ("a", b"@prefix a: <urn:a> . a:b a:c 1, 2 ; a:d 3 .\n", "rdf"),
        ("a.json", b'{"@context": {}, "@id": "x", "name": "y"}', "rdf"),
    ],
)  # fmt: skip
def test_each_file_is_one_format(tmp_path: Path, name: str, content: bytes, format: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert choose_reader(path)[0] == format
