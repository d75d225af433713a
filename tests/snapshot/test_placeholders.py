"""Values that say nothing are in the graph and in no snapshot."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.graph.stored import StoredProduct
from k3m_kg.placeholders import says_nothing
from k3m_kg.snapshot import SnapshotSettings, build_snapshot

PRODUCTS = [
    StoredProduct("a", "Mug", "mugs", (("colour", "n/a"), ("size", "L"), ("brand", "none")), ()),
    StoredProduct("b", "Cup", "unknown", (("colour", "red"), ("size", "-"), ("kind", "other")), ()),
    StoredProduct("c", "Jug", "jugs", (("colour", "请填写"), ("has lid", "none")), ()),
]


class Graph:
    def iter_subjects(self):
        return iter(PRODUCTS)


@pytest.mark.parametrize("keep", [False, True])
def test_placeholders_are_learned_only_where_that_is_asked_for(tmp_path: Path, keep: bool) -> None:
    settings = SnapshotSettings(validation=0, test=0, holdout=0, placeholders=keep)
    built = build_snapshot(Graph(), tmp_path / "snap", settings)
    values = set(built.snapshot.values)
    assert {"L", "red", "other"} <= values
    assert ("n/a" in values) is keep
    assert built.snapshot.manifest["counts"]["triples"] == (11 if keep else 6)
    assert built.snapshot.manifest["counts"]["missing"]["category"] == (not keep)
    said = [note for note in built.notes if "say nothing" in note["message"]]
    assert bool(said) is not keep
    for note in said:
        assert note["count"] == 5
        assert note["products"] == ["a", "b", "c"]


def test_none_is_an_answer_where_yes_or_no_is_asked() -> None:
    assert says_nothing("None", "brand")
    assert not says_nothing("none", "has lid")
    assert not says_nothing("other")


@pytest.mark.parametrize("shop", ["Uncategorized", "Unkategorisiert", "Sin categoría"])
def test_the_default_category_of_a_shop_is_none(shop: str) -> None:
    assert says_nothing(shop)
