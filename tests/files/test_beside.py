"""What lies beside a folder, however the folder is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import UsageError
from k3m_kg.files import beside
from k3m_kg.training.run.folder import run_folder


def test_the_ending_is_that_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.b" / "c").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a.b")
    assert beside(Path("c"), ".run") == Path("c.run")
    assert beside(Path(), ".run") == tmp_path.resolve() / "a.b.run"
    assert beside(Path("c/.."), ".run") == tmp_path.resolve() / "a.b.run"
    assert beside(Path("/"), ".run") == Path("/.run")


@pytest.mark.parametrize("output", [".", "..", "/"])
def test_a_training_wants_the_name_of_a_new_folder(output: str) -> None:
    with pytest.raises(UsageError, match="names no new folder"):
        run_folder(Path(output))
