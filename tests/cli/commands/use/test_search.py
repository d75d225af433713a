"""`k3m-kg search` and `embed` into a folder, as a user sees them."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.evaluation.shop import trained

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = shutil.copytree(trained(), tmp_path_factory.mktemp("searched") / "artifact")
    return folder


def test_vectors_are_kept_and_searched(artifact: Path, tmp_path: Path, run: Command) -> None:
    code, out, _ = run("embed", artifact, f"{artifact}.vectors", "--json")
    told = json.loads(out)
    assert (code, told["products"], told["made"], told["kept"]) == (0, 60, 60, 0)
    code, out, err = run("search", artifact, "--like", "p001", "--top", "3", "--json")
    assert code == 0, err
    assert "vectors made" not in err
    found = json.loads(out)
    assert [sorted(one) for one in found] == [["by", "product", "score", "title"]] * 3
    title = "nice blue mug no 39"
    code, out, _ = run("search", artifact, title, "--out", tmp_path / "o.parquet")
    assert (code, out) == (0, "")
    table = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert table[0]["title"] == title
    assert len(table) == 10
    code, out, _ = run("search", artifact, title, "--out", tmp_path / "o.csv")
    assert (code, out) == (0, "")
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["product"], row["title"] or None, row["by"]) for row in rows] == [
        (row["product"], row["title"], row["by"]) for row in table
    ]
    code, out, _ = run("search", artifact, title, "--by", "words")
    assert code == 0
    assert title in out.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "one of TEXT"),
        (["shirt", "--like", "p001"], "one of TEXT"),
        (["--like", "p1"], "unknown product 'p1'"),
        (["shirt", "--by", "word"], "'words'"),
        (["--picture", "nowhere.png"], "nowhere.png"),
        (["shirt", "--out", "o.xls"], "cannot tell the format"),
    ],
)
def test_what_is_wrong_is_said(artifact: Path, run: Command, words: list[str], said: str) -> None:
    code, _, err = run("search", artifact, *words)
    assert code in (1, 2)
    assert said in err


def test_a_folder_of_vectors_is_of_all(artifact: Path, tmp_path: Path, run: Command) -> None:
    code, _, err = run("embed", artifact, tmp_path / "x.vectors", "--split", "test")
    assert code == 2
    assert "all products" in err
