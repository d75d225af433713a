"""Databases that every earlier version wrote come up to date, and keep what they hold."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from k3m_kg.errors import GraphError
from k3m_kg.graph.database.engine import make_engine, parse_url
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import (
    LocatedImage,
    SourceVersion,
    Statement,
    StoredImage,
    StoredProduct,
)
from k3m_kg.graph.tables import SCHEMA_REVISION
from k3m_kg.records import ProductRecord
from k3m_kg.resources import migrations_folder

REVISIONS = Path(__file__).parent / "revisions"
EARLIER = [f"{number:04}" for number in range(1, int(SCHEMA_REVISION))]

RUNS = {revision: [3, 2, 1] if revision == "0001" else [5, 4, 3, 2, 1] for revision in EARLIER}
PROPOSED = {revision: () if revision == "0001" else (("size", "43"),) for revision in EARLIER}
"""Of p2: a run of 0002 that holds; run 4 was undone."""
CONTENT = [
    StoredProduct(
        "p1",
        "红色外套",
        "coats",
        (("colour", "dark red"), ("material", "wool")),
        (
            StoredImage(
                "1.jpg",
                "/pictures/1.jpg",
                "cdc8de98a355af567159f5ce5015e39188f74340a0aa01ca3ef8402d3d717430",
                30,
                40,
                None,
            ),
            StoredImage("2.jpg", None, None, None, None, "no such file"),
        ),
    ),
    StoredProduct("p2", None, None, (("colour", "blue"),), ()),
    StoredProduct("p3", "a \\ tab\tand 'quote'", "mugs", (("colour", "blue"), ("size", "42")), ()),
]


@pytest.fixture(params=EARLIER)
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def old_database(revision: str, database_url: str, tmp_path: Path) -> str:
    """A database that the version with that schema revision wrote."""
    if database_url.startswith("sqlite"):
        shutil.copy(REVISIONS / f"{revision}.sqlite", tmp_path / "graph.db")
    else:
        import psycopg

        with psycopg.connect(database_url) as connection:
            connection.execute((REVISIONS / f"{revision}.postgresql.sql").read_text())
    return database_url


def move(url: str, revision: str) -> None:
    engine = make_engine(parse_url(url))
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()


def state(url: str, *records: ProductRecord) -> int:
    with GraphStore.open(url) as store, store.writing() as writer:
        version = SourceVersion("/data/a.tsv", "k3m-tsv", "d" * 64)
        session = writer.session(version, lambda images: [])
        session.write([Statement(record) for record in records])
        session.finish(0)
        return session.run


def content(revision: str) -> list[StoredProduct]:
    p1, p2, p3 = CONTENT
    return [p1, replace(p2, triples=p2.triples + PROPOSED[revision]), p3]


def test_an_earlier_database_is_upgraded_and_keeps_its_content(
    old_database: str, revision: str
) -> None:
    with pytest.raises(GraphError, match="k3m-kg migrate"):
        GraphStore.open(old_database)
    before, after = GraphStore.migrate(old_database)
    assert before in EARLIER
    assert after == SCHEMA_REVISION
    with GraphStore.open(old_database) as store:
        assert list(store.iter_products()) == content(revision)
        assert [run.id for run in store.runs()] == RUNS[revision]
        assert [(one.name, one.products, one.shared) for one in store.sources()] == [
            ("/data/a.tsv", 2, 0),
            ("/data/b.tsv", 1, 0),
        ]


def test_stating_the_same_after_an_upgrade_changes_nothing(old_database: str) -> None:
    GraphStore.migrate(old_database)
    with GraphStore.open(old_database) as store, store.writing() as writer:
        session = writer.session(SourceVersion("/data/b.tsv", "k3m-tsv", "x"), lambda images: [])
        record = ProductRecord(
            "p3", "a \\ tab\tand 'quote'", "mugs", (), (("colour", "blue"), ("size", "42")), 1
        )
        session.write([Statement(record)])
        counts = session.finish(0)
    assert (counts.products_unchanged, counts.products_updated) == (1, 0)


@pytest.mark.parametrize("revision", ["0002"])
def test_runs_from_when_sources_took_products_over_are_shown_and_taken_back(
    old_database: str,
) -> None:
    GraphStore.migrate(old_database)
    with GraphStore.open(old_database) as store:
        (changed,) = store.diff(2)
        assert (changed.name, changed.title) == ("p3", ("of another", CONTENT[2].title))
        assert (changed.triples_removed, changed.triples_added) == (
            (("colour", "green"),),
            (("colour", "blue"), ("size", "42")),
        )
        for run, later in ((2, r"\(3\)"), (1, r"\(2, 3\)")):
            with pytest.raises(GraphError, match=later), store.writing() as writer:
                writer.undo(run)
        for run in (5, 3, 2):
            with store.writing() as writer:
                writer.undo(run)
        found = {product.id: product for product in store.iter_products()}
        assert found["p1"].triples == (("colour", "red"), ("material", "wool"))
        assert found["p2"] == CONTENT[1]
        assert (found["p3"].title, found["p3"].triples) == ("of another", (("colour", "green"),))
        assert [(one.name, one.products) for one in store.sources()] == [("/data/a.tsv", 3)]
        with store.writing() as writer:
            writer.undo(1)
        assert list(store.iter_products()) == []


@pytest.mark.parametrize("revision", ["0002"])
def test_a_source_that_lost_products_is_read_again(old_database: str) -> None:
    GraphStore.migrate(old_database)
    with GraphStore.open(old_database) as store, store.writing() as writer:
        version = SourceVersion("/data/b.tsv", "k3m-tsv", "b" * 64)
        assert writer.unchanged(version, lambda id_, written: ()) is None
        version = SourceVersion("/data/a.tsv", "k3m-tsv", "c" * 64)
        located = {
            "p1": (
                LocatedImage("1.jpg", "/pictures/1.jpg", 10, 20),
                LocatedImage("2.jpg", error="no such file"),
            )
        }
        assert writer.unchanged(version, lambda id_, written: located.get(id_, ())) is not None


def test_down_with_a_product_of_several_sources_and_up_again(database_url: str) -> None:
    GraphStore.create(database_url)[0].close()
    run = state(database_url, ProductRecord("p", "a", None, (), (("colour", "red"),)))
    with GraphStore.open(database_url) as store, store.writing() as writer:
        session = writer.session(SourceVersion("/data/b.tsv", "k3m-tsv", "x"), lambda images: [])
        session.write([Statement(ProductRecord("p", "b", "c", (), (("colour", "blue"),)))])
        session.finish(0)
    union = StoredProduct("p", "a", "c", (("colour", "red"), ("colour", "blue")), ())
    move(database_url, "0002")
    assert GraphStore.migrate(database_url) == ("0002", SCHEMA_REVISION)
    with GraphStore.open(database_url) as store:
        assert list(store.iter_products()) == [union]
        named = {one.name: one.products for one in store.sources()}
        assert named == {"/data/a.tsv": 0, "/data/b.tsv": 1}
    run = state(database_url, ProductRecord("p", "a", None, (), (("colour", "red"),)))
    with GraphStore.open(database_url) as store:
        assert list(store.diff(run)) == []


def test_down_with_decisions_keeps_what_they_say_and_shows_what_they_hid(
    database_url: str,
) -> None:
    GraphStore.create(database_url)[0].close()
    state(database_url, ProductRecord("p", "a", None, (), (("colour", "red"), ("size", "42"))))
    with GraphStore.open(database_url) as store:
        desk = ReviewDesk(store)
        offers = [
            ReviewOffer("p", "material", "wool", 0.9),
            ReviewOffer("p", "colour", "blue", 0.9, stated="red"),
        ]
        desk.add("model", offers)
        runs = [desk.decide("ann", [item.id], DecidedAs.ACCEPT).run for item in desk.next("ann", 2)]
        hidden = (("size", "42"), ("colour", "blue"), ("material", "wool"))
        (product,) = store.iter_products()
        assert sorted(product.triples) == sorted(hidden)
    move(database_url, "0003")
    assert GraphStore.migrate(database_url) == ("0003", SCHEMA_REVISION)
    with GraphStore.open(database_url) as store:
        (product,) = store.iter_products()
        assert sorted(product.triples) == sorted([*hidden, ("colour", "red")])
        assert [run.kind for run in store.runs()] == ["proposal", "proposal", "ingest"]
        with store.writing() as writer:
            for run in runs:
                writer.undo(run)
        (product,) = store.iter_products()
        assert product.triples == (("colour", "red"), ("size", "42"))


def test_answers_come_into_the_queue_with_an_upgrade(database_url: str) -> None:
    GraphStore.create(database_url)[0].close()
    ids = "abcd"
    state(database_url, *(ProductRecord(id_, id_, None, (), ()) for id_ in ids))
    with GraphStore.open(database_url) as store:
        desk = ReviewDesk(store, random_share=0.0)
        desk.add("model", [ReviewOffer(id_, "size", "42", 0.5) for id_ in ids])
        first, second, third, _ = (item.id for item in desk.next("ann", 4))
        desk.decide("ann", [first], DecidedAs.ACCEPT)
        desk.decide("ann", [second], DecidedAs.CORRECT, "43")
        desk.next("bob", again=True)
        desk.decide("bob", [first], DecidedAs.REJECT)
        desk.decide("ann", [third], DecidedAs.ACCEPT)
        desk.undo("ann")
        before = desk.counts()
        assert [(row.open, row.accepted, row.rejected, row.corrected) for row in before] == [
            (2, 0, 1, 1)
        ]
    move(database_url, "0006")
    assert GraphStore.migrate(database_url) == ("0006", SCHEMA_REVISION)
    with GraphStore.open(database_url) as store:
        assert ReviewDesk(store).counts() == before


def test_down_to_each_earlier_revision_and_up_again(old_database: str) -> None:
    GraphStore.migrate(old_database)
    link = ProductRecord("p2", None, None, (), (("colour", "blue"),), 1, (("variant of", "p1"),))
    run = state(old_database, link)
    for revision in reversed(EARLIER):
        move(old_database, revision)
        assert GraphStore.migrate(old_database) == (revision, SCHEMA_REVISION)
    with GraphStore.open(old_database) as store:
        # The link is what the first schema could not hold; p1 is not stated by the source now.
        assert list(store.iter_products()) == CONTENT[1:]
        assert store.runs()[0].id == run
