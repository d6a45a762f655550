"""A plan in the making: who exists, who is recognised, who will be made, and what makes each as it is desired.

Used by `syncd.core.plan` alone. It never lets anybody go; that is `syncd.core.departures`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from syncd.core.ahead import first_day
from syncd.core.difference import NAMED_ABSENT, Names, compare, fields_where, references, refers
from syncd.core.errors import Problem, message
from syncd.core.fields import FieldSpec
from syncd.core.membership import with_members, with_those_present
from syncd.core.model import (
    HOLDING_UNIT,
    JOINERS_UNIT,
    ROOT_UNIT,
    Aside,
    Change,
    Desired,
    FieldChange,
    Kind,
    Lane,
    Link,
    LinkState,
    Observed,
    Op,
    Reason,
    SubjectId,
    TargetId,
)
from syncd.core.ordering import RANK_CONTACTS, RANK_HEIRS, RANK_LINKS, RANK_PEOPLE, RANK_ROLES, depths, effects, lane
from syncd.core.recognition import Free
from syncd.core.succession import MANAGER_LEAVES, handed_over
from syncd.core.terms import Terms
from syncd.core.values import is_empty

_OURS: Final = {
    HOLDING_UNIT: "leavers wait in it until their grace is over",
    JOINERS_UNIT: "joiners wait in it for their first day",
}
MANAGER_ABSENT: Final = message(
    "PLN-001",
    what="{label}: the manager is not in the target yet.",
    do="Nothing to do: the link is set in the first cycle after the manager appears.",
    example="A report's manager is out of scope, parked, or starts later.",
)
IMMUTABLE: Final = message(
    "PLN-002",
    what="{label}: {field} differs, and the target does not allow it to change.",
    do="Keep the value that the target has, or remove and create the account by hand.",
    example="The employee number from which the userid was made has changed.",
)
ADOPT_AMBIGUOUS: Final = message(
    "PLN-003",
    what="{label}: {field} matches more than one account of the target ({others}).",
    do="Look at them with `syncd links`, and bind the right one with `syncd links bind`.",
    example="Two DingTalk accounts carry the same job number.",
)


class Draft:
    """A plan in the making."""

    def __init__(self, observed: Iterable[Observed], links: Mapping[SubjectId, Link], terms: Terms) -> None:
        self.terms = terms
        self.links = links
        self.seen: dict[tuple[Kind, TargetId], Observed] = {(item.kind, item.target_id): item for item in observed}
        alive = {subject: link for subject, link in links.items() if link.state is not LinkState.REMOVED}
        ids: dict[Kind, dict[TargetId, SubjectId]] = defaultdict(dict)
        for subject, link in alive.items():
            ids[link.kind][link.target_id] = subject
        self.names = Names(ids, root=terms.root)
        self.linked = {(link.kind, link.target_id) for link in alive.values()}
        self._fixed = fields_where(terms.fields, lambda spec: spec.immutable)
        self.of_members = fields_where(terms.fields, lambda spec: spec.of_members)
        self.of_present = fields_where(terms.fields, lambda spec: spec.only_present)
        self._referring = {kind: frozenset(names) for kind, names in fields_where(terms.fields, refers).items()}
        self.changes: list[Change] = []
        self.asides: list[Aside] = []
        self.warnings: list[Problem] = []
        self.warned: set[SubjectId] = set()
        self.hidden: Counter[str] = Counter()
        self.wanted: Mapping[SubjectId, Desired] = {}
        self.leaving: Collection[SubjectId] = ()
        self.unclear: set[SubjectId] = set()
        """Who could be several accounts, or shares one with somebody else: not guessed."""
        self._missing: frozenset[SubjectId] = frozenset()
        """Of those who are wanted: who has no object, and shall have one of their own."""
        self.adopted: dict[SubjectId, Observed] = {}
        self.depth: dict[SubjectId, int] = {}
        self._order: dict[SubjectId, int] = {}

    # -- what will be there ------------------------------------------------------------------------------------------

    def expect(self, wanted: Mapping[SubjectId, Desired], leaving: Collection[SubjectId]) -> None:
        """Find out, before any change is written down, which objects exist, are adopted, or will be made."""
        self.wanted, self.leaving = wanted, {*leaving, *self.terms.leaving} if self.terms.leaving else leaving
        free = Free(item for key, item in self.seen.items() if key not in self.linked)
        people = {subject: item for subject, item in wanted.items() if item.kind is Kind.PERSON}
        units_wanted = {subject: item for subject, item in wanted.items() if item.kind is Kind.UNIT}
        self.depth = {**depths(units_wanted, "parent"), **self.terms.depth}
        # Not put together with the terms' own: of a part of a plan those are everybody.
        self._order = {} if people.keys() <= self.terms.order.keys() else depths(people, "manager")
        missing = [
            item for item in wanted.values() if self.object_of(item.subject) is None and not self._waiting(item.subject)
        ]
        # Who was a contact gets an account of their own: recognised by a number alone it could be anybody's.
        new = [one for one in missing if not self._is_linked(one.subject) and self.replaced(one.subject) is None]
        found = self._recognise([item for item in new if item.kind is not Kind.UNIT], free)
        for subject, seen in found.items():
            self._adopt(subject, seen)
        # Departments from the top: one is found below the department that its parent was found to be.
        units = (item for item in new if item.kind is Kind.UNIT)
        for item in sorted(units, key=lambda item: (self.depth.get(item.subject, 0), item.subject)):
            for subject, seen in self._recognise([item], free).items():
                self._adopt(subject, seen)
        self._missing = frozenset({item.subject for item in missing} - self.adopted.keys() - self.unclear)

    def _adopt(self, subject: SubjectId, seen: Observed) -> None:
        self.adopted[subject] = seen
        self.names.add(seen.kind, seen.target_id, subject)

    def object_of(self, subject: SubjectId) -> Observed | None:
        """Return the object that a subject is linked to, if the target shows it."""
        link = self.links.get(subject)
        if link is None or link.state is LinkState.REMOVED or self.replaced(subject) is not None:
            return None
        return self.seen.get((link.kind, link.target_id))

    def replaced(self, subject: SubjectId) -> Link | None:
        """Return the link of the contact whose place somebody's account is to take."""
        link, wanted = self.links.get(subject), self.wanted.get(subject)
        if link is None or link.kind is not Kind.CONTACT or link.state is LinkState.REMOVED:
            return None
        return link if wanted is not None and wanted.kind is not Kind.CONTACT else None

    def makes(self, subject: SubjectId) -> bool:
        """Tell whether an object is made for a subject by this plan, or by another part of it."""
        return subject in self._missing or (subject in self.terms.making and subject not in self.wanted)

    def _is_linked(self, subject: SubjectId) -> bool:
        link = self.links.get(subject)
        return link is not None and link.state is not LinkState.REMOVED and self.replaced(subject) is None

    def _waiting(self, subject: SubjectId) -> bool:
        link = self.links.get(subject)
        return link is not None and link.state is LinkState.PENDING

    def _recognise(self, items: Iterable[Desired], free: Free) -> dict[SubjectId, Observed]:
        """Return who is which object that is there already, by the surest field first. Nobody is guessed: neither one of
        several objects, nor one of several people who could be the same object."""
        found: dict[SubjectId, Observed] = {}
        if not free:
            return found
        open_ = sorted(items, key=lambda item: item.subject)
        kinds = {item.kind for item in open_}
        unclear: dict[SubjectId, Problem] = {}
        for name in dict.fromkeys(name for kind in sorted(kinds) for name in self.terms.adopt.get(kind, ())):
            match = {item.subject: self._candidates(item, name, free) for item in open_}
            claims = Counter(one.target_id for some in match.values() for one in some)
            for item in open_:
                some = match[item.subject]
                if len(some) == 1 and claims[some[0].target_id] == 1:
                    free.take(some[0])
                    found[item.subject] = some[0]
                elif some:
                    others = ", ".join(sorted(f"{one.label} ({one.target_id})" for one in some))
                    unclear.setdefault(item.subject, ADOPT_AMBIGUOUS.at(label=item.label, field=name, others=others))
            open_ = [item for item in open_ if item.subject not in found]
        self.unclear |= unclear.keys() - found.keys()
        for subject, problem in unclear.items():
            if subject not in found:
                self.warn(subject, problem)
        return found

    def _candidates(self, item: Desired, name: str, free: Free) -> list[Observed]:
        if name not in self.terms.adopt.get(item.kind, ()):
            return []
        value = self.terms.mark(item.subject) if name == "mark" else item.fields.get(name)
        if is_empty(value):
            return []
        parent = self._parent_id(item) if item.kind is Kind.UNIT and name == "name" else None
        return free.find(item.kind, name, value, parent)

    def _parent_id(self, item: Desired) -> str:
        parent = SubjectId(str(item.fields.get("parent") or ROOT_UNIT))
        if parent == ROOT_UNIT:
            return self.terms.root
        known = self.object_of(parent) or self.adopted.get(parent)
        return known.target_id if known is not None else "?"

    def _will_be(self, subject: SubjectId) -> bool:
        return not self._is_contact(subject) and self._has_place(subject)

    def _is_contact(self, subject: SubjectId) -> bool:
        """Tell whether somebody is, or will be, no account: nobody's manager, follower or neighbour for the target."""
        wanted, link = self.wanted.get(subject), self.links.get(subject)
        if wanted is not None:
            return wanted.kind is Kind.CONTACT
        return link is not None and link.kind is Kind.CONTACT and link.state is not LinkState.REMOVED

    def _has_place(self, subject: SubjectId) -> bool:
        return subject == ROOT_UNIT or self._is_coming(subject) or self._is_linked(subject)

    # -- what to do --------------------------------------------------------------------------------------------------

    def want(self, item: Desired) -> None:
        """Write down what makes one subject as it is desired."""
        specs = self.terms.fields[item.kind]
        seen = self.object_of(item.subject) or self.adopted.get(item.subject)
        if self._waiting(item.subject) and seen is None:
            self.put_aside(Reason.PARKED, item, "the platform waits for the person to accept the invitation")
            return
        if seen is not None and self.guarded(seen):
            self.put_aside(Reason.PROTECTED, item, "a protected account is never touched")
            return
        if seen is None and self._is_linked(item.subject) and not self.terms.complete:
            self.put_aside(Reason.UNPROVEN, item, "the target does not show it, and the target was not read completely")
            return
        if item.subject in self.unclear:
            self.put_aside(Reason.AMBIGUOUS, item, "it cannot be told which account of the target this is")
            return
        self._name_leavers(item)
        item = with_those_present(self, with_members(self, item))
        fields = self._writable(item, compare(item, seen, specs, self.names), specs)
        if seen is not None:
            self.hidden.update(name for name in item.fields if name in seen.unreadable)
            self._immutable(item, seen)
        handed = handed_over(fields, self.links, self.leaving)
        now, later = self._split(
            item, tuple([one for one in fields if one not in handed]), specs, there=seen is not None
        )
        if seen is None:
            self._create(item, now)
        else:
            self._bring(item, seen, now)
        if later:
            target_id = seen.target_id if seen is not None else None
            self._add(item, Op.LINK, later, target_id=target_id, reason="refers to others, who come first")
        if handed and seen is not None:
            self._add(item, Op.LINK, handed, target_id=seen.target_id, reason="the manager leaves")

    def _bring(self, item: Desired, seen: Observed, fields: tuple[FieldChange, ...]) -> None:
        """Write down what brings an object that is there into line; what people sign in with is a change of its own."""
        specs = self.terms.fields[item.kind]
        login = tuple(change for change in fields if specs[change.name].signs_in)
        rest = tuple(change for change in fields if change not in login)
        at = seen.target_id
        if item.subject in self.adopted:
            self._add(item, Op.ADOPT, rest, target_id=at, reason="recognised as an account that is there already")
        elif rest:
            back = self.links[item.subject].state is LinkState.OFFBOARDED
            reason = "came back" if back else first_day(rest) or "differs from the source"
            self._add(item, Op.UPDATE, rest, target_id=at, reason=reason)
        if login:
            self._add(item, Op.LOGIN, login, target_id=at, reason="signs in with something else")

    def guarded(self, seen: Observed) -> bool:
        return seen.protected or self.terms.protected(seen)

    def warn(self, subject: SubjectId, problem: Problem) -> None:
        """Say something about a subject that hinders nothing."""
        self.warnings.append(problem)
        self.warned.add(subject)

    def put_aside(self, reason: Reason, item: Desired, why: str) -> None:
        self.asides.append(Aside(reason=reason, kind=item.kind, name=item.subject, label=item.label, why=why))

    def _create(self, item: Desired, fields: tuple[FieldChange, ...]) -> None:
        if (contact := self.replaced(item.subject)) is not None:
            reason = "was an external contact, which goes when the account stands"
            self._add(item, Op.CREATE, fields, target_id=contact.target_id, reason=reason)
            return
        link = self.links.get(item.subject)
        reason = _OURS.get(item.subject) or first_day(fields) or "new in the source"
        if link is not None and link.state is LinkState.REMOVED:
            reason = "came back after having been removed"
        elif link is not None:
            reason = "somebody removed it from the target"
        self._add(item, Op.CREATE, fields, target_id=None, reason=reason)

    def _immutable(self, item: Desired, seen: Observed) -> None:
        link = self.links.get(item.subject)
        if item.subject in self.adopted or (link is not None and link.adopted):
            return  # an account that was there before us keeps the id it had
        for name in self._fixed[item.kind]:
            value, held = item.fields.get(name), seen.fields.get(name)
            if value != held and not is_empty(held) and not is_empty(value):
                self.warn(item.subject, IMMUTABLE.at(label=item.label, field=name))

    def _writable(
        self, item: Desired, fields: tuple[FieldChange, ...], specs: Mapping[str, FieldSpec]
    ) -> tuple[FieldChange, ...]:
        """Leave out references to subjects that are not and will not be in the target."""
        kept: list[FieldChange] = []
        referring = self._referring[item.kind]
        for change in fields:
            spec = specs[change.name]
            named = references(change.after, spec) if change.name in referring else ()
            absent = [subject for subject in named if not self._will_be(subject)] if named else ()
            if not absent:
                kept.append(change)
            elif spec.late:
                told = MANAGER_ABSENT if change.name in ("manager", "managers") else NAMED_ABSENT
                self.warn(item.subject, told.at(label=item.label, field=change.name))
                rest = tuple(subject for subject in named if subject not in absent)
                if (rest or spec.only_present) and set(rest) != set(references(change.before, spec)):
                    kept.append(replace(change, after=rest))
            else:
                kept.append(change)
        return tuple(kept)

    def _name_leavers(self, item: Desired) -> None:
        """Say that somebody's manager leaves. The link stays until the source names another: it is the source's to say."""
        if self.leaving and (manager := item.fields.get("manager")) and manager in self.leaving:
            self.warn(item.subject, MANAGER_LEAVES.at(label=item.label))

    def _split(
        self, item: Desired, fields: tuple[FieldChange, ...], specs: Mapping[str, FieldSpec], *, there: bool
    ) -> tuple[tuple[FieldChange, ...], tuple[FieldChange, ...]]:
        """Part the fields into those that can be written at once and those that must wait for others. Who is not there yet is
        made without others who are late; who is there waits for them, or would be looked at again and again until they come."""
        before = (lambda one: not self.makes(one)) if there else self._comes_before(item)
        later = [
            change
            for change in fields
            if (spec := specs[change.name]).late
            and item.kind is not Kind.CONTACT  # made when everybody else is
            and (item.kind is Kind.UNIT or not all(map(before, references(change.after, spec))))
        ]
        return (tuple([change for change in fields if change not in later]), tuple(later)) if later else (fields, ())

    def _comes_before(self, item: Desired) -> Callable[[SubjectId], bool]:
        own = self._steps(item.subject)
        return lambda subject: not self.makes(subject) or self._steps(subject) < own

    def _steps(self, person: SubjectId) -> int:
        """Return how many managers somebody has above."""
        known = self.terms.order.get(person)
        return self._order.get(person, 0) if known is None else known

    def _add(
        self, item: Desired, op: Op, fields: tuple[FieldChange, ...], *, target_id: TargetId | None, reason: str
    ) -> None:
        hard, soft = self._others(item, op, fields)
        self.changes.append(
            Change(
                op=op,
                subject=item.subject,
                kind=item.kind,
                label=item.label,
                reason=reason,
                effects=effects(item.kind, op, fields, self.terms.fields[item.kind]),
                # Leavers wait for the department in which they wait: it goes as first as they do.
                lane=Lane.LEAVER if item.subject == HOLDING_UNIT else lane(item.kind, op, fields),
                rank=self._rank(item, op, fields),
                target_id=target_id,
                fields=fields,
                needs=tuple(sorted(hard - {item.subject})),
                after=tuple(sorted(soft - {item.subject})),
                since=item.since,
            )
        )

    def _others(self, item: Desired, op: Op, fields: tuple[FieldChange, ...]) -> tuple[set[SubjectId], set[SubjectId]]:
        """Return whom a change must wait for, and whom it should let go first."""
        specs = self.terms.fields[item.kind]
        referring = self._referring[item.kind]
        naming = [change for change in fields if change.name in referring]
        named = {change.name: set(references(change.after, specs[change.name])) for change in naming}
        late = {subject for name, some in named.items() if specs[name].late for subject in some}
        soft = set[SubjectId]() if op is Op.LINK else late
        coming = {subject for some in named.values() for subject in some if self._is_coming(subject)}
        hard = coming - soft
        hard |= {SubjectId(str(change.before)) for change in handed_over(fields, self.links, self.leaving)}
        if op is Op.LINK and item.kind is Kind.UNIT:
            # Managers must be members first (DingTalk: 60068), and their own changes make them so.
            hard |= {subject for subject in late if subject in self.wanted}
        return hard, coming & soft

    def _is_coming(self, subject: SubjectId) -> bool:
        return self.makes(subject) or subject in self.adopted

    def _rank(self, item: Desired, op: Op, fields: tuple[FieldChange, ...]) -> int:
        if op in (Op.LINK, Op.LOGIN):
            return RANK_HEIRS if handed_over(fields, self.links, self.leaving) else RANK_LINKS
        if item.kind is Kind.UNIT:
            return self.depth.get(item.subject, 0)
        if item.kind is Kind.GROUP:
            return RANK_ROLES
        if item.kind is Kind.CONTACT:
            return RANK_CONTACTS
        return RANK_PEOPLE + min(self._steps(item.subject), RANK_LINKS - RANK_PEOPLE - 1)
