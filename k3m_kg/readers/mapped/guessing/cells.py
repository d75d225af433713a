"""What cells are, and what stands between several values in one, told from the first rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from k3m_kg.readers.mapped import contents
from k3m_kg.readers.mapped.guessing.usual_names import OF_ONE_KIND, numbered, squashed

_OF_PROPERTIES = frozenset(
    ("attributes", "properties", "specs", "specifications", "details", "features", "facets")
)


def guess_cells(
    said: dict[str, Any],
    every: Sequence[str],
    of: Callable[[str], list[str]],
    lists: Collection[str],
    used: Collection[str],
) -> None:
    """Say it in a mapping, which has the roles of columns already.

    Args:
        said: the mapping.
        every: the columns.
        of: the cells of a column that are not empty.
        lists: columns that hold several values.
        used: those that are the id, the title or the like.
    """
    cells: dict[str, Any] = {}
    separators: dict[str, str] = dict(said.pop("separators", {}))
    plain: list[str] = []
    unprefixed = _unprefixed(every)
    title = said.get("title")
    of_pairs = {
        text for pair in said.get("pairs", ()) for text in pair.values() if "{n}" not in text
    }
    for name in every:
        values = of(name)
        if name in lists:
            if contents.holds_markup(values):
                cells[name] = "html"
            continue
        if not values or name == said["id"] or name in of_pairs:
            continue
        if contents.are_literals(values):
            cells[name] = "json"
            if squashed(name) in _OF_PROPERTIES and all(v.startswith("{") for v in values):
                unprefixed.append(name)
        elif contents.are_attachments(values):
            cells[name] = "attachments"
            separators.pop(name, None)
        elif name in separators or (name in used and name not in (title,)):
            continue
        elif contents.holds_markup(values):
            cells[name] = "html"
        elif name == title:
            continue
        elif (found := contents.names_and_values(values)) is not None:
            cells[name] = {"between": found[0], "after_name": found[1]}
        elif between := contents.between_values(values):
            separators[name] = between
        else:
            plain.append(name)
    known = set(contents.SEPARATORS).intersection(separators.values())
    for name in plain:
        if between := contents.between_as_elsewhere(of(name), sorted(known)):
            separators[name] = between
    if unprefixed:
        said["unprefixed"] = unprefixed
    if cells:
        said["cells"] = cells
    if separators:
        said["separators"] = separators
    names = [name for name in every if name not in used]
    renamed = {
        column: base.rstrip(" _-.#")
        for base, columns in numbered(names).items()
        if squashed(base) in OF_ONE_KIND and not said.get("pairs")
        for column in columns
        if column != base
    }
    if renamed:
        said["rename"] = renamed


def _unprefixed(names: Sequence[str]) -> list[str]:
    """Objects of which each key is a property: called so, and without names that others have."""
    known = set(names)
    found = dict.fromkeys(name.partition(".")[0] for name in names if "." in name)
    keys = {
        column: [n[len(column) + 1 :] for n in names if n.startswith(f"{column}.")]
        for column in found
        if squashed(column) in _OF_PROPERTIES
    }
    return [column for column, below in keys.items() if not known.intersection(below)]
