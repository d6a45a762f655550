"""The plan: what to do, to whom, in which order. A pure function of what is desired, observed and linked.

Departments first and down the tree, then people, then links that had to wait, then leavers, then departments up the tree.
The same input gives the same plan, byte for byte. Only linked objects are changed; a protected one never is; nobody is taken
for gone unless `leaving` says so.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from syncd.core.difference import Names, compare, references, units_of
from syncd.core.errors import Problem, message
from syncd.core.model import (
    HOLDING_UNIT,
    ROOT_UNIT,
    Aside,
    Change,
    Desired,
    Effect,
    FieldChange,
    FieldSpec,
    Kind,
    Lane,
    Link,
    LinkState,
    Observed,
    Op,
    Plan,
    Reason,
    SubjectId,
    TargetId,
)
from syncd.core.values import Value, Values, canonical, instant, is_empty

RANK_PEOPLE: Final = 1_000
RANK_LINKS: Final = 5_000
RANK_LEAVERS: Final = 6_000
RANK_UNITS_UP: Final = 9_000

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
UNIT_NOT_OURS: Final = message(
    "PLN-004",
    what="The department {label} was there before syncd and is not removed by it.",
    do="Remove it by hand in the DingTalk console if nobody needs it, or leave it.",
    example="A department that was adopted disappears from Active Directory.",
)
HIDDEN: Final = message(
    "PLN-005",
    what="The field {field} cannot be read from the target, so it is neither compared nor changed for {count} objects.",
    do="Grant the application the permission for it, then run `syncd plan --fresh`.",
    example="The application lacks the permission to see mobile numbers.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything besides desire and observation that decides the plan."""

    fields: Mapping[Kind, Mapping[str, FieldSpec]]
    root: TargetId
    now: datetime
    adopt: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    """The fields by which an existing, unlinked object is recognised, the surest first; `mark` is our own key."""
    hold_leavers: bool = True
    """Put leavers into the holding unit first; False removes them at once."""
    grace: timedelta = timedelta(days=30)
    complete: bool = True
    """Whether the observation is certified: only then is a missing object really missing."""
    protected: Callable[[Observed], bool] = lambda _: False
    mark: Callable[[SubjectId], str] = str


def diff(
    desired: Iterable[Desired],
    observed: Iterable[Observed],
    links: Mapping[SubjectId, Link],
    *,
    leaving: Mapping[SubjectId, str],
    terms: Terms,
    aside: Sequence[Aside] = (),
    warnings: Sequence[Problem] = (),
) -> Plan:
    """Return the plan that makes the target equal to the desire.

    `leaving` maps subjects that are proven to be gone, or no longer wanted, to the reason in words. A subject that is linked
    but neither desired nor leaving is left as it is.
    """
    work = _Draft(observed, links, terms)
    wanted = {item.subject: item for item in desired}
    work.expect(wanted)
    for item in sorted(wanted.values(), key=lambda item: item.subject):
        work.want(item)
    for subject, reason in sorted(leaving.items()):
        if subject not in wanted:
            work.leave(subject, reason)
    return work.plan(aside, warnings)


def fingerprint(changes: Iterable[Change]) -> str:
    """Return the SHA-256 of what the changes do and why; equal changes in equal order have equal fingerprints."""
    sum_ = hashlib.sha256()
    for change in changes:
        sum_.update(canonical(_outline(change)))
        sum_.update(b"\n")
    return sum_.hexdigest()


def _outline(change: Change) -> Values:
    return {
        "op": change.op,
        "subject": change.subject,
        "target": change.target_id,
        "rank": change.rank,
        "fields": [[item.name, item.before, item.after] for item in change.fields],
    }


class _Draft:
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
        self.changes: list[Change] = []
        self.asides: list[Aside] = []
        self.warnings: list[Problem] = []
        self.hidden: Counter[str] = Counter()
        self.wanted: Mapping[SubjectId, Desired] = {}
        self.making: set[SubjectId] = set()
        self.adopted: dict[SubjectId, Observed] = {}
        self.depth: dict[SubjectId, int] = {}
        self.order: dict[SubjectId, int] = {}

    # -- what will be there ------------------------------------------------------------------------------------------

    def expect(self, wanted: Mapping[SubjectId, Desired]) -> None:
        """Find out, before any change is written down, which objects exist, are adopted, or will be made."""
        self.wanted = wanted
        free = _Free(item for key, item in self.seen.items() if key not in self.linked)
        self.depth = _depths(wanted, "parent")
        self.order = _depths({subject: item for subject, item in wanted.items() if item.kind is Kind.PERSON}, "manager")
        for item in sorted(
            wanted.values(), key=lambda item: (item.kind, self.depth.get(item.subject, 0), item.subject)
        ):
            if self.object_of(item.subject) is not None or self._waiting(item.subject):
                continue
            found = None if self._is_linked(item.subject) else self._recognise(item, free)
            if found is not None:
                self.adopted[item.subject] = found
                self.names.add(found.kind, found.target_id, item.subject)
            else:
                self.making.add(item.subject)

    def object_of(self, subject: SubjectId) -> Observed | None:
        """Return the object that a subject is linked to, if the target shows it."""
        link = self.links.get(subject)
        if link is None or link.state is LinkState.REMOVED:
            return None
        return self.seen.get((link.kind, link.target_id))

    def _is_linked(self, subject: SubjectId) -> bool:
        link = self.links.get(subject)
        return link is not None and link.state is not LinkState.REMOVED

    def _waiting(self, subject: SubjectId) -> bool:
        link = self.links.get(subject)
        return link is not None and link.state is LinkState.PENDING

    def _recognise(self, item: Desired, free: _Free) -> Observed | None:
        for name in self.terms.adopt.get(item.kind, ()):
            value = self.terms.mark(item.subject) if name == "mark" else item.fields.get(name)
            if is_empty(value):
                continue
            parent = self._parent_id(item) if item.kind is Kind.UNIT and name == "name" else None
            found = free.find(item.kind, name, value, parent)
            if len(found) == 1:
                free.take(found[0])
                return found[0]
            if found:
                others = ", ".join(sorted(f"{one.label} ({one.target_id})" for one in found))
                self.warnings.append(ADOPT_AMBIGUOUS.at(label=item.label, field=name, others=others))
        return None

    def _parent_id(self, item: Desired) -> str:
        parent = SubjectId(str(item.fields.get("parent") or ROOT_UNIT))
        if parent == ROOT_UNIT:
            return self.terms.root
        known = self.object_of(parent) or self.adopted.get(parent)
        return known.target_id if known is not None else "?"

    def _will_be(self, subject: SubjectId) -> bool:
        return subject == ROOT_UNIT or subject in self.making or subject in self.adopted or self._is_linked(subject)

    # -- what to do --------------------------------------------------------------------------------------------------

    def want(self, item: Desired) -> None:
        """Write down what makes one subject as it is desired."""
        specs = self.terms.fields[item.kind]
        seen = self.object_of(item.subject) or self.adopted.get(item.subject)
        if self._waiting(item.subject) and seen is None:
            self._put_aside(Reason.PARKED, item, "the platform waits for the person to accept the invitation")
            return
        if seen is not None and self.guarded(seen):
            self._put_aside(Reason.PROTECTED, item, "a protected account is never touched")
            return
        if seen is None and self._is_linked(item.subject) and not self.terms.complete:
            self._put_aside(
                Reason.UNPROVEN, item, "the target does not show it, and the target was not read completely"
            )
            return
        fields = self._writable(item, compare(item, seen, specs, self.names), specs)
        if seen is not None:
            self.hidden.update(name for name in item.fields if name in seen.unreadable)
            self._immutable(item, seen, specs)
        now, later = self._split(item, fields, specs)
        if seen is None:
            self._create(item, now)
        elif item.subject in self.adopted:
            self._add(
                item, Op.ADOPT, now, target_id=seen.target_id, reason="recognised as an account that is there already"
            )
        elif now:
            back = self.links[item.subject].state is LinkState.OFFBOARDED
            self._add(
                item,
                Op.UPDATE,
                now,
                target_id=seen.target_id,
                reason="came back" if back else "differs from the source",
            )
        if later:
            target_id = seen.target_id if seen is not None else None
            self._add(item, Op.LINK, later, target_id=target_id, reason="refers to others, who come first")

    def guarded(self, seen: Observed) -> bool:
        return seen.protected or self.terms.protected(seen)

    def _put_aside(self, reason: Reason, item: Desired, why: str) -> None:
        self.asides.append(Aside(reason=reason, kind=item.kind, name=item.subject, label=item.label, why=why))

    def _create(self, item: Desired, fields: tuple[FieldChange, ...]) -> None:
        link = self.links.get(item.subject)
        reason = "new in the source"
        if link is not None and link.state is LinkState.REMOVED:
            reason = "came back after having been removed"
        elif link is not None:
            reason = "somebody removed it from the target"
        self._add(item, Op.CREATE, fields, target_id=None, reason=reason)

    def _immutable(self, item: Desired, seen: Observed, specs: Mapping[str, FieldSpec]) -> None:
        for name, value in item.fields.items():
            spec = specs.get(name)
            held = seen.fields.get(name)
            link = self.links.get(item.subject)
            if item.subject in self.adopted or (link is not None and link.adopted):
                continue  # an account that was there before us keeps the id it had
            if spec is not None and spec.immutable and not is_empty(held) and not is_empty(value) and value != held:
                self.warnings.append(IMMUTABLE.at(label=item.label, field=name))

    def _writable(
        self, item: Desired, fields: tuple[FieldChange, ...], specs: Mapping[str, FieldSpec]
    ) -> tuple[FieldChange, ...]:
        """Leave out references to subjects that are not and will not be in the target."""
        kept: list[FieldChange] = []
        for change in fields:
            spec = specs[change.name]
            absent = [subject for subject in references(change.after, spec) if not self._will_be(subject)]
            if not absent:
                kept.append(change)
            elif spec.late:
                self.warnings.append(MANAGER_ABSENT.at(label=item.label))
                rest = tuple(subject for subject in references(change.after, spec) if subject not in absent)
                if rest and set(rest) != set(references(change.before, spec)):
                    kept.append(replace(change, after=rest))
            else:
                kept.append(change)
        return tuple(kept)

    def _split(
        self, item: Desired, fields: tuple[FieldChange, ...], specs: Mapping[str, FieldSpec]
    ) -> tuple[tuple[FieldChange, ...], tuple[FieldChange, ...]]:
        """Part the fields into those that can be written at once and those that must wait for others."""
        now: list[FieldChange] = []
        later: list[FieldChange] = []
        for change in fields:
            spec = specs[change.name]
            waits = spec.late and (
                item.kind is Kind.UNIT or not all(map(self._comes_before(item), references(change.after, spec)))
            )
            (later if waits else now).append(change)
        return tuple(now), tuple(later)

    def _comes_before(self, item: Desired) -> Callable[[SubjectId], bool]:
        own = self.order.get(item.subject, 0)
        return lambda subject: subject not in self.making or self.order.get(subject, 0) < own

    def _add(
        self, item: Desired, op: Op, fields: tuple[FieldChange, ...], *, target_id: TargetId | None, reason: str
    ) -> None:
        needed = {
            subject
            for change in fields
            for subject in references(change.after, self.terms.fields[item.kind][change.name])
        }
        late = {
            subject
            for change in fields
            if self.terms.fields[item.kind][change.name].late
            for subject in references(change.after, self.terms.fields[item.kind][change.name])
        }
        soft = late if op is not Op.LINK else set[SubjectId]()
        hard = {subject for subject in needed - soft if subject in self.making or subject in self.adopted}
        if op is Op.LINK and item.kind is Kind.UNIT:
            # Managers must be members first (DingTalk: 60068), and their own changes make them so.
            hard |= {subject for subject in late if subject in self.wanted}
        if item.kind is Kind.UNIT and op is not Op.LINK and not any(change.name == "parent" for change in fields):
            hard.discard(item.subject)
        self.changes.append(
            Change(
                op=op,
                subject=item.subject,
                kind=item.kind,
                label=item.label,
                reason=reason,
                effects=_effects(item.kind, op, fields, self.terms.fields[item.kind]),
                lane=_lane(item.kind, op, fields),
                rank=self._rank(item, op),
                target_id=target_id,
                fields=fields,
                needs=tuple(sorted(hard - {item.subject})),
                after=tuple(
                    sorted(
                        subject
                        for subject in soft
                        if subject in self.making | self.adopted.keys() and subject != item.subject
                    )
                ),
                since=item.since,
            )
        )

    def _rank(self, item: Desired, op: Op) -> int:
        if op is Op.LINK:
            return RANK_LINKS
        if item.kind is Kind.UNIT:
            return self.depth.get(item.subject, 0)
        return RANK_PEOPLE + min(self.order.get(item.subject, 0), RANK_LINKS - RANK_PEOPLE - 1)

    # -- who goes ----------------------------------------------------------------------------------------------------

    def leave(self, subject: SubjectId, reason: str) -> None:
        """Write down how a subject that is gone leaves the target: out of sight first, removed when the grace is over."""
        link = self.links.get(subject)
        if link is None or link.state is LinkState.REMOVED:
            return
        seen = self.object_of(subject)
        if seen is None and not self.terms.complete:
            return
        label = seen.label if seen is not None else subject
        gone = Desired(subject=subject, kind=link.kind, label=label, fields={}, active=False)
        if seen is not None and self.guarded(seen):
            self._put_aside(Reason.PROTECTED, gone, "a protected account is never touched")
        elif link.kind is Kind.UNIT:
            self._leave_unit(gone, link, seen, reason)
        elif self.terms.hold_leavers and link.state is not LinkState.OFFBOARDED and seen is not None:
            held: Value = ({"unit": HOLDING_UNIT},)
            wish = Desired(subject=subject, kind=link.kind, label=label, fields={"departments": held, "manager": None})
            fields = compare(wish, seen, self.terms.fields[link.kind], self.names)
            self._go(gone, Op.OFFBOARD, link, reason=reason, rank=RANK_LEAVERS, fields=fields)
        elif not self.terms.hold_leavers or seen is None or self.terms.now - link.since >= self.terms.grace:
            why = reason if not self.terms.hold_leavers or seen is None else f"{reason}; the grace period has ended"
            self._go(gone, Op.REMOVE, link, reason=why, rank=RANK_LEAVERS, fields=())

    def _leave_unit(self, gone: Desired, link: Link, seen: Observed | None, reason: str) -> None:
        if link.adopted:
            self.warnings.append(UNIT_NOT_OURS.at(label=gone.label))
            self._put_aside(Reason.PROTECTED, gone, "it was there before syncd")
            return
        depth = self._observed_depth(seen)
        self._go(gone, Op.REMOVE, link, reason=reason, rank=RANK_UNITS_UP + max(0, 900 - depth), fields=())

    def _observed_depth(self, seen: Observed | None) -> int:
        depth = 0
        while seen is not None and depth < 100:
            parent = seen.fields.get("parent")
            seen = self.seen.get((Kind.UNIT, TargetId(str(parent)))) if parent else None
            depth += 1
        return depth

    def _go(
        self, gone: Desired, op: Op, link: Link, *, reason: str, rank: int, fields: tuple[FieldChange, ...]
    ) -> None:
        person = gone.kind is Kind.PERSON
        self.changes.append(
            Change(
                op=op,
                subject=gone.subject,
                kind=gone.kind,
                label=gone.label,
                reason=reason,
                effects=(Effect.LEAVE if person else Effect.UNIT_REMOVE,),
                lane=Lane.LEAVER if person else Lane.REST,
                rank=rank,
                target_id=link.target_id,
                fields=fields,
                needs=(HOLDING_UNIT,) if op is Op.OFFBOARD and HOLDING_UNIT in self.making else (),
            )
        )

    # -- the whole ---------------------------------------------------------------------------------------------------

    def plan(self, aside: Sequence[Aside], warnings: Sequence[Problem]) -> Plan:
        """Order the changes and say what the numbers are that the guard judges by."""
        self._empty_units_last()
        ordered = tuple(sorted(self.changes, key=lambda change: (change.rank, change.subject, change.op)))
        people = [link for link in self.links.values() if link.state in (LinkState.LINKED, LinkState.PENDING)]
        population = Counter(str(link.kind) for link in people)
        hidden = [HIDDEN.at(field=name, count=count) for name, count in sorted(self.hidden.items())]
        known = len(self.linked & self.seen.keys()) + len(self.adopted)
        return Plan(
            fingerprint=fingerprint(ordered),
            changes=ordered,
            aside=(*aside, *self.asides),
            warnings=(*warnings, *self.warnings, *hidden),
            unmanaged=len(self.seen) - known,
            population=dict(sorted(population.items())),
            units=self._headcount(),
        )

    def _headcount(self) -> Mapping[SubjectId, int]:
        count: Counter[SubjectId] = Counter()
        for subject, link in self.links.items():
            if (
                link.kind is Kind.PERSON
                and link.state is LinkState.LINKED
                and (seen := self.object_of(subject)) is not None
            ):
                spec = self.terms.fields[Kind.PERSON].get("departments")
                units = (
                    units_of(self.names.translate("departments", seen.fields.get("departments"), spec)) if spec else ()
                )
                count.update(SubjectId(unit) for unit in units)
        return dict(sorted(count.items()))

    def _empty_units_last(self) -> None:
        """Let the removal of a unit wait for everybody in it, and for the units below it, whose changes are in this plan."""
        inside: dict[str, set[SubjectId]] = defaultdict(set)
        spec = self.terms.fields[Kind.PERSON].get("departments")
        going = {change.subject for change in self.changes if change.op is Op.REMOVE and change.kind is Kind.UNIT}
        if not going:
            return
        for change in self.changes:
            seen = self.object_of(change.subject)
            if seen is None or (change.op not in (Op.UPDATE, Op.OFFBOARD, Op.REMOVE)):
                continue
            if change.kind is Kind.PERSON and spec is not None:
                for unit in units_of(self.names.translate("departments", seen.fields.get("departments"), spec)):
                    inside[unit].add(change.subject)
            elif change.kind is Kind.UNIT and seen.fields.get("parent"):
                inside[self.names.subject(Kind.UNIT, str(seen.fields["parent"]))].add(change.subject)
        self.changes = [
            replace(change, needs=tuple(sorted({*change.needs, *inside[change.subject]} - {change.subject})))
            if change.subject in going and change.op is Op.REMOVE
            else change
            for change in self.changes
        ]


class _Free:
    """Objects of the target that nobody is linked to, findable by what they hold."""

    def __init__(self, objects: Iterable[Observed]) -> None:
        self._objects = list(objects)
        self._index: dict[tuple[Kind, str], dict[str, list[Observed]]] = {}
        self._taken: set[tuple[Kind, TargetId]] = set()

    def find(self, kind: Kind, name: str, value: Value, parent: str | None) -> list[Observed]:
        """Return the free objects whose field `name` holds `value`, below `parent` where one is given."""
        index = self._index.get((kind, name))
        if index is None:
            index = self._index[kind, name] = self._by(kind, name)
        return [
            item
            for item in index.get(str(value).strip().casefold(), ())
            if (item.kind, item.target_id) not in self._taken
            and (parent is None or str(item.fields.get("parent")) == parent)
        ]

    def take(self, item: Observed) -> None:
        self._taken.add((item.kind, item.target_id))

    def _by(self, kind: Kind, name: str) -> dict[str, list[Observed]]:
        found: dict[str, list[Observed]] = defaultdict(list)
        for item in self._objects:
            held = item.mark if name == "mark" else item.target_id if name == "userid" else item.fields.get(name)
            if item.kind is kind and not is_empty(held):
                found[str(held).strip().casefold()].append(item)
        return found


def _depths(wanted: Mapping[SubjectId, Desired], name: str) -> dict[SubjectId, int]:
    """Return how many steps each subject is below the top along reference `name`; a circle is cut where it is entered."""
    depth: dict[SubjectId, int] = {}
    for start in sorted(wanted):
        trail: list[SubjectId] = []
        on_trail: set[SubjectId] = set()
        at: SubjectId | None = start
        while at is not None and at in wanted and at not in depth and at not in on_trail:
            trail.append(at)
            on_trail.add(at)
            above = wanted[at].fields.get(name)
            at = SubjectId(str(above)) if above else None
        base = depth[at] if at is not None and at in depth else -1
        for step, subject in enumerate(reversed(trail), 1):
            depth[subject] = base + step
    return depth


def _effects(kind: Kind, op: Op, fields: Sequence[FieldChange], specs: Mapping[str, FieldSpec]) -> tuple[Effect, ...]:
    unit = kind is Kind.UNIT
    match op:
        case Op.CREATE:
            return (Effect.UNIT_CREATE if unit else Effect.CREATE,)
        case Op.LINK:
            return (Effect.UNIT_UPDATE if unit else Effect.UPDATE,)
        case _:
            pass
    effects: list[Effect] = [Effect.ADOPT] if op is Op.ADOPT else []
    names = {change.name for change in fields}
    if unit:
        if "parent" in names:
            effects.append(Effect.UNIT_MOVE)
        if names - {"parent"}:
            effects.append(Effect.UNIT_UPDATE)
        return tuple(effects)
    for change in fields:
        if change.name == "departments" and units_of(change.before) != units_of(change.after):
            effects.append(Effect.MOVE)
        if specs[change.name].signs_in and not is_empty(change.before):
            effects.append(Effect.LOGIN)
    if names and not {Effect.MOVE, Effect.LOGIN} & set(effects):
        effects.append(Effect.UPDATE)
    return tuple(dict.fromkeys(effects))


def _lane(kind: Kind, op: Op, fields: Sequence[FieldChange]) -> Lane:
    if kind is Kind.PERSON and op is Op.CREATE:
        return Lane.JOINER
    moved = any(change.name == "departments" and units_of(change.before) != units_of(change.after) for change in fields)
    return Lane.SECURITY if kind is Kind.PERSON and op is Op.UPDATE and moved else Lane.REST


def outline(change: Change) -> Values:
    """Return a change as plain values for people and files: everything but how it is ordered."""
    return {
        **_outline(change),
        "label": change.label,
        "reason": change.reason,
        "since": instant(change.since) if change.since else None,
    }
