"""Snapshots with any file changed, with hashes that fit: opened or refused, never a crash.

Native code is attacked, so it runs in a process of its own. What opens must be usable to the end.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from k3m_kg.snapshot import layout
from tests.catalogs import shop_snapshot

from .mutations import attempts, change_bytes, change_file, change_json, change_words

ARROW = [f"{name}.arrow" for name in layout.TABLES]
PROBE = """
import sys
from contextlib import suppress
from k3m_kg.errors import K3MError, SnapshotError
from k3m_kg.kge.data import from_snapshot
from k3m_kg.snapshot import Snapshot

for line in sys.stdin:
    try:
        found = Snapshot.open(line.rstrip("\\n"))
        for row in range(len(found)):
            product = found.product(row)
            assert all(0 <= number <= 2 for number in (*product.holdout, *product.link_holdout))
            for position in range(len(product.images)):
                found.image(row, position)
        list(found.titles), list(found.categories), found.values, found.candidates()
        assert [found.row_of([name])[0] for name in found.ids] == list(range(len(found)))
        with suppress(SnapshotError):  # nothing is held out
            from_snapshot(found)
        print("opened", flush=True)
    except K3MError as error:
        print("refused", flush=True)
    except BaseException as error:
        print("failed", repr(error)[:300].replace("\\n", " "), flush=True)
"""


class Prober:
    """A process that opens snapshots; one that dies is named with what killed it."""

    def __init__(self) -> None:
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROBE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def __call__(self, folder: Path) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer:
            answer = f"died with {self._process.wait()}"
            self._process = self._start()
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = shop_snapshot(tmp_path_factory.mktemp("shop"), 40, holdout=0.3)
    return layout.locate(out)


def forge(folder: Path, number: int) -> str:
    """Change one file in place; which, and how, follows from the number."""
    rng = random.Random(number)
    name = rng.choice([*layout.FILES[layout.WITHOUT_REJECTED], *ARROW, *ARROW, layout.MANIFEST])
    if name == layout.MANIFEST:
        change_file(folder / name, rng, change_json)
        return name
    change_file(folder / name, rng, change_bytes, change_words, change_words, change_words)
    if rng.random() < 0.9:
        manifest = json.loads((folder / layout.MANIFEST).read_text())
        manifest["files"] = layout.describe_files(folder, manifest["format"])
        manifest["id"] = layout.content_id(manifest["files"], manifest["format"])
        layout.write_manifest(folder, manifest)
    return name


def test_a_forged_snapshot_is_opened_whole_or_refused(snapshot: Path, tmp_path: Path) -> None:
    probe = Prober()
    try:
        assert probe(snapshot) == "opened"
        wrong = {}
        for number in attempts(75):
            folder = tmp_path / "forged" / "0123456789abcdef"
            shutil.copytree(snapshot, folder)
            name = forge(folder, number)
            answer = probe(folder)
            if answer not in ("opened", "refused"):
                wrong[number] = f"{name}: {answer}"
            shutil.rmtree(tmp_path / "forged")
    finally:
        probe.close()
    assert wrong == {}
