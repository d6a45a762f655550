"""A small world in which attributes of the HR system are written back: by whom, and what each side makes of it, is the test's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from support.small_world import HR, INBOUND, SmallWorld, run
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import Change, Kind, Op, TargetId
from syncd.core.outcome import Applied, Outcome
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd.core.wakes import Touched
from syncd.engine import drift
from syncd.engine.world import DriftRule, DriftTerms, Seat
from syncd.mapping import load_inbound, load_outbound
from syncd.testing.memory import FIELDS, MemoryTarget
from syncd.testing.writing_back import MemoryRewritable

BORN = {**FIELDS, Kind.PERSON: {**FIELDS[Kind.PERSON], "unionid": FieldSpec(type=FieldType.TEXT, read_only=True)}}
RULES = """\
write_back:
  account: userid
  token: unionid
"""


class BearingTarget(MemoryTarget):
    """A tenant that makes up a `unionid` for everybody, and tells it in its answer."""

    fields: ClassVar[Mapping[Kind, Mapping[str, FieldSpec]]] = BORN

    async def apply(self, change: Change, *, key: str, again: bool = False) -> Outcome:
        done = await super().apply(change, key=key, again=again)
        if isinstance(done, Applied) and change.op is Op.CREATE and change.kind is Kind.PERSON:
            born = f"union-{done.target_id}"
            self.objects[Kind.PERSON, done.target_id]["unionid"] = born
            return replace(done, learned={"unionid": born})
        return done


class WriteBackWorld(SmallWorld):
    """A small world with rules that write back."""

    source: MemoryRewritable

    def __init__(
        self,
        folder: Path,
        rules: str = RULES,
        *,
        inbound: str = INBOUND,
        drift: DriftTerms | None = None,
        **changes: Any,
    ) -> None:
        super().__init__(folder, **changes)
        room = Room(name="memory", now=self.now, base=folder)
        self.source = MemoryRewritable({}, room)
        self.target = BearingTarget({}, room)
        self.inbound = inbound
        self.world = replace(
            self.world,
            make_target=lambda: self.target,
            outbound=load_outbound(folder / "out.yaml", fields=BORN, now=self.now),
            drift=drift or DriftTerms(default=DriftRule.REVERT, fields={"mobile": DriftRule.ACCEPT}),
        )
        self.rule(rules)

    def rule(self, rules: str, *, config: bytes = b"config") -> None:
        """Put other rules in force."""
        path = self.folder / "in.yaml"
        path.write_text(self.inbound + rules)
        loaded = load_inbound(path, source=HR, attributes=None, now=self.now)
        seat = Seat(name=HR, make=lambda: self.source, rules=loaded)
        self.world = replace(self.world, seats={HR: seat}, config_digest=config)

    def record(self, key: str = "2") -> dict[str, Value]:
        return self.source.records[Kind.PERSON, key]

    def wait(self, **times: float) -> None:
        self.time += timedelta(**times)

    def edit_by_hand(self, target_id: str = "e2", **fields: Value) -> None:
        """Change somebody in the tenant's own console, and let the event be judged."""
        self.target.objects[Kind.PERSON, TargetId(target_id)].update(fields)
        self.wait(minutes=10)
        touched = Touched(
            kind=Kind.PERSON, target_id=TargetId(target_id), at=self.time, key=str(self.time), seen=fields
        )
        run(drift.touched(self.world, [touched]))
        self.wait(seconds=1)
        run(drift.examine(self.world, self.target))

    def settle(self, *, rounds: int = 8) -> int:
        """Synchronize until nothing is done any more; returns after how many rounds that was."""
        for number in range(rounds):
            done = self.sync()
            self.wait(minutes=1)
            if not done.tally.attempts:
                return number
        raise AssertionError(f"something was still done in round {rounds}: {done.tally}")
