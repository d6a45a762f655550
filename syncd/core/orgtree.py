"""The join: statements of several sources about one subject become one entity of the org tree.

Facts are merged attribute by attribute in the declared order of sources. References (manager, parent, units) are resolved last,
when everybody is known; one that names nobody is kept as unresolved and reported, never dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from syncd.core.attributes import ATTRIBUTES, REFERENCES, Type
from syncd.core.correlation import JoinRules, References, Statement, correlate
from syncd.core.employment import current
from syncd.core.errors import Place, Problem, message
from syncd.core.model import Aside, Entity, Kind, Origin, Reason, SourceName, SubjectId
from syncd.core.values import Value

_SINGLE: Final = frozenset({Type.PERSON, Type.UNIT})
_OFTEN_OUTSIDE: Final = frozenset({"groups", "members"})
"""References that usually name somebody out of scope (built-in groups, service accounts): kept, and no news."""

UNIT_CYCLE: Final = message(
    "REC-002",
    what="The units {names} are above each other in a circle.",
    do="Correct the parent of one of them in the source. Until then they stay as they are.",
    example="Unit A has parent B, unit B has parent A.",
)
MANAGER_CYCLE: Final = message(
    "REC-003",
    what="{names} manage each other in a circle.",
    do="Correct the manager of one of them in the source. The links are written as the source says.",
    example="An's manager is Budi, Budi's manager is An.",
)
NOBODY: Final = message(
    "REC-004",
    what="{label}: {attribute} names {value!r}, which no source knows, or which several share.",
    do="Nothing to do if that record is out of scope or arrives later; the reference is set as soon as it is known. If two "
    "people share a number, correct one of them.",
    example="manager: CN=Somebody,OU=Elsewhere,DC=corp,DC=example",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgTree:
    """Persons, units and groups with their references resolved; what could not be joined; what looks wrong."""

    entities: Mapping[SubjectId, Entity]
    asides: tuple[Aside, ...] = ()
    warnings: tuple[Problem, ...] = ()
    depth: Mapping[SubjectId, int] = field(default_factory=dict)
    """Units: 0 for a root, one more for each level."""
    _paths: dict[SubjectId, tuple[Entity, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was asked before: a department's thousand people have one path."""

    def of(self, kind: Kind) -> Iterator[Entity]:
        """Yield the entities of one kind in the order of their subjects."""
        return (entity for _, entity in sorted(self.entities.items()) if entity.kind is kind)

    def path(self, unit: SubjectId | None) -> tuple[Entity, ...]:
        """Return the units from the root down to `unit`."""
        if unit is None:
            return ()
        if (known := self._paths.get(unit)) is None:
            known = self._paths[unit] = self._path(unit)
        return known

    def _path(self, unit: SubjectId | None) -> tuple[Entity, ...]:
        found: list[Entity] = []
        while unit is not None and (entity := self.entities.get(unit)) is not None and len(found) < 100:
            found.append(entity)
            parent = entity.facts.get("parent")
            unit = SubjectId(parent) if isinstance(parent, str) else None
        return tuple(reversed(found))


class _Spoken(Mapping[str, Origin]):
    """Where the facts of a single statement come from: each origin is made when somebody asks, which is seldom."""

    __slots__ = ("_statement",)

    def __init__(self, statement: Statement) -> None:
        self._statement = statement

    def __getitem__(self, name: str) -> Origin:
        one = self._statement
        if name not in one.facts:
            raise KeyError(name)
        return Origin(source=one.source, native_id=one.native_id, rule=one.origins.get(name, Place()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._statement.facts)

    def __len__(self) -> int:
        return len(self._statement.facts)


_DECIDES: Final = {"endDate": "active"}
"""Whoever is believed about the one has the last word on the other, also by leaving it empty: that an account expires does not
end an employment of which HR knows no end."""


def merge(subject: SubjectId, statements: Sequence[Statement], rules: JoinRules, at: datetime | None = None) -> Entity:
    """Join what several records say, attribute by attribute: the first source that says something wins; one whose terms do not
    hold (`syncd.core.belief`) is asked after the others.

    Of several records of one source that one speaks which is the employment of `at` (`syncd.core.employment`).
    """
    first = statements[0]
    if len(statements) == 1 and first.source in rules.sources:  # nearly everybody: there is nothing to join
        return Entity(
            subject=subject,
            kind=first.kind,
            facts=first.facts,
            origins=_Spoken(first),
            records=((first.source, first.native_id),),
        )
    return _joined(subject, statements, rules, at)


def _joined(subject: SubjectId, statements: Sequence[Statement], rules: JoinRules, at: datetime | None) -> Entity:
    records: dict[SourceName, list[Statement]] = defaultdict(list)
    for statement in statements:
        records[statement.source].append(statement)
    by_source = {source: current(some, at, rules.timezone) for source, some in records.items()}
    said = {source: one.facts for source, one in by_source.items()}
    facts: dict[str, Value] = {}
    origins: dict[str, Origin] = {}
    names = {name for statement in by_source.values() for name in statement.facts}
    for name in sorted(names):
        decided = origins.get(_DECIDES.get(name, "")) if name not in rules.precedence else None
        alone = decided is not None and name in by_source[decided.source].facts
        for source in (decided.source,) if decided is not None and alone else rules.heard(name, said):
            speaker = by_source.get(source)
            if speaker is None or name not in speaker.facts:
                continue
            value = speaker.facts[name]
            if name not in facts or (facts[name] is None and value is not None):
                facts[name] = value
                rule = speaker.origins.get(name, Place())
                origins[name] = Origin(source=source, native_id=speaker.native_id, rule=rule)
            if value is not None:
                break
    return Entity(
        subject=subject,
        kind=statements[0].kind,
        facts=facts,
        origins=origins,
        records=tuple(sorted((statement.source, statement.native_id) for statement in statements)),
    )


class Meaning(Protocol):
    """Whoever knows who is meant by a text of a source."""

    def find(self, source: SourceName, of: Kind, name: str, text: str) -> SubjectId | None:
        """Return who `text` means in attribute `name` of a record of `source`."""
        ...


_REFERENCES: Final[Mapping[Kind, tuple[tuple[str, bool], ...]]] = {
    kind: tuple((name, one.type in _SINGLE) for name, one in sorted(known.items()) if one.type in REFERENCES)
    for kind, known in ATTRIBUTES.items()
}
"""The attributes of each kind that refer to others, and whether they refer to one only."""


def resolve(entity: Entity, references: Meaning) -> Entity:
    """Replace the references of `entity`, which are its sources' texts, by subjects."""
    facts: dict[str, Value] | None = None
    unresolved: dict[str, tuple[str, ...]] = {}
    for name, single in _REFERENCES[entity.kind]:
        value = entity.facts.get(name)
        if value is None:
            continue
        if facts is None:
            facts = dict(entity.facts)
        # Of a single record every fact comes from its source.
        source = entity.records[0][0] if len(entity.records) == 1 else entity.origins[name].source
        subjects, missing = _meant(value, partial(references.find, source, entity.kind, name))
        if missing:
            unresolved[name] = missing
        if subjects:
            facts[name] = subjects[0] if single else subjects
        elif single or missing:
            del facts[name]
        else:
            facts[name] = ()
    if facts is None:
        return entity
    return Entity(
        subject=entity.subject,
        kind=entity.kind,
        facts=facts,
        origins=entity.origins,
        records=entity.records,
        unresolved=unresolved,
    )


def _meant(value: Value, find: Callable[[str], SubjectId | None]) -> tuple[tuple[SubjectId, ...], tuple[str, ...]]:
    """Return those whom a reference names, each once, and the texts that name nobody."""
    if type(value) is tuple and len(value) == 1 and value[0]:  # nearly everybody: one department
        value = str(value[0])
    if isinstance(value, str):
        one = find(value)
        return ((), (value,)) if one is None else ((one,), ())
    texts = [str(item) for item in value if item] if isinstance(value, tuple | list) else []
    found = dict(zip(texts, map(find, texts), strict=True))
    subjects = tuple(dict.fromkeys(subject for subject in found.values() if subject is not None))
    missing = tuple(text for text in texts if found[text] is None) if len(subjects) < len(texts) else ()
    return subjects, missing


def grow(statements: Sequence[Statement], rules: JoinRules, departed: Sequence[Statement] = ()) -> OrgTree:
    """Build the org tree. Pure: the same statements give the same tree, whatever their order.

    `departed` is what subjects without any living record said last, so that who is hired again is known again.
    """
    groups, asides = correlate(statements, rules, departed)
    return grown(groups, rules, References(groups, rules), asides=asides)


def grown(
    groups: Mapping[SubjectId, Sequence[Statement]],
    rules: JoinRules,
    references: Meaning,
    *,
    asides: Sequence[Aside] = (),
    about: Collection[SubjectId] | None = None,
    at: datetime | None = None,
) -> OrgTree:
    """Build the tree of subjects whose statements are known, or a part of it in which nobody is missing whom it refers to.

    `about` limits what is said of references that name nobody to these subjects. `at` is the moment of which the tree is.
    """
    entities = {subject: resolve(merge(subject, groups[subject], rules, at), references) for subject in sorted(groups)}
    _spread_members(entities)
    depth, broken = _unit_depths(entities)
    _spread_outer(entities, depth)
    warnings: list[Problem] = [UNIT_CYCLE.at(names=", ".join(entities[unit].label for unit in ring)) for ring in broken]
    in_rings = {unit for ring in broken for unit in ring}
    ring_asides = tuple(
        Aside(
            reason=Reason.PARKED, kind=Kind.UNIT, name=unit, label=entities[unit].label, why="above itself in a circle"
        )
        for unit in sorted(in_rings)
    )
    warnings += [
        MANAGER_CYCLE.at(names=" and ".join(entities[one].label for one in ring)) for ring in manager_rings(entities)
    ]
    warnings += [
        NOBODY.at(label=entity.label, attribute=name, value=text)
        for entity in entities.values()
        if entity.unresolved and (about is None or entity.subject in about)
        for name, texts in entity.unresolved.items()
        if name not in _OFTEN_OUTSIDE
        for text in texts
    ]
    kept = {subject: entity for subject, entity in entities.items() if subject not in in_rings}
    return OrgTree(entities=kept, asides=(*asides, *ring_asides), warnings=tuple(warnings), depth=depth)


def missed(entity: Entity) -> bool:
    """Tell whether a reference names nobody, and somebody should hear of it."""
    return any(name not in _OFTEN_OUTSIDE for name in entity.unresolved)


def _spread_members(entities: dict[SubjectId, Entity]) -> None:
    """Turn members that units name (units made from groups) into the members' own `units`."""
    for member, units in named_members(entities.values()).items():
        person = entities.get(member)
        if person is not None and person.kind is Kind.PERSON:
            entities[member] = within(person, [entities[unit] for unit in units])


def named_members(entities: Iterable[Entity]) -> dict[SubjectId, list[SubjectId]]:
    """Return whom units name as their members, and which units do."""
    joined: dict[SubjectId, list[SubjectId]] = defaultdict(list)
    for entity in entities:
        if entity.kind is Kind.UNIT:
            for member in entity.facts.get("members") or ():  # type: ignore[union-attr]
                joined[SubjectId(str(member))].append(entity.subject)
    return joined


def within(person: Entity, units: Sequence[Entity]) -> Entity:
    """Return a person who also belongs to `units`, because they say so."""
    own = tuple(person.facts.get("units") or ())  # type: ignore[arg-type]
    facts = {**person.facts, "units": tuple(dict.fromkeys((*own, *(unit.subject for unit in units))))}
    origins = dict(person.origins)
    origins.setdefault("units", units[0].origins["members"])
    return Entity(
        subject=person.subject,
        kind=person.kind,
        facts=facts,
        origins=origins,
        records=person.records,
        unresolved=person.unresolved,
    )


def _spread_outer(entities: dict[SubjectId, Entity], depth: Mapping[SubjectId, int]) -> None:
    """Make every unit below an outer one outer, whatever it says itself: what outsiders may see ends at no department."""
    if not any(depth.get(one.subject) is not None and one.facts.get("outer") is True for one in entities.values()):
        return
    for unit in sorted(depth, key=lambda one: (depth[one], one)):
        entity = entities[unit]
        above = entities.get(SubjectId(str(entity.facts.get("parent"))))
        if above is None or above.facts.get("outer") is not True or entity.facts.get("outer") is True:
            continue
        entities[unit] = replace(entity, facts={**entity.facts, "outer": True})


def _unit_depths(entities: Mapping[SubjectId, Entity]) -> tuple[dict[SubjectId, int], list[tuple[SubjectId, ...]]]:
    parents = {
        subject: SubjectId(str(parent)) if (parent := entity.facts.get("parent")) else None
        for subject, entity in entities.items()
        if entity.kind is Kind.UNIT
    }
    depth: dict[SubjectId, int] = {}
    circles = rings(parents)
    in_rings = {unit for ring in circles for unit in ring}
    for start in parents:
        trail: list[SubjectId] = []
        at: SubjectId | None = start
        while at is not None and at in parents and at not in depth and at not in in_rings:
            trail.append(at)
            at = parents[at]
        base = depth.get(at, -1) if at is not None else -1
        for step, unit in enumerate(reversed(trail), 1):
            depth[unit] = base + step
    return depth, circles


def manager_rings(entities: Mapping[SubjectId, Entity]) -> list[tuple[SubjectId, ...]]:
    """Return the circles of people who manage each other, each named once, smallest subject first."""
    return rings(
        {
            subject: SubjectId(str(manager)) if (manager := entity.facts.get("manager")) else None
            for subject, entity in entities.items()
            if entity.kind is Kind.PERSON
        }
    )


def rings(above: Mapping[SubjectId, SubjectId | None]) -> list[tuple[SubjectId, ...]]:
    """Return the circles of a graph in which each node has at most one arrow out, in linear time."""
    done: set[SubjectId] = set()
    found: list[tuple[SubjectId, ...]] = []
    for start in sorted(above):
        trail: dict[SubjectId, int] = {}
        at: SubjectId | None = start
        while at is not None and at in above and at not in done and at not in trail:
            trail[at] = len(trail)
            at = above[at]
        if at is not None and at in trail:
            ring = [node for node, place in trail.items() if place >= trail[at]]
            first = ring.index(min(ring))
            found.append(tuple(ring[first:] + ring[:first]))
        done.update(trail)
    return found


def dependants(tree: OrgTree, subjects: Iterable[SubjectId]) -> set[SubjectId]:
    """Return who must be recomputed when `subjects` changed: members and reports, and everything below a changed unit."""
    changed = set(subjects)
    below: dict[str, list[SubjectId]] = defaultdict(list)
    for subject, entity in tree.entities.items():
        for name in ("parent", "manager"):
            if above := entity.facts.get(name):
                below[str(above)].append(subject)
        for unit in entity.facts.get("units") or ():  # type: ignore[union-attr]
            below[str(unit)].append(subject)
    found: set[SubjectId] = set()
    waiting = sorted(changed)
    while waiting:
        subject = waiting.pop()
        is_unit = subject in tree.depth
        for dependant in below.get(subject, ()):
            if dependant not in found:
                found.add(dependant)
                if is_unit and dependant in tree.depth:
                    waiting.append(dependant)
    return found
