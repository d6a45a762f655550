"""The items of `via` made ready to be called: names found, arguments checked, types followed from one to the next.

A function is made once for each use, here, when rules are loaded; what it is called with comes much later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncd.core.errors import Problem, SyncdError
from syncd.core.values import Value
from syncd.mapping import messages
from syncd.mapping.functions import FUNCTIONS, Function, FunctionError, Surroundings, find, prepare
from syncd.mapping.plan import Step
from syncd.mapping.schema import ViaItem


class ViaError(SyncdError):
    """An item of `via` is wrong; `index` says which, None for the list as a whole."""

    def __init__(self, index: int | None, *problems: Problem) -> None:
        self.index = index
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def steps(via: Sequence[ViaItem], types: Sequence[str], around: Surroundings) -> tuple[Step, ...]:
    """Return the steps of `via` for inputs of these types. Several inputs go into the first step as one tuple.

    Raises ViaError at the first item that is wrong: what comes after it depends on it.
    """
    piped = types[0] if len(set(types)) == 1 else "any"
    made: list[Step] = []
    for index, item in enumerate(via):
        try:
            name, given = item_of(item)
            function = find(FUNCTIONS, name)
            made.append(_step(function, given, piped, around, together=index == 0 and len(types) > 1))
        except FunctionError as error:
            raise ViaError(index, *error.problems) from None
        piped = made[-1].gives
    if len(types) > 1 and not (made and made[0].function.joins):
        joiners = ", ".join(sorted(name for name, function in FUNCTIONS.items() if function.joins))
        raise ViaError(None, messages.SEVERAL_INPUTS.at(joiners=joiners))
    return tuple(made)


def item_of(item: ViaItem) -> tuple[str, Any]:
    """Return the function's name and what stands behind it. Raises FunctionError for anything but one function."""
    if isinstance(item, str):
        return item, None
    if len(item) != 1:
        why = "each item is one function; begin a new item with `-` or a comma"
        raise FunctionError(messages.WRONG_SHAPE.at(name="via", why=why))
    return next(iter(item.items()))


def spelled(given: Value) -> str:
    """Return a value the way a rule writes it."""
    if isinstance(given, Mapping):
        return "{" + ", ".join(f"{key}: {spelled(value)}" for key, value in given.items()) + "}"
    if isinstance(given, list | tuple):
        return "[" + ", ".join(spelled(value) for value in given) + "]"
    return str(given).lower() if isinstance(given, bool) else str(given)


def _step(function: Function, given: Any, piped: str, around: Surroundings, *, together: bool) -> Step:
    call, gives = prepare(function, given, around, piped=piped)
    if function.joins and not together and piped != "texts":
        call = _alone(call)
    return Step(
        spelled=function.name if given is None else f"{function.name}: {spelled(given)}",
        call=call,
        function=function,
        # A function that joins is called even where every input is absent.
        takes_none=function.takes_none or together,
        gives="any" if gives == "same" else gives,
    )


def _alone(call: Callable[[Any], Value]) -> Callable[[Any], Value]:
    """Return a joining call for one value, which may or may not be a list."""
    return lambda value: call(value if isinstance(value, tuple | list) else (value,))
