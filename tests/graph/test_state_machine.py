"""Random ingests, updates, deletes, proposals and undos against a plain Python model."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import text

from k3m_kg.errors import GraphError
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import ProposedTriple, SourceVersion, Statement
from k3m_kg.records import ProductRecord

PRODUCTS = ("p", "q")
PROPERTIES = ("colour", "is a")
VALUES = ("red", "blue")
EXAMPLES = int(os.environ.get("K3M_KG_STATE_MACHINE", "10"))

Pairs = tuple[tuple[str, str], ...]

pairs = st.lists(
    st.tuples(st.sampled_from(PROPERTIES), st.sampled_from(VALUES)), max_size=3, unique=True
).map(tuple)
records = st.builds(
    lambda id_, title, triples, links: ProductRecord(id_, title, None, (), triples, 1, links),
    st.sampled_from(PRODUCTS),
    st.sampled_from(["a title", "another", None]),
    pairs,
    st.lists(st.tuples(st.just("variant of"), st.sampled_from(PRODUCTS)), max_size=1).map(tuple),
)
catalogs = st.lists(records, max_size=4, unique_by=lambda record: record.id).map(tuple)


@dataclass
class Subject:
    """What the model keeps of one product; proposals are (pair, run)."""

    record: ProductRecord
    source: str
    run: int
    proposed: list[tuple[tuple[str, str], int]] = field(default_factory=list)


@dataclass
class Model:
    """The whole graph, and a copy of what it was before each run."""

    graph: dict[str, Subject] = field(default_factory=dict)
    touched: dict[int, set[str]] = field(default_factory=dict)
    before: dict[int, dict[str, Subject]] = field(default_factory=dict)
    source: dict[int, str] = field(default_factory=dict)
    sources: dict[int, set[str]] = field(default_factory=dict)
    proposals: set[int] = field(default_factory=set)
    undone: set[int] = field(default_factory=set)

    def ingest(self, run: int, source: str, catalog: tuple[ProductRecord, ...]) -> None:
        """The newest statement wins; what the source stated last and states no more goes."""
        self.before[run] = copy.deepcopy(self.graph)
        self.source[run] = source
        touched = self.touched[run] = set()
        sources = self.sources[run] = {source}
        for record in catalog:
            old = self.graph.get(record.id)
            if old and old.record.content_hash() == record.content_hash():
                if old.source != source:
                    sources.add(old.source)
                    old.source = source
                    touched.add(record.id)
                continue
            touched.add(record.id)
            sources.update({old.source} if old else ())
            stated = {name for name, _ in (*record.properties, *record.links)}
            kept = [p for p in old.proposed if p[0][0] not in stated] if old else []
            self.graph[record.id] = Subject(record, source, run, kept)
        named = {record.id for record in catalog}
        for id_, subject in list(self.graph.items()):
            if subject.source == source and id_ not in named:
                del self.graph[id_]
                touched.add(id_)

    def may_undo(self, run: int) -> bool:
        """Whether no later run that holds touched the same products or read the same sources."""
        later = [n for n in self.touched if n > run and n not in self.undone]
        return run in self.proposals or not any(
            self.touched[n] & self.touched[run]
            or (n not in self.proposals and self.source[n] in self.sources[run])
            for n in later
        )

    def undo(self, run: int) -> None:
        """Give the touched products what they were before; proposals just go."""
        self.undone.add(run)
        if run in self.proposals:
            for subject in self.graph.values():
                subject.proposed = [p for p in subject.proposed if p[1] != run]
            return
        for id_ in self.touched[run]:
            self.graph.pop(id_, None)
            old = copy.deepcopy(self.before[run].get(id_))
            if old:
                old.proposed = [p for p in old.proposed if p[1] not in self.undone]
                self.graph[id_] = old

    def shown(self) -> dict[str, tuple[str | None, set[tuple[str, str]], Pairs]]:
        """Title, triples and links by product."""
        return {
            id_: (
                subject.record.title,
                {*subject.record.properties, *(pair for pair, _ in subject.proposed)},
                subject.record.links,
            )
            for id_, subject in self.graph.items()
        }


class GraphMachine(RuleBasedStateMachine):
    """Rules do the same to the store and to the model; the invariants compare them."""

    store: GraphStore

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.step = 0
        with self.store._engine.begin() as connection:
            for table in ("proposals", "journal", "images", "triples", "subjects",
                          "entities", "properties", "ingest_runs", "sources"):  # fmt: skip
                connection.execute(text(f"DELETE FROM {table}"))

    def version(self, source: str) -> SourceVersion:
        self.step += 1
        return SourceVersion(source, "test", str(self.step))

    @rule(source=st.sampled_from("ab"), catalog=catalogs, size=st.integers(1, 4))
    def ingest(self, source: str, catalog: tuple[ProductRecord, ...], size: int) -> None:
        with self.store.writing() as writer:
            session = writer.session(self.version(source), lambda images: [])
            for start in range(0, len(catalog), size):
                session.write([Statement(record) for record in catalog[start : start + size]])
            session.finish(0)
        self.model.ingest(session.run, source, catalog)

    @rule(source=st.sampled_from("ab"), catalog=catalogs)
    def rehearse(self, source: str, catalog: tuple[ProductRecord, ...]) -> None:
        with self.store.writing(commit=False) as writer:
            session = writer.session(self.version(source), lambda images: [])
            session.write([Statement(record) for record in catalog])
            session.finish(0)

    @precondition(lambda self: self.model.graph)
    @rule(data=st.data())
    def propose(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.model.graph)))
        offered = data.draw(pairs)
        with self.store.writing() as writer:
            run = writer.propose("model", [ProposedTriple(id_, *pair, 0.5) for pair in offered])
        subject = self.model.graph[id_]
        new = [pair for pair in offered if pair not in subject.record.properties]
        subject.proposed += [(pair, run) for pair in new]
        self.model.proposals.add(run)
        self.model.touched[run] = {id_} if new else set()

    @precondition(lambda self: self.model.touched)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        runs = sorted(self.model.touched)
        newest = [run for run in runs if run not in self.model.undone][-3:]
        run = data.draw(st.sampled_from((newest or runs) * 3 + runs))
        try:
            with self.store.writing() as writer:
                writer.undo(run)
        except GraphError:
            assert run in self.model.undone or not self.model.may_undo(run)
        else:
            assert run not in self.model.undone
            assert self.model.may_undo(run)
            self.model.undo(run)

    @invariant()
    def same_graph(self) -> None:
        found = {
            product.id: (product.title, set(product.triples), product.links)
            for product in self.store.iter_products()
        }
        assert found == self.model.shown()

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
                "subjects WHERE entity NOT IN (SELECT id FROM entities)",
                "subjects WHERE run IN (SELECT id FROM ingest_runs WHERE undone_at IS NOT NULL)",
            ):
                assert connection.execute(text(f"SELECT count(*) FROM {query}")).scalar() == 0


@pytest.fixture
def machine(database_url: str) -> Iterator[type[GraphMachine]]:
    """The machine on a database of its own, emptied for each example."""
    with GraphStore.create(database_url)[0] as store:
        yield type("Machine", (GraphMachine,), {"store": store})


def test_the_store_is_the_model(machine: type[GraphMachine]) -> None:
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
