"""Whose word counts for an attribute, and on what terms: under a condition, and only so long after a good read.

Terms decide the order and nothing else: whose terms do not hold is asked last, so what nobody else knows is never lost. Pure; it
is told what the sources say and which of them are old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from syncd.core.model import SourceName
from syncd.core.values import Value, Values, is_empty

OF: Final = ":"
"""Between the name of a source and an attribute in a condition; neither of them can hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What has to be said of the same person so that a source's word counts."""

    attribute: str
    wanted: tuple[Value, ...]
    """One of them is enough; None means that nothing is said."""
    source: SourceName | None = None
    """Who has to say it; None for the source itself whose word it is about."""

    def holds(self, own: SourceName, said: Mapping[SourceName, Values]) -> bool:
        """Tell whether it is said. Texts are compared without case and outer blanks; of a list one member is enough."""
        value = said.get(self.source or own, {}).get(self.attribute)
        if is_empty(value):
            return any(is_empty(one) for one in self.wanted)
        members = value if isinstance(value, tuple | list) else (value,)
        return any(_same(member, one) for member in members for one in self.wanted)

    def __str__(self) -> str:
        """Return it in words: `userType is Employee or Intern`."""
        speaker = f"{self.source}{OF}" if self.source is not None else ""
        words = ("not said" if is_empty(one) else _word(one) for one in self.wanted)
        return f"{speaker}{self.attribute} is {' or '.join(words)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """A source was last read well too long ago."""

    most: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class WordTerms:
    """On what terms the word of one source counts for one attribute."""

    when: tuple[Condition, ...] = ()
    """All of them."""
    max_age: timedelta | None = None
    """How old its last good read may be."""


def unmet(terms: WordTerms, own: SourceName, said: Mapping[SourceName, Values], *, old: bool) -> Condition | Age | None:
    """Return which of the terms does not hold; None where all do. `old` tells whether the source's last good read is too old."""
    if old and terms.max_age is not None:
        return Age(most=terms.max_age)
    return next((one for one in terms.when if not one.holds(own, said)), None)


def too_old(
    terms: Mapping[tuple[str, SourceName], WordTerms], read_at: Mapping[SourceName, datetime | None], now: datetime
) -> frozenset[tuple[str, SourceName]]:
    """Return for which attributes whose word is too old at `now`. `read_at` says when a source was last read well, None for one
    that never was: that one is old."""
    return frozenset(
        (name, source)
        for (name, source), one in terms.items()
        if one.max_age is not None and ((at := read_at.get(source)) is None or now - at > one.max_age)
    )


def _same(value: Value, wanted: Value) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return value.strip().casefold() == wanted.strip().casefold()
    # In Python True is 1; in a condition it is not.
    return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def _word(value: Value) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
