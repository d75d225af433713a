"""Known pairs: from files and from links, with candidates as wrong ones where none are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from k3m_kg.errors import UsageError
from k3m_kg.matching.known import pairs_of_file, pairs_of_links
from k3m_kg.use.open_model import OpenModel

CANDIDATES = np.array([[0, 1], [0, 2], [0, 5], [1, 2], [8, 9], [8, 20], [30, 31]])


def test_a_file_with_labels_and_splits(opened: OpenModel, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("p000,p001,1,train\np000,p005,0,valid\np008,p009,1,test\np008,none,1,train\n")
    found = pairs_of_file(opened.snapshot, path, CANDIDATES)
    assert found.train.same.tolist() == [True, False]
    assert (len(found.test), found.test.left[0]) == (1, 8)
    assert found.notes == ("1 pairs are of products that are not there",)
    path.write_text("x,y,1\n")
    with pytest.raises(UsageError, match="no product of these pairs"):
        pairs_of_file(opened.snapshot, path, CANDIDATES)


def test_right_pairs_alone_have_candidates_beside_them(opened: OpenModel, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("p000,p001\np001,p002\n")
    found = pairs_of_file(opened.snapshot, path, CANDIDATES).train
    wrong = np.flatnonzero(~found.same)
    assert [(found.left[i], found.right[i]) for i in wrong] == [(0, 5)]


def test_links_make_families(opened: OpenModel) -> None:
    found = pairs_of_links(opened.snapshot, ["variant of"], CANDIDATES)
    train = found.train
    every = [*zip(train.left.tolist(), train.right.tolist(), train.same.tolist(), strict=True)]
    right = {(left, other) for left, other, same in every if same}
    assert (0, 1) in right
    assert (1, 2) in right, "both are variants of 0"
    assert len(right) == 3 * 30 + 2, "(30, 31) are two of one model"
    assert {(left, other) for left, other, same in every if not same} == {(0, 5), (8, 20)}
    with pytest.raises(UsageError, match="variant of"):
        pairs_of_links(opened.snapshot, ["variants of"], CANDIDATES)
