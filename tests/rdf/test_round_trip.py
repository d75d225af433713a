"""RDF out and, through `k3m-kg ingest`'s own reader, in again: the same graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.rdf.export import export
from k3m_kg.records import ValueRecord
from k3m_kg.snapshot import build_snapshot
from tests.rdf.conftest import CATALOG, PRINTABLE, Record, catalogs, named_for_xml, state
from tests.rdf.read_back import Content, Described, content_of

pytest.importorskip("k3m_kg.readers.rdf.reader", reason="there is no reader of RDF yet")
STRIPPED = PRINTABLE.map(str.strip).filter(bool)
"""Readers take white space at the ends away."""
SUFFIXES = {"nt": "nt", "nq": "nq", "ttl": "ttl", "trig": "trig", "jsonld": "jsonld",
            "rdf": "rdfxml"}  # fmt: skip


def fit(record: Record) -> Record:
    """As ingest takes it: with something to learn from, and each picture once."""
    if isinstance(record, ValueRecord):
        return record
    return replace(
        record,
        title=record.title or "t",
        images=tuple(dict.fromkeys(record.images)),
    )


def taken_in(copy: GraphStore, path: Path) -> Content:
    """The content of a graph that has `path` as its one source."""
    with Quarantine(None) as rejected:
        (report,) = ingest(copy, [path], IngestOptions(), quarantine=rejected)
    assert report.counts.rows_quarantined == 0
    found: Content = {}
    for product in copy.iter_products():
        found["product", product.id] = Described(
            product.title,
            product.category,
            tuple(image.source for image in product.images),
            set(product.triples),
            set(product.links),
        )
    for value in copy.iter_values():
        found["value", value.value] = Described(pairs=set(value.properties))
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_catalog(store: GraphStore, tmp_path: Path, suffix: str) -> None:
    records = list(map(fit, CATALOG))
    state(store, records)
    path = tmp_path / f"out.{suffix}"
    export(store, path, SUFFIXES[suffix])
    with GraphStore.create(f"sqlite:///{tmp_path}/copy.db")[0] as copy:
        assert taken_in(copy, path) == content_of(records)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(records=catalogs(STRIPPED))
def test_any_catalog(
    any_store: GraphStore, tmp_path: Path, suffix: str, records: Sequence[Record]
) -> None:
    records = named_for_xml(list(map(fit, records)))
    state(any_store, records)
    path = tmp_path / f"out.{suffix}"
    export(any_store, path, SUFFIXES[suffix])
    with GraphStore.create(f"sqlite:///{tmp_path}/copy.db")[0] as copy:  # kept: one source
        assert taken_in(copy, path) == content_of(records)


LINES = st.lists(STRIPPED, min_size=1, max_size=3).map("\r\n".join)
"""Texts of several lines, which RDF/XML cannot hold and a quoted cell can."""


@pytest.mark.parametrize("format", ["parquet", "csv"])
@settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(records=catalogs(STRIPPED | LINES))
def test_any_catalog_as_a_table(
    any_store: GraphStore, tmp_path: Path, format: str, records: Sequence[Record]
) -> None:
    records = list(map(fit, records))
    state(any_store, records)
    export(any_store, tmp_path / "tables", format)
    with GraphStore.create(f"sqlite:///{tmp_path}/copy.db")[0] as copy:
        assert taken_in(copy, tmp_path / "tables" / f"triples.{format}") == content_of(records)
        for product in copy.iter_products():  # a table keeps the order
            (record,) = [r for r in records if getattr(r, "id", None) == product.id]
            assert (product.triples, product.links) == (record.properties, record.links)


@pytest.mark.realdata
@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_the_luma_shop_as_a_table_is_the_same_snapshot(
    data_dir: Path, tmp_path: Path, format: str
) -> None:
    ids = []
    source = data_dir / "magento-luma" / "products.csv"
    for name in ("shop", "copy"):
        store = GraphStore.create(f"sqlite:///{tmp_path / name}.db")[0]
        with store, Quarantine(None) as rejected:
            ingest(store, [source], IngestOptions(), quarantine=rejected)
            ids.append(build_snapshot(store, tmp_path / f"{name}-snapshots").snapshot.id)
            export(store, tmp_path / name, format)
        source = tmp_path / name / f"triples.{format}"
    assert ids[0] == ids[1]
