"""A view that corrupts: what it changes, what it leaves, and that it is what it says."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k3m_kg.corruption import CORRUPTIONS, CorruptedSnapshot, corrupt, corruption_of
from k3m_kg.errors import K3MError, UsageError
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.holdout import KNOWN, UNSEEN, UNTRUE
from tests.catalogs import shop_snapshot

RATIOS = st.floats(0, 1)
NAMES = st.sampled_from(sorted(CORRUPTIONS))
SEEDS = st.integers(0, 5)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("shop")
    return Snapshot.open(shop_snapshot(folder, 40, validation=0.1, test=0.5, holdout=0.1))


def view(shop: Snapshot, text: str, seed: int = 0, split: str = "test") -> CorruptedSnapshot:
    return corrupt(shop, [corruption_of(text)], split=split, seed=seed)


def shown(snapshot: Snapshot, row: int) -> tuple[object, ...]:
    """All that a product shows."""
    product = snapshot.product(row)
    pairs = zip(product.properties, product.holdout, strict=True)
    triples = tuple(pair for pair, mark in pairs if mark in (KNOWN, UNTRUE))
    return product.title, product.images, triples


def changed(shop: Snapshot, other: Snapshot) -> dict[int, tuple[object, ...]]:
    return {
        row: shown(other, row) for row in range(len(shop)) if shown(other, row) != shown(shop, row)
    }


@settings(max_examples=20)
@given(NAMES, RATIOS, RATIOS, SEEDS)
def test_who_is_met_at_a_small_share_is_met_alike_at_a_larger_one(
    shop: Snapshot, name: str, one: float, other: float, seed: int
) -> None:
    less, more = (
        changed(shop, view(shop, f"{name}:{ratio}", seed)) for ratio in sorted((one, other))
    )
    assert less.items() <= more.items()


@settings(max_examples=20)
@given(NAMES, RATIOS, SEEDS)
def test_only_the_split_is_met_and_the_truth_stays(
    shop: Snapshot, name: str, ratio: float, seed: int
) -> None:
    harmed = view(shop, f"{name}:{ratio}", seed)
    assert set(changed(shop, harmed)) <= set(shop.rows("test").tolist())
    for row in range(len(shop)):
        before, after = shop.product(row), harmed.product(row)
        assert (before.id, before.category, before.split) == (after.id, after.category, after.split)
        marks = zip(after.properties, after.holdout, strict=True)
        assert tuple(pair for pair, mark in marks if mark != UNTRUE) == before.properties


@settings(max_examples=20)
@given(st.sampled_from(["TNR", "INR", "TINR", "MNR", "KNR"]), SEEDS)
def test_noise_is_of_another_product_of_the_split(shop: Snapshot, name: str, seed: int) -> None:
    harmed = view(shop, f"{name}:1", seed)
    others = [shown(shop, row) for row in shop.rows("test").tolist()]
    for row, now in changed(shop, harmed).items():
        for place, (old, new) in enumerate(zip(shown(shop, row), now, strict=True)):
            assert old == new or any(other[place] == new for other in others)


@settings(max_examples=20)
@given(NAMES, SEEDS)
def test_what_is_told_is_what_happened(shop: Snapshot, name: str, seed: int) -> None:
    harmed = view(shop, f"{name}:1", seed)
    assert harmed.corruption is not None
    (told,) = harmed.corruption["applied"]
    rows = shop.rows("test").tolist()
    for place, part in enumerate(("title", "image", "triples")):
        gone = wrong = 0
        for row in rows:
            old, new = shown(shop, row)[place], shown(harmed, row)[place]
            gone += bool(old) and not new
            wrong += bool(new) and old != new
        counts = told.get(part, {})
        assert counts.get("missing", 0) == gone
        assert counts.get("wrong", 0) == wrong
    met = sum(part in told for part in CORRUPTIONS[name].parts)
    assert met == len(CORRUPTIONS[name].parts)


def test_missing_at_all_is_missing_everywhere_it_was_there(shop: Snapshot) -> None:
    rows = shop.rows("test").tolist()
    harmed = view(shop, "TMR:1")
    assert harmed.titles.take(rows).to_pylist() == [None] * len(rows)
    assert [harmed.titles[row].as_py() for row in rows] == [None] * len(rows)
    assert harmed.titles.to_pylist() == [harmed.product(row).title for row in range(len(shop))]
    assert harmed.titles.slice(3, 5).to_pylist() == harmed.titles.to_pylist()[3:8]
    assert harmed.titles.null_count == harmed.titles.to_pylist().count(None)
    bare = view(shop, "IMR:1")
    assert [bare.image(row) for row in rows] == [None] * len(rows)
    train = shop.rows("train").tolist()
    assert [bare.image_hash(int(bare.image_offsets[row])) for row in train if shop.image(row)] == [
        shop.image_hash(int(shop.image_offsets[row])) for row in train if shop.image(row)
    ]


def test_half_is_half_and_mixed_is_one_or_both(shop: Snapshot) -> None:
    told = view(shop, "TMR:0.5").corruption
    assert told is not None
    title = told["applied"][0]["title"]
    assert title["missing"] + title["none"] == round(len(shop.rows("test")) / 2)
    mixed = view(shop, "MMR:1")
    kinds = set()
    for row, now in changed(shop, mixed).items():
        before = shown(shop, row)
        if all(before[:2]):
            kinds.add((now[0] is None, not now[1]))
    assert kinds == {(True, False), (False, True), (True, True)}


def test_wrong_titles_are_the_same_by_every_corruption(shop: Snapshot) -> None:
    alone, both = view(shop, "TNR:1"), view(shop, "TINR:0.3")
    for row in changed(shop, both):
        if both.product(row).title != shop.product(row).title:
            assert both.product(row).title == alone.product(row).title


def test_wrong_triples_are_marked_and_true_ones_are_not_shown(shop: Snapshot) -> None:
    harmed = view(shop, "KNR:1")
    for row in changed(shop, harmed):
        product = harmed.product(row)
        own = len(shop.product(row).properties)
        assert product.holdout[:own] == (UNSEEN,) * own
        assert product.holdout[own:] == (UNTRUE,) * (len(product.holdout) - own)


def test_seeds_differ_and_a_seed_is_a_promise(shop: Snapshot) -> None:
    one, again, other = (changed(shop, view(shop, "TNR:0.5", seed)) for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_a_view_is_sent_to_another_process(shop: Snapshot) -> None:
    harmed = corrupt(shop, [corruption_of("TINR:0.5"), corruption_of("KMR:1")], seed=3)
    sent = pickle.loads(pickle.dumps(harmed))
    assert sent.id == harmed.id != shop.id
    assert sent.whole.id == shop.id
    assert changed(shop, sent) == changed(shop, harmed)
    assert np.array_equal(sent.triple_holdout, harmed.triple_holdout)


def test_where_all_say_the_same_nothing_can_be_wrong(tmp_path: Path) -> None:
    shop = Snapshot.open(shop_snapshot(tmp_path, 1, validation=0, test=0))
    harmed = view(shop, "TNR:1", split="train")
    assert harmed.corruption is not None
    assert harmed.corruption["applied"][0]["title"] == {"wrong": 0, "none": 0, "alike": 1}
    assert not changed(shop, harmed)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["TMT:0.5"], "Did you mean"),
        (["TMR"], "no share"),
        (["TMR:1.5"], "no share"),
        (["TMR:nan"], "no share"),
        (["TMR:0.5", "TNR:0.5"], "both change the title"),
    ],
)
def test_what_cannot_be_is_said(shop: Snapshot, texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        corrupt(shop, [corruption_of(text) for text in texts])


def test_a_view_is_not_corrupted_again(shop: Snapshot) -> None:
    with pytest.raises(UsageError, match="already"):
        corrupt(view(shop, "TMR:1"), [corruption_of("IMR:1")])
    with pytest.raises(K3MError, match="split"):
        corrupt(shop, [], split="tset")
