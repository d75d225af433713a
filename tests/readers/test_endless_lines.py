"""One line that never ends is one rejected row, and takes no more memory than another."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from k3m_kg.ingest.reading_ahead import read_apart
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import RejectedRow
from k3m_kg.workers.limits import Limits

MAGENTO = b"sku,attribute_set_code,product_type,name\n"
BEGINNINGS = {
    "jsonl": (b'{"id": "1", "name": "a"}\n', b'{"id": "2", "name": "'),
    "csv": (b"id,name\n1,a\n", b'2,"'),
    "k3m-tsv": (b"1\ta\t\tb#:#c\td\n", b"2\t"),
    "magento": (MAGENTO + b"1,a,simple,x\n", b'2,a,simple,"'),
    "rdf": (b'<http://a/product/1> <http://b> "c" .\n', b'<http://a/product/2> <http://b> "'),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel enforces no limit of memory here")
@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_line_that_never_ends(tmp_path: Path, name: str) -> None:
    path, mapping = tmp_path / "a.gz", tmp_path / "m.yaml"
    mapping.write_text("id: id\ntitle: name\n")
    start, line = BEGINNINGS[name]
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(start + line)
        for _ in range(150):
            file.write(b"x" * (1 << 20))
    chosen = choose_reader(path, name)
    with read_apart(
        chosen, path, mapping if name == "csv" else None, Limits(60.0, 130 << 20)
    ) as records:
        found = list(records)
    good = [item[0] for item in found if not isinstance(item, RejectedRow)]
    bad = [item.reason for item in found if isinstance(item, RejectedRow)]
    assert len(good) <= 1
    assert bad
    assert "longer than" in bad[0]
