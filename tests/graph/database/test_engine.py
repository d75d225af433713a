"""Settings of a connection, in its URL."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from k3m_kg.errors import GraphError, UsageError
from k3m_kg.graph.database.engine import clear_errors, make_engine, parse_url
from k3m_kg.graph.store import GraphStore


def with_settings(url: str, settings: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{settings}"


def test_a_pool_of_one_gives_one_connection(database_url: str) -> None:
    url = with_settings(database_url, "pool_size=1&pool_timeout=0.05")
    with GraphStore.create(url)[0] as store:
        reading = store.iter_products()
        assert list(reading) == []
        engine = store._engine
        with engine.connect(), pytest.raises(PoolTimeout):
            engine.connect()


def test_a_statement_that_runs_too_long_is_one_clear_error(postgresql_server: str) -> None:
    engine = make_engine(parse_url(with_settings(postgresql_server, "statement_timeout=0.05")))
    with (
        pytest.raises(GraphError, match="statement timeout"),
        clear_errors(engine.url),
        engine.connect() as connection,
    ):
        connection.execute(text("SELECT pg_sleep(5)"))
    engine.dispose()


def test_a_schema_that_is_not_there_is_one_clear_error(postgresql_server: str) -> None:
    url = with_settings(postgresql_server, "options=-csearch_path%3Dnowhere")
    with pytest.raises(GraphError, match="no such schema"):
        GraphStore.create(url)


@pytest.mark.parametrize("settings", ["pool_size=many", "pool_timeout=0", "statement_timeout=1"])
def test_impossible_settings_are_wrong_use(settings: str) -> None:
    with pytest.raises(UsageError):
        make_engine(parse_url(f"sqlite:///x.db?{settings}"))
