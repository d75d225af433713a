"""Files that a library writes have the permissions of others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import k3m_kg
from k3m_kg.files import usual_mode


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_file_of_tensors_is_as_any_new_file(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "a.safetensors"
    with usual_mode(path):
        save_file({"x": np.zeros(3)}, path)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_every_file_of_tensors_is_written_so() -> None:
    written = re.compile(r"^( *)(.*\n)\1    save_file\(", re.MULTILINE)
    for path in Path(k3m_kg.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        before = [found[2] for found in written.finditer(text)]
        assert len(before) == len(re.findall(r"^ *save_file\(", text, re.MULTILINE)), path
        assert all(line.startswith("with usual_mode(") for line in before), path
