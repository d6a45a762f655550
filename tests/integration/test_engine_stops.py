"""Promise 6 in every step of the engine: the process ends at any transaction, just before it is durable or just after.

Every step stores by `Store.do` (a page, what is mapped again, the end of a read, joins, links, portions, the acceptance with its
marks, outcomes, the close), so that stopping at each of its calls is stopping in each step, also in those that are yet to be
written. What is asked: the cursor claims nothing that was not stored, and the next run is none the wiser.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from support.small_world import HR, INBOUND, SmallWorld
from syncd.core.correlation import JoinRules
from syncd.core.model import Kind, Op
from syncd.engine import portions, reconcile
from syncd.engine.cycle import Cycle
from syncd.engine.world import LeaverTerms, Seat
from syncd.mapping import load_inbound
from syncd.store import Transaction

_PLENTY: Final = 200
"""More transactions than any cycle here has."""


class Ended(BaseException):
    """The process is gone: nothing that would come after it is stored."""


class Process:
    """A process that ends at its n-th transaction: inside, so that it is undone, or right after it."""

    def __init__(self, world: SmallWorld, *, at: int, durable: bool) -> None:
        self.store, self.at, self.durable, self.calls = world.store, at, durable, 0
        self._real = world.store.do

    async def do(self, fn: Callable[[Transaction], Any], **options: Any) -> Any:
        self.calls += 1
        if self.calls > self.at:
            raise Ended
        if self.calls < self.at:
            return await self._real(fn, **options)
        if self.durable:
            await self._real(fn, **options)
            raise Ended

        def undone(tx: Transaction) -> Any:
            fn(tx)
            raise Ended

        return await self._real(undone, **options)

    def __enter__(self) -> Process:
        self.store.do = self.do  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self.store.do = self._real  # type: ignore[method-assign]


def stopped(world: SmallWorld, options: Mapping[str, Any], *, at: int, durable: bool) -> bool:
    """Run a cycle that ends at the n-th transaction; tell whether it did."""
    with Process(world, at=at, durable=durable) as process, contextlib.suppress(Ended):
        world.sync(**options)
    return process.calls >= at


def life(world: SmallWorld, turn: int) -> None:
    """One of each kind of change: a joiner, a leaver, a mover, a title, another name of a unit, and one who comes back."""
    world.person(str(100 + turn), "team", manager="e1")
    for key in (f"{99 + turn}", "2"):
        if (Kind.PERSON, key) in world.source.records:
            world.leave(key)
        elif key == "2":
            world.person("2", "team", manager="e3")
    world.edit("3", unit="team" if turn % 2 else "top")
    world.edit("4", title=f"Title {turn}" if turn % 3 else None)
    world.unit("team", "top", name=f"Team {turn}")


def nobody_lost(world: SmallWorld, done: Cycle) -> None:
    present = {str(held["name"]) for (kind, _), held in world.source.records.items() if kind is Kind.PERSON}
    gone = {one.label for one in done.reconciliation.plan.changes if one.op in (Op.OFFBOARD, Op.REMOVE)}
    assert not present & gone


def stored(world: SmallWorld) -> dict[tuple[Kind, str], Any]:
    with world.store.reading() as tx:
        rows = [row for row in tx.records.iterate(source=HR) if row.absent_since is None]
        found = [tx.records.get(HR, row.kind, row.native_id) for row in rows]
        return {(row.kind, row.native_id): row.attributes for row in found if row is not None}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path, leavers=LeaverTerms(hold=False))
    one.source.tells = True
    one.company(6)
    one.sync()
    yield one
    one.store.close()


def edited_rules(world: SmallWorld, turn: int) -> None:
    """An operator edits the rules: everybody is mapped again, from what is stored."""
    path = world.folder / "in.yaml"
    path.write_text(INBOUND.replace("service account", f"service account {turn}"), encoding="utf-8")
    rules = load_inbound(path, source=HR, attributes=None, now=world.now)
    seat = Seat(name=HR, make=lambda: world.source, rules=rules)
    join = JoinRules(sources=(HR,), refers={HR: rules.refers})
    world.world = replace(world.world, seats={HR: seat}, join=join, config_digest=b"config %d" % turn)


@dataclass(frozen=True, kw_only=True)
class Case:
    """How the cycle that ends was asked for, and at which moment of a transaction it ends."""

    order: Mapping[str, Any]
    durable: bool
    edits: bool = False
    """Whether the rules are edited before each, and a plan is made in portions."""


CASES: Final = {
    "a delta, undone": Case(order={}, durable=False),
    "a delta, durable": Case(order={}, durable=True),
    "a full read, undone": Case(order={"full": True}, durable=False),
    "nothing taken for known, durable": Case(order={"again": True}, durable=True),
    "edited rules, undone": Case(order={}, durable=False, edits=True),
    "edited rules, durable": Case(order={}, durable=True, edits=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_process_that_ends_at_any_transaction_leaves_nothing_half_known(
    world: SmallWorld, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case.edits:
        # As if these few were very many.
        monkeypatch.setattr(reconcile, "MANY", 2)
        monkeypatch.setattr(portions, "PORTION", 3)
    at = 1
    while True:
        life(world, at)
        if case.edits:
            edited_rules(world, at)
        ended = stopped(world, case.order, at=at, durable=case.durable)
        nobody_lost(world, done := world.sync())
        assert not done.reconciliation.reads[0].row.full, "nothing asks for everything: what was lost is told again"
        assert stored(world) == world.source.records
        last = world.sync(again=True)
        assert not list(last.reconciliation.plan.changes)
        assert not last.queue.open
        assert set(world.target.writes.values()) <= {1}
        if not ended:
            break
        at += 1
    assert 8 < at < _PLENTY
