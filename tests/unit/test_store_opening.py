"""Opening a database: made when missing, refused in words when it cannot be used, up to date ever after."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from support.stores import clock
from syncd.core.errors import Misconfigured, NeedsHuman, TryAgain
from syncd.store import Store, opening
from syncd.store.tables import metadata


def code(error: NeedsHuman | TryAgain) -> str:
    return error.problem.code


def schema(path: Path) -> dict[str, str]:
    """Return each table's and index's SQL by name, blanks and quotes aside."""
    question = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    with closing(sqlite3.connect(path)) as connection:
        return {name: " ".join(sql.replace('"', "").split()) for name, sql in connection.execute(question)}


def test_a_new_database_and_its_folder_can_be_read_by_nobody_else(tmp_path: Path) -> None:
    store = Store.open("sqlite:///var/state/syncd.db", now=clock, base=tmp_path)

    with store.transaction() as tx:
        tx.meta.set("word", "kept")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "var" / "state").iterdir()}
    store.close()

    assert modes == {"syncd.db": 0o600, "syncd.db-wal": 0o600, "syncd.db-shm": 0o600}
    assert stat.S_IMODE((tmp_path / "var" / "state").stat().st_mode) == 0o700


def test_a_commit_survives_a_power_cut(new_store: Callable[[], Store]) -> None:
    with new_store().transaction() as tx:
        assert tx.connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert tx.connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL


def test_what_was_kept_is_there_after_opening_again(new_store: Callable[[], Store]) -> None:
    first = new_store()
    with first.transaction() as tx:
        tx.meta.set("word", "kept")
    first.close()

    with new_store().reading() as tx:
        assert tx.meta.get("word") == "kept"


def test_many_may_make_one_new_database_at_once(tmp_path: Path) -> None:
    def make(number: int) -> str | None:
        store = Store.open(f"sqlite:///{tmp_path}/syncd.db", now=clock)
        with store.transaction() as tx:
            tx.meta.set(f"word {number}", "kept")
        store.close()
        return None

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))

    with closing(sqlite3.connect(tmp_path / "syncd.db")) as connection:
        assert connection.execute("SELECT count(*) FROM meta").fetchone() == (4,)


def test_the_migrations_make_the_tables_that_the_program_uses(migrated_file: Path, tmp_path: Path) -> None:
    direct = create_engine(f"sqlite:///{tmp_path}/direct.db")
    metadata.create_all(direct)
    with create_engine(f"sqlite:///{migrated_file}").connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), metadata)
    migrated = schema(migrated_file)
    migrated.pop("alembic_version")

    assert difference == []
    assert migrated == schema(tmp_path / "direct.db")


def test_the_program_knows_its_last_migration() -> None:
    folder = Path(opening.__file__).parent / "migrations"

    assert ScriptDirectory(str(folder)).get_heads() == [opening.SCHEMA]


def test_a_database_of_a_newer_program_is_refused(database_file: Path) -> None:
    with closing(sqlite3.connect(database_file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999_tomorrow'")
        connection.commit()

    with pytest.raises(NeedsHuman, match="newer syncd") as caught:
        Store.open(f"sqlite:///{database_file}", now=clock)

    assert code(caught.value) == "STO-002"


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not a database " * 100)

    with pytest.raises(NeedsHuman) as caught:
        Store.open(f"sqlite:///{notes}", now=clock)

    assert code(caught.value) == "STO-003"
    assert notes.read_text() == "not a database " * 100


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(NeedsHuman, match=r"file/syncd\.db cannot be written") as caught:
        Store.open(f"sqlite:///{tmp_path}/file/syncd.db", now=clock)

    assert code(caught.value) == "STO-001"


@pytest.mark.parametrize("url", ["mysql://root:hunter2@db/syncd", "sqlite://", "sqlite:///:memory:", "syncd.db", ""])
def test_urls_of_other_databases_are_refused_without_their_password(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Store.open(url, now=clock)

    assert [problem.code for problem in caught.value.problems] == ["STO-006"]
    assert "hunter2" not in str(caught.value)


def test_a_server_that_does_not_answer_may_be_tried_again_and_its_password_is_not_told() -> None:
    with pytest.raises(TryAgain) as caught:
        Store.open("postgresql://syncd:hunter2@127.0.0.1:1/syncd", now=clock)

    assert code(caught.value) == "STO-007"
    assert "hunter2" not in str(caught.value)


def test_a_full_disk_keeps_nothing_and_says_so(new_store: Callable[[], Store]) -> None:
    store = new_store()

    def fill() -> None:
        with store.transaction() as tx:
            pages = tx.connection.execute(text("PRAGMA page_count")).scalar_one()
            tx.meta.set("first", "small")
            tx.connection.execute(text(f"PRAGMA max_page_count = {pages + 1}"))
            tx.meta.set("second", "large " * 10_000)

    with pytest.raises(NeedsHuman) as caught:
        fill()

    assert code(caught.value) == "STO-004"
    with store.reading() as tx:
        assert tx.meta.get("first") is None


def test_a_database_that_another_program_keeps_locked_is_tried_again(
    database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LOCK_WAIT_SECONDS", 0)
    store = Store.open(f"sqlite:///{database_file}", now=clock)

    with closing(sqlite3.connect(database_file)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TryAgain) as caught, store.transaction():
            pass
    store.close()

    assert code(caught.value) == "STO-008"


def test_values_are_never_part_of_an_error(store: Store) -> None:
    def twice() -> None:
        with store.transaction() as tx:
            for _ in range(2):
                tx.connection.execute(
                    text("INSERT INTO meta (key, value) VALUES (:key, '-')"), {"key": "+8613800000000"}
                )

    with pytest.raises(NeedsHuman) as caught:
        twice()

    assert code(caught.value) == "STO-012"
    assert "+8613800000000" not in "".join(traceback.format_exception(caught.value))


def test_naming_rows_does_not_load_the_database_library() -> None:
    program = "import sys, syncd.store, syncd.store.rows; sys.exit('sqlalchemy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
