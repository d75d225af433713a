"""A path that is not there: the command line names the one beside it that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.cli.absent import with_neighbour
from k3m_kg.errors import ArtifactError, CatalogError, GraphError, K3MError, UsageError
from k3m_kg.plugin.hookspecs import LinkPredictorPlugin
from k3m_kg.plugin.registry import registry
from tests.cli.conftest import Command

TABLE = "sku,name\n1,Mug\n2,Cup\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sensors.csv").write_text(TABLE)
    (tmp_path / "mapping.yaml").write_text("id: sku\n")
    (tmp_path / "run.yaml").write_text("snapshot: snapshots\noutput: models/new\n")
    record = registry().installed(LinkPredictorPlugin.kind)[0].record
    assert isinstance(record, LinkPredictorPlugin)
    for name in ("images", "snapshots", "models/first"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "models" / "first" / record.manifest).write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (CatalogError("no such file", where="sensor.csv"), "did you mean sensors.csv?"),
        (CatalogError("no such file", where="SENSORS.CSV"), "did you mean sensors.csv?"),
        (ArtifactError("no such artifact", where="models/firs"), "did you mean models/first?"),
        (UsageError("maping.yaml: no such file", where="--mapping"), "did you mean mapping.yaml?"),
        (UsageError("no such file or folder", where="--set pairs=sensor.csv"), "sensors.csv?"),
        (UsageError("pics: no such folder or archive", where="--images"), "images, models, snap"),
        (CatalogError("no such file", where="nowhere/a.csv"), "there is no folder nowhere"),
        (CatalogError("no such file", where="zzz.csv"), "there is: sensors.csv"),
        (GraphError("no such database", where="g.db"), None),
        (K3MError("cannot be written", where="sensor.csv"), None),
        (UsageError("no such file", where="--db"), None),
        (CatalogError("no such file", where="a\0b"), None),
        (CatalogError("no such file", where="x" * 9000), None),
    ],
    ids=lambda one: one.where[:30] if isinstance(one, K3MError) else None,
)
def test_what_is_beside_it_is_named(error: K3MError, meant: str | None) -> None:
    hint = with_neighbour(error).hint
    assert hint is None if meant is None else meant in (hint or "")


def test_what_was_known_stays() -> None:
    error = CatalogError("no such file", where="sensor.csv", hint="before")
    assert with_neighbour(error).hint == "did you mean sensors.csv?\n  before"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["ingest", "sensor.csv"], 1, "did you mean sensors.csv?"),
        (["ingest", "sensors.csv", "--mapping", "maping.yaml"], 2, "did you mean mapping.yaml?"),
        (["ingest", "sensors.csv", "--images", "imags"], 2, "did you mean images?"),
        (["pretrain", "snapshot"], 2, "did you mean snapshots?"),
        (["pretrain", "sensors.csv"], 2, "`k3m-kg ingest sensors.csv`"),
        (
            ["pretrain", "run.yaml", "--set", "training.epoch=1"],
            2,
            "error: --set training.epoch=1 for run.yaml: unknown key",
        ),
        (["complete", "models"], 1, "it holds the artifact: models/first"),
        (["serve", "--model", "models/firs"], 1, "did you mean models/first?"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else None,
)
def test_commands_say_so(run: Command, words: list[str], code: int, told: str) -> None:
    ended, out, err = run(*words)
    assert (ended, out) == (code, "")
    assert told in err


def test_a_folder_of_snapshots_that_is_not_there_says_what_cuts_one(run: Command) -> None:
    code, out, err = run("pretrain", "snapshot")
    assert (code, out) == (2, "")
    assert "no such snapshot or config" in err
    assert "did you mean snapshots?" in err
    assert "k3m-kg snapshot DIR" in err
