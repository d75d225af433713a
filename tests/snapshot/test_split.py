"""What a split promises: nothing shared straddles it, and chance depends on content alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k3m_kg.errors import SnapshotError
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot
from k3m_kg.snapshot.hashing import text_hashes
from k3m_kg.snapshot.split import (
    GroupKeys,
    group_keys,
    grouped_split,
    groups_of,
    normalised_title,
)

from .conftest import MemoryStore, product

Catalog = list[tuple[str, str | None, tuple[str, ...]]]


def keys_of(catalog: Catalog) -> GroupKeys:
    """(id, title, pictures) of each product, as the build would see them."""
    titles = [normalised_title(title) for _, title, _ in catalog]
    pictures = [(row, name) for row, item in enumerate(catalog) for name in item[2]]
    names = list(dict.fromkeys(name for _, name in pictures))
    return group_keys(
        text_hashes([title or "" for title in titles]),
        np.array([title is not None for title in titles], dtype=bool),
        np.array([row for row, _ in pictures], dtype=np.int64),
        np.array([names.index(name) for _, name in pictures], dtype=np.int64),
        text_hashes(names),
        text_hashes([name for name, _, _ in catalog]),
    )


def plain_groups(catalog: Catalog) -> list[set[int]]:
    """Connected products, found the slow way."""
    groups: list[tuple[set[int], set[tuple[str, str]]]] = []
    for row, (_, title, pictures) in enumerate(catalog):
        seen = {("picture", name) for name in pictures}
        if (normal := normalised_title(title)) is not None:
            seen.add(("title", normal))
        touching = [group for group in groups if group[1] & seen]
        groups = [group for group in groups if not group[1] & seen]
        rows = {row}.union(*(group[0] for group in touching))
        groups.append((rows, seen.union(*(group[1] for group in touching))))
    return [rows for rows, _ in groups]


catalogs = st.lists(
    st.tuples(
        st.sampled_from(
            [None, "", " ", "Red  Shirt", "red shirt", "Blue", "STRASSE", "straße", "x"]
        )
        | st.text(max_size=4),
        st.lists(st.sampled_from("abcdefghij"), max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=40,
).map(lambda rows: [(f"id{n}", title, pictures) for n, (title, pictures) in enumerate(rows)])


@given(catalogs)
@settings(max_examples=100)
def test_groups_are_the_connected_products(catalog: Catalog) -> None:
    labels = groups_of(keys_of(catalog))
    found = defaultdict(set)
    for row, label in enumerate(labels):
        found[int(label)].add(row)
    assert sorted(map(sorted, found.values())) == sorted(map(sorted, plain_groups(catalog)))


@given(catalogs, st.integers(0, 5), st.floats(0, 0.5), st.floats(0, 0.49))
@settings(max_examples=100)
def test_no_title_and_no_picture_straddles_the_split(catalog, seed, validation, test) -> None:
    sides = grouped_split(keys_of(catalog), validation, test, seed).sides
    for rows in plain_groups(catalog):
        assert len({int(sides[row]) for row in rows}) == 1


@given(catalogs, st.randoms())
@settings(max_examples=50)
def test_the_order_of_the_products_does_not_matter(catalog: Catalog, random) -> None:
    sides = dict(zip([item[0] for item in catalog], split(catalog), strict=True))
    random.shuffle(catalog)
    assert sides == dict(zip([item[0] for item in catalog], split(catalog), strict=True))


def split(catalog: Catalog, seed: int = 0) -> list[int]:
    return grouped_split(keys_of(catalog), 0.3, 0.3, seed).sides.tolist()


def unconnected(count: int, start: int = 0) -> Catalog:
    return [(f"id{n}", f"title {n}", (f"picture {n}",)) for n in range(start, start + count)]


def test_products_keep_their_side_when_others_come() -> None:
    before = split(unconnected(500))
    after = split(unconnected(500) + unconnected(500, start=500))
    assert after[:500] == before


def test_a_variant_with_the_same_title_goes_where_its_siblings_are() -> None:
    before = split(unconnected(100))
    variants: Catalog = [(f"variant{n}", f"TITLE  {n}", (f"other {n}",)) for n in range(100)]
    after = split(unconnected(100) + variants)
    assert after == before * 2


def test_shares_are_met_and_another_seed_is_another_split() -> None:
    keys = keys_of([(f"id{n}", None, ()) for n in range(20_000)])
    first, second = (grouped_split(keys, 0.1, 0.2, seed).sides for seed in (0, 1))
    assert np.abs(np.bincount(first) / 20_000 - [0.7, 0.1, 0.2]).max() < 0.01
    assert (first != second).mean() > 0.3


def test_a_group_larger_than_its_side_is_trained_on_with_a_note() -> None:
    catalog = [(f"giant{n}", "the same", ()) for n in range(600)] + unconnected(400)
    for seed in range(40):
        result = grouped_split(keys_of(catalog), 0.1, 0.1, seed)
        assert (result.sides[:600] == 0).all()
    seeds = [grouped_split(keys_of(catalog), 0.1, 0.1, seed).notes for seed in range(40)]
    assert any("up to 600 products" in note["message"] for notes in seeds for note in notes)


def test_what_binds_such_a_group_is_known() -> None:
    shared = [(f"giant{n}", f"title {n}", ("logo",)) for n in range(600)]
    catalog = [*unconnected(400), *shared, ("twin", "title 1", ())]
    bonds = [grouped_split(keys_of(catalog), 0.1, 0.1, seed).bond for seed in range(40)]
    (bond,) = {bond for bond in bonds if bond is not None}
    assert (bond.is_title, bond.product, bond.count) == (False, 400, 600)


def test_a_side_that_is_empty_because_of_such_groups_does_not_blame_the_size() -> None:
    catalog = [(f"giant{n}", "the same", ()) for n in range(600)]
    notes = [grouped_split(keys_of(catalog), 0.1, 0.1, seed).notes for seed in range(40)]
    blamed = [[note["message"] for note in seed] for seed in notes if len(seed) > 2]
    assert blamed
    assert all(
        "no product fell into test: nearly all share titles or pictures" in messages
        for messages in blamed
    )


def test_an_empty_side_is_noted() -> None:
    notes = grouped_split(keys_of(unconnected(1)), 0.01, 0.01, 0).notes
    assert [note["message"] for note in notes] == [
        "no product fell into validation: the catalog is small",
        "no product fell into test: the catalog is small",
    ]


@pytest.mark.parametrize(
    ("title", "normal"),
    [(None, None), ("", None), ("  \t", None), ("Red\u00a0 Shirt\n", "red shirt"), ("ẞ", "ss")],
)
def test_case_and_white_space_of_titles_do_not_count(title: str, normal: str) -> None:
    assert normalised_title(title) == normal


PRODUCTS = MemoryStore([product("a", "A"), product("b, c", "B"), product("c", " a"), product("d")])


def build(tmp_path: Path, text: str | bytes) -> Snapshot:
    path = tmp_path / "split.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    chosen = SnapshotSettings(split_file=path)
    return build_snapshot(PRODUCTS, tmp_path / "out", chosen).snapshot


def test_a_split_file_is_used_as_it_stands(tmp_path: Path) -> None:
    text = '\ufeffsplit,note,id\r\ntest,,a\r\nvalid,,"b, c"\r\nValidation,,d\r\ntrain,,c\r\n'
    snapshot = build(tmp_path, text)
    assert snapshot.split.tolist() == [2, 1, 0, 1]
    assert [note["message"] for note in snapshot.manifest["notes"]] == [
        "1 titles are shared by products of different splits"
    ]
    assert str(tmp_path) not in str(snapshot.manifest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,split\na,train\n", r"3 products of the graph have no split, such as 'b, c', 'c', 'd'"),
        (
            "id,split\na,train\nx,test\ny,test\n",
            "2 products are not in the graph, such as 'x', 'y'",
        ),
        ("id,split\na,tset\n", "line 2: unknown split 'tset'. Did you mean 'test'"),
        ("id,split\na,train\na,test\n", "line 3: product 'a' is in two splits"),
        ("id,part\na,train\n", "line 1: needs the columns id and split; it has id, part"),
        ("", "line 1: needs the columns id and split; it has none"),
        ("id,split\na\n", "line 2: expected 2 columns"),
        ("id,split\nb, c,train\n", "line 2: expected 2 columns"),
        (b"id,split\n\xff\xfe,train\n", "not a readable CSV file"),
        ('id,split\n"a,train\n', "not a readable CSV file"),
        (f"id,split\n{'a' * 1_100_000},train\n", "a line of more than 1 MiB"),
    ],
)
def test_a_split_file_that_does_not_fit_is_refused(tmp_path: Path, text, message: str) -> None:
    with pytest.raises(SnapshotError, match=message):
        build(tmp_path, text)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_split_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    chosen = SnapshotSettings(split_file=tmp_path / "none.csv")
    with pytest.raises(SnapshotError, match="no such split file"):
        build_snapshot(PRODUCTS, tmp_path / "out", chosen)
