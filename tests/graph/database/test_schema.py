"""The schema: made by the migrations, equal to the tables, and refused when it is not ours."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from k3m_kg.errors import GraphError, K3MError
from k3m_kg.graph.database import schema
from k3m_kg.graph.database.engine import make_engine, parse_url
from k3m_kg.graph.database.schema import upgrade
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.tables import SCHEMA_REVISION, VERSION_TABLE, metadata
from k3m_kg.resources import migrations_folder, resource_folder
from tests.processes import ended


def test_the_newest_migration_is_the_revision_that_the_code_wants() -> None:
    assert ScriptDirectory(str(migrations_folder())).get_current_head() == SCHEMA_REVISION


def test_the_migrations_make_exactly_the_tables(database_url: str) -> None:
    GraphStore.create(database_url)[0].close()
    engine = make_engine(parse_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                # On PostgreSQL this one is over md5(text), which the tables cannot say.
                "include_object": lambda item, name, kind, reflected, other: (
                    name != "uq_entities_kind_text"
                    # Full text is of each database's own kind.
                    and not name.startswith(("title_words", "entity_words"))
                ),
            },
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_down_and_up_again(database_url: str) -> None:
    from alembic import command
    from alembic.config import Config

    GraphStore.create(database_url)[0].close()
    engine = make_engine(parse_url(database_url))
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert upgrade(engine, create=True) == (None, SCHEMA_REVISION)
    assert upgrade(engine, create=True) == (SCHEMA_REVISION, SCHEMA_REVISION)
    engine.dispose()


def test_a_database_from_a_newer_version_is_refused_and_not_touched(database_url: str) -> None:
    GraphStore.create(database_url)[0].close()
    engine = make_engine(parse_url(database_url))
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9001'")
    engine.dispose()
    for attempt in (GraphStore.open, GraphStore.create, GraphStore.migrate):
        with pytest.raises(GraphError, match="written by a newer k3m-kg") as raised:
            attempt(database_url)
        assert "upgrade k3m-kg" in str(raised.value)


def test_a_database_from_an_older_version_asks_for_migrate(database_url: str) -> None:
    GraphStore.create(database_url)[0].close()
    engine = make_engine(parse_url(database_url))
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0000'")
    engine.dispose()
    with pytest.raises(GraphError, match="k3m-kg migrate"):
        GraphStore.open(database_url)


def test_migrate_says_so_when_there_is_nothing_to_do(database_url: str) -> None:
    GraphStore.create(database_url)[0].close()
    assert GraphStore.migrate(database_url) == (SCHEMA_REVISION, SCHEMA_REVISION)


def test_another_application_s_tables_are_refused(database_url: str) -> None:
    engine = make_engine(parse_url(database_url))
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("CREATE TABLE orders (id INTEGER)")
    engine.dispose()
    with pytest.raises(GraphError, match=r"other tables \(orders\)"):
        GraphStore.create(database_url)
    with pytest.raises(GraphError, match="no k3m-kg graph"):
        GraphStore.open(database_url)


@pytest.mark.parametrize("attempt", [GraphStore.open, GraphStore.migrate])
def test_a_missing_database_is_not_made_by_looking(tmp_path: Path, attempt: object) -> None:
    file = tmp_path / "graph.db"
    with pytest.raises(GraphError, match="no such database"):
        attempt(f"sqlite:///{file}")  # type: ignore[operator]
    assert not file.exists()


def test_an_empty_file_is_refused_but_may_be_filled(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/graph.db"
    (tmp_path / "graph.db").touch()
    for attempt in (GraphStore.open, GraphStore.migrate):
        with pytest.raises(GraphError, match="the file is empty"):
            attempt(url)
    store, created = GraphStore.create(url)
    store.close()
    assert created


@pytest.mark.parametrize("attempt", [GraphStore.open, GraphStore.create, GraphStore.migrate])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, attempt: object) -> None:
    file = tmp_path / "graph.db"
    file.write_text("id,title\n1,a\n" * 500)
    with pytest.raises(GraphError, match="not a database"):
        attempt(f"sqlite:///{file}")  # type: ignore[operator]
    assert file.read_text().startswith("id,title")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="is a folder"):
        GraphStore.open(f"sqlite:///{tmp_path}")
    with pytest.raises(GraphError, match="cannot be opened"):
        GraphStore.create(f"sqlite:///{tmp_path}")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="cannot be opened") as raised:
        GraphStore.create(f"sqlite:///{tmp_path}/nowhere/graph.db")
    assert "nowhere" in str(raised.value)


def test_a_damaged_database_gives_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "graph.db"
    GraphStore.create(f"sqlite:///{file}")[0].close()
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(GraphError, match="damaged"):
        GraphStore.open(f"sqlite:///{file}").status()


def test_an_unreachable_server_gives_one_clear_error() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(GraphError) as raised:
        GraphStore.open("postgresql://user:secret@/k3m?host=/nowhere")
    assert "secret" not in str(raised.value)


def test_two_processes_may_create_one_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/graph.db"
    script = f"from k3m_kg.graph.store import GraphStore; GraphStore.create({url!r})[0].status()"
    running = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [ended(process)[0] for process in running] == [0, 0, 0]
    with sqlite3.connect(tmp_path / "graph.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_resources_that_are_missing_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(K3MError, match="'recipes' is missing"):
        resource_folder("recipes")


def test_the_wheel_s_own_copy_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "k3m_kg"
    (package / "migrations").mkdir(parents=True)
    (tmp_path / "migrations").mkdir()
    monkeypatch.setattr("k3m_kg.resources.__file__", str(package / "resources.py"))
    assert migrations_folder() == package / "migrations"
    shutil.rmtree(package / "migrations")
    assert migrations_folder() == tmp_path / "migrations"


def test_wal_is_switched_on_when_the_other_who_does_so_is_done() -> None:
    # SQLite tells so at once, without its busy timeout, and only now and then.
    class Driver:
        calls = 0

        def execute(self, sql: str) -> None:
            self.calls += 1
            if self.calls < 3:
                error = sqlite3.OperationalError("database is locked")
                error.sqlite_errorname = "SQLITE_BUSY_RECOVERY"
                raise error

    driver = Driver()
    schema._switch_to_wal(driver)
    assert driver.calls == 3
