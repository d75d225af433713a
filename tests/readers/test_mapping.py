"""The mapping file."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import ConfigError
from k3m_kg.readers.mapping import guess_mapping, load_mapping


def load(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(text)
    load_mapping(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id: id\ntitel: name\n", "unknown key 'titel'; did you mean 'title'?"),
        ("title: name\n", "key 'id' is required"),
        ("{}\n", "key 'id' is required"),
        ("", "must hold settings"),
        ("- id\n", "must hold settings"),
        ("id: [", "not valid YAML"),
        ("id: id\ndelimiter: ',,'\n", "must be one character"),
        ("id: id\nquote: ''\n", "must be one character"),
        ("id: id\nseparators: {a: ''}\n", "empty text"),
        ("id: id\nmissing: NA\n", "missing"),
        ("id: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, text)
    assert message in str(raised.value)
    assert "mapping.yaml" in str(raised.value)


@pytest.mark.parametrize("text", ["id: 2011\n", "id: no\n", "id: id\nmissing: [null]\n"])
def test_what_yaml_takes_for_no_text_is_explained(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="quote texts"):
        load(tmp_path, text)


def test_a_missing_mapping_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_mapping(tmp_path / "mapping.yaml")


def test_the_guess_can_be_loaded(tmp_path: Path) -> None:
    load(tmp_path, guess_mapping(["no", "Title", "IMAGE", "2011"]))
