"""Who is who: which records speak about one subject, and whom a source's text means.

Correlation is by ordered steps and never a guess: what is only probable, and what fits two, is proposed and named, not decided
(`syncd.core.matching`). A join once made is kept (`Statement.subject`). Pure functions; nothing here merges facts.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from syncd.core.attributes import Type, attribute
from syncd.core.belief import Age, Condition, WordTerms, unmet
from syncd.core.employment import successive
from syncd.core.errors import Place
from syncd.core.matching import MESSAGE_OF, Apart, Cause, Confidence, Pair, Proposal, Step, compared, joint, steps
from syncd.core.model import Aside, Kind, NativeId, Reason, SourceName, SubjectId
from syncd.core.values import Value, Values, is_empty

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
    correlate: tuple[Step, ...] = steps(("employeeNumber", "emails.work", "userName"))
    """What is tried in this order; the first step that finds somebody decides."""
    of: Mapping[SourceName, tuple[Step, ...]] = field(default_factory=dict)
    """Of single sources: what is tried for their records instead."""
    precedence: Mapping[str, tuple[SourceName, ...]] = field(default_factory=dict)
    """The order of sources for single attributes."""
    terms: Mapping[tuple[str, SourceName], WordTerms] = field(default_factory=dict)
    """On what terms the word of a source counts for an attribute, where it does not always."""
    old: frozenset[tuple[str, SourceName]] = frozenset()
    """For which attributes the word of a source is too old by now."""
    refers: Mapping[SourceName, Mapping[Kind, Mapping[str, str]]] = field(default_factory=dict)
    """How a source's reference attributes name others: `id`, `alias`, or a canonical attribute of the one referred to."""

    timezone: str = "UTC"
    """Where people work of whom no source says it; an IANA name."""

    def steps(self, source: SourceName) -> tuple[Step, ...]:
        """Return what is tried for a record of this source."""
        return self.of.get(source, self.correlate)

    @property
    def every_step(self) -> tuple[Step, ...]:
        """Return each step of any source once."""
        return tuple(dict.fromkeys((*self.correlate, *(step for some in self.of.values() for step in some))))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the attributes by which records find each other."""
        return tuple(sorted({name for step in self.every_step for name in step.attributes}))

    def order(self, name: str) -> tuple[SourceName, ...]:
        """Return the sources that may speak about an attribute, the strongest first."""
        chosen = self.precedence.get(name)
        if not chosen:
            return self.sources
        return (*chosen, *(source for source in self.sources if source not in chosen))

    def heard(self, name: str, said: Mapping[SourceName, Values]) -> tuple[SourceName, ...]:
        """Return the same for one person, of whom the sources have `said` this: whose terms do not hold stands last."""
        order = self.order(name)
        if not self.terms:
            return order
        return tuple(sorted(order, key=lambda source: self.unmet(name, source, said) is not None))

    def unmet(self, name: str, source: SourceName, said: Mapping[SourceName, Values]) -> Condition | Age | None:
        """Return why a source is passed over for an attribute of one person; None where it is not."""
        terms = self.terms.get((name, source))
        return None if terms is None else unmet(terms, source, said, old=(name, source) in self.old)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlated:
    """Who is who, and what is left to a person."""

    groups: Mapping[SubjectId, Sequence[Statement]]
    asides: tuple[Aside, ...] = ()
    proposals: tuple[Proposal, ...] = ()


def correlate(
    statements: Sequence[Statement], rules: JoinRules, departed: Sequence[Statement] = ()
) -> tuple[Mapping[SubjectId, Sequence[Statement]], tuple[Aside, ...]]:
    """Group statements by subject; see `correlated`."""
    found = correlated(statements, rules, departed)
    return found.groups, found.asides


def correlated(
    statements: Sequence[Statement],
    rules: JoinRules,
    departed: Sequence[Statement] = (),
    *,
    apart: Apart = MappingProxyType({}),
) -> Correlated:
    """Group statements by subject. One that is probably somebody, or could be several, is left aside, and proposed.

    `departed` is what subjects without any record said last. A new record with the number *and* the name of one of them is
    that person, hired again; a number by itself may have been given to somebody else. Whom people have said to be `apart` is not
    put together.
    """
    return _Correlation(rules, apart).of(statements, departed)


class _Correlation:
    """One correlation under way."""

    def __init__(self, rules: JoinRules, apart: Apart) -> None:
        self._rules = rules
        self._apart = apart
        self._groups: dict[SubjectId, list[Statement]] = defaultdict(list)
        self._index: dict[tuple[object, ...], set[SubjectId]] = defaultdict(set)
        self._steps: tuple[Step, ...] = ()
        """What is looked up: nothing where nobody is new."""
        self._gone: dict[SubjectId, Statement] = {}
        self._asides: list[Aside] = []
        self._proposals: list[Proposal] = []

    def of(self, statements: Sequence[Statement], departed: Sequence[Statement]) -> Correlated:
        rank = {source: place for place, source in enumerate(self._rules.sources)}
        fresh = [statement for statement in statements if statement.subject is None]
        self._steps = self._rules.every_step if fresh else ()
        for statement in statements:
            if statement.subject is not None:
                self._take(statement.subject, statement)
        former = self._former(departed)
        fresh.sort(key=lambda statement: (rank.get(statement.source, len(rank)), statement.kind, statement.native_id))
        for statement in fresh:
            match = self._match(statement) or self._again(statement, former)
            match = match or new_subject(statement)
            if isinstance(match, _Open):
                self._leave_open(statement, match)
            else:
                self._take(match, statement)
        return Correlated(groups=self._groups, asides=tuple(self._asides), proposals=tuple(self._proposals))

    def _take(self, subject: SubjectId, statement: Statement) -> None:
        self._groups[subject].append(statement)
        self._learn(subject, statement, self._steps)

    def _learn(self, subject: SubjectId, statement: Statement, some: Sequence[Step]) -> None:
        for step in some:
            if (key := step.key(statement.facts)) is not None:
                self._index[statement.kind, step.attributes, key].add(subject)

    def _former(self, departed: Sequence[Statement]) -> Mapping[tuple[Kind, str, str, str], set[SubjectId]]:
        """Return by what those who are gone are known again; by what is only probable they are proposed, like anybody."""
        former: dict[tuple[Kind, str, str, str], set[SubjectId]] = defaultdict(set)
        probable = [step for step in self._steps if step.confidence is Confidence.PROBABLE]
        for one in departed:
            for key in _marks(one, self._rules):
                former[key] |= {one.subject} if one.subject is not None else set()
            if one.subject is not None and one.subject not in self._groups:
                self._gone[one.subject] = one
                self._learn(one.subject, one, probable)
        return former

    def _match(self, statement: Statement) -> SubjectId | _Open | None:
        """Return whom a record speaks of, or who it may be; None where nobody fits."""
        for step in self._rules.steps(statement.source):
            if (key := step.key(statement.facts)) is None:
                continue
            met = sorted(self._index.get((statement.kind, step.attributes, key), ()))
            near = [one for one in met if not self._are_apart(statement, one)]
            found = [one for one in near if self._is_new_to(one, statement.source)]
            if len(found) == 1 and step.confidence is Confidence.CERTAIN:
                return found[0]
            if found:
                cause = Cause.SEVERAL if len(found) > 1 else Cause.PROBABLE
                return _Open(subjects=tuple(found), step=step, cause=cause)
            if step.confidence is Confidence.CERTAIN and (match := self._beside(statement, step, near)) is not None:
                return match
        return None

    def _again(
        self, statement: Statement, former: Mapping[tuple[Kind, str, str, str], set[SubjectId]]
    ) -> SubjectId | None:
        """Return the one former subject that a new record must be; None where there is none, or several, or it is taken."""
        for key in _marks(statement, self._rules) if former else ():
            found = [one for one in former.get(key, ()) if one not in self._groups]
            found = [one for one in found if not self._are_apart(statement, one)]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def _is_new_to(self, subject: SubjectId, source: SourceName) -> bool:
        return all(other.source != source for other in self._groups.get(subject, ()))

    def _beside(self, statement: Statement, step: Step, near: Sequence[SubjectId]) -> SubjectId | _Open | None:
        """Return of whom a second record of the same source speaks: the same number and the same name."""
        if statement.kind is not Kind.PERSON:
            return None
        name = compared("displayName", statement.label)
        own = {
            subject: [one for one in self._groups[subject] if one.source == statement.source]
            for subject in near
            if subject in self._groups
        }
        same = [one for one, some in own.items() if any(compared("displayName", each.label) == name for each in some)]
        if not same:
            return None
        if len(same) == 1 and all(successive(each.facts, statement.facts) for each in own[same[0]]):
            return same[0]
        return _Open(subjects=tuple(same), step=step, cause=Cause.TWICE if len(same) == 1 else Cause.SEVERAL)

    def _are_apart(self, statement: Statement, subject: SubjectId) -> bool:
        """Tell whether somebody said so, and neither says anything else of itself since."""
        if not self._apart:
            return False
        known = self._apart.get(_pair(statement, subject))
        return known is not None and known == self._digest(statement, subject)

    def _digest(self, statement: Statement, subject: SubjectId) -> bytes:
        others = self._groups.get(subject) or [self._gone[subject]]
        return joint(statement.facts, [one.facts for one in others], self._rules.names)

    def _leave_open(self, statement: Statement, found: _Open) -> None:
        labels = {one: (self._groups.get(one) or [self._gone[one]])[0].label for one in found.subjects}
        words = {"attribute": str(found.step), "others": ", ".join(labels.values()), "source": statement.source}
        problem = MESSAGE_OF[found.cause].at(label=statement.label, **words)
        self._asides.append(
            Aside(
                reason=Reason.AMBIGUOUS,
                kind=statement.kind,
                name=f"{statement.source}/{statement.native_id}",
                label=statement.label,
                problems=(problem,),
                why=problem.what,
            )
        )
        self._proposals += [
            Proposal(
                pair=_pair(statement, subject),
                label=statement.label,
                other=labels[subject],
                step=str(found.step),
                cause=found.cause,
                digest=self._digest(statement, subject),
            )
            for subject in found.subjects
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """Who a record may speak of."""

    subjects: tuple[SubjectId, ...]
    step: Step
    cause: Cause


def _pair(statement: Statement, subject: SubjectId) -> Pair:
    return Pair(source=statement.source, kind=statement.kind, native_id=statement.native_id, subject=subject)


def _marks(statement: Statement, rules: JoinRules) -> Iterator[tuple[Kind, str, str, str]]:
    """Yield by what a person is known again: each number or address, together with the name."""
    if statement.kind is Kind.PERSON:
        for step in rules.steps(statement.source):
            if step.confidence is Confidence.CERTAIN and (key := step.key(statement.facts)) is not None:
                yield statement.kind, str(step), "\0".join(key), compared("displayName", statement.label)


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
