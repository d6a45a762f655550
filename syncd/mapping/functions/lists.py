"""Functions between several values and one: joining, splitting, choosing. Nothing here looks inside a text's meaning.

`from: [a, b]` hands a `joins` function one tuple in which an absent input is None; a list from a step before is the same
to them. Absent and empty inputs never leave a separator behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from syncd.core.errors import message
from syncd.core.values import Value, is_empty
from syncd.mapping.functions.contract import (
    ANY,
    RESULT_LIMIT,
    TEXT,
    TEXTS,
    TOO_LONG,
    Arguments,
    Call,
    Example,
    Function,
    FunctionError,
    Param,
    Surroundings,
    items,
    one_of_types,
    text_of,
    unfit,
)
from syncd.mapping.functions.text import EMPTY, plain

BAD_TEMPLATE: Final = message(
    "FUN-013",
    what="format: the template is wrong at character {position}: {why}.",
    do="Name inputs as {{1}}, {{2}}, … in the order of `from`; write {{{{ for a curly bracket.",
    example='via: [{format: "{name}"}]',
)
NO_SUCH_INPUT: Final = message(
    "FUN-106",
    what="format: the template names input {number}, and there are {count}.",
    do="Give `from` as many attributes as the template names.",
    example='name: {from: [sn], via: [{format: "{2} {1}"}]}',
)
_PLACE: Final = re.compile(r"\{\{|\}\}|\{([1-9][0-9]?)\}|[{}]")


def _present(value: Any) -> list[str]:
    return [text for item in items(value) if item is not None and (text := text_of(item)) and not text.isspace()]


def _bounded(pieces: list[str], between: int, function: str) -> list[str]:
    if sum(map(len, pieces)) + between * len(pieces) > RESULT_LIMIT:
        unfit(TOO_LONG, function=function, limit=RESULT_LIMIT, unit="characters")
    return pieces


def _join(_around: Surroundings, given: Arguments) -> Call:
    separator: str = given["with"]

    def call(value: Any) -> str | None:
        return separator.join(_bounded(_present(value), len(separator), "join")) or None

    return call


def _parse(template: str) -> Iterator[str | int]:
    end = 0
    for found in _PLACE.finditer(template):
        yield template[end : found.start()]
        end = found.end()
        if found[1]:
            yield int(found[1])
        elif len(found[0]) == 2:
            yield found[0][0]
        else:
            raise FunctionError(BAD_TEMPLATE.at(position=found.start() + 1, why=f"a lone {found[0]}"))
    yield template[end:]


def _format(_around: Surroundings, given: Arguments) -> Call:
    pieces = tuple(piece for piece in _parse(given["template"]) if piece != "")
    highest = max((piece for piece in pieces if isinstance(piece, int)), default=0)

    def call(value: Any) -> str | None:
        inputs = items(value)
        if len(inputs) < highest:
            unfit(NO_SUCH_INPUT, number=highest, count=len(inputs))
        used = [inputs[piece - 1] for piece in pieces if isinstance(piece, int)]
        if any(item is None for item in used):
            return None
        texts = [piece if isinstance(piece, str) else text_of(inputs[piece - 1]) for piece in pieces]
        return "".join(_bounded(texts, 0, "format"))

    return call


def _first(value: Any) -> Value:
    for item in items(value):
        if item is not None and not is_empty(item):
            return item
    return None


def _path(value: Any) -> Value:
    return tuple(text.strip() for text in _present(value))


def _split(_around: Surroundings, given: Arguments) -> Call:
    separator: str = given["on"]
    if not separator:
        raise FunctionError(EMPTY.at(function="split", parameter="on"))

    def call(value: Any) -> tuple[str, ...]:
        if str.count(value, separator) >= RESULT_LIMIT:
            unfit(TOO_LONG, function="split", limit=RESULT_LIMIT, unit="items")
        return tuple(part for piece in value.split(separator) if (part := piece.strip()))

    return call


def _nth(_around: Surroundings, given: Arguments) -> Call:
    position: int = given["position"]
    if position == 0:
        raise FunctionError(ZERO.at())
    index = position - 1 if position > 0 else position

    def call(value: Any) -> Value:
        found = items(value)
        return found[index] if -len(found) <= index < len(found) else None

    return call


ZERO: Final = message(
    "FUN-014",
    what="nth: positions count from 1 at the beginning, and from -1 at the end; there is no 0.",
    do="Write `nth: 1` for the first item.",
    example="via: [{split: '/'}, {nth: 0}]",
)


def _first_of(value: Any) -> Value:
    found = items(value)
    return found[0] if found else None


def _last_of(value: Any) -> Value:
    found = items(value)
    return found[-1] if found else None


def _append(_around: Surroundings, given: Arguments) -> Call:
    more = tuple(given["items"])

    def call(value: Any) -> Value:
        if len(found := items(value)) + len(more) > RESULT_LIMIT:
            unfit(TOO_LONG, function="append", limit=RESULT_LIMIT, unit="items")
        return (*found, *more)

    return call


def _distinct(value: Any) -> Value:
    return tuple(dict.fromkeys(map(text_of, items(value))))


def _without(_around: Surroundings, given: Arguments) -> Call:
    removed = frozenset(text.casefold() for text in given["items"])
    return lambda value: tuple(item for item in items(value) if text_of(item).casefold() not in removed)


def _sort(value: Any) -> Value:
    return tuple(sorted(map(text_of, items(value))))


def _listed(value: Any) -> Value:
    return (text_of(value),)


_JOINED: Final = one_of_types("text", "texts", "number", "flag")

FUNCTIONS: Final = (
    Function(
        name="join",
        takes=_JOINED,
        gives="text",
        doc="Joins inputs (`from: [a, b]`) or the items of a list. Absent and blank ones are left out, together with their "
        "separator; where nothing is left, the result is absent.",
        params=(Param(name="with", type="text", default=" ", doc="What to put between; one blank if left out."),),
        examples=(
            Example(value=["Budi", None, "Santoso"], gives="Budi Santoso"),
            Example(value=["3100", "Sales"], args={"with": " / "}, gives="3100 / Sales"),
            Example(value=[None, ""], gives=None),
        ),
        make=_join,
        joins=True,
    ),
    Function(
        name="format",
        takes=_JOINED,
        gives="text",
        doc="Puts inputs into a template: {1} is the first attribute of `from`. Where one that the template names is absent, "
        "the result is absent.",
        params=(Param(name="template", type="text", doc="The text with {1}, {2}, …; {{ and }} stand for brackets."),),
        examples=(
            Example(value=["李伟", "Wei Li"], args={"template": "{1} ({2})"}, gives="李伟 (Wei Li)"),
            Example(value=["李伟", None], args={"template": "{1} ({2})"}, gives=None),
            Example(value=["李伟"], args={"template": "{name}"}, fails="FUN-013"),
            Example(value=["李伟"], args={"template": "{2}"}, fails="FUN-106"),
        ),
        make=_format,
        joins=True,
    ),
    Function(
        name="first",
        takes=ANY,
        gives="any",
        doc="Takes the first input that is neither absent nor blank (known elsewhere as coalesce).",
        examples=(
            Example(value=[None, " ", "Wei Li"], gives="Wei Li"),
            Example(value=[None, 0], gives=0, note="Zero and false say something."),
            Example(value=[None, ""], gives=None),
        ),
        make=plain(_first),
        joins=True,
        takes_none=True,
    ),
    Function(
        name="path",
        takes=_JOINED,
        gives="texts",
        doc="Makes a list of the inputs, top first, leaving out absent and blank ones: the way through an organisation.",
        examples=(
            Example(value=["Contoh Jakarta", "Sales", None], gives=["Contoh Jakarta", "Sales"]),
            Example(value=[None, None], gives=[]),
        ),
        make=plain(_path),
        joins=True,
    ),
    Function(
        name="split",
        takes=TEXT,
        gives="texts",
        doc="Splits a text into a list; each item is trimmed, and empty ones are left out.",
        params=(Param(name="on", type="text", doc="The text between the items."),),
        examples=(
            Example(value="Contoh / Sales / North", args={"on": "/"}, gives=["Contoh", "Sales", "North"]),
            Example(value=" ; ", args={"on": ";"}, gives=[]),
            Example(value="a", args={"on": ""}, fails="FUN-009"),
        ),
        make=_split,
    ),
    Function(
        name="nth",
        takes=TEXTS,
        gives="text",
        doc="Takes one item of a list; absent where the list is shorter.",
        params=(Param(name="position", type="number", doc="1 is the first item, -1 the last."),),
        examples=(
            Example(value=["Contoh", "Sales", "North"], args={"position": 2}, gives="Sales"),
            Example(value=["Contoh", "Sales"], args={"position": -1}, gives="Sales"),
            Example(value=["Contoh"], args={"position": 2}, gives=None),
            Example(value=["Contoh"], args={"position": 0}, fails="FUN-014"),
        ),
        make=_nth,
    ),
    Function(
        name="first_of",
        takes=TEXTS,
        gives="text",
        doc="Takes the first item of a list; absent where the list is empty.",
        examples=(Example(value=["a", "b"], gives="a"), Example(value=[], gives=None)),
        make=plain(_first_of),
    ),
    Function(
        name="last_of",
        takes=TEXTS,
        gives="text",
        doc="Takes the last item of a list; absent where the list is empty.",
        examples=(Example(value=["a", "b"], gives="b"), Example(value=[], gives=None)),
        make=plain(_last_of),
    ),
    Function(
        name="as_list",
        takes=one_of_types("text", "number", "flag"),
        gives="texts",
        doc="Makes a list of one item.",
        examples=(Example(value="staff", gives=["staff"]), Example(value=7, gives=["7"])),
        make=plain(_listed),
    ),
    Function(
        name="append",
        takes=TEXTS,
        gives="texts",
        doc="Puts fixed items at the end of a list.",
        params=(Param(name="items", type="texts", doc="The items to put there."),),
        examples=(
            Example(value=["staff"], args={"items": ["everyone"]}, gives=["staff", "everyone"]),
            Example(value=[], args={"items": ["everyone"]}, gives=["everyone"]),
        ),
        make=_append,
    ),
    Function(
        name="distinct",
        takes=TEXTS,
        gives="texts",
        doc="Keeps each item of a list once, the first one where it stands.",
        examples=(Example(value=["b", "a", "b"], gives=["b", "a"]), Example(value=[], gives=[])),
        make=plain(_distinct),
    ),
    Function(
        name="without",
        takes=TEXTS,
        gives="texts",
        doc="Removes items from a list; capitals and small letters are the same.",
        params=(Param(name="items", type="texts", doc="The items to remove."),),
        examples=(
            Example(value=["Domain Users", "Sales"], args={"items": ["domain users"]}, gives=["Sales"]),
            Example(value=["Sales"], args={"items": ["HR"]}, gives=["Sales"]),
        ),
        make=_without,
    ),
    Function(
        name="sort",
        takes=TEXTS,
        gives="texts",
        doc="Sorts a list by code point, so that a source which changes the order changes nothing.",
        examples=(Example(value=["b", "a"], gives=["a", "b"]), Example(value=["b", "B"], gives=["B", "b"])),
        make=plain(_sort),
    ),
)
