"""Vectors that are kept: made once, brought up to date, refused where they are not theirs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.errors import ArtifactError
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.search import kept
from k3m_kg.search.kept import brought_up_to_date, in_memory, is_fresh, open_kept
from k3m_kg.search.nearest import graph_possible
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.open_model import OpenModel
from tests.evaluation.shop import shop_snapshot


def expected(opened: OpenModel) -> np.ndarray:
    with held_out_included(opened.batcher):
        return opened.vectors(np.arange(len(opened.snapshot)))


def test_they_are_made_once(opened: OpenModel, tmp_path: Path) -> None:
    folder, told = tmp_path / "kept.vectors", []
    first = brought_up_to_date(folder, opened, progress=told.append)
    assert first.told.made == sum(told) == len(opened.snapshot)
    assert first.nearest.exact
    np.testing.assert_allclose(first.vectors_NH, expected(opened), atol=1e-5)
    told.clear()
    again = brought_up_to_date(folder, opened, progress=told.append)
    assert (again.told.made, told) == (0, [])
    assert (again.vectors_NH == first.vectors_NH).all()
    memory = in_memory(opened)
    for one, other in zip(memory.words.files().values(), first.words.files().values(), strict=True):
        assert (one == other).all()


@pytest.mark.skipif(not graph_possible(), reason="usearch is not installed")
def test_what_stayed_is_kept_and_the_index_is_added_to(
    opened: OpenModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "WORTH", 1)
    folder = tmp_path / "kept.vectors"
    before = brought_up_to_date(folder, opened)
    assert not before.nearest.exact
    assert before.told.added is None

    def changed(product: StoredProduct) -> StoredProduct:
        number = int(product.id[1:])
        if number == 3:
            return replace(product, title="another title")
        return replace(product, id="p0055") if number == 5 else product

    shop_snapshot(tmp_path / "later", len(opened.snapshot), changed)
    later = OpenModel.of(opened.trained, Snapshot.open(tmp_path / "later" / "snapshots"))
    assert not is_fresh(folder, later)
    with pytest.raises(ArtifactError, match="another model or snapshot"):
        open_kept(folder, later)
    found = brought_up_to_date(folder, later)
    assert (found.told.made, found.told.added, found.told.removed) == (2, 2, 2)
    np.testing.assert_allclose(found.vectors_NH, expected(later), atol=1e-5)
    rows, scores = found.nearest.find(found.vectors_NH, 1)
    same = np.abs(found.vectors_NH[rows[:, 0]] - found.vectors_NH).max(1) < 1e-4
    assert same.mean() > 0.95
    assert np.allclose(scores[same], 1, atol=0.01)


def test_other_weights_and_damage_and_strange_folders(opened: OpenModel, tmp_path: Path) -> None:
    folder = tmp_path / "kept.vectors"
    brought_up_to_date(folder, opened)
    other = replace(opened, trained=replace(opened.trained, weights="0" * 64))
    assert not is_fresh(folder, other)
    assert brought_up_to_date(folder, other).told.made == len(opened.snapshot)
    content = bytearray((folder / "vectors.npy").read_bytes())
    content[-1] ^= 1
    (folder / "vectors.npy").write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match="changed"):
        open_kept(folder, other)
    with pytest.raises(ArtifactError, match="no folder"):
        brought_up_to_date(folder / "vectors.npy", opened)
    mine = tmp_path / "mine.vectors"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    with pytest.raises(ArtifactError, match="something else"):
        brought_up_to_date(mine, opened)
    assert (mine / "letter.txt").read_text() == "dear"


def test_vectors_lie_beside_a_model_however_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert kept.kept_beside(Path("model")) == Path("model.vectors")
    assert kept.kept_beside(Path()) == tmp_path.resolve().with_name(f"{tmp_path.name}.vectors")
