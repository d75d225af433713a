"""What changed since a run, product by product."""

from __future__ import annotations

from dataclasses import dataclass, field

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SubjectDiff
from k3m_kg.plugin.written_back import ProductChange
from k3m_kg.records import ProductRecord

BEGINNING = 0
"""Before the first run."""


@dataclass(slots=True)
class Changes:
    """What changed.

    Attributes:
        products: by id, those that are there now.
        removed: products that are there no more.
        runs: numbers of the runs that changed something.
    """

    products: dict[str, ProductChange] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Touched:
    pairs: set[str] = field(default_factory=set)
    title: bool = False
    category: bool = False
    images: bool = False

    def add(self, diff: SubjectDiff) -> None:
        self.pairs.update(name for name, _ in (*diff.triples_added, *diff.triples_removed))
        self.title = self.title or diff.title is not None
        self.category = self.category or diff.category is not None
        self.images = self.images or diff.images is not None


def changes_since(store: GraphStore, run: int) -> Changes:
    """What the runs after `run` changed and hold still; 0 is before the first one.

    A property that changed and changed back counts as changed; a run that was undone does not.
    Memory grows with the number of changed products, each of which is held once.

    Raises:
        GraphError: there is no such run.
    """
    if run != BEGINNING:
        store.run(run)
    later = [one for one in reversed(store.runs()) if one.id > run and one.undone_at is None]
    touched: dict[str, _Touched] = {}
    found = Changes(runs=[one.id for one in later])
    for one in later:
        for diff in store.diff(one.id):
            if diff.kind == "product":
                touched.setdefault(diff.name, _Touched()).add(diff)
    for id_, what in touched.items():
        stored = store.product(id_)
        if stored is None:
            found.removed.append(id_)
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
        )
    return found
