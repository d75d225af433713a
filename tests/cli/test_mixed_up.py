"""One thing of ours given where another is wanted: it is said what it is, and what takes it."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from k3m_kg.cli.mixed_up import explained, kind_of
from k3m_kg.cli.using import share_from
from k3m_kg.errors import (
    ArtifactError,
    CatalogError,
    ConfigError,
    GraphError,
    K3MError,
    SnapshotError,
    UsageError,
)
from k3m_kg.graph.store import GraphStore
from k3m_kg.plugin.hookspecs import LinkPredictorPlugin
from k3m_kg.plugin.registry import registry

WORDS = {
    "artifact": "evaluate", "snapshot": "--snapshot", "database": "--db", "run config": "pretrain",
    "mapping": "--mapping", "catalog": "ingest", "run": "--resume",
}  # fmt: skip
OWN = {
    "artifact": ArtifactError, "snapshot": SnapshotError, "database": GraphError,
    "run config": ConfigError, "mapping": ConfigError, "catalog": CatalogError,
    "run": ArtifactError,
}  # fmt: skip


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("things")
    found = {name: folder / name for name in ("artifact", "snapshot")}
    found["run"] = folder / "a.run"
    record = registry().installed(LinkPredictorPlugin.kind)[0].record
    assert isinstance(record, LinkPredictorPlugin)
    for name in ("artifact", "snapshot", "run"):
        found[name].mkdir()
    (found["artifact"] / record.manifest).write_text("{}")
    (found["snapshot"] / "manifest.json").write_text("{}")
    (found["run"] / "checkpoint").mkdir()
    found["database"] = folder / "g.db"
    GraphStore.create(f"sqlite:///{found['database']}")[0].close()
    found["run config"] = folder / "run.yaml"
    found["run config"].write_text("snapshot: s\noutput: o\ntraining:\n  epochs: 1\n")
    found["mapping"] = folder / "m.yaml"
    found["mapping"].write_text("id: sku\ntitle: name\n")
    found["catalog"] = folder / "c.csv"
    found["catalog"].write_text("sku,name\n1,a\n")
    return found


@pytest.mark.parametrize("name", WORDS)
def test_each_thing_is_told(things: dict[str, Path], name: str) -> None:
    assert kind_of(things[name]) == name


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="a file that no one can read")
def test_what_cannot_be_looked_into_is_nothing_known() -> None:
    assert kind_of(Path("/proc/self/mem")) is None


@pytest.mark.parametrize("name", WORDS)
def test_a_thing_in_place_of_another_is_explained(things: dict[str, Path], name: str) -> None:
    for other in {*OWN.values(), CatalogError}:
        error = explained(other("cannot be used", where=str(things[name])))
        about_itself = other is OWN[name] or (name == "mapping" and other is CatalogError)
        assert (WORDS[name] in (error.hint or "")) is not about_itself, (name, other)
        hinted = explained(other("cannot be used", where=str(things[name]), hint="before"))
        assert (hinted.hint == "before") is (about_itself or name == "catalog")
        assert (hinted.hint or "").startswith("before")
        in_the_way = explained(other("cannot be written: it is there", where=str(things[name])))
        assert in_the_way.hint is None


def test_a_config_read_as_another_is_explained(things: dict[str, Path]) -> None:
    error = explained(ConfigError("unknown key 'id'", where=str(things["mapping"])))
    assert "--mapping" in (error.hint or "")


@pytest.mark.parametrize("where", [None, "--db", "a\0b", "nowhere", "x" * 9000])
def test_other_errors_stay(where: str | None) -> None:
    error = K3MError("no", where=where, hint="before")
    assert explained(error).hint == "before"
    assert explained(UsageError("no", where=where)).hint is None


@pytest.mark.parametrize("text", ["95", "95%", "0.95%", "-1", "many", "nan", "inf", ""])
def test_a_share_that_is_none_is_asked_back(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no share") as raised:
        share_from(0.01, 0.999)(text)
    assert ("did you mean 0.95?" in str(raised.value)) is text.startswith("95")


def test_a_share() -> None:
    assert share_from(0.01, 0.999)("0.95") == share_from()(0.95) == 0.95
