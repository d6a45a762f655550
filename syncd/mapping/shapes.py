"""What a field can hold: the types that rules may give it, checked at load, and the check of each value that remains.

The types are the words of the function library plus three of our own: `reference`, `references` and `memberships`.
Nothing here changes a value's meaning: a text alone may become a list of one, a list becomes a tuple, and that is all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NoReturn

from syncd.core.attributes import Attribute, Type
from syncd.core.errors import Message
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.values import Value, moment
from syncd.mapping import messages
from syncd.mapping.functions import Unfit
from syncd.mapping.functions.contract import kind_of

Conform = Callable[[Any], Value]
"""Returns the value as the field holds it, or raises Unfit."""

_SINGLE: Final = frozenset({Type.PERSON, Type.UNIT})

SHAPES: Final[Mapping[Type, str]] = {
    Type.TEXT: "text",
    Type.TEXTS: "texts",
    Type.NUMBER: "number",
    Type.FLAG: "flag",
    Type.DATE: "date",
    Type.INSTANT: "instant",
    **dict.fromkeys(_SINGLE, "reference"),
    **dict.fromkeys((Type.PERSONS, Type.UNITS, Type.GROUPS, Type.MEMBERS), "references"),
}
"""The shape of a canonical attribute."""

TARGET_SHAPES: Final[Mapping[FieldType, str]] = {
    FieldType.TEXT: "text",
    FieldType.NUMBER: "number",
    FieldType.FLAG: "flag",
    FieldType.DATE: "date",
    FieldType.TEXTS: "texts",
    FieldType.MAPPING: "mapping",
    FieldType.REFERENCE: "reference",
    FieldType.REFERENCES: "references",
    FieldType.MEMBERSHIPS: "memberships",
}
"""The shape of a target's field."""

NAMES: Final[Mapping[str, str]] = {
    "text": "a text",
    "texts": "a list of texts",
    "number": "a number",
    "flag": "true or false",
    "date": "a date",
    "instant": "an instant",
    "mapping": "a mapping",
    "reference": "a reference",
    "references": "references",
    "memberships": "memberships",
    "any": "a value of unknown type",
}
_ADVICE: Final[Mapping[tuple[str, str], str]] = {
    ("date", "text"): "Add `parse_date` to `via`, with the form in which the source writes dates.",
    ("date", "instant"): "Add `date_in_zone` to `via`: the day depends on the time zone.",
    ("text", "number"): "Add `to_text` to `via`.",
    ("text", "flag"): "Add `to_text` to `via`, or use `map_values`.",
    ("text", "texts"): "Add `join`, `first_of` or `nth` to `via`.",
    ("flag", "text"): "Add `to_flag`, `equals` or `one_of` to `via`.",
    ("number", "text"): "Add `to_number` to `via`.",
    ("texts", "text"): "Add `split` to `via`.",
}
_TAKEN: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"text", "date", "instant"}),
    "texts": frozenset({"texts", "text"}),
    "references": frozenset({"references", "reference"}),
    "mapping": frozenset({"mapping"}),
}


def takes(shape: str, given: str, *, inbound: bool, expression: bool) -> bool:
    """Tell whether a field of `shape` may get a value of type `given`; what only the value can tell is allowed here."""
    if given == "any" or given == shape or given in _TAKEN.get(shape, ()):
        return True
    if inbound and shape in ("reference", "references"):  # a source names others by text
        return given == "text" or (given == "texts" and shape == "references")
    # CEL knows only texts: dates and references are checked value by value.
    dated = expression and given == "text" and shape in ("date", "instant", "reference")
    return dated or (expression and given == "texts" and shape == "references")


def advice(shape: str, given: str) -> str:
    """Say how a value of type `given` becomes one that a field of `shape` takes."""
    return _ADVICE.get((shape, given), "Choose another attribute, or convert the value in `via`.")


def attribute_conform(attribute: Attribute) -> Conform:
    """Return the check of what a canonical attribute is given."""
    return _CONFORM[SHAPES[attribute.type]]


def field_conform(spec: FieldSpec) -> Conform:
    """Return the check of what a target's field is given: its type, length, characters and pattern."""
    basic = _CONFORM[TARGET_SHAPES[spec.type]]
    if spec.type is FieldType.MAPPING:
        return _mapping_within(spec.max_length)
    if spec.type is FieldType.REFERENCES and spec.max_items is not None:
        return _references_within(spec.max_items)
    if spec.type is not FieldType.TEXT or not (spec.max_length or spec.forbidden or spec.pattern):
        return basic
    return _text_within(spec)


def refuse(message: Message, /, **words: object) -> NoReturn:
    """Raise Unfit with `message`."""
    raise Unfit(message.at(**words))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextWithin:
    """The check of a text that a field limits. What it checks can be seen, so that `generating` asks without a call for each."""

    limit: int
    forbidden: frozenset[str]
    whole: Callable[[str], Any] | None
    pattern: str | None

    def __call__(self, value: Any) -> Value:
        """Return the value, or raise Unfit."""
        if not isinstance(value, str):
            _wrong("text", value)
        if len(value) > self.limit:
            refuse(messages.OVER_LIMIT, limit=self.limit, length=len(value))
        if self.forbidden and not self.forbidden.isdisjoint(value):
            refuse(messages.FORBIDDEN, characters=" ".join(sorted(self.forbidden)))
        if self.whole is not None and not self.whole(value):
            refuse(messages.PATTERN, pattern=self.pattern)
        return value


def _text_within(spec: FieldSpec) -> Conform:
    # A target's pattern is a program's text, never an administrator's: Python's own engine, four times as fast as RE2 here.
    # ASCII, as with RE2: what DingTalk calls a digit is one of ten.
    whole = re.compile(spec.pattern, re.ASCII).fullmatch if spec.pattern else None
    forbidden = frozenset(spec.forbidden)
    return TextWithin(limit=spec.max_length or 2**31, forbidden=forbidden, whole=whole, pattern=spec.pattern or None)


def _references_within(limit: int) -> Conform:
    def conform(value: Any) -> Value:
        named = _CONFORM["references"](value)
        if (count := len(set(named))) > limit:  # type: ignore[arg-type]
            refuse(messages.OVER_ITEMS, limit=limit, count=count)
        return named

    return conform


def _mapping_within(limit: int | None) -> Conform:
    def conform(value: Any) -> Value:
        mapped = _mapping(value)
        length = sum(len(name) + len(text or "") for name, text in mapped.items())
        if limit is not None and length > limit:
            refuse(messages.OVER_LIMIT, limit=limit, length=length)
        return mapped

    return conform


def _mapping(value: Any) -> dict[str, str | None]:
    if not isinstance(value, Mapping) or not all(text is None or isinstance(text, str) for text in value.values()):
        _wrong("mapping", value)
    return dict(value)


def _wrong(shape: str, value: Value) -> NoReturn:
    got = kind_of(value)
    refuse(messages.GOT_TYPE, wanted=NAMES[shape], got=NAMES.get(got, got))


def text_shape(value: Any) -> Value:
    """Return a text as it is, or raise Unfit."""
    if not isinstance(value, str):
        _wrong("text", value)
    return value


def _texts(value: Any) -> Value:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        _wrong("texts", value)
    return tuple(value)


def _number(value: Any) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _wrong("number", value)
    return value


def _flag(value: Any) -> Value:
    if not isinstance(value, bool):
        _wrong("flag", value)
    return value


def _date(value: Any) -> Value:
    try:
        # Exactly ten characters: fromisoformat also reads 20261122 and 2026-W47-7.
        if isinstance(value, str) and len(value) == 10 and date.fromisoformat(value):
            return value
    except ValueError:
        pass
    _wrong("date", value)


def _instant(value: Any) -> Value:
    try:
        if isinstance(value, str) and value.endswith("Z") and moment(value):
            return value
    except ValueError:
        pass
    _wrong("instant", value)


_CONFORM: Final[Mapping[str, Conform]] = {
    "text": text_shape,
    "texts": _texts,
    "number": _number,
    "flag": _flag,
    "date": _date,
    "instant": _instant,
    "mapping": _mapping,
    "reference": text_shape,
    "references": _texts,
    "memberships": lambda value: value,
}
