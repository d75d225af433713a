"""Pairs of products: which there are, what tells them apart, and who is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from k3m_kg.contracts import Decisions
from k3m_kg.corruption import corrupt, corruption_of
from k3m_kg.errors import UsageError
from k3m_kg.matching.pair_models import threshold_of
from k3m_kg.matching.pairs import ProductPairs
from k3m_kg.use.open_model import OpenModel
from k3m_kg_evaluations.alignment import _candidates
from k3m_kg_evaluations.pair_models import Shown
from k3m_kg_evaluations.pairs import pairs_of
from k3m_kg_evaluations.settings import AlignmentSettings

Run = Callable[..., tuple[dict[str, Any], Any]]


def corrupted(opened: OpenModel, *harm: str) -> OpenModel:
    kinds = [corruption_of(text) for text in harm]
    return opened.on(corrupt(opened.snapshot, kinds))


def test_links_are_right_pairs_of_the_later_split(opened: OpenModel) -> None:
    data = pairs_of(opened, AlignmentSettings(negatives=4))
    snapshot = opened.snapshot
    right = sum(int(part.same.sum()) for part in data.parts.values())
    assert right == len(snapshot.link_product) == 90
    assert len(data.gallery) == 30  # the models: they are fewer than the variants
    for number, name in enumerate(("train", "validation", "test")):
        part = data.parts[name]
        mine = part[np.flatnonzero(part.same)]
        held = [
            snapshot.link_holdout[snapshot.link_offsets[row]] or snapshot.split[[row, other]].max()
            for row, other in zip(mine.left, mine.right, strict=True)
        ]
        assert {*held} == {number}


def test_wrong_pairs_are_of_different_families_and_half_alike_in_words(opened: OpenModel) -> None:
    data = pairs_of(opened, AlignmentSettings(negatives=4))
    for part in data.parts.values():
        wrong = part[np.flatnonzero(~part.same)]
        assert len(wrong) == 4 * int(part.same.sum())
        assert (wrong.left // 4 != wrong.right // 4).all()
        assert (wrong.right % 4 == 0).all()
    assert len({*zip(wrong.left.tolist(), wrong.right.tolist(), strict=True)}) == len(wrong)


def test_whatever_is_corrupted_the_pairs_are_the_same(opened: OpenModel) -> None:
    whole = pairs_of(opened, AlignmentSettings()).parts["test"]
    harmed = pairs_of(corrupted(opened, "TNR:1", "KMR:1"), AlignmentSettings()).parts["test"]
    assert np.array_equal(whole.left, harmed.left)
    assert np.array_equal(whole.right, harmed.right)


def test_words_tell_families_apart_and_missing_titles_end_that(
    opened: OpenModel, measured: Run
) -> None:
    report, evaluation = measured("alignment", opened, words=True)
    simple = report["baselines"]["a linear model on similarities"]
    assert simple["f1"] > 0.75  # a variant's title begins with its model's name
    assert report["metrics"]["f1"] > 0.6
    low, high = report["intervals"]["f1"]
    assert low <= report["metrics"]["f1"] <= high
    assert report["metrics"]["candidates@1"] <= report["metrics"]["candidates@50"] == 1
    assert report["baselines"]["the cosine of words"]["candidates@1"] > 0.25
    whole = evaluation.outcomes()["f1"]
    assert isinstance(whole, Decisions)
    report, evaluation = measured("alignment", corrupted(opened, "TMR:1"), words=True)
    assert report["baselines"]["a linear model on similarities"]["f1"] < 0.6
    harmed = evaluation.outcomes()["f1"]
    assert np.array_equal(whole.items, harmed.items)
    assert np.array_equal(whole.units, harmed.units)


def test_parts_that_are_hidden_are_hidden_from_all(opened: OpenModel, measured: Run) -> None:
    report, _ = measured("alignment", opened, hide_modalities=["title"], words=True)
    assert report["baselines"]["a linear model on similarities"]["f1"] < 0.6
    assert "the cosine of words" not in report["baselines"]


@pytest.mark.parametrize("mode", ["finetune", "cross"])
def test_other_ways_leave_the_model_as_it_was(opened: OpenModel, measured: Run, mode: str) -> None:
    before = {name: tensor.clone() for name, tensor in opened.predictor.state_dict().items()}
    settings = {"mode": mode, "epochs": 1, "keep": 1, "baselines": False}
    report, _ = measured("alignment", opened, **settings)
    assert 0 <= report["metrics"]["average_precision"] <= 1
    assert str(measured("alignment", opened, **settings)[0]) == str(report)
    after = opened.predictor.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_a_model_that_looks_products_up_is_asked_of_those_it_knows(
    opened_kge: OpenModel, measured: Run
) -> None:
    report, _ = measured("alignment", opened_kge)
    known = opened_kge.trained.known_products
    pairs = pairs_of(opened_kge, AlignmentSettings()).parts["test"]
    ids = opened_kge.snapshot.ids
    assert known is not None
    assert {ids[row] for row in (*pairs.left, *pairs.right)} <= known
    assert "no vector of" in report["notes"][0]


def test_pairs_of_a_file(opened: OpenModel, measured: Run, tmp_path: Path) -> None:
    rows = [(f"p{n:03}", f"p{n - n % 4:03}", 1) for n in range(120) if n % 4]
    rows += [(f"p{n:03}", f"p{(n - n % 4 + 4) % 120:03}", 0) for n in range(120) if n % 4]
    text = "".join(f"{a},{b},{same}\n" for a, b, same in [*rows, ("gone", "p000", 1), rows[0]])
    (tmp_path / "pairs.csv").write_text(text, encoding="utf-8")
    settings = AlignmentSettings(pairs=tmp_path / "pairs.csv")
    data = pairs_of(opened, settings)
    assert [note.split()[0] for note in data.notes] == ["1", "1", "the"]
    sizes = [len(part) for part in data.parts.values()]
    assert sum(sizes) == 181
    assert sizes[0] > sizes[1] > 0 < sizes[2]
    groups = [{*part.left, *part.right} for part in data.parts.values()]
    if len({*np.concatenate([part.families for part in data.parts.values()])}) > 10:
        assert all(groups)
    report, _ = measured("alignment", opened, pairs=str(tmp_path / "pairs.csv"))
    assert report["source"] == "pairs of the file"


def test_what_cannot_be_asked_says_why(opened: OpenModel, tmp_path: Path, measured: Run) -> None:
    with pytest.raises(UsageError, match="unknown property 'variant'"):
        measured("alignment", opened, links=["variant"])
    (tmp_path / "pairs.csv").write_text("x,y,1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no product of these pairs"):
        measured("alignment", opened, pairs=str(tmp_path / "pairs.csv"))
    (tmp_path / "pairs.csv").write_text("p001,p000,1,train\np002,p000,0,train\n", encoding="utf-8")
    with pytest.raises(UsageError, match="test has no pairs"):
        measured("alignment", opened, pairs=str(tmp_path / "pairs.csv"))


def test_the_threshold_is_where_f1_is_highest() -> None:
    scores = np.array([0.9, 0.8, 0.8, 0.3, 0.2])
    same = np.array([True, True, False, True, False])
    assert threshold_of(scores, same) == pytest.approx(0.25)
    assert threshold_of(scores, np.array([True, False, False, False, False])) == pytest.approx(0.85)


def test_wrong_pairs_take_turns(opened: OpenModel) -> None:
    same = np.zeros(20, bool)
    same[:4] = True
    shown = Shown(same, 1)
    assert len(shown) == 8
    seen: set[int] = set()
    for _ in range(4):
        found = shown.of(np.arange(8))
        assert sorted(found[:4]) == [0, 1, 2, 3]
        seen |= {*found[4:].tolist()}
        shown.next_epoch()
    assert seen == {*range(4, 20)}
    assert len(Shown(same, 0)) == 20


def test_candidates_that_are_all_alike_are_in_the_middle() -> None:
    rows, gallery = np.arange(6), np.arange(6)
    pairs = ProductPairs(np.array([0]), np.array([3]), np.array([True]), np.array([0]))
    assert _candidates(rows, np.ones((6, 4)), gallery, pairs).tolist() == [3]
    near = np.array([[1.0, 0], [0, 1], [0, 1], [1, 0.1], [0, 1], [0, 1]])
    assert _candidates(rows, near, gallery, pairs).tolist() == [1]
