"""What the clock will bring in the next days, and why: first days and who is told of them, other contracts, last days, removals,
records with dates of their own, holds that end. From what is stored: no source is read, the target is not asked, nothing is
written or decided.

One pass over the dates of all records finds those whom the days concern; only they are looked at, a portion at a time, by what
planning would find for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from syncd.core.ahead import is_outsider, moments
from syncd.core.calendar import begins_at, has_left, leaves_at, zone_of
from syncd.core.employment import current
from syncd.core.model import Entity, Kind, Link, LinkState, NativeId, SourceName, SubjectId, TargetId
from syncd.core.orgtree import OrgTree
from syncd.engine.handing import leaves
from syncd.engine.leaving import why_leaving
from syncd.engine.marking import names_of, out_of_sight
from syncd.engine.part import Part, gather
from syncd.engine.tree import Standing, is_there, stand
from syncd.engine.welcome import Foreseen, View, foreseen

if TYPE_CHECKING:
    from syncd.core.correlation import Statement
    from syncd.core.errors import Place
    from syncd.engine.world import World
    from syncd.store import Transaction
    from syncd.store.rows import StagedRecord

_DATES: Final = ("hireDate", "endDate")
_ABROAD: Final = timedelta(days=1)
"""A day begins up to 14 hours earlier, and ends up to 12 hours later, than in UTC."""
_PORTION: Final = 500
"""So many people, and those above them, are in memory at once."""
_PERSON: Final = f"{Kind.PERSON}:"


class Coming(StrEnum):
    """What the clock brings."""

    MADE_AHEAD = "made_ahead"
    """A joiner's account is made, out of sight until the first day."""
    TOLD = "told"
    """The manager is told of a joiner."""
    FIRST_DAY = "first_day"
    ANOTHER_RECORD = "another_record"
    """Another record of the same source speaks for the person: a move that was entered ahead, another contract."""
    LAST_DAY = "last_day"
    REMOVAL = "removal"
    RECORD_DATE = "record_date"
    """The source's own record says something else from then on: an account expires, a change that was entered ahead."""
    HOLD_ENDS = "hold_ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One thing that happens by itself."""

    at: datetime
    """When, in UTC. A moment that has passed: with the next run."""
    what: Coming
    label: str
    """Who, as `syncd explain` calls them; of a hold, its id."""
    subject: SubjectId | None = None
    account: TargetId | None = None
    hidden: bool = False
    """Whether the account is out of sight now, as a leaver's is."""
    ahead: bool = False
    """Whether a joiner waits for the first day: without an account, or with one that is out of sight until then."""
    day: str = ""
    """The date that says so, where the person works."""
    timezone: str = ""
    why: str = ""
    """Why somebody has no account in sight, or leaves; why a hold is there."""
    source: SourceName | None = None
    record: NativeId | None = None
    rule: Place | None = None
    changes: tuple[str, ...] = ()
    """Which facts another record says differently."""
    reports: int = 0
    """How many have a leaver as their manager."""
    leads: int = 0
    """How many departments a leaver leads."""
    taker: str = ""
    """To whom reports and departments pass; empty where nobody takes over."""
    told: tuple[str, ...] = ()
    """Who is told of a joiner; on the first day, who has been told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Everything that is known of the next days, the first first."""

    now: datetime
    until: datetime
    timezone: str
    """In whose days it is told: `leavers.timezone`."""
    read_at: Mapping[SourceName, datetime | None]
    """When each source was read last; None: never. Nothing later is known here."""
    expected: tuple[Expected, ...]
    unsettled: int
    """How many people, departments and roles differ now, or are not looked at yet: what becomes of them may change this."""


@dataclass(slots=True)
class _Found:
    events: list[Expected] = field(default_factory=list)
    above: dict[SubjectId, tuple[tuple[SubjectId, str], ...]] = field(default_factory=dict)
    """Who is above those who leave, the next one first, and who is there now."""


def forecast(tx: Transaction, world: World, length: timedelta) -> Forecast:
    """Return what happens within `length` from now on."""
    now = world.now()
    until = now + length
    due = {one for one in tx.reviews.due(now) if one.startswith(_PERSON)}
    last = until + _ABROAD + max(world.joiners.ahead or timedelta(0), world.joiners.tell or timedelta(0))
    concerned = due | tx.records.dated(_DATES, since=(now - _ABROAD).date(), until=last.date())
    concerned |= tx.links.out_of_sight(world.target_name, Kind.PERSON)
    found = _Found()
    ordered = sorted(concerned)
    for start in range(0, len(ordered), _PORTION):
        _look(tx, world, ordered[start : start + _PORTION], _Span(now=now, until=until, due=due), found)
    dated = [_handed_over(one, found) for one in found.events]
    said = {(one.subject, one.at) for one in dated}
    records = [one for one in _records(tx, world, until) if (one.subject, one.at) not in said]
    expected = sorted((*dated, *records, *_holds(tx, until)), key=lambda one: (one.at, one.label, one.what))
    return Forecast(
        now=now,
        until=until,
        timezone=world.leavers.timezone,
        read_at={name: read.finished_at if (read := tx.reads.last(name)) else None for name in world.seats},
        expected=tuple(expected),
        unsettled=tx.marks.count(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    now: datetime
    until: datetime
    due: set[SubjectId]
    """Whose time has come since the last plan."""

    def holds(self, at: datetime | None) -> bool:
        """Tell whether a moment lies ahead, within the time that is asked for."""
        return at is not None and self.now < at <= self.until


def _look(tx: Transaction, world: World, subjects: Sequence[SubjectId], span: _Span, found: _Found) -> None:
    part = gather(tx, world, subjects)
    standing = stand(world, part)
    links = tx.links.get_many(world.target_name, subjects)
    said = tx.words.about(subjects) if world.joiners.tell is not None else {}
    for subject in subjects:
        if subject in standing.parked:
            continue  # as they are, whatever the day, until their record can be read
        link = links.get(subject)
        events = list(_of_one(world, part, standing, subject, link=link, span=span))
        word = foreseen(tx, world, View(part=part, standing=standing), subject, said.get(subject, ()))
        if word is not None:
            blank = _blank(subject, standing.tree.entities[subject], part, link=link, now=span.now)
            events = list(_with_word(events, word, blank, until=span.until))
        for one in events:
            if one.what is Coming.LAST_DAY and one.account is not None:
                found.events.append(_counted(tx, world, one, part.rows.get(subject, ())))
                found.above[subject] = tuple(_above(standing, part, world, subject))
            else:
                found.events.append(one)


def _with_word(events: Sequence[Expected], word: Foreseen, blank: Expected, *, until: datetime) -> Iterator[Expected]:
    """Yield what happens, with when somebody is told of a joiner, and by the first day who has been."""
    if word.at is not None and word.at <= until:
        yield replace(blank, at=word.at, what=Coming.TOLD, day=word.day, timezone=word.timezone, told=word.to)
    for one in events:
        yield replace(one, told=word.to) if word.at is None and one.what is Coming.FIRST_DAY else one


def _of_one(
    world: World, part: Part, standing: Standing, subject: SubjectId, *, link: Link | None, span: _Span
) -> Iterator[Expected]:
    """Yield what the clock brings to one person."""
    entity = standing.tree.entities.get(subject)
    why = why_leaving(world, standing, subject, entity)
    blank = _blank(subject, entity, part, link=link, now=span.now)
    if why and link is not None and link.state is LinkState.OFFBOARDED and world.leavers.hold:
        at = link.since + world.leavers.grace
        if at <= span.until:
            yield replace(blank, at=at, what=Coming.REMOVAL, why=why)
    if entity is None:
        return
    end = leaves_at(entity.facts, world.leavers.timezone)
    overdue = subject in span.due and blank.account is not None and not blank.hidden
    ends = (overdue and end <= span.now) or (not why and span.holds(end)) if end is not None else False
    if end is not None and ends and not _goes_on(world, part, entity, end):
        yield _by_date(blank, entity, world, Coming.LAST_DAY, "endDate", at=end)
    if subject not in standing.offboarded:
        yield from _beginning(world, replace(blank, why=why), entity, link=link, span=span)
    turn = standing.turns.get(subject)
    if turn is not None and span.holds(turn) and not why:
        yield from _turn(world, part, blank, turn, now=span.now)


def _beginning(world: World, blank: Expected, entity: Entity, *, link: Link | None, span: _Span) -> Iterator[Expected]:
    """Yield when a joiner's account is made, and when the first day begins."""
    zone, ahead = world.leavers.timezone, world.joiners.ahead
    begin = begins_at(entity.facts, zone)
    if begin is None:
        return
    waits = ahead is not None and not blank.why and not (is_outsider(entity.facts) and is_there(link, entity))
    made = moments(entity.facts, after=span.now, ahead=ahead, otherwise=zone)[:-1]
    if waits and made and span.holds(made[0]) and not is_there(link, entity):
        yield replace(_by_date(blank, entity, world, Coming.MADE_AHEAD, "hireDate", at=made[0]), ahead=True)
    if span.holds(begin):
        yield replace(_by_date(blank, entity, world, Coming.FIRST_DAY, "hireDate", at=begin), ahead=waits)


def _blank(subject: SubjectId, entity: Entity | None, part: Part, *, link: Link | None, now: datetime) -> Expected:
    """Return what is the same of everything that happens to somebody."""
    rows = part.rows.get(subject, ())
    label = entity.label if entity is not None else next((row.label for row in rows if row.label), str(subject))
    there = link is not None and link.state is not LinkState.REMOVED
    return Expected(
        at=now,
        what=Coming.REMOVAL,
        label=label,
        subject=subject,
        account=link.target_id if link is not None and there else None,
        hidden=link is not None and link.state is LinkState.OFFBOARDED,
        source=rows[0].source if rows else None,
        record=rows[0].native_id if rows else None,
    )


def _by_date(blank: Expected, entity: Entity, world: World, what: Coming, name: str, *, at: datetime) -> Expected:
    """Return what a date says, with the record and the rule that it comes from."""
    origin = entity.origins.get(name)
    one = replace(
        blank,
        at=at,
        what=what,
        day=str(entity.facts[name]),
        timezone=zone_of(entity.facts, world.leavers.timezone).key,
    )
    if origin is None:
        return one
    return replace(one, source=origin.source, record=origin.native_id, rule=origin.rule)


def _by_source(part: Part, subject: SubjectId) -> Mapping[SourceName, list[Statement]]:
    found: dict[SourceName, list[Statement]] = {}
    for one in part.groups.get(subject, ()):
        found.setdefault(one.source, []).append(one)
    return found


def _goes_on(world: World, part: Part, entity: Entity, end: datetime) -> bool:
    """Tell whether another record of the same source speaks for somebody by the time that this one ends."""
    origin = entity.origins.get("endDate")
    said = _by_source(part, entity.subject).get(origin.source, []) if origin is not None else []
    if len(said) < 2:
        return False
    return not has_left(current(said, end, world.leavers.timezone).facts, end, world.leavers.timezone)


def _turn(world: World, part: Part, blank: Expected, at: datetime, *, now: datetime) -> Iterator[Expected]:
    """Yield which record begins to speak, and what it says differently."""
    assert blank.subject is not None
    for source, said in sorted(_by_source(part, blank.subject).items()):
        before, after = (current(said, moment, world.leavers.timezone) for moment in (now, at))
        if before.native_id == after.native_id or begins_at(after.facts, world.leavers.timezone) != at:
            continue
        names = {*before.facts, *after.facts} - {*_DATES}
        changes = tuple(sorted(name for name in names if before.facts.get(name) != after.facts.get(name)))
        yield replace(
            blank,
            at=at,
            what=Coming.ANOTHER_RECORD,
            day=str(after.facts["hireDate"]),
            timezone=zone_of(after.facts, world.leavers.timezone).key,
            source=source,
            record=after.native_id,
            rule=after.origins.get("hireDate"),
            changes=changes,
        )


# --- who takes over -------------------------------------------------------------------------------------------------


def _counted(tx: Transaction, world: World, one: Expected, rows: Iterable[StagedRecord]) -> Expected:
    """Add how many have the leaver as manager, and how many departments they lead."""
    names = {name for row in rows for name in names_of(row, world.looked_up_by)}
    found = [each for each in tx.records.referring(names) if each.subject not in (None, one.subject)] if names else []
    people = {each.subject for each in found if each.attribute == "manager" and each.subject is not None}
    units = {each.subject for each in found if each.attribute == "managers" and each.kind is Kind.UNIT}
    return replace(one, reports=len(people - out_of_sight(tx, world, people)), leads=len(units))


def _above(standing: Standing, part: Part, world: World, subject: SubjectId) -> Iterator[tuple[SubjectId, str]]:
    """Yield who may take over from somebody and is there now, the first first: the deputy, those above; a circle is cut."""
    if not world.leavers.hand_over:
        return
    tree, met = standing.tree, {subject}
    at = tree.entities.get(subject)
    if world.leavers.deputies and at is not None and (deputy := _deputy(tree, part, world, at)) is not None:
        yield deputy.subject, deputy.label
    while at is not None and (up := at.facts.get("manager")):
        above = SubjectId(str(up))
        at = tree.entities.get(above)
        if above in met or at is None:
            return
        met.add(above)
        if above not in part.offboarded and not leaves(tree, at, world):
            yield above, at.label


def _deputy(tree: OrgTree, part: Part, world: World, leaver: Entity) -> Entity | None:
    """Return who stands in for a leaver, and may: a report, or somebody who does not stand under the leaver."""
    found = tree.entities.get(SubjectId(str(leaver.facts.get("deputy"))))
    if found is None or found.subject in part.offboarded or leaves(tree, found, world):
        return None
    above, met = found.facts.get("manager"), {found.subject}
    at = tree.entities.get(SubjectId(str(above))) if above != leaver.subject else None
    while at is not None and at.subject not in met and at.subject != leaver.subject:
        met.add(at.subject)
        at = tree.entities.get(SubjectId(str(at.facts.get("manager"))))
    return found if at is None else None


def _handed_over(one: Expected, found: _Found) -> Expected:
    """Add who takes over from a leaver: the next one above who is not gone by then."""
    if one.what is not Coming.LAST_DAY or one.subject is None:
        return one
    gone = {each.subject for each in found.events if each.what is Coming.LAST_DAY and each.at <= one.at}
    above = found.above.get(one.subject, ())
    return replace(one, taker=next((label for subject, label in above if subject not in gone), ""))


# --- what is no fact of a person ------------------------------------------------------------------------------------


def _records(tx: Transaction, world: World, until: datetime) -> Iterator[Expected]:
    """Yield the records that the source itself says something else of at a moment that it named."""
    for source in world.seats:
        for row in tx.records.reviewed(source, until=until):
            yield Expected(
                at=row.at,
                what=Coming.RECORD_DATE,
                label=row.label,
                subject=row.subject,
                source=source,
                record=row.native_id,
            )


def _holds(tx: Transaction, until: datetime) -> Iterator[Expected]:
    for hold in tx.holds.open():
        if hold.expires_at <= until:
            yield Expected(at=hold.expires_at, what=Coming.HOLD_ENDS, label=hold.id, why="; ".join(hold.reasons))
