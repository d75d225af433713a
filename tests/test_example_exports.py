"""`examples/exports` holds an export of each kind, and commands that work as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from k3m_kg.cli.app import app
from k3m_kg.readers.choosing import choose_reader

EXPORTS = Path(__file__).parent.parent / "examples" / "exports"
README = (EXPORTS / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`|]+)` +\| `([^`|]+)` ", README, re.MULTILINE)


def test_every_export_is_in_the_table() -> None:
    files = {path.name for path in EXPORTS.iterdir()} - {"README.md"}
    assert files == {name for name, _ in ROWS} | set(
        re.findall(r"`([\w-]+(?:\.yaml|-images\.csv))`", README)
    )


@pytest.mark.parametrize(("name", "format"), ROWS)
def test_the_format_is_told_from_the_file(name: str, format: str) -> None:
    mapped = name in re.findall(r"ingest (\S+) --mapping", README)
    assert choose_reader(EXPORTS / name, mapped=mapped).name == format


def test_the_commands_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(EXPORTS, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K3M_KG_DB", raising=False)
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    commands = [line.split() for block in blocks for line in block.splitlines() if line]
    ingested = set()
    for program, *arguments in commands:
        assert program == "k3m-kg"
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, (arguments, result.output)
        assert "rejected" not in result.output, (arguments, result.output)
        ingested.update(arguments)
    assert {name for name, _ in ROWS} <= ingested
    assert list(tmp_path.glob("*.quarantine*")) == []
