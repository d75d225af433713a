"""Texts of every script come back from PostgreSQL as they were, or the database is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import psycopg
import pytest
from sqlalchemy import make_url

from k3m_kg.errors import GraphError, UsageError
from k3m_kg.graph.database.engine import check_encoding
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.records import ProductRecord

_names = (f"encoded{number}" for number in count())
TEXT = "Grün 緑 зелёный \U0001f343"


@pytest.fixture
def database(postgresql_server: str) -> Iterator[Callable[[str], str]]:
    """Makes a database of an encoding; its URL."""
    made: list[str] = []

    def make(encoding: str) -> str:
        made.append(next(_names))
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE {made[-1]} TEMPLATE template0 ENCODING '{encoding}'"
            )
        return str(make_url(postgresql_server).set(database=made[-1]))

    yield make
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "WIN1252", "EUC_JP"])
@pytest.mark.parametrize(
    "act", [GraphStore.create, GraphStore.open, GraphStore.exists, GraphStore.migrate]
)
def test_another_encoding_is_refused(
    database: Callable[[str], str], encoding: str, act: Callable[[str], object]
) -> None:
    url = database(encoding)
    with pytest.raises(GraphError, match=f"keeps texts as {encoding}") as refused:
        act(url)
    assert "createdb --template=template0 --encoding=UTF8" in str(refused.value)
    with psycopg.connect(url, client_encoding="utf8") as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() in ((0,), (b"0",))


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "UTF8"])
def test_the_environment_does_not_change_texts(
    database: Callable[[str], str], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    with GraphStore.create(database("UTF8"))[0] as store:
        with store.writing() as writer:
            session = writer.session(SourceVersion("s", "csv", "0"), lambda images: [])
            record = ProductRecord("1", TEXT, properties=((TEXT, TEXT),))
            session.write([Statement(record, (), record.content_hash())])
            session.finish(0)
        (product,) = store.iter_products()
        assert (product.title, product.triples) == (TEXT, ((TEXT, TEXT),))


def test_a_url_that_asks_for_another_encoding_is_wrong(postgresql_server: str) -> None:
    with pytest.raises(UsageError, match="client_encoding=latin1: a graph is read and written"):
        GraphStore.create(f"{postgresql_server}&client_encoding=latin1")


@pytest.mark.parametrize("more", ["&client_encoding=UTF-8", "&options=-cclient_encoding%3Dlatin1"])
def test_what_else_a_url_says_does_not_change_the_encoding(
    database: Callable[[str], str], more: str
) -> None:
    GraphStore.create(database("UTF8") + more)[0].close()


def test_poolers_that_do_not_tell_are_asked(database: Callable[[str], str]) -> None:
    class Silent:
        def __init__(self, connection: psycopg.Connection) -> None:
            self.info = self
            self.dbname = connection.info.dbname
            self.execute = connection.execute
            self.rollback = connection.rollback

        def parameter_status(self, name: str) -> None:
            return None

    for encoding in ("SQL_ASCII", "LATIN1"):
        with (
            psycopg.connect(database(encoding)) as connection,
            pytest.raises(GraphError, match=f"keeps texts as {encoding}"),
        ):
            check_encoding(Silent(connection), "here")
    with (
        psycopg.connect(database("UTF8"), client_encoding="latin1") as connection,
        pytest.raises(GraphError, match="is sent LATIN1"),
    ):
        check_encoding(Silent(connection), "here")
