"""Fixtures that give a test a store: a real SQLite file, or (slow) a real PostgreSQL database, with the schema in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from servers.postgres import PostgresServer, missing
from syncd.store import Store, Transaction

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def after(**times: float) -> datetime:
    """Return noon of the test's day plus `timedelta(**times)`."""
    return NOON + timedelta(**times)


def clock() -> datetime:
    """Return noon, always."""
    return NOON


def plans(tx: Transaction, ask: Callable[[], object]) -> list[str]:
    """Return how SQLite answers the questions that `ask` makes in this transaction."""
    said: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        said.append((statement, parameters))

    event.listen(tx.connection, "before_cursor_execute", note)
    ask()
    event.remove(tx.connection, "before_cursor_execute", note)
    raw = tx.connection.exec_driver_sql
    return [step[3] for words, given in said for step in raw(f"EXPLAIN QUERY PLAN {words}", given)]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with the schema in it; copying it is much faster than making another."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    Store.open(f"sqlite:///{path}", now=clock).close()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL server."""
    if reason := missing():
        pytest.skip(reason)
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_database(postgres_server: PostgresServer) -> str:
    """An empty PostgreSQL database with the schema in it, to copy."""
    name = postgres_server.new_database()
    Store.open(postgres_server.url(name), now=clock).close()
    return name


@pytest.fixture
def database_file(migrated_file: Path, tmp_path: Path) -> Path:
    """A file of the test's own, with the schema in it."""
    return Path(shutil.copy(migrated_file, tmp_path / "syncd.db"))


@pytest.fixture
def new_store(database_file: Path) -> Iterator[Callable[[], Store]]:
    """Open the test's database (SQLite), as often as wanted."""
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(Store.open(f"sqlite:///{database_file}", now=clock))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store, on each of the two databases."""
    if request.param == "sqlite":
        with closing(Store.open(f"sqlite:///{request.getfixturevalue('database_file')}", now=clock)) as opened:
            yield opened
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.new_database(template=request.getfixturevalue("migrated_database"))
    with closing(Store.open(server.url(name), now=clock)) as opened:
        yield opened
    server.drop(name)
