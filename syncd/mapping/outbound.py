"""From what is true to what the target shall hold: loading outbound rules, and mapping and explaining entities with them.

`map` is pure but for `Around.unique`, which it asks for the fields that must differ from everybody else's. References are
passed on as SubjectIds, exactly as the entity has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from syncd.config.yaml import did_you_mean
from syncd.core.difference import ROLES
from syncd.core.errors import Misconfigured, Place, Problem, foreign
from syncd.core.fields import FieldSpec
from syncd.core.model import RECORD_KINDS, Aside, Desired, Entity, Kind, Reason, SubjectId
from syncd.core.values import Value, Values
from syncd.mapping import messages, roles
from syncd.mapping.compiling import Compiler
from syncd.mapping.functions import LANGUAGE_VERSION, Surroundings
from syncd.mapping.generating import INCLUDED, NOT_INCLUDED, UNDECIDED, Run, generate
from syncd.mapping.numbering import candidates
from syncd.mapping.plain import PlainRules
from syncd.mapping.plan import Absent, Field, Rules
from syncd.mapping.reading import Written, in_order, read_rules
from syncd.mapping.results import Around, FieldTrace, Neighbour, Trace
from syncd.mapping.schema import AnyRule, OutboundFile, OutboundSection, OutboundUnit, Rule
from syncd.mapping.tracing import Interpreter
from syncd.mapping.vocabulary import NEIGHBOURS, PATH, ToTarget

_NONE: Final[Values] = MappingProxyType({})
_NO_ROLES: Final[Mapping[SubjectId, Desired]] = MappingProxyType({})
_LOOKS: Final = {
    "unit.": Neighbour.UNIT,
    "parent.": Neighbour.UNIT,
    "manager.": Neighbour.MANAGER,
    PATH: Neighbour.PATH,
}
"""How names begin that are a neighbour's attributes."""
_ABOVE: Final = frozenset({Neighbour.UNIT, Neighbour.PATH})
MARK: Final = "mark"
"""In `adopt`: our own key that the target's object carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """The rules for one kind of object, ready to run."""

    kind: Kind
    rules: Rules
    run: Run
    required: tuple[str, ...]
    unique: tuple[Field, ...]
    reads_path: bool
    gate: Run
    """Its conditions alone."""
    conditions: tuple[Field, ...] = ()
    """Of people: who has which role of the rules."""


def load_outbound(
    path: Path, *, fields: Mapping[Kind, Mapping[str, FieldSpec]], now: Callable[[], datetime]
) -> OutboundRules:
    """Load the rules of a target whose `fields` are known. Raises Misconfigured with every problem of the file."""
    written = read_rules(path, "outbound", version=LANGUAGE_VERSION)
    loader = _Loader(written=written, fields=fields, now=now)
    rules = loader.rules()
    if written.problems:
        raise Misconfigured(in_order(written.problems))
    return rules


class OutboundRules:
    """The rules of one target."""

    def __init__(
        self,
        *,
        path: Path,
        digest: bytes,
        kinds: Mapping[Kind, _Kind],
        adopt: Mapping[Kind, tuple[str, ...]],
        files: frozenset[Path] = frozenset(),
        roles: Mapping[SubjectId, Desired] = _NO_ROLES,
        heads_join: bool = False,
    ) -> None:
        self.path = path
        self.files = files
        """What the rules were read from: their file and its tables."""
        self.digest = digest
        self.adopt = adopt
        self.looks_at: Mapping[Kind, frozenset[Neighbour]] = {
            kind: _neighbours(kinds[kind].rules.inputs) if kind in kinds else frozenset() for kind in RECORD_KINDS
        }
        """Whose attributes besides the entity's own the rules of a kind look at: what becomes of it follows their changes."""
        self.looks_above = any(_ABOVE & looks for looks in self.looks_at.values())
        """Whether it depends on the units above what becomes of somebody."""
        self.heads_join = heads_join
        """Whether those who lead a department are made members of it."""
        self.roles = roles
        """The roles that only these rules know."""
        if Kind.CONTACT in kinds:
            both = self.looks_at[Kind.PERSON] | _neighbours(kinds[Kind.CONTACT].rules.inputs)
            self.looks_at = {**self.looks_at, Kind.PERSON: both}
        self._kinds = kinds
        self._contacts = kinds.get(Kind.CONTACT)
        self.gives_roles = ROLES in self.fills(Kind.PERSON)
        """Whether people have roles by these rules. If not, nobody asks who is in which group."""

    def fills(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of the target's fields that the rules say something about."""
        known = self._kinds.get(kind)
        if known is None:
            return ()
        own = tuple(each.name for each in known.rules.fields if not roles.is_hidden(each.name))
        return (*own, ROLES) if known.conditions and ROLES not in own else own

    def fills_from(self, name: str) -> frozenset[str]:
        """Return the target's fields of people that are filled from a canonical attribute of theirs or of their managers'."""
        kind = self._kinds.get(Kind.PERSON)
        names = {name, f"manager.{name}"}
        return frozenset(plan.name for plan in kind.rules.fields if names & plan.reads) if kind else frozenset()

    def map(self, entity: Entity, around: Around) -> Desired | Aside:
        """Return what the target shall hold of the entity, or why it is set aside."""
        near = _Near(entity=entity, around=around)
        kind = self._rules_for(near)
        if kind is None:
            problem = messages.NOT_IN_RULES.at(Place(file=str(self.path)), kind=entity.kind.value)
            return _aside(entity, Reason.EXCLUDED, why=problem.what)
        path = near.path if kind.reads_path else ()
        state, fields, bad, places = kind.run(entity.facts, near.above, near.manager, path)
        if state != INCLUDED:
            return self._set_aside(entity, kind, state, near)
        active = entity.facts.get("active") is not False
        parked, warnings = self._mended(kind, near, fields, bad) if bad else ((), ())
        if kind.conditions:
            places = roles.joined(fields, kind.conditions, places)
        if active and not parked:
            for name in kind.required:
                if fields.get(name) is None:
                    parked = (*parked, messages.REQUIRED_MISSING.at(_place(kind, name, self.path), field=name))
        if active and not parked and kind.unique:
            parked = self._made_unique(kind, near, fields)
        if active and parked:
            return _aside(entity, Reason.PARKED, problems=parked)
        return Desired(
            subject=entity.subject,
            kind=kind.kind,
            label=entity.label,
            fields=fields,
            active=active,
            rules=places,
            warnings=warnings,
        )

    def plain(self) -> PlainRules | None:
        """Return the rules for people of whom there is nothing to weigh; None where these look at managers, or give somebody what
        depends on others: roles, and values that nobody else may have."""
        kind = self._kinds.get(Kind.PERSON)
        if kind is None or self.gives_roles or kind.conditions or kind.unique:
            return None
        if Neighbour.MANAGER in self.looks_at[Kind.PERSON]:
            return None
        return PlainRules(kind.run, kind.required, kind.reads_path, kind.rules.inputs)

    def leaves(self, entity: Entity, around: Around) -> bool:
        """Tell whether somebody shall have no account: inactive, left out, or a contact. A tenth of the work of `map`."""
        near = _Near(entity=entity, around=around)
        kind = self._rules_for(near)
        if kind is None or kind.kind is Kind.CONTACT or entity.facts.get("active") is False:
            return True
        state = kind.gate(entity.facts, near.above, near.manager, near.path if kind.reads_path else ())[0]
        return state not in (INCLUDED, UNDECIDED)

    def explain(self, entity: Entity, around: Around) -> Trace:
        """Return the result of `map` with every step that led to it."""
        result = self.map(entity, around)
        near = _Near(entity=entity, around=around)
        kind = self._rules_for(near)
        traces: tuple[FieldTrace, ...] = ()
        if kind is not None:
            interpreter = near.interpreter(kind.rules)
            traces = tuple(_with_result(interpreter.field(plan).trace, plan, result) for plan in kind.rules.fields)
        fields = result.fields if isinstance(result, Desired) else result
        return Trace(
            kind=kind.kind if kind is not None else entity.kind, name=entity.subject, result=fields, fields=traces
        )

    def _rules_for(self, near: _Near) -> _Kind | None:
        """Return the rules that say what becomes of an entity: of an outsider those for contacts, where they take them."""
        entity, contacts = near.entity, self._contacts
        if contacts is not None and entity.kind is Kind.PERSON and entity.facts.get("outsider") is True:
            path = near.path if contacts.reads_path else ()
            state = contacts.gate(entity.facts, near.above, near.manager, path)[0]
            if state in (INCLUDED, UNDECIDED):
                return contacts
        return self._kinds.get(entity.kind)

    def _mended(
        self, kind: _Kind, near: _Near, fields: dict[str, Value], bad: Sequence[int]
    ) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
        interpreter = near.interpreter(kind.rules)
        outcomes = [(kind.rules.fields[index].name, interpreter.field(kind.rules.fields[index])) for index in bad]
        fields |= {name: each.value for name, each in outcomes if not isinstance(each.value, Absent)}
        parked = tuple(each.parked for _, each in outcomes if each.parked)
        return parked, tuple(each.warning for _, each in outcomes if each.warning)

    def _made_unique(self, kind: _Kind, near: _Near, fields: dict[str, Value]) -> tuple[Problem, ...]:
        problems = []
        for plan in kind.unique:
            value = fields.get(plan.name)
            if not isinstance(value, str) or near.around.unique is None:
                continue
            try:
                fields[plan.name] = near.around.unique(plan.name, candidates(value, plan, near.interpreter(kind.rules)))
            except LookupError:
                why = messages.NO_CANDIDATE.at(plan.place)
                problems.append(messages.CANNOT_FILL.at(plan.place, field=plan.name, why=why.what, do=why.do))
        return tuple(problems)

    def _set_aside(self, entity: Entity, kind: _Kind, state: int, near: _Near) -> Aside:
        if state == NOT_INCLUDED:
            reasons = " or ".join(condition.reason for condition in kind.rules.include)
            return _aside(entity, Reason.EXCLUDED, why=f"not included: {reasons}")
        if state == UNDECIDED:
            problem = near.interpreter(kind.rules).aside()[2]
            return _aside(entity, Reason.PARKED, problems=(problem,) if problem else ())
        return _aside(entity, Reason.EXCLUDED, why=kind.rules.exclude[state].reason)


@dataclass(slots=True, kw_only=True)
class _Near:
    """An entity with its neighbours, as rules look at them."""

    entity: Entity
    around: Around

    @property
    def above(self) -> Values:
        return self.around.unit.facts if self.around.unit else _NONE

    @property
    def manager(self) -> Values:
        return self.around.manager.facts if self.around.manager else _NONE

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(unit.label for unit in self.around.path)

    def look(self, name: str) -> Value:
        where, key = self._found(name)
        return self.path or None if name == PATH else where.get(key)

    def present(self, name: str) -> bool:
        where, key = self._found(name)
        return bool(self.path) if name == PATH else key in where

    def interpreter(self, rules: Rules) -> Interpreter:
        return Interpreter(rules=rules, look=self.look, present=self.present)

    def _found(self, name: str) -> tuple[Values, str]:
        prefix, _, rest = name.partition(".")
        if not rest or prefix not in NEIGHBOURS[self.entity.kind]:
            return self.entity.facts, name
        return (self.manager if prefix == "manager" else self.above), rest


@dataclass(slots=True, kw_only=True)
class _Loader:
    """Makes OutboundRules of a written file."""

    written: Written
    fields: Mapping[Kind, Mapping[str, FieldSpec]]
    now: Callable[[], datetime]
    kinds: dict[Kind, _Kind] = field(default_factory=dict)
    adopt: dict[Kind, tuple[str, ...]] = field(default_factory=dict)

    def rules(self) -> OutboundRules:
        file = self.written.file
        if isinstance(file, OutboundFile):
            sections = {
                Kind.PERSON: file.person,
                Kind.UNIT: file.unit,
                Kind.GROUP: file.group,
                Kind.CONTACT: file.contact,
            }
            for kind, section in sections.items():
                if section is not None:
                    self._section(kind, section, file)
        made_up = file.roles if isinstance(file, OutboundFile) else {}
        if made_up and not (Kind.GROUP in self.fields and ROLES in self.fields[Kind.PERSON]):
            place = self.written.place(("roles",), "key")
            self.written.problems.append(messages.UNKNOWN_KIND.at(place, whose="target", kind="role"))
        return OutboundRules(
            roles=roles.desired(made_up, self.written),
            path=self.written.document.path,
            digest=self.written.digest,
            kinds=self.kinds,
            adopt=self.adopt,
            files=self.written.files,
            heads_join=isinstance(file, OutboundFile) and file.unit is not None and file.unit.heads == "add",
        )

    def _section(self, kind: Kind, section: OutboundSection, file: OutboundFile) -> None:
        fields = self.fields.get(kind)
        if fields is None:
            place = self.written.place((kind.value,), "key")
            self.written.problems.append(messages.UNKNOWN_KIND.at(place, whose="target", kind=kind.value))
            return
        around = Surroundings(
            tables=self.written.tables, default_region=file.region, timezone=file.timezone, now=self.now
        )
        compiler = Compiler(self.written, ToTarget(kind=kind, fields=fields), around, section)
        rules = compiler.rules(section, (kind.value,))
        conditions = roles.conditions(file.roles, compiler) if kind is Kind.PERSON and file.roles else ()
        if conditions:
            rules = compiler.finished(replace(rules, fields=(*rules.fields, *conditions)))
        needed = [name for name, spec in fields.items() if spec.required]
        for name in needed:
            if name not in section.fields:
                place = self.written.place((kind.value, "fields"), "key")
                problem = messages.REQUIRED_WITHOUT_RULE.at(place, kind=kind.value, name=name)
                self.written.problems.append(problem)
        self._adopt(kind, section, fields)
        self._flags(kind, section, fields)
        if not self.written.problems:
            self.kinds[kind] = _Kind(
                kind=kind,
                rules=rules,
                run=generate(rules, inbound=False),
                required=tuple(dict.fromkeys([*needed, *section.required])),
                unique=tuple(plan for plan in rules.fields if plan.unique is not None),
                reads_path=PATH in rules.inputs,
                gate=generate(replace(rules, fields=()), inbound=False),
                conditions=conditions,
            )

    def _flags(self, kind: Kind, section: OutboundSection, fields: Mapping[str, FieldSpec]) -> None:
        """Refuse rules that contradict each other: what says nothing without a flag that no rule fills, or that never holds."""
        for name, rule in section.fields.items():
            flag = spec.needs if (spec := fields.get(name)) is not None else ""
            if not flag or _is_never(rule):
                continue
            missing = flag not in section.fields
            if missing or _is_never(section.fields[flag]):
                why = "no rule fills that" if missing else "its rule says that it is never true"
                place = self.written.place((kind.value, "fields", name), "key")
                self.written.problems.append(messages.WITHOUT_ITS_FLAG.at(place, name=name, flag=flag, why=why))
        leading = [name for name, spec in fields.items() if spec.of_members and not spec.one_of]
        if isinstance(section, OutboundUnit) and section.heads == "add" and not {*leading} & section.fields.keys():
            place = self.written.place((kind.value, "heads"), "key")
            self.written.problems.append(
                messages.NO_HEADS.at(place, names=" or ".join(leading) or "who leads a department")
            )

    def _adopt(self, kind: Kind, section: OutboundSection, fields: Mapping[str, FieldSpec]) -> None:
        for index, name in enumerate(section.adopt):
            if name != MARK and name not in fields:
                place = self.written.place((kind.value, "adopt", index))
                words = {"kind": kind.value, "name": foreign(name), "known": ", ".join((MARK, *fields))}
                similar = did_you_mean(name, (MARK, *fields))
                self.written.problems.append(messages.UNKNOWN_FIELD.at(place, similar=similar, **words))
        self.adopt[kind] = tuple(section.adopt)


def _is_never(rule: AnyRule) -> bool:
    """Tell whether a rule gives false, whatever the object."""
    return isinstance(rule, Rule) and rule.value is False


def _with_result(trace: FieldTrace, plan: Field, result: Desired | Aside) -> FieldTrace:
    """Return the trace of a field; of one that must be unique, with the candidate that was free."""
    if plan.unique is None or not isinstance(result, Desired) or trace.absent:
        return trace
    chosen = result.fields.get(plan.name)
    if chosen == trace.output:
        return trace
    return replace(trace, output=chosen, note="the first candidate that nobody else has")


def _aside(entity: Entity, reason: Reason, *, problems: tuple[Problem, ...] = (), why: str = "") -> Aside:
    return Aside(reason=reason, kind=entity.kind, name=entity.subject, label=entity.label, problems=problems, why=why)


def _place(kind: _Kind, name: str, path: Path) -> Place:
    return next((plan.place for plan in kind.rules.fields if plan.name == name), Place(file=str(path)))


def _neighbours(inputs: frozenset[str]) -> frozenset[Neighbour]:
    return frozenset(near for begin, near in _LOOKS.items() if any(name.startswith(begin) for name in inputs))
