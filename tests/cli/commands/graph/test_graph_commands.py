"""`k3m-kg init`, `migrate`, `ingest` and `status`, as a user meets them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from k3m_kg.cli.app import main

ROW = "1\ta title\thttps://x/1.jpg\tcolour#:#red\tcoats\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K3M_KG_DB", raising=False)
    (tmp_path / "a.tsv").write_text(ROW + ROW.replace("1", "2"))
    return tmp_path


class Outcome:
    """What a command printed, and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def k3m_kg(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["k3m-kg", *arguments])
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        assert isinstance(code, int)
        return Outcome(code, captured.out, captured.err)

    return run


def test_ingest_makes_the_database_and_says_so(k3m_kg: Any, folder: Path) -> None:
    done = k3m_kg("ingest", "a.tsv")
    assert done.code == 0
    assert "created sqlite:///k3m-kg.db" in done.err
    assert "2 added" in done.out
    assert (folder / "k3m-kg.db").exists()

    again = k3m_kg("ingest", "a.tsv")
    assert (again.code, again.err) == (0, "")
    assert "unchanged" in again.out


def test_ingest_as_json(k3m_kg: Any) -> None:
    Path("a.tsv").write_text(ROW + "ragged\n")
    done = k3m_kg("ingest", "a.tsv", "--json")
    promised = {
        "products_read": 1,
        "products_added": 1,
        "products_updated": 0,
        "products_unchanged": 0,
        "products_removed": 0,
        "rows_quarantined": 1,
        "triples_added": 1,
        "triples_removed": 0,
    }
    assert promised.items() <= done.json.items()
    (source,) = done.json["sources"]
    assert source["quarantine"] == "a.tsv.quarantine.jsonl"


def test_json_counts_add_up_over_sources(k3m_kg: Any) -> None:
    Path("b.tsv").write_text(ROW.replace("1", "3"))
    done = k3m_kg("ingest", "a.tsv", "b.tsv", "--json")
    assert done.json["products_added"] == 3
    assert [source["products_added"] for source in done.json["sources"]] == [2, 1]


def test_status_as_table_and_as_json(k3m_kg: Any) -> None:
    k3m_kg("ingest", "a.tsv")
    promised = {
        "products": 2,
        "properties": 1,
        "values": 1,
        "triples": 2,
        "images": 0,
        "missing": {"image": 2, "title": 0, "triples": 0, "category": 0},
    }
    assert promised.items() <= k3m_kg("status", "--json").json.items()
    table = k3m_kg("status")
    assert table.code == 0
    assert "products" in table.out
    assert "URLs that were not fetched" in table.out


def test_the_database_may_come_from_the_environment(
    k3m_kg: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K3M_KG_DB", "sqlite:///other.db")
    k3m_kg("ingest", "a.tsv")
    assert Path("other.db").exists()
    assert k3m_kg("status", "--json").json["products"] == 2


def test_init_and_migrate_say_what_they_did(k3m_kg: Any) -> None:
    assert k3m_kg("init", "--json").json["created"] is True
    assert k3m_kg("init", "--json").json["created"] is False
    assert "up to date" in k3m_kg("migrate").err
    assert k3m_kg("status", "--json").json["products"] == 0


def test_a_dry_run_makes_no_database(k3m_kg: Any) -> None:
    done = k3m_kg("ingest", "a.tsv", "--dry-run", "--json")
    assert (done.json["products_added"], done.json["dry_run"]) == (2, True)
    assert not Path("k3m-kg.db").exists()


def test_a_dry_run_writes_no_rejected_rows(k3m_kg: Any, folder: Path) -> None:
    Path("a.tsv").write_text(ROW + "ragged\n")
    before = sorted(folder.iterdir())
    done = k3m_kg("ingest", "a.tsv", "--dry-run")
    assert "1 rows rejected; they would be in a.tsv.quarantine.jsonl" in done.out
    assert "note: rejected: line 2: " in done.out
    assert "reasons would be in" in k3m_kg("ingest", "a.tsv", "--dry-run", "--strict").err
    Path("b.tsv").write_text("ragged\n")
    failed = k3m_kg("ingest", "b.tsv", "--dry-run", "--format", "k3m-tsv")
    assert "all of them would be in b.tsv.quarantine.jsonl" in failed.err
    assert sorted(folder.iterdir()) == [*before, folder / "b.tsv"]
    assert "with reasons in a.tsv.quarantine.jsonl" in k3m_kg("ingest", "a.tsv").out


def test_the_runs_are_listed(k3m_kg: Any) -> None:
    k3m_kg("init")
    assert "nothing was ingested yet" in k3m_kg("diff", "--runs").err
    k3m_kg("ingest", "a.tsv")
    Path("a.tsv").write_text(ROW)
    k3m_kg("ingest", "a.tsv")
    k3m_kg("undo", "2")
    second, first = k3m_kg("diff", "--runs").out.splitlines()
    assert first.startswith("run 1, ingest (k3m-tsv) of ")
    assert second.startswith("run 2, ")
    assert " 1 removed; triples: 0 added, 1 removed; UNDONE 2" in second
    listed = k3m_kg("diff", "--runs", "--limit", "1", "--json").json
    assert ([one["run"] for one in listed["runs"]], listed["more"]) == ([2], 1)
    assert listed["runs"][0]["products_removed"] == 1
    assert k3m_kg("diff", "2", "--runs").code == 2
    assert k3m_kg("diff").out.startswith("run 1, ")  # the newest that holds
    k3m_kg("undo", "1")
    assert "every run was undone" in k3m_kg("diff").err
    assert "`k3m-kg diff --runs` lists them" in k3m_kg("diff", "9").err


def test_pictures_in_a_folder_beside_the_file_are_told_with_the_folder(k3m_kg: Any) -> None:
    Path("a.jsonl").write_text('{"id": "1", "name": "Mug", "image": "mug.jpg"}\n')
    Path("my pictures").mkdir()
    Image.new("RGB", (16, 16)).save("my pictures/mug.jpg")
    done = k3m_kg("ingest", "a.jsonl")
    told = "but in my pictures: --images 'my pictures' reads them"
    assert told in done.out
    assert "1 found" in k3m_kg("ingest", "a.jsonl", "--images", "my pictures").out


@pytest.mark.parametrize("images", [True, False])
def test_pictures_that_are_elsewhere_are_asked_for(k3m_kg: Any, images: bool) -> None:
    Path("a.jsonl").write_text('{"id": "1", "name": "Mug", "image": "mug.jpg"}\n')
    Path("pictures").mkdir()
    done = k3m_kg("ingest", "a.jsonl", *(["--images", "pictures"] if images else []))
    assert "1 failed" in done.out
    assert ("'mug.jpg' are not beside the file: --images DIR" in done.out) is not images


def test_a_dry_run_shows_the_difference_to_what_is_there(k3m_kg: Any) -> None:
    k3m_kg("ingest", "a.tsv")
    Path("a.tsv").write_text(ROW)
    assert k3m_kg("ingest", "a.tsv", "--dry-run", "--json").json["products_removed"] == 1
    assert k3m_kg("status", "--json").json["products"] == 2


def test_strict_fails_and_writes_nothing(k3m_kg: Any) -> None:
    Path("a.tsv").write_text(ROW + "ragged\n")
    failed = k3m_kg("ingest", "a.tsv", "--strict", "--quarantine", "bad.jsonl")
    assert failed.code == 1
    assert "nothing was written" in failed.err
    assert json.loads(Path("bad.jsonl").read_text())["line"] == 2
    assert not list(Path().glob("k3m-kg.db*")), "it made the database, and takes it back"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ingest", "missing.tsv"], 1, "missing.tsv: no such file"),
        (["ingest", "."], 1, "is a folder"),
        (["ingest"], 2, "SOURCE"),
        (["ingest", "a.tsv", "--format", "k3m_tsv"], 2, "Did you mean 'k3m-tsv'?"),
        (["ingest", "a.tsv", "--images", "nowhere"], 2, "nowhere: no such folder"),
        (["ingest", "a.tsv", "--db", "graph.db"], 2, "sqlite:///graph.db"),
        (["ingest", "a.tsv", "--format", "csv"], 2, "needs a mapping file"),
        (["ingest", "a.tsv", "--mapping", "none.yaml"], 2, "--mapping: none.yaml: no such file"),
        (["ingest", "a.tsv", "--images", "none"], 2, "--images: none: no such folder"),
        (["status"], 1, "k3m-kg init"),
        (["migrate"], 1, "no such database"),
        (["init", "--db", "sqlite:///nowhere/graph.db"], 1, "cannot be opened"),
        (["status", "--db", "sqlite:///a.tsv"], 1, "not a database"),
    ],
)
def test_wrong_input_is_one_clear_message(
    k3m_kg: Any, arguments: list[str], code: int, message: str
) -> None:
    failed = k3m_kg(*arguments)
    assert failed.code == code
    assert message in failed.err
    assert "Traceback" not in failed.err
    assert failed.out == ""


def test_a_locked_database_is_one_clear_message(
    k3m_kg: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from k3m_kg.graph.store import GraphStore

    k3m_kg("ingest", "a.tsv")
    Path("a.tsv").write_text(ROW)
    writing = GraphStore.writing
    monkeypatch.setattr(
        GraphStore, "writing", lambda self, **options: writing(self, **options, patience=0.2)
    )
    other = sqlite3.connect("k3m-kg.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    failed = k3m_kg("ingest", "a.tsv")
    other.close()
    assert failed.code == 1
    assert "waiting for another process" in failed.err
    assert "another process has been writing" in failed.err
    assert k3m_kg("ingest", "a.tsv", "--json").json["products_removed"] == 1


def test_a_read_only_database_is_one_clear_message(
    k3m_kg: Any, read_only_folder: Callable[..., Path]
) -> None:
    url = f"sqlite:///{read_only_folder()}/graph.db"
    assert k3m_kg("ingest", "a.tsv", "--db", url).code == 0
    read_only_folder(sealed=True)
    Path("a.tsv").write_text(ROW)
    failed = k3m_kg("ingest", "a.tsv", "--db", url)
    assert failed.code == 1
    assert "read-only" in failed.err or "cannot be opened" in failed.err


def test_graph_commands_load_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['k3m-kg', 'ingest', 'a.tsv', '--json']\n"
        "from k3m_kg.cli.app import main\n"
        "early = {'sqlalchemy', 'alembic', 'PIL', 'pydantic', 'yaml'} & set(sys.modules)\n"
        "assert not early, early\n"
        "main()\n"
    )
    check = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(sorted({'torch', 'dgl', 'pykeen', 'transformers', 'pandas',"
        " 'numpy', 'accelerate'} & set(sys.modules)), file=sys.stderr))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", check + program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_source_that_is_missing_leaves_no_database(k3m_kg: Any, folder: Path) -> None:
    done = k3m_kg("ingest", "nowhere.tsv")
    assert (done.code, done.out) == (1, "")
    assert not (folder / "k3m-kg.db").exists()


def test_diff_and_undo_as_ingest_says(k3m_kg: Any, folder: Path) -> None:
    k3m_kg("ingest", "a.tsv")
    (folder / "a.tsv").write_text(ROW.replace("red", "b\x1b[2Jlue") + ROW.replace("1", "3"))
    assert "`k3m-kg diff 2` shows it" in k3m_kg("ingest", "a.tsv").out

    shown = k3m_kg("diff").out
    assert "run 2, ingest (k3m-tsv)" in shown
    assert "- colour: red" in shown
    assert "+ colour: b\\x1b[2Jlue" in shown
    assert {c["name"]: c["change"] for c in k3m_kg("diff", "2", "--json").json["changes"]} == {
        "1": "updated",
        "2": "removed",
        "3": "added",
    }
    assert k3m_kg("diff", "2", "--limit", "1", "--json").json["more"] == 2

    done = k3m_kg("undo", "2", "--json")
    assert done.json == {
        "run": 2,
        "products_removed": 1,
        "products_restored": 2,
        "triples_added": 2,
        "triples_removed": 2,
        "idle": [],
    }
    assert k3m_kg("status", "--json").json["products"] == 2
    again = k3m_kg("undo", "2")
    assert (again.code, again.out) == (1, "")
    assert "was undone before" in again.err
    assert k3m_kg("diff", "9").code == 1
    assert k3m_kg("ingest", "a.tsv", "--json").json["products_updated"] == 1


def test_diff_of_an_empty_graph(k3m_kg: Any) -> None:
    k3m_kg("init")
    done = k3m_kg("diff")
    assert done.code == 1
    assert "nothing was ingested yet" in done.err


def test_a_dry_run_shows_the_difference(k3m_kg: Any, folder: Path) -> None:
    k3m_kg("ingest", "a.tsv")
    (folder / "a.tsv").write_text(ROW.replace("red", "blue"))
    done = k3m_kg("ingest", "a.tsv", "--dry-run")
    assert "+ colour: blue" in done.out
    assert "removed   2" in done.out
    assert k3m_kg("status", "--json").json["products"] == 2


def test_status_shows_what_looks_wrong(k3m_kg: Any) -> None:
    rows = [f"{n}\tt{n}\t\tcolour#:#{value}\tc" for n, value in enumerate(["red", "RED", "n/a"])]
    Path("b.tsv").write_text("\n".join(rows) + "\n")
    k3m_kg("ingest", "b.tsv")
    found = k3m_kg("status", "--json").json
    assert [(one["kind"], one["value"]) for one in found["suspicious"]["listed"]] == [
        ("placeholder", "n/a"),
        ("spelling", "RED"),
    ]
    assert [(one["property"], one["share"]) for one in found["coverage"]] == [("colour", 1.0)]
    shown = k3m_kg("status").out
    assert "suspicious" in shown
    assert "n/a" in shown
    assert "suspicious" not in k3m_kg("status", "--counts").out
    assert "coverage" not in k3m_kg("status", "--counts", "--json").json


def test_status_never_lets_a_catalog_write_to_the_terminal(k3m_kg: Any) -> None:
    Path("b.tsv").write_text("1\tt\t\tco[bold]lour#:#re\x1b[31md\tc\n2\tt\t\ta#:#b\tc\n")
    k3m_kg("ingest", "b.tsv")
    shown = k3m_kg("status").out
    assert "\x1b[31m" not in shown
    assert "co[bold]lour" in shown


def test_status_writes_a_page(k3m_kg: Any) -> None:
    k3m_kg("ingest", "a.tsv")
    done = k3m_kg("status", "--html", "quality.html", "--json")
    assert done.json["products"] == 2
    assert Path("quality.html").read_text("utf-8").startswith("<!doctype html>")
    assert k3m_kg("status", "--html", "no/where.html").code == 1
    assert k3m_kg("status", "--html", "x.html", "--counts").code == 2


def test_ingest_fetches_pictures_on_request(k3m_kg: Any) -> None:
    from tests.pictures.picture_server import picture_server

    with picture_server() as server:
        url = server.picture("/1.png")
        Path("b.tsv").write_text(f"1\tt\t{url}\ta#:#b\tc\n")
        refused = k3m_kg("ingest", "b.tsv", "--fetch-images", "--json").json
        assert refused["sources"][0]["images_fetched"]["failed"] == 1
        assert "no public address" in refused["sources"][0]["image_failures"][0]["error"]
        old = k3m_kg("ingest", "b.tsv", "--fetch-images", "--allow-private-addresses")
        assert old.code == 2
        assert "--allow-host" in old.err
        assert "--allow-network" in old.err
        wrong = k3m_kg("ingest", "b.tsv", "--fetch-images", "--allow-host", server.url(""))
        assert wrong.code == 2
        allow = ("--allow-host", "pim.intern", "--allow-network", "127.0.0.0/8")
        done = k3m_kg("ingest", "b.tsv", "--refetch-images", *allow, "--json")
        assert done.json["images_found"] == 1
        again = k3m_kg("ingest", "b.tsv", "--fetch-images")
    assert "pictures: 0 fetched" in again.out
    assert "unchanged" in again.out


def test_a_file_of_another_format_than_named_is_told(k3m_kg: Any) -> None:
    example = Path(__file__).parents[4] / "examples" / "exports" / "woocommerce.csv"
    done = k3m_kg("ingest", str(example), "--format", "shopify")
    assert done.code == 1
    assert "it looks like a file of woocommerce, and --format says shopify" in done.err
    assert "looks like" not in k3m_kg("ingest", str(example), "--format", "woocommerce").err
