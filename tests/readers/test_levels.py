"""Names of categories with those above them."""

from __future__ import annotations

from k3m_kg.api import path_from_top

_GROUPS = {
    "mugs": ("Mugs", "kitchen"),
    "kitchen": ("Kitchen", "unnamed"),
    "unnamed": ("", "shop"),
    "shop": ("Shop", None),
    "a": ("A", "b"),
    "b": ("B", "a"),
    "orphan": ("Orphan", "gone"),
}


def test_names_stand_from_the_top_down_without_those_that_are_empty() -> None:
    assert path_from_top("mugs", _GROUPS.get) == "Shop > Kitchen > Mugs"
    assert path_from_top("orphan", _GROUPS.get) == "Orphan"
    assert path_from_top("gone", _GROUPS.get) == ""
    assert path_from_top(None, _GROUPS.get) == ""


def test_what_lies_in_itself_or_endlessly_deep_ends() -> None:
    assert path_from_top("a", _GROUPS.get) == "B > A"
    assert path_from_top(1, lambda number: (str(number), number + 1)).count(">") == 29
    asked: list[int] = []
    assert path_from_top(1, lambda number: asked.append(number) or ("", number + 1)) == ""
    assert len(asked) == 30
