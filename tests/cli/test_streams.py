"""Standard streams that are full, closed or not read to the end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from k3m_kg.graph.store import GraphStore
from tests.started import Done, Started

CALL = f'"{sys.executable}" -c "from k3m_kg.cli.app import main; main()"'
Shell = Callable[[Path, str, str], Done]


@pytest.fixture
def shell(started: Callable[[Mapping[str, str]], Started]) -> Shell:
    """Run with streams that are closed or lead elsewhere, told as a shell is told."""

    def run(folder: Path, words: str, streams: str) -> Done:
        leading: dict[int, str | None] = {}
        for part in streams.split():
            number, sign, target = re.fullmatch(r"(\d?)([<>])(\S+)", part).groups()  # type: ignore[union-attr]
            leading[int(number or sign == ">")] = None if target == "&-" else target
        return started({}).begin(words.split(), folder, streams=leading).end()

    return run


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
def test_without_messages_the_work_is_done(shell: Shell, place: Path, streams: str) -> None:
    done = shell(place, INGEST, streams)
    assert done.code == 0, done.err
    assert b"2 products" in done.out
    assert products(place) == 2


@pytest.mark.parametrize(
    ("streams", "reason"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
@pytest.mark.parametrize(
    "words", [INGEST, "plugins list --json", "--version", "--help", "undo --help"]
)
def test_a_result_that_cannot_be_told_is_one_message(
    shell: Shell, place: Path, words: str, streams: str, reason: str
) -> None:
    done = shell(place, words, streams)
    assert done.code == 1, done.err
    errors = [line for line in done.err.decode().splitlines() if not line.startswith("created ")]
    assert errors == [
        f"error: standard output cannot be written: {reason}",
        "  hint: what was done beside stays done",
    ]
    if words == INGEST:
        assert products(place) == 2


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", "2>/dev/full >/dev/full"])
def test_wrong_use_that_cannot_be_told_is_wrong_use(
    shell: Shell, place: Path, streams: str
) -> None:
    done = shell(place, "undo five", streams)
    assert (done.code, done.out, done.err) == (2, b"", b"")


def test_everything_closed(shell: Shell, place: Path) -> None:
    """The database must not get the number of a closed stream, and messages into its middle."""
    done = shell(place, INGEST, "<&- >&- 2>&-")
    assert done.code == 1
    assert products(place) == 2


@pytest.mark.parametrize("words", ["status", "status --json", "export - --format nt"])
def test_a_full_output_of_what_reads_the_graph(shell: Shell, place: Path, words: str) -> None:
    assert shell(place, INGEST, "").code == 0
    done = shell(place, words, ">/dev/full")
    assert done.code == 1
    assert b"standard output" in done.err
    assert b"Traceback" not in done.err
    assert b"Exception ignored" not in done.err


@pytest.mark.parametrize("words", ["plugins list", "plugins list --json", "--help"])
def test_a_reader_that_goes_away_is_told_nothing(place: Path, words: str) -> None:
    """In a shell, as nothing else makes such pipes."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {CALL} {words} | true"],
        cwd=place,
        env={name: text for name, text in os.environ.items() if name != "K3M_KG_DB"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1)
    assert done.stderr == ""
