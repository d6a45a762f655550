"""The one door to CEL (cel-expr-python): expressions are checked when they are loaded and bounded when they run.

An expression reads typed variables and calls the functions of the library; it cannot do anything else: no files, no clock,
no attributes of Python objects. What is absent is "" for a text and [] for a list; an expression that reads an absent
number or flag is not evaluated at all (the caller looks at `needs`). A result of "" or [] says nothing.

Bounds, all of them tested: the compiler refuses nesting deeper than 32 and the evaluator stops after some ten thousand
iterations (measured with cel-expr-python 0.1.3); patterns are RE2 (linear time); functions return at most 64 KB; and
what CEL does not bound itself, memory, is bounded here by length, growth and the size of the input.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from cel_expr_python import cel

from syncd.config.yaml import did_you_mean
from syncd.core.errors import Place, Problem, foreign
from syncd.core.values import Value
from syncd.mapping import messages
from syncd.mapping.expression import Expression, ExpressionError
from syncd.mapping.functions import FUNCTIONS, REQUIRED, Function, FunctionError, Surroundings, Unfit, bind
from syncd.mapping.words import ROW, is_word, scan

MAX_LENGTH: Final = 4000
"""Characters of one expression."""
MAX_GROWTH: Final = 16
"""How many times over the `map` macros of one expression may repeat a part of its input."""
_ARGUMENTS_KEPT: Final = 256
"""Sets of arguments for which a function stays prepared."""

_T = cel.Type
_STRINGS: Final = _T.List(_T.STRING)
_TYPES: Final[Mapping[str, Any]] = {
    "text": _T.STRING,
    "date": _T.STRING,
    "instant": _T.STRING,
    "reference": _T.STRING,
    "texts": _STRINGS,
    "references": _STRINGS,
    "number": _T.INT,  # numbers of directories are whole; a fraction does not suit and is told as such
    "flag": _T.BOOL,
    "any": _T.DYN,
}
_PARAMETERS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("text", "table", "date"), _T.STRING),
    "number": _T.INT,
    "flag": _T.BOOL,
    "texts": _STRINGS,
}
_PROBES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("text", "date", "instant", "reference", "any"), "1"),
    "texts": ["1"],
    "references": ["1"],
    "number": 1,
    "flag": True,
}
_EMPTY: Final[Mapping[str, Value]] = {"texts": [], "number": None, "any": None}
# CEL has its own functions of these names; their first argument and meaning agree with ours as far as ours are used.
_CEL_OWN: Final = frozenset({"matches", "size", "contains", "startsWith", "endsWith", "int", "string", "type"})
_FINDING: Final = re.compile(r"^(?:.*?)ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?: \(in container ''\))?$", re.MULTILINE)
_UNDECLARED: Final = re.compile(r"undeclared reference to '([^']+)'")


class Environment:
    """The names, types and functions that the expressions of one section of a rule file share."""

    def __init__(self, variables: Mapping[str, str], surroundings: Surroundings, *, calls: frozenset[str]) -> None:
        """`variables` are names with their types; of the functions only those in `calls` are made known to CEL."""
        self._variables = dict(variables)
        self._failed: list[Problem] = []
        self._wrong: list[Problem] = []
        self.read: dict[str, str] = {}
        """What the expressions compiled so far read, with types; `columns` are those read as row["…"]."""
        self.columns: set[str] = set()
        words = {name: _TYPES[type_] for name, type_ in variables.items() if is_word(name)}
        functions = [
            self._declared(FUNCTIONS[name], surroundings) for name in sorted(calls & FUNCTIONS.keys() - _CEL_OWN)
        ]
        self._env = cel.NewEnv(variables={**words, ROW: _T.Map(_T.STRING, _T.DYN)}, functions=functions)

    @property
    def activation(self) -> Callable[[Mapping[str, Any]], Any]:
        """Make what expressions are evaluated in, from CEL variable to value (see `seen`). One for each record."""
        made: Callable[[Mapping[str, Any]], Any] = self._env.Activation
        return made

    def compile(self, text: str, place: Place) -> Expression:
        """Check and compile an expression that begins at `place`. Raises ExpressionError."""
        if len(text) > MAX_LENGTH:
            raise ExpressionError(messages.TOO_LONG.at(place, length=len(text), limit=MAX_LENGTH))
        words = scan(text)
        if words.growth > MAX_GROWTH:
            raise ExpressionError(messages.GROWS.at(place, times=words.growth, limit=MAX_GROWTH))
        if unknown := set(words.columns) - self._variables.keys():
            raise ExpressionError(*(self._unknown(name, text, place) for name in sorted(unknown)))
        if words.free_row:
            raise ExpressionError(
                messages.EXPRESSION.at(place, why='row takes a constant name, as in row["Employee No"]')
            )
        try:
            compiled = self._env.compile(text)
        except Exception as error:  # noqa: BLE001 - the binding raises bare RuntimeErrors, and MemoryError
            raise ExpressionError(*self._problems(str(error), text, place)) from None
        reads = words.reads(frozenset(self._variables))
        self._probe(compiled, place)
        self.read |= {name: self._variables[name] for name in reads}
        self.columns |= set(words.columns)
        return Expression(
            text=text,
            reads=reads,
            needs=tuple(name for name in reads if self._variables[name] in ("number", "flag")),
            gives=_word(compiled.return_type()),
            loops=words.loops,
            weight=words.leaves * words.growth,
            call=self._call(compiled),
        )

    def _probe(self, compiled: Any, place: Place) -> None:
        """Evaluate once with stand-ins, to find arguments that no function takes (a bad pattern, an unknown table)."""
        self._wrong.clear()
        values: dict[str, Any] = {name: _PROBES[type_] for name, type_ in self._variables.items() if is_word(name)}
        values[ROW] = {name: "1" for name in self._variables if not is_word(name)}
        with contextlib.suppress(RuntimeError, MemoryError, TypeError):
            compiled.eval(self._env.Activation(values))
        if self._wrong:
            raise ExpressionError(*(replace(problem, place=place) for problem in self._wrong))

    def _call(self, compiled: Any) -> Callable[[Any], Value]:
        evaluate, error_type, failed = compiled.eval, _T.ERROR, self._failed

        def call(activation: Any) -> Value:
            failed.clear()
            try:
                result = evaluate(activation)
                # An error comes back as a value whose text would otherwise become somebody's name.
                if result.type() == error_type:
                    raise Unfit(failed[-1] if failed else messages.EVALUATION.at(why=_reason(result.value())))
            except (RuntimeError, MemoryError, TypeError) as error:
                raise Unfit(failed[-1] if failed else messages.EVALUATION.at(why=_reason(str(error)))) from None
            value = result.plain_value()
            return tuple(value) if isinstance(value, list) else value

        return call

    def _problems(self, told: str, text: str, place: Place) -> list[Problem]:
        findings = _FINDING.findall(told) or [("1", "1", told.split("\n")[0])]
        real = [finding for finding in findings if not finding[2].startswith("<<nil>>")]  # an echo of a syntax error
        return [self._problem(int(line), int(column), why, text, place) for line, column, why in real]

    def _problem(self, line: int, column: int, why: str, text: str, place: Place) -> Problem:
        unknown = _UNDECLARED.search(why)
        if unknown is None:
            at = _moved(place, max(line, 1), max(column, 1))
            return messages.EXPRESSION.at(at, why=foreign(why))
        return self._unknown(unknown.group(1), text, place)

    def _unknown(self, name: str, text: str, place: Place) -> Problem:
        before = text[: max(text.find(name), 0)]
        at = _moved(place, before.count("\n") + 1, len(before) - before.rfind("\n"))
        known = [*self._variables, *FUNCTIONS]
        return messages.UNKNOWN_NAME.at(at, name=foreign(name), similar=did_you_mean(name, known))

    def _declared(self, function: Function, surroundings: Surroundings) -> Any:
        overloads: list[Any] = []
        for taken in _taken(function):
            least = sum(param.default is REQUIRED for param in function.params)
            for count in range(least, len(function.params) + 1):
                parameters = [taken, *(_PARAMETERS.get(param.type, _T.DYN) for param in function.params[:count])]
                for member in (False, True):
                    name = f"{function.name}_{'m' if member else 'f'}{len(overloads)}"
                    overloads.append(
                        cel.Overload(
                            name,
                            return_type=_returned(function, taken),
                            parameters=parameters,
                            is_member=member,
                            impl=self._implementation(function, surroundings),
                        )
                    )
        return cel.FunctionDecl(function.name, overloads)

    def _implementation(self, function: Function, surroundings: Surroundings) -> Callable[..., Any]:
        prepared: dict[Any, Callable[[Any], Value]] = {}
        names = [param.name for param in function.params]
        passes = not (function.takes_none or function.joins)
        empty = _EMPTY.get(function.gives, "")

        def run(value: Any, *arguments: Any) -> Any:
            if passes and (value is None or value == ""):
                return empty
            key = repr(arguments)
            if (call := prepared.get(key)) is None:
                if len(prepared) >= _ARGUMENTS_KEPT:
                    prepared.clear()
                given = {name: _plain(argument) for name, argument in zip(names, arguments, strict=False)}
                call = prepared[key] = function.make(surroundings, bind(function, given or None))
            result = call(tuple(_plain(value)) if isinstance(value, list) else _plain(value))
            return empty if result is None else list(result) if isinstance(result, tuple) else result

        def implementation(value: Any, *arguments: Any) -> Any:
            try:
                return run(value, *arguments)
            except (Unfit, FunctionError) as error:
                self._failed.append(error.problem)
                if isinstance(error, FunctionError):
                    self._wrong.extend(error.problems)
                raise

        return implementation


def _taken(function: Function) -> list[Any]:
    if function.joins:
        return [_T.List(_T.DYN)]
    if "any" in function.takes:
        return [_T.DYN]
    taken: list[Any] = []
    for word in sorted(function.takes):
        kinds = [_T.INT, _T.DOUBLE] if word == "number" else [_TYPES.get(word, _T.DYN)]
        taken += [kind for kind in kinds if not any(kind == known for known in taken)]
    return taken


def _returned(function: Function, taken: Any) -> Any:
    if function.gives == "number":
        return _T.DYN  # whole or fraction: only the value can tell
    return taken if function.gives == "same" else _TYPES.get(function.gives, _T.DYN)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.plain_value() if hasattr(value, "plain_value") else value


def _word(type_: Any) -> str:
    if type_ == _T.STRING:
        return "text"
    if type_ == _T.BOOL:
        return "flag"
    if any(type_ == number for number in (_T.INT, _T.UINT, _T.DOUBLE)):
        return "number"
    if type_ == _STRINGS:
        return "texts"
    name = str(type_.name())
    if name.startswith("MAP"):
        return "mapping"
    return "any" if name.startswith(("DYN", "LIST", "NULL")) else name.lower()


def _moved(place: Place, line: int, column: int) -> Place:
    # A block text (`|`) is indented as its first line, so columns move with it.
    return Place(file=place.file, line=place.line + line - 1, column=place.column + column - 1)


def _reason(told: object) -> str:
    """Return CEL's reason without values: its own words after the status, cut before any detail."""
    words = str(told).split(": ", 1)[-1].split(" [", 1)[0]
    known = (
        "divide by zero",
        "modulus by zero",
        "No matching overload",
        "Iteration budget",
        "out of range",
        "overflow",
    )
    return next((word for word in known if word.lower() in words.lower()), "a value did not suit it")
