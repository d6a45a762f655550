"""What flows back from the target to a source, by rule: read from the rule file, and checked against all other rules.

Whether two rules would contradict each other, or feed each other for ever, is decided here, when they are loaded: at work nothing
remembers what was written. Nothing here knows a record, a person or a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from syncd.config.yaml import did_you_mean
from syncd.core.errors import Place, Problem, foreign
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.values import Value
from syncd.mapping import messages_write_back as messages
from syncd.mapping.functions import Surroundings
from syncd.mapping.plan import Step
from syncd.mapping.reading import Written
from syncd.mapping.schema import AnyWriteBack, InboundFile
from syncd.mapping.schema import WriteBack as Shape
from syncd.mapping.shapes import NAMES, TARGET_SHAPES
from syncd.mapping.steps import ViaError, steps

_ID: Final = "userid"
_SAYABLE: Final = frozenset({FieldType.TEXT, FieldType.NUMBER, FieldType.FLAG, FieldType.DATE})
"""What can be one text of a source."""


class When(StrEnum):
    """Who has authority over the attribute."""

    ALWAYS = "always"
    """The target: whatever the source holds is written over."""
    DRIFT = "drift"
    """The source, until somebody changes the field by hand in the target and that is accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBack:
    """One attribute of a source's people, and the target's field that it comes from."""

    attribute: str
    field: str
    when: When
    clear: bool
    """Whether an empty field empties the attribute."""
    place: Place
    field_place: Place
    steps: tuple[Step, ...] = ()

    def said(self, value: Value) -> str | None:
        """Return a field's value as the source is to hold it, None for nothing. Raises `functions.Unfit`."""
        told: Value = text_of(value)
        for step in self.steps:
            if told is None and not step.takes_none:
                return None
            told = step.call(told)
        return text_of(told)

    def __str__(self) -> str:
        """Return the rule in words: `mobile ← mobile (what is accepted of hand edits)`."""
        how = " (hand edits that are accepted)" if self.when is When.DRIFT else ""
        return f"{self.attribute} ← {self.field}{how}"


def text_of(value: Value) -> str | None:
    """Return a value as the one text of a directory's attribute; None where it says nothing."""
    match value:
        case None:
            return None
        case bool():
            return "TRUE" if value else "FALSE"  # RFC 4517 §3.3.3
        case str():
            return value.strip() or None
        case int() | float():
            return str(value)
        case _:
            return None


def loaded(
    written: Written, *, source: str, attributes: Mapping[str, str] | None, around: Surroundings
) -> tuple[WriteBack, ...]:
    """Return what a rule file writes back; what is wrong by itself is added to the file's problems."""
    file = written.file
    if not isinstance(file, InboundFile):
        return ()
    found: list[WriteBack] = []
    seen: dict[str, str] = {}
    for name, rule in file.write_back.items():
        place = written.place(("write_back", name), "key")
        if attributes is not None and name not in attributes:
            similar = did_you_mean(name, attributes)
            written.problems.append(messages.NO_ATTRIBUTE.at(place, source=source, name=foreign(name), similar=similar))
        if (other := seen.setdefault(name.casefold(), name)) != name:
            written.problems.append(messages.TWICE.at(place, name=foreign(name), other=foreign(other)))
        found += _loaded(written, name, rule, around)
    return tuple(found)


def _loaded(written: Written, name: str, rule: AnyWriteBack, around: Surroundings) -> Iterator[WriteBack]:
    shape = Shape.model_validate({"from": rule}) if isinstance(rule, str) else rule
    try:
        made = steps(shape.via, ("text",), around)
    except ViaError as error:
        at = ("write_back", name, "via") if error.index is None else ("write_back", name, "via", error.index)
        written.problems.extend(replace(problem, place=written.place(at, "text")) for problem in error.problems)
        return
    place = written.place(("write_back", name), "key")
    field_place = written.place(("write_back", name, "from"))
    if made and (gives := made[-1].gives) not in ("text", "any", "number", "flag", "date"):
        got = NAMES.get(gives, gives)
        written.problems.append(messages.NO_TEXT.at(field_place, field=shape.from_, got=got))
    yield WriteBack(
        attribute=name,
        field=shape.from_,
        when=When(shape.when),
        clear=shape.clear,
        place=place,
        field_place=field_place,
        steps=made,
    )


# --- all rules together ----------------------------------------------------------------------------------------------


class Inbound(Protocol):
    """What has to be known of a source's rules."""

    @property
    def write_back(self) -> tuple[WriteBack, ...]: ...

    def fills_from(self, attribute: str) -> frozenset[str]: ...

    def decides_by(self, attribute: str) -> bool: ...


class Outbound(Protocol):
    """What has to be known of the target's rules."""

    def fills_from(self, name: str) -> frozenset[str]: ...


def contradictions(
    inbound: Mapping[str, Inbound],
    outbound: Outbound,
    *,
    fields: Mapping[str, FieldSpec],
    writable: Mapping[str, frozenset[str] | None],
    reverted: Callable[[str], bool],
) -> list[Problem]:
    """Return why rules cannot stand beside each other. `writable` is None for a source that cannot be written to; `reverted` says
    which fields of the target are written over when somebody changes them by hand."""
    found: list[Problem] = []
    for source, rules in inbound.items():
        for one in rules.write_back:
            found += _alone(one, source, rules, fields, writable[source], reverted)
    return found or _circles(inbound, outbound)


def _alone(
    one: WriteBack,
    source: str,
    rules: Inbound,
    fields: Mapping[str, FieldSpec],
    writable: frozenset[str] | None,
    reverted: Callable[[str], bool],
) -> Iterator[Problem]:
    if writable is None:
        yield messages.NOT_OFFERED.at(one.place, source=source)
    elif one.attribute not in writable:
        yield messages.NOT_WRITABLE.at(one.place, source=source, name=one.attribute)
    spec = fields.get(one.field)
    if spec is None:
        similar = did_you_mean(one.field, fields)
        yield messages.NO_FIELD.at(one.field_place, name=foreign(one.field), similar=similar)
    elif spec.type not in _SAYABLE:
        yield messages.NO_TEXT.at(one.field_place, field=one.field, got=NAMES[TARGET_SHAPES[spec.type]])
    if rules.decides_by(one.attribute):
        yield messages.DECIDES.at(one.place, name=one.attribute, source=source)
    if one.when is When.DRIFT and (one.field == _ID or (spec is not None and spec.read_only)):
        yield messages.NEVER_DRIFTS.at(one.place, field=one.field)
    elif one.when is When.DRIFT and reverted(one.field):
        yield messages.TWO_AUTHORITIES.at(
            one.place,
            name=one.attribute,
            field=one.field,
            why=f"`drift.fields.{one.field}` reverts what is changed by hand",
        )


def _circles(inbound: Mapping[str, Inbound], outbound: Outbound) -> list[Problem]:
    """Return the rules that lead back to themselves: what is always written back may not decide what it comes from.

    What is written back after a hand edit goes one step and no further: what we write ourselves is no hand edit.
    """
    leads: dict[str, list[tuple[str, WriteBack, frozenset[str]]]] = {}
    for source, rules in inbound.items():
        for one in rules.write_back:
            if one.when is When.ALWAYS:
                filled = frozenset(
                    field for name in rules.fills_from(one.attribute) for field in outbound.fills_from(name)
                )
                leads.setdefault(one.field, []).append((source, one, filled))
    found: list[Problem] = []
    for start in leads:
        for source, one, filled in leads[start]:
            if start in filled:
                why = f"the rules of {source} fill {start} from {one.attribute}"
                found.append(messages.TWO_AUTHORITIES.at(one.place, name=one.attribute, field=start, why=why))
            elif start in _reached(filled, leads):
                found.append(messages.CIRCLE.at(one.place, name=one.attribute, field=start))
    return found


def _reached(first: frozenset[str], leads: Mapping[str, list[tuple[str, WriteBack, frozenset[str]]]]) -> frozenset[str]:
    """Return the fields that change when these do."""
    reached, ahead = set(first), set(first)
    while ahead:
        ahead = {field for name in ahead for _, _, filled in leads.get(name, ()) for field in filled} - reached
        reached |= ahead
    return frozenset(reached)


__all__ = ["When", "WriteBack", "contradictions", "loaded", "text_of"]
