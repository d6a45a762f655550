"""Who is confirmed to be there: the facts of the feed, told again as one picture.

It is what facts amount to by definition, so a consumer that hears the facts and one that is handed the census cannot come to
know different things. Pure; it reads no feed and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from syncd.core.model import FieldChange, Kind, SubjectId, TargetId
from syncd.core.outcome import Fact, FactType
from syncd.core.values import Value, Values, is_empty

_ENDS: Final = frozenset({FactType.LEFT, FactType.UNIT_REMOVED})
_BEGINS: Final = frozenset({FactType.JOINED, FactType.UNIT_CREATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person or unit that the target was confirmed to hold."""

    subject: SubjectId
    kind: Kind
    target_id: TargetId
    label: str
    since: datetime
    """When the joining was confirmed."""
    fields: Values
    """By the target's names, references as SubjectIds. A field that is empty is not named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """Everybody, as of one fact. Who is not in it is not there."""

    sequence: int = 0
    """The last fact that it takes into account."""
    members: Mapping[SubjectId, Member] = field(default_factory=dict)


EMPTY: Final = Census()


def retold(facts: Iterable[Fact], start: Census = EMPTY) -> Census:
    """Return the census after `facts`, which are in order; those that `start` knows already are passed over."""
    members, last = dict(start.members), start.sequence
    for fact in facts:
        if fact.sequence <= last:
            continue
        last = fact.sequence
        if fact.type in _ENDS:
            members.pop(fact.subject, None)
        else:
            members[fact.subject] = _after(fact, members.get(fact.subject))
    return Census(sequence=last, members=members)


def _after(fact: Fact, before: Member | None) -> Member:
    """Return somebody as a fact leaves them. Who begins anew keeps nothing of what was."""
    known = None if fact.type in _BEGINS else before
    return Member(
        subject=fact.subject,
        kind=fact.kind,
        target_id=fact.target_id,
        label=fact.label,
        since=fact.at if known is None else known.since,
        fields=_changed({} if known is None else known.fields, fact.fields),
    )


def _changed(fields: Values, changes: Iterable[FieldChange]) -> Values:
    """Write changes over fields: what is cleared goes, a mapping keeps the keys that are not named."""
    after: dict[str, Value] = dict(fields)
    for change in changes:
        if is_empty(change.after):
            after.pop(change.name, None)
        elif isinstance(change.after, Mapping) and isinstance(held := after.get(change.name), Mapping):
            after[change.name] = {**held, **change.after}
        else:
            after[change.name] = change.after
    return after
