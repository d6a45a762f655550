"""From stored records to the org tree, and from the tree to what the target shall hold. Writes nothing.

Who is leaving is decided here, from what the records of a subject say: absent by proof, out of scope by rule, or inactive.
A subject with a parked record is never leaving.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from syncd.core.ahead import is_outsider, keeps_back, waiting
from syncd.core.calendar import has_left
from syncd.core.employment import turns_at
from syncd.core.errors import Problem, message
from syncd.core.granting import is_made_up
from syncd.core.model import (
    HOLDING_UNIT,
    JOINERS_UNIT,
    ROOT_UNIT,
    Aside,
    Desired,
    Entity,
    Kind,
    Link,
    LinkState,
    Reason,
    SubjectId,
)
from syncd.core.orgtree import OrgTree, grown, missed
from syncd.core.outsiders import apart
from syncd.core.values import Values, digest
from syncd.engine.handing import handed_over
from syncd.engine.part import Part
from syncd.engine.roles import with_roles
from syncd.engine.surroundings import around
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.offboardings import Offboarding
from syncd.store.rows import RecordState, StagedRecord

RECORD_WARNING: Final = message(
    "ENG-030",
    what="{label}: {what}",
    do="{do}",
    example="A work e-mail address that is none, in a rule that says `on_error: skip_field`.",
)
Unique = Callable[[SubjectId], Callable[[str, Iterator[str]], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The org tree, or a part of it, and what the records say of subjects that are not, or not wholly, in it."""

    tree: OrgTree
    asked: frozenset[SubjectId]
    """Who is looked at; the others are there because these refer to them."""
    since: Mapping[SubjectId, datetime]
    """When a source last changed one of the subject's records, by its own account."""
    parked: frozenset[SubjectId]
    gone: Mapping[SubjectId, str]
    """Of those who are looked at: subjects without a single living record, and why they leave."""
    offboarded: Mapping[SubjectId, str] = field(default_factory=dict)
    """Of those who are looked at: who leaves because an operator says so, and why in words."""
    handed: Mapping[SubjectId, SubjectId] = field(default_factory=dict)
    """Whom the sources still name as the manager of those who have been handed over, because that one has left."""
    turns: Mapping[SubjectId, datetime] = field(default_factory=dict)
    """When another record of a source begins to speak of somebody."""
    asides: tuple[Aside, ...] = ()
    warnings: tuple[Problem, ...] = ()
    """What the inbound rules left out of records that they mapped, and references that name nobody."""
    warned: frozenset[SubjectId] = frozenset()
    left: Mapping[SubjectId, Mapping[str, bytes]] = field(default_factory=dict)
    """What somebody changed by hand in the target and is left alone, by field, with the digest of what was wanted then."""


def stand(world: World, part: Part) -> Standing:
    """Grow the org tree of a part of the records."""
    tree = grown(part.groups, part.join, part.lookup, about=part.asked, at=world.now())
    if world.outbound.gives_roles:
        tree = with_roles(tree, part.asked, world.outbound)
    told = [
        (subject, RECORD_WARNING.at(each.place, label=row.label, what=each.what, do=each.do))
        for subject, rows in part.rows.items()
        for row in rows
        if row.problems and row.source in world.seats and row.state is RecordState.MAPPED and row.absent_since is None
        for each in row.problems
    ]
    parked, gone = _departed(part, world)
    tree, handed = handed_over(tree, part, world, parked=parked, gone=gone)
    loose = {one for one in part.asked if (entity := tree.entities.get(one)) is not None and missed(entity)}
    circling = {SubjectId(aside.name) for aside in tree.asides}
    return Standing(
        tree=tree,
        asked=part.asked,
        since=part.since,
        parked=parked,
        gone={one: why for one, why in gone.items() if one in part.asked},
        handed=handed,
        offboarded={one: told_of(row) for one, row in part.offboarded.items() if one in part.asked},
        turns=_turns(world, part),
        asides=tree.asides,
        warnings=(*(problem for _, problem in told), *tree.warnings),
        warned=frozenset({subject for subject, _ in told} | loose | circling),
        left=part.left,
    )


def told_of(row: Offboarding) -> str:
    """Return in words why somebody leaves whom an operator offboarded; nothing else that makes anybody leave says the same."""
    return f"offboarded by {row.decided_by}: {row.reason}"


def _turns(world: World, part: Part) -> dict[SubjectId, datetime]:
    found = {
        subject: turns_at(statements, world.now(), world.leavers.timezone)
        for subject, statements in part.groups.items()
        if len(statements) > 1 and subject in part.asked
    }
    return {subject: moment for subject, moment in found.items() if moment is not None}


def set_aside(tx: Transaction, world: World) -> tuple[Aside, ...]:
    """Return every record that is left aside: by a rule, because it could not be mapped, or because its source is no longer
    configured. A source that is taken out of the configuration makes nobody a leaver; but nobody is left unsaid either."""
    told = [_aside(row) for row in tx.records.set_aside() if row.source in world.seats]
    for source in tx.records.sources():
        if source not in world.seats:
            told += [
                _unheard(row) for row in tx.records.iterate(source=source) if row.absent_since is None and row.subject
            ]
    return tuple(told)


def _aside(row: StagedRecord) -> Aside:
    why = "; ".join(f"{told.what} {told.do}".strip() for told in row.problems)
    reason = Reason.EXCLUDED if row.state is RecordState.EXCLUDED else Reason.PARKED
    return Aside(reason=reason, kind=row.kind, name=f"{row.source}/{row.native_id}", label=row.label, why=why)


def _unheard(row: StagedRecord) -> Aside:
    why = (
        f"the source {row.source} is no longer in the configuration: see `syncd sources list`, then "
        f"`syncd sources rename {row.source} NEW` or `syncd sources forget {row.source}`"
    )
    name = f"{row.source}/{row.native_id}"
    return Aside(reason=Reason.PARKED, kind=row.kind, name=name, label=row.label, why=why)


def _departed(part: Part, world: World) -> tuple[frozenset[SubjectId], dict[SubjectId, str]]:
    parked: set[SubjectId] = set()
    gone: dict[SubjectId, str] = {}
    for subject, rows in part.others.items():
        if any(row.source not in world.seats and row.absent_since is None for row in rows):
            # Its source is no longer configured. That is a change of the configuration, never a leaver.
            parked.add(subject)
        elif any(row.state is RecordState.PARKED and row.absent_since is None for row in rows):
            parked.add(subject)
        elif subject in part.open and subject not in part.groups:
            # A record that waits for a decision may be theirs.
            parked.add(subject)
        elif subject not in part.groups:
            excluded = [row for row in rows if row.state is RecordState.EXCLUDED and row.absent_since is None]
            if excluded:
                told = excluded[0].problems
                gone[subject] = f"out of scope: {told[0].what}" if told else "out of scope"
            elif world.leavers.absent_leaves:
                gone[subject] = "gone from " + ", ".join(sorted({row.source for row in rows}))
    return frozenset(parked), gone


# --- what the target shall hold -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the target shall hold, who leaves and why, and who is left as they are."""

    desired: Mapping[SubjectId, Desired]
    leaving: Mapping[SubjectId, str]
    asides: tuple[Aside, ...]
    warnings: tuple[Problem, ...]
    warned: frozenset[SubjectId] = frozenset()
    """Of whom the warnings are."""


def wish(
    standing: Standing,
    world: World,
    links: Mapping[SubjectId, Link],
    *,
    normalise: Callable[[Kind, Values], Values],
    hidden: Values,
    unique: Unique,
) -> Wishes:
    """Map those out who are asked for. Pure but for `unique`, which keeps the values that it hands out."""
    desired: dict[SubjectId, Desired] = {}
    leaving = {subject: why for subject, why in standing.gone.items() if subject not in standing.parked}
    asides: list[Aside] = list(standing.asides)
    warnings: list[Problem] = list(standing.warnings)
    warned = set(standing.warned)
    for subject in sorted(standing.asked):
        entity = standing.tree.entities.get(subject)
        if is_made_up(subject):
            _made_up(subject, world, desired, leaving, normalise)
            continue
        if entity is None or passed_over(entity, world) or (subject in standing.parked and subject in links):
            continue
        match want(standing.tree, entity, world, unique(subject), there=is_there(links.get(subject), entity)):
            case Aside() as aside:
                asides.append(aside)
                if aside.reason is Reason.EXCLUDED:
                    leaving[subject] = f"out of scope: {aside.why}"
            case str() as why:
                leaving[subject] = why
            case one:
                if one.warnings:
                    warnings += one.warnings
                    warned.add(subject)
                whole = finished(entity, one, world, subject in links, normalise, standing.since.get(subject))
                if (wanted := but_for_drift(whole, standing.left.get(subject))) is not None:
                    desired[subject] = wanted
    _accounts_go_first(desired, leaving, links)
    # Whatever the sources say, and also where a record of theirs is parked; where the sources agree, their word stands.
    for subject, why in standing.offboarded.items():
        leaving.setdefault(subject, why)
        desired.pop(subject, None)
    if world.leavers.hold and _needs_holding(leaving, links):
        desired[HOLDING_UNIT] = _ours(HOLDING_UNIT, world, normalise, hidden)
    if JOINERS_UNIT in links or (world.joiners.ahead is not None and any(map(keeps_back, desired.values()))):
        desired[JOINERS_UNIT] = _ours(JOINERS_UNIT, world, normalise, hidden)
    return Wishes(
        desired=desired, leaving=leaving, asides=tuple(asides), warnings=tuple(warnings), warned=frozenset(warned)
    )


def _accounts_go_first(
    desired: dict[SubjectId, Desired], leaving: dict[SubjectId, str], links: Mapping[SubjectId, Link]
) -> None:
    """Let those leave who have an account and shall be external contacts."""
    for subject in [one.subject for one in desired.values() if becomes_contact(one, links.get(one.subject))]:
        del desired[subject]
        leaving[subject] = "becomes an external contact, once the account is gone"


def becomes_contact(wanted: Desired, link: Link | None) -> bool:
    """Tell whether somebody has an account and shall be an external contact: the account leaves as everybody's does."""
    if wanted.kind is not Kind.CONTACT or link is None:
        return False
    return link.kind is not Kind.CONTACT and link.state is not LinkState.REMOVED


def _made_up(
    subject: SubjectId,
    world: World,
    desired: dict[SubjectId, Desired],
    leaving: dict[SubjectId, str],
    normalise: Callable[[Kind, Values], Values],
) -> None:
    """Note what becomes of a role that no source knows, but the rules."""
    if (role := world.outbound.roles.get(subject)) is not None:
        desired[subject] = replace(role, fields=normalise(role.kind, role.fields))
    else:
        leaving[subject] = "no longer in the rules"


def passed_over(entity: Entity, world: World) -> bool:
    """Tell whether nothing becomes of an entity: a group, where the rules make no roles of groups."""
    return entity.kind is Kind.GROUP and not world.outbound.fills(Kind.GROUP)


def want(
    tree: OrgTree, entity: Entity, world: World, unique: Callable[[str, Iterator[str]], str], *, there: bool = True
) -> Desired | Aside | str:
    """Return what the target shall hold of somebody, why they are left aside, or in words why they leave.

    Whether the account is `there`, and not a leaver's, decides what becomes of somebody whose first day is far away."""
    if entity.kind is Kind.PERSON and has_left(entity.facts, world.now(), world.leavers.timezone):
        return f"the last working day was {entity.facts['endDate']}"
    wanted = world.outbound.map(entity, around(tree, entity, unique))
    if isinstance(wanted, Desired) and not wanted.active:
        return "inactive in " + _source_of(entity, "active")
    placed = apart(entity, wanted, tree.entities)
    terms = world.joiners
    return waiting(entity, placed, at=world.now(), ahead=terms.ahead, there=there, otherwise=world.leavers.timezone)


def is_there(link: Link | None, person: Entity) -> bool:
    """Tell whether somebody has an account that is not a leaver's; an outsider may have an external contact instead."""
    if link is None or link.state not in (LinkState.LINKED, LinkState.PENDING):
        return False
    return link.kind is not Kind.CONTACT or is_outsider(person.facts)


def finished(
    entity: Entity,
    one: Desired,
    world: World,
    linked: bool,
    normalise: Callable[[Kind, Values], Values],
    since: datetime | None,
) -> Desired:
    """Return a desire in the target's own words."""
    fields = _rooted(entity, one.fields, world) if linked else one.fields
    return Desired(
        subject=one.subject,
        kind=one.kind,
        label=one.label,
        fields=normalise(one.kind, fields),
        active=one.active,
        rules=one.rules,
        since=since,
        warnings=one.warnings,
    )


def but_for_drift(one: Desired, left: Mapping[str, bytes] | None) -> Desired | None:
    """Return a desire without what somebody changed by hand and is left alone: until the source says something else than then.

    None where the whole object was deleted by hand, and is not to be made anew."""
    if not left:
        return one
    if "" in left:
        return None
    kept = {name: value for name, value in one.fields.items() if name not in left or digest(value) != left[name]}
    return replace(one, fields=kept)


def _rooted(entity: Entity, fields: Values, world: World) -> Values:
    """Let a unit without a parent stand below the root: it may have been moved there. A parent that nobody knows is kept."""
    if entity.kind is not Kind.UNIT or fields.get("parent") or "parent" in entity.unresolved:
        return fields
    return {**fields, "parent": ROOT_UNIT} if "parent" in world.outbound.fills(Kind.UNIT) else fields


def _source_of(entity: Entity, name: str) -> str:
    origin = entity.origins.get(name)
    return origin.source if origin is not None else "its source"


def _needs_holding(leaving: Mapping[SubjectId, str], links: Mapping[SubjectId, Link]) -> bool:
    """The holding department is made for the first leaver and stays while somebody waits in it."""
    return HOLDING_UNIT in links or any(
        (link := links.get(subject)) is not None and link.kind is Kind.PERSON and link.state is not LinkState.REMOVED
        for subject in leaving
    )


def _ours(unit: SubjectId, world: World, normalise: Callable[[Kind, Values], Values], hidden: Values) -> Desired:
    name = world.own_units[unit]
    fields = {"name": name, "parent": ROOT_UNIT, **hidden}
    return Desired(subject=unit, kind=Kind.UNIT, label=name, fields=normalise(Kind.UNIT, fields))
