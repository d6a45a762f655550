"""What people of a chaos company exchange: two swap an address or a desk number, three pass theirs around.

A directory changes one entry after the other, so there is always a moment in which two have the same. Often it is longer: the
second half comes after whatever else happens meanwhile, and the second person may have left by then.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

EXCHANGED: Final = ("mail", "telephoneNumber")
"""The attributes of which DingTalk lets only one person have a value, and which it changes. It does not change mobile numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """What somebody is to have."""

    number: str
    attribute: str
    value: str


@dataclass
class Exchanges:
    """What was begun and is not finished, and who has ever taken part."""

    dice: random.Random
    owed: list[Gift] = field(default_factory=list)
    parties: set[tuple[str, str]] = field(default_factory=set)
    """Number and attribute of everybody who has given a value to somebody else: between two values they may have had none."""

    def begin(self, attribute: str, held: Sequence[tuple[str, str]]) -> list[Gift]:
        """Begin an exchange among some of `held`, who are numbers with their values; return what is given at once.

        Who is owed something takes part in nothing else, or two would have the same in the end.
        """
        waiting = {one.number for one in self.owed if one.attribute == attribute}
        free = [(number, value) for number, value in held if value and number not in waiting]
        count = self.dice.choice((2, 2, 3))
        if len(free) < count:
            return []
        some = self.dice.sample(free, count)
        gifts = list(_around(attribute, some))
        self.parties |= {(one.number, attribute) for one in gifts}
        now = count if self.dice.random() < 0.5 else self.dice.randrange(1, count)
        self.owed += gifts[now:]
        return gifts[:now]

    def go_on(self) -> Gift | None:
        """Return what somebody is given next, who waits no longer."""
        return self.owed.pop(self.dice.randrange(len(self.owed))) if self.owed else None


def _around(attribute: str, some: Collection[tuple[str, str]]) -> Iterator[Gift]:
    values = [value for _, value in some]
    for (number, _), value in zip(some, [*values[1:], values[0]], strict=True):
        yield Gift(number=number, attribute=attribute, value=value)


__all__ = ["EXCHANGED", "Exchanges", "Gift"]
