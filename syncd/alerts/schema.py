"""A file of alert rules as it is written: names and shapes, nothing of their meaning. Unknown settings are refused.

The docstring below each setting is what the reference says. Nothing here reads a file.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from syncd.alerts.messages import NOT_BYTES
from syncd.config.durations import Duration
from syncd.config.problems import refusal
from syncd.core.alerting import Severity

_UNITS: Final = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def _bytes(value: object) -> int:
    found = re.fullmatch(r"(\d{1,12}) ?([KMGT]iB|B)", value, re.IGNORECASE) if isinstance(value, str) else None
    if not found:
        raise refusal(NOT_BYTES)
    return int(found[1]) * _UNITS[found[2].upper()]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Escalation(_Part):
    """Who else is told when nobody acknowledges."""

    after: Duration
    """How long nobody has acknowledged it."""
    to: list[str] = Field(min_length=1)
    """The channels that are told then, besides the ordinary ones."""


class WrittenRule(_Part):
    """One rule; what a default rule says already need not be said again."""

    when: str = ""
    """What is looked for: a word of the vocabulary."""
    after: Duration | None = None
    """The measure of words about age: so long, or longer."""
    within: Duration | None = None
    """The measure of words about what is near: so soon, or so recently."""
    over: int | None = Field(None, ge=0)
    """The measure of words that count: more than so many."""
    under: Annotated[int, BeforeValidator(_bytes)] | None = None
    """The measure of words about storage: less than this (`2GiB`)."""
    for_: Duration = Field(timedelta(0), alias="for")
    """How long it must last before anybody is told."""
    clear: Duration = timedelta(minutes=5)
    """How long it must be gone before it is over. What comes and goes is held open for longer, up to an hour."""
    severity: Severity = Severity.WARNING
    """`critical`, `warning` or `info`."""
    group_by: list[str] = []
    """One alert for each value of these labels; empty: one alert for everything that the rule finds."""
    inhibited_by: list[str] = []
    """Rules that explain this one: while one of them finds something (of the same source, where both have one), this one is
    not told."""
    channels: list[str] | None = None
    """The channels that are told; without it, every channel that takes this severity."""
    repeat: Duration | None = timedelta(hours=24)
    """Told again so often while it lasts and nobody acknowledges it; null for never."""
    escalate: Escalation | None = None
    """Who else is told when nobody acknowledges."""
    quiet_hours: bool = True
    """Whether a message that is not critical waits for the end of the quiet hours."""
    title: str = ""
    """Words of your own for the title; those that syncd brings are in the language of `alerts.language`."""
    do: str = ""
    """Words of your own for what to do next."""
    off: bool = False
    """Switches the rule off."""


class WrittenRules(_Part):
    """A file of alert rules. It changes and adds to the rules that syncd brings."""

    rules: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")], WrittenRule] = {}
    """The rules by name. A rule of a known name changes that rule; another name is a rule of your own."""
