"""The command line, run in the test's own process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from k3m_kg.cli.app import main
from k3m_kg.cli.bugs import EXIT_CODE

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process: exit code, standard output, standard error."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["k3m-kg", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        assert code != EXIT_CODE, f"a bug: {printed.err}"
        return code, printed.out, printed.err

    return call


@pytest.fixture
def read_only_folder() -> Iterator[Callable[..., Path]]:
    """A folder, and how to make it read-only: root needs a file system for that."""
    folder = Path(tempfile.mkdtemp(prefix="k3m-kg-ro"))
    mounted = os.geteuid() == 0
    if mounted and subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder]).returncode:
        folder.rmdir()
        pytest.skip("root writes everywhere, and no file system may be mounted here")

    def at(*, sealed: bool = False) -> Path:
        if not sealed:
            return folder
        if mounted:
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        else:
            folder.chmod(0o555)
            for file in folder.iterdir():
                file.chmod(0o444)
        return folder

    yield at
    if mounted:
        subprocess.run(["umount", folder], check=True)
    folder.chmod(0o755)
    shutil.rmtree(folder)
