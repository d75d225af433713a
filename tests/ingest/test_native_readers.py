"""What a native parser reads is read by another process, however small: no file ends a command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from k3m_kg.config import Settings
from k3m_kg.errors import CatalogError, PluginError
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest import pipeline, reading_ahead
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.planning import plan_sources
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.pictures.fetch.settings import FetchSettings
from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.readers.choosing import ChosenReader, choose_reader
from k3m_kg.records import CatalogRecord
from k3m_kg.workers.limits import Limits
from tests.ingest.odd_reader import Odd

TURTLE = """@prefix s: <https://schema.org/> .
<P1> a s:Product ; s:name "one" .
"""
HERE = "tests.ingest.odd_reader:Odd"


def native(worker: str | None = HERE) -> ChosenReader:
    """A native reader of another package."""
    record = ReaderPlugin("odd", "made up", Settings, lambda _: Odd(), worker, native=True)
    return ChosenReader(record, Settings(), Odd())


@pytest.mark.parametrize("processors", [1, 2])
def test_it_is_whatever_the_size_and_the_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processors: int
) -> None:
    monkeypatch.setattr(reading_ahead, "_processors", lambda: processors)
    with reading_ahead.reading(native(), tmp_path, None, 1) as records:
        ((record, _),) = records
    assert record.id != str(os.getpid())


def test_other_small_sources_are_not(tmp_path: Path) -> None:
    chosen = native()
    chosen = replace(chosen, record=replace(chosen.record, native=False))
    with reading_ahead.reading(chosen, tmp_path, None, 1) as records:
        ((record, _),) = records
    assert record.id == str(os.getpid())


def test_without_a_worker_it_is_refused() -> None:
    with pytest.raises(PluginError, match="'odd' is native and has no worker"):
        native(worker=None)


class Forbidden:
    """A reader that must not read in this process."""

    def sniff(self, path: Path, head: bytes) -> float:
        return 0.0

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        raise AssertionError("read by the process of the command")


def write(path: Path) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"id": ["P1"], "name": ["one"]}), path)
    elif path.suffix == ".arrow":
        table = pa.table({"id": ["P1"], "name": ["one"]})
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    else:
        path.write_text(TURTLE)


@pytest.mark.parametrize("name", ["a.ttl", "a.parquet", "a.arrow"])
@pytest.mark.parametrize("fetch", [None, FetchSettings()])
def test_the_built_in_ones_are_in_each_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, fetch: FetchSettings | None
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    write(path)
    options = IngestOptions(fetch=fetch)
    with GraphStore.create(f"sqlite:///{tmp_path}/g.db")[0] as store, Quarantine(None) as rejected:
        (plan,) = plan_sources([path], options, rejected)
        plan = replace(plan, chosen=replace(plan.chosen, reader=Forbidden()))
        (report,) = pipeline.ingest_planned(store, [plan], options, quarantine=rejected)
        assert report.counts.products_added == 1


@pytest.mark.parametrize("fetch", [None, FetchSettings()])
def test_a_crash_is_one_error_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fetch: FetchSettings | None
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.ttl"
    path.write_text(TURTLE)
    options = IngestOptions(fetch=fetch)
    with GraphStore.create(f"sqlite:///{tmp_path}/g.db")[0] as store, Quarantine(None) as rejected:
        (plan,) = plan_sources([path], options, rejected)
        plan = replace(plan, chosen=native(), mapping=Path("crash"))
        with pytest.raises(CatalogError, match="SIGSEGV; nothing of it was kept"):
            pipeline.ingest_planned(store, [plan], options, quarantine=rejected)
        assert store.status().products == 0


@pytest.mark.parametrize("name", ["a.ttl", "a.parquet"])
def test_the_limit_is_that_of_the_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    write(path)
    given: list[Any] = []
    working = reading_ahead.working
    monkeypatch.setattr(
        reading_ahead, "working", lambda task, limits: given.append(limits) or working(task, limits)
    )
    limits = Limits(memory=1 << 30)
    options = IngestOptions(limits=limits, fetch=FetchSettings())
    with GraphStore.create(f"sqlite:///{tmp_path}/g.db")[0] as store, Quarantine(None) as rejected:
        pipeline.ingest(store, [path], options, quarantine=rejected)
    assert given == [limits, limits]


def test_which_of_the_built_in_ones_are_native() -> None:
    assert choose_reader(Path("any"), "rdf").record.native
    assert choose_reader(Path("any"), "parquet").record.native
    assert not choose_reader(Path("any"), "csv").record.native
