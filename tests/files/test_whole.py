"""A file or folder is there whole or not at all, whatever happens."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from k3m_kg.errors import ArtifactError, K3MError, UsageError
from k3m_kg.files import (
    check_output,
    staging_folder,
    sweep,
    whole_file,
    whole_folder,
    write_text,
)
from k3m_kg.files import folder as folders


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def killed(folder: Path, body: str) -> None:
    """Run `body` in a process that is killed by its last line."""
    program = (
        "import os, signal\nfrom pathlib import Path\n"
        "from k3m_kg.files import *\nfrom k3m_kg.files import folder, staging\n"
        "def die(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{textwrap.dedent(body)}\ndie()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, check=False)
    assert done.returncode == -9


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with whole_file(path) as staging:
        staging.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_file_stays_as_it_was_if_the_block_raises(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), whole_file(path) as staging:
        staging.write_text("half \ud800", encoding="utf-8")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "file", "text")
        with whole_folder(tmp_path / "folder") as folder:
            (folder / "inner").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~mask
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o777 & ~mask
    assert (tmp_path / "folder" / "inner").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "file")
    write_text(link, "text")
    assert link.is_symlink()
    assert (tmp_path / "there" / "file").read_text() == "text"


def test_another_hard_link_keeps_the_old_content(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_text("old")
    other.hardlink_to(path)
    write_text(path, "new")
    assert (path.read_text(), other.read_text()) == ("new", "old")


def test_a_device_is_written_as_it_is() -> None:
    with whole_file(Path("/dev/null")) as staging:
        assert staging == Path("/dev/null")
    with pytest.raises(K3MError, match="No space left"):
        write_text(Path("/dev/full"), "text" * 10_000)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".", "is a folder, not a file"),
        ("none/file", "make its folder first"),
        ("file/below", "choose a folder, not a file"),
        ("x" * 6000, "choose a shorter name"),
        ("d/" * 3000, "choose a shorter name"),
    ],
    ids=["folder", "no folder", "below a file", "long name", "long path"],
)
def test_what_cannot_be_written_is_one_error(tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(K3MError, match=message):
        write_text(tmp_path / path, "text")
    if message.endswith("not a file"):
        return
    with pytest.raises(K3MError), whole_folder(tmp_path / "file" / path):
        pass


def test_the_error_is_of_the_class_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError), whole_file(tmp_path / "a" / "b", ArtifactError):
        pass
    with pytest.raises(UsageError), whole_file(tmp_path, ArtifactError):
        pass


@pytest.mark.parametrize("swaps", [True, False], ids=["one step", "two steps"])
def test_a_folder_replaces_another(
    tmp_path: Path, swaps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not swaps:
        monkeypatch.setattr(folders, "_renameat2", lambda: None)
    target = tmp_path / "folder"
    for content in ("one", "two", "three"):
        with whole_folder(target) as folder:
            (folder / content).write_text(content)
        assert names(target) == [content]
        assert names(tmp_path) == ["folder"]


def test_a_folder_is_not_replaced_where_that_is_forbidden(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    with whole_folder(target, replace=False) as folder:
        (folder / "a").touch()
    with pytest.raises(K3MError, match="not empty"), whole_folder(target, replace=False) as folder:
        (folder / "b").touch()
    assert names(target) == ["a"]
    assert names(tmp_path) == ["folder"]


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    killed(
        tmp_path,
        """
        manager = whole_file(Path("a.txt")); manager.__enter__().write_text("half")
        other = whole_folder(Path("folder")); (other.__enter__() / "half").touch()
        """,
    )
    assert len(names(tmp_path)) == 2
    assert all(name.startswith(".k3m-kg-") for name in names(tmp_path))
    write_text(tmp_path / "b.txt", "text")
    assert names(tmp_path) == ["b.txt"]


def test_what_a_living_process_works_on_stays(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a") as staging, staging_folder(tmp_path) as folder:
        staging.write_text("half")
        sweep(tmp_path)  # a lock belongs to the open file, not to the process
        write_text(tmp_path / "b", "text")
        assert staging.exists()
        assert folder.exists()
    assert names(tmp_path) == ["a", "b"]


def test_without_locks_nothing_is_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(95, "no locks here")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with whole_file(tmp_path / "a") as staging:
        staging.write_text("whole")
        sweep(tmp_path)
        assert staging.exists()
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("before", [1, 2])
def test_killed_before_either_of_the_two_steps(tmp_path: Path, before: int) -> None:
    """The old folder comes back with the next write beside it, or with a sweep."""
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    killed(
        tmp_path,
        f"""
        folder._renameat2 = lambda: None
        rename, calls = Path.rename, []
        def counted(self, to):
            if len(calls) == {before}:  # the first is the try that finds a folder there
                die()
            calls.append(to)
            return rename(self, to)
        Path.rename = counted
        with whole_folder(Path("folder")) as new:
            (new / "new").touch()
        """,
    )
    assert target.exists() == (before == 1)
    sweep(tmp_path)
    assert names(tmp_path) == ["folder"]
    assert names(target) == ["old"]


def test_a_sweep_moves_nothing_out_of_its_folder(tmp_path: Path) -> None:
    """A planted staging folder cannot name a target elsewhere."""
    here = tmp_path / "here"
    planted = here / ".k3m-kg-planted.part"
    (planted / "old").mkdir(parents=True)
    (planted / "target").write_text("../elsewhere")
    sweep(here)
    assert names(tmp_path) == ["here"]
    assert names(here) == []


def test_a_sweep_follows_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    (tmp_path / ".k3m-kg-link.part").symlink_to(precious)
    sweep(tmp_path)
    assert names(precious) == ["file"]


def test_a_name_that_nobody_gave_is_not_written_through_a_link(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    for to in (mine, tmp_path, tmp_path / "nowhere"):
        (tmp_path / "link").symlink_to(to)
        write_text(tmp_path / "link", "new", named=False)
        assert not (tmp_path / "link").is_symlink()
        assert (tmp_path / "link").read_text() == "new"
        (tmp_path / "link").unlink()
    assert mine.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [mine]


@pytest.mark.parametrize(
    "name", ["nosuch/..", "nosuch/../.", "nosuch/../old", "a/nosuch/../../old"]
)
def test_up_from_a_folder_that_is_not_there_leads_nowhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system finds nothing there, and a check takes it for free: `.` was replaced."""
    (tmp_path / "a").mkdir()
    (tmp_path / "old").write_text("precious")
    monkeypatch.chdir(tmp_path)
    for path in (Path(name), tmp_path / name):
        for write in (whole_file, whole_folder):
            with pytest.raises(K3MError, match="No such file or directory"), write(path):
                pass
        with pytest.raises(UsageError, match="No such file or directory"):
            check_output(path, [], where="--out")
    assert names(tmp_path) == ["a", "old"]
    assert (tmp_path / "old").read_text() == "precious"
    check_output(Path("a/../old"), [], where="--out")
