"""SCIM's filters (RFC 7644 §3.4.2.2): parsed within limits, and asked of plain objects. They never become SQL.

A literal without quotes is taken for a text: Entra's own samples have one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec

from syncd.scim.errors import ScimError, bad_filter, bad_path
from syncd.scim.names import EXACT, REFERRING, Attribute, attribute, child

LONGEST: Final = 4096
"""Characters of a filter."""
MOST_TOKENS: Final = 400
DEEPEST: Final = 16
_TOKEN: Final = re.compile(r'\s*(?:([()\[\]])|("(?:[^"\\]|\\.)*")|([^\s()\[\]"]+))')
_OPERATORS: Final = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """`attribute operator value`; `pr` has no value."""

    at: Attribute
    operator: str
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """`attribute[filter]`: one of its values fits."""

    at: Attribute
    inner: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    left: Filter
    right: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    left: Filter
    right: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Unless:
    inner: Filter


Filter: TypeAlias = Compare | Within | Both | Either | Unless


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Where a PATCH operation is to work: an attribute, among its values those that fit, and a part of them."""

    at: Attribute
    among: Filter | None = None


def parsed(text: str) -> Filter:
    """Return what a filter asks. Raises ScimError `invalidFilter`."""
    try:
        reader = _Reader(text)
        found = reader.either(0)
        reader.ends()
    except ScimError as error:
        raise error if error.kind == "invalidFilter" else bad_filter("it names no attribute") from None
    return found


def path(text: str) -> Path:
    """Return what the path of a PATCH operation names. Raises ScimError `invalidPath` or `invalidFilter`."""
    reader = _Reader(text)
    word = reader.take()
    if word in "()[]" or word.startswith('"'):
        raise bad_path("it does not begin with an attribute")
    at, among = attribute(word), None
    if reader.peek() == "[":
        reader.take()
        among = reader.either(1)
        reader.expect("]")
        if (rest := reader.peek()) is not None and rest.startswith("."):
            at = Attribute(schema=at.schema, name=at.name, part=attribute(reader.take()[1:]).name)
    if reader.peek() is not None:
        raise bad_path("something follows it")
    return Path(at=at, among=among)


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise bad_filter(f"it has more than {LONGEST} characters")
        self._tokens = list(_tokens(text.strip()))
        self._at = 0

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self) -> str:
        token = self.peek()
        if token is None:
            raise bad_filter("it ends too early")
        self._at += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise bad_filter(f"{token} is missing")

    def ends(self) -> None:
        if self.peek() is not None:
            raise bad_filter("something follows its end")

    def _word(self, word: str) -> bool:
        token = self.peek()
        if token is None or token.lower() != word:
            return False
        self._at += 1
        return True

    def either(self, depth: int) -> Filter:
        if depth > DEEPEST:
            raise bad_filter(f"it is nested more than {DEEPEST} deep")
        found = self._both(depth)
        while self._word("or"):
            found = Either(left=found, right=self._both(depth))
        return found

    def _both(self, depth: int) -> Filter:
        found = self._one(depth)
        while self._word("and"):
            found = Both(left=found, right=self._one(depth))
        return found

    def _one(self, depth: int) -> Filter:
        if self._word("not"):
            if self.peek() != "(":
                raise bad_filter("brackets are missing after not")
            return Unless(inner=self._one(depth + 1))
        if self.peek() == "(":
            self.take()
            found = self.either(depth + 1)
            self.expect(")")
            return found
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Filter:
        word = self.take()
        if word in "()[]" or word.startswith('"'):
            raise bad_filter("an attribute is missing")
        at = attribute(word)
        if self.peek() == "[":
            self.take()
            inner = self.either(depth + 1)
            self.expect("]")
            rest = self.peek()
            if rest is None or not rest.startswith("."):
                return Within(at=at, inner=inner)
            # `emails[type eq "work"].value eq "…"`: not in the RFC's grammar, and what Entra ID asks.
            part = attribute(self.take()[1:]).name
            return Within(at=at, inner=Both(left=inner, right=self._operation(Attribute(name=part))))
        return self._operation(at)

    def _operation(self, at: Attribute) -> Compare:
        operator = self.take().lower()
        if operator == "pr":
            return Compare(at=at, operator=operator)
        if operator not in _OPERATORS:
            raise bad_filter("there is no such operator")
        return Compare(at=at, operator=operator, value=_literal(self.take()))


def _tokens(text: str) -> Iterator[str]:
    at = count = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        count += 1
        if found is None:
            raise bad_filter("a quotation mark is missing")
        if count > MOST_TOKENS:
            raise bad_filter(f"it has more than {MOST_TOKENS} words")
        yield found[1] or found[2] or found[3]
        at = found.end()


def _literal(token: str) -> Any:
    if token in ("(", ")", "[", "]"):
        raise bad_filter("a value is missing")
    if "\x00" in token or "\\u0000" in token:
        raise bad_filter("a text holds a character that no text may hold")
    if token.startswith('"'):
        try:
            return msgspec.json.decode(token)
        except (msgspec.DecodeError, UnicodeError):
            raise bad_filter("a text is not written as JSON wants it") from None
    known: Mapping[str, Any] = {"true": True, "false": False, "null": None}
    if token.lower() in known:
        return known[token.lower()]
    return token


# --- asking ---------------------------------------------------------------------------------------------------------


def fits(wanted: Filter, resource: Any) -> bool:
    """Tell whether a resource, or one value of an attribute, is meant by a filter."""
    match wanted:
        case Both(left=left, right=right):
            return fits(left, resource) and fits(right, resource)
        case Either(left=left, right=right):
            return fits(left, resource) or fits(right, resource)
        case Unless(inner=inner):
            return not fits(inner, resource)
        case Within(at=at, inner=inner):
            return any(fits(inner, one) for one in _several(_held(at, resource)))
        case Compare():
            return _compared(wanted, resource)


def _held(at: Attribute, resource: Any) -> Any:
    parent = child(resource, at.schema) if at.schema else resource
    return child(parent, at.name) if at.name else parent


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _compared(wanted: Compare, resource: Any) -> bool:
    exact = wanted.at.name.lower() in EXACT or (wanted.at.name in REFERRING and wanted.at.part in ("", "value"))
    values = [_value(one, wanted.at.part) for one in _several(_held(wanted.at, resource))]
    present = [one for one in values if one not in (None, "", [], {})]
    match wanted.operator:
        case "pr":
            return bool(present)
        case "ne":
            return not any(_equal(one, wanted.value, exact) for one in present)
        case "eq":
            return not present if wanted.value is None else any(_equal(one, wanted.value, exact) for one in present)
        case operator:
            return any(_ordered(operator, one, wanted.value, exact) for one in present)


def _value(one: Any, part: str) -> Any:
    """Return the part that is compared: of an object without one, its `value` (RFC 7644 §3.4.2.2)."""
    return child(one, part or "value") if isinstance(one, dict) else None if part else one


def _equal(one: Any, other: Any, exact: bool) -> bool:
    if isinstance(one, bool):
        return one is other or (isinstance(other, str) and other.lower() == str(one).lower())
    if isinstance(one, dict | list):
        return False
    return _text(one, exact) == _text(other, exact)


def _text(value: Any, exact: bool) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if exact else text.casefold()


_TEXTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "co": lambda one, other: other in one,
    "sw": str.startswith,
    "ew": str.endswith,
}
_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": lambda one, other: one > other,
    "ge": lambda one, other: one >= other,
    "lt": lambda one, other: one < other,
    "le": lambda one, other: one <= other,
}


def _ordered(operator: str, one: Any, other: Any, exact: bool) -> bool:
    if isinstance(one, bool | dict | list) or isinstance(other, bool) or other is None:
        return False
    if operator in _TEXTS:
        return _TEXTS[operator](_text(one, exact), _text(other, exact))
    return _ORDERS[operator](*_comparable(one, other, exact))


def _comparable(one: Any, other: Any, exact: bool) -> tuple[Any, Any]:
    """Return two values as instants if both are, as numbers if both are, else as texts."""
    for meaning in (float, _instant):
        try:
            return meaning(one), meaning(other)
        except (TypeError, ValueError, OverflowError):
            continue
    return _text(one, exact), _text(other, exact)


def _instant(value: Any) -> float:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("no time zone")
    return at.timestamp()


def alone(wanted: Filter) -> Iterator[Compare]:
    """Yield the comparisons that every resource must fit."""
    match wanted:
        case Both(left=left, right=right):
            yield from alone(left)
            yield from alone(right)
        case Compare():
            yield wanted


def mentions(wanted: Filter, name: str) -> bool:
    """Tell whether a filter asks for an attribute."""
    match wanted:
        case Both(left=left, right=right) | Either(left=left, right=right):
            return mentions(left, name) or mentions(right, name)
        case Unless(inner=inner):
            return mentions(inner, name)
        case Within(at=at) | Compare(at=at):
            return at.name == name
