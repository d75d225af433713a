"""Conformance tests for a database that holds the graph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from k3m_kg.errors import GraphError
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import IngestCounts, ProposedTriple, SourceVersion, Statement
from k3m_kg.records import ProductRecord, Subject, ValueRecord

RED = ("colour", "red")
BLUE = ("colour", "blue")
WOOL = ("material", "wool")


class StoreCase:
    """Subclass this and give a fixture `database_url`: the URL of a database with nothing in it."""

    @pytest.fixture
    def store(self, database_url: str) -> Iterator[GraphStore]:
        """A graph made in that database."""
        store, created = GraphStore.create(database_url)
        assert created
        with store:
            yield store

    @staticmethod
    def product(id_: str, *pairs: tuple[str, str], title: str = "a title") -> ProductRecord:
        """A product with these (property, value) pairs."""
        return ProductRecord(id_, title, None, (), pairs, 1)

    @staticmethod
    def ingest(store: GraphStore, source: str, *records: Subject) -> tuple[int, IngestCounts]:
        """Bring in a source that states exactly `records`; the run and what it did."""
        with store.writing() as writer:
            version = SourceVersion(source, "test", str(hash(records)))
            session = writer.session(version, lambda images: [])
            session.write([Statement(record) for record in records])
            return session.run, session.finish(0)

    @staticmethod
    def content(store: GraphStore) -> list[object]:
        """Everything that the sources state."""
        return [*store.iter_products(), *store.iter_values()]

    def test_what_is_stated_comes_back(self, store: GraphStore) -> None:
        """Products, links, values of any length and script, in byte order of their ids."""
        long = ("description", "ü\t\\N\n" * 100_000)
        linked = ProductRecord("é", None, "coats", (), (WOOL, RED), 1, (("variant of", "z"),))
        value = ValueRecord("red", (("kind of", "colour"),))
        self.ingest(store, "a", linked, self.product("z", long), self.product("𝄞", RED), value)
        found = list(store.iter_products())
        assert [product.id for product in found] == ["z", "é", "𝄞"]
        assert found[0].triples == (long,)
        assert (found[1].title, found[1].category) == (None, "coats")
        assert (found[1].triples, found[1].links) == ((WOOL, RED), (("variant of", "z"),))
        assert store.product("é") == found[1]
        assert list(store.iter_values()) == [value]

    def test_stating_the_same_again_changes_nothing(self, store: GraphStore) -> None:
        """Idempotent by content."""
        self.ingest(store, "a", self.product("p", RED), self.product("q", BLUE))
        _, counts = self.ingest(store, "a", self.product("q", BLUE), self.product("p", RED))
        assert counts == IngestCounts(products_read=2, products_unchanged=2)

    def test_an_updated_source_yields_exactly_the_difference(self, store: GraphStore) -> None:
        """Added, updated and removed, no more."""
        self.ingest(store, "a", self.product("p", RED, WOOL), self.product("gone", RED))
        _, counts = self.ingest(store, "a", self.product("p", BLUE, WOOL), self.product("new"))
        assert counts == IngestCounts(
            products_read=2,
            products_added=1,
            products_updated=1,
            products_removed=1,
            triples_added=1,
            triples_removed=2,
        )

    def test_an_exception_rolls_everything_back(self, store: GraphStore) -> None:
        """All or nothing."""
        self.ingest(store, "a", self.product("p", RED))
        before = self.content(store)

        def fail() -> None:
            with store.writing() as writer:
                session = writer.session(SourceVersion("b", "test", "1"), lambda images: [])
                session.write([Statement(self.product("p", BLUE)), Statement(self.product("q"))])
                session.finish(0)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert self.content(store) == before
        assert [run.id for run in store.runs()] == [1]

    def test_readers_see_one_state_and_never_wait(self, store: GraphStore) -> None:
        """Whatever is committed, or not yet committed, meanwhile."""
        self.ingest(store, "a", *(self.product(f"p{n}", RED) for n in range(6)))
        reader = store.iter_products(batch_size=2)
        next(reader)
        self.ingest(store, "a", self.product("p5", BLUE))
        assert [product.triples for product in reader] == [(RED,)] * 5
        with store.writing() as writer:
            session = writer.session(SourceVersion("b", "test", "1"), lambda images: [])
            session.write([Statement(self.product("q", RED))])
            assert [product.id for product in store.iter_products()] == ["p5"]

    def test_one_writer_at_a_time(self, store: GraphStore, database_url: str) -> None:
        """The second waits, and gives up with a clear word."""
        with (
            GraphStore.open(database_url) as other,
            store.writing(),
            pytest.raises(GraphError, match="another process has been writing"),
            other.writing(patience=0.1),
        ):
            pass

    def test_a_run_can_be_shown_and_taken_back(self, store: GraphStore) -> None:
        """Exactly, and refused while later runs build on it."""
        self.ingest(store, "a", self.product("p", RED), self.product("gone", RED))
        before = self.content(store)
        second, _ = self.ingest(store, "a", self.product("p", BLUE))
        changes = {change.name: change.change for change in store.diff(second)}
        assert changes == {"p": "updated", "gone": "removed"}
        third, _ = self.ingest(store, "a", self.product("p", WOOL))
        with pytest.raises(GraphError, match=rf"\({third}\)"), store.writing() as writer:
            writer.undo(second)
        with store.writing() as writer:
            writer.undo(third)
            writer.undo(second)
        assert self.content(store) == before

    def test_a_product_is_what_all_its_sources_say(self, store: GraphStore) -> None:
        """Each takes back its own statements only; the first one's title counts."""
        self.ingest(store, "a", self.product("p", RED, title="first"), self.product("gone"))
        joined, _ = self.ingest(store, "b", self.product("p", WOOL, RED, title="second"))
        product = store.product("p")
        assert product is not None
        assert (product.title, product.triples) == ("first", (RED, WOOL))
        assert [change.triples_added for change in store.diff(joined)] == [(WOOL,)]
        with store.writing() as writer:
            assert writer.order(["b"]) == 1
        product = store.product("p")
        assert product is not None
        assert (product.title, product.triples) == ("second", (WOOL, RED))
        _, counts = self.ingest(store, "a", self.product("q"))
        assert (counts.products_removed, counts.products_left) == (1, 1)
        with store.writing() as writer:
            writer.end("b")
        assert [product.id for product in store.iter_products()] == ["q"]

    def test_proposals_hold_until_a_source_or_undo_takes_them(self, store: GraphStore) -> None:
        """A source overrules them property by property."""
        self.ingest(store, "a", self.product("p", RED))
        with store.writing() as writer:
            offered = [ProposedTriple("p", *WOOL, 0.9), ProposedTriple("p", "size", "42", 0.8)]
            run = writer.propose("model", offered)
        self.ingest(store, "a", self.product("p", BLUE, ("size", "43")))
        assert next(store.iter_products()).triples == (BLUE, ("size", "43"), WOOL)
        with store.writing() as writer:
            writer.undo(run)
        assert next(store.iter_products()).triples == (BLUE, ("size", "43"))
