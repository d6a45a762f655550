"""Who must go first because somebody else takes what they give up: a name among siblings, a place in the tree, a number.

A name that is passed around in a circle, or taken over from a unit that can only go later, is freed by a name for the time
being. An address that people pass around in a circle is freed by somebody who does without for a moment. What cannot be empty,
as the number that one signs in with, cannot be freed so: both changes are tried, refused and named. Nothing here decides what
is wanted; it orders, and adds the steps between.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from syncd.core.draft import Draft
from syncd.core.errors import Place
from syncd.core.model import ROOT_UNIT, Change, Effect, FieldChange, Kind, Op, SubjectId
from syncd.core.ordering import RANK_LEAVERS, RANK_LINKS, RANK_PEOPLE
from syncd.core.values import Value, is_empty

_MAKES: Final = frozenset({Op.CREATE, Op.ADOPT, Op.UPDATE})
_LONGEST: Final = 48
"""Characters of a name that are kept in a name for the time being: every target that we know holds 64."""
Key = tuple[SubjectId, Op]
Seat = tuple[str, str]
"""A parent and a name, as the platform compares them among siblings."""


def take_turns(draft: Draft) -> None:
    """Order the changes of a plan so that whoever gives something up comes before whoever takes it."""
    _units(draft)
    _people(draft)


# --- units: one name among siblings, no circle ----------------------------------------------------------------------


def _units(draft: Draft) -> None:
    making = {one.subject: one for one in draft.changes if one.kind is Kind.UNIT and one.op in _MAKES}
    placed = {subject: one for subject, one in making.items() if _says(one, "name") or _says(one, "parent")}
    if not placed:
        return
    holders = _holders(draft)
    below: dict[SubjectId, set[SubjectId]] = {}  # who must have moved before one can stand below them
    named: dict[SubjectId, SubjectId] = {}  # who holds the name that one takes
    going = {one.subject: one for one in draft.changes if one.kind is Kind.UNIT and one.op is Op.REMOVE}
    for subject, change in sorted(placed.items()):
        if _says(change, "parent"):
            below[subject] = {above for above in _above(draft, subject) if _moves(making.get(above))}
        holder = holders.get(_wish(draft, change))
        if holder is None or holder == subject:
            continue
        if holder in going and holder not in making:
            making[holder] = _aside_step(going[holder], _held_name(draft, holder))
            draft.changes.append(making[holder])
        named[subject] = holder
    while aside := _one_of_each_circle(below, named, making):
        for subject in aside:
            _step_aside(draft, making, subject, named.pop(subject))
    _in_turn(draft, making, _waits(below, named))


def _holders(draft: Draft) -> dict[Seat, SubjectId]:
    """Return who holds which name among siblings now; strangers by their ids."""
    found: dict[Seat, SubjectId] = {}
    for (kind, target_id), seen in draft.seen.items():
        if kind is Kind.UNIT:
            parent = draft.names.subject(Kind.UNIT, str(seen.fields.get("parent") or draft.terms.root))
            subject = SubjectId(draft.names.subject(Kind.UNIT, target_id))
            found[parent, _folded(seen.fields.get("name"))] = subject
    return found


def _folded(name: Value) -> str:
    return str(name or "").strip().casefold()


def _wish(draft: Draft, change: Change) -> Seat:
    wanted = draft.wanted[change.subject].fields
    seen = draft.object_of(change.subject) or draft.adopted.get(change.subject)
    held = seen.fields if seen is not None else {}
    parent = wanted.get("parent") or ROOT_UNIT
    if "parent" not in wanted and held.get("parent"):
        parent = draft.names.subject(Kind.UNIT, str(held["parent"]))
    return str(parent), _folded(wanted.get("name", held.get("name")))


def _held_name(draft: Draft, subject: SubjectId) -> str:
    seen = draft.object_of(subject)
    return str(seen.fields.get("name")) if seen is not None else subject


def _above(draft: Draft, subject: SubjectId) -> Iterator[SubjectId]:
    """Yield the units that are to be above one, the nearest first."""
    met = {subject}
    while (wanted := draft.wanted.get(subject)) is not None:
        subject = SubjectId(str(wanted.fields.get("parent") or ROOT_UNIT))
        if subject in met:
            return
        met.add(subject)
        yield subject


def _says(change: Change, name: str) -> bool:
    return any(item.name == name for item in change.fields)


def _moves(change: Change | None) -> bool:
    return change is not None and change.op is not Op.CREATE and _says(change, "parent")


def _for_now(name: str, subject: SubjectId) -> str:
    """Return a name that nobody else has: the one that is held, and a mark of the subject."""
    mark = hashlib.blake2b(subject.encode(), digest_size=3).hexdigest()
    return f"{name[:_LONGEST].strip()} ({mark})"


def _aside_step(going: Change, name: str) -> Change:
    """Return the change by which a unit that is to go gives up its name first."""
    field = FieldChange(name="name", before=name, after=_for_now(name, going.subject))
    return replace(
        going,
        op=Op.UPDATE,
        reason="goes, and another unit takes its name before it can",
        effects=(Effect.UNIT_UPDATE,),
        rank=0,
        fields=(field,),
        needs=(),
        after=(),
    )


def _step_aside(draft: Draft, making: dict[SubjectId, Change], subject: SubjectId, holder: SubjectId) -> None:
    """Let a unit take a name for the time being, and its own after `holder` gave it up, with what else has to wait."""
    change = making[subject]
    name = _held_name(draft, subject)
    wanted = next((item for item in change.fields if item.name == "name"), None)
    first = FieldChange(
        name="name", before=name, after=_for_now(name, subject), rule=wanted.rule if wanted else Place()
    )
    last = replace(first, before=first.after, after=wanted.after if wanted else name)
    others = (item for item in change.fields if item.name != "name")
    making[subject] = replace(change, fields=tuple(sorted((*others, first), key=lambda item: item.name)))
    _link(draft, change, last, holder=holder, reason="takes its name as soon as it is free")


def _link(draft: Draft, change: Change, last: FieldChange, *, holder: SubjectId, reason: str) -> None:
    """Let the subject of a change take a value when `holder` has given it up, with what else has to wait."""
    linked = next((one for one in draft.changes if one.subject == change.subject and one.op is Op.LINK), None)
    if linked is not None:
        draft.changes[draft.changes.index(linked)] = replace(
            linked,
            fields=tuple(sorted((*linked.fields, last), key=lambda item: item.name)),
            needs=tuple(sorted({*linked.needs, holder})),
        )
        return
    draft.changes.append(
        replace(
            change,
            op=Op.LINK,
            reason=reason,
            effects=(Effect.UNIT_UPDATE if change.kind is Kind.UNIT else Effect.UPDATE,),
            rank=RANK_LINKS,
            fields=(last,),
            needs=(holder,),
            after=(),
        )
    )


def _waits(
    below: Mapping[SubjectId, set[SubjectId]], named: Mapping[SubjectId, SubjectId]
) -> dict[SubjectId, set[SubjectId]]:
    return {one: below.get(one, set()) | ({named[one]} if one in named else set()) for one in {*below, *named}}


def _one_of_each_circle(
    below: Mapping[SubjectId, set[SubjectId]],
    named: Mapping[SubjectId, SubjectId],
    making: Mapping[SubjectId, Change],
) -> set[SubjectId]:
    """Return units of circles of waiting that wait for a name, and can go on once they take another for the time being.

    The wanted tree has no circle, so in each circle of waiting somebody waits for a name. A place is never taken early:
    a unit that went below one that has yet to leave it would be refused.
    """
    waits = _waits(below, named)
    done: set[SubjectId] = set()
    found: set[SubjectId] = set()
    for start in sorted(waits):
        stack: list[tuple[SubjectId, Iterator[SubjectId]]] = [(start, iter(sorted(waits[start])))]
        trail = {start: 0}
        while stack:
            at, ahead = stack[-1]
            after = next((one for one in ahead if one in making and one not in done), None)
            if after is None:
                stack.pop()
                trail.pop(at, None)
                done.add(at)
            elif after in trail:
                circle = [one for one, _ in stack[trail[after] :]]
                if found.isdisjoint(circle):
                    pairs = zip(circle, [*circle[1:], after], strict=True)
                    found |= set(sorted(one for one, other in pairs if _could_wait(making[one], named, other))[:1])
            else:
                trail[after] = len(stack)
                stack.append((after, iter(sorted(waits.get(after, ())))))
    return found


def _could_wait(change: Change, named: Mapping[SubjectId, SubjectId], other: SubjectId) -> bool:
    return named.get(change.subject) == other and change.op is not Op.CREATE


def _in_turn(draft: Draft, making: Mapping[SubjectId, Change], waits: Mapping[SubjectId, set[SubjectId]]) -> None:
    """Give those who wait a later rank than those whom they wait for, and the parents' ranks to nobody below them."""
    rank = {subject: change.rank for subject, change in making.items()}
    for _ in range(len(making)):
        moved = False
        for subject, change in making.items():
            ahead = (waits.get(subject, set()) | set(change.needs)) - {subject}
            least = max((rank[one] + 1 for one in ahead if one in rank), default=0)
            if least > rank[subject]:
                rank[subject], moved = min(least, RANK_PEOPLE - 2), least < RANK_PEOPLE - 1
        if not moved:
            break
    changed = {
        (subject, change.op): replace(
            change,
            rank=rank[subject],
            needs=tuple(sorted({*change.needs, *(one for one in waits.get(subject, ()) if one in making)})),
            after=tuple(sorted({*change.after, *(one for one in waits.get(subject, ()) if one not in making)})),
        )
        for subject, change in making.items()
    }
    draft.changes = [changed.get((one.subject, one.op), one) if one.kind is Kind.UNIT else one for one in draft.changes]


# --- people: one holder for each number -----------------------------------------------------------------------------


def _people(draft: Draft) -> None:
    """Let whoever takes a unique value come after whoever gives it up; keep in mind who holds it where nobody does."""
    if not any(kind is Kind.PERSON for kind, _ in draft.seen):
        return  # nobody holds anything that another could take
    specs = draft.terms.fields[Kind.PERSON]
    takers: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in draft.changes:
        if change.kind is Kind.PERSON:
            for item in change.fields:
                if item.name in specs and specs[item.name].unique and not is_empty(item.after):
                    takers[item.name, _folded(item.after)].append(change)
    if not takers:
        return
    takes = _takes(draft, takers)
    for key, name in sorted((key, name) for key, some in takes.items() for name in some):
        one = takes[key][name]
        if specs[name].clearable and any(_waits_for(giver, key, takes) for giver in one.givers):
            _do_without(draft, key, name, one.holder)
            del takes[key][name]
    after = {key: {one.holder for one in some.values()} for key, some in takes.items()}
    ahead = {key: [giver for one in some.values() for giver in one.givers] for key, some in takes.items()}
    # Who would wait for each other are tried, refused and named; who only takes waits until it has been given.
    needs = {
        key: {subject for subject, _ in givers}
        for key, givers in ahead.items()
        if not any(_waits_for(giver, key, takes) for giver in givers)
    }
    ranks = _ranks(draft, ahead)
    draft.changes = [_in_line(one, needs, after, ranks) if one.kind is Kind.PERSON else one for one in draft.changes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Take:
    """Whose value somebody takes."""

    holder: SubjectId
    givers: tuple[Key, ...]
    """The changes by which the holder gives it up."""


Takes = Mapping[Key, dict[str, _Take]]
"""By change and field."""


def _takes(draft: Draft, takers: Mapping[tuple[str, str], Sequence[Change]]) -> Takes:
    gives = _givers(draft)
    holder_of = dict(_held_by(draft, takers.keys()))
    found: dict[Key, dict[str, _Take]] = defaultdict(dict)
    for value, changes in takers.items():
        holder = holder_of.get(value)
        for change in changes:
            if holder is not None and holder != change.subject:
                givers = tuple((one.subject, one.op) for one in gives.get((holder, value[0]), ()))
                found[change.subject, change.op][value[0]] = _Take(holder=holder, givers=givers)
    return found


def _waits_for(one: Key, other: Key, takes: Takes) -> bool:
    """Tell whether a change waits for another one, or is it."""
    met, ahead = {one}, [one]
    while ahead:
        at = ahead.pop()
        if at == other:
            return True
        fresh = {giver for take in takes.get(at, {}).values() for giver in take.givers} - met
        met |= fresh
        ahead += fresh
    return False


def _do_without(draft: Draft, key: Key, name: str, holder: SubjectId) -> None:
    """Let somebody give up a value at once, and take the new one when `holder` has given that up."""
    place = next(at for at, one in enumerate(draft.changes) if (one.subject, one.op) == key)
    change = draft.changes[place]
    wanted = next(item for item in change.fields if item.name == name)
    given = () if is_empty(wanted.before) else (replace(wanted, after=None),)
    rest = (item for item in change.fields if item is not wanted)
    draft.changes[place] = replace(change, fields=tuple(sorted((*rest, *given), key=lambda item: item.name)))
    last = replace(wanted, before=None)
    _link(draft, change, last, holder=holder, reason="takes what another one gives up as soon as it is free")


def _givers(draft: Draft) -> dict[tuple[SubjectId, str], list[Change]]:
    """Return the changes by which somebody gives up the value of a unique field."""
    specs = draft.terms.fields[Kind.PERSON]
    unique = [name for name, spec in specs.items() if spec.unique]
    found: dict[tuple[SubjectId, str], list[Change]] = defaultdict(list)
    for change in draft.changes:
        if change.kind is Kind.PERSON and change.op is not Op.CREATE:
            names = unique if change.op is Op.REMOVE else [item.name for item in change.fields]
            for name in names:
                found[change.subject, name].append(change)
    return found


def _held_by(draft: Draft, values: Iterable[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], SubjectId]]:
    wanted: dict[str, set[str]] = defaultdict(set)
    for name, value in values:
        wanted[name].add(value)
    for (kind, target_id), seen in draft.seen.items():
        if kind is Kind.PERSON:
            for name, texts in wanted.items():
                held = _folded(target_id if name == "userid" else seen.fields.get(name))
                if held in texts:
                    yield (name, held), SubjectId(draft.names.subject(Kind.PERSON, target_id))


def _ranks(draft: Draft, ahead: Mapping[Key, Sequence[Key]]) -> dict[Key, int]:
    """Return the ranks by which givers come before takers. Removals come before everybody, and takers after changes."""
    rank = {(one.subject, one.op): one.rank for one in draft.changes if one.kind is Kind.PERSON}
    for givers in ahead.values():
        for giver in givers:
            if giver[1] is Op.REMOVE:
                rank[giver] = RANK_PEOPLE - 1
    for _ in range(len(ahead)):
        before = dict(rank)
        for taker, givers in ahead.items():
            least = max((rank[one] + 1 for one in givers), default=0)
            rank[taker] = max(rank[taker], min(least, RANK_LEAVERS - 1))
        if rank == before:
            break
    return rank


def _in_line(
    change: Change,
    needs: Mapping[Key, set[SubjectId]],
    after: Mapping[Key, set[SubjectId]],
    ranks: Mapping[Key, int],
) -> Change:
    key = (change.subject, change.op)
    hard = needs.get(key, set())
    soft = after.get(key, set()) - hard
    if not hard and not soft and ranks[key] == change.rank:
        return change
    return replace(
        change,
        rank=ranks[key],
        needs=tuple(sorted({*change.needs, *hard})),
        after=tuple(sorted({*change.after, *soft})),
    )


__all__ = ["take_turns"]
