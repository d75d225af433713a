from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.rdf.schema_org import WithSchemaOrg
from k3m_kg.records import ProductRecord

EXPORTS = Path(__file__).parent.parent.parent / "examples" / "exports"
OURS = '{"@vocab":"https://schema.org/"}'


def test_products_are_read_as_shops_write_them() -> None:
    chosen = choose_reader(EXPORTS / "schema-org.jsonld")
    assert chosen.name == "rdf"
    records = list(chosen.reader.read(EXPORTS / "schema-org.jsonld", None))
    mug = next(r for r in records if isinstance(r, ProductRecord) and r.title == "Mug")
    assert mug.images == ("https://cdn.example/mug-1.jpg", "https://cdn.example/mug-2.jpg")
    stated = dict(mug.properties)
    assert (stated["brand"], stated["sku"]) == ("Northfold", "MUG-1")
    assert stated["gtin13"] == "4006381333931"


@pytest.mark.parametrize(
    "address",
    [
        "https://schema.org",
        "http://schema.org/",
        "https://www.schema.org",
        "https://schema.org/docs/jsonldcontext.jsonld",
        "https://schema.org/docs/jsonldcontext.json",
    ],
)
@pytest.mark.parametrize("written", ['"@context":"{}"', '"@context" : [\n "{}", {{"x": "y"}}]'])
def test_its_context_is_known_however_it_is_written(address: str, written: str) -> None:
    text = "[" + "{" * 3 + written.format(address) + ' , "name": "a"}'
    expected = text.replace(f'"{address}"', OURS)
    for size in (1, 7, 100_000):
        assert read_by(size, text) == expected


def read_by(size: int, text: str) -> str:
    source = WithSchemaOrg(io.BytesIO(text.encode()))
    return b"".join(iter(lambda: source.read(size), b"")).decode()


def test_a_context_that_blocks_cut_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [{"@context": "https://schema.org", "name": "x" * n} for n in range(40)]
    text = json.dumps(documents)
    monkeypatch.setattr("k3m_kg.readers.rdf.schema_org._BLOCK", 13)
    found = WithSchemaOrg(io.BytesIO(text.encode())).read()
    assert found.decode() == text.replace('"https://schema.org"', OURS)


def test_the_context_of_another_is_not_fetched(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonld"
    path.write_text('{"@context": "https://schema.org.example/", "@type": "Product"}')
    with pytest.raises(CatalogError, match="nothing is fetched"):
        list(choose_reader(path).reader.read(path, None))
