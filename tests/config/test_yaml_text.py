"""YAML as plain data: what is read as what, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from k3m_kg.config import Component, Settings
from k3m_kg.config.yaml_text import MAX_DEPTH, MAX_NODES, as_wanted, parse_yaml
from k3m_kg.errors import ConfigError


class Wanted(Settings):
    name: str = ""
    maybe: str | None = None
    path: Path | None = None
    choice: Literal["a", "1"] = "a"
    several: str | list[str] = ""
    pair: tuple[float, float] = (0, 0)
    count: int = 0
    either: int | str = 0
    plugin: Component | None = None
    inner: Wanted | None = None


def read(text: str, wanted: object = Wanted) -> object:
    return as_wanted(parse_yaml(text, "file"), wanted)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("name: 007", {"name": "007"}),
        ("name: 'x'", {"name": "x"}),
        ("name: null", {"name": "null"}),
        ("name:", {"name": None}),
        ("maybe: null", {"maybe": None}),
        ("maybe: 'null'", {"maybe": "null"}),
        ("path: 2011", {"path": "2011"}),
        ("choice: 1", {"choice": "1"}),
        ("several: [no, 1.10]", {"several": ["no", "1.10"]}),
        ("several: 1", {"several": "1"}),
        ("pair: [1, 2.50]", {"pair": [1, 2.5]}),
        ("count: 3", {"count": 3}),
        ("either: 3", {"either": 3}),
        ("either: '3'", {"either": "3"}),
        ("plugin: {name: 1, size: 2}", {"plugin": {"name": "1", "size": 2}}),
        ("inner: {inner: {name: 1}}", {"inner": {"inner": {"name": "1"}}}),
        ("unknown: [1, -2, 0.5, -1.0e-05, true, FALSE, ~]",
         {"unknown": [1, -2, 0.5, -1e-5, True, False, None]}),
        ("unknown: [01, 0x1, 1_0, 1e3, yes, 2011-02-31, .inf]",
         {"unknown": ["01", "0x1", "1_0", "1e3", "yes", "2011-02-31", ".inf"]}),
        ("1: 2", {"1": 2}),
        ("unknown: !!str 12", {"unknown": "12"}),
        ("unknown: |\n  12\n", {"unknown": "12\n"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
    ],
)  # fmt: skip
def test_scalars_are_what_the_settings_want(text: str, value: object) -> None:
    found = read(text)
    assert found == value
    assert repr(found) == repr(value)  # the types too, 1 and True apart


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: {<<: {}}", 2, "merge key"),
        ("a: 1\n? [1]\n: 2", 2, "key that is no text"),
        ("a: 1\nb: !!int xx", 2, "tag:yaml.org,2002:int"),
        ("a: 1\nb: !!map {}", 2, "tag:yaml.org,2002:map"),
        ("a: &x {b: *x}", 1, r"alias \*x of no anchor"),
        ("a: *x", 1, r"alias \*x of no anchor"),
        ("a: \"\\ud800\"", 1, "half of a character"),
        ("a: \"\\0\"", 1, "NUL"),
        ("a: 1\na: 2", 2, "'a' stands twice"),
        ("a: 1\n---\nb: 1", 2, "second document"),
        ("a: " + "[" * 3_000, 1, "nested deeper"),
        ("\n".join(f"{' ' * n}a:" for n in range(900)), MAX_DEPTH + 1, "nested deeper"),
        ("- " * 3_000 + "a", 1, "nested deeper"),
    ],
)  # fmt: skip
def test_what_is_refused_names_the_line(text: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(text)
    assert caught.value.where == f"file, line {line}"


def test_an_escape_beyond_unicode_is_refused() -> None:
    with pytest.raises(ConfigError, match="not valid YAML"):
        read('a: "\\UFFFFFFFF"')


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match=f"more than {MAX_NODES:,} values"):
        read("\n".join(lines))


def test_aliases_that_nest_are_refused() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MAX_DEPTH)]
    with pytest.raises(ConfigError, match="nested deeper"):
        read("\n".join(lines))


def test_merge_keys_that_multiply_end_at_once() -> None:
    merges = "\n".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)
    )
    with pytest.raises(ConfigError, match="merge key"):
        read("a0: &a0 {x: 1}\n" + merges)


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    from k3m_kg.config import read_yaml

    path = tmp_path / "large.yaml"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(ConfigError, match="larger than"):
        read_yaml(path)
