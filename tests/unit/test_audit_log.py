"""The audit log: what a record says, and that it is kept with its transaction or not at all."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from support.audited import append, entry, log_of, rows, written
from support.stores import NOON
from syncd.audit.chain import GENESIS, seal
from syncd.audit.entries import Actor
from syncd.audit.masking import ValuesRule, digested, masked
from syncd.core.errors import NeedsHuman
from syncd.store import Store

# --- what a record says ---


def test_a_record_says_who_did_what_to_whom_why_and_under_which_rule(store: Store) -> None:
    append(store, entry(plan="f" * 64, config="c0", facts={"attempt": 1}))

    opened, said = (json.loads(row.body) for row in rows(store))

    assert (opened["type"], opened["facts"]) == ("audit.opened", {"format": "syncd-audit-1", "values": "full"})
    assert said == {
        "seq": 2,
        "at": "2026-03-02T12:00:00Z",
        "prev": rows(store)[0].hash.hex(),
        "type": "change.intended",
        "actor": {"user": "syncd", "service": "daemon", "host": "hr1.example.com", "pid": 42},
        "run": "r1",
        "change": "r1.1",
        "subject": "person:ada",
        "label": "Ada Example",
        "target": "u1",
        "op": "update",
        "fields": [
            {"name": "mobile", "before": "+8613800000000", "after": None, "rule": "mappings/dingtalk.yaml:7:3"},
            {
                "name": "departments",
                "before": [{"order": 3, "unit": "unit:1"}],
                "after": [{"unit": "unit:2"}],
                "rule": "",
            },
        ],
        "reason": "phoneNumbers.mobile changed",
        "plan": "f" * 64,
        "config": "c0",
        "facts": {"attempt": 1},
    }


def test_records_follow_one_another_without_gaps(store: Store) -> None:
    found = written(store)

    assert [row.sequence for row in found] == [1, 2, 3, 4, 5, 6]
    assert found[0].prev == GENESIS
    assert all(late.prev == early.hash for early, late in itertools.pairwise(found))
    assert all(row.hash == seal(row.prev, row.body) for row in found)


def test_nothing_to_append_changes_nothing(store: Store) -> None:
    with store.transaction() as tx:
        assert log_of(store).append(tx, [], at=NOON) is None
    head = append(store, entry())
    with store.transaction() as tx:
        assert log_of(store).append(tx, [], at=NOON) == head == log_of(store).head(tx)


def test_masked_values_keep_their_shape_and_our_own_ids(store: Store) -> None:
    append(store, entry(), values=ValuesRule.MASKED)

    mobile, units = json.loads(rows(store)[1].body)["fields"]

    assert (mobile["before"], mobile["after"]) == ("+•••", None)
    assert units["before"] == [{"order": "•••", "unit": "unit:1"}]
    assert b"13800" not in rows(store)[1].body


def test_digested_values_are_equal_only_to_themselves_and_need_a_key(store: Store) -> None:
    key = b"k" * 16
    append(store, entry(), values=ValuesRule.DIGEST, key=key)

    mobile, _ = json.loads(rows(store)[1].body)["fields"]

    assert mobile["before"] == digested("+8613800000000", key) != digested("+8613800000000", b"l" * 16)
    assert mobile["after"] is None
    with pytest.raises(ValueError, match="needs a key of at least 16 bytes"):
        log_of(store, values=ValuesRule.DIGEST, key=b"short")


def test_short_texts_are_masked_whole() -> None:
    assert masked(["Li", "Wang", "", True, None, 3.5, {"a": "Zhao"}]) == [
        "•••",
        "W•••",
        "",
        True,
        None,
        "•••",
        {"a": "Z•••"},
    ]


def test_an_actor_is_this_process() -> None:
    actor = Actor.here("syncd apply")

    assert actor.service == "syncd apply"
    assert actor.user
    assert actor.pid > 0


# --- kept with its transaction, and for ever ---


def test_what_is_not_logged_is_not_done(store: Store) -> None:
    def act() -> None:
        with store.transaction() as tx:
            tx.meta.set("done", "yes")
            bad = replace(rows_before[-1], sequence=9)
            store.audit.append(tx, [bad])

    rows_before = written(store)
    with pytest.raises(NeedsHuman, match="only grows"):
        act()

    with store.reading() as tx:
        assert tx.meta.get("done") is None
    assert rows(store) == rows_before


def test_a_transaction_that_fails_leaves_no_record(store: Store) -> None:
    def fail() -> None:
        with store.transaction() as tx:
            log_of(store).append(tx, [entry()], at=NOON)
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert rows(store) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET body = body",
        "UPDATE audit SET sequence = sequence + 100",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE sequence = 6",
        "INSERT INTO audit SELECT sequence, at, type, run, change, subject, body, prev, hash FROM audit WHERE sequence = 6",
        "INSERT INTO audit SELECT 8, at, type, run, change, subject, body, prev, hash FROM audit WHERE sequence = 6",
    ],
)
def test_the_database_itself_refuses_changes_to_the_log(store: Store, statement: str) -> None:
    def tamper() -> None:
        with store.transaction() as tx:
            tx.connection.execute(text(statement))

    before = written(store)
    with pytest.raises(NeedsHuman) as caught:
        tamper()

    assert caught.value.problem.code == "STO-012"
    assert rows(store) == before


def test_replacing_a_record_is_refused_on_sqlite_too(new_store: Callable[[], Store]) -> None:
    store = new_store()
    before = written(store)

    def tamper() -> None:
        with store.transaction() as tx:
            tx.connection.execute(text("INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE sequence = 3"))

    with pytest.raises(NeedsHuman, match="only grows"):
        tamper()
    assert rows(store) == before


@pytest.mark.slow
def test_truncating_the_log_is_refused_on_postgresql(postgres_server: Any, migrated_database: str) -> None:
    url = postgres_server.url(postgres_server.new_database(template=migrated_database))
    store = Store.open(url, now=lambda: NOON)
    before = written(store)

    def tamper() -> None:
        with store.transaction() as tx:
            tx.connection.execute(text("TRUNCATE audit"))

    with pytest.raises(NeedsHuman, match="only grows"):
        tamper()
    assert rows(store) == before
    store.close()
