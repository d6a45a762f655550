"""Who is told that somebody will work for them, before the first day: decided and kept in one transaction. It sends nothing.

From what is stored, as the calendar is: no source is read, no target asked. The manager whom the joiner will have is told; where
that one has left, has not begun or has no account, the next one above; where nobody above is left, whoever leads the department.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from syncd.core.calendar import begins_at, zone_of
from syncd.core.model import Entity, Kind, LinkState, SubjectId, TargetId
from syncd.core.orgtree import OrgTree
from syncd.core.welcome import Addressee, Decision, Fate, News, Telling, Word, coming, ended, key_of, off, out_of_reach
from syncd.engine import trust
from syncd.engine.handing import leaves
from syncd.engine.leaving import why_leaving
from syncd.engine.part import Part, gather
from syncd.engine.staging import texts_of
from syncd.engine.tree import Standing, stand
from syncd.engine.welcome_wording import letter

if TYPE_CHECKING:
    from syncd.engine.world import World
    from syncd.store import Transaction

_ABROAD: Final = timedelta(days=1)
"""A day begins up to 14 hours earlier, and up to 12 hours later, than in UTC."""
_PORTION: Final = 500
"""So many people, and those above them, are in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is known of some people and of those above them."""

    part: Part
    standing: Standing

    @property
    def tree(self) -> OrgTree:
        return self.standing.tree


def decide(tx: Transaction, world: World) -> tuple[Word, ...]:
    """Decide what is to be said now, and keep it; returns what is new. Nothing, while nothing may be said."""
    terms, now = world.joiners, world.now()
    if terms.tell is None or not may_speak(tx, world):
        return ()
    last = (now + terms.tell + _ABROAD).date()
    concerned = sorted(tx.records.dated(("hireDate",), since=(now - _ABROAD).date(), until=last) | tx.words.ahead(now))
    made: list[Word] = []
    for start in range(0, len(concerned), _PORTION):
        made += _decide_some(tx, world, concerned[start : start + _PORTION])
    return tuple(made)


def may_speak(tx: Transaction, world: World) -> bool:
    """Tell whether anything may be said: not while the state or the clock is in doubt, and not by rules that nobody has accepted.
    Neither would anything be written then."""
    if world.guard.plan_only_first and tx.meta.get(trust.ACCEPTED_CONFIG) != world.config_digest.hex():
        return False
    return trust.doubt(tx, world) is None


def _decide_some(tx: Transaction, world: World, subjects: Sequence[SubjectId]) -> Iterator[Word]:
    part = gather(tx, world, subjects)
    view = View(part=part, standing=stand(world, part))
    said = tx.words.about(subjects)
    for subject in subjects:
        known = said.get(subject, [])
        decision = _decide_one(tx, world, view, subject, known)
        dropped = [ended(word, Fate.OVERTAKEN, at=world.now()) for word in decision.drop]
        fresh: list[Word] = []
        for telling in decision.say:
            fresh.append(_word(world, view, subject, telling, said=[*known, *fresh]))
        tx.words.keep([*dropped, *fresh])
        yield from fresh


def _decide_one(tx: Transaction, world: World, view: View, subject: SubjectId, said: Sequence[Word]) -> Decision:
    """Compare what is so of one joiner with what was said."""
    now, terms = world.now(), world.joiners
    entity = view.tree.entities.get(subject)
    if subject in view.standing.parked:
        return Decision()  # as they are, until their record can be read
    if why_leaving(world, view.standing, subject, entity):
        return off(said, now=now)
    begins = begins_at(entity.facts, world.leavers.timezone) if entity is not None else None
    if entity is None or begins is None or begins <= now:
        return Decision(drop=tuple(word for word in said if word.waits and word.begins_at > now))
    assert terms.tell is not None
    day = str(entity.facts["hireDate"])
    soon = begins - now <= terms.tell
    if not soon and not said:
        return Decision()
    return coming(said, addressees(tx, world, view, entity, without=out_of_reach(said, day)), day, soon=soon)


def _word(world: World, view: View, joiner: SubjectId, telling: Telling, *, said: Sequence[Word]) -> Word:
    """Return a word with what it says."""
    entity, now = view.tree.entities.get(joiner), world.now()
    day = telling.before or telling.day
    own = [word for word in said if word.to.subject == telling.to.subject and word.day == day]
    before = own[-1] if own else None
    known = {"name": before.label if before is not None else ""} if entity is None else _known(view.tree, entity)
    begins = begins_at(entity.facts, world.leavers.timezone) if entity is not None else None
    if telling.news is News.OFF or begins is None:
        begins = before.begins_at if before is not None else now
    told = letter(
        telling.news,
        day=telling.day,
        before=telling.before,
        known=known,
        say=world.joiners.say,
        language=world.joiners.language,
    )
    return Word(
        key=key_of(joiner, telling, said),
        joiner=joiner,
        label=known["name"],
        to=telling.to,
        news=telling.news,
        day=telling.day,
        begins_at=begins,
        title=told.title,
        text=told.text,
        decided_at=now,
        due_at=now,
    )


def _known(tree: OrgTree, joiner: Entity) -> dict[str, str]:
    """Return what may be said of a joiner, by the words of `joiners.say`."""
    units = [tree.entities[one].label for one in _units(joiner) if one in tree.entities]
    return {
        "name": joiner.label,
        "title": str(joiner.facts.get("title") or ""),
        "department": units[0] if units else "",
    }


# --- who is told ----------------------------------------------------------------------------------------------------


def addressees(
    tx: Transaction, world: World, view: View, joiner: Entity, *, without: frozenset[TargetId] = frozenset()
) -> tuple[Addressee, ...]:
    """Return who is told of a joiner: the first one above who can be, else whoever leads the department; nobody by an account
    of `without`."""
    above = _reachable(tx, world, view, tuple(_above(view.tree, joiner)), without)
    if above:
        return above[:1]
    units = tuple(_upward(view.tree, joiner))
    if not units:
        return ()
    part = gather(tx, world, {joiner.subject, *units})
    wide = View(part=part, standing=stand(world, part))
    for unit in units:
        entity = wide.tree.entities.get(unit)
        named = (SubjectId(text) for text in texts_of(entity.facts.get("managers"))) if entity is not None else ()
        leading = [wide.tree.entities[one] for one in named if one in wide.tree.entities and one != joiner.subject]
        if heads := _reachable(tx, world, wide, leading, without):
            return heads
    return ()


def _above(tree: OrgTree, joiner: Entity) -> Iterator[Entity]:
    """Yield everybody above somebody, the next one first; a circle is cut."""
    met = {joiner.subject}
    at = tree.entities.get(SubjectId(str(joiner.facts.get("manager"))))
    while at is not None and at.subject not in met:
        met.add(at.subject)
        yield at
        at = tree.entities.get(SubjectId(str(at.facts.get("manager"))))


def _units(person: Entity) -> list[SubjectId]:
    return [SubjectId(text) for text in texts_of(person.facts.get("units"))]


def _upward(tree: OrgTree, joiner: Entity) -> Iterator[SubjectId]:
    """Yield the departments of somebody, then those above the first of them."""
    own = _units(joiner)
    yield from own
    met = set(own)
    at = tree.entities.get(own[0]) if own else None
    while at is not None and (parent := SubjectId(str(at.facts.get("parent")))) not in met:
        met.add(parent)
        at = tree.entities.get(parent)
        if at is not None:
            yield parent


def _reachable(
    tx: Transaction, world: World, view: View, people: Sequence[Entity], without: frozenset[TargetId]
) -> tuple[Addressee, ...]:
    """Return those of some people who are there and have an account in sight, in their order."""
    links = tx.links.get_many(world.target_name, [one.subject for one in people])
    found: list[Addressee] = []
    for one in people:
        link = links.get(one.subject)
        if link is None or link.kind is not Kind.PERSON or link.state is not LinkState.LINKED:
            continue
        if link.target_id not in without and _is_there(world, view, one):
            found.append(Addressee(subject=one.subject, account=link.target_id, label=one.label))
    return tuple(found)


def _is_there(world: World, view: View, person: Entity) -> bool:
    """Tell whether somebody has begun and does not leave."""
    if person.subject in view.part.offboarded or person.subject in view.standing.parked:
        return False
    begins = begins_at(person.facts, world.leavers.timezone)
    return (begins is None or begins <= world.now()) and not leaves(view.tree, person, world)


# --- what is to come ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """When somebody is told of a joiner, and who; or who has been."""

    at: datetime | None
    """None where everybody has been told who is to be."""
    to: tuple[str, ...]
    """Labels; nobody's where nobody is above who has an account."""
    day: str
    timezone: str


def foreseen(tx: Transaction, world: World, view: View, subject: SubjectId, said: Sequence[Word]) -> Foreseen | None:
    """Return when and to whom it is said that somebody begins, as it would be decided now; None where nothing will be."""
    now, zone, entity = world.now(), world.leavers.timezone, view.tree.entities.get(subject)
    begins = begins_at(entity.facts, zone) if entity is not None and world.joiners.tell is not None else None
    if entity is None or begins is None or begins <= now or why_leaving(world, view.standing, subject, entity):
        return None
    assert world.joiners.tell is not None
    day = str(entity.facts["hireDate"])
    to = addressees(tx, world, view, entity, without=out_of_reach(said, day))
    decision = coming(said, to, day, soon=True)
    left = [word.to.label for word in said if word.waits and word not in decision.drop]
    left += [one.to.label for one in decision.say]
    at = now if any(word.heard or word.waits for word in said) else max(now, begins - world.joiners.tell)
    done = bool(to) and not left
    return Foreseen(
        at=None if done else at,
        to=tuple(one.label for one in to) if done else tuple(left),
        day=day,
        timezone=zone_of(entity.facts, zone).key,
    )
