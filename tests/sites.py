"""Packages that look installed, for processes that are started in tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Site:
    """A folder that a Python process sees as if packages were installed in it."""

    folder: Path

    def install(self, package: str, version: str, source: str, *entry_points: str) -> None:
        module = package.replace("-", "_")
        (self.folder / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", encoding="utf-8"
        )
        lines = entry_points or (f"main = {module}",)
        (info / "entry_points.txt").write_text(
            "\n".join(["[k3m_kg]", *lines]) + "\n", encoding="utf-8"
        )

    def run(
        self, *arguments: str, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """The command line."""
        code = "from k3m_kg.cli.app import main; main()"
        return self.python(code, *arguments, cwd=cwd, **variables)

    def python(
        self, code: str, *arguments: str, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """A Python process."""
        path = os.pathsep.join([str(self.folder), *filter(None, sys.path)])
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200"} | variables,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )

    def names(self, **variables: str) -> set[str]:
        done = self.run("plugins", "list", "--json", **variables)
        assert done.returncode == 0, done.stderr
        return {row["name"] for row in json.loads(done.stdout)}
