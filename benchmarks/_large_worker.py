"""Runs the engine on an installation, each time in a process of its own: `python -m benchmarks._large_worker WHAT FOLDER`.

`seed` writes everybody into a tenant that confirms at once; `store` reads and stores everybody and plans for nobody; `first` is a
first synchronization that is told to stop before it writes; `one` changes one person after the other and prints what each cost;
`difference` compares two states.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest.mock import patch

from syncd.cli.session import Session
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.leave_records import Left
from syncd.core.model import (
    Change,
    Completeness,
    Kind,
    NativeId,
    Observed,
    Op,
    Page,
    ProofFact,
    SourceName,
    SourceRecord,
    TargetId,
)
from syncd.core.outcome import Applied, Outcome
from syncd.core.ports import Room, Target
from syncd.core.values import content_digest
from syncd.engine import reconcile
from syncd.engine.cycle import Cycle, Order, Result, cycle
from syncd.engine.reading import Fingerprints
from syncd.engine.world import World
from syncd.store import Store
from syncd.store.rows import RecordState, StagedRecord
from syncd_dingtalk import DingTalk

SOURCE: Final = SourceName("directory")
STATES: Final = 1_000_000
"""Subjects whose two states are compared."""
EACH: Final = 1_000
"""One of so many differs."""
_PROVEN: Final = Completeness(facts=(ProofFact(name="invented", holds=True, detail="for a benchmark"),))
_PEOPLE: Final = 20


class Confirming(DingTalk):
    """A DingTalk that is empty at first and confirms each change at once; it keeps nothing, and nobody is called."""

    def __init__(self, settings: Any, room: Room) -> None:
        super().__init__(settings, room)
        self._given = 1
        """The last department id that was given; 1 is the root."""

    async def __aenter__(self) -> Confirming:
        return self

    async def observe(self) -> AsyncIterator[Observed]:
        for seen in tuple[Observed, ...]():
            yield seen

    def observed(self) -> Completeness:
        return _PROVEN

    async def left(self, *, since: datetime, until: datetime) -> AsyncIterator[Sequence[Left]]:  # noqa: ARG002
        for some in tuple[Sequence[Left], ...]():
            yield some

    async def apply(self, change: Change, *, key: str, again: bool = False) -> Outcome:  # noqa: ARG002
        if change.op is not Op.CREATE:
            assert change.target_id is not None
            return Applied(target_id=change.target_id)
        if change.kind is Kind.UNIT:
            self._given += 1
            return Applied(target_id=TargetId(str(self._given)))
        return Applied(target_id=TargetId(str(next(item.after for item in change.fields if item.name == "userid"))))


def _world(session: Session, service: str = "benchmark") -> World:
    entry = session.settings.target

    def make() -> Target:
        return Confirming(entry.settings, session.room("target"))

    return replace(session.world(service), make_target=make)


def _cycle(session: Session, order: Order, *, stopped: bool = False, world: World | None = None) -> Cycle:
    """Run one cycle as the command line does. With `stopped` it is told to stop before it has begun to write."""
    world = world or _world(session)

    async def go() -> Cycle:
        stop = asyncio.Event()
        if stopped:
            stop.set()
        return await cycle(world, order, stop=stop)

    with session.store.exclusive("benchmark"):
        return asyncio.run(go())


def seed(folder: Path) -> None:
    """Write everybody, and see that nothing is left to do."""
    with Session(config=folder / "syncd.yaml") as session:
        done = _cycle(session, Order(accept=True))
        for _ in range(3):
            if done.result is Result.NOTHING:
                return
            done = _cycle(session, Order())
        raise AssertionError(f"after four cycles: {done.result}, {done.queue}, {len(done.reconciliation.plan.changes)}")


async def _nobody(world: World, *_: object, **__: object) -> reconcile.Chosen:
    upto = await world.store.look(lambda tx: tx.marks.last())
    await world.store.do(lambda tx: tx.marks.clear(tx.marks.all(), upto=upto))
    return reconcile.Chosen(subjects=frozenset(), everybody=True, upto=upto)


def store(folder: Path) -> None:
    """Read, map and store everybody, and take them for agreed: a cycle that finds nobody changed then asks no more of the store
    than if a million had been written, which takes an hour."""
    with Session(config=folder / "syncd.yaml") as session, patch.object(reconcile, "_choose", _nobody):
        done = _cycle(session, Order(accept=True))
        assert done.result is Result.NOTHING, done.result
        assert [one.changed > 0 for one in done.reconciliation.reads] == [True], done.reconciliation.reads


def first(folder: Path) -> None:
    """Read, map, plan and queue everything for an empty tenant; stop before the first call."""
    with Session(config=folder / "syncd.yaml") as session:
        done = _cycle(session, Order(accept=True), stopped=True)
        assert not done.tally.attempts
        assert done.queue.ready == len(done.reconciliation.plan.changes) > 0, done.queue


# --- one changed person ---------------------------------------------------------------------------------------------


class OneChange:
    """A source that tells one changed record, with a title that nobody had before."""

    def __init__(self, record: SourceRecord) -> None:
        self._record = record

    async def __aenter__(self) -> OneChange:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def read(
        self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
    ) -> AsyncIterator[Page]:
        assert cursor is not None, "the directory was read before"
        assert not full, "a change is told by a delta"
        assert not known.seen(self._record.fingerprint)
        yield Page(records=(self._record,), full=False, cursor=cursor, completeness=_PROVEN)


def one(folder: Path) -> None:
    """Change some people, one per cycle, from record to queued change; print the median of the CPU seconds.

    The whole cycle is in it: run and audit records, the delta's proof, the judgement. Compiling statements, which a daemon does
    once, is not: the first change is not counted.
    """
    with Session(config=folder / "syncd.yaml") as session:
        world = _world(session)
        spent = [_spent_on(session, world, number) for number in range(_PEOPLE + 1)][1:]
        print(json.dumps({"cpu": median(spent), "least": min(spent), "most": max(spent)}))


def _spent_on(session: Session, world: World, number: int) -> float:
    changed = _changed(world.store, number * 97 + 13)
    seat = replace(world.seats[SOURCE], make=lambda: OneChange(changed))  # type: ignore[arg-type,return-value]
    start = time.process_time()
    done = _cycle(session, Order(), stopped=True, world=replace(world, seats={SOURCE: seat}))
    spent = time.process_time() - start
    assert done.queue.ready == number + 1, done.queue
    return spent


def _changed(store: Store, number: int) -> SourceRecord:
    """Return the record of somebody as the directory would tell it after a change of title."""
    with store.reading() as tx:
        found = tx.records.find(f"u{number:07}")
        row = tx.records.get(SOURCE, Kind.PERSON, found[0].native_id)
    assert row is not None
    attributes = {**(row.attributes or {}), "title": f"Title {time.monotonic_ns()}"}
    return SourceRecord(
        native_id=row.native_id,
        kind=row.kind,
        digest=content_digest(attributes, sorted(attributes)),
        attributes=attributes,
        aliases=row.aliases,
        fingerprint=hashlib.blake2b(repr(attributes).encode(), digest_size=16).digest(),
    )


# --- two states of a million ----------------------------------------------------------------------------------------


def store_states(folder: Path) -> None:
    """Store the first state of a million subjects: each with a fingerprint, and as little else as a record can have."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store.open(f"sqlite:///{folder / 'states.db'}", now=lambda: datetime.now(UTC))
    with store.transaction() as tx:
        tx.records.put_many(_staged(number) for number in range(STATES))
    store.close()


def _staged(number: int) -> StagedRecord:
    return StagedRecord(
        source=SOURCE,
        kind=Kind.PERSON,
        native_id=NativeId(f"person-{number:012}"),
        digest=b"",
        rules_digest=b"",
        state=RecordState.MAPPED,
        label="",
        facts={},
        fingerprint=_print(number, changed=False),
    )


def _print(number: int, *, changed: bool) -> bytes:
    return hashlib.blake2b(b"%d %d" % (number, changed), digest_size=16).digest()


def difference(folder: Path) -> None:
    """Compare a second state with the stored one, as a full read does: who is new or changed, who is not there any more."""
    store = Store.open(f"sqlite:///{folder / 'states.db'}", now=lambda: datetime.now(UTC))
    with store.reading() as tx:
        known = Fingerprints(tx.records.fingerprints(SOURCE, at=datetime.now(UTC)))
        fresh = sum(not known.seen(mark) for mark in _second_state())
        gone = sum(1 for _ in tx.records.remaining(SOURCE, fingerprints=known.left))
    store.close()
    assert fresh == gone == STATES // EACH, (fresh, gone)


def _second_state() -> Iterator[bytes]:
    for number in range(STATES):
        yield _print(number, changed=not number % EACH)


_WHAT: Final[dict[str, Callable[[Path], None]]] = {
    "seed": seed,
    "store": store,
    "first": first,
    "one": one,
    "store-states": store_states,
    "difference": difference,
}

if __name__ == "__main__":
    _WHAT[sys.argv[1]](Path(sys.argv[2]))
