"""Transactions, the thread, the lock, the check and the copy."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from support.stores import NOON
from syncd.core.errors import NeedsHuman
from syncd.store import Store
from syncd.store.errors import Busy
from syncd.store.transaction import Transaction

_HOLD = """
import sys, time
from datetime import UTC, datetime
from syncd.store import Store
store = Store.open(sys.argv[1], now=lambda: datetime(2026, 3, 2, 12, tzinfo=UTC))
with store.exclusive("syncd sync"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_transaction_that_fails_keeps_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction() as tx:
            tx.meta.set("word", "half")
            raise LookupError("in the middle")

    with pytest.raises(LookupError):
        fail()

    with store.reading() as tx:
        assert tx.meta.get("word") is None


def test_a_reading_sees_one_picture_and_does_not_wait_for_the_writer(store: Store) -> None:
    with store.transaction() as tx:
        tx.meta.set("word", "old")

    with store.reading() as reader:
        assert reader.meta.get("word") == "old"
        with store.transaction() as writer:
            writer.meta.set("word", "new")
            assert reader.meta.get("word") == "old"
        assert reader.meta.get("word") == "old"

    with store.reading() as tx:
        assert tx.meta.get("word") == "new"


def test_the_event_loop_never_touches_the_disk_itself(store: Store) -> None:
    async def both() -> tuple[str, str]:
        def write(tx: Transaction) -> str:
            tx.meta.set("word", "kept")
            return threading.current_thread().name

        await store.do(write)
        word = await store.look(lambda tx: tx.meta.get("word"))
        return await store.do(write), word or ""

    thread, word = asyncio.run(both())

    assert (thread, word) == ("syncd-store_0", "kept")


def test_what_fails_in_the_thread_is_raised_where_it_was_asked(store: Store) -> None:
    def fail(tx: Transaction) -> None:
        tx.meta.set("word", "half")
        raise LookupError("in the middle")

    with pytest.raises(LookupError):
        asyncio.run(store.do(fail))

    with store.reading() as tx:
        assert tx.meta.get("word") is None


def test_a_call_that_is_cancelled_while_it_runs_still_commits(store: Store) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(tx: Transaction) -> None:
        tx.meta.set("word", "kept")
        begun.set()
        go_on.wait(10)

    async def cancel() -> None:
        task = asyncio.create_task(store.do(slow))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await store.look(lambda tx: tx.meta.get("word")) == "kept"

    asyncio.run(cancel())


def test_the_second_to_come_is_told_who_is_at_work(store: Store) -> None:
    with store.exclusive("syncd apply"), pytest.raises(Busy) as caught, store.exclusive("syncd sync"):
        pass

    assert caught.value.problem.code == "STO-005"
    assert (caught.value.holder.who, caught.value.holder.since) == ("syncd apply", NOON)


def test_the_lock_is_free_again_after_its_work(store: Store) -> None:
    with store.exclusive("syncd apply"):
        pass

    with store.exclusive("syncd sync"):
        pass


def test_working_alone_does_not_stop_transactions(store: Store) -> None:
    with store.exclusive("syncd apply"), store.transaction() as tx:
        tx.meta.set("word", "kept")
    with store.transaction() as tx:
        assert tx.meta.get("word") == "kept"


def test_the_lock_dies_with_its_process(database_file: Path, new_store: Callable[[], Store]) -> None:
    store = new_store()
    command = [sys.executable, "-c", _HOLD, f"sqlite:///{database_file}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Busy) as caught, store.exclusive("syncd plan"):
            pass
        other.send_signal(signal.SIGKILL)

    assert (caught.value.holder.who, caught.value.holder.pid) == ("syncd sync", other.pid)
    with store.exclusive("syncd plan"):
        pass


def test_a_sound_database_has_nothing_wrong(store: Store) -> None:
    assert store.check() == []


def test_a_damaged_page_is_found(database_file: Path, new_store: Callable[[], Store]) -> None:
    store = new_store()
    with store.transaction() as tx:
        for number in range(500):
            tx.meta.set(f"word {number}", "text " * 20)
    store.close()
    with closing(sqlite3.connect(database_file)) as connection:
        page = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_meta_1'"
        ).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with database_file.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 500)

    assert new_store().check() != []


def test_a_copy_is_whole_even_while_somebody_writes(new_store: Callable[[], Store], tmp_path: Path) -> None:
    store = new_store()
    with store.transaction() as tx:
        tx.meta.set("word", "kept")
    with store.transaction() as tx:
        assert tx.meta.get("word") == "kept"

    with store.transaction() as tx:
        tx.meta.set("word", "not committed yet")
        store.backup(tmp_path / "copy.db")

    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT value FROM meta WHERE key = 'word'").fetchone() == ("kept",)
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


def test_a_copy_never_replaces_a_file(new_store: Callable[[], Store], tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")

    with pytest.raises(NeedsHuman) as caught:
        new_store().backup(tmp_path / "copy.db")

    assert caught.value.problem.code == "STO-011"
    assert (tmp_path / "copy.db").read_text() == "precious"
