"""Random ingests of overlapping sources, removals, proposals, decisions and undos against plain
dictionaries.

The model says by definition what the graph is: the union of what the sources state at present.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import text

from k3m_kg.errors import GraphError
from k3m_kg.graph.fulltext.finding import find_entities
from k3m_kg.graph.fulltext.phrases import Phrase
from k3m_kg.graph.fulltext.tables import WordTable
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import (
    CheckedImage,
    IngestCounts,
    LocatedImage,
    ProposedTriple,
    SourceVersion,
    Statement,
    StoredProduct,
    SubjectDiff,
)
from k3m_kg.graph.tables import Judgement
from k3m_kg.records import ProductRecord, ValueRecord

PRODUCTS = ("p", "q")
PROPERTIES = ("colour", "is a")
VALUES = ("red", "blue")
SOURCES = "abc"
EXAMPLES = int(os.environ.get("K3M_KG_STATE_MACHINE", "10"))
CONTENT = {"/x/1": "A", "/y/1": "B", "/x/2": "A", "/y/2": "C"}
"""Of the picture files: two are the same."""

Key = tuple[str, str]
"""Kind and name of a subject."""
Pair = tuple[str, str, str]
"""Property, text of the tail, its kind."""

pairs = st.lists(
    st.tuples(st.sampled_from(PROPERTIES), st.sampled_from(VALUES)), max_size=3, unique=True
).map(tuple)
pictures = st.builds(
    lambda written, path: LocatedImage(written, path, 1 if path else None, 1 if path else None),
    st.sampled_from(["one", "two"]),
    st.sampled_from([None, *CONTENT]),
)
products = st.builds(
    lambda id_, title, category, triples, links, images: Statement(
        ProductRecord(id_, title, category, tuple(i.source for i in images), triples, 1, links),
        images,
    ),
    st.sampled_from(PRODUCTS),
    st.sampled_from(["a title", "another", None]),
    st.sampled_from(["mugs", None]),
    pairs,
    st.lists(st.tuples(st.just("variant of"), st.sampled_from(PRODUCTS)), max_size=1).map(tuple),
    st.lists(pictures, max_size=2).map(tuple),
)
values = st.builds(
    lambda value, triples: Statement(ValueRecord(value, triples, 1)), st.just("red"), pairs
)
catalogs = st.lists(products | values, max_size=4, unique_by=lambda one: key_of(one)).map(tuple)

Catalog = dict[Key, Statement]


def key_of(statement: Statement) -> Key:
    product = isinstance(statement.record, ProductRecord)
    return ("product" if product else "value", statement.name)


def pairs_of(statement: Statement) -> list[Pair]:
    record = statement.record
    found = [(name, value, "value") for name, value in record.properties]
    if isinstance(record, ProductRecord):
        found += [(name, value, "product") for name, value in record.links]
    return found


@dataclass
class Shown:
    """What the graph shows of one subject; proposed pairs are in no order."""

    title: str | None = None
    category: str | None = None
    stated: list[Pair] = field(default_factory=list)
    images: list[tuple[str, str | None]] = field(default_factory=list)
    proposed: set[Pair] = field(default_factory=set)


@dataclass
class Model:
    """What each source states, in the order of the sources, and what was before each run."""

    stated: dict[str, Catalog] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    came: list[str] = field(default_factory=list)
    runs: dict[int, tuple[str, Catalog, Catalog]] = field(default_factory=dict)
    proposals: dict[int, list[tuple[str, Pair]]] = field(default_factory=dict)
    decisions: dict[int, tuple[str, dict[tuple[str, str], Judgement]]] = field(default_factory=dict)
    undone: set[int] = field(default_factory=set)

    def union(self, stated: dict[str, Catalog], *, proposed: bool = True) -> dict[Key, Shown]:
        """By definition."""
        graph: dict[Key, Shown] = {}
        for source in self.order:
            for key, statement in stated.get(source, {}).items():
                shown = graph.setdefault(key, Shown())
                if isinstance(statement.record, ProductRecord):
                    shown.title = shown.title or statement.record.title
                    shown.category = shown.category or statement.record.category
                shown.stated += [p for p in pairs_of(statement) if p not in shown.stated]
                self.add_pictures(shown.images, statement.images)
        if not proposed:
            return graph
        for (kind, id_), shown in graph.items():
            judged = self.judged(id_) if kind == "product" else {}
            right = {(*pair, "value") for pair, says in judged.items() if says == Judgement.RIGHT}
            wrong = {(*p, "value") for p, says in judged.items() if says == Judgement.MISSTATED}
            shown.stated = [pair for pair in shown.stated if pair not in wrong]
            shown.proposed |= right - {*shown.stated}
            answered = {pair[0] for pair in [*shown.stated, *right]}
            for run, offered in self.proposals.items():
                shown.proposed |= {
                    pair
                    for name, pair in offered
                    if ("product", name) == (kind, id_)
                    and run not in self.undone
                    and pair[0] not in answered
                    and pair[:2] not in judged
                }
        return graph

    def judged(self, id_: str) -> dict[tuple[str, str], Judgement]:
        """The newest judgement of each pair."""
        found: dict[tuple[str, str], Judgement] = {}
        for run, (name, says) in self.decisions.items():
            if name == id_ and run not in self.undone:
                found |= says
        return found

    def stated_of(self, id_: str) -> set[tuple[str, str]]:
        """What sources state of a product, hidden or not."""
        key = ("product", id_)
        catalogs = self.stated.values()
        return {pair[:2] for of in catalogs if key in of for pair in pairs_of(of[key])}

    def is_asked(self, id_: str, name: str, value: str, doubted: str | None) -> bool:
        """Whether a proposal or finding is worth a decision."""
        judged, stated = self.judged(id_), self.stated_of(id_)
        if (name, value) in judged:
            return False
        if doubted is not None:
            return (name, doubted) not in judged and (name, doubted) in stated
        answered = {n for (n, _), says in judged.items() if says == Judgement.RIGHT}
        return name not in answered | {n for n, _ in stated}

    @staticmethod
    def add_pictures(there: list[tuple[str, str | None]], more: Sequence[LocatedImage]) -> None:
        """Those of which neither file nor content is there; a file in place of a mere name."""
        earlier = list(there)
        contents = [CONTENT[path] for _, path in earlier if path]
        written = [name for name, _ in earlier]
        for image in more:
            if image.path and CONTENT[image.path] in contents:
                continue
            if image.source not in written:
                there.append((image.source, image.path))
            elif image.path:
                place = written.index(image.source)
                if earlier[place][1] is None:
                    there[place] = (image.source, image.path)
                else:
                    there.append((image.source, image.path))

    def graph(self) -> dict[Key, Shown]:
        return self.union(self.stated)

    def at(self, run: int) -> dict[Key, Shown]:
        """The union just after `run`, as if what was undone had never been."""
        stated: dict[str, Catalog] = {}
        for number, (source, _, after) in sorted(self.runs.items()):
            if number <= run and number not in self.undone:
                stated[source] = after
        return self.union(stated, proposed=False)

    def ingest(self, run: int, source: str, new: Catalog, rejected: Sequence[str]) -> IngestCounts:
        """The source states `new`, and what it stated of the rejected products; the counts."""
        if source not in self.came:
            self.came.append(source)
            self.order.append(source)
        before, old = self.graph(), self.stated.get(source, {})
        kept = [("product", id_) for id_ in set(rejected)]
        kept = [key for key in kept if key in old and key not in new]
        catalog = new | {key: old[key] for key in kept}
        self.runs[run] = source, old, catalog
        self.stated[source] = catalog
        after = self.graph()
        counts = Counter(products_kept=len(kept))
        for key in {*old, *new} - {*kept}:
            if key[0] == "value":
                counts["values_read"] += key in new
            elif key not in new:
                counts["products_left" if key in after else "products_removed"] += 1
            elif key not in before:
                counts["products_added"] += 1
            else:
                same = before[key] == after[key]
                counts["products_unchanged" if same else "products_updated"] += 1
        for key in {*before, *after}:
            was, now = all_pairs(before.get(key)), all_pairs(after.get(key))
            counts["triples_added"] += len(now - was)
            counts["triples_removed"] += len(was - now)
        named = ("products_added", "products_updated", "products_unchanged")
        counts["products_read"] = sum(counts[name] for name in named)
        return IngestCounts(**counts)

    def propose(self, run: int, id_: str, offered: Sequence[tuple[str, str]]) -> None:
        """Nothing is proposed for a property that a source states."""
        stated = {name for name, _ in self.stated_of(id_)}
        judged = self.judged(id_)
        new = [(*pair, "value") for pair in offered if pair[0] not in stated and pair not in judged]
        self.proposals[run] = [(id_, pair) for pair in new]

    def later(self, run: int) -> list[int]:
        """The later runs of the same source that hold."""
        return [
            number
            for number, of in self.runs.items()
            if number > run and number not in self.undone and of[0] == self.runs[run][0]
        ]

    def may_undo(self, run: int) -> bool:
        """Whether no later run of the same source holds that changed something."""
        return run not in self.undone and (
            run in self.proposals
            or run in self.decisions
            or all(self.runs[number][1] == self.runs[number][2] for number in self.later(run))
        )

    def undo(self, run: int) -> None:
        if run in self.runs:
            self.undone.update(self.later(run))
            source, old, _ = self.runs[run]
            self.stated[source] = old
        self.undone.add(run)

    def holding(self) -> list[str]:
        """The sources with a run that holds, in their order."""
        found = {of[0] for number, of in self.runs.items() if number not in self.undone}
        return [source for source in self.order if source in found]

    def set_order(self, first: Sequence[str]) -> None:
        ordered = list(dict.fromkeys([*first, *self.holding()]))
        self.order = ordered + [source for source in self.came if source not in ordered]


def all_pairs(shown: Shown | None) -> set[Pair]:
    return set() if shown is None else {*shown.stated, *shown.proposed}


def look(images: Sequence[LocatedImage]) -> list[CheckedImage]:
    return [CheckedImage(CONTENT[image.path or ""], 1, 1) for image in images]


class GraphMachine(RuleBasedStateMachine):
    """Rules do the same to the store and to the model; the invariants compare them."""

    store: GraphStore

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.step = 0
        with self.store._engine.begin() as connection:
            for table in ("review_items", "decisions", "judgements", "proposals", "journal",
                          "images", "triples", "statements", "subjects",
                          "entities", "properties", "ingest_runs", "sources",
                          "retitled", "title_words"):  # fmt: skip
                connection.execute(text(f"DELETE FROM {table}"))
            connection.execute(text("UPDATE words_state SET below = 0"))
            sqlite = connection.dialect.name == "sqlite"
            all_of_it = "INSERT INTO entity_words (entity_words) VALUES ('delete-all')"
            connection.execute(text(all_of_it if sqlite else "DELETE FROM entity_words"))

    def version(self, source: str) -> SourceVersion:
        self.step += 1
        return SourceVersion(source, "test", str(self.step))

    @rule(
        source=st.sampled_from(SOURCES),
        catalog=catalogs,
        size=st.integers(1, 4),
        rejected=st.lists(st.sampled_from(PRODUCTS), max_size=2),
    )
    def ingest(
        self, source: str, catalog: tuple[Statement, ...], size: int, rejected: list[str]
    ) -> None:
        with self.store.writing() as writer:
            session = writer.session(self.version(source), look)
            for id_ in rejected:
                session.keep(id_)
            for start in range(0, len(catalog), size):
                session.write(catalog[start : start + size])
            counts = session.finish(0)
        new = {key_of(statement): statement for statement in catalog}
        expected = self.model.ingest(session.run, source, new, rejected)
        found = asdict(counts) | dict.fromkeys(("images_found", "images_not_local"), 0)
        assert found == asdict(expected)

    @rule(source=st.sampled_from(SOURCES), catalog=catalogs)
    def rehearse(self, source: str, catalog: tuple[Statement, ...]) -> None:
        with self.store.writing(commit=False) as writer:
            session = writer.session(self.version(source), look)
            session.write(catalog)
            session.finish(0)
            list(writer.diff(session.run))

    @precondition(lambda self: any(self.model.stated.get(s) for s in self.model.holding()))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        stating = [source for source in self.model.holding() if self.model.stated[source]]
        source = data.draw(st.sampled_from(stating))
        with self.store.writing() as writer:
            run, counts = writer.end(source)
        assert asdict(counts) == asdict(self.model.ingest(run, source, {}, []))

    @rule()
    def search(self) -> None:
        self.store.fill_words()
        graph = self.model.graph()
        for word in ("title", "another"):
            expected = {
                name
                for (kind, name), shown in graph.items()
                if kind == "product" and word in (shown.title or "")
            }
            with self.store.reading() as reader:
                phrase = Phrase(word, goes_on=False)
                found = find_entities(reader.connection, WordTable.TITLES, phrase)
                names = {row[0]: row[2] for rows in reader.subjects() for row in rows}
            assert {names[number] for number in found.tolist()} == expected

    @precondition(lambda self: self.model.holding())
    @rule(data=st.data())
    def order(self, data: st.DataObject) -> None:
        first = data.draw(st.lists(st.sampled_from(self.model.holding()), unique=True, min_size=1))
        before = self.model.graph()
        self.model.set_order(first)
        after = self.model.graph()
        with self.store.writing() as writer:
            changed = writer.order(first)
        assert changed == sum(before[key] != after[key] for key in after if key[0] == "product")
        assert [source.name for source in self.store.sources()] == self.model.holding()

    @precondition(lambda self: any(kind == "product" for kind, _ in self.model.graph()))
    @rule(data=st.data())
    def propose(self, data: st.DataObject) -> None:
        there = sorted(name for kind, name in self.model.graph() if kind == "product")
        id_ = data.draw(st.sampled_from(there))
        offered = data.draw(pairs)
        with self.store.writing() as writer:
            run = writer.propose("model", [ProposedTriple(id_, *pair, 0.5) for pair in offered])
        self.model.propose(run, id_, offered)

    @precondition(lambda self: any(kind == "product" for kind, _ in self.model.graph()))
    @rule(
        data=st.data(),
        name=st.sampled_from(PROPERTIES),
        texts=st.permutations([*VALUES, "green"]),
        doubts=st.booleans(),
        answer=st.sampled_from(["accept", "reject", "correct"]),
    )
    def decide(
        self, data: st.DataObject, name: str, texts: list[str], doubts: bool, answer: str
    ) -> None:
        there = sorted(name for kind, name in self.model.graph() if kind == "product")
        id_ = data.draw(st.sampled_from(there))
        value, stated, other = texts
        self.step += 1
        desk = ReviewDesk(self.store, clock=lambda: self.step * 1000.0, random_share=0.0)
        doubted = stated if doubts else None
        offer = ReviewOffer(id_, name, value, 0.5, stated=doubted)
        counts = desk.add("model", [offer])
        asked = self.model.is_asked(id_, name, value, doubted)
        assert counts.added + counts.renewed == asked
        if not asked:
            return
        wanted = (id_, name, value, doubted)
        (item,) = (
            item
            for item in desk.next("ann", 99)
            if (item.product, item.property, item.value, item.stated) == wanted
        )
        corrects = answer == "correct"
        run = desk.decide("ann", [item.id], DecidedAs(answer), other if corrects else None).run
        accepts, rejects = answer == "accept", answer == "reject"
        says = {(name, value): Judgement.RIGHT if accepts else Judgement.WRONG}
        if doubted is not None:
            says[name, doubted] = Judgement.RIGHT if rejects else Judgement.MISSTATED
        if corrects:
            says[name, other] = Judgement.RIGHT
        self.model.decisions[run] = id_, says

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        runs = sorted({*self.model.runs, *self.model.proposals, *self.model.decisions})
        newest = [run for run in runs if run not in self.model.undone][-3:]
        run = data.draw(st.sampled_from((newest or runs) * 3 + runs))
        before = self.model.graph()
        try:
            with self.store.writing() as writer:
                undone = writer.undo(run)
        except GraphError:
            assert not self.model.may_undo(run)
            return
        assert self.model.may_undo(run)
        self.model.undo(run)
        after = self.model.graph()
        gone = {key for key in before if key not in after and key[0] == "product"}
        assert undone.products_removed == len(gone)
        keys = {*before, *after}
        new = [(all_pairs(before.get(key)), all_pairs(after.get(key))) for key in keys]
        assert undone.triples_added == sum(len(now - was) for was, now in new)
        assert undone.triples_removed == sum(len(was - now) for was, now in new)

    @precondition(lambda self: set(self.model.runs) - self.model.undone)
    @rule(data=st.data())
    def diff(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(set(self.model.runs) - self.model.undone)))
        before, after = self.model.at(run - 1), self.model.at(run)
        expected = {
            key: described(before.get(key), after.get(key))
            for key in {*before, *after}
            if before.get(key) != after.get(key)
        }
        found = {(one.kind, one.name): told(one) for one in self.store.diff(run)}
        assert found == expected

    @invariant()
    def same_graph(self) -> None:
        expected = self.model.graph()
        found = {("product", product.id): product for product in self.store.iter_products()}
        facts = {("value", value.value): value.properties for value in self.store.iter_values()}
        assert found.keys() | facts.keys() == expected.keys()
        for key, shown in expected.items():
            stated = tuple((name, value) for name, value, kind in shown.stated if kind == "value")
            if key[0] == "value":
                assert facts[key] == stated
                continue
            product: StoredProduct = found[key]
            assert (product.title, product.category) == (shown.title, shown.category)
            assert [(image.source, image.path) for image in product.images] == shown.images
            links = tuple((name, end) for name, end, kind in shown.stated if kind == "product")
            assert product.links == links
            assert product.triples[: len(stated)] == stated
            proposed = {(name, value, "value") for name, value in product.triples[len(stated) :]}
            assert proposed == shown.proposed

    @invariant()
    def nothing_dangles(self) -> None:
        with self.store._engine.connect() as connection:
            for query in (
                "triples WHERE head NOT IN (SELECT entity FROM subjects)",
                "triples WHERE head NOT IN (SELECT id FROM entities)",
                "triples WHERE tail NOT IN (SELECT id FROM entities)",
                "triples WHERE property NOT IN (SELECT id FROM properties)",
                "triples WHERE run NOT IN (SELECT id FROM ingest_runs)",
                "triples WHERE run IN (SELECT id FROM ingest_runs WHERE undone_at IS NOT NULL)",
                "images WHERE product NOT IN (SELECT entity FROM subjects)",
                "subjects WHERE entity NOT IN (SELECT id FROM entities)",
                "subjects WHERE run IN (SELECT id FROM ingest_runs WHERE undone_at IS NOT NULL)",
                "subjects WHERE (source = 0) <> (entity IN (SELECT entity FROM statements))",
                "statements WHERE run IN (SELECT id FROM ingest_runs WHERE undone_at IS NOT NULL)",
                "(SELECT entity FROM statements GROUP BY entity HAVING count(*) < 2) AS lonely "
                "WHERE entity NOT IN (SELECT head FROM judgements j JOIN ingest_runs r "
                "ON r.id = j.run WHERE j.says = 2 AND r.undone_at IS NULL)",
            ):
                assert connection.execute(text(f"SELECT count(*) FROM {query}")).scalar() == 0


def described(before: Shown | None, after: Shown | None) -> tuple[object, ...]:
    """A difference, as `told` tells it."""
    change = "added" if before is None else "removed" if after is None else "updated"
    old, new = before or Shown(), after or Shown()
    return (
        change,
        None if old.title == new.title else (old.title, new.title),
        None if old.category == new.category else (old.category, new.category),
        Counter(pair[:2] for pair in new.stated if pair not in old.stated),
        Counter(pair[:2] for pair in old.stated if pair not in new.stated),
    )


def told(one: SubjectDiff) -> tuple[object, ...]:
    added, removed = Counter(one.triples_added), Counter(one.triples_removed)
    return one.change, one.title, one.category, added, removed


@pytest.fixture
def machine(database_url: str) -> Iterator[type[GraphMachine]]:
    """The machine on a database of its own, emptied for each example."""
    with GraphStore.create(database_url)[0] as store:
        yield type("Machine", (GraphMachine,), {"store": store})


def test_the_store_is_the_union(machine: type[GraphMachine]) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
