"""`k3m-kg match` as a user sees it: learned or not, to a file, into the graph and out again."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.records import ProductRecord
from k3m_kg.use.open_model import OpenModel
from tests.evaluations.conftest import _one_thread, families, opened

__all__ = ["_one_thread", "families", "opened"]

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def artifact(families: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = shutil.copytree(families, tmp_path_factory.mktemp("matched") / "artifact")
    return folder


@pytest.fixture
def database(opened: OpenModel, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/g.db"
    with GraphStore.create(url)[0] as store, store.writing() as writer:
        session = writer.session(SourceVersion("a.csv", "csv", "d"), lambda images: [])
        session.write([Statement(ProductRecord(id_, None)) for id_ in opened.snapshot.ids])
        session.finish(0)
    return url


def test_links_teach_and_the_run_is_taken_back(artifact: Path, database: str, run: Command) -> None:
    words = ("match", artifact, "--links", "variant of", "--probability", "0.6")
    code, out, err = run(*words, "--write", "--db", database, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["calibrated"]
    assert told["unseen"]["f1"] > 0.7
    assert told["matched"] == len(told["pairs"]) == told["triples_added"]
    first = told["pairs"][0]
    assert first["product"] > first["same_as"]
    with GraphStore.open(database) as store:
        product = store.product(first["product"])
        assert product is not None
        assert ("same product as", first["same_as"]) in product.links
    assert run("undo", told["run"], "--db", database)[0] == 0
    with GraphStore.open(database) as store:
        product = store.product(first["product"])
        assert product is not None
        assert not product.links


def test_without_known_pairs_it_is_likeness_and_says_so(
    artifact: Path, tmp_path: Path, run: Command
) -> None:
    code, out, err = run("match", artifact, "--out", tmp_path / "pairs.csv", "--json")
    assert code == 0, err
    assert "no probability" in err
    told = json.loads(out)
    assert (told["calibrated"], told["learned_from"]) == (False, None)
    with (tmp_path / "pairs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == told["matched"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--write"], "--write needs --probability"),
        (["--links", "variants of"], "variants of"),
        (["--links", "x", "--pairs", "y"], "one kind"),
        (["--probability", "95"], "did you mean 0.95?"),
        (["--pairs", "nowhere.csv"], "no such file"),
    ],
)
def test_what_is_wrong_is_said(artifact: Path, run: Command, words: list[str], said: str) -> None:
    code, _, err = run("match", artifact, *words)
    assert code in (1, 2)
    assert said in err
