"""A directory beside the HR system of a small world: weaker, in memory, with real rules; joined by number, and by hints."""

from __future__ import annotations

from dataclasses import replace

from support.small_world import HR, SmallWorld
from syncd.core.correlation import JoinRules
from syncd.core.matching import Confidence, steps
from syncd.core.model import Kind, SourceName
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd.engine.world import Seat
from syncd.mapping import load_inbound
from syncd.testing.memory import MemorySource

AD = SourceName("ad")
RULES = """\
version: 1
rules: inbound
person:
  required: [displayName]
  fields:
    employeeNumber: number
    displayName: cn
    title: title
    emails.work: mail
    phoneNumbers.mobile: mobile
    units: {from: unit, by: displayName, via: [{split: ","}]}
    hireDate: first
    endDate: last
"""


class Directory:
    """The directory, and the world that it is put into."""

    def __init__(self, world: SmallWorld, *, suggest: tuple[str, ...] = ("displayName",)) -> None:
        (world.folder / "ad.yaml").write_text(RULES)
        self.world = world
        self.source = MemorySource({}, Room(name="ad", now=world.now, base=world.folder))
        rules = load_inbound(world.folder / "ad.yaml", source=AD, attributes=None, now=world.now)
        seats = {**world.world.seats, AD: Seat(name=AD, make=lambda: self.source, rules=rules)}
        join = JoinRules(
            sources=(HR, AD),
            correlate=(*steps(["employeeNumber", "emails.work"]), *steps(suggest, Confidence.PROBABLE)),
            refers={name: seat.rules.refers for name, seat in seats.items()},
        )
        world.world = replace(world.world, seats=seats, join=join)

    def account(self, key: str, **fields: Value) -> None:
        """Somebody in the directory, without a number unless it is given, with a telephone of their own."""
        held: dict[str, Value] = {"cn": f"Example {key}", "unit": "Unit team", "mobile": f"139{key:0>8}"}
        self.source.records[Kind.PERSON, key] = {**held, **fields}
