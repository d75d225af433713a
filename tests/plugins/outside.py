"""Packages of strangers, installed from its sources into a folder, and commands that find it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def installed(work: Path, *packages: Path) -> Path:
    """A folder with the packages installed by pip, needing nothing from outside."""
    target = work / "site"
    offline = ("--no-deps", "--no-index", "--no-build-isolation")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", *offline, "--target", target, *packages],
        check=True,
        cwd=work,
    )
    return target


def outputs(site: Path, folder: Path, *commands: tuple[str, ...]) -> list[str]:
    """What each command line prints, with the packages of `site` in sight; all must succeed.

    One process runs them one after another: it imports what they need once.
    """
    path = os.pathsep.join([str(site), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", _EACH],
        input=json.dumps(commands),
        env=os.environ | {"PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


_EACH = """
import json, sys
from typer.testing import CliRunner
from k3m_kg.cli.app import app

found = []
for arguments in json.load(sys.stdin):
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    if result.exit_code:
        sys.exit(f"{arguments}: {result.output}")
    found.append(result.stdout)
print(json.dumps(found))
"""
