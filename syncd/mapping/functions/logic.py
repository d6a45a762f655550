"""Functions that decide: defaults, flags, comparisons. They compare and choose; they never compute a text."""

from __future__ import annotations

from typing import Any, Final

from syncd.core.errors import message
from syncd.core.values import Value, is_empty
from syncd.mapping.functions.contract import (
    ANY,
    FLAG,
    TEXT,
    TEXTS,
    Arguments,
    Call,
    Example,
    Function,
    Param,
    Surroundings,
    items,
    text_of,
    unfit,
)
from syncd.mapping.functions.tables import CASE, SCALAR, folded
from syncd.mapping.functions.text import plain

NOT_A_FLAG: Final = message(
    "FUN-108",
    what="to_flag: the value is neither a yes nor a no.",
    do="Name its word under `yes` or `no`, or correct it in the source; `syncd explain` shows the value.",
    example="via: [to_flag]   # on perhaps",
)

_YES: Final = frozenset({
    "yes", "y", "true", "t", "on", "1", "x", "active", "enabled", "ya", "benar", "aktif",
    "是", "对", "真", "有", "在职", "启用", "√", "✓",
})  # fmt: skip
_NO: Final = frozenset({
    "no", "n", "false", "f", "off", "0", "inactive", "disabled", "tidak", "bukan", "salah", "nonaktif",
    "否", "不", "假", "无", "离职", "停用",
})  # fmt: skip


def _to_flag(_around: Surroundings, given: Arguments) -> Call:
    yes = frozenset(map(folded, given["yes"])) if given["yes"] else _YES
    no = frozenset(map(folded, given["no"])) if given["no"] else _NO

    def call(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        word = folded(text_of(value))
        if word in yes:
            return True
        return False if word in no else unfit(NOT_A_FLAG)

    return call


def _not(value: Any) -> bool:
    if isinstance(value, bool):
        return not value
    raise TypeError("a flag is expected")


def _flags(value: Any) -> list[bool]:
    found = [item for item in items(value) if item is not None]
    if not all(isinstance(item, bool) for item in found):
        raise TypeError("flags are expected")
    return found  # type: ignore[return-value]


def _all_of(value: Any) -> Value:
    found = _flags(value)
    return all(found) if found else None


def _any_of(value: Any) -> Value:
    found = _flags(value)
    return any(found) if found else None


def _equals(_around: Surroundings, given: Arguments) -> Call:
    return _among([given["value"]], given["ignore_case"])


def _one_of(_around: Surroundings, given: Arguments) -> Call:
    return _among(given["values"], given["ignore_case"])


def _among(values: list[Value], ignore_case: bool) -> Call:
    known = frozenset(folded(text_of(value)) if ignore_case else text_of(value) for value in values)
    if ignore_case:
        return lambda value: folded(text_of(value)) in known
    return lambda value: text_of(value) in known


def _contains(_around: Surroundings, given: Arguments) -> Call:
    wanted = folded(given["item"])
    return lambda value: any(folded(text_of(item)) == wanted for item in items(value))


def _starts_with(_around: Surroundings, given: Arguments) -> Call:
    start = given["text"]
    return lambda value: str.startswith(value, start)


def _default(_around: Surroundings, given: Arguments) -> Call:
    fixed = given["value"]
    return lambda value: fixed if value is None else value


def _if_empty(_around: Surroundings, given: Arguments) -> Call:
    fixed = given["value"]
    return lambda value: fixed if is_empty(value) else value


def _absent_if(_around: Surroundings, given: Arguments) -> Call:
    words = frozenset(map(folded, given["values"]))
    return lambda value: None if folded(text_of(value)) in words else value


def _absent_if_empty(value: Any) -> Value:
    return None if is_empty(value) else value


FUNCTIONS: Final = (
    Function(
        name="default",
        takes=ANY,
        gives="same",
        doc="Gives a fixed value where there is none. An empty text is a value; see `if_empty`.",
        params=(Param(name="value", type="value", doc="The value to give."),),
        examples=(
            Example(value=None, args={"value": "Jakarta"}, gives="Jakarta"),
            Example(value="", args={"value": "Jakarta"}, gives=""),
        ),
        make=_default,
        takes_none=True,
    ),
    Function(
        name="if_empty",
        takes=ANY,
        gives="same",
        doc="Gives a fixed value where there is none, or only blanks, or an empty list.",
        params=(Param(name="value", type="value", doc="The value to give."),),
        examples=(
            Example(value="  ", args={"value": "Jakarta"}, gives="Jakarta"),
            Example(value=0, args={"value": "Jakarta"}, gives=0, note="Zero is not empty."),
        ),
        make=_if_empty,
        takes_none=True,
    ),
    Function(
        name="absent_if",
        takes=SCALAR,
        gives="same",
        doc="Treats placeholders such as N/A as absent; case and outer blanks do not matter.",
        params=(Param(name="values", type="texts", doc="The placeholders."),),
        examples=(
            Example(value=" n/a", args={"values": ["N/A", "-"]}, gives=None),
            Example(value="Jakarta", args={"values": ["N/A", "-"]}, gives="Jakarta"),
        ),
        make=_absent_if,
    ),
    Function(
        name="absent_if_empty",
        takes=ANY,
        gives="same",
        doc="Treats blank texts and empty lists as absent.",
        examples=(Example(value="", gives=None), Example(value="  ", gives=None), Example(value="x", gives="x")),
        make=plain(_absent_if_empty),
        takes_none=True,
    ),
    Function(
        name="to_flag",
        takes=SCALAR,
        gives="flag",
        doc="Reads a yes or no in English, Chinese, Indonesian or as 1 and 0; case and outer blanks do not matter.",
        params=(
            Param(name="yes", type="texts", default=None, doc="The words that mean yes, instead of the known ones."),
            Param(name="no", type="texts", default=None, doc="The words that mean no, instead of the known ones."),
        ),
        examples=(
            Example(value="是", gives=True),
            Example(value=" Tidak ", gives=False),
            Example(value=1, gives=True),
            Example(value="perhaps", fails="FUN-108"),
            Example(value="S", args={"yes": ["K"], "no": ["S"]}, gives=False),
        ),
        make=_to_flag,
    ),
    Function(
        name="not",
        takes=FLAG,
        gives="flag",
        doc="Turns true into false and false into true.",
        examples=(Example(value=True, gives=False), Example(value=False, gives=True)),
        make=plain(_not),
    ),
    Function(
        name="all_of",
        takes=FLAG,
        gives="flag",
        doc="Tells whether every input that is present is true; absent where none is present.",
        examples=(Example(value=[True, None, False], gives=False), Example(value=[None], gives=None)),
        make=plain(_all_of),
        joins=True,
    ),
    Function(
        name="any_of",
        takes=FLAG,
        gives="flag",
        doc="Tells whether at least one input is true; absent where none is present.",
        examples=(Example(value=[False, True], gives=True), Example(value=[None], gives=None)),
        make=plain(_any_of),
        joins=True,
    ),
    Function(
        name="is_empty",
        takes=ANY,
        gives="flag",
        doc="Tells whether there is no value, or only blanks, or an empty list.",
        examples=(Example(value=None, gives=True), Example(value=" ", gives=True), Example(value=0, gives=False)),
        make=plain(is_empty),
        takes_none=True,
    ),
    Function(
        name="is_present",
        takes=ANY,
        gives="flag",
        doc="Tells whether there is a value that is not blank.",
        examples=(Example(value="x", gives=True), Example(value="", gives=False)),
        make=plain(lambda value: not is_empty(value)),
        takes_none=True,
    ),
    Function(
        name="equals",
        takes=SCALAR,
        gives="flag",
        doc="Tells whether the value is the given one.",
        params=(Param(name="value", type="value", doc="The value to compare with."), CASE),
        examples=(
            Example(value="Permanent ", args={"value": "permanent"}, gives=True),
            Example(value="PERMANENT", args={"value": "permanent", "ignore_case": False}, gives=False),
        ),
        make=_equals,
    ),
    Function(
        name="one_of",
        takes=SCALAR,
        gives="flag",
        doc="Tells whether the value is one of several.",
        params=(Param(name="values", type="texts", doc="The values to compare with."), CASE),
        examples=(
            Example(value="Intern", args={"values": ["intern", "contractor"]}, gives=True),
            Example(value="Internal", args={"values": ["intern"]}, gives=False),
        ),
        make=_one_of,
    ),
    Function(
        name="contains",
        takes=TEXTS,
        gives="flag",
        doc="Tells whether an item is in a list; case and outer blanks do not matter.",
        params=(Param(name="item", type="text", doc="The item to look for."),),
        examples=(
            Example(value=["VPN", "Sales"], args={"item": "vpn"}, gives=True),
            Example(value=[], args={"item": "vpn"}, gives=False),
        ),
        make=_contains,
    ),
    Function(
        name="starts_with",
        takes=TEXT,
        gives="flag",
        doc="Tells whether the text begins with another one, letter by letter.",
        params=(Param(name="text", type="text", doc="The beginning."),),
        examples=(
            Example(value="svc-backup", args={"text": "svc-"}, gives=True),
            Example(value="SVC-backup", args={"text": "svc-"}, gives=False),
        ),
        make=_starts_with,
    ),
)
