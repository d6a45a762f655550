"""Functions with regular expressions. RE2 only: no pattern, however written, takes more than linear time per match.

Finding *every* match is quadratic even with RE2 (each search may look at the whole rest), so the size of a pattern, the
length of a value and the number of replacements are bounded too. Python's `re` is never given a pattern from a rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from syncd.core.errors import foreign, message
from syncd.mapping.functions.contract import (
    RESULT_LIMIT,
    TEXT,
    TEXTS,
    Arguments,
    Call,
    Example,
    Function,
    FunctionError,
    Param,
    Surroundings,
    capped,
    items,
    text_of,
    unfit,
)

BAD_PATTERN: Final = message(
    "FUN-010",
    what='{function}: the pattern is wrong at character {position}: {why} ("{part}").',
    do="Correct the pattern. The syntax is RE2's: no look-ahead, no back-references inside the pattern.",
    example='via: [{matches: "[A-Z"}]',
)
BIG_PATTERN: Final = message(
    "FUN-011",
    what="{function}: the pattern compiles to {size} instructions; at most {limit} are allowed.",
    do="Make repetitions such as {{900}} smaller, or split the rule.",
    example='via: [{matches: "(a?){900}"}]',
)
NO_SUCH_GROUP: Final = message(
    "FUN-012",
    what='{function}: there is no group "{group}" in the pattern; it has {count}.',
    do="Put round brackets around the part that is meant, or correct the group's number or name.",
    example='via: [{regex_extract: {pattern: "[0-9]+", group: 1}}]',
)
TOO_MUCH: Final = message(
    "FUN-103",
    what="{function}: the value is too long, or the pattern occurs in it too often ({limit}).",
    do="Shorten the value first, for example with `truncate`, or correct it in the source.",
    example='via: [{regex_replace: {pattern: "a", with: "b"}}]   # on 64 KB of the letter a',
)
NOT_UNICODE: Final = message(
    "FUN-104",
    what="{function}: the value holds half a character (a lone surrogate), so it is no proper text.",
    do="Correct the value in the source.",
    example='via: [{matches: "a"}]   # on a text cut in the middle of an emoji by another system',
)
NO_MATCH: Final = message(
    "FUN-105",
    what="regex_extract: the pattern does not occur in the value.",
    do="Correct the value in the source, widen the pattern, or write `otherwise: absent` if that is in order.",
    example='via: [{regex_extract: "[0-9]+"}]   # on "none"',
)

_PROGRAM_LIMIT: Final = 1_000
_WORK_LIMIT: Final = 8_000_000
"""Characters looked at per value, at most: replacements times length. 64 KB: 122 replacements; 2,000 characters: 4,000."""
_GROUP: Final = re.compile(r"\\(\d|\\|g<(\w+)>)")


def compiled(function: str, pattern: str, *, ignore_case: bool = False) -> Any:
    """Return the RE2 pattern; `FunctionError` (FUN-010 with the position, FUN-011) where it is refused."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        made = re2.compile(pattern, options=options)
    except re2.error as refused:
        raise FunctionError(_bad(function, pattern, refused)) from None
    if made.programsize > _PROGRAM_LIMIT:
        raise FunctionError(BIG_PATTERN.at(function=function, size=made.programsize, limit=_PROGRAM_LIMIT))
    return made


def _bad(function: str, pattern: str, refused: Exception) -> Any:
    said = refused.args[0] if refused.args else ""
    told = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    why, _, part = told.partition(": ")
    # RE2 names the piece that it stumbled over; where it stands is not said, so it is looked up.
    position = max(pattern.find(part), 0) + 1 if part else len(pattern)
    return BAD_PATTERN.at(function=function, position=position, why=foreign(why), part=foreign(part or pattern))


def _guarded(function: str, call: Callable[[str], Any]) -> Call:
    """Return `call` for texts of at most `RESULT_LIMIT`, with RE2's own complaint about lone surrogates told properly."""

    def guarded(value: Any) -> Any:
        if str.__len__(value) > RESULT_LIMIT:
            unfit(TOO_MUCH, function=function, limit=RESULT_LIMIT)
        try:
            return call(value)
        except UnicodeEncodeError:
            unfit(NOT_UNICODE, function=function)

    return guarded


def _template(function: str, template: str, pattern: Any) -> Callable[[Any], str]:
    r"""Return the function from a match to its replacement. `\1` and `\g<name>` are groups, `\\` is a backslash.

    re2's own templates pass through `unicode_escape`, which garbles everything beyond ASCII; so they are not used.
    """
    pieces: list[str | int] = []
    end = 0
    for found in _GROUP.finditer(template):
        pieces.append(template[end : found.start()])
        pieces.append("\\" if found[1] == "\\" else group_number(function, found[2] or found[1], pattern))
        end = found.end()
    pieces.append(template[end:])
    if all(isinstance(piece, str) for piece in pieces):
        text = "".join(map(str, pieces))
        return lambda _match: text
    return lambda match: "".join(piece if isinstance(piece, str) else match.group(piece) or "" for piece in pieces)


def group_number(function: str, group: str, pattern: Any) -> int:
    """Return the number of the group called `group` (a number or a name); `FunctionError` (FUN-012) if there is none."""
    number = int(group) if group.isdecimal() else pattern.groupindex.get(group, -1)
    if not 0 <= number <= pattern.groups:
        raise FunctionError(NO_SUCH_GROUP.at(function=function, group=foreign(group), count=pattern.groups))
    return int(number)


def _regex_replace(_around: Surroundings, given: Arguments) -> Call:
    pattern = compiled("regex_replace", given["pattern"], ignore_case=given["ignore_case"])
    replacement = _template("regex_replace", given["with"], pattern)

    def call(value: str) -> str:
        limit = _WORK_LIMIT // (len(value) or 1) + 1
        done, count = pattern.subn(replacement, value, limit)
        if count == limit:
            unfit(TOO_MUCH, function="regex_replace", limit=limit)
        return capped(done, "regex_replace")

    return _guarded("regex_replace", call)


def _regex_extract(_around: Surroundings, given: Arguments) -> Call:
    pattern = compiled("regex_extract", given["pattern"], ignore_case=given["ignore_case"])
    wanted = text_of(given["group"]) or ("1" if pattern.groups else "0")
    group, absent = group_number("regex_extract", wanted, pattern), given["otherwise"] == "absent"

    def call(value: str) -> str | None:
        found = pattern.search(value)
        if found is None or (text := found.group(group)) is None:
            return None if absent else unfit(NO_MATCH)
        return str(text)

    return _guarded("regex_extract", call)


def _matches(_around: Surroundings, given: Arguments) -> Call:
    pattern = compiled("matches", given["pattern"], ignore_case=given["ignore_case"])
    search = pattern.search
    return _guarded("matches", lambda value: search(value.encode()) is not None)  # bytes: no positions to turn back


def _keep_matching(_around: Surroundings, given: Arguments) -> Call:
    search = compiled("keep_matching", given["pattern"], ignore_case=given["ignore_case"]).search
    test = _guarded("keep_matching", lambda value: search(value.encode()) is not None)
    return lambda value: tuple(item for item in items(value) if test(item))


_PATTERN: Final = Param(name="pattern", type="text", doc="The regular expression, in RE2's syntax.")
_CASE: Final = Param(
    name="ignore_case", type="flag", default=False, doc="Whether capitals and small letters are the same."
)

FUNCTIONS: Final = (
    Function(
        name="regex_replace",
        takes=TEXT,
        gives="text",
        doc=r"Replaces every match of a pattern. `\1` or `\g<name>` in the replacement is what a group matched.",
        params=(_PATTERN, Param(name="with", type="text", default="", doc="What to put there."), _CASE),
        examples=(
            Example(value="Sales (North)", args={"pattern": r"\s*\(.*\)"}, gives="Sales"),
            Example(value="李伟 Wei Li", args={"pattern": r"(\w+) (\w+)$", "with": r"\2，\1"}, gives="李伟 Li，Wei"),
            Example(value="x", args={"pattern": "(x", "with": ""}, fails="FUN-010"),
            Example(value="a" * 60_000, args={"pattern": "a", "with": "b"}, fails="FUN-103"),
        ),
        make=_regex_replace,
    ),
    Function(
        name="regex_extract",
        takes=TEXT,
        gives="text",
        doc="Keeps what a pattern matches: its first group, or the whole match where there is no group.",
        params=(
            _PATTERN,
            Param(name="group", type="value", default="", doc="The number or the name of the group to keep."),
            Param(
                name="otherwise",
                type="text",
                default="fail",
                choices=("fail", "absent"),
                doc="What to do where nothing matches: refuse the value, or treat it as absent.",
            ),
            _CASE,
        ),
        examples=(
            Example(value="Sales [CN-3100]", args={"pattern": r"\[(\w+-\d+)\]"}, gives="CN-3100"),
            Example(value="Sales", args={"pattern": r"\d+", "otherwise": "absent"}, gives=None),
            Example(value="Sales", args={"pattern": r"\d+"}, fails="FUN-105"),
            Example(value="Sales", args={"pattern": r"\d+", "group": 1}, fails="FUN-012"),
        ),
        make=_regex_extract,
    ),
    Function(
        name="matches",
        takes=TEXT,
        gives="flag",
        doc="Tells whether a pattern occurs anywhere in the text; anchor it with ^ and $ to match the whole.",
        params=(_PATTERN, _CASE),
        examples=(
            Example(value="svc-backup", args={"pattern": "^(svc|adm)-"}, gives=True),
            Example(value="SVC-backup", args={"pattern": "^svc-", "ignore_case": True}, gives=True),
            Example(value="li.wei", args={"pattern": "(?=li)"}, fails="FUN-010", note="RE2 has no look-ahead."),
        ),
        make=_matches,
    ),
    Function(
        name="keep_matching",
        takes=TEXTS,
        gives="texts",
        doc="Keeps the items of a list in which a pattern occurs.",
        params=(_PATTERN, _CASE),
        examples=(
            Example(value=["CN=Sales,DC=x", "CN=VPN,DC=x"], args={"pattern": "^CN=VPN"}, gives=["CN=VPN,DC=x"]),
            Example(value=["a"], args={"pattern": "b"}, gives=[]),
        ),
        make=_keep_matching,
    ),
)
