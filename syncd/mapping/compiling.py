"""From a written section to a plan: every name, type and limit is checked here, and every problem told at once.

Nothing is evaluated but constants. What cannot be known before a record comes (the length of a text, the type of a
table's column) is left to the value's own check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from syncd.core.errors import Problem, foreign
from syncd.core.fields import FieldType
from syncd.core.values import Value
from syncd.mapping import messages
from syncd.mapping.expression import Expression, ExpressionError, words_of
from syncd.mapping.functions import Surroundings, Unfit
from syncd.mapping.plan import ABSENT, Condition, Field, Memberships, Numbering, OnError, Rules, Step, Way
from syncd.mapping.reading import Loc, Written
from syncd.mapping.schema import Pipeline, Rule, Scope, Section, Unique
from syncd.mapping.shapes import NAMES, advice, takes
from syncd.mapping.steps import ViaError, spelled, steps
from syncd.mapping.vocabulary import Slot, Vocabulary

if TYPE_CHECKING:
    from syncd.mapping.environment import Environment

Written_ = str | Rule | Sequence[str | Rule]
_ORIGINS = ("from_", "expr", "value", "memberships", "mapping")


class Compiler:
    """Compiles one section of a rule file. Problems are added to `written.problems`."""

    def __init__(
        self, written: Written, vocabulary: Vocabulary, surroundings: Surroundings, section: BaseModel
    ) -> None:
        self._written = written
        self._vocabulary = vocabulary
        self._surroundings = surroundings
        self._section = section
        self._environment: Environment | None = None
        """What expressions share; None while there is none."""

    def _made_environment(self) -> Environment:
        """Declare every name that the section's expressions may read, so that a wrong one is told at load.

        CEL is loaded for the first of them: most rule files have none, and it takes 10 MB and 40 ms.
        """
        from syncd.mapping.environment import Environment

        words = words_of(list(_expressions(self._section)))
        names = dict(self._vocabulary.names())
        for name in {name for each in words for name in (*each.paths, *each.columns)}:
            parts = name.split(".")
            for length in range(len(parts), 0, -1):
                if type_ := self._vocabulary.type_of(".".join(parts[:length])):
                    names[".".join(parts[:length])] = type_
                    break
        calls = frozenset(call for each in words for call in each.calls)
        return Environment(names, self._surroundings, calls=calls)

    def rules(self, section: Section, loc: Loc) -> Rules:
        """Return the plan of a whole section."""
        fields = self.fields(section.fields, (*loc, "fields"))
        include = self._conditions(section.include, (*loc, "include"))
        exclude = self._conditions(section.exclude, (*loc, "exclude"))
        filled = {field.name for field in fields}
        for index, name in enumerate(section.required):
            place = self._written.place((*loc, "required", index))
            if self._vocabulary.slot(name) is None:
                self._add(self._vocabulary.unfilled(name, place))
            elif (
                name not in filled
                and name not in section.fields
                and not (name == "units" and getattr(section, "units", None))
            ):
                self._add(messages.REQUIRED_WITHOUT_RULE.at(place, kind=self._vocabulary.kind.value, name=name))
        return self.finished(Rules(fields=fields, include=include, exclude=exclude, required=tuple(section.required)))

    def finished(self, rules: Rules) -> Rules:
        """Return `rules` with what their expressions need to be evaluated."""
        known = self._environment
        if known is None:
            return rules
        return replace(rules, variables=known.read, columns=tuple(sorted(known.columns)), activation=known.activation)

    def fields(self, written: Mapping[str, Any], loc: Loc) -> tuple[Field, ...]:
        """Return the plans of all fields that can be filled, in the order of the file."""
        found = []
        for name, rule in written.items():
            slot = self._vocabulary.slot(name)
            if slot is None:
                self._add(self._vocabulary.unfilled(name, self._written.place((*loc, name), "key")))
                slot = Slot(shape="any", conform=lambda value: value)  # to find the other problems of the rule
            if (field := self.field(name, rule, (*loc, name), slot)) is not None:
                found.append(field)
        return tuple(found)

    def field(self, name: str, written: Written_, loc: Loc, slot: Slot) -> Field | None:
        """Return the plan of one field, None where it is too wrong to have one."""
        around = replace(self._surroundings, target=slot.spec)
        alternatives = _alternatives(written, loc)
        ways = [way for rule, at in alternatives for way in [self._way(name, rule, at, slot, around)] if way]
        for rule, at in alternatives[:-1]:
            for key in ("default", "on_null", "unique"):
                if key in rule.model_fields_set:
                    self._add(messages.LAST_ONLY.at(self._written.place((*at, key), "key"), name=key))
        last, at = alternatives[-1]
        default = self._default(name, last, at, slot)
        clear = self._clear(name, last, at, slot)
        unique = self._unique(name, last, at, slot)
        if len(ways) != len(alternatives):
            return None
        return Field(
            name=name,
            place=self._written.place(loc, "key"),
            ways=tuple(ways),
            conform=slot.conform,
            checked=not slot.limited and all(way.gives == slot.shape for way in ways) and slot.shape in _SURE,
            default=default,
            clear=clear,
            unique=unique,
        )

    def condition(self, written: str | Pipeline, loc: Loc) -> Way | None:
        """Return the plan of a condition."""
        if isinstance(written, str):
            way = self._expression(written, loc, Way(place=self._written.place(loc), spelled=written))
        else:
            rule = Rule.model_validate({"from": written.from_, "via": written.via})
            way = self._piped(rule, loc, self._surroundings)
        if way and way.gives not in ("flag", "any"):
            self._add(messages.NOT_A_CONDITION.at(self._written.place(loc), got=NAMES.get(way.gives, way.gives)))
        return way

    def _conditions(self, written: Sequence[Scope], loc: Loc) -> tuple[Condition, ...]:
        found = []
        for index, scope in enumerate(written):
            if way := self.condition(scope.when, (*loc, index, "when")):
                found.append(Condition(way=way, reason=scope.reason or way.spelled))
        return tuple(found)

    # --- one way to a value -------------------------------------------------------------------------------------------

    def _way(self, name: str, rule: Rule, loc: Loc, slot: Slot, around: Surroundings) -> Way | None:
        given = [origin.rstrip("_") for origin in _ORIGINS if getattr(rule, origin) is not None]
        if len(given) != 1:
            known = ", ".join(origin.rstrip("_") for origin in _ORIGINS)
            found = " and ".join(given) or "none of them"
            self._add(messages.ONE_ORIGIN.at(self._written.place(loc), known=known, found=found))
            return None
        self._combinations(name, rule, loc, slot, given[0])
        way = self._origin(name, rule, loc, slot, around)
        when = self.condition(rule.when, (*loc, "when")) if rule.when is not None else None
        if way is None or (rule.when is not None and when is None):
            return None
        expression = way.expression is not None
        if (
            not takes(slot.shape, way.gives, inbound=self._vocabulary.inbound, expression=expression)
            and slot.shape != "any"
        ):
            self._wrong_type(name, way, slot)
        return replace(way, when=when, on_error=OnError(rule.on_error))

    def _origin(self, name: str, rule: Rule, loc: Loc, slot: Slot, around: Surroundings) -> Way | None:
        place = self._written.place(loc)
        if rule.from_ is not None:
            return self._piped(rule, loc, around)
        if rule.expr is not None:
            return self._expression(rule.expr, (*loc, "expr"), Way(place=place, spelled=f"expr: {rule.expr}"))
        if rule.memberships is not None:
            return self._memberships(name, rule, loc, slot)
        if rule.mapping is not None:
            return self._mapping(name, rule, loc, slot)
        constant: Value = tuple(rule.value) if isinstance(rule.value, list) else rule.value
        constant = self._constant(name, constant, (*loc, "value"), slot, whose="value")
        return Way(place=place, spelled=f"value: {spelled(constant)}", constant=constant, gives=slot.shape)

    def _piped(self, rule: Rule, loc: Loc, around: Surroundings) -> Way | None:
        inputs = (rule.from_,) if isinstance(rule.from_, str) else tuple(rule.from_ or ())
        types = tuple(self._type_of(each, self._from_loc(loc, index)) for index, each in enumerate(inputs))
        if None in types or not inputs:
            return None
        known = tuple(type_ or "any" for type_ in types)
        made = self._steps(rule, loc, known, around)
        if made is None:
            return None
        spelled = f"from: {', '.join(inputs)}" + (f" via: {', '.join(step.spelled for step in made)}" if made else "")
        gives = made[-1].gives if made else known[0]
        place = self._written.place(loc)
        return Way(
            place=place, spelled=spelled, inputs=inputs, types=known, joined=len(inputs) > 1, steps=made, gives=gives
        )

    def _from_loc(self, loc: Loc, index: int) -> Loc:
        return (*loc, "from", index)  # what is not written so (`title: title`) falls back to what is

    def _type_of(self, name: str, loc: Loc) -> str | None:
        type_ = self._vocabulary.type_of(name)
        if type_ is None:
            self._add(self._vocabulary.unread(name, self._written.place(loc, "text")))
        return type_

    def _steps(self, rule: Rule, loc: Loc, types: tuple[str, ...], around: Surroundings) -> tuple[Step, ...] | None:
        try:
            return steps(rule.via, types, around)
        except ViaError as error:
            at: Loc = (*loc, "via") if error.index is None else (*loc, "via", error.index)
            place = self._written.place(at, "text")
            self._written.problems.extend(replace(problem, place=place) for problem in error.problems)
            return None

    def _expression(self, text: str, loc: Loc, way: Way) -> Way | None:
        try:
            self._environment = self._environment or self._made_environment()
            compiled: Expression = self._environment.compile(text, self._written.place(loc, "text"))
        except ExpressionError as error:
            self._written.problems.extend(error.problems)
            return None
        return replace(way, expression=compiled, gives=compiled.gives)

    def _memberships(self, name: str, rule: Rule, loc: Loc, slot: Slot) -> Way | None:
        if slot.spec is None or slot.spec.type is not FieldType.MEMBERSHIPS:
            self._bad_form(name, "memberships", loc, slot)
            return None
        wanted = {"memberships": "references", "title": "texts", "order": "number"}
        for key, shape in wanted.items():
            if (attribute := getattr(rule, key)) is None:
                continue
            type_ = self._type_of(attribute, (*loc, key))
            if type_ not in (None, shape):
                words = {"name": key, "wanted": NAMES[shape], "got": NAMES.get(type_ or "", "something else")}
                at = self._written.place((*loc, key))
                self._add(messages.WRONG_TYPE.at(at, do="Name another attribute.", **words))
        form = Memberships(units=str(rule.memberships), titles=rule.title, order=rule.order)
        spelled = f"memberships: {rule.memberships}"
        return Way(place=self._written.place(loc), spelled=spelled, memberships=form, gives="memberships")

    def _mapping(self, name: str, rule: Rule, loc: Loc, slot: Slot) -> Way | None:
        if slot.shape != "mapping":
            self._bad_form(name, "mapping", loc, slot)
            return None
        inner = Slot(shape="text", conform=_plain_text(), spec=None)
        fields = {
            key: field
            for key, each in (rule.mapping or {}).items()
            if (field := self.field(key, each, (*loc, "mapping", key), inner)) is not None
        }
        spelled = f"mapping: {', '.join(fields)}"
        return Way(place=self._written.place(loc), spelled=spelled, mapping=fields, gives="mapping")

    # --- what a rule says besides -------------------------------------------------------------------------------------

    def _combinations(self, name: str, rule: Rule, loc: Loc, slot: Slot, origin: str) -> None:
        if rule.via and origin != "from":
            do = "Call the functions in the expression: trim(title)." if origin == "expr" else "Remove `via`."
            self._add(
                messages.NOT_TOGETHER.at(self._written.place((*loc, "via"), "key"), name="via", other=origin, do=do)
            )
        for key in ("title", "order"):
            if getattr(rule, key) is not None and origin != "memberships":
                at = self._written.place((*loc, key), "key")
                self._add(messages.NOT_TOGETHER.at(at, name=key, other=origin, do="It belongs to `memberships`."))
        if rule.by is not None and not (self._vocabulary.inbound and slot.shape in ("reference", "references")):
            why = "only references of inbound rules name others"
            at = self._written.place((*loc, "by"))
            self._add(messages.BAD_BY.at(at, name=foreign(rule.by), why=why, similar=""))
        if rule.on_error == "default":
            at = self._written.place((*loc, "on_error"))
            if rule.default is None:
                self._add(messages.NO_DEFAULT.at(at))
            if slot.spec and slot.spec.immutable:
                self._add(messages.IMMUTABLE_DEFAULT.at(at, name=name))

    def _constant(self, name: str, value: Value, loc: Loc, slot: Slot, *, whose: str) -> Value:
        place = self._written.place(loc)
        if slot.spec and slot.spec.unique and not slot.spec.late:
            kind = self._vocabulary.kind.value
            self._add(messages.SAME_FOR_ALL.at(place, name=name, kind=kind, whose=whose))
        try:
            return slot.conform(value)
        except Unfit as unfit:
            self._add(messages.DOES_NOT_FIT.at(place, name=name, whose=whose, why=unfit.problem.what))
            return value

    def _default(self, name: str, rule: Rule, loc: Loc, slot: Slot) -> Any:
        if rule.default is None:
            return ABSENT
        default = tuple(rule.default) if isinstance(rule.default, list) else rule.default
        return self._constant(name, default, (*loc, "default"), slot, whose="default")

    def _clear(self, name: str, rule: Rule, loc: Loc, slot: Slot) -> bool:
        if rule.on_null != "clear":
            return False
        at = self._written.place((*loc, "on_null"))
        if rule.default is not None:
            self._add(messages.NOT_TOGETHER.at(at, name="on_null: clear", other="default", do="Keep one of the two."))
        if slot.spec and (slot.spec.required or not slot.spec.clearable):
            why = " (it is required)" if slot.spec.required else ""
            self._add(messages.NOT_CLEARABLE.at(at, name=name, why=why))
        return True

    def _unique(self, name: str, rule: Rule, loc: Loc, slot: Slot) -> Numbering | None:
        if rule.unique is False:
            return None
        if slot.spec is None or slot.shape != "text":
            do = "Only text fields of the target can be made unique."
            at = self._written.place((*loc, "unique"), "key")
            self._add(messages.NOT_TOGETHER.at(at, name="unique", other=name, do=do))
            return None
        written = rule.unique if isinstance(rule.unique, Unique) else Unique()
        then = []
        for index, each in enumerate(written.then):
            if field := self.field(name, each, (*loc, "unique", "then", index), slot):
                then.append(field)
        return Numbering(then=tuple(then), count=written.numbered, limit=slot.spec.max_length or 256)

    # --- telling ------------------------------------------------------------------------------------------------------

    def _wrong_type(self, name: str, way: Way, slot: Slot) -> None:
        got = NAMES.get(way.gives, way.gives)
        do = advice(slot.shape, way.gives)
        self._add(messages.WRONG_TYPE.at(way.place, name=name, wanted=NAMES[slot.shape], got=got, do=do))

    def _bad_form(self, name: str, form: str, loc: Loc, slot: Slot) -> None:
        words = {"form": form, "wanted": form if form == "memberships" else "a mapping", "name": name}
        place = self._written.place((*loc, form), "key")
        self._add(messages.BAD_FORM.at(place, got=NAMES.get(slot.shape, slot.shape), **words))

    def _add(self, problem: Problem) -> None:
        self._written.problems.append(problem)


_SURE = frozenset({"text"})
"""Shapes whose values need no look when the types agree: what is no text fails by itself at the test for blanks."""


def _alternatives(written: Written_, loc: Loc) -> list[tuple[Rule, Loc]]:
    """Return the ways of one field, each with its place."""
    if isinstance(written, str | Rule):
        return [(_rule(written), loc)]
    return [(_rule(each), (*loc, index)) for index, each in enumerate(written)] or [(Rule(), loc)]


def _rule(written: str | Rule) -> Rule:
    return Rule.model_validate({"from": written}) if isinstance(written, str) else written


def _plain_text() -> Callable[[Any], Value]:
    from syncd.core.attributes import PERSON
    from syncd.mapping.shapes import attribute_conform

    return attribute_conform(PERSON["title"])


def _expressions(model: object) -> Iterator[str]:
    """Yield the text of every expression below a model."""
    if isinstance(model, BaseModel):
        for name in type(model).model_fields:
            value = getattr(model, name)
            if name in ("expr", "when") and isinstance(value, str):
                yield value
            else:
                yield from _expressions(value)
    elif isinstance(model, Mapping):
        for value in model.values():
            yield from _expressions(value)
    elif isinstance(model, list | tuple):
        for value in model:
            yield from _expressions(value)
