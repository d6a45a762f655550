"""From a `via` item as it is written (`truncate: 20`) to complete, checked arguments. Runs at load only.

All problems of one item are told at once. What only the function can know (is the pattern a pattern?) is left to its
`make`; this module knows names, types, words to choose from and bounds.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from syncd.core.errors import Problem, foreign, message
from syncd.core.values import Value
from syncd.mapping.functions.contract import (
    UNSET,
    Arguments,
    Call,
    Function,
    FunctionError,
    Param,
    Surroundings,
    each,
    kind_of,
)

UNKNOWN_FUNCTION: Final = message(
    "FUN-001",
    what='There is no function "{function}".{meant}',
    do="Correct the name; docs/reference/functions.md lists all functions.",
    example="via: [trimm]",
)
UNKNOWN_PARAMETER: Final = message(
    "FUN-002",
    what='{function} has no parameter "{parameter}".{meant}',
    do="Correct the name, or remove it; {function} knows: {known}.",
    example="via: [{truncate: {lenght: 20}}]",
)
MISSING_PARAMETER: Final = message(
    "FUN-003",
    what="{function} lacks its parameter {parameter}.",
    do="Give it: {doc}",
    example="via: [truncate]",
)
WRONG_ARGUMENT: Final = message(
    "FUN-004",
    what="{function}: {parameter} must be {wanted}, not {got}.",
    do="Write {wanted} there: {doc}",
    example="via: [{truncate: twenty}]",
)
WRONG_PIPE: Final = message(
    "FUN-005",
    what="{function} takes {takes}, but gets {got} from the step before it.",
    do="Put a step between that gives {takes}, such as `to_text`, `split`, `join` or `nth`.",
    example="via: [{split: ','}, to_number, email]",
)
NO_PARAMETERS: Final = message(
    "FUN-006",
    what="{function} has no parameters.",
    do="Write just `{function}`.",
    example="via: [{trim: 3}]",
)


def find(functions: Mapping[str, Function], name: str) -> Function:
    """Return the function called `name`; `FunctionError` (FUN-001) with the nearest name where there is none."""
    if (found := functions.get(name)) is None:
        raise FunctionError(UNKNOWN_FUNCTION.at(function=foreign(name), meant=meant(name, functions)))
    return found


def meant(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean "…"?`, or nothing where no known name is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f' Did you mean "{near[0]}"?' if near else ""


def bind(function: Function, given: Value = None) -> Arguments:
    """Return the complete arguments for `function` as `given` in the rule; `FunctionError` with all problems.

    `given` is what stands behind the name: nothing, the first parameter's value, or a mapping of parameters by name. A
    function whose first parameter is itself a mapping (`map_values`) also takes that mapping directly.
    """
    named = _named(function, given)
    problems = [
        UNKNOWN_PARAMETER.at(
            function=function.name,
            parameter=foreign(str(name)),
            meant=meant(str(name), (param.name for param in function.params)),
            known=", ".join(param.name for param in function.params),
        )
        for name in named
        if all(param.name != name for param in function.params)
    ]
    arguments: dict[str, Value] = {}
    for param in function.params:
        value = named.get(param.name, param.default)
        if value is UNSET:
            problems.append(MISSING_PARAMETER.at(function=function.name, parameter=param.name, doc=param.doc))
        elif param.name in named and (problem := _misfit(function, param, value)):
            problems.append(problem)
        else:
            arguments[param.name] = value
    if problems:
        raise FunctionError(*problems)
    return arguments


def prepare(function: Function, given: Value, surroundings: Surroundings, *, piped: str = "any") -> tuple[Call, str]:
    """Return what to call per record and the type that it gives, for one `via` item.

    `piped` is the type that the step before gives. A function that takes one text is applied to each of a list's texts.
    Raises `FunctionError` with everything that is wrong with the item.
    """
    if not (function.joins or function.accepts(piped) or function.lifts(piped)):
        takes = " or ".join(sorted(function.takes))
        raise FunctionError(WRONG_PIPE.at(function=function.name, takes=takes, got=piped))
    call = function.make(surroundings, bind(function, given))
    if function.lifts(piped):
        return each(call), "texts"
    return call, function.result(piped)


def _named(function: Function, given: Value) -> Mapping[str, Value]:
    if given is None:
        return {}
    if not function.params:
        raise FunctionError(NO_PARAMETERS.at(function=function.name))
    first = function.params[0]
    if isinstance(given, Mapping) and (first.type != "mapping" or first.name in given):
        return given
    return {first.name: given}


def _misfit(function: Function, param: Param, value: Value) -> Problem | None:
    wanted = _wanted(param)
    if _fits(param, value):
        return None
    got = f'"{foreign(value)}"' if isinstance(value, str) else str(value) if _is_number(value) else kind_of(value)
    return WRONG_ARGUMENT.at(function=function.name, parameter=param.name, wanted=wanted, got=got, doc=param.doc)


def _wanted(param: Param) -> str:
    if param.choices:
        return "one of " + ", ".join(param.choices)
    bounds = (f" from {param.least}" if param.least is not None else "") + (
        f" to {param.most}" if param.most is not None else ""
    )
    return _WORDS[param.type] + bounds


_WORDS: Final[Mapping[str, str]] = {
    "text": "a text",
    "number": "a whole number",
    "flag": "true or false",
    "texts": "a list of texts",
    "table": "the name of a table",
    "mapping": "a mapping",
    "value": "a text, a number or a flag",
}


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fits(param: Param, value: Value) -> bool:
    match param.type:
        case "text" | "table":
            return isinstance(value, str) and (not param.choices or value in param.choices)
        case "number":
            return (
                isinstance(value, int)
                and not isinstance(value, bool)
                and (param.least is None or value >= param.least)
                and (param.most is None or value <= param.most)
            )
        case "flag":
            return isinstance(value, bool)
        case "texts":
            return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, str) for item in value)
        case "mapping":
            return isinstance(value, Mapping) and all(_is_scalar(item) for item in value.values())
        case _:
            return _is_scalar(value)


def _is_scalar(value: Value) -> bool:
    return isinstance(value, str | int | float | bool)
