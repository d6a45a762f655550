"""Joiners made ahead: for any history nobody is in sight before the first day, nor out of sight after it."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.dated_world import with_dates
from support.incidents import homes
from support.small_world import SmallWorld
from syncd.core.ahead import keeps_back, moments, waiting
from syncd.core.calendar import begins_at
from syncd.core.difference import units_of
from syncd.core.model import Aside, Desired, Entity, Kind, SubjectId, TargetId
from syncd.core.values import Value
from syncd.engine.world import JoinerTerms

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
ZONES = st.sampled_from(["Asia/Jakarta", "America/Los_Angeles", "Pacific/Kiritimati", "Europe/Berlin", "UTC"])
DAYS = st.integers(-20, 60).map(lambda days: NOW.date() + timedelta(days=days))
AHEAD = st.integers(0, 30).map(lambda days: timedelta(days=days))
HOME = ({"unit": "unit:team"},)


def wanted(first: date, zone: str, *, at: datetime, ahead: timedelta, there: bool, outsider: bool) -> Desired | Aside:
    facts: dict[str, Value] = {"hireDate": first.isoformat(), "timezone": zone, "outsider": outsider}
    person = Entity(subject=SubjectId("person:1"), kind=Kind.PERSON, facts=facts)
    wish = Desired(
        subject=person.subject,
        kind=Kind.PERSON,
        label="An",
        fields={"departments": HOME, "manager": "person:2", "roles": ("group:1",), "title": "Engineer"},
    )
    return waiting(person, wish, at=at, ahead=ahead, there=there, otherwise="UTC")


@given(DAYS, ZONES, AHEAD, st.integers(0, 60 * 24 * 60), st.booleans())
def test_whoever_has_not_begun_is_out_of_sight_or_not_there(
    first: date, zone: str, ahead: timedelta, minutes: int, there: bool
) -> None:
    at = NOW + timedelta(minutes=minutes)
    begins = begins_at({"hireDate": first.isoformat(), "timezone": zone}, "UTC")
    assert begins is not None

    found = wanted(first, zone, at=at, ahead=ahead, there=there, outsider=False)

    if at >= begins:
        assert isinstance(found, Desired)
        assert units_of(found.fields["departments"]) == {"unit:team"}
    elif there or begins - at <= ahead:
        assert isinstance(found, Desired)
        assert keeps_back(found)
        assert (found.fields["manager"], found.fields["roles"], found.fields["title"]) == (None, (), "Engineer")
    else:
        assert isinstance(found, Aside)


@given(DAYS, ZONES, AHEAD, st.booleans(), st.booleans())
def test_nothing_changes_by_time_alone_but_at_the_moments_that_are_named(
    first: date, zone: str, ahead: timedelta, there: bool, outsider: bool
) -> None:
    facts: dict[str, Value] = {"hireDate": first.isoformat(), "timezone": zone, "outsider": outsider}
    named = moments(facts, after=NOW, ahead=ahead, otherwise="UTC")
    assert list(named) == sorted(named)

    def state(at: datetime) -> object:
        found = wanted(first, zone, at=at, ahead=ahead, there=there, outsider=outsider)
        return found if isinstance(found, Aside) else found.fields

    for start, end in pairwise([NOW, *named, NOW + timedelta(days=100)]):
        assert state(start) == state(end - timedelta(seconds=1))


STEPS = st.tuples(
    st.integers(1, 12),  # days that pass
    st.sampled_from(["nothing", "nothing", "put off", "brought forward", "withdrawn", "hired after all"]),
)


# A failing example is not made smaller: each costs a second, and it is small already.
@settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(st.integers(0, 20), ZONES, st.lists(STEPS, min_size=4, max_size=4))
def test_any_history_of_a_joiner_keeps_to_the_first_day(away: int, zone: str, steps: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = SmallWorld(Path(folder), joiners=JoinerTerms(ahead=timedelta(days=7)))
        with_dates(world)
        world.unit("team")
        world.person("1", "team")
        first = NOW.date() + timedelta(days=away)
        world.person("7", "team", manager="e1", hired=first.isoformat(), zone=zone)
        for days, event in steps:
            match event:
                case "put off" | "brought forward":
                    first += timedelta(days=9 if event == "put off" else -9)
                case "withdrawn" | "hired after all":
                    world.edit("7", state="left" if event == "withdrawn" else "here")
                case _:
                    pass
            world.edit("7", hired=first.isoformat())
            world.sync()
            _holds(world, first, zone)
            world.time += timedelta(days=days)
            world.sync()
            _holds(world, first, zone)
        world.store.close()


def _holds(world: SmallWorld, first: date, zone: str) -> None:
    """The account is where the day, and nothing that was before, says."""
    begins = begins_at({"hireDate": first.isoformat(), "timezone": zone}, "UTC")
    assert begins is not None
    there = (Kind.PERSON, TargetId("e7")) in world.target.objects
    if world.source.records[Kind.PERSON, "7"]["state"] == "left":
        assert not there or homes(world, "Example 7") == ("Leavers",)
    elif world.time >= begins:
        assert homes(world, "Example 7") == ("Unit team",)
    elif there:
        assert homes(world, "Example 7") in (("Joiners",), ("Leavers",))
    else:
        assert begins - world.time > timedelta(days=7)
