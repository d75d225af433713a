"""What is printed cannot steer a terminal."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

import k3m_kg.cli
from k3m_kg.cli.console import Notes, print_json, visible, visible_line
from tests.cli.conftest import Command

EVIL = "a\x1b]0;owned\x07b\x9b31mc\u202ed\u2066e\u2028f\rg\x7fh"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def test_visible() -> None:
    assert visible(EVIL) == (r"a\x1b]0;owned\x07b\x9b31mc\u202ed\u2066e\u2028f\x0dg\x7fh")
    assert visible("Größe\t10 cm – 日本\n") == "Größe\t10 cm – 日本\n"
    assert visible("\ud800") == r"\ud800"
    assert visible_line("a\nb\tc") == r"a\nb\tc"
    assert len(visible_line("x" * 100, 40)) == 40
    assert visible_line("/folder/of/some/catalog.csv", 12, end=True) == "…catalog.csv"
    assert visible_line("catalog.csv", 12, end=True) == "catalog.csv"


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Command) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K3M_KG_DB", raising=False)
    lines = [{"id": f"{EVIL}{n}", "title": f"t{EVIL}", f"p{EVIL}": EVIL} for n in range(3)]
    Path("evil.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run("ingest", "evil.jsonl")[0] == 0
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "--json"),
        ("diff",),
        ("diff", "--json"),
        ("validate",),
        ("validate", "--json"),
        ("ingest", "evil.jsonl", "--dry-run"),
        ("sparql", "SELECT * { ?s ?p ?o }"),
        ("ingest", "none\x1b[31m\u202e.csv"),
        ("pretrain", "none\x1b[31m\u202e.yaml"),
        ("status", "--db", "sqlite:///none\x1b[31m.db"),
        ("plugins", "show", "x\x1b[31m"),
    ],
    ids=lambda words: " ".join(words).encode("ascii", "replace").decode(),
)
@pytest.mark.usefixtures("evil")
def test_no_command_prints_what_steers_a_terminal(words: tuple[str, ...], run: Command) -> None:
    _, out, err = run(*words)
    assert out + err
    found = STEERING.findall(out + err)
    assert not found, (found, out, err)


@pytest.mark.usefixtures("evil")
def test_json_is_escaped_and_still_says_the_same(run: Command) -> None:
    _, out, _ = run("diff", "--json")
    names = {change["name"] for change in json.loads(out)["changes"]}
    assert f"{EVIL}0" in names


def test_commands_print_through_the_console_only() -> None:
    folder = Path(k3m_kg.cli.__file__).parent
    own = re.compile(r"(?<![\w.])print\(|\becho\(|sys\.std(out|err)\b|\bConsole\(")
    found = {
        path.name for path in folder.rglob("*.py") if own.search(path.read_text(encoding="utf-8"))
    }
    streams = {"console.py", "streams.py", "encoding.py"}  # the last one says how they encode
    assert found <= streams, "use say, note, print_json or terminal"


def test_a_note_of_what_went_wrong_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    record = logging.LogRecord("k3m_kg", logging.WARNING, "", 0, "x" * 5_000, None, None)
    Notes(logging.WARNING).emit(record)
    assert 1_000 < len(capsys.readouterr().err) < 1_100


def test_figures_that_are_not_numbers_are_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": (None, True)})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": [None, True]}
