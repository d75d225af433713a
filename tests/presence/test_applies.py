from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from k3m_kg.errors import ArtifactError
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.presence.applies import FILE, Applies, learn, load, save
from k3m_kg.presence.columns import SeenColumns
from k3m_kg.presence.estimate import LEAST_STATED, Estimate
from tests.presence.kinds import KINDS, kinds_snapshot, lacking, truly

NAMES = sorted({name for kind in KINDS.values() for name in kind})


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Applies, object]:
    snapshot = kinds_snapshot(tmp_path_factory.mktemp("kinds"), 1200)
    return Applies(learn(snapshot), snapshot), snapshot


@pytest.mark.parametrize("named", [True, False])
def test_what_is_left_out_applies_and_what_belongs_to_another_kind_does_not(
    tmp_path: Path, named: bool
) -> None:
    """With categories and without: then titles and other properties tell kinds apart."""
    snapshot = kinds_snapshot(tmp_path, 1200, named=named)
    applies = Applies(learn(snapshot), snapshot)(np.arange(len(snapshot)), NAMES)
    missing, true = lacking(snapshot, NAMES), truly(snapshot, NAMES)
    assert (missing & true).sum() > 500
    assert applies[missing & ~true].max() < 0.1
    assert applies[missing & true].mean() > 0.9


def test_what_nobody_leaves_out_is_held_not_to_apply_where_it_is_not_stated(tmp_path: Path) -> None:
    """Half of the lamps are dimmable, and all of those say so; nothing else tells which."""

    def dimmable(product: StoredProduct) -> StoredProduct:
        number = int(product.id[1:])
        if number % 2 or number // 2 % 2:
            return product
        return replace(
            product,
            title=f"{product.title} dimmer",
            triples=tuple(sorted((*product.triples, ("dimmable", "yes")))),
        )

    snapshot = kinds_snapshot(tmp_path, 800, change=dimmable)
    applies = Applies(learn(snapshot), snapshot)(np.arange(len(snapshot)), ["dimmable"])
    assert applies[lacking(snapshot, ["dimmable"])].max() < 0.2


def test_a_value_of_a_property_with_many_says_what_else_there_is(tmp_path: Path) -> None:
    """Devices state which of eighty ports they have; those with a radio, how many radios."""
    random = np.random.default_rng(3)

    def ported(product: StoredProduct) -> StoredProduct:
        ports = [("port", f"type {number}") for number in random.choice(80, 2, replace=False)]
        radio = [("port", "radio"), ("radios", "1")] if random.random() < 0.5 else []
        return replace(product, triples=tuple(sorted((*product.triples, *ports, *radio))))

    snapshot = kinds_snapshot(tmp_path, 800, change=ported)
    applies = Applies(learn(snapshot), snapshot)(np.arange(len(snapshot)), ["radios"])
    assert applies[lacking(snapshot, ["radios"])].max() < 0.1


def test_a_property_that_few_state_is_not_proposed_for_the_many(tmp_path: Path) -> None:
    """One in ten states it, and nothing tells which: that it applies to all is not believed."""
    random = np.random.default_rng(1)

    def rarely(product: StoredProduct) -> StoredProduct:
        if random.random() > 0.1:
            return product
        return replace(product, triples=tuple(sorted((*product.triples, ("award", "gold")))))

    snapshot = kinds_snapshot(tmp_path, 800, change=rarely)
    applies = Applies(learn(snapshot), snapshot)(np.arange(len(snapshot)), ["award"])
    assert applies[lacking(snapshot, ["award"])].mean() < 0.2


def test_kinds_that_leave_out_more_have_a_share_of_their_own(tmp_path: Path) -> None:
    """Colour is stated of every bread and of half of the lamps."""
    random = np.random.default_rng(2)

    def colourless(product: StoredProduct) -> StoredProduct:
        if product.category == "bread" or random.random() < 0.5:
            return product
        kept = tuple(triple for triple in product.triples if triple[0] != "colour")
        return replace(product, triples=kept)

    snapshot = kinds_snapshot(tmp_path, 1000, omitted=0, change=colourless)
    estimate = learn(snapshot)
    applies = Applies(estimate, snapshot)(np.arange(len(snapshot)), ["colour"])
    missing = lacking(snapshot, ["colour"])
    assert missing.sum() > 200
    assert estimate.share_P[estimate.columns.properties.index("colour")] > 0.9
    assert applies[missing].mean() > 0.5


def test_a_stated_property_is_as_if_it_were_not(tmp_path: Path) -> None:
    """Hidden equals absent: with its triple or without, what is said of a property is the same."""
    whole = kinds_snapshot(tmp_path / "whole", 300)
    estimate = learn(whole)
    for name in NAMES:

        def without(product: StoredProduct, name: str = name) -> StoredProduct:
            kept = tuple(triple for triple in product.triples if triple[0] != name)
            return replace(product, triples=kept)

        bare = kinds_snapshot(tmp_path / name, 300, change=without)
        rows = np.arange(len(whole))
        assert whole.ids[0] == bare.ids[0]
        found = [Applies(estimate, snapshot)(rows, [name]) for snapshot in (whole, bare)]
        assert (found[0] == found[1]).all()


def test_whether_there_is_a_category_is_not_read_off_the_category(tmp_path: Path) -> None:
    whole = kinds_snapshot(tmp_path / "whole", 300, category=True)
    bare = kinds_snapshot(tmp_path / "bare", 300, named=False, category=True)
    estimate, rows = learn(whole), np.arange(300)
    assert "category" in estimate.columns.properties
    found = [Applies(estimate, snapshot)(rows, ["category"]) for snapshot in (whole, bare)]
    assert (found[0] == found[1]).all()


def test_products_kinds_and_properties_that_are_new_are_no_error(
    learned: tuple[Applies, object], tmp_path: Path
) -> None:
    def newer(product: StoredProduct) -> StoredProduct:
        return replace(
            product,
            id=f"new-{product.id}",
            title=None,
            category="hat",
            triples=tuple(sorted((*product.triples, ("size", "L")))),
        )

    snapshot = kinds_snapshot(tmp_path, 20, change=newer)
    applies = Applies(learned[0].estimate, snapshot)(np.arange(20), [*NAMES, "size"])
    assert ((applies >= 0) & (applies <= 1)).all()
    assert (applies[:, -1] == 0).all()  # nobody that was learned from has a size


def test_what_was_learned_is_read_as_it_was_written(
    learned: tuple[Applies, object], tmp_path: Path
) -> None:
    applies, snapshot = learned
    assert load(tmp_path) is None
    save(applies.estimate, snapshot, tmp_path)
    again = Applies(load(tmp_path), snapshot)
    rows = np.arange(len(snapshot))
    assert (again(rows, NAMES) == applies(rows, NAMES)).all()


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("weights", np.zeros((3, 3), np.float32)),
        ("bias", np.full(5, np.nan, np.float32)),
        ("share", np.zeros(5, np.float32)),
        ("slope", np.zeros(5, np.float64)),
        ("kind", np.array([99], np.int32)),
        ("property", np.array([[0]], np.int32)),
    ],
)
def test_a_damaged_file_is_refused(
    learned: tuple[Applies, object], tmp_path: Path, name: str, array: np.ndarray
) -> None:
    applies, snapshot = learned
    save(applies.estimate, snapshot, tmp_path)
    path = tmp_path / FILE
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as opened:
        metadata = opened.metadata()
    save_file(load_file(path) | {name: array}, path, metadata)
    with pytest.raises(ArtifactError, match="damaged"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 64])
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ArtifactError, match="damaged"):
        load(tmp_path)


def test_without_the_texts_the_numbers_are_refused(
    learned: tuple[Applies, object], tmp_path: Path
) -> None:
    applies, snapshot = learned
    save(applies.estimate, snapshot, tmp_path)
    save_file(load_file(tmp_path / FILE), tmp_path / FILE)
    with pytest.raises(ArtifactError, match="damaged"):
        load(tmp_path)


def test_columns_are_bounded_and_their_order_is_fixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = kinds_snapshot(tmp_path, 200)
    rows = snapshot.rows("train")
    columns = SeenColumns.of(snapshot, rows)
    assert columns == SeenColumns.of(snapshot, rows[::-1])
    assert columns.kinds == ("bread", "lamp")
    assert list(columns.properties) == NAMES
    assert set(columns.words) == {"a", "bread", "lamp", "number"}
    monkeypatch.setattr("k3m_kg.presence.columns.MOST_COLUMNS", len(columns) - 2)
    assert len(SeenColumns.of(snapshot, rows)) == len(columns) - 2


def test_shares_have_a_floor(learned: tuple[Applies, object]) -> None:
    estimate: Estimate = learned[0].estimate
    assert (estimate.share_P >= LEAST_STATED).all()
    assert (estimate.share_L >= LEAST_STATED).all()
    assert len(estimate.share_L) > 0
