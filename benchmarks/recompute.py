"""What it costs to compute everybody again when nothing has changed, stage by stage and per person, with the shipped rules:
from a decoded record of Active Directory to "DingTalk holds that already".

CPU time of one process; reading, decoding and the database are not in it. It is told in rounds of a plain Python loop that is
measured beside it, which says more than microseconds when the machine is busy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

from benchmarks._installation import ROOT
from benchmarks.figures import Figure
from syncd.core.correlation import JoinRules, References, Statement, correlate
from syncd.core.difference import Names, compare, exchange
from syncd.core.model import Desired, Entity, Kind, NativeId, Observed, SourceName, SourceRecord, SubjectId, TargetId
from syncd.core.orgtree import OrgTree, merge, resolve
from syncd.core.values import content_digest
from syncd.mapping import Around, InboundRules, Mapped, OutboundRules, load_inbound, load_outbound
from syncd.store import codec
from syncd_active_directory.schema import declared
from syncd_dingtalk.fields import FIELDS, normalise
from syncd_dingtalk.mobiles import Region

_LOOP: Final = 100_000
PEOPLE: Final = 10_000
TEAM: Final = 50
"""People in a unit."""
ROUNDS: Final = 5
SOURCE: Final = SourceName("ad")
_GOALS: Final = {
    "content digest": 75,
    "map in": 230,
    "decode what is stored": 120,
    "join and resolve": 185,
    "map out and normalise": 600,
    "compare": 385,
}
"""Rounds of the loop per person. Where they were set a round took 0.065 µs, so that all stages together took at most 0.1 ms,
which leaves a full recompute of 100,000 people within 15 s."""


@dataclass(slots=True)
class _Measured:
    """Figures so far."""

    figures: list[Figure]

    def stage(self, name: str, work: Callable[[Any], Any], things: Iterable[Any]) -> list[Any]:
        """Measure one stage, thing by thing as they stream through a cycle, and return what came of it."""
        given = list(things)
        pairs = [(_spent(lambda: _through(work, given)), _spent(_plain_loop)) for _ in range(ROUNDS)]
        rounds = median(ours / loop for ours, loop in pairs) / PEOPLE * _LOOP
        each = min(ours for ours, _ in pairs) / PEOPLE * 1e6
        goal = _GOALS[name]
        note = f"{each:.1f} µs per person, {PEOPLE} people, median of {ROUNDS} pairs"
        self.figures.append(
            Figure(name=name, value=rounds, unit="rounds", goal=f"≤ {goal}", met=rounds <= goal, note=note)
        )
        return list(map(work, given))


def run() -> list[Figure]:
    """Measure, and return the figures."""
    now = lambda: datetime.now(UTC)  # noqa: E731
    inbound = load_inbound(ROOT / "mappings/active_directory.yaml", source=SOURCE, attributes=declared(), now=now)
    outbound = load_outbound(ROOT / "mappings/dingtalk.yaml", fields=FIELDS, now=now)
    measured = _Measured(figures=[])
    statements = _inward(measured, inbound)
    desired = _outward(measured, inbound, outbound, statements)
    _compared(measured, desired)
    return measured.figures


def _inward(measured: _Measured, inbound: InboundRules) -> list[Statement]:
    records, units = list(_people()), list(_units())
    names = sorted(inbound.reads[Kind.PERSON])
    measured.stage("content digest", lambda one: content_digest(one.attributes, names), records)
    mapped = measured.stage("map in", inbound.map, records)
    stored = [(codec.encode(one.facts), codec.encode_places(one.origins)) for one in mapped]
    decoded = lambda one: (codec.decode_values(one[0]), codec.decode_places(one[1]))  # noqa: E731
    kept = measured.stage("decode what is stored", decoded, stored)
    above = [one for unit in units if isinstance(one := inbound.map(unit), Mapped)]
    return [
        _statement(record, facts, places)
        for record, (facts, places) in zip(
            (*units, *records), (*((one.facts, one.origins) for one in above), *kept), strict=True
        )
    ]


def _outward(
    measured: _Measured, inbound: InboundRules, outbound: OutboundRules, statements: list[Statement]
) -> list[Desired]:
    rules = JoinRules(sources=(SOURCE,), refers={SOURCE: inbound.refers})
    groups, _ = correlate(statements, rules)
    references = References(groups, rules)
    people = [subject for subject in groups if subject.startswith(Kind.PERSON)]

    def joined(subject: SubjectId) -> Entity:
        return resolve(merge(subject, groups[subject], rules), references)

    entities = measured.stage("join and resolve", joined, people)
    tree = OrgTree(entities={one: joined(one) for one in groups})

    def wished(entity: Entity) -> Desired:
        unit = tree.entities[entity.facts["units"][0]]  # type: ignore[index]
        one = outbound.map(entity, Around(unit=unit, units=(unit,), path=tree.path(unit.subject)))
        assert isinstance(one, Desired)
        return replace(one, fields=normalise(Kind.PERSON, one.fields, region=Region.MAINLAND))

    return measured.stage("map out and normalise", wished, entities)


def _compared(measured: _Measured, desired: list[Desired]) -> None:
    specs = FIELDS[Kind.PERSON]
    ids = {one.subject: TargetId(f"p{number}") for number, one in enumerate(desired)}
    units = {SubjectId(f"unit:{_unit(number)}"): TargetId(str(number + 2)) for number in range(PEOPLE // TEAM)}
    everybody = {**units, **ids}
    names = Names(
        {
            kind: {there: here for here, there in known.items()}
            for kind, known in ((Kind.PERSON, ids), (Kind.UNIT, units))
        },
        root=TargetId("1"),
    )
    held = [
        Observed(
            target_id=ids[one.subject],
            kind=Kind.PERSON,
            label=one.label,
            fields={name: exchange(value, specs[name], everybody) for name, value in one.fields.items()},
        )
        for one in desired
    ]
    compared = lambda pair: compare(pair[0], pair[1], specs, names)  # noqa: E731
    found = measured.stage("compare", compared, zip(desired, held, strict=True))
    assert not any(found), "nothing differs"


def _statement(record: SourceRecord, facts: Any, places: Any) -> Statement:
    return Statement(
        source=SOURCE,
        native_id=record.native_id,
        kind=record.kind,
        facts=facts,
        origins=places,
        aliases=record.aliases,
        subject=SubjectId(f"{record.kind}:{record.native_id}"),
    )


def _unit(number: int) -> str:
    return f"00000000-0000-4000-9000-{number:012}"


def _units() -> Iterator[SourceRecord]:
    for number in range(PEOPLE // TEAM):
        above = {"parent": _unit((number - 1) // 8)} if number else {}
        facts = {"objectGUID": _unit(number), "ou": f"Unit {number}", **above}
        yield SourceRecord(native_id=NativeId(_unit(number)), kind=Kind.UNIT, digest=b"", attributes=facts)


def _name(number: int) -> str:
    return f"CN=Person {number},OU=Unit {number % (PEOPLE // TEAM)},OU=Company,DC=corp,DC=example"


def _people() -> Iterator[SourceRecord]:
    """Yield people who do not exist."""
    for number in range(PEOPLE):
        guid, mobile = f"00000000-0000-4000-8000-{number:012}", f"{number // 10_000:04} {number % 10_000:04}"
        facts: dict[str, Any] = {
            "objectGUID": guid,
            "sAMAccountName": f"person.{number}",
            "displayName": f"Siti Contoh {number}",
            "sn": "Contoh",
            "givenName": "Siti",
            "employeeID": f"{number:06}",
            "title": "Finance Manager",
            "manager": _name(number // 10),
            "mobile": f"+86 199 {mobile}" if number % 2 else f"+62 811-{mobile}",
            "telephoneNumber": f"+86 21 {number:08}",
            "mail": f"person.{number}@example.com",
            "physicalDeliveryOfficeName": "Shanghai Tower 3",
            "l": "Shanghai",
            "c": "CN",
            "company": "Contoh Group",
            "department": "Controlling",
            "enabled": True,
            "parent": _unit(number % (PEOPLE // TEAM)),
            "memberOf": (
                f"CN=Group {number % 50},OU=Groups,DC=corp,DC=example",
                "CN=Staff,OU=Groups,DC=corp,DC=example",
            ),
        }
        yield SourceRecord(
            native_id=NativeId(guid), kind=Kind.PERSON, digest=b"", attributes=facts, aliases=(_name(number),)
        )


def _plain_loop() -> None:
    """Do what plain Python does all the time."""
    held: dict[int, int] = {}
    total = 0
    for number in range(_LOOP):
        total += number * 3
        held[number & 255] = total


def _through(work: Callable[[Any], Any], things: list[Any]) -> None:
    for thing in things:
        work(thing)


def _spent(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    for each in run():
        print(f"{each.name:24} {each.value:8.0f} {each.unit}  {each.goal:6} {each.note}")
