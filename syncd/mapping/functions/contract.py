"""What a function of the mapping language is, and the few words that every family of functions shares.

A function is described once (types, parameters, documentation, examples) and made once per use, when a rule file is
loaded; what is made is a plain callable that does the least for each record. This module knows no function, reads no
file, and never puts a person's value into a message: `syncd explain` shows values to those who may see them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, NoReturn

from syncd.core.errors import Message, Problem, SyncdError, message
from syncd.core.fields import FieldSpec
from syncd.core.values import Value

RESULT_LIMIT: Final = 65_536
"""Characters that a function may return as one text, and items as one list; more is `Unfit` (FUN-101)."""

TYPES: Final = frozenset({"text", "texts", "number", "flag", "date", "instant", "mapping", "any"})
"""What a value can be while it passes through `via`. Dates and instants are texts of one form: a function that takes
`text` takes them too (see `accepts`)."""

Call = Callable[[Any], Value]
"""What is called per record. Any value may be handed in; it raises `Unfit` where the value cannot be converted, and
`TypeError` where the value is not of a type that the function takes; nothing else."""
Arguments = Mapping[str, Any]
"""Complete arguments by name; `bind` has checked each against its `Param`, so a `make` may rely on the types."""
Tables = Mapping[str, Mapping[str, Value]]


class Unset(Enum):
    """The absence of a default, which is not the same as a default of None."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "required"


UNSET: Final = Unset.UNSET
REQUIRED: Final = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter. The first one may be given without its name: `truncate: 20`."""

    name: str
    type: str
    """`text`, `number` (whole), `flag`, `texts`, `table` (the name of a table), `mapping`, `value` (any scalar)."""
    doc: str
    default: Value | Unset = REQUIRED
    choices: tuple[str, ...] = ()
    """The words that are allowed, where only some are."""
    least: int | None = None
    """The smallest number that is allowed."""
    most: int | None = None
    """The largest number that is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One line of documentation that is also a test: the value going in, the arguments, and what comes of it."""

    value: Value
    args: Mapping[str, Value] = field(default_factory=dict)
    gives: Value | Unset = UNSET
    fails: str = ""
    """The code of the message, where the value does not fit or the arguments are refused."""
    tables: Tables = field(default_factory=dict)
    target: FieldSpec | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a function may look at besides its arguments; the same for all uses within one field of one rule file."""

    tables: Tables = field(default_factory=dict)
    """The rule file's lookup tables, by name."""
    default_region: str = "CN"
    """ISO 3166-1 alpha-2: how to read a phone number without a country code."""
    timezone: str = "UTC"
    """IANA name: where days begin when a rule names no zone."""
    now: Callable[[], datetime] | None = None
    """The clock. No shipped function reads it: a result that changes with the clock would go stale, because a record that
    did not change is not mapped again. Dated changes belong to hireDate and endDate."""
    target: FieldSpec | None = None
    """The outbound field that is being filled; None in inbound rules."""


class Unfit(Exception):
    """This record's value cannot be converted. The mapper turns it into the rule's `on_error`."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem)

    def __str__(self) -> str:
        return str(self.problem)


class FunctionError(SyncdError):
    """The rule itself is wrong: raised once, at load, with every problem of this use of the function."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))

    @property
    def problem(self) -> Problem:
        return self.problems[0]


Make = Callable[[Surroundings, Arguments], Call]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One word of the `via` language."""

    name: str
    takes: frozenset[str]
    """Types of the piped value. With `joins`, of each input."""
    gives: str
    """The resulting type; `same` is the type that was taken."""
    doc: str
    """One sentence, then details."""
    examples: tuple[Example, ...]
    make: Make
    """Checks the arguments once, at load (`FunctionError`), and returns what is called per record. `arguments` (complete,
    with defaults) come from `syncd.mapping.functions.bind`."""
    params: tuple[Param, ...] = ()
    joins: bool = False
    """Takes several inputs (`from: [a, b]`) as one tuple, absent ones as None; a list of texts passes just as well.
    It is called even where every input is absent, and then returns None."""
    takes_none: bool = False
    """Wants to be called where there is nothing, which is None or an empty text. Those pass all other functions by."""

    def accepts(self, piped: str) -> bool:
        """Tell whether a value of type `piped` may go in as it is."""
        return (
            piped == "any"
            or "any" in self.takes
            or piped in self.takes
            or (piped in {"date", "instant"} and "text" in self.takes)
        )

    def lifts(self, piped: str) -> bool:
        """Tell whether the function takes a list by being applied to each of its texts (see `each`)."""
        return (
            piped == "texts"
            and not self.joins
            and not self.accepts("texts")
            and "text" in self.takes
            and self.gives in {"text", "date", "instant", "same", "any"}
        )

    def result(self, piped: str) -> str:
        """Return the type that comes out when `piped` goes in (lifted functions aside)."""
        return piped if self.gives == "same" else self.gives


def one_of_types(*types: str) -> frozenset[str]:
    """Return the set of `types`, each a known word."""
    if unknown := set(types) - TYPES:
        raise ValueError(f"not types of the language: {sorted(unknown)}")
    return frozenset(types)


TEXT: Final = one_of_types("text")
TEXTS: Final = one_of_types("texts")
NUMBER: Final = one_of_types("number")
FLAG: Final = one_of_types("flag")
ANY: Final = one_of_types("any")
NO_ARGUMENTS: Final[Arguments] = MappingProxyType({})


def each(call: Call) -> Call:
    """Return `call` applied to each item of a list; items that become None are left out."""

    def lifted(value: Value) -> Value:
        return tuple(done for item in items(value) if item is not None and (done := call(item)) is not None)

    return lifted


def items(value: Value) -> Sequence[Value]:
    """Return a list as it is. A text is no list: `TypeError`, as for everything that is none."""
    if isinstance(value, tuple | list):
        return value
    raise TypeError(f"a list is expected, not {type(value).__name__}")


def unfit(told: Message, /, **words: object) -> NoReturn:
    """Raise `Unfit` telling `told`. The words never hold the person's value."""
    raise Unfit(told.at(**words))


TOO_LONG: Final = message(
    "FUN-101",
    what="{function} would return more than {limit} {unit}.",
    do="Shorten the value first, for example with `truncate`, or correct it in the source.",
    example="via: [{prefix: 'a text'}]   # on a value of 64 KB",
)
WRONG_TYPE: Final = message(
    "FUN-102",
    what="{function} takes {takes}, and the source delivered {got}.",
    do="Convert the value first (`to_text`, `to_number`, `split`, `join`), or correct it in the source.",
    example="via: [lower]   # on a list",
)


def capped(text: str, function: str) -> str:
    """Return `text` if it is within `RESULT_LIMIT`."""
    if len(text) > RESULT_LIMIT:
        unfit(TOO_LONG, function=function, limit=RESULT_LIMIT, unit="characters")
    return text


def text_of(value: Any) -> str:
    """Return a scalar as text, as JSON writes it; a whole number never gets a fraction, however a spreadsheet kept it.

    Raises `TypeError` for everything that is no scalar.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) <= _EXACT else repr(value)
    if isinstance(value, int):
        # Python itself refuses to write more than 4,300 digits, because that takes quadratic time.
        return str(value) if abs(value) < _TOO_BIG else unfit(TOO_LONG, function="to_text", limit=64, unit="digits")
    raise TypeError(f"a text is expected, not {type(value).__name__}")


_EXACT: Final = 2**53
"""Whole numbers up to here are exact as floating-point numbers; spreadsheets deliver every number as one."""
_TOO_BIG: Final = 10**64


def wrong_type(function: Function, value: Value) -> Problem:
    """Return the problem to tell where a call raised `TypeError`: the types, never the value."""
    takes = " or ".join(sorted(function.takes))
    return WRONG_TYPE.at(function=function.name, takes=takes, got=kind_of(value))


def kind_of(value: Value) -> str:
    """Return the language's word for what `value` is."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "flag"
        case int() | float():
            return "number"
        case str():
            return "text"
        case Mapping():
            return "mapping"
    return "texts"
