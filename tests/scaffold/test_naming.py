"""What a new plugin may be called, and what is said where it may not."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from k3m_kg.cli.app import app
from k3m_kg.errors import UsageError
from k3m_kg.scaffold.naming import Names, names_of


@pytest.mark.parametrize(
    ("name", "module", "plugin"),
    [
        ("acme", "acme", "acme"),
        ("Acme-Fusion", "acme_fusion", "acme-fusion"),
        ("acme.fusion_2", "acme_fusion_2", "acme-fusion-2"),
    ],
)
def test_one_word_names_package_module_and_plugin(name: str, module: str, plugin: str) -> None:
    assert names_of(name, "fusion", ()) == Names(name, module, plugin)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "no name of a Python package"),
        ("-acme", "no name of a Python package"),
        ("acme/../x", "no name of a Python package"),
        ("größe", "no name of a Python package"),
        ("a" * 200, "no name of a Python package"),
        ("9lives", "makes no module"),
        ("class", "a word of the Python language"),
        ("Match", "a word of the Python language"),
        ("json", "a module called 'json'"),
        ("k3m_kg", "a package called 'k3m-kg' is installed"),
        ("tests", "a module called 'tests'"),
        ("mean", "a fusion called 'mean' already"),
    ],
)
def test_a_name_that_will_not_do_is_refused_with_the_reason(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        names_of(name, "fusion", {"mean"})


def wrong(*arguments: str) -> str:
    """What `plugins new` says of wrong use."""
    result = CliRunner().invoke(app, ["plugins", "new", *arguments])
    assert isinstance(result.exception, UsageError)
    return str(result.exception)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "acme-fusion"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    said = wrong("acme-fusion", "--kind", "fusion", "--out", str(tmp_path))
    assert "it is there already, and nothing is overwritten" in said
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["acme-fusion"]


def test_an_unknown_kind_names_the_nearest() -> None:
    assert "Did you mean 'fusion'?" in wrong("acme", "--kind", "fusoin")


def test_a_name_of_an_installed_plugin_is_taken(tmp_path: Path) -> None:
    out = ("--out", str(tmp_path))
    assert "a text-encoder called 'minilm'" in wrong("minilm", "--kind", "text-encoder", *out)
    assert "a command called 'ingest'" in wrong("ingest", "--kind", "command", *out)
    assert list(tmp_path.iterdir()) == []
