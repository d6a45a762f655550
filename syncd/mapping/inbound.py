"""From a source's record to what it means: loading inbound rules, and mapping and explaining records with them.

`map` is pure and never raises: a record that cannot be mapped is set aside with the reason. Records are mapped one by
one; who refers to whom is resolved by the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from syncd.config.yaml import did_you_mean
from syncd.core.attributes import ATTRIBUTES, PERSON, REFERENCES, Type, attribute
from syncd.core.errors import Misconfigured, Place, Problem, foreign
from syncd.core.model import Aside, Kind, Reason, SourceRecord
from syncd.core.values import Value, Values
from syncd.mapping import messages, write_back
from syncd.mapping.compiling import Compiler
from syncd.mapping.functions import LANGUAGE_VERSION, Surroundings
from syncd.mapping.generating import INCLUDED, NOT_INCLUDED, UNDECIDED, Run, generate
from syncd.mapping.plan import Absent, Field, Rules, inputs_of
from syncd.mapping.reading import Loc, Written, in_order, read_rules
from syncd.mapping.results import Mapped, Trace
from syncd.mapping.schema import AnyRule, InboundFile, InboundGroup, InboundPerson, Level, Rule, Section, UnitPath
from syncd.mapping.shapes import attribute_conform
from syncd.mapping.tracing import Interpreter, Outcome
from syncd.mapping.units import Paths, PlannedLevel, PlannedPath, Units
from syncd.mapping.vocabulary import FromSource, Slot
from syncd.mapping.write_back import WriteBack

_NONE: Final[Values] = MappingProxyType({})
_NO_UNITS: Final = Units()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """The rules for one kind of record, ready to run."""

    rules: Rules
    run: Run
    gives: Kind
    paths: Paths | None = None

    @property
    def parts_outsiders(self) -> bool:
        """Tell whether units can become outer by these rules."""
        named = self.gives is Kind.UNIT and any(field.name == "outer" for field in self.rules.fields)
        return named or (self.paths is not None and self.paths.has_outer)


def load_inbound(
    path: Path,
    *,
    source: str,
    attributes: Mapping[Kind, Mapping[str, str]] | None,
    now: Callable[[], datetime],
) -> InboundRules:
    """Load the rules of a source.

    `source` is its name in messages; `attributes` are the names and types it can deliver, None where only the data can
    tell. Raises Misconfigured with every problem of the file.
    """
    written = read_rules(path, "inbound", version=LANGUAGE_VERSION)
    loader = _Loader(written=written, source=source, attributes=attributes, now=now)
    rules = loader.rules()
    if written.problems:
        raise Misconfigured(in_order(written.problems))
    return rules


class InboundRules:
    """The rules of one source."""

    def __init__(
        self,
        *,
        path: Path,
        digest: bytes,
        source: str,
        kinds: Mapping[Kind, _Kind],
        refers: Mapping[Kind, Mapping[str, str]],
        files: frozenset[Path] = frozenset(),
        write_back: tuple[WriteBack, ...] = (),
    ) -> None:
        self.path = path
        self.files = files
        """What the rules were read from: their file and its tables."""
        self.digest = digest
        self.refers = refers
        self.write_back = write_back
        """What flows the other way."""
        self.returned = frozenset(one.attribute for one in write_back)
        """The attributes of people that are written back."""
        self.reads: Mapping[Kind, frozenset[str]] = {
            kind: each.rules.inputs | (each.paths.inputs if each.paths else frozenset()) for kind, each in kinds.items()
        }
        if self.returned:
            self.reads = {**self.reads, Kind.PERSON: self.reads.get(Kind.PERSON, frozenset()) | self.returned}
        """The source's attributes that the rules can look at. It is always told, for expressions, too: they are handed what
        was found in them at load, and nothing else. A kind that is not there has no rules: nothing of it is read."""
        self.parts_outsiders = any(each.parts_outsiders for each in kinds.values())
        """Whether it can depend on these rules which units are for outsiders."""
        self.makes_units = any(each.paths is not None for each in kinds.values())
        """Whether people's records can give units that have no record of their own."""
        self._source = source
        self._kinds = kinds

    def gives(self, kind: Kind) -> Kind:
        """Return what becomes of records of a kind: groups can be made units (`as: unit`), everything else stays."""
        known = self._kinds.get(kind)
        return known.gives if known is not None else kind

    def held(self, record: SourceRecord) -> Values:
        """Return what a record holds of the attributes that are written back: part of what it means, though no rule reads it."""
        if not self.returned or record.kind is not Kind.PERSON:
            return _NONE
        return {name: value for name in sorted(self.returned) if (value := record.attributes.get(name)) is not None}

    def fills_from(self, attribute: str) -> frozenset[str]:
        """Return the canonical attributes of people that are filled from one of the source's."""
        kind = self._kinds.get(Kind.PERSON)
        return frozenset(plan.name for plan in kind.rules.fields if attribute in plan.reads) if kind else frozenset()

    def fills(self, name: str) -> bool:
        """Tell whether a canonical attribute of people is filled."""
        kind = self._kinds.get(Kind.PERSON)
        return kind is not None and any(plan.name == name for plan in kind.rules.fields)

    def decides_by(self, attribute: str) -> bool:
        """Tell whether one of the source's attributes decides which people there are, or in which units."""
        kind = self._kinds.get(Kind.PERSON)
        if kind is None:
            return False
        ways = [condition.way for condition in (*kind.rules.include, *kind.rules.exclude)]
        read = {name for way in ways for name in inputs_of(way)} | (kind.paths.inputs if kind.paths else frozenset())
        return attribute in read

    def map(self, record: SourceRecord) -> Mapped | Aside:
        """Return what the record means, or why it is set aside."""
        kind = self._kinds.get(record.kind)
        if kind is None:
            problem = messages.NOT_IN_RULES.at(Place(file=str(self.path)), kind=record.kind.value)
            return self._aside(record, Reason.EXCLUDED, (), why=problem.what)
        attributes = record.attributes
        state, facts, bad, origins = kind.run(attributes, _NONE, _NONE, ())
        if state != INCLUDED:
            return self._set_aside(record, kind, state)
        parked, warnings = self._mended(kind, attributes, facts, bad) if bad else ((), ())
        units = _NO_UNITS
        if kind.paths is not None:
            units = kind.paths.of(attributes.get, lambda: Interpreter(rules=kind.rules, look=attributes.get))
            parked, warnings = (*parked, *units.parked), (*warnings, *units.warnings)
            if units.keys:
                facts["units"] = units.keys
        for name in kind.rules.required:
            if facts.get(name) is None and not parked:
                parked = (messages.REQUIRED_MISSING.at(self._place(kind, name), field=name),)
        if parked:
            return self._aside(record, Reason.PARKED, parked)
        return Mapped(kind=kind.gives, facts=facts, origins=origins, units=units.units, warnings=warnings)

    def explain(self, record: SourceRecord) -> Trace:
        """Return the result of `map` with every step that led to it."""
        result = self.map(record)
        kind = self._kinds.get(record.kind)
        if kind is None or not isinstance(result, Mapped | Aside):
            return Trace(kind=record.kind, name=self._name(record), result=result if isinstance(result, Aside) else {})
        interpreter = Interpreter(rules=kind.rules, look=record.attributes.get)
        traces = [interpreter.field(plan).trace for plan in kind.rules.fields]
        units = kind.paths.fresh(interpreter) if kind.paths else _NO_UNITS
        return Trace(
            kind=kind.gives,
            name=self._name(record),
            result=result.facts if isinstance(result, Mapped) else result,
            fields=(*traces, *units.traces),
            units=units.units,
        )

    def known(self, record: SourceRecord, names: Sequence[str]) -> Mapping[str, str]:
        """Return those texts among a record's attributes, in the order of `names`, whether it is mapped or set aside."""
        kind = self._kinds.get(record.kind)
        if kind is None:
            return {}
        interpreter = Interpreter(rules=kind.rules, look=record.attributes.get)
        values = {plan.name: interpreter.field(plan).value for plan in kind.rules.fields if plan.name in names}
        return {name: value for name in names if isinstance(value := values.get(name), str) and value}

    def _mended(
        self, kind: _Kind, attributes: Values, facts: dict[str, Value], bad: Sequence[int]
    ) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
        """Return why the record is parked, and the warnings, of the fields that went wrong."""
        interpreter = Interpreter(rules=kind.rules, look=attributes.get)
        outcomes: list[tuple[Field, Outcome]] = []
        for index in bad:
            plan = kind.rules.fields[index]
            outcomes.append((plan, interpreter.field(plan)))
        facts |= {plan.name: each.value for plan, each in outcomes if not isinstance(each.value, Absent)}
        parked = tuple(each.parked for _, each in outcomes if each.parked)
        return parked, tuple(each.warning for _, each in outcomes if each.warning)

    def _set_aside(self, record: SourceRecord, kind: _Kind, state: int) -> Aside:
        if state == NOT_INCLUDED:
            reasons = " or ".join(condition.reason for condition in kind.rules.include)
            return self._aside(record, Reason.EXCLUDED, (), why=f"not included: {reasons}")
        if state == UNDECIDED:
            problem = Interpreter(rules=kind.rules, look=record.attributes.get).aside()[2]
            return self._aside(record, Reason.PARKED, (problem,) if problem else ())
        return self._aside(record, Reason.EXCLUDED, (), why=kind.rules.exclude[state].reason)

    def _aside(self, record: SourceRecord, reason: Reason, problems: tuple[Problem, ...], *, why: str = "") -> Aside:
        label = next(iter(self.known(record, ("displayName", "userName")).values()), "")
        kind = self._kinds[record.kind].gives if record.kind in self._kinds else record.kind
        name = self._name(record)
        return Aside(reason=reason, kind=kind, name=name, label=label or name, problems=problems, why=why)

    def _name(self, record: SourceRecord) -> str:
        return f"{self._source}/{record.native_id}"

    def _place(self, kind: _Kind, name: str) -> Place:
        return next((plan.place for plan in kind.rules.fields if plan.name == name), Place(file=str(self.path)))


@dataclass(slots=True, kw_only=True)
class _Loader:
    """Makes InboundRules of a written file."""

    written: Written
    source: str
    attributes: Mapping[Kind, Mapping[str, str]] | None
    now: Callable[[], datetime]
    kinds: dict[Kind, _Kind] = field(default_factory=dict)
    refers: dict[Kind, dict[str, str]] = field(default_factory=dict)

    def rules(self) -> InboundRules:
        file = self.written.file
        if isinstance(file, InboundFile):
            for kind, section in ((Kind.PERSON, file.person), (Kind.UNIT, file.unit), (Kind.GROUP, file.group)):
                if section is not None:
                    self._section(kind, section)
        return InboundRules(
            path=self.written.document.path,
            digest=self.written.digest,
            source=self.source,
            kinds=self.kinds,
            refers=self.refers,
            files=self.written.files,
            write_back=self._write_back(),
        )

    def _write_back(self) -> tuple[WriteBack, ...]:
        known = None if self.attributes is None else self.attributes.get(Kind.PERSON, {})
        return write_back.loaded(self.written, source=self.source, attributes=known, around=self._around())

    def _around(self) -> Surroundings:
        file = self.written.file
        return Surroundings(
            tables=self.written.tables, default_region=file.region, timezone=file.timezone, now=self.now
        )

    def _section(self, kind: Kind, section: Section) -> None:
        known = None if self.attributes is None else self.attributes.get(kind)
        if self.attributes is not None and known is None:
            place = self.written.place((kind.value,), "key")
            self.written.problems.append(messages.UNKNOWN_KIND.at(place, whose="source", kind=kind.value))
            return
        gives = Kind.UNIT if isinstance(section, InboundGroup) and section.as_ == "unit" else kind
        vocabulary = FromSource(kind=gives, source=self.source, attributes=known)
        compiler = Compiler(self.written, vocabulary, self._around(), section)
        rules = compiler.rules(section, (kind.value,))
        paths = self._paths(compiler, section, kind)
        places = {"units": self.written.place((kind.value, "units"), "key")} if paths else {}
        rules = replace(compiler.finished(rules), places=places)
        self._refers(kind, gives, section)
        if not self.written.problems:
            self.kinds[kind] = _Kind(rules=rules, run=generate(rules, inbound=True), gives=gives, paths=paths)

    # --- references ---------------------------------------------------------------------------------------------------

    def _refers(self, kind: Kind, gives: Kind, section: Section) -> None:
        found: dict[str, str] = {}
        for name, written in section.fields.items():
            known = attribute(gives, name)
            if known is None or known.type not in REFERENCES:
                continue
            by = _by(written)
            found[name] = by or "alias"
            if by not in (None, "id", "alias"):
                self._check_by(str(by), known.type, (kind.value, "fields", name))
        if isinstance(section, InboundPerson) and section.units is not None:
            found["units"] = "id"
            self.refers.setdefault(Kind.UNIT, {}).setdefault("parent", "id")
        self.refers[kind] = {**self.refers.get(kind, {}), **found}

    def _check_by(self, by: str, type_: Type, loc: Loc) -> None:
        kind = {Type.UNIT: Kind.UNIT, Type.UNITS: Kind.UNIT, Type.GROUPS: Kind.GROUP}.get(type_, Kind.PERSON)
        known = attribute(kind, by)
        if known is not None and known.type is Type.TEXT:
            return
        place = self.written.place((*loc, "by"))
        why = f"a {kind.value} has no such attribute that is a text"
        similar = did_you_mean(by, [name for name, each in ATTRIBUTES[kind].items() if each.type is Type.TEXT])
        self.written.problems.append(messages.BAD_BY.at(place, name=foreign(by), why=why, similar=similar))

    # --- paths --------------------------------------------------------------------------------------------------------

    def _paths(self, compiler: Compiler, section: Section, kind: Kind) -> Paths | None:
        if not isinstance(section, InboundPerson) or section.units is None:
            return None
        if "units" in section.fields:
            self.written.problems.append(messages.UNITS_TWICE.at(self.written.place((kind.value, "units"), "key")))
        loc: Loc = (kind.value, "units")
        if isinstance(section.units, UnitPath):
            return Paths([self._path(compiler, section.units, loc)])
        return Paths([self._path(compiler, each, (*loc, index)) for index, each in enumerate(section.units)])

    def _path(self, compiler: Compiler, written: UnitPath, loc: Loc) -> PlannedPath:
        loc = (*loc, "path")
        if isinstance(written.path, Rule):
            return PlannedPath(names=compiler.field("units", written.path, loc, _slot("roles")))
        return PlannedPath(
            levels=tuple(self._level(compiler, level, (*loc, index)) for index, level in enumerate(written.path))
        )

    def _level(self, compiler: Compiler, level: Level, loc: Loc) -> PlannedLevel:
        given = [key for key in ("name", "value") if getattr(level, key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            self.written.problems.append(
                messages.ONE_ORIGIN.at(self.written.place(loc), known="name, value", found=found)
            )

        def plan(key: str, rule: AnyRule | None, like: str) -> Field | None:
            return None if rule is None else compiler.field(f"units.{key}", rule, (*loc, key), _slot(like))

        ident = plan("id", level.id, "title")
        return PlannedLevel(
            name=plan("name", level.name, "title"),
            value=level.value,
            id=ident,
            id_name="+".join(ident.inputs) or "id" if ident else "",
            order=plan("order", level.order, "unitOrder"),
            owner=level.owner,
            outer=level.outer,
        )


def _slot(like: str) -> Slot:
    """Return a place for values of the same type as the person's attribute `like`."""
    known = PERSON[like]
    shape = {Type.TEXT: "text", Type.TEXTS: "texts", Type.NUMBER: "number"}[known.type]
    return Slot(shape=shape, conform=attribute_conform(known))


def _by(written: AnyRule) -> str | None:
    rules = [written] if isinstance(written, str | Rule) else list(written)
    return next((rule.by for rule in rules if isinstance(rule, Rule) and rule.by), None)
