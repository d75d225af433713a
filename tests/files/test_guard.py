"""No output overwrites an input, however it is called."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from k3m_kg.errors import UsageError
from k3m_kg.files import Kept, check_output
from k3m_kg.files.guard import sqlite_files


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("source.csv").write_text("id\n")
    Path("model").mkdir()
    Path("model/weights").touch()
    Path("link").symlink_to("source.csv")
    Path("hard").hardlink_to("source.csv")
    Path("linked-model").symlink_to("model")
    Path("loop").symlink_to("loop")
    with sqlite3.connect("other.db") as connection:
        connection.execute("CREATE TABLE a (b)")
    return tmp_path


KEPT = (Kept("the source", Path("source.csv")), Kept("the model", Path("model"), inside=True))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("source.csv", "this is the source"),
        ("./model/../source.csv", "this is the source"),
        ("link", "this is the source"),
        ("hard", "this is the source"),
        ("model", "this is the model"),
        ("linked-model", "this is the model"),
        ("model/new", "lies in the model"),
        ("linked-model/deep/new", "lies in the model"),
        ("other.db", "a SQLite database"),
        ("other.db-wal", "part of a SQLite database"),
        ("loop", "cannot be written"),
        ("x" * 6000, "cannot be written"),
    ],
)
@pytest.mark.usefixtures("place")
def test_refused(output: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        check_output(Path(output), KEPT, where="--out")
    assert caught.value.where is not None
    assert caught.value.where.startswith("--out ")


@pytest.mark.parametrize(
    "output", ["new.csv", "source.csv.gz", "models/new", "/dev/null", "-", "other.db-notes"]
)
@pytest.mark.usefixtures("place")
def test_let_through(output: str) -> None:
    check_output(Path(output), KEPT, where="--out")


@pytest.mark.parametrize("mark", ["model.safetensors", "products.arrow"])
@pytest.mark.usefixtures("place")
def test_models_and_snapshots_that_were_not_named(mark: str) -> None:
    Path("unnamed").mkdir()
    Path("unnamed", mark).touch()
    with pytest.raises(UsageError, match="lies in the folder of a"):
        check_output(Path("unnamed/page.html"), (), where="--html")


@pytest.mark.parametrize(
    "name", ["g.db", "g.db-wal", "g.db-shm", "g.db-journal", "g.db.images/ab/c", "g.db.sparql/x"]
)
@pytest.mark.usefixtures("place")
def test_a_database_is_more_than_its_file(name: str) -> None:
    with pytest.raises(UsageError):
        check_output(Path(name), sqlite_files(Path("g.db")), where="OUT")


def test_what_may_not_be_looked_at_is_no_traceback(tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    sealed.mkdir()
    sealed.chmod(0)
    try:
        check_output(sealed / "file", (Kept("the source", tmp_path / "a"),), where="--out")
    except UsageError:
        assert os.geteuid() != 0
    finally:
        sealed.chmod(0o700)


def test_what_lies_in_very_many_folders_is_refused() -> None:
    """Python makes them by a call in a call: a RecursionError from a thousand on."""
    with pytest.raises(UsageError, match="more than 250 folders"):
        check_output(Path("y/" * 1_500), (), where="output")


def test_a_database_that_is_a_folder_has_no_parts() -> None:
    """`K3M_KG_DB=sqlite:///.` was a ValueError in whatever command asked what it must keep."""
    assert [item.path for item in sqlite_files(Path())] == [Path()]


def test_the_record_of_a_model_without_weights_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    for name in ("artifact.json", "config.yaml"):
        Path("model", name).write_text("{}")
    with pytest.raises(UsageError, match="in the folder of a trained model"):
        check_output(Path("model/artifact.json"), [], where="--quarantine")


@pytest.mark.usefixtures("place")
def test_what_names_the_newest_snapshot_is_kept() -> None:
    Path("cut/0123456789abcdef").mkdir(parents=True)
    Path("cut/0123456789abcdef/products.arrow").touch()
    Path("cut/latest").touch()
    Path("alias").symlink_to("cut/latest")
    for output in ("cut/latest", "alias", "cut/./latest"):
        with pytest.raises(UsageError, match="names the newest snapshot"):
            check_output(Path(output), KEPT, where="--out")
    for output in ("latest", "cut/newest", "cut"):
        check_output(Path(output), KEPT, where="--out")
