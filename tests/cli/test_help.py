"""Help answers at once, because nothing heavy is imported for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "torch",
    "dgl",
    "pykeen",
    "transformers",
    "tokenizers",
    "sklearn",
    "accelerate",
    "matplotlib",
)
NEVER_FOR_HELP = (*HEAVY, "sqlalchemy", "alembic", "pyarrow", "numpy", "PIL", "rdflib")
PROBE = """
import json, sys
from k3m_kg.cli.app import main
sys.argv = ["k3m-kg", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit as ended:
    code = ended.code
sys.stderr.write("\\n" + json.dumps([code, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def imported(*arguments: str, cwd: Path | None = None) -> set[str]:
    """The top-level packages that a command imports; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code in (None, 0), done.stderr
    return set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["ingest", "--help"],
        ["pretrain", "--help"],
        ["evaluate", "--help"],
        ["demo", "--help"],
        ["plugins", "--help"],
    ],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert imported(*arguments) & set(NEVER_FOR_HELP) == set()


def test_the_first_help_imports_no_settings_either() -> None:
    assert "pydantic" not in imported("--help")  # typer itself needs it for a command's options


def test_listing_plugins_imports_no_torch() -> None:
    assert imported("plugins", "list", "--json") & set(HEAVY) == set()


def test_graph_commands_import_no_torch(tmp_path: Path) -> None:
    for arguments in (["init"], ["status", "--json"]):
        assert imported(*arguments, cwd=tmp_path) & set(HEAVY) == set()


def test_ingest_imports_no_torch(tmp_path: Path) -> None:
    (tmp_path / "catalog.csv").write_text("id,name,colour\n1,cup,red\n", encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text("{id: id, title: name, properties: [colour]}\n")
    modules = imported("ingest", "catalog.csv", "--mapping", "mapping.yaml", "--json", cwd=tmp_path)
    assert modules & set(HEAVY) == set()
