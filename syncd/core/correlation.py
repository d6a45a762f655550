"""Who is who: which records speak about one subject, and whom a source's text means.

Correlation is by ordered attributes and never a guess: two candidates are an ambiguity that is named, not decided. A join
once made is kept (`Statement.subject`). Pure functions; nothing here merges facts.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from syncd.core.attributes import Type, attribute
from syncd.core.errors import Place, message
from syncd.core.model import Aside, Kind, NativeId, Reason, SourceName, SubjectId
from syncd.core.values import Value, is_empty

_NAMESPACE: Final = uuid.UUID("5b0a1c52-2b5f-5c55-9d1e-6f2f8f0a7d11")
_VARIANT: Final = {digit: f"{int(digit, 16) & 0b11 | 0b1000:x}" for digit in "0123456789abcdef"}
"""The digit of a UUID that says by which rules it was made, by what stood there before."""
ONE_OF: Final = {
    Type.PERSON: (Kind.PERSON,),
    Type.PERSONS: (Kind.PERSON,),
    Type.UNIT: (Kind.UNIT,),
    Type.UNITS: (Kind.UNIT,),
    Type.GROUPS: (Kind.GROUP,),
    Type.MEMBERS: (Kind.PERSON, Kind.GROUP),
}

AMBIGUOUS: Final = message(
    "REC-001",
    what="{label}: {attribute} matches more than one person who is already known ({others}).",
    do="Correct the value in the source, or give correlation an attribute that tells them apart (`join.correlate`).",
    example="Two people share the employee number 00042 in Active Directory, and the HR file has a third 00042.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one record of one source says about somebody, after inbound mapping. References are still the source's text."""

    source: SourceName
    native_id: NativeId
    kind: Kind
    facts: Mapping[str, Value]
    origins: Mapping[str, Place] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    subject: SubjectId | None = None
    """The subject that the record was joined to before; a join, once made, is kept."""

    @property
    def label(self) -> str:
        for name in ("displayName", "name.formatted", "userName"):
            if text := self.facts.get(name):
                return str(text)
        return self.native_id


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRules:
    """How records find each other and who wins."""

    sources: tuple[SourceName, ...]
    """Every source, the one that wins first."""
    correlate: tuple[str, ...] = ("employeeNumber", "emails.work", "userName")
    precedence: Mapping[str, tuple[SourceName, ...]] = field(default_factory=dict)
    """The order of sources for single attributes."""
    refers: Mapping[SourceName, Mapping[Kind, Mapping[str, str]]] = field(default_factory=dict)
    """How a source's reference attributes name others: `id`, `alias`, or a canonical attribute of the one referred to."""

    def order(self, name: str) -> tuple[SourceName, ...]:
        """Return the sources that may speak about an attribute, the strongest first."""
        chosen = self.precedence.get(name)
        if not chosen:
            return self.sources
        return (*chosen, *(source for source in self.sources if source not in chosen))


def new_subject(statement: Statement) -> SubjectId:
    """Return the id of a subject first seen in `statement`: the same record always gives the same id."""
    return subject_for(statement.source, statement.kind, statement.native_id)


def subject_for(source: SourceName, kind: Kind, native_id: NativeId) -> SubjectId:
    """Return the id of a subject that is first seen in this record, which states something of this kind."""
    # What `uuid.uuid5(_NAMESPACE, …).hex` returns (RFC 9562, 5.5), at a third of the cost: everybody of a first run gets one.
    made = hashlib.sha1(_NAMESPACE.bytes + f"{source}/{kind}/{native_id}".encode(), usedforsecurity=False).hexdigest()
    return SubjectId(f"{kind}:{made[:12]}5{made[13:16]}{_VARIANT[made[16]]}{made[17:20]}")


def folded(value: Value) -> str:
    """Return the form in which names and numbers are compared: no outer blanks, no case."""
    return str(value).strip().casefold()


def correlate(
    statements: Sequence[Statement], rules: JoinRules, departed: Sequence[Statement] = ()
) -> tuple[dict[SubjectId, list[Statement]], tuple[Aside, ...]]:
    """Group statements by subject. A statement that matches two subjects is left aside with the names of both.

    `departed` is what subjects without any record said last. A new record with the number *and* the name of one of them is
    that person, hired again; a number by itself may have been given to somebody else.
    """
    rank = {source: place for place, source in enumerate(rules.sources)}
    groups: dict[SubjectId, list[Statement]] = defaultdict(list)
    index: dict[tuple[Kind, str, str], set[SubjectId]] = defaultdict(set)
    asides: list[Aside] = []
    several = len(rules.sources) > 1
    fresh = [statement for statement in statements if statement.subject is None]
    looked_up = several and bool(fresh)

    def take(subject: SubjectId, statement: Statement) -> None:
        groups[subject].append(statement)
        for name in rules.correlate if looked_up else ():
            if not is_empty(value := statement.facts.get(name)):
                index[statement.kind, name, folded(value)].add(subject)

    former: dict[tuple[Kind, str, str, str], set[SubjectId]] = defaultdict(set)
    for one in departed:
        for key in _marks(one, rules):
            former[key] |= {one.subject} if one.subject is not None else set()
    for statement in statements:
        if statement.subject is not None:
            take(statement.subject, statement)
    fresh.sort(key=lambda statement: (rank.get(statement.source, len(rank)), statement.kind, statement.native_id))
    for statement in fresh:
        match = _match(statement, rules, index, groups) if several else None
        match = match or _again(statement, rules, former, groups) or new_subject(statement)
        if isinstance(match, Aside):
            asides.append(match)
        else:
            take(match, statement)
    return groups, tuple(asides)


def _match(
    statement: Statement,
    rules: JoinRules,
    index: Mapping[tuple[Kind, str, str], set[SubjectId]],
    groups: Mapping[SubjectId, list[Statement]],
) -> SubjectId | Aside | None:
    for name in rules.correlate:
        if is_empty(value := statement.facts.get(name)):
            continue
        found = sorted(
            subject
            for subject in index.get((statement.kind, name, folded(value)), ())
            if all(other.source != statement.source for other in groups[subject])
        )
        if len(found) == 1:
            return found[0]
        if found:
            others = ", ".join(groups[subject][0].label for subject in found)
            problem = AMBIGUOUS.at(label=statement.label, attribute=name, others=others)
            return Aside(
                reason=Reason.AMBIGUOUS,
                kind=statement.kind,
                name=f"{statement.source}/{statement.native_id}",
                label=statement.label,
                problems=(problem,),
                why=problem.what,
            )
    return None


def _marks(statement: Statement, rules: JoinRules) -> Iterator[tuple[Kind, str, str, str]]:
    """Yield by what a person is known again: each number or address, together with the name."""
    if statement.kind is Kind.PERSON:
        for name in rules.correlate:
            if not is_empty(value := statement.facts.get(name)):
                yield statement.kind, name, folded(value), folded(statement.label)


def _again(
    statement: Statement,
    rules: JoinRules,
    former: Mapping[tuple[Kind, str, str, str], set[SubjectId]],
    groups: Mapping[SubjectId, Sequence[Statement]],
) -> SubjectId | None:
    """Return the one former subject that a new record must be; None where there is none, or several, or it is taken."""
    for key in _marks(statement, rules):
        found = [subject for subject in former.get(key, ()) if subject not in groups]
        if found:
            return found[0] if len(found) == 1 else None
    return None


class References:
    """Who is meant by a text of a source: an index over every statement, built once per tree."""

    def __init__(self, groups: Mapping[SubjectId, Sequence[Statement]], rules: JoinRules) -> None:
        self._rules = rules
        # Tables by what they are about, so that each name costs one entry: there are some hundred thousands.
        self._known: dict[tuple[SourceName, Kind, str], dict[str, SubjectId]] = defaultdict(dict)
        self._anywhere: dict[tuple[Kind, str], dict[str, SubjectId]] = defaultdict(dict)
        self._shared: set[tuple[object, ...]] = set()
        """What fits two subjects, and so names neither."""
        self._found: dict[tuple[SourceName, Kind, str], dict[str, SubjectId | None]] = defaultdict(dict)
        """What was asked before: a department's thousand people name one department."""
        wanted = {how for kinds in rules.refers.values() for names in kinds.values() for how in names.values()}
        attributes = sorted(wanted - {"id", "alias"})
        for subject, statements in groups.items():
            for statement in statements:
                self._add(subject, statement, attributes)

    def _add(self, subject: SubjectId, statement: Statement, attributes: Sequence[str]) -> None:
        source, kind = statement.source, statement.kind
        own = folded(statement.native_id)
        self._known[source, kind, "id"][own] = subject
        aliases = self._known[source, kind, "alias"]
        aliases.setdefault(own, subject)
        for name in statement.aliases:
            aliases.setdefault(folded(name), subject)
        for name in attributes:
            if not is_empty(value := statement.facts.get(name)):
                word = folded(value)
                if self._known[source, kind, name].setdefault(word, subject) != subject:
                    self._shared.add((source, kind, name, word))
                if self._anywhere[kind, name].setdefault(word, subject) != subject:
                    self._shared.add((kind, name, word))

    def find(self, source: SourceName, of: Kind, name: str, text: str) -> SubjectId | None:
        """Return who `text` means in attribute `name` of a record of `source`."""
        found = self._found[source, of, name]
        try:
            return found[text]
        except KeyError:
            subject = found[text] = self._sought(source, of, name, folded(text))
            return subject

    def _sought(self, source: SourceName, of: Kind, name: str, word: str) -> SubjectId | None:
        kind_type = attribute(of, name)
        if kind_type is None:
            return None
        how = self._rules.refers.get(source, {}).get(of, {}).get(name, "alias")
        for kind in ONE_OF[kind_type.type]:
            if (near := self._known[source, kind, how].get(word)) is not None:
                return None if (source, kind, how, word) in self._shared else near
            if (far := self._anywhere[kind, how].get(word)) is not None:
                return None if (kind, how, word) in self._shared else far
        return None
