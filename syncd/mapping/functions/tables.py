"""Functions that replace known values by others: tables of the rule file, mappings in the rule, words for flags.

What a lookup did not find is not put into its message unless the rule says so (`show_key: true`), because a key can be a
person's own.
"""

from __future__ import annotations

from typing import Any, Final

from syncd.core.errors import foreign, message
from syncd.core.values import Value
from syncd.mapping.functions.binding import meant
from syncd.mapping.functions.contract import (
    FLAG,
    Arguments,
    Call,
    Example,
    Function,
    FunctionError,
    Param,
    Surroundings,
    one_of_types,
    text_of,
    unfit,
)

NO_TABLE: Final = message(
    "FUN-015",
    what='lookup: there is no table "{table}".{meant}',
    do="Add it under `tables:` of this rule file, or correct the name.",
    example="via: [{lookup: grade}]   # while the table is called grades",
)
SAME_KEY: Final = message(
    "FUN-016",
    what='{function}: the keys "{one}" and "{other}" differ only in case or blanks, and say different things.',
    do="Remove one of them, or write `ignore_case: false`.",
    example="via: [{map_values: {a: 1, A: 2}}]",
)
NOT_IN_TABLE: Final = message(
    "FUN-107",
    what="{function}: {table} has no entry for this value{shown}.",
    do="Add the entry, or say what holds for unknown values with `otherwise`; `syncd explain` shows the value.",
    example="via: [{lookup: grades}]   # on a grade that the table lacks",
)
_FAIL: Final = ("fail", "keep", "absent")


def folded(text: str) -> str:
    return text.strip().casefold()


def _entries(function: str, table: Any, ignore_case: bool) -> dict[str, Value]:
    entries: dict[str, Value] = {}
    written: dict[str, str] = {}
    for raw, value in table.items():
        name = text_of(raw)
        key = folded(name) if ignore_case else name
        if key in entries and entries[key] != value:
            raise FunctionError(SAME_KEY.at(function=function, one=foreign(written[key]), other=foreign(name)))
        entries[key], written[key] = value, name
    return entries


_MISSING: Final = object()


def _chooser(function: str, table: str, entries: dict[str, Value], given: Arguments) -> Call:
    ignore_case, otherwise, fixed = given["ignore_case"], given["otherwise"], given["default"]
    show = given.get("show_key", False)

    def unknown(value: Any) -> Value:
        if fixed is not None:
            return fixed  # type: ignore[no-any-return]
        if otherwise == "fail":
            shown = f': "{foreign(str(value))}"' if show else ""
            unfit(NOT_IN_TABLE, function=function, table=table, shown=shown)
        return value if otherwise == "keep" else None

    def call(value: Any) -> Value:
        key = text_of(value)
        found = entries.get(folded(key) if ignore_case else key, _MISSING)
        return unknown(value) if found is _MISSING else found  # type: ignore[return-value]

    return call


def _lookup(around: Surroundings, given: Arguments) -> Call:
    name = given["table"]
    table = around.tables.get(name)
    if table is None:
        raise FunctionError(NO_TABLE.at(table=foreign(name), meant=meant(name, around.tables)))
    entries = _entries("lookup", table, given["ignore_case"])
    return _chooser("lookup", f'the table "{foreign(name)}"', entries, given)


def _map_values(_around: Surroundings, given: Arguments) -> Call:
    return _chooser("map_values", "the rule", _entries("map_values", given["values"], given["ignore_case"]), given)


def _choose(_around: Surroundings, given: Arguments) -> Call:
    yes, no = given["then"], given["else"]

    def call(value: Any) -> Value:
        if isinstance(value, bool):
            return yes if value else no  # type: ignore[no-any-return]
        raise TypeError("a flag is expected")

    return call


SCALAR: Final = one_of_types("text", "number", "flag")
CASE: Final = Param(
    name="ignore_case", type="flag", default=True, doc="Whether case and outer blanks do not matter when comparing."
)
_OTHERWISE: Final = Param(
    name="otherwise",
    type="text",
    default="fail",
    choices=_FAIL,
    doc="What to do with an unknown value: refuse it, keep it as it is, or treat it as absent.",
)
_FIXED: Final = Param(
    name="default", type="value", default=None, doc="What an unknown value becomes; beats `otherwise`."
)
_GRADES: Final = {"grades": {"M1": "Manager", "7": "Officer"}}

FUNCTIONS: Final = (
    Function(
        name="lookup",
        takes=SCALAR,
        gives="any",
        doc="Looks the value up in a table of the rule file.",
        params=(
            Param(name="table", type="table", doc="The table's name under `tables:`."),
            _OTHERWISE,
            _FIXED,
            CASE,
            Param(
                name="show_key",
                type="flag",
                default=False,
                doc="Whether messages and logs may name an unknown value; only for keys that say nothing about a person.",
            ),
        ),
        examples=(
            Example(value="m1", args={"table": "grades"}, tables=_GRADES, gives="Manager"),
            Example(value=7.0, args={"table": "grades"}, tables=_GRADES, gives="Officer", note="As Excel delivers 7."),
            Example(value="X", args={"table": "grades", "otherwise": "keep"}, tables=_GRADES, gives="X"),
            Example(value="X", args={"table": "grades", "default": "Staff"}, tables=_GRADES, gives="Staff"),
            Example(value="X", args={"table": "grades"}, tables=_GRADES, fails="FUN-107"),
            Example(value="M1", args={"table": "grade"}, tables=_GRADES, fails="FUN-015"),
        ),
        make=_lookup,
    ),
    Function(
        name="map_values",
        takes=SCALAR,
        gives="any",
        doc="Replaces known values by others, as `lookup` does with a table that is written in the rule itself. The mapping "
        "may be given directly: `map_values: {P: permanent, C: contract}`.",
        params=(
            Param(name="values", type="mapping", doc="What becomes what."),
            _OTHERWISE,
            _FIXED,
            CASE,
        ),
        examples=(
            Example(value="c", args={"values": {"P": "permanent", "C": "contract"}}, gives="contract"),
            Example(value="Z", args={"values": {"P": "permanent"}, "otherwise": "absent"}, gives=None),
            Example(value="Z", args={"values": {"P": "permanent"}}, fails="FUN-107"),
            Example(value="a", args={"values": {"a": "1", "A": "2"}}, fails="FUN-016"),
        ),
        make=_map_values,
    ),
    Function(
        name="choose",
        takes=FLAG,
        gives="any",
        doc="Gives one value for true and another for false.",
        params=(
            Param(name="then", type="value", doc="What true becomes."),
            Param(name="else", type="value", default=None, doc="What false becomes; absent if left out."),
        ),
        examples=(
            Example(value=True, args={"then": "staff", "else": "guest"}, gives="staff"),
            Example(value=False, args={"then": "staff"}, gives=None),
        ),
        make=_choose,
    ),
)
