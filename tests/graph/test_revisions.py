"""Databases that every earlier version wrote come up to date, and keep what they hold."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from k3m_kg.errors import GraphError
from k3m_kg.graph.engine import make_engine, parse_url
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement, StoredImage, StoredProduct
from k3m_kg.graph.tables import SCHEMA_REVISION
from k3m_kg.records import ProductRecord
from k3m_kg.resources import migrations_folder

REVISIONS = Path(__file__).parent / "revisions"
EARLIER = [f"{number:04}" for number in range(1, int(SCHEMA_REVISION))]

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
def old_database(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> str:
    """A database that the version with that schema revision wrote."""
    revision = request.param
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


def test_an_earlier_database_is_upgraded_and_keeps_its_content(old_database: str) -> None:
    with pytest.raises(GraphError, match="k3m-kg migrate"):
        GraphStore.open(old_database)
    before, after = GraphStore.migrate(old_database)
    assert before in EARLIER
    assert after == SCHEMA_REVISION
    with GraphStore.open(old_database) as store:
        assert list(store.iter_products()) == CONTENT
        assert [run.id for run in store.runs()] == [3, 2, 1]


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
