"""What becomes of people of whom there is nothing to weigh: the rules' own function, and none of the questions around it.

It answers for somebody who is active, whose units are known and who keeps no value that must differ from everybody else's; where
it cannot, it says None, and `OutboundRules.map` is asked. It never sets anybody aside and never tells why.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from syncd.core.errors import Place
from syncd.core.values import Value, Values
from syncd.mapping.generating import INCLUDED, Run

_NONE: Final[Values] = MappingProxyType({})


class PlainRules(NamedTuple):
    """The rules for people, where these look at nobody but the person and the units above."""

    run: Run
    required: tuple[str, ...]
    reads_path: bool
    reads: frozenset[str]
    """The attributes of people that they look at."""

    def wanted(
        self, facts: Values, unit: Values, path: tuple[str, ...]
    ) -> tuple[dict[str, Value], Mapping[str, Place]] | None:
        """Return the fields of a person with these facts, and the rules' places; None if a field cannot be filled."""
        state, fields, bad, places = self.run(facts, unit, _NONE, path)
        if state != INCLUDED or bad:
            return None
        for name in self.required:
            if fields.get(name) is None:
                return None
        return fields, places
