"""A rejected row of a connector says which product it is about, which then keeps what it said."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import ProductRecord, RejectedRow

EXPORTS = Path(__file__).parents[3] / "examples" / "exports"
TABLES = {
    "shopify.csv": "LS-S-W", "woocommerce.csv": "TEAPOT", "google-merchant.tsv": "TV_1",
    "akeneo-products.csv": "tee-white-s", "amazon.txt": None, "prestashop-products.csv": None,
    "bigcommerce.csv": "LS", "magento1.csv": "shirt-w", "openfoodfacts.csv": None,
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_row_with_too_many_cells_says_whose_it_is(tmp_path: Path, name: str) -> None:
    content = (EXPORTS / name).read_text()
    mark = max(",;\t", key=content.count)
    path = tmp_path / name
    rows = content.splitlines(keepends=True)
    head = 3 if name == "amazon.txt" else 1
    rows[head] = rows[head].rstrip("\r\n") + f"{mark}x" * 3 + "\n"
    path.write_text("".join(rows))
    reader = choose_reader(path).reader
    rejected = [row for row in reader.read(path, None) if isinstance(row, RejectedRow)]
    sound = choose_reader(EXPORTS / name).reader.read(EXPORTS / name, None)
    ids = [record.id for record in sound if isinstance(record, ProductRecord)]
    assert rejected[0].id == (TABLES[name] or ids[0])


def test_a_line_that_cannot_be_stored_says_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"item_id": "A", "color": [{"language_tag": "en", "value": "\\u0000"}], '
        '"main_image_id": "x"}\n'
    )
    (rejected, _) = choose_reader(path).reader.read(path, None)
    assert isinstance(rejected, RejectedRow)
    assert rejected.id == "A"


def test_what_the_last_good_version_said_stays(tmp_path: Path) -> None:
    store = GraphStore.create(f"sqlite:///{tmp_path}/graph.db")[0]
    path = tmp_path / "woo.csv"

    def run() -> None:
        with Quarantine(tmp_path / "q.jsonl") as quarantine:
            ingest(store, [path], IngestOptions(), quarantine=quarantine)

    path.write_text(
        "SKU,Name,Published,Attribute 1 name,Attribute 1 value(s)\nA,Mug,1,Colour,Red\nB,Cup,1,,\n"
    )
    run()
    path.write_text(
        "SKU,Name,Published,Attribute 1 name,Attribute 1 value(s)\nA,Mug,1,a,b,c,d\nB,Cup,1,,\n"
    )
    run()
    found = store.product("A")
    assert found is not None
    assert found.triples == (("Colour", "Red"),)
