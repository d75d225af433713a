"""Files are read as they were published; what is no data is refused in words."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from k3m_kg.bench.graphs import read_graph, write_features, write_graph
from k3m_kg.bench.pairs import read_pairs
from k3m_kg.bench.values import lines_of, read_questions
from k3m_kg.errors import CatalogError, ConfigError, K3MError
from k3m_kg.kge.data import from_files
from k3m_kg.kge.settings import DataSettings
from tests.bench import files


@pytest.mark.parametrize("layout", [files.plain, files.openke, files.ntriples])
def test_a_graph_is_the_same_in_every_layout(
    tmp_path: Path, layout: Callable[[Path], Path]
) -> None:
    graph = read_graph(layout(tmp_path / "data"))
    expected = files.parts()
    for split, name in (("train", "train"), ("validation", "valid"), ("test", "test")):
        found = [
            tuple(part.removeprefix("http://x/") for part in triple)
            for triple in graph.parts[split]
        ]
        assert sorted(found) == sorted(expected[name])
    write_graph(graph, tmp_path / "out")
    data = from_files(DataSettings(folder=tmp_path / "out"))
    assert len(data.train) == len(expected["train"])
    assert data.unknown == 0


def test_a_test_without_tails_is_asked_by_validation(tmp_path: Path) -> None:
    graph, expected = read_graph(files.openbg(tmp_path / "data")), files.parts()
    assert graph.parts["test"] == expected["valid"]
    train = graph.parts["train"] + graph.parts["validation"]
    assert sorted(train) == sorted(expected["train"])
    assert "no tail" in graph.notes[0]


def test_what_test_has_from_train_is_counted(tmp_path: Path) -> None:
    folder = files.plain(tmp_path / "data")
    first = files.parts()["train"][0]
    with (folder / "test.txt").open("a") as lines:
        lines.write(2 * ("\t".join(first) + "\n"))
    repeated = read_graph(folder).repeated()
    assert repeated["in_train"] >= 2
    assert repeated["twice_in_test"] >= 1


def _line(folder: Path, name: str, text: str) -> None:
    with (folder / name).open("a") as lines:
        lines.write(text)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "test.txt").unlink(), "no test triples"),
        (lambda folder: _line(folder, "test.txt", "one\n"), "has 1 cells"),
        (lambda folder: _line(folder, "valid.txt", "a\tb\tc\td\n"), "has 4 cells"),
        (lambda folder: (folder / "train.tsv.gz").write_bytes(b"\x1f\x8bno"), "cannot be read"),
    ],
)
def test_what_is_no_graph_is_said(
    tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    folder = files.plain(tmp_path / "data")
    spoil(folder)
    with pytest.raises(CatalogError, match=said):
        read_graph(folder)


def test_numbers_without_labels_are_said(tmp_path: Path) -> None:
    folder = files.openke(tmp_path / "data")
    _line(folder, "test2id.txt", "3 99 0\n")
    with pytest.raises(CatalogError, match="names no entities"):
        read_graph(folder)
    (folder / "relation2id.txt").unlink()
    with pytest.raises(CatalogError, match="missing"):
        read_graph(folder)


class _Opened(Exception):
    pass


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return _Opened, ("a pickle ran",)


def test_features_are_arrays_and_never_pickles(tmp_path: Path) -> None:
    folder = files.openke(tmp_path / "data")
    (folder / "visual.pth").write_bytes(pickle.dumps(_Bomb()))
    graph = read_graph(folder)
    assert "visual.pth" in graph.notes[0]
    with pytest.raises(ConfigError, match="run code"):
        write_features(folder / "visual.pth", graph, tmp_path / "f.parquet")
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([_Bomb()], object), allow_pickle=True)
    with pytest.raises(ConfigError, match="no array of numbers"):
        write_features(objects, graph, tmp_path / "f.parquet")
    short = tmp_path / "short.npy"
    np.save(short, np.zeros((3, 2)))
    with pytest.raises(ConfigError, match="3 rows"):
        write_features(short, graph, tmp_path / "f.parquet")
    whole = tmp_path / "whole.npy"
    np.save(whole, np.arange(24.0).reshape(12, 2))
    write_features(whole, graph, tmp_path / "f.parquet")
    table = pq.read_table(tmp_path / "f.parquet").to_pydict()
    assert table["id"] == files.ENTITIES
    assert table["vector"][1] == [2.0, 3.0]


def test_pairs_are_the_same_in_both_layouts(tmp_path: Path) -> None:
    one, other = read_pairs(files.ditto(tmp_path / "a")), read_pairs(files.magellan(tmp_path / "b"))
    for split in ("train", "valid", "test"):
        told = [
            [
                (pairs.records[left], pairs.records[right], same)
                for left, right, same in zip(
                    pairs.left[split], pairs.right[split], pairs.same[split], strict=True
                )
            ]
            for pairs in (one, other)
        ]
        assert [tuple(map(str, row)) for row in told[0]] == [tuple(map(str, r)) for r in told[1]]
    assert ("manufacturer", "") not in {cell for record in one.records for cell in record}
    shared = one.shared()
    assert shared["pairs_in_train"] == 0
    assert shared["records"] == 9
    assert shared["records_in_train"] == 3


def test_what_are_no_pairs_is_said(tmp_path: Path) -> None:
    folder = files.ditto(tmp_path / "a")
    _line(folder, "test.txt", "COL title VAL x\tCOL title VAL y\tyes\n")
    with pytest.raises(CatalogError, match="with 0 or 1"):
        read_pairs(folder)
    with pytest.raises(CatalogError, match="neither"):
        read_pairs(tmp_path)
    tables = files.magellan(tmp_path / "b")
    _line(tables, "valid.csv", "99,0,1\n")
    with pytest.raises(CatalogError, match="in no table"):
        read_pairs(tables)


def test_questions_are_products_and_none_is_in_two_splits(tmp_path: Path) -> None:
    questions = read_questions(files.implicit(tmp_path))
    assert questions.split["B039"] == "test", "evaluation comes first"
    assert len(questions.products) == len(questions.split)
    assert "1 rows were left out" in questions.notes[0]
    first = lines_of(questions).splitlines()[0]
    assert '"title": "Shirt plain 39\\""' in first
    assert '"Neckline": ["Henley"]' in first


def test_tables_of_other_columns_are_said(tmp_path: Path) -> None:
    folder = files.implicit(tmp_path)
    (folder / "training_data/texts/Clothing/val.tsv").write_text("id\tname\n1\tx\n")
    with pytest.raises(K3MError, match="has not the columns"):
        read_questions(folder)
