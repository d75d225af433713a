"""The union of what several sources state of one subject: a function, no database.

The order of the sources decides where there is one answer: title and category. Triples and
pictures are those of all of them, in that order. What people judged right shows too, what they
judged misstated does not. What models proposed comes last, where nobody states the property.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from k3m_kg.graph.history.journal import StoredSubject, Version
from k3m_kg.graph.tables import SEVERAL, Judgement

Proposed = tuple[int, int, int]
"""property, tail, run"""
Judged = Mapping[tuple[int, int], tuple[Judgement, int]]
"""Of a subject's (property, tail): the newest judgement and its run."""
NOTHING_JUDGED: Judged = {}
_WRITTEN, _PATH, _CONTENT = 1, 2, 5
"""Columns of a picture's row: as the source wrote it, the local file, its hash."""


def merged(
    versions: Sequence[Version],
    proposed: Sequence[Proposed] = (),
    judged: Judged = NOTHING_JUDGED,
) -> Version:
    """What the graph shows of a subject.

    Args:
        versions: what each source states, at least one, in the order of the sources.
        proposed: in the order in which they are shown; of equal ones the first counts.
        judged: what people say of its triples.
    """
    if len(versions) == 1 and not proposed and not judged:
        return versions[0]
    first = versions[0].subject
    runs: dict[tuple[int, int], int] = {}
    for version in versions:
        for property_, tail, _, run in version.triples:
            runs.setdefault((property_, tail), run)
    misstated = {pair for pair, (says, _) in judged.items() if says == Judgement.MISSTATED}
    hidden = misstated & runs.keys()
    for pair in hidden:
        del runs[pair]
    for pair, (says, run) in judged.items():
        if says == Judgement.RIGHT:
            runs.setdefault(pair, run)
    stated = {property_ for property_, _ in runs}
    for property_, tail, run in proposed:
        if property_ not in stated and (property_, tail) not in judged:
            runs.setdefault((property_, tail), run)
    alone = len(versions) == 1 and not hidden
    return Version(
        first if alone else _subject([version.subject for version in versions]),
        [(*pair, position, run) for position, (pair, run) in enumerate(runs.items())],
        versions[0].images if len(versions) == 1 else _pictures(versions),
    )


def _subject(stated: Sequence[StoredSubject]) -> StoredSubject:
    return StoredSubject(
        stated[0].entity,
        stated[0].kind,
        next((one.title for one in stated if one.title is not None), None),
        next((one.category for one in stated if one.category is not None), None),
        "",
        SEVERAL,
        max(one.run for one in stated),
    )


def _pictures(versions: Sequence[Version]) -> list[tuple[Any, ...]]:
    """The pictures of all versions; one that an earlier version has too comes once."""
    rows: list[tuple[Any, ...]] = []
    for version in versions:
        earlier = list(rows)
        files = {row[_PATH] for row in earlier if row[_PATH] is not None}
        contents = {row[_CONTENT] for row in earlier if row[_CONTENT] is not None}
        written = {row[_WRITTEN]: place for place, row in reversed([*enumerate(earlier)])}
        for row in version.images:
            usable = row[_CONTENT] is not None
            if row[_PATH] in files or row[_CONTENT] in contents:
                continue
            place = written.get(row[_WRITTEN])
            if place is None:
                rows.append(row)
            elif usable and earlier[place][_CONTENT] is None:
                rows[place] = row  # the other one has no file of it
            elif usable:
                rows.append(row)  # another file of that name
    return [(position, *row[1:]) for position, row in enumerate(rows)]


def same_content(one: Version | None, other: Version | None) -> bool:
    """Whether two versions show the same, whichever runs made them and whenever files were."""
    if one is None or other is None:
        return one is other
    return (
        (one.subject.title, one.subject.category) == (other.subject.title, other.subject.category)
        and one.pairs == other.pairs
        and [_shown(row) for row in one.images] == [_shown(row) for row in other.images]
    )


def _shown(row: tuple[Any, ...]) -> tuple[Any, ...]:
    position, written, path, _, _, content_hash, width, height, error, _ = row
    return position, written, path, content_hash, width, height, error
