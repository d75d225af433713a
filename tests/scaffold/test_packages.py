"""New packages of each kind, and the example ones: installed, tested and used, in one go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from k3m_kg.cli.app import app
from k3m_kg.scaffold.kinds import KINDS
from tests.plugins.outside import installed
from tests.sources import ROOT

EXAMPLES = sorted((ROOT / "examples" / "plugins").iterdir())
LIMIT = 60
"""Lines of a package that are its own and not blank, without its test."""


def own_lines(package: Path) -> int:
    (folder,) = (path.parent for path in package.glob("*/__init__.py"))
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.py")]
    return sum(bool(line.strip()) for text in texts for line in text.splitlines())


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new package of each kind, `new-KIND`."""
    folder = tmp_path_factory.mktemp("new")
    for kind in KINDS:
        arguments = ["plugins", "new", f"new-{kind}", "--kind", kind, "--out", str(folder)]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        assert f"wrote {folder / f'new-{kind}'}" in result.output
    return folder


def test_there_is_a_template_of_every_kind_that_is_promised() -> None:
    templates = ROOT / "k3m_kg" / "scaffold" / "templates"
    assert {path.name for path in templates.iterdir() if path.is_dir()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_is_short_and_as_formatters_leave_it(work: Path, kind: str) -> None:
    package = work / f"new-{kind}"
    assert own_lines(package) < LIMIT
    for command in (["check", "--select", "E,F,I,B,UP,W"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "100"]
        done = subprocess.run(
            [*ruff, "."], cwd=package, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_new_and_example_packages_install_keep_their_contracts_and_work_together(
    work: Path,
) -> None:
    assert len(EXAMPLES) == 4
    packages = [*(work / f"new-{kind}" for kind in KINDS), *EXAMPLES]
    site = installed(work, *packages)
    (work / "pytest.ini").write_text("[pytest]\n")
    tests = [*(package / "tests" for package in packages), Path(__file__).parent / "together.py"]
    options = ("-q", "-x", "--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:xdist")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", work / "pytest.ini", *tests],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(site), *filter(None, sys.path)])}
        | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
