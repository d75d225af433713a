"""No command overwrites what it reads, nor another database, model or snapshot of the user."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import get_type_hints

import pytest

from k3m_kg.cli.builtin import COMMANDS as BUILT_IN
from k3m_kg.cli.outputs import functions_of
from tests.cli.conftest import Command

# Every path that a command line can name, and what the command does with it. A new one has to be
# entered here, and an output in COMMANDS too.
READ, WRITTEN, CONFIG = "read", "written", "config"
PATHS = {
    "ingest sources": READ,
    "ingest mapping": READ,
    "ingest images": READ,
    "ingest image_store": WRITTEN,
    "ingest quarantine": WRITTEN,
    "status html": WRITTEN,
    "validate shapes": READ,
    "export out": WRITTEN,
    "export source": READ,
    "export mapping": READ,
    "sparql file": READ,
    "snapshot cut out": WRITTEN,
    "snapshot cut split_file": READ,
    "snapshot verify path": READ,
    "snapshot export path": READ,
    "snapshot export out": WRITTEN,
    "pretrain source": CONFIG,
    "pretrain output": WRITTEN,
    "profile config": READ,
    "profile trace": WRITTEN,
    "evaluate artifact": READ,
    "evaluate snapshot": READ,
    "evaluate diagram": WRITTEN,
    "embed artifact": READ,
    "embed out": WRITTEN,
    "embed snapshot": READ,
    "search artifact": READ,
    "search picture": READ,
    "search out": WRITTEN,
    "search snapshot": READ,
    "search vectors": WRITTEN,
    "match artifact": READ,
    "match pairs": READ,
    "match out": WRITTEN,
    "match snapshot": READ,
    "match vectors": WRITTEN,
    "complete artifact": READ,
    "complete snapshot": READ,
    "complete out": WRITTEN,
    "classify artifact": READ,
    "classify snapshot": READ,
    "classify out": WRITTEN,
    "audit artifact": READ,
    "audit snapshot": READ,
    "report artifact": READ,
    "report snapshot": READ,
    "report out": WRITTEN,
    "serve model": READ,
    "serve snapshot": READ,
    "serve vectors": READ,
    "serve pairs": READ,
    "demo out": WRITTEN,
    "bench data": READ,
    "bench features": READ,
    "bench out": WRITTEN,
    "robustness source": READ,
    "robustness out": WRITTEN,
    "plugins new out": WRITTEN,
    "kge train config": CONFIG,
    "kge evaluate artifact": READ,
    "kge evaluate triples": READ,
    "kge evaluate snapshot": READ,
}
DB = ("--db", "sqlite:///v.db")
COMMANDS: dict[str, tuple[str, ...]] = {
    "ingest image_store": ("ingest", "source.csv", *DB, "--mapping", "map.yaml", "--image-store"),
    "ingest quarantine": ("ingest", "source.csv", *DB, "--mapping", "map.yaml", "--quarantine"),
    "status html": ("status", *DB, "--html"),
    "export out": ("export", *DB, "--format", "nt"),
    "snapshot cut out": ("snapshot", *DB, "--split-file", "source.csv"),
    "snapshot export out": ("snapshot", "export", "cut"),
    "evaluate diagram": ("evaluate", "model", "--snapshot", "cut", "--calibrate", "--diagram"),
    "embed out": ("embed", "model", "--snapshot", "cut"),
    "search out": ("search", "model", "mug", "--snapshot", "cut", "--out"),
    "search vectors": ("search", "model", "mug", "--snapshot", "cut", "--vectors"),
    "match out": ("match", "model", "--snapshot", "cut", "--out"),
    "match vectors": ("match", "model", "--snapshot", "cut", "--vectors"),
    "complete out": ("complete", "model", "--snapshot", "cut", "--out"),
    "classify out": ("classify", "model", "--snapshot", "cut", "--out"),
    "report out": ("report", "model", "--snapshot", "cut", "--out"),
    "demo out": ("demo", "--out"),
    "bench out": ("bench", "beer", "--data", "cut", "--out"),
    "robustness out": ("robustness", "run.yaml", "--out"),
    "plugins new out": ("plugins", "new", "some-reader", "--kind", "reader", "--out"),
    "pretrain source": ("pretrain", "run.yaml", "--set"),
    "pretrain output": ("pretrain", "run.yaml", "--output"),
    "profile trace": ("profile", "run.yaml", "--trace"),
    "kge train config": ("kge", "train", "kge.yaml", "--set"),
}
ALWAYS = (
    "v.db", "v.db-wal", "soft.csv", "hard.csv", "model/new.csv", "cut/new.csv", "map.yaml",
    "run.yaml", "kge.yaml", "mapped.csv",
)  # fmt: skip
"""What none of them may write: databases under any name, models, snapshots, mappings, configs."""
MORE = {
    "ingest image_store": ("source.csv", "map.yaml"),
    "ingest quarantine": ("source.csv", "map.yaml", "v.db.images/new", "v.db.sparql/new"),
    "status html": ("source.csv", "v.db.images/new", "model/model.safetensors"),
    "export out": ("source.csv", "v.db.sparql/new", "v.db-journal"),
    "snapshot cut out": ("source.csv", "cut", "model"),
    "snapshot export out": ("cut", "cut/deep/new", "model"),
    "evaluate diagram": ("model/assets/new.png", "cut/products.arrow"),
    "embed out": ("model/model.safetensors", "cut/deep/new"),
    "search out": ("model/assets/new.csv",),
    "search vectors": ("model", "cut", "cut/deep/new"),
    "match out": ("model/assets/new.csv", "cut/new.csv"),
    "match vectors": ("model", "cut", "cut/deep/new"),
    "complete out": ("model/assets/new.csv",),
    "classify out": ("model/assets/new.csv",),
    "report out": ("model/assets/new.html", "cut/deep/new"),
    "demo out": ("model", "k3m-kg.db"),
    "bench out": ("cut", "cut/deep/new", "model"),
    "robustness out": ("run.yaml", "cut/deep/new", "model", "k3m-kg.db"),
    "plugins new out": ("model", "cut"),
    "pretrain source": ("run.yaml", "cut", ".", "..", "/", "v.db.sparql"),
    "pretrain output": ("run.yaml", "cut", ".", "..", "/", "v.db.sparql"),
    "profile trace": ("run.yaml", "cut/deep/new", "model/new.json"),
    "kge train config": ("kge.yaml", "cut", ".", "..", "/"),
}


def test_every_path_of_every_command_is_known_here() -> None:
    found = {
        f"{name} {parameter}"
        for record in BUILT_IN
        for name, function in functions_of(record.factory(), record.name)
        for parameter, hint in get_type_hints(function).items()
        if "pathlib.Path" in str(hint)
    }
    assert found == set(PATHS)
    assert {name for name, use in PATHS.items() if use != READ} == set(COMMANDS) == set(MORE)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Command) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K3M_KG_DB", raising=False)
    Path("source.csv").write_text("id,name\n1,Shirt\n2,Hat\n")
    Path("map.yaml").write_text("id: id\ntitle: name\n")
    for folder, mark in (("model", "model.safetensors"), ("cut", "products.arrow")):
        Path(folder, "assets").mkdir(parents=True)
        Path(folder, mark).write_text("precious")
    Path("run.yaml").write_text("snapshot: cut\noutput: new\n")
    Path("kge.yaml").write_text("snapshot: cut\noutput: new\nmodel: transe\n")
    assert run("ingest", "source.csv", *DB, "--mapping", "map.yaml")[0] == 0
    with sqlite3.connect("k3m-kg.db") as other:
        other.execute("CREATE TABLE precious (a)")
    Path("soft.csv").symlink_to("v.db")
    Path("hard.csv").hardlink_to("v.db")
    Path("mapped.csv").symlink_to("map.yaml")
    return tmp_path


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


@pytest.mark.parametrize("name", list(COMMANDS))
def test_no_output_overwrites_what_is_to_stay(name: str, place: Path, run: Command) -> None:
    before = content(place)
    for victim in (*ALWAYS, *MORE[name]):
        output = f"output={victim}" if PATHS[name] == CONFIG else victim
        if name == "complete out" and not victim.endswith(".csv"):
            continue  # the name already says that it is no table
        code, out, err = run(*COMMANDS[name], output)
        assert (code, out) == (2, ""), (victim, out, err)
        assert err.startswith("error: "), (victim, err)
        assert len(err.splitlines()) <= 2
        assert content(place) == before, victim


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name.endswith((" out", " html", " trace", " diagram"))]
)
def test_a_source_of_the_graph_at_hand_is_no_output(
    name: str, place: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a command that does not read the graph."""
    monkeypatch.setenv("K3M_KG_DB", "sqlite:///v.db")
    before = content(place)
    code, out, err = run(*COMMANDS[name], "source.csv")
    assert (code, out) == (2, ""), err
    assert content(place) == before


def test_a_source_may_not_be_the_quarantine_of_another(place: Path, run: Command) -> None:
    second = place / "source.csv.quarantine.jsonl"
    second.write_text('{"id": "1", "name": "Hat"}\n')
    code, _, err = run("ingest", "source.csv", second, *DB, "--mapping", "map.yaml")
    assert code == 2, err
    assert second.read_text() == '{"id": "1", "name": "Hat"}\n'


def test_the_page_is_whole_or_not_at_all(
    place: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("page.html").write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("k3m_kg.files.whole.put_file", full)
    code, _, err = run("status", *DB, "--html", "page.html")
    assert code == 1
    assert "No space left" in err
    assert Path("page.html").read_text() == "old"
    assert not list(place.glob(".k3m-kg-*"))


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name not in ("ingest image_store", "snapshot cut out")]
)
@pytest.mark.usefixtures("place")
def test_a_path_of_6000_characters(name: str, run: Command) -> None:
    long = "x" * 6000 + ".csv"
    code, _, err = run(*COMMANDS[name], f"output={long}" if PATHS[name] == CONFIG else long)
    assert code == 2, err
    assert "File name too long" in err
    assert len(err) < 1200


@pytest.mark.parametrize("command", ["diff", "init", "status"])
@pytest.mark.usefixtures("place")
def test_a_database_of_6000_characters(command: str, run: Command) -> None:
    code, _, err = run(command, "--db", "sqlite:///" + "x/" * 3000 + "graph.db")
    assert code in (1, 2), err
    assert "cannot be opened" in err


@pytest.mark.usefixtures("place")
def test_a_mapping_that_never_ends_is_not_read(run: Command) -> None:
    Path("some.csv").write_text("id,name\n7,Shirt\n")
    code, _, err = run("ingest", "some.csv", *DB, "--mapping", "/dev/zero")
    assert code in (1, 2), err
    assert "larger than" in err or "no ordinary file" in err


def test_tables_do_not_take_the_place_of_a_source(place: Path, run: Command) -> None:
    Path("data").mkdir()
    source = Path("data/products.csv")
    source.write_text("id,name\n7,Shirt\n")
    assert run("ingest", source, *DB, "--mapping", "map.yaml")[0] == 0
    code, _, err = run("export", "data", *DB, "--format", "csv")
    assert (code, source.read_text()) == (2, "id,name\n7,Shirt\n"), err
    assert "a source of this graph" in err


def test_rejected_rows_do_not_go_through_a_link_that_nobody_named(
    place: Path, run: Command
) -> None:
    Path("mine").write_text("mine")
    Path("bad.csv.quarantine.jsonl").symlink_to("mine")
    Path("bad.csv").write_text("id,name\n1,Hat\n,Shirt\n")
    code, _, err = run("ingest", "bad.csv", *DB, "--mapping", "map.yaml")
    assert (code, Path("mine").read_text()) == (2, "mine"), err


def test_another_database_is_no_index_of_pictures(place: Path, run: Command) -> None:
    Path("store").mkdir()
    with sqlite3.connect("store/index.db") as other:
        other.execute("CREATE TABLE precious (a)")
    before = Path("store/index.db").read_bytes()
    words = ("source.csv", *DB, "--mapping", "map.yaml", "--image-store", "store")
    code, _, err = run("ingest", *words)
    assert code == 1, err
    assert "is another database" in err
    assert Path("store/index.db").read_bytes() == before


@pytest.mark.usefixtures("place")
def test_a_failed_ingest_takes_the_database_back_that_it_made(run: Command) -> None:
    Path("bad.csv").write_text("id,name\n,Shirt\n")
    code, _, err = run("ingest", "bad.csv", "--mapping", "map.yaml", "--db", "sqlite:///new.db")
    assert code == 1
    assert "removed sqlite:///new.db: nothing was brought in" in err
    assert not list(Path().glob("new.db*"))


@pytest.mark.usefixtures("place")
def test_a_failed_ingest_leaves_a_database_that_was_there(run: Command) -> None:
    Path("bad.csv").write_text("id,name\n,Shirt\n")
    assert run("init", "--db", "sqlite:///new.db")[0] == 0
    assert run("ingest", "bad.csv", "--mapping", "map.yaml", "--db", "sqlite:///new.db")[0] == 1
    assert Path("new.db").exists()
    # Something came in before it failed.
    words = ("ingest", "source.csv", "bad.csv", "--mapping", "map.yaml")
    assert run(*words, "--db", "sqlite:///two.db")[0] == 1
    assert Path("two.db").exists()
