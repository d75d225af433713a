"""Files of pairs: both forms, what is wrong with them, and the products that a file holds."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, K3MError, UsageError
from k3m_kg.matching import pair_files
from k3m_kg.matching.pair_files import FilePair, read_pairs, record_id
from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.records import ProductRecord, RejectedRow
from k3m_kg.testing import ReaderCase
from k3m_kg_evaluations import k3m_kg_readers
from k3m_kg_evaluations.pair_reader import PairReader

MUG = "COL title VAL red mug COL maker VAL acme COL price VAL 9.5 "
CUP = "COL title VAL mug COL maker VAL  COL price VAL 9"
LINES = f"{MUG}\t{CUP}\t1\n{MUG}\tCOL name VAL lamp COL size VAL E27\t0\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_two_records_and_a_label(tmp_path: Path) -> None:
    pairs = read_pairs(written(tmp_path / "pairs.txt", LINES))
    assert [(pair.same, pair.split) for pair in pairs] == [(True, None), (False, None)]
    assert pairs[0].left == pairs[1].left == record_id("a", MUG)
    assert pairs[0].right == record_id("b", CUP) != record_id("a", CUP)


def test_its_products_are_read_once_under_the_ids_of_the_pairs(tmp_path: Path) -> None:
    path = written(tmp_path / "pairs.txt", LINES + "COL title VAL x\t1\n\nred\tblue\t0\n")
    records = list(PairReader().read(path, None))
    products = [record for record in records if isinstance(record, ProductRecord)]
    assert [(product.title, product.properties, product.line) for product in products] == [
        ("red mug", (("maker", "acme"), ("price", "9.5")), 1),
        ("mug", (("price", "9"),), 1),
        ("lamp", (("size", "E27"),), 2),
    ]
    assert products[0].id == read_pairs(written(tmp_path / "p.txt", LINES))[0].left
    rejected = [record for record in records if isinstance(record, RejectedRow)]
    assert [(row.line, row.reason.partition(":")[0]) for row in rejected] == [
        (3, "2 cells"),
        (5, "no record"),
        (5, "no record"),
    ]


def test_too_many_pairs_are_refused_before_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair_files, "_MOST", 3)
    packed = tmp_path / "pairs.csv.gz"
    packed.write_bytes(gzip.compress(b"a,b,1\n" * 4 + b"no pair\n" * 9))
    with pytest.raises(CatalogError, match="more than 3 pairs"):
        read_pairs(packed)
    monkeypatch.setattr(pair_files, "_MOST_TEXT", 20)
    with pytest.raises(CatalogError, match="20 characters of ids"):
        read_pairs(written(tmp_path / "pairs.csv", f"{'a' * 30},b,1\n"))


def test_what_is_wrong_is_told_in_part(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        read_pairs(written(tmp_path / "pairs.csv", f"a,b,1\na,b,{'x' * 9_000}\n"))
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "text",
    ["a,b,1\nc,d,0\n", "left_id;right_id;same\na;b;yes\nc;d;no\n", "a\tb\ttrue\nc\td\tfalse\n"],
)
def test_two_ids_and_a_label(tmp_path: Path, text: str) -> None:
    pairs = read_pairs(written(tmp_path / "pairs.csv", text))
    assert pairs == [FilePair("a", "b", True, None), FilePair("c", "d", False, None)]


def test_right_pairs_alone_and_splits_of_their_own(tmp_path: Path) -> None:
    alone = read_pairs(written(tmp_path / "a.csv", "left,right\na,b\nc,d\n"))
    assert alone == [FilePair("a", "b", None, None), FilePair("c", "d", None, None)]
    split = read_pairs(written(tmp_path / "b.csv", 'a,b,1,train\n"c,x",d,0,dev\n'))
    assert [pair.split for pair in split] == ["train", "validation"]
    assert split[1].left == "c,x"


def test_a_folder_says_the_splits(tmp_path: Path) -> None:
    for name, text in (("train", "a,b,1\n"), ("valid", "c,d,0\n"), ("test", "e,f,1\n")):
        written(tmp_path / f"{name}.csv", text)
    assert [pair.split for pair in read_pairs(tmp_path)] == ["test", "train", "validation"]
    written(tmp_path / "validation.tsv", "x\ty\t1\n")
    with pytest.raises(UsageError, match="two files of validation"):
        read_pairs(tmp_path)
    (other := tmp_path / "other").mkdir()
    with pytest.raises(UsageError, match="train and test are needed"):
        read_pairs(other)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,1\nc\n", "no pair"),
        ("a,b,1\nc,d,maybe\n", "no label: 'maybe'"),
        ("a,b,1,train\nc,d,1,later\n", "no split: 'later'"),
        (f"{MUG}\t{CUP}\t2\n", "no label: '2'"),
        (f"{MUG}\t{CUP}\t1\nx\t1\n", "2 cells"),
    ],
)
def test_what_is_wrong_names_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path / "pairs.csv", text)
    with pytest.raises(CatalogError, match=said) as caught:
        read_pairs(path)
    assert str(path) in str(caught.value.where)


def test_bytes_that_are_no_text_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(b"\xff\xfe,b,1\n")
    for wrong in (path, tmp_path / "none.csv"):
        with pytest.raises(K3MError):
            read_pairs(wrong)


class TestReader(ReaderCase):
    def record(self) -> ReaderPlugin:
        (record,) = k3m_kg_readers()
        return record

    def sample(self, folder: Path) -> tuple[Path, None]:
        return written(folder / "pairs.txt", LINES), None
