"""Which rejected rows a file has from an earlier run, whatever the file is."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.records import RejectedRow


def test_rows_of_an_earlier_run_are_found(tmp_path: Path) -> None:
    path = tmp_path / "rejected.jsonl"
    path.write_text('{"source": "b.csv", "line": 1}\n{"source": "a.csv", "line": 2}\n')
    with Quarantine(path) as rejected:
        assert rejected.holds(Path("a.csv"))
        assert not rejected.holds(Path("c.csv"))


@pytest.mark.parametrize("device", ["/dev/full", "/dev/zero"])
def test_a_device_holds_none(device: str) -> None:
    """It was read until memory ended: it has no end, and no lines."""
    with Quarantine(Path(device)) as rejected:
        assert not rejected.holds(Path("a.csv"))


def test_what_looks_like_a_row_within_a_long_line_is_none(tmp_path: Path) -> None:
    path = tmp_path / "rejected.jsonl"
    path.write_text("x" * (1 << 20) + '{"source": "a.csv", "line": 2}\n')
    with Quarantine(path) as rejected:
        assert not rejected.holds(Path("a.csv"))


def test_a_full_disk_is_one_message_when_the_file_is_closed_too() -> None:
    row = RejectedRow(3, "no id", ",x")
    with pytest.raises(CatalogError, match="No space left"), Quarantine(Path("/dev/full")) as full:
        full.add(Path("a.csv"), row)


def test_another_name_of_the_file_stays_as_it_was(tmp_path: Path) -> None:
    path, mine = tmp_path / "rejected.jsonl", tmp_path / "notes.txt"
    mine.write_text("mine")
    path.hardlink_to(mine)
    with Quarantine(path) as rejected:
        rejected.add(Path("a.csv"), RejectedRow(3, "no id", ",x"))
        rejected.add(Path("a.csv"), RejectedRow(4, "no id", ",y"))
    assert mine.read_text() == "mine"
    assert path.read_text().count("no id") == 2
