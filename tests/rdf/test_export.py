"""Exports say what the graph holds, in every format, and are whole or not there."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import HealthCheck, given, settings

from k3m_kg.errors import K3MError, UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.export import export, format_of
from k3m_kg.records import ProductRecord, ValueRecord
from tests.rdf.conftest import CATALOG, PRINTABLE, Record, catalogs, named_for_xml, state
from tests.rdf.read_back import Content, content_of, read_back

PARSED_AS = {
    "nt": ox.RdfFormat.N_TRIPLES,
    "nq": ox.RdfFormat.N_QUADS,
    "ttl": ox.RdfFormat.TURTLE,
    "trig": ox.RdfFormat.TRIG,
    "jsonld": ox.RdfFormat.JSON_LD,
    "rdfxml": ox.RdfFormat.RDF_XML,
}
many = settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def texts_of(records: Sequence[Record]) -> Iterator[str]:
    """Everything that becomes a literal."""
    for record in records:
        pairs = record.properties
        if isinstance(record, ProductRecord):
            yield from (record.id, record.title or "", record.category or "", *record.images)
            yield from (name for name, _ in record.links)  # the other product is but an IRI
        else:
            yield record.value
        yield from (text for pair in pairs for text in pair)


def exported(store: GraphStore, path: Path, format: str) -> Content:
    report = export(store, path, format)
    quads = list(ox.parse(path.read_bytes(), PARSED_AS[format]))
    if format != "rdfxml":
        assert report.triples == len(quads) == len(set(quads))
    return read_back(quads)


@pytest.mark.parametrize("format", PARSED_AS)
def test_the_catalog_in_every_rdf_format(store: GraphStore, tmp_path: Path, format: str) -> None:
    assert exported(store, tmp_path / "out", format) == content_of(CATALOG)


@pytest.mark.parametrize("format", PARSED_AS)
@many
@given(records=catalogs())
def test_out_and_in_again_is_the_same_graph(
    any_store: GraphStore, tmp_path: Path, format: str, records: Sequence[Record]
) -> None:
    if format == "rdfxml":
        records = named_for_xml(records)
    state(any_store, records)
    if format == "rdfxml" and NO_XML.search("".join(texts_of(records))):
        with pytest.raises(K3MError, match="XML cannot hold"):
            export(any_store, tmp_path / "out", format)
        return
    assert exported(any_store, tmp_path / "out", format) == content_of(records)


@many
@given(records=catalogs(PRINTABLE))
def test_rdflib_reads_our_rdf_xml(
    any_store: GraphStore, tmp_path: Path, records: Sequence[Record]
) -> None:
    records = named_for_xml(records)
    state(any_store, records)
    export(any_store, tmp_path / "out", "rdfxml")
    graph = rdflib.Graph().parse(tmp_path / "out", format="xml")
    lines = graph.serialize(format="nt").encode()
    assert read_back(ox.parse(lines, ox.RdfFormat.N_TRIPLES)) == content_of(records)


def test_rdf_xml_says_what_it_cannot_hold(store: GraphStore, tmp_path: Path) -> None:
    out = tmp_path / "out.rdf"
    export(store, out, "rdfxml")
    before = out.read_bytes()
    state(store, [ProductRecord("1", "bell \x07")])
    with pytest.raises(K3MError, match="control character"):
        export(store, out, "rdfxml")
    assert out.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} - {"graph.db-shm", "graph.db-wal"} == {
        "out.rdf",
        "graph.db",
    }


@pytest.mark.parametrize(
    "record",
    [
        ProductRecord("1", "t", links=(("size 2", "x"),)),
        ValueRecord("red", (("size 2", "x"),)),
    ],
)
def test_rdf_xml_has_no_word_for_some_links(
    store: GraphStore, tmp_path: Path, record: Record
) -> None:
    state(store, [record])
    with pytest.raises(K3MError, match="no element for the property 'size 2'"):
        export(store, tmp_path / "out.rdf", "rdfxml")


@pytest.mark.parametrize("format", ["nt", "ttl", "jsonld", "rdfxml"])
@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compression_by_suffix(store: GraphStore, tmp_path: Path, format: str, suffix: str) -> None:
    plain, packed = tmp_path / "plain", tmp_path / f"packed{suffix}"
    export(store, plain, format)
    export(store, packed, format)
    unpacked = (
        gzip.decompress(packed.read_bytes())
        if suffix == ".gz"
        else pa.CompressedInputStream(str(packed), "zstd").read()
    )
    assert unpacked == plain.read_bytes()


def test_equal_graphs_give_equal_files(store: GraphStore, tmp_path: Path) -> None:
    for name in ("a.ttl.gz", "b.ttl.gz"):
        export(store, tmp_path / name, "ttl")
    assert (tmp_path / "a.ttl.gz").read_bytes() == (tmp_path / "b.ttl.gz").read_bytes()


def rows_of(folder: Path, format: str, table: str) -> list[dict[str, Any]]:
    path = folder / f"{table}.{format}"
    if format == "parquet":
        found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return found
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {
                name: (int(cell) if name == "position" else cell) or None
                for name, cell in row.items()
            }
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("format", ["parquet", "csv"])
@many
@given(records=catalogs())
def test_tables_hold_the_graph_in_order(
    any_store: GraphStore, tmp_path: Path, format: str, records: Sequence[Record]
) -> None:
    state(any_store, records)
    report = export(any_store, tmp_path / "tables", format)
    products = {row["id"]: row for row in rows_of(tmp_path / "tables", format, "products")}
    triples = rows_of(tmp_path / "tables", format, "triples")
    images = rows_of(tmp_path / "tables", format, "images")
    assert len(products) == report.products
    assert report.triples == sum(row["tail_kind"] in ("product", "value") for row in triples)
    for record in records:
        if isinstance(record, ValueRecord):
            mine = [r for r in triples if (r["head"], r["head_kind"]) == (record.value, "value")]
            assert tuple((r["property"], r["tail"]) for r in mine) == record.properties
            continue
        assert (products[record.id]["title"], products[record.id]["category"]) == (
            record.title,
            record.category,
        )
        mine = [row for row in triples if (row["head"], row["head_kind"]) == (record.id, "product")]
        pairs = [(r["property"], r["tail"]) for r in mine if r["tail_kind"] == "value"]
        assert tuple(pairs) == record.properties
        links = [(r["property"], r["tail"]) for r in mine if r["tail_kind"] == "product"]
        assert tuple(links) == record.links
        pictures = [row["source"] for row in images if row["product"] == record.id]
        assert tuple(pictures) == record.images


def test_a_folder_of_tables_is_replaced_whole(store: GraphStore, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    export(store, out, "csv")
    state(store, [ProductRecord("new", "t")])
    export(store, out, "csv")
    assert [row["id"] for row in rows_of(out, "csv", "products")] == ["new"]
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds other things \(notes.txt\)"):
        export(store, out, "csv")
    assert {path.name for path in out.iterdir()} == {
        "products.csv", "triples.csv", "images.csv", "notes.txt",
    }  # fmt: skip
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("out", "name", "expected"),
    [
        ("a.nt", None, "nt"),
        ("a.b.ttl.gz", None, "ttl"),
        ("a.NQ.zst", None, "nq"),
        ("a.rdf", None, "rdfxml"),
        ("a.parquet", None, "parquet"),
        ("a", "csv", "csv"),
        ("a.nt", "trig", "trig"),
    ],
)
def test_the_format_is_guessed_by_the_suffix(out: str, name: str | None, expected: str) -> None:
    assert format_of(Path(out), name) == expected


def test_an_interrupted_export_leaves_nothing(
    store: GraphStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "k3m_kg.rdf.export.document", lambda subjects: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    for format in PARSED_AS:
        with pytest.raises(KeyboardInterrupt):
            export(store, tmp_path / "out", format)
    assert [path.name for path in tmp_path.iterdir() if "graph.db" not in path.name] == []


def test_an_export_is_one_state_while_others_write(store: GraphStore) -> None:
    from k3m_kg.rdf.subjects import iter_subjects

    with store.reading() as reader:
        subjects = iter_subjects(reader)
        first = next(subjects)
        state(store, [ProductRecord("new", "t")])
        assert {first.text, *(subject.text for subject in subjects)} == {"1", "a/b c?", "..", "red"}
