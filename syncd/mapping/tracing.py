"""Rules run step by step: slower than the generated function, equal in result, and able to say how it came about.

`explain` uses it for everything, and mapping uses it for the one field that went wrong, to tell why. A property test
holds the two ways together. Functions are pure, so running them again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from syncd.core.errors import Problem
from syncd.core.values import Value, is_empty
from syncd.mapping import messages
from syncd.mapping.expression import bounded, seen
from syncd.mapping.functions import Unfit, wrong_type
from syncd.mapping.plan import ABSENT, Absent, Condition, Field, Memberships, OnError, Rules, Step, Way, inputs_of
from syncd.mapping.results import FieldTrace
from syncd.mapping.words import ROW, is_word

Look = Callable[[str], Value]
"""Gives an attribute by name, None where it is absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one field."""

    value: Value | Absent
    """ABSENT: the field is not ours to touch."""
    trace: FieldTrace
    parked: Problem | None = None
    """Why the whole object is left as it is."""
    warning: Problem | None = None
    """Why this field is left out, or has its default."""


@dataclass(slots=True)
class Interpreter:
    """Runs the rules of one kind over one record."""

    rules: Rules
    look: Look
    present: Callable[[str], bool] = lambda _name: True
    """Tells whether anything is known of an attribute: only then may `on_null: clear` clear."""
    _activation: Any = field(default=None, init=False)
    _values: dict[str, Any] = field(default_factory=dict, init=False)

    def aside(self) -> tuple[Condition | None, bool, Problem | None]:
        """Return the exclude rule that applies, whether the object is included, and what kept that from being decided."""
        try:
            for condition in self.rules.exclude:
                if self.value(condition.way, []) is True:
                    return condition, False, None
            included = not self.rules.include or any(self.value(each.way, []) is True for each in self.rules.include)
            return None, included, None
        except Unfit as unfit:
            problem = unfit.problem
            return None, False, messages.CONDITION_FAILED.at(problem.place, why=_why(problem), do=problem.do)

    def field(self, plan: Field) -> Outcome:
        """Return what comes of one field."""
        notes: list[str] = []
        tried: tuple[Way, list[tuple[str, Value]]] = (plan.ways[-1], [])
        for way in plan.ways:
            steps: list[tuple[str, Value]] = []
            try:
                if way.when is not None and self.value(way.when, []) is not True:
                    notes.append(f"not applied: {way.spelled} (when {way.when.spelled})")
                    continue
                tried = (way, steps)
                value = self.value(way, steps)
                if not is_empty(value):
                    value = plan.conform(value)
                    return Outcome(
                        value=value, trace=self._trace(plan, way, steps, output=value, note="; ".join(notes))
                    )
            except Unfit as unfit:
                return self._failed(plan, way, steps, unfit.problem)
        return self._nothing(plan, *tried, notes)

    def _nothing(self, plan: Field, way: Way, steps: list[tuple[str, Value]], notes: list[str]) -> Outcome:
        value: Value | Absent = ABSENT
        if plan.default is not ABSENT:
            value = plan.default
            notes.append("the default")
        elif plan.clear and any(map(self.present, plan.inputs)):
            value = None
            notes.append("nothing, and on_null is clear")
        absent = value is ABSENT
        output = None if isinstance(value, Absent) else value
        return Outcome(
            value=value, trace=self._trace(plan, way, steps, output=output, absent=absent, note="; ".join(notes))
        )

    def _failed(self, plan: Field, way: Way, steps: list[tuple[str, Value]], why: Problem) -> Outcome:
        problem = messages.CANNOT_FILL.at(way.place, field=plan.name, why=_why(why), do=why.do)
        trace = self._trace(plan, way, steps, absent=True, problem=problem)
        match way.on_error:
            case OnError.PARK:
                return Outcome(value=ABSENT, trace=replace(trace, note="the object is left as it is"), parked=problem)
            case OnError.DEFAULT if not isinstance(plan.default, Absent):
                trace = replace(trace, output=plan.default, absent=False, note="the default, because of the problem")
                return Outcome(value=plan.default, trace=trace, warning=problem)
            case _:
                return Outcome(value=ABSENT, trace=replace(trace, note="the field is left out"), warning=problem)

    def _trace(
        self,
        plan: Field,
        way: Way,
        steps: list[tuple[str, Value]],
        *,
        output: Value = None,
        absent: bool = False,
        problem: Problem | None = None,
        note: str = "",
    ) -> FieldTrace:
        return FieldTrace(
            field=plan.name,
            rule=way.place,
            spelled=way.spelled,
            inputs={name: self.look(name) for name in inputs_of(way)},
            steps=tuple(steps),
            output=output,
            absent=absent,
            problem=problem,
            note=note,
        )

    # --- values -------------------------------------------------------------------------------------------------------

    def value(self, way: Way, steps: list[tuple[str, Value]]) -> Value:
        """Return what a way gives; each step is added to `steps`. Raises Unfit with the way's place."""
        try:
            return self._value(way, steps)
        except Unfit as unfit:
            problem = unfit.problem
            raise Unfit(problem if problem.place.file else replace(problem, place=way.place)) from None

    def _value(self, way: Way, steps: list[tuple[str, Value]]) -> Value:
        if way.expression is not None:
            return self._expression(way, steps)
        if way.memberships is not None:
            return memberships(*(self.look(name) if name else None for name in names_of(way.memberships)))
        if way.mapping is not None:
            return self._mapping(way.mapping)
        if not isinstance(way.constant, Absent):
            return way.constant
        value: Value = tuple(map(self.look, way.inputs)) if way.joined else self.look(way.inputs[0])
        for step in way.steps:
            if step.takes_none or not (value is None or value == ""):
                value = call(step, value)
            steps.append((step.spelled, value))
        return value

    def _expression(self, way: Way, steps: list[tuple[str, Value]]) -> Value:
        expression = way.expression
        if expression is None or any(self.look(name) is None for name in expression.needs):
            return None
        if self._activation is None:
            self._values = activation_values(self.rules, self.look)
            self._activation = self.rules.activation(self._values)
        if expression.loops:
            bounded(expression, self._values)
        value = expression.call(self._activation)
        steps.append((expression.text, value))
        return value

    def _mapping(self, fields: Mapping[str, Field]) -> Value:
        found: dict[str, Value] = {}
        for name, plan in fields.items():
            outcome = self.field(plan)
            if outcome.parked is not None:
                raise Unfit(outcome.parked)
            if not isinstance(outcome.value, Absent):
                found[name] = outcome.value
        return found


def call(step: Step, value: Value) -> Value:
    """Run one step. Raises Unfit whatever goes wrong, because one record must never stop the others."""
    try:
        return step.call(value)
    except Unfit:
        raise
    except TypeError:
        raise Unfit(wrong_type(step.function, value)) from None
    except Exception as error:  # a defect of a function, told as one
        raise Unfit(messages.STEP_FAILED.at(error=type(error).__name__)) from error


def activation_values(rules: Rules, look: Look) -> dict[str, Any]:
    """Return what the expressions of a section see of a record."""
    values = {name: seen(type_, look(name)) for name, type_ in rules.variables.items() if is_word(name)}
    return values | (
        {ROW: {name: seen(rules.variables[name], look(name)) for name in rules.columns}} if rules.columns else {}
    )


def memberships(units: Value, titles: Value = None, order: Value = None) -> Value:
    """Return memberships: every unit once, with its title; the main one, which is the first, with the order."""
    if titles is None and order is None and type(units) is tuple and len(units) == 1:  # nearly everybody
        return ({"unit": str(units[0])},)
    if not isinstance(units, Sequence) or isinstance(units, str):
        return None
    named = titles if isinstance(titles, Sequence) and not isinstance(titles, str) else ()
    found: list[dict[str, Value]] = []
    for index, unit in enumerate(dict.fromkeys(str(each) for each in units)):
        member: dict[str, Value] = {"unit": unit}
        if index == 0 and order is not None:
            member["order"] = order
        if index < len(named) and not is_empty(named[index]):
            member["title"] = named[index]
        found.append(member)
    return tuple(found)


def names_of(form: Memberships) -> tuple[str, str | None, str | None]:
    """Return the three attributes of a membership form, in the order that `memberships` takes."""
    return form.units, form.titles, form.order


def _why(problem: Problem) -> str:
    what = problem.what
    return what if problem.message is messages.CANNOT_FILL else f"{what[:1].lower()}{what[1:]}"
