"""The single checks of an assessment, and their messages. Pure, and without an opinion about any particular company."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final

from syncd.core.errors import Message, message
from syncd.core.fields import FieldSpec
from syncd.core.model import Aside, Desired, Entity, Kind
from syncd.core.orgtree import manager_rings
from syncd.core.values import Value, canonical, is_empty

STALE_AFTER: Final = timedelta(days=30)
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # ITU-T E.164: at most 15 digits, the country's code first
_MAIL: Final = re.compile(r"[^@\s,;<>\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_UNIQUE: Final = ("phoneNumbers.mobile", "emails.work", "employeeNumber", "userName")


class Severity(StrEnum):
    """How much a finding matters for a roll-out."""

    BLOCKER = "blocker"
    """These people or units cannot be synchronized as they are."""
    WARNING = "warning"
    """They can, and something will be wrong."""
    HINT = "hint"
    """Good to know."""

    @property
    def rank(self) -> int:
        """Return 0 for the most severe."""
        return list(Severity).index(self)


_SEVERITY: Final[dict[str, Severity]] = {}


def _finding(code: str, severity: Severity, *, what: str, do: str, example: str) -> Message:
    _SEVERITY[code] = severity
    return message(code, what=what, do=do, example=example)


def severity_of(told: Message) -> Severity:
    """Return how much a message matters; what is not ours here left somebody aside, and that is a blocker."""
    return _SEVERITY.get(told.code, Severity.BLOCKER)


UNREAD: Final = _finding(
    "ASS-001",
    Severity.BLOCKER,
    what="The source {source} could not be read: {reason}",
    do="Run `syncd check --online`, and mend what it names.",
    example="syncd assess   # with an unreachable directory",
)
UNPROVEN: Final = _finding(
    "ASS-002",
    Severity.WARNING,
    what="The source {source} was not read completely for certain ({reason}).",
    do="Mend the cause; until then nobody is treated as gone.",
    example="a CSV file with a row without a key",
)
STALE: Final = _finding(
    "ASS-003",
    Severity.HINT,
    what="The source {source} says that nothing changed in it for {days} days.",
    do="See whether it is still maintained, and whether the export still runs.",
    example="an export that stopped in spring",
)
ASIDE: Final = _finding(
    "ASS-010",
    Severity.BLOCKER,
    what="Left aside: {why}.",
    do="Correct the record or the rule; `syncd explain WHO` shows both.",
    example="a record that two people claim",
)
SAME: Final = _finding(
    "ASS-020",
    Severity.WARNING,
    what="Several people have the same {attribute}.",
    do="Correct it in the source: it has to be unique, and one of them would be refused.",
    example="two people with one mobile number",
)
BAD_PHONE: Final = _finding(
    "ASS-030",
    Severity.WARNING,
    what="The {attribute} is not an international number (E.164).",
    do="Correct it in the source, or use the function `e164` with the right region in the rule.",
    example="0811-EXAMPLE",
)
BAD_MAIL: Final = _finding(
    "ASS-031",
    Severity.WARNING,
    what="The {attribute} is not a mail address.",
    do="Correct it in the source.",
    example="ani@example",
)
NO_MANAGER: Final = _finding(
    "ASS-040",
    Severity.HINT,
    what="Nobody is named as the manager.",
    do="Right for the head of the company; everybody else should have one.",
    example="a person without a manager",
)
UNKNOWN_REFERENCE: Final = _finding(
    "ASS-041",
    Severity.WARNING,
    what="The {attribute} names somebody or something that no source knows.",
    do="Correct it in the source, or read the source that knows it as well.",
    example="a manager who has left",
)
UNKNOWN_GROUP: Final = _finding(
    "ASS-044",
    Severity.HINT,
    what="They are members of groups that no source knows.",
    do="Read the groups too (add their OU to `base`) if rules look at them; otherwise it does not matter.",
    example="an OU of groups beside the OU of people that is read",
)
MANAGER_RING: Final = _finding(
    "ASS-042",
    Severity.WARNING,
    what="They manage each other in a circle: {ring}.",
    do="Correct one of the managers in the source.",
    example="Ani reports to Budi, and Budi to Ani",
)
MANAGER_GONE: Final = _finding(
    "ASS-043",
    Severity.WARNING,
    what="The manager is not active any more.",
    do="Name the successor in the source.",
    example="a manager whose account is disabled",
)
NO_UNIT: Final = _finding(
    "ASS-050",
    Severity.WARNING,
    what="The person belongs to no unit.",
    do="Fill in the unit in the source, or give the rule a default.",
    example="an account outside every OU that is read",
)
ORPHAN_UNIT: Final = _finding(
    "ASS-051",
    Severity.WARNING,
    what="The unit above is not known, so the unit would stand at the top.",
    do="Read the unit above as well, or correct the reference.",
    example="an OU whose parent is outside of `base`",
)
EMPTY_UNIT: Final = _finding(
    "ASS-052",
    Severity.HINT,
    what="Nobody belongs to the unit or to a unit below it.",
    do="Exclude it in the rules if it should not be shown.",
    example="an OU for printers",
)
SAME_UNIT: Final = _finding(
    "ASS-053",
    Severity.WARNING,
    what="Units with the same name stand below the same unit.",
    do="Rename one of them; the target may refuse the second.",
    example="two teams “Sales” in one division",
)
REFUSED: Final = _finding(
    "ASS-060",
    Severity.BLOCKER,
    what="The target would refuse “{field}”: {why}.",
    do="Correct the value in the source, or shorten or clean it in the rule.",
    example="a department called “R&D - Lab” where hyphens are forbidden",
)
TAKEN: Final = _finding(
    "ASS-061",
    Severity.BLOCKER,
    what="The target wants “{field}” to be unique, and several objects would get the same value.",
    do="Correct it in the source, or let the rule make it unique.",
    example="two people with one user id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One message about one subject, or about none in particular."""

    message: Message
    words: Mapping[str, object] = field(default_factory=dict)
    subject: str = ""
    label: str = ""
    severity: Severity | None = None
    """None: what the message itself says."""

    @property
    def what(self) -> str:
        """Return the message with its words; hits that say the same belong together."""
        return self.message.what.format(**self.words)

    @property
    def do(self) -> str:
        """Return the next step."""
        return self.message.do.format(**self.words)


class Subjects:
    """The entities of one tree, by what checks ask for."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self.all = tuple(sorted(entities, key=lambda entity: entity.subject))
        self.active = tuple(entity for entity in self.all if entity.facts.get("active") is not False)
        self.people = tuple(entity for entity in self.active if entity.kind is Kind.PERSON)
        self.units = tuple(entity for entity in self.active if entity.kind is Kind.UNIT)

    @cached_property
    def by_id(self) -> Mapping[str, Entity]:
        """Return every entity, active or not, by subject."""
        return {entity.subject: entity for entity in self.all}


def of_asides(asides: Iterable[Aside]) -> Iterator[Hit]:
    """Say of everybody who is left aside why, in the words of whoever left them aside."""
    for aside in asides:
        if not aside.problems:
            yield Hit(message=ASIDE, words={"why": aside.why or aside.reason}, subject=aside.name, label=aside.label)
        for problem in aside.problems:
            yield Hit(message=problem.message, words=problem.words, subject=aside.name, label=aside.label)


def of_people(subjects: Subjects) -> Iterator[Hit]:
    """Check people: doubles, phones, mails, managers, units."""
    for name in _UNIQUE:
        yield from _doubles(subjects.people, name)
    for person in subjects.people:
        yield from _formats(person)
        yield from _references(person, subjects)
        if is_empty(person.facts.get("units")) and "units" not in person.unresolved:
            yield _hit(NO_UNIT, person)
    for ring in manager_rings({person.subject: person for person in subjects.people}):
        people = [subjects.by_id[subject] for subject in ring]
        names = " → ".join([*(person.label for person in people), people[0].label])
        yield from (_hit(MANAGER_RING, person, ring=names) for person in people)


def _doubles(people: Iterable[Entity], name: str) -> Iterator[Hit]:
    holders: dict[str, list[Entity]] = defaultdict(list)
    for person in people:
        value = person.facts.get(name)
        if isinstance(value, str) and value.strip():
            holders["".join(value.split()).casefold()].append(person)
    for same in holders.values():
        if len(same) > 1:
            yield from (_hit(SAME, person, attribute=name) for person in same)


def _formats(person: Entity) -> Iterator[Hit]:
    mobile = person.facts.get("phoneNumbers.mobile")
    if isinstance(mobile, str) and mobile and not _E164.fullmatch(re.sub(r"[\s().-]", "", mobile)):
        yield _hit(BAD_PHONE, person, attribute="phoneNumbers.mobile")
    for name in ("emails.work", "emails.home"):
        mail = person.facts.get(name)
        if isinstance(mail, str) and mail and not _MAIL.fullmatch(mail):
            yield _hit(BAD_MAIL, person, attribute=name)


def _references(person: Entity, subjects: Subjects) -> Iterator[Hit]:
    for name in person.unresolved:
        # Groups often stand outside of what is read, and only rules that name one miss it.
        yield _hit(UNKNOWN_GROUP, person) if name == "groups" else _hit(UNKNOWN_REFERENCE, person, attribute=name)
    manager = person.facts.get("manager")
    if is_empty(manager):
        if "manager" not in person.unresolved:
            yield _hit(NO_MANAGER, person)
    elif (boss := subjects.by_id.get(str(manager))) is not None and boss.facts.get("active") is False:
        yield _hit(MANAGER_GONE, person)


def of_units(subjects: Subjects) -> Iterator[Hit]:
    """Check units: orphans, empty ones, equal names side by side."""
    inhabited = _inhabited(subjects)
    siblings = Counter(map(_address, subjects.units))
    for unit in subjects.units:
        if "parent" in unit.unresolved:
            yield _hit(ORPHAN_UNIT, unit)
        if unit.subject not in inhabited:
            yield _hit(EMPTY_UNIT, unit)
        if siblings[_address(unit)] > 1:
            yield _hit(SAME_UNIT, unit)


def _address(unit: Entity) -> tuple[str, str]:
    return str(unit.facts.get("parent") or ""), unit.label.strip().casefold()


def _inhabited(subjects: Subjects) -> set[str]:
    """Return the units with people in them or below them."""
    found: set[str] = set()
    for person in subjects.people:
        units = person.facts.get("units")
        for unit in units if isinstance(units, tuple | list) else ():
            above: Value = unit
            while isinstance(above, str) and above not in found:
                found.add(above)
                entity = subjects.by_id.get(above)
                above = entity.facts.get("parent") if entity is not None else None
    return found


def of_fields(desired: Iterable[Desired], fields: Mapping[Kind, Mapping[str, FieldSpec]]) -> Iterator[Hit]:
    """Check what would be written against what the target says of its fields."""
    holders: dict[tuple[Kind, str, bytes], list[Desired]] = defaultdict(list)
    for wish in desired:
        if not wish.active:
            continue
        for name, value in wish.fields.items():
            spec = fields.get(wish.kind, {}).get(name)
            if spec is None or is_empty(value):
                continue
            if why := _objection(value, spec):
                yield Hit(message=REFUSED, words={"field": name, "why": why}, subject=wish.subject, label=wish.label)
            if spec.unique:
                holders[wish.kind, name, canonical(value)].append(wish)
    for (_, name, _), same in holders.items():
        if len(same) > 1:
            yield from (Hit(message=TAKEN, words={"field": name}, subject=w.subject, label=w.label) for w in same)


def _objection(value: Value, spec: FieldSpec) -> str:
    if not isinstance(value, str):
        return ""
    if spec.max_length is not None and len(value) > spec.max_length:
        return f"it is longer than {spec.max_length} characters"
    if found := next((mark for mark in spec.forbidden if mark in value), ""):
        return f"it contains “{found}”"
    if spec.pattern and not re.fullmatch(spec.pattern, value):
        return "it has characters that are not allowed"
    return ""


def _hit(told: Message, entity: Entity, **words: object) -> Hit:
    return Hit(message=told, words=words, subject=entity.subject, label=entity.label)
