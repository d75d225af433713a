"""The mapping file."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import ConfigError
from k3m_kg.readers.columns import Columns
from k3m_kg.readers.mapped.guessing.suggesting import suggested_mapping
from k3m_kg.readers.mapping import Mapping, load_mapping


def load(tmp_path: Path, text: str) -> Mapping:
    file = tmp_path / "mapping.yaml"
    file.write_text(text)
    return load_mapping(file)


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


@pytest.mark.parametrize(
    "text",
    [
        "007",
        "2011",
        "no",
        "1.10",
        "2011-02-31",
        "0b_",
        "1e400",
        "=",
        "12:30:45",
        "null",
        "true",
        "9" * 999,
    ],
)
def test_column_names_and_cells_are_texts_however_they_look(tmp_path: Path, text: str) -> None:
    found = load(
        tmp_path,
        f"id: {text}\nproperties: [{text}]\nrename: {{{text}: {text}}}\nmissing: [{text}]\n"
        f"missing_in: {{a: [{text}]}}\n",
    )
    assert found.id == text
    assert found.properties == found.missing == found.missing_in["a"] == [text]
    assert found.rename == {text: text}


def test_null_is_nothing_where_nothing_is_a_choice(tmp_path: Path) -> None:
    found = load(tmp_path, "id: id\nquote: null\ntitle: ~\nimage:\ndelimiter: null\n")
    assert (found.quote, found.title, found.image, found.delimiter) == (None, None, None, None)


class Counted(str):
    """A name that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@pytest.mark.parametrize("properties", ["*", "all named"])
def test_columns_are_found_in_linear_time(properties: str) -> None:
    names = [f"c{number}" for number in range(20_000)]
    mapping = Mapping(
        id="c0",
        title="c1",
        image="{c2}/{c3}.jpg",
        properties="*" if properties == "*" else names[4:],
        rename={name: name for name in names},
        missing_in={name: ["-"] for name in names},
    )
    Counted.compared = 0
    columns = Columns(mapping, list(map(Counted, names)), "here")
    assert len(columns.properties) >= 19_996
    assert Counted.compared < 20 * len(names)


def test_a_missing_mapping_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_mapping(tmp_path / "mapping.yaml")


def test_the_guess_can_be_loaded(tmp_path: Path) -> None:
    load(tmp_path, suggested_mapping(["no", "Title", "IMAGE", "2011"], []))
