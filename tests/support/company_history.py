"""A company to which anything happens, as a machine for Hypothesis, with a target that fails as it likes.

Joiners, leavers, movers, renames, swaps and reorganisations in any order (`Company`); cycles between them in which changes are
deferred, refused or fail in the connector (`History`). Nobody who is in the source is ever let go, and no stranger's account is
ever touched.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import structlog
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from support.small_world import SmallWorld
from syncd.core.model import Change, Kind, Op, TargetId
from syncd.core.outcome import Deferred, Outcome, Rejected
from syncd.core.values import Value
from syncd.engine.cycle import Cycle
from syncd.engine.world import LeaverTerms, WriterTerms
from syncd.testing.memory import refusal

PEOPLE = [str(number) for number in range(1, 8)]
UNITS = ["a", "b", "c", "d"]
people, units = st.sampled_from(PEOPLE), st.sampled_from(UNITS)


def small_world(folder: Path) -> SmallWorld:
    return SmallWorld(folder, leavers=LeaverTerms(hold=False), writer=WriterTerms(patience=timedelta(0)))


class Company(RuleBasedStateMachine):
    """One company; `world.source` is what HR says, strangers stand in the tenant from the start."""

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
        self.folder = Path(tempfile.mkdtemp(prefix="syncd-history-"))
        self.world = self.make(self.folder)
        self.names = {key: f"Unit {key}" for key in UNITS}
        self.parents: dict[str, str | None] = {}
        self.strangers: dict[tuple[Kind, TargetId], dict[str, Value]] = {
            (Kind.UNIT, TargetId("900")): {"name": "Foreign", "parent": "1"},
            (Kind.PERSON, TargetId("vendor")): {"name": "Vendor", "mobile": "1", "departments": ({"unit": "900"},)},
        }
        self.world.target.objects.update({key: dict(held) for key, held in self.strangers.items()})

    def make(self, folder: Path) -> SmallWorld:
        """Return a world without anybody in it."""
        return small_world(folder)

    def found_company(self) -> None:
        """Let there be units, and a few people."""
        self.unit("a", None)
        for key in "bcd":
            self.unit(key, "a")
        for key in PEOPLE[:3]:
            self.world.person(key, "b")

    def unit(self, key: str, parent: str | None) -> None:
        self.parents[key] = parent
        self.world.unit(key, parent, name=self.names[key])

    def here(self, key: str) -> bool:
        return (Kind.PERSON, key) in self.world.source.records

    def below(self, key: str | None, above: str) -> bool:
        while key is not None and key != above:
            key = self.parents[key]
        return key == above

    # -- what happens in the company --

    @rule(key=people, unit=units)
    def join_or_move(self, key: str, unit: str) -> None:
        if unit in self.parents:
            if self.here(key):
                self.world.edit(key, unit=unit)
            else:
                self.world.person(key, unit)

    @rule(key=people)
    def leave(self, key: str) -> None:
        if self.here(key) and key != "1":
            self.world.leave(key)

    @rule(key=people, title=st.sampled_from([None, "Engineer", "Lead"]), manager=people)
    def change(self, key: str, title: str | None, manager: str) -> None:
        if self.here(key) and self.here(manager):
            self.world.edit(key, title=title, manager=f"e{manager}" if manager != key else None)

    @rule(key=units, parent=st.none() | units)
    def open_or_move_unit(self, key: str, parent: str | None) -> None:
        if parent is None or (parent in self.parents and not self.below(parent, key)):
            self.unit(key, parent)

    @rule(order=st.permutations(UNITS))
    def swap_names(self, order: list[str]) -> None:
        one, other = order[:2]
        if one in self.parents and other in self.parents:
            self.names[one], self.names[other] = self.names[other], self.names[one]
            for key in (one, other):
                self.unit(key, self.parents[key])

    @rule(key=units)
    def close_unit(self, key: str) -> None:
        used = {str(held.get("unit")) for (kind, _), held in self.world.source.records.items() if kind is Kind.PERSON}
        if key in self.parents and key not in used and key not in self.parents.values():
            del self.parents[key]
            del self.world.source.records[Kind.UNIT, key]

    # -- what always holds --

    def check(self, done: Cycle) -> None:
        present = {f"Example {key}" for key in PEOPLE if self.here(key)}
        let_go = {
            one.label
            for one in done.reconciliation.plan.changes
            if one.kind is Kind.PERSON and one.op in (Op.OFFBOARD, Op.REMOVE)
        }
        assert not present & let_go
        for key, held in self.strangers.items():
            assert self.world.target.objects[key] == held

    def teardown(self) -> None:
        try:
            self.calm()
        finally:
            self.world.store.close()
            shutil.rmtree(self.folder)
            structlog.reset_defaults()

    def calm(self) -> None:
        """Let nothing fail any more, and see what it all came to."""
        raise NotImplementedError

    def from_scratch(self) -> dict[str, Any]:
        folder = self.folder / "scratch"
        folder.mkdir()
        fresh = self.make(folder)
        fresh.source.records = dict(self.world.source.records)
        fresh.target.objects.update({key: dict(held) for key, held in self.strangers.items()})
        fresh.sync()
        fresh.sync()
        fresh.store.close()
        return self.tenant(fresh)

    def tenant(self, world: SmallWorld) -> dict[str, Any]:
        """Return the tenant by name. A manager whom the source names and who is not there is kept, so it tells of history."""
        gone = {
            f"person:{held['name']}"
            for (kind, _), held in self.world.source.records.items()
            if kind is Kind.PERSON and (manager := held.get("manager")) and not self.here(str(manager)[1:])
        }
        return {
            name: {
                field: value
                for field, value in held.items()
                if value not in ((), None, "root") and not (field == "manager" and name in gone) and value != "1"
            }
            for name, held in world.tenant().items()
        }


class History(Company):
    """A company, and cycles one after the other."""

    @initialize()
    def begin(self) -> None:
        self.found_company()
        self.check(self.world.sync())

    # -- what happens to syncd --

    @rule(seed=st.integers(0, 10_000), share=st.sampled_from([0.0, 0.3, 0.8]), minutes=st.sampled_from([0, 3, 90]))
    def cycle(self, seed: int, share: float, minutes: int) -> None:
        chance = Random(seed)

        def fault(_: Change) -> Outcome | None:
            if chance.random() >= share:
                return None
            match chance.randrange(4):
                case 0:
                    return Rejected(problem=refusal("no"))
                case 1:
                    raise RuntimeError("a defect")
                case which:
                    at = self.world.time + timedelta(minutes=1)
                    return Deferred(problem=refusal("busy"), retry_at=at, whole_target=which == 2)

        self.world.target.fault = fault
        self.world.time += timedelta(minutes=minutes)
        done = self.world.sync()
        self.check(done)
        if not share and not done.queue.open and not done.queue.parked:
            self.overlooked()

    def overlooked(self) -> None:
        """A look at everybody finds nobody whom the next look at those who are marked would not find."""
        self.world.target.fault = lambda _: None
        with self.world.store.transaction() as tx:
            marked = set(tx.marks.all())
        again = self.world.sync(write=False, again=True)
        assert again.reconciliation.everybody
        assert {change.subject for change in again.reconciliation.plan.changes} <= marked

    def calm(self) -> None:
        """Nothing fails any more; the operator has what was refused tried again."""
        world = self.world
        world.target.fault = lambda _: None
        for _ in range(4):
            world.time += timedelta(days=1, minutes=1)
            with world.store.transaction() as tx:
                tx.queue.retry([row.id for row in tx.queue.parked()], at=world.time)
            done = world.sync()
            self.check(done)
        assert done.reconciliation.plan.changes == ()
        assert (done.queue.ready, done.queue.parked) == (0, 0)
        assert set(world.target.writes.values()) <= {1}
        assert self.tenant(world) == self.from_scratch()
