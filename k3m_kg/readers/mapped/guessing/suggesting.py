"""A mapping to start from, told from the names of columns and what stands in them.

The id is a column whose values are all there and all different; names only say which of several,
and make up for a row in fifty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from k3m_kg.readers.mapped.guessing.suggestion import OPEN, Suggestion


def suggested_mapping(
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    lists: Iterable[str] = (),
    header: int | None = None,
    skip_after_header: int = 0,
) -> str:
    """The text of a mapping file to start from.

    Args:
        names: the columns, dotted paths for what lies in objects.
        rows: the first rows, text by column.
        lists: columns that hold several values, or lie in lists.
        header: the row that was taken for the header, if it is not the first.
        skip_after_header: rows below it that are no products.
    """
    made = Suggestion(names, rows, frozenset(lists))
    said, notes = made.said, made.notes
    if header is not None:
        said["header"] = header
        notes.append(f"header: the first row with a name for most columns is row {header}")
    if skip_after_header:
        said["skip_after_header"] = skip_after_header
        below = (
            "row below the header says"
            if skip_after_header == 1
            else f"{skip_after_header} rows below the header say"
        )
        notes.append(f"skip_after_header: the {below} more of the columns, such as units")
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=1000)
    if said["id"] == OPEN:
        text = text.replace(f"id: {OPEN!r}", f"id: {OPEN}  # which column?").replace(
            f"id: {OPEN}\n", f"id: {OPEN}  # which column? {_some(names)}\n"
        )
    return "".join(f"# {note}\n" for note in notes) + text


def suggested_beside(
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    lists: Iterable[str],
    id_: str,
    sure: Mapping[str, str],
) -> tuple[dict[str, Any], list[str]]:
    """What is taken beside the usual names where nobody is asked, and what is to be said of it.

    That a column is called by another name, that texts are in several languages or HTML, that a
    text is several pictures: what else is suggested changes what a file says too much.

    Args:
        id_: the field of the id.
        sure: the columns by their usual names.
    """
    made = Suggestion(names, rows, frozenset(lists), id_).said
    said: dict[str, Any] = {}
    notes: list[str] = []
    for key in ("title", "category", "image"):
        if (column := made.get(key)) is not None and column != sure.get(key):
            said[key] = column
            listed = [column] if isinstance(column, str) else column
            notes.append(f"{key}: taken from {', '.join(map(repr, listed[:5]))}")
    if languages := made.get("languages"):
        said["languages"] = languages
        notes.append(
            f"texts in several languages, told by their names: {languages[0]} has the plain names"
        )
    between = {
        name: text
        for name, text in made.get("separators", {}).items()
        if name in ([image] if isinstance(image := made.get("image"), str) else image or ())
    }
    if between:
        said["separators"] = between
        notes.append(f"several pictures in one text of {', '.join(map(repr, between))}")
    if markup := {name: how for name, how in made.get("cells", {}).items() if how == "html"}:
        said["cells"] = markup
        notes.append(f"HTML became text in {', '.join(map(repr, list(markup)[:8]))}")
    if left := made.get("leave_out"):
        said["leave_out"] = left
        notes.append(f"left out {', '.join(map(repr, left))}, which numbers the rows")
    if notes:
        notes = [f"{'; '.join(notes)}. A mapping says otherwise"]
    return said, notes


def is_open(mapping: str) -> bool:
    """Whether a suggested mapping leaves the id to be named."""
    return any(line.startswith(f"id: {OPEN}") for line in mapping.splitlines())


def _some(names: Sequence[str]) -> str:
    return "one of " + ", ".join(" ".join(name.split()) for name in names[:12])
