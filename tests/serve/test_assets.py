"""What others wrote lies in the package as the lock file says, with its licence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.sources import ROOT

LOCK = json.loads((ROOT / "assets" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
FOLDERS = [ROOT / "k3m_kg" / "serve" / "static" / "vendor", ROOT / "tests" / "serve" / "vendor"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_the_files_are_those_of_the_lock_file(folder: Path) -> None:
    rows = json.loads((folder / "vendor.json").read_text(encoding="utf-8"))
    for row in rows:
        locked = LOCK[f"node_modules/{row['package']}"]
        assert (row["version"], row["integrity"]) == (locked["version"], locked["integrity"])
        assert hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest() == row["sha256"]
        assert (folder / f"{row['package']}.LICENSE.txt").read_text(encoding="utf-8").strip()
    known = {name for row in rows for name in (row["file"], f"{row['package']}.LICENSE.txt")}
    assert {path.name for path in folder.iterdir()} == known | {"vendor.json"}


def test_every_package_of_the_lock_file_is_there() -> None:
    rows = [json.loads((folder / "vendor.json").read_text()) for folder in FOLDERS]
    packages = {f"node_modules/{row['package']}" for some in rows for row in some}
    assert packages == set(LOCK) - {""}
