"""Sources that come without the mapping that they need, and those of which much is rejected."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from k3m_kg.errors import CatalogError, ConfigError, MappingNeeded, UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.planning import plan_sources
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.ingest.report import SourceReport

TABLE = "Artikelnummer;Titel;Farbe\n007;Becher;rot\n008;Tasse;blau\n009;Lampe;rot\n010;Uhr;blau\n"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GraphStore:
    monkeypatch.chdir(tmp_path)
    return GraphStore.create(f"sqlite:///{tmp_path}/graph.db")[0]


def run(store: GraphStore, path: Path, **options: object) -> SourceReport:
    with Quarantine() as quarantine:
        return ingest(store, [path], IngestOptions(**options), quarantine=quarantine)[0]  # type: ignore[arg-type]


def test_the_suggestion_shows_three_products(store: GraphStore, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(TABLE)
    with pytest.raises(MappingNeeded) as raised:
        run(store, path)
    text = str(raised.value)
    assert "id: Artikelnummer" in text
    assert "--accept" in text
    assert "title: Becher" in text
    assert "Farbe = rot" in text
    assert "Lampe" in text
    assert "Uhr" not in text


def test_an_accepted_mapping_is_kept_and_found_again(store: GraphStore, tmp_path: Path) -> None:
    path, kept = tmp_path / "c.csv", tmp_path / "c.csv.mapping.yaml"
    path.write_text(TABLE)
    assert run(store, path, accept=Path()).counts.products_added == 4
    text = kept.read_text()
    assert "id: Artikelnummer" in text
    assert run(store, path, accept=Path()).unchanged
    path.write_text(TABLE + "011;Vase;grau\n")
    report = run(store, path, accept=Path())
    assert (report.counts.products_added, kept.read_text()) == (1, text)


def test_a_mapping_that_says_something_else_is_not_written_over(
    store: GraphStore, tmp_path: Path
) -> None:
    path, kept = tmp_path / "c.csv", tmp_path / "c.csv.mapping.yaml"
    path.write_text(TABLE)
    kept.write_text("id: Titel\n")
    with pytest.raises(UsageError, match="says something else"):
        run(store, path, accept=Path())
    assert kept.read_text() == "id: Titel\n"


def test_an_open_id_is_not_accepted(store: GraphStore, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("kind,name\nmug,a b\nmug,c d\n")
    with pytest.raises(UsageError, match="nothing to accept"):
        run(store, path, accept=Path())
    assert not (tmp_path / "c.csv.mapping.yaml").exists()


def test_parquet_without_an_id_is_suggested_one(store: GraphStore, tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table({"kind": ["a", "a"], "artikelnr": ["1", "2"], "x": [1, 2]}), path)
    with pytest.raises(MappingNeeded, match="id: artikelnr"):
        run(store, path)
    assert run(store, path, accept=Path()).counts.products_added == 2


def test_a_picture_table_that_changed_is_another_reading(tmp_path: Path) -> None:
    path, mapping, table = (tmp_path / name for name in ("c.csv", "m.yaml", "images.csv"))
    path.write_text("id,name,image\n1,mug,7\n")
    mapping.write_text("id: id\nimage: image\nimage_table: {file: images.csv, key: k, path: p}\n")
    hashes = set()
    for text in ("k,p\n7,a.jpg\n", "k,p\n7,b.jpg\n"):
        table.write_text(text)
        with Quarantine() as quarantine:
            (plan,) = plan_sources([path], IngestOptions(mapping=mapping), quarantine)
        hashes.add(plan.version.mapping_hash)
    assert len(hashes) == 2


def rows(good: int, bad: int) -> str:
    lines = ["id,name", *(f"{number},mug" for number in range(good)), *(bad * [",lost"])]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("good", "bad", "taken"), [(100, 10, True), (190, 11, False), (209, 11, True), (0 + 3, 4, True)]
)
def test_a_source_of_which_much_is_rejected_is_not_taken(
    store: GraphStore, tmp_path: Path, good: int, bad: int, taken: bool
) -> None:
    path, mapping = tmp_path / "c.csv", tmp_path / "m.yaml"
    path.write_text(rows(good, bad))
    mapping.write_text("id: id\ntitle: name\n")
    if taken:
        assert run(store, path, mapping=mapping).counts.products_added == good
        return
    with pytest.raises(CatalogError) as raised:
        run(store, path, mapping=mapping)
    text = str(raised.value)
    assert f"{bad} of {good + bad} rows were rejected (5%)" in text
    assert f"most often: line {good + 2}: no id ({bad} rows)" in text
    assert "--allow-rejected" in text
    with store.reading() as reader:
        assert [row for batch in reader.subjects() for row in batch] == []
    report = run(store, path, mapping=mapping, allow_rejected=True)
    assert (report.counts.products_added, report.counts.rows_quarantined) == (good, bad)


def test_notes_of_a_reader_are_reported(store: GraphStore, tmp_path: Path) -> None:
    path, mapping = tmp_path / "c.csv", tmp_path / "m.yaml"
    path.write_bytes("id;name\n1;Grüner Becher\n".encode("cp1252"))
    mapping.write_text("id: id\ntitle: name\n")
    encoding, delimiter = run(store, path, mapping=mapping).notes
    assert "Windows-1252" in encoding
    assert "';'" in delimiter


def test_notes_are_told_of_a_source_that_is_not_taken_too(
    store: GraphStore, tmp_path: Path
) -> None:
    path, mapping = tmp_path / "c.csv", tmp_path / "m.yaml"
    path.write_bytes("id;name\n1;Grüner Becher\n".encode("cp1252"))
    mapping.write_text("id: idd\ntitle: name\n")
    with pytest.raises(ConfigError) as raised:
        run(store, path, mapping=mapping)
    assert "note: read as Windows-1252" in (raised.value.hint or "")


def test_rows_that_go_on_with_a_product_and_formats_that_know_better_are_noted(
    store: GraphStore, tmp_path: Path
) -> None:
    path, mapping = tmp_path / "shop.csv", tmp_path / "m.yaml"
    path.write_text(
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Image Src\n"
        "tee,Tee,Size,S,T-S,1.jpg\ntee,,,M,T-M,2.jpg\ncap,Cap,Size,L,C-L,3.jpg\n"
    )
    mapping.write_text("id: Handle\ntitle: Title\nimage: Image Src\n")
    shopify, again, pictures = run(store, path, mapping=mapping).notes
    assert "a file of shopify, which is read without a mapping" in shopify
    assert again.startswith("1 rows give an id again")
    assert "`rows: continue`" in again
    assert "'1.jpg' are not beside the file: --images DIR" in pictures
    mapping.write_text("id: Variant SKU\n")
    assert len(run(store, path, mapping=mapping).notes) == 1


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ('"{""Brand"": ""Acme""}"', True), ('"[""a.jpg"", ""b.jpg""]"', True),
        ("['a', 'b']", True), ("[red]", False), ("{n}", False), ("a: b", False),
    ],
)  # fmt: skip
def test_cells_that_look_like_json_are_noted(
    store: GraphStore, tmp_path: Path, cell: str, said: bool
) -> None:
    path, mapping = tmp_path / "c.csv", tmp_path / "m.yaml"
    path.write_text(f"id;details\n1;{cell}\n")
    mapping.write_text("id: id\ndelimiter: ;\n")
    notes = run(store, path, mapping=mapping).notes
    assert [note for note in notes if "look like JSON" in note] == notes if said else not notes
    mapping.write_text("id: id\ndelimiter: ;\ncells: {details: json}\n")
    if said:
        assert run(store, path, mapping=mapping).notes == []
