"""What changed since a run, product by product."""

from __future__ import annotations

from dataclasses import dataclass, field

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import Run, SubjectDiff
from k3m_kg.graph.tables import RunKind
from k3m_kg.plugin.written_back import ProductChange
from k3m_kg.records import ProductRecord

BEGINNING = 0
"""Before the first run."""


@dataclass(slots=True)
class Changes:
    """What changed.

    Attributes:
        products: by id, those that are there now: what changed, and what was filled in before in
            columns that changed of others (`since` is False).
        removed: products that are there no more.
        runs: numbers of the runs that changed something.
        decided: products of which people rejected or confirmed values since, and nothing changed:
            what was rejected had only been proposed, what was confirmed is stated.
    """

    products: dict[str, ProductChange] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Touched:
    pairs: set[str] = field(default_factory=set)
    title: bool = False
    category: bool = False
    images: bool = False

    @classmethod
    def by(cls, diff: SubjectDiff) -> _Touched:
        """What a run changed of a product."""
        return cls(
            {name for name, _ in (*diff.triples_added, *diff.triples_removed)},
            diff.title is not None,
            diff.category is not None,
            diff.images is not None,
        )

    @classmethod
    def of_pairs(cls, diff: SubjectDiff, pairs: set[tuple[str, str]]) -> _Touched:
        """Of what a run filled in, these; the category is among them by that name."""
        names = {name for name, value in diff.triples_added if (name, value) in pairs}
        category = diff.category is not None and ("category", diff.category[1]) in pairs
        return cls(names, category=category)

    def add(self, other: _Touched) -> None:
        """That too."""
        self.pairs |= other.pairs
        self.title |= other.title
        self.category |= other.category
        self.images |= other.images

    @property
    def anything(self) -> bool:
        """Whether anything was changed."""
        return bool(self.pairs) or self.title or self.category or self.images

    def within(self, other: _Touched) -> _Touched:
        """Of it what is in both."""
        return _Touched(
            self.pairs & other.pairs,
            self.title and other.title,
            self.category and other.category,
            self.images and other.images,
        )


def changes_since(store: GraphStore, run: int, format: str | None = None) -> Changes:
    """What the runs after `run` changed and hold still; 0 is before the first one.

    A property that changed and changed back counts as changed; a run that was undone does not. Of a
    product that changed, what was filled in before `run` counts too where that property changed of
    any product since: its source does not say it, so the file, which has that column, would take it
    back. The same of products that did not change, whose row may have to go along with others.

    Memory grows with the number of changed products, each of which is held once.

    Args:
        run: the last one whose changes have been written.
        format: of the source that goes back; what others brought in, it does not say either.

    Raises:
        GraphError: there is no such run.
    """
    if run != BEGINNING:
        store.run(run)
    runs = [one for one in reversed(store.runs()) if one.undone_at is None]
    later = [one for one in runs if one.id > run]
    earlier = [one for one in runs if one.id <= run and _fills_in(one, format)]
    touched: dict[str, _Touched] = {}
    found = Changes(runs=[one.id for one in later])
    rejected: dict[str, set[tuple[str, str]]] = {}
    stated = set()
    for one in later:
        for diff in store.diff(one.id):
            if diff.kind == "product":
                touched.setdefault(diff.name, _Touched()).add(_Touched.by(diff))
                if diff.triples_rejected:
                    rejected.setdefault(diff.name, set()).update(diff.triples_rejected)
                if diff.change != "decided":
                    stated.add(diff.name)
    for one in earlier if rejected else ():
        for diff in store.diff(one.id):
            # It had been filled in, and may have been written: now it is taken back.
            if diff.kind == "product" and (no_more := rejected.get(diff.name)):
                touched[diff.name].add(_Touched.of_pairs(diff, no_more))
    found.decided = [
        id_ for id_, what in touched.items() if id_ not in stated and not what.anything
    ]
    for id_ in found.decided:
        del touched[id_]
    columns = _Touched()
    for what in touched.values():
        columns.add(what)
    since = frozenset(touched)
    for one in earlier if touched else ():
        for diff in store.diff(one.id):
            before = _Touched.by(diff).within(columns)
            if diff.kind == "product" and before.anything:
                touched.setdefault(diff.name, _Touched()).add(before)
    there = {stored.id: stored for stored in store.products(touched)}
    for id_, what in touched.items():
        stored = there.get(id_)
        if stored is None:
            found.removed += [id_] * (id_ in since)
            continue
        record = ProductRecord(
            stored.id,
            stored.title,
            stored.category,
            tuple(image.source for image in stored.images),
            stored.triples,
            0,
            stored.links,
        )
        known = {name for name, _ in stored.links}
        found.products[id_] = ProductChange(
            record,
            properties=frozenset(what.pairs - known),
            links=frozenset(what.pairs & known),
            title=what.title,
            category=what.category,
            images=what.images,
            since=id_ in since,
        )
    return found


def _fills_in(run: Run, format: str | None) -> bool:
    """Whether it said what a source of a format does not."""
    if run.kind == RunKind.INGEST.value:
        return format is not None and run.format != format
    return run.kind in (RunKind.PROPOSAL.value, RunKind.DECISION.value)
