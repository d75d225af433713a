"""Packages of strangers, installed from its sources into a folder, and commands that find it."""

from __future__ import annotations

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


def k3m_kg(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with the packages of `site` in sight; it must succeed."""
    path = os.pathsep.join([str(site), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", "from k3m_kg.cli.app import main; main()", *arguments],
        env=os.environ | {"PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done
