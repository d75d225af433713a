"""Databases to test on: a fresh SQLite file, and a fresh one in a throw-away PostgreSQL."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, inspect

from k3m_kg.graph.database import schema
from k3m_kg.graph.tables import VERSION_TABLE
from tests.processes import HANG

_numbers = itertools.count()
PATIENCE = int(HANG)


def _postgresql_programs() -> Path | None:
    found = [
        Path(p).resolve().parent for p in (shutil.which("initdb"), shutil.which("postgres")) if p
    ]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


def _install_postgresql() -> Path | None:
    """Debian's package, where this may install it; one process at a time."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    with (Path(tempfile.gettempdir()) / "k3m-kg-postgresql.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (found := _postgresql_programs()) is not None:
            return found
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "--yes", "--no-install-recommends", "postgresql"],
        ):
            subprocess.run(
                command,
                env=quiet,
                timeout=300,
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
            )
        return _postgresql_programs()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A cluster on a socket of its own; the URL of its database."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    programs = _postgresql_programs() or _install_postgresql()
    if programs is None:
        pytest.skip("PostgreSQL is not installed, and cannot be installed from here")
    # The server refuses to run as root, and a socket's path must be short.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="k3mpg", dir="/tmp"))
    folder.chmod(0o700)
    if user:
        shutil.chown(folder, user)

    def run(*command: object) -> None:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )

    data = folder / "data"
    try:
        run(programs / "initdb", "-D", data, "-U", "k3m", "--auth=trust", "-E", "UTF8",
            "--locale=C", "--no-sync")  # fmt: skip
        options = f"-c listen_addresses='' -c fsync=off -k {folder}"
        start = ["-o", options, "-l", folder / "log", "-w", "-t", PATIENCE, "start"]
        run(programs / "pg_ctl", "-D", data, *start)
    except (OSError, KeyError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {error}")
    yield f"postgresql://k3m@/postgres?host={folder}"
    run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "-t", PATIENCE, "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _migrated_alike() -> Iterator[None]:
    """The migrations run once for each kind of database; other new ones get the same statements.

    Thousands of tests make a graph, and Alembic takes a tenth of a second to tell how.
    """
    run, known = schema._run_alembic, dict[str, list[tuple[str, Any]]]()

    def migrate(connection: Connection) -> None:
        kind = connection.dialect.name
        if inspect(connection).has_table(VERSION_TABLE):
            run(connection)
        elif kind in known:
            for statement, parameters in known[kind]:
                connection.exec_driver_sql(statement, parameters)
        else:
            said: list[tuple[str, Any]] = []

            def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
                if not statement.lstrip().startswith(("SELECT", "PRAGMA")):
                    said.append((statement, parameters))

            event.listen(connection, "before_cursor_execute", note)
            try:
                run(connection)
            finally:
                event.remove(connection, "before_cursor_execute", note)
            known[kind] = said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "_run_alembic", migrate)
        yield


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it, on each of the databases that we support."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/graph.db"
    import psycopg

    server: str = request.getfixturevalue("postgresql_server")
    # A schema of its own: a database of its own would be seven megabytes of files each time.
    name = f"t{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{server}&options=-csearch_path%3D{name}"
