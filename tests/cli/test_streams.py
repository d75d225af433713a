"""Standard streams that are full, closed or not read to the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from k3m_kg.graph.store import GraphStore

CALL = f'"{sys.executable}" -c "from k3m_kg.cli.app import main; main()"'


def shell(folder: Path, words: str, streams: str) -> subprocess.CompletedProcess[str]:
    """Run in a shell that closes or redirects streams; the exit code is that of the command."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {CALL} {words} {streams}"],
        cwd=folder,
        env={name: text for name, text in os.environ.items() if name != "K3M_KG_DB"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "source.csv").write_text("id,name\n1,Shirt\n2,Hat\n")
    (tmp_path / "map.yaml").write_text("id: id\ntitle: name\n")
    return tmp_path


INGEST = "ingest source.csv --mapping map.yaml"


def products(place: Path) -> int:
    with GraphStore.open(f"sqlite:///{place}/k3m-kg.db") as store:
        return store.status().products


@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"])
def test_without_messages_the_work_is_done(place: Path, streams: str) -> None:
    done = shell(place, INGEST, streams)
    assert done.returncode == 0, done.stderr
    assert "2 products" in done.stdout
    assert products(place) == 2


@pytest.mark.parametrize(
    ("streams", "reason"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
@pytest.mark.parametrize(
    "words", [INGEST, "plugins list --json", "--version", "--help", "undo --help"]
)
def test_a_result_that_cannot_be_told_is_one_message(
    place: Path, words: str, streams: str, reason: str
) -> None:
    done = shell(place, words, streams)
    assert done.returncode == 1, done.stderr
    errors = [line for line in done.stderr.splitlines() if not line.startswith("created ")]
    assert errors == [
        f"error: standard output cannot be written: {reason}",
        "  hint: what was done beside stays done",
    ]
    if words == INGEST:
        assert products(place) == 2


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", "2>/dev/full >/dev/full"])
def test_wrong_use_that_cannot_be_told_is_wrong_use(place: Path, streams: str) -> None:
    done = shell(place, "undo five", streams)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_everything_closed(place: Path) -> None:
    """The database must not get the number of a closed stream, and messages into its middle."""
    done = shell(place, INGEST, "<&- >&- 2>&-")
    assert done.returncode == 1
    assert products(place) == 2


@pytest.mark.parametrize("words", ["status", "status --json", "export - --format nt"])
def test_a_full_output_of_what_reads_the_graph(place: Path, words: str) -> None:
    assert shell(place, INGEST, "").returncode == 0
    done = shell(place, words, ">/dev/full")
    assert done.returncode == 1
    assert "standard output" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("words", ["plugins list", "plugins list --json", "--help"])
def test_a_reader_that_goes_away_is_told_nothing(place: Path, words: str) -> None:
    done = shell(place, words, "| true")
    assert done.returncode in (0, 1)
    assert done.stderr == ""
