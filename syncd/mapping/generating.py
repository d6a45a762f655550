"""Plans turned into one Python function for each kind of object: hand-written speed for rules that nobody had to write.

The function is made of names that stand for checked callables and of texts that went through `repr`; nothing that stands
in a rule file is ever run as Python. It tells results and which fields went wrong; why they did, `tracing` finds out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from syncd.core.errors import Place
from syncd.core.values import Value, Values, is_empty
from syncd.mapping.expression import bounded, seen
from syncd.mapping.plan import Absent, Field, Rules, Way
from syncd.mapping.shapes import Conform, TextWithin, text_shape
from syncd.mapping.tracing import memberships, names_of
from syncd.mapping.vocabulary import PATH
from syncd.mapping.words import ROW, is_word

INCLUDED: Final = -1
NOT_INCLUDED: Final = -2
UNDECIDED: Final = -3
"""What the first part of the result says besides the index of an exclude rule."""

Run = Callable[[Values, Values, Values, Any], tuple[int, dict[str, Value], list[int] | None, Mapping[str, Place]]]
"""(own attributes, unit's, manager's, path) -> (INCLUDED or why not, values, fields that went wrong, places of rules)."""

_TEXTUAL: Final = frozenset({"text", "date", "instant", "reference"})
_OPENING: Final = """def run(F, U, M, p):
    g = F.get
    u = U.get
    m = M.get
    f = {}
    bad = act = None
    o = O
"""
_PREFIXES: Final = {"unit": "u", "parent": "u", "manager": "m"}


def generate(rules: Rules, *, inbound: bool) -> Run:
    """Return the function that maps one object of a kind."""
    emitter = _Emitter(rules=rules, inbound=inbound)
    source = emitter.source()
    namespace = emitter.names
    exec(compile(source, "<rules>", "exec"), namespace)  # noqa: S102 - our own text, see the module's first lines
    made: Run = namespace["run"]
    return made


@dataclass(slots=True)
class _Emitter:
    """Writes the lines of the function and collects what its names stand for."""

    rules: Rules
    inbound: bool
    names: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    depth: int = 1

    def source(self) -> str:
        places = {plan.name: plan.ways[0].place for plan in self.rules.fields} | dict(self.rules.places)
        self.names |= {
            "O": places,
            "E": is_empty,
            "S": seen,
            "B": bounded,
            "MS": memberships,
            "A": self.rules.activation,
            "W": _elsewhere(),
        }
        self._conditions()
        for index, plan in enumerate(self.rules.fields):
            self._guarded(index, plan)
        body = "\n".join(self.lines)
        return f"{_OPENING}{body}\n    return -1, f, bad, o\n"

    def _say(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def _name(self, prefix: str, thing: Any) -> str:
        name = f"{prefix}{len(self.names)}"
        self.names[name] = thing
        return name

    def _get(self, name: str) -> str:
        """Return the code that reads an attribute."""
        if not self.inbound:
            prefix, _, rest = name.partition(".")
            if name == PATH:
                return "p"
            if rest and prefix in _PREFIXES:
                return f"{_PREFIXES[prefix]}({rest!r})"
        return f"g({name!r})"

    def _present(self, name: str) -> str:
        got = self._get(name)
        if got == "p":
            return "bool(p)"
        where = {"g": "F", "u": "U", "m": "M"}[got[0]]
        return f"{got[2:-1]} in {where}"

    # --- conditions on the whole object -------------------------------------------------------------------------------

    def _conditions(self) -> None:
        if not self.rules.include and not self.rules.exclude:
            return
        self._say("try:")
        self.depth += 1
        for index, condition in enumerate(self.rules.exclude):
            self._value(condition.way, "w")
            self._say(f"if w is True: return {index}, f, bad, o")
        if self.rules.include:
            self._say("while True:")
            self.depth += 1
            for condition in self.rules.include:
                self._value(condition.way, "w")
                self._say("if w is True: break")
            self._say("return -2, f, bad, o")
            self.depth -= 1
        self.depth -= 1
        self._say("except Exception: return -3, f, bad, o")

    # --- fields -------------------------------------------------------------------------------------------------------

    def _guarded(self, index: int, plan: Field) -> None:
        self._say("try:")
        self.depth += 1
        self._field(plan, "f")
        self.depth -= 1
        self._say("except Exception:")
        self._say(f"    bad = [*(bad or ()), {index}]")

    def _field(self, plan: Field, into: str) -> None:
        """Write the code that puts the field's value, if it has one, into the mapping `into`."""
        self._say("while True:")
        self.depth += 1
        for number, way in enumerate(plan.ways):
            if way.when is not None:
                self._value(way.when, "w")
                self._say("if w is True:")
                self.depth += 1
            self._way(plan, way, into, number=number)
            if way.when is not None:
                self.depth -= 1
        self._nothing(plan, into)
        self._say("break")
        self.depth -= 1

    def _way(self, plan: Field, way: Way, into: str, *, number: int) -> None:
        variable = f"v{self.depth}"
        self._value(way, variable)
        self._say(f"if {_says_something(way, variable)}:")
        self.depth += 1
        if not plan.checked:
            self._say(f"{self._unfit(plan.conform, variable)}{variable} = {self._name('c', plan.conform)}({variable})")
        self._say(f"{into}[{plan.name!r}] = {variable}")
        if number and into == "f":
            self._say(f"o = W(o, {plan.name!r}, {self._name('P', way.place)})")
        self._say("break")
        self.depth -= 1

    def _unfit(self, conform: Conform, variable: str) -> str:
        """Return the test that lets those values pass by a check that it would return as they are."""
        if conform is text_shape:
            return f"if type({variable}) is not str: "
        if not isinstance(conform, TextWithin) or conform.forbidden:
            return ""
        matched = "" if conform.whole is None else f" or not {self._name('r', conform.whole)}({variable})"
        return f"if type({variable}) is not str or len({variable}) > {conform.limit}{matched}: "

    def _nothing(self, plan: Field, into: str) -> None:
        if not isinstance(plan.default, Absent):
            self._say(f"{into}[{plan.name!r}] = {self._name('D', plan.default)}")
        elif plan.clear and self.inbound:
            self._say(f"{into}[{plan.name!r}] = None")
        elif plan.clear:
            known = " or ".join(self._present(name) for name in plan.inputs) or "False"
            self._say(f"if {known}: {into}[{plan.name!r}] = None")

    # --- values -------------------------------------------------------------------------------------------------------

    def _value(self, way: Way, variable: str) -> None:
        """Write the code that puts what a way gives into `variable`."""
        if way.expression is not None:
            self._expression(way, variable)
        elif way.memberships is not None:
            given = ", ".join(self._get(name) if name else "None" for name in names_of(way.memberships))
            self._say(f"{variable} = MS({given})")
        elif way.mapping is not None:
            self._mapping(way.mapping, variable)
        elif not isinstance(way.constant, Absent):
            self._say(f"{variable} = {self._name('K', way.constant)}")
        else:
            self._piped(way, variable)

    def _piped(self, way: Way, variable: str) -> None:
        if way.joined:
            self._say(f"{variable} = ({', '.join(map(self._get, way.inputs))},)")
        else:
            self._say(f"{variable} = {self._get(way.inputs[0])}")
        type_ = "joined" if way.joined else way.types[0]
        for step in way.steps:
            guard = "" if step.takes_none else _guard(type_, variable)
            self._say(f"{guard}{variable} = {self._name('s', step.call)}({variable})")
            type_ = step.gives

    def _mapping(self, fields: Mapping[str, Field], variable: str) -> None:
        inner = f"d{self.depth}"
        self._say(f"{inner} = {{}}")
        for plan in fields.values():
            self._field(plan, inner)
        self._say(f"{variable} = {inner}")

    def _expression(self, way: Way, variable: str) -> None:
        expression = way.expression
        if expression is None:
            return
        if expression.needs:
            known = " or ".join(f"{self._get(name)} is None" for name in expression.needs)
            self._say(f"if {known}: {variable} = None")
            self._say("else:")
            self.depth += 1
        self._say("if act is None:")
        self._say(f"    a = {self._activation()}")
        self._say("    act = A(a)")
        if expression.loops:
            self._say(f"B({self._name('X', expression)}, a)")
        self._say(f"{variable} = {self._name('x', expression.call)}(act)")
        if expression.needs:
            self.depth -= 1

    def _activation(self) -> str:
        types, columns = self.rules.variables, self.rules.columns
        seen_names = [name for name in types if is_word(name)]
        parts = [f"{name!r}: {self._seen(name)}" for name in seen_names]
        if columns:
            row = ", ".join(f"{name!r}: {self._seen(name)}" for name in columns)
            parts.append(f"{ROW!r}: {{{row}}}")
        return "{" + ", ".join(parts) + "}"

    def _seen(self, name: str) -> str:
        type_ = self.rules.variables[name]
        return f"{self._get(name)} or ''" if type_ in _TEXTUAL else f"S({type_!r}, {self._get(name)})"


def _elsewhere() -> Callable[[Mapping[str, Place], str, Place], Mapping[str, Place]]:
    """Return the function that puts another place into places. Records differ in few ways, so each result is made once."""
    made: dict[tuple[int, str, int], Mapping[str, Place]] = {}

    def elsewhere(places: Mapping[str, Place], name: str, place: Place) -> Mapping[str, Place]:
        # By identity: whatever is asked with is held by the rules or by `made`, as long as it is not full.
        key = (id(places), name, id(place))
        if (known := made.get(key)) is None:
            known = {**places, name: place}
            if len(made) < _WAYS_KEPT:
                made[key] = known
        return known

    return elsewhere


_WAYS_KEPT: Final = 4096


def _guard(type_: str, variable: str) -> str:
    """Return the test that lets nothing and empty text pass by a step."""
    if type_ in _TEXTUAL:
        return f"if {variable}: "
    if type_ in ("number", "flag", "texts", "references", "joined"):
        return f"if {variable} is not None: "
    return f"if {variable} is not None and {variable} != '': "


def _says_something(way: Way, variable: str) -> str:
    """Return the test for a value that is not empty (`is_empty`, written out where the type is known)."""
    if way.gives in _TEXTUAL:
        return f"{variable} and not {variable}.isspace()"
    return f"{variable} is not None" if way.gives in ("number", "flag") else f"not E({variable})"
