"""A database of an earlier version is brought up to date with everything that is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url, text

from support.stores import NOON, clock
from syncd.core.model import Kind, Link, LinkState, NativeId, SourceName, SubjectId, TargetId
from syncd.store import Store
from syncd.store.columns import micros
from syncd.store.rows import RecordState
from syncd.store.tables import metadata

AD: Final = SourceName("ad")
_RECORD: Final = {
    "source": "ad",
    "kind": "person",
    "digest": b"d" * 16,
    "rules_digest": b"r" * 16,
    "state": "mapped",
    "label": "Ada Example",
    "subject": "person:1",
    "changed_at": micros(NOON),
    "absent_since": None,
    "facts": b'{"displayName":"Ada Example"}',
    "aliases": b'["CN=Ada"]',
    "problems": b"[]",
    "origins": b"{}",
    "attributes": b'{"cn":"Ada Example"}',
}
_ROWS: Final[dict[str, list[dict[str, Any]]]] = {
    "records": [
        {**_RECORD, "native_id": "guid-ada"},
        {**_RECORD, "native_id": "GUID-Ben", "subject": None},
        {**_RECORD, "native_id": "gone", "absent_since": micros(NOON), "attributes": None},
    ],
    "record_keys": [
        {"source": "ad", "kind": "person", "native_id": "guid-ada", "name": "@alias", "value": "cn=ada"},
        {"source": "ad", "kind": "person", "native_id": "guid-ada", "name": "userName", "value": "ada"},
    ],
    "links": [
        {
            "target": "dt",
            "subject": "person:1",
            "kind": "person",
            "target_id": "u1",
            "state": "linked",
            "since": micros(NOON),
            "adopted": True,
        }
    ],
    "observed": [
        {
            "target": "dt",
            "kind": "person",
            "target_id": "u1",
            "at": micros(NOON),
            "pass": 1,
            "protected": False,
            "mark": "",
            "label": "Ada",
            "fields": b"{}",
            "unreadable": b"[]",
        }
    ],
    "meta": [{"key": "observed.last_full:dt", "value": "2026-03-02T12:00:00Z"}, {"key": "word", "value": "kept"}],
}


def old_database(url: str, revision: str) -> None:
    """Make a database as an earlier version left it."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg") if url.startswith("postgresql") else url)
    try:
        with engine.begin() as connection:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", "syncd.store:migrations")
            command.upgrade(config, revision)
            for table, rows in _ROWS.items():
                names = ", ".join(rows[0])
                places = ", ".join(f":{name}" for name in rows[0])
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), rows)
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that does not hold anything yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/old.db"
    server = request.getfixturevalue("postgres_server")
    made: str = server.url(server.new_database())
    return made


@pytest.fixture
def upgraded(url: str) -> Callable[[], Store]:
    """Open a database of the first version with this one."""
    old_database(url, "0001_start")
    return lambda: Store.open(url, now=clock)


def test_everything_that_was_kept_is_kept(upgraded: Callable[[], Store]) -> None:
    store = upgraded()
    with store.reading() as tx:
        ada = tx.records.get(AD, Kind.PERSON, NativeId("guid-ada"))
        gone = tx.records.get(AD, Kind.PERSON, NativeId("gone"))
        links = tx.links.all("dt")
        seen = tx.observed.get("dt", Kind.PERSON, TargetId("u1"))
        word = tx.meta.get("word")
        difference = compare_metadata(MigrationContext.configure(tx.connection), metadata)
    store.close()

    assert ada is not None
    assert (ada.digest, ada.state, ada.subject, ada.changed_at) == (b"d" * 16, RecordState.MAPPED, "person:1", NOON)
    assert (ada.facts, ada.attributes) == ({"displayName": "Ada Example"}, {"cn": "Ada Example"})
    assert (ada.keys, ada.aliases, ada.fingerprint, ada.refers) == ((("userName", "ada"),), ("CN=Ada",), b"", ())
    assert gone is not None
    assert (gone.absent_since, gone.attributes) == (NOON, None)
    link = Link(
        subject=SubjectId("person:1"),
        kind=Kind.PERSON,
        target_id=TargetId("u1"),
        state=LinkState.LINKED,
        since=NOON,
        adopted=True,
    )
    assert links == {link.subject: link}
    assert seen is not None
    assert (seen.observed.label, word) == ("Ada", "kept")
    assert difference == []


def test_what_could_not_be_kept_yet_is_gathered(upgraded: Callable[[], Store]) -> None:
    store = upgraded()
    with store.reading() as tx:
        outdated = [row.native_id for row in tx.records.outdated(AD, b"r" * 16)]
        unprinted = [native_id for _, native_id, _ in tx.records.without_fingerprint(AD)]
        last_full = tx.observed.last_full_at("dt")
    store.close()

    # Mapped anew, so that references and digests of facts are kept; decoded anew; the target looked at anew.
    assert sorted(outdated) == ["GUID-Ben", "guid-ada"]
    assert sorted(unprinted) == ["GUID-Ben", "guid-ada"]
    assert last_full is None


def test_the_new_questions_are_answered_from_what_was_there(upgraded: Callable[[], Store]) -> None:
    store = upgraded()
    with store.transaction() as tx:
        found = tx.records.resolve_many(AD, Kind.PERSON, ["guid-BEN", "CN=ADA", "GUID-ADA"])
        unjoined = [row.native_id for row in tx.records.unjoined(AD)]
        population = tx.links.population("dt")
        standing = [(row.agreed, row.raw) for row in tx.links.standing("dt", [SubjectId("person:1")])]
        tx.marks.add([SubjectId("person:1")], reason="upgraded", at=NOON)
    store.close()

    assert found == {
        "guid-BEN": ("GUID-Ben", None),
        "CN=ADA": ("guid-ada", "person:1"),
        "GUID-ADA": ("guid-ada", "person:1"),
    }
    assert (unjoined, population, standing) == (["GUID-Ben"], {Kind.PERSON: 1}, [(None, b"{}")])
