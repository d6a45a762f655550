"""Whatever happens in a company whose rules say `heads: add`: who leads a department is a member of it, nobody is for another
reason, and no department is without a head while anybody is there who can lead it. Plans in portions say the same.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.incidents import guarded
from support.small_world import HR, INBOUND, OUTBOUND, SmallWorld, run
from syncd.engine import portions, survey
from syncd.engine.joining import join
from syncd.engine.planning import planned
from syncd.engine.portions import planned_in_portions
from syncd.engine.reconcile import read_sources
from syncd.engine.stage import Asked
from syncd.mapping import load_inbound, load_outbound
from syncd.testing.memory import FIELDS

TOLD = INBOUND.replace("from: leader, by: employeeNumber", "from: leader, by: employeeNumber, on_null: clear")
RULES = OUTBOUND.replace("unit:\n  adopt", "unit:\n  heads: add\n  adopt").replace(
    "managers: managers", "managers: {from: managers, on_null: clear}"
)
UNITS, PEOPLE = ("a", "b", "c"), range(1, 7)
STEP = st.one_of(
    st.tuples(st.just("leader"), st.sampled_from(UNITS), st.sampled_from((0, *PEOPLE))),
    st.tuples(st.just("moves"), st.sampled_from(UNITS), st.sampled_from(PEOPLE)),
    st.tuples(st.just("leaves"), st.just(""), st.sampled_from(PEOPLE)),
    st.tuples(st.just("returns"), st.just(""), st.sampled_from(PEOPLE)),
    st.tuples(st.just("title"), st.just(""), st.sampled_from(PEOPLE)),
)


@dataclass
class Company:
    """What the records say, beside the world that is told of it."""

    world: SmallWorld
    leaders: dict[str, int]
    places: dict[int, str]
    here: set[int]

    def step(self, what: str, unit: str, person: int) -> None:
        """Let something happen to a unit or to somebody."""
        match what:
            case "leader":
                self.leaders[unit] = person
                self.world.unit(unit, leader=f"e{person}" if person else None)
            case "moves":
                self.places[person] = unit
                self.world.edit(str(person), unit=unit)
            case "leaves" | "returns":
                (self.here.discard if what == "leaves" else self.here.add)(person)
                self.world.edit(str(person), state="left" if what == "leaves" else "here")
            case _:
                self.world.edit(str(person), title=f"Title of {len(self.here)}")

    def head(self, unit: str) -> int:
        """Return who is to lead a unit: who is named, else the next one above who is there; 0 for nobody."""
        at = self.leaders.get(unit, 0)
        while at and at not in self.here:
            at //= 2
        return at

    def check(self) -> None:
        """Insist on it, by what the tenant holds."""
        tenant = self.world.tenant()
        for unit in UNITS:
            held = tenant[f"unit:Unit {unit}"].get("managers", ())
            assert held == ((f"Example {self.head(unit)}",) if self.head(unit) else ()), unit
        for person in self.here:
            places = tenant[f"person:Example {person}"]["departments"]
            led = {f"Unit {unit}" for unit in UNITS if self.head(unit) == person}
            assert {one["unit"] for one in places} == led | {f"Unit {self.places[person]}"}, person  # type: ignore[union-attr,call-overload,index]


def founded(folder: Path) -> Company:
    world = SmallWorld(folder, guard=guarded())
    (folder / "out.yaml").write_text(RULES)
    (folder / "in.yaml").write_text(TOLD)
    told = load_inbound(folder / "in.yaml", source=HR, attributes=None, now=world.now)
    world.world = replace(
        world.world,
        seats={HR: replace(world.world.seats[HR], rules=told)},
        outbound=load_outbound(folder / "out.yaml", fields=FIELDS, now=world.now),
    )
    for number, unit in enumerate(UNITS, 1):
        world.unit(unit, leader=f"e{number}")
    for person in PEOPLE:
        world.person(str(person), UNITS[person % 3], **({"manager": f"e{person // 2}"} if person > 1 else {}))
    leaders = {unit: number for number, unit in enumerate(UNITS, 1)}
    return Company(world=world, leaders=leaders, places={one: UNITS[one % 3] for one in PEOPLE}, here={*PEOPLE})


def same_in_portions(world: SmallWorld) -> bool:
    """Read, and tell whether the plan for everybody is the same at once and in portions of two."""
    parts, target = world.world, world.target
    run(read_sources(parts, parts.new_run(), Asked()))
    run(parts.store.do(lambda tx: join(tx, parts)))
    everybody = run(parts.store.look(lambda tx: tx.records.subjects()))
    whole = run(parts.store.look(lambda tx: planned(tx, parts, target, everybody, complete=True).plan))
    with patch.object(portions, "PORTION", 2), patch.object(survey, "PORTION", 2):
        seen = run(survey.survey(parts, target))
        asked = {"complete": True, "leaving": seen.leaving, "takers": seen.takers}
        made = run(planned_in_portions(parts, target, everybody, **asked)).plan  # type: ignore[arg-type]
        few = run(planned_in_portions(parts, target, seen.differing, **asked)).plan  # type: ignore[arg-type]
    return whole.fingerprint == made.fingerprint == few.fingerprint


@settings(
    deadline=None,
    max_examples=examples(6),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(st.lists(st.lists(STEP, min_size=1, max_size=3), min_size=1, max_size=4), st.booleans())
def test_whatever_happens_who_leads_is_a_member_and_nobody_is_for_another_reason(
    migrated_file: Path, chapters: list[list[tuple[str, str, int]]], everybody: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "syncd.db").write_bytes(migrated_file.read_bytes())
        company = founded(Path(folder))
        company.world.sync()
        company.check()
        for chapter in chapters:
            for what, unit, person in chapter:
                company.step(what, unit, person)
            assert same_in_portions(company.world)
            company.world.sync(again=everybody)
            company.check()
        again = company.world.sync(fresh=True, again=True)
        company.world.store.close()

    assert again.reconciliation.plan.changes == ()
