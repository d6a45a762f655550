"""What a compiled expression is, what it sees of a record, and how much it may make of one. Knows nothing of CEL, which
`syncd.mapping.environment` loads for the rules that have expressions.

What is absent is "" for a text and [] for a list; an expression that reads an absent number or flag is not evaluated at all (the
caller looks at `needs`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from syncd.core.errors import Problem, SyncdError
from syncd.core.values import Value
from syncd.mapping import messages
from syncd.mapping.functions import Unfit
from syncd.mapping.words import Words, scan

MAX_WORK: Final = 2**28
"""Characters that an expression with a loop may possibly make of one record; ordinary ones stay below a thousandth of it."""
_ITERATIONS: Final = 10_000
"""CEL ends an evaluation after about so many (measured); part of the estimate of its work."""


class ExpressionError(SyncdError):
    """An expression is wrong; raised at load with every problem of it."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A compiled expression."""

    text: str
    reads: tuple[str, ...]
    """Names of the attributes that it looks at."""
    needs: tuple[str, ...]
    """Those of them that are numbers or flags: where one is absent, the result is nothing."""
    gives: str
    """The type of the result, in the language's words."""
    loops: int
    """How many macros go through a list."""
    weight: int
    """How often over each round of a loop can repeat what the record holds."""
    call: Callable[[Any], Value]
    """Evaluates within an activation. Raises Unfit."""


def seen(type_: str, value: Value) -> Any:
    """Return a value as expressions see it: absent text is "", an absent list []; an absent number or flag is never seen."""
    if value is None:
        return {"texts": [], "references": [], "flag": False, "number": 0}.get(type_, "")
    return list(value) if isinstance(value, tuple) else value


def bounded(expression: Expression, values: Mapping[str, Any]) -> None:
    """Raise Unfit where a record is so large that an expression with a loop could exhaust the process."""
    characters, items = _size(values)
    rounds = min(_ITERATIONS, max(items, expression.weight) ** expression.loops)
    if characters * rounds * expression.weight > MAX_WORK:
        raise Unfit(messages.TOO_BIG.at())


def words_of(texts: Sequence[str]) -> list[Words]:
    """Return the words of all expressions of a section."""
    return [scan(text) for text in texts]


def _size(value: Any) -> tuple[int, int]:
    """Return the characters and the list items in a value."""
    if isinstance(value, str):
        return len(value), 0
    if isinstance(value, Mapping):
        inner = [_size(item) for item in value.values()]
    elif isinstance(value, Sequence):
        inner = [(1, 1), *(_size(item) for item in value)]
        inner.append((len(value), len(value)))
    else:
        return 1, 0
    return sum(each[0] for each in inner), sum(each[1] for each in inner)
