"""The last net under the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from k3m_kg.cli.app import main


def buggy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a \x1b[31mred\nmessage")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("k3m_kg.graph.store.GraphStore.open", broken)
    monkeypatch.setattr(sys, "argv", ["k3m-kg", "status", "--db", "postgresql://me:secret@host/x"])
    with pytest.raises(SystemExit) as end:
        main()
    assert isinstance(end.value.code, int)
    return end.value.code


def test_a_bug_is_one_line_and_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("K3M_KG_TRACEBACK", raising=False)
    assert buggy(monkeypatch, tmp_path) == 3
    (line,) = capsys.readouterr().err.splitlines()
    (file,) = tmp_path.iterdir()
    assert line.startswith(r"error: this is a bug in k3m-kg: ZeroDivisionError: a \x1b[31mred mess")
    assert str(file) in line
    assert "report" in line
    text = file.read_text()
    assert "Traceback" in text
    assert "secret" not in text
    assert file.stat().st_mode & 0o077 == 0


def test_without_a_place_for_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("K3M_KG_TRACEBACK", raising=False)
    assert buggy(monkeypatch, tmp_path / "none") == 3
    assert "K3M_KG_TRACEBACK=1" in capsys.readouterr().err


def test_those_who_ask_get_it_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("K3M_KG_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        buggy(monkeypatch, tmp_path)
