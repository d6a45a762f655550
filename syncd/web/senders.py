"""Who may send webhooks, with which keys, for which sources. Keys are fetched anew now and then, so that a changed
secret is seen without a restart; they are never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from syncd.config.web import SenderSettings
from syncd.core.errors import Misconfigured, Problem
from syncd.web import messages
from syncd.web.signature import Stamp, fits, key_of

FRESH: Final = 10.0
"""Seconds for which keys are used before they are fetched again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One system that may say that somebody has changed."""

    name: str
    sources: frozenset[str]
    keys: tuple[bytes, ...] = field(repr=False)


def senders_of(settings: Mapping[str, SenderSettings]) -> tuple[Sender, ...]:
    """Fetch every secret now. Raises Misconfigured with all that is wrong with them."""
    problems: list[Problem] = []
    found = []
    for name, sender in settings.items():
        keys = []
        for secret in sender.secrets:
            try:
                keys.append(key_of(secret.reveal()))
            except Misconfigured as error:
                problems += error.problems
            except ValueError as error:
                problems.append(messages.BAD_SECRET.at(secret.place, sender=name, why=str(error)))
        found.append(Sender(name=name, sources=frozenset(sender.sources), keys=tuple(keys)))
    if problems:
        raise Misconfigured(problems)
    return tuple(found)


class Senders:
    """All of them, with keys that are at most ten seconds old."""

    def __init__(self, settings: Mapping[str, SenderSettings], *, clock: Callable[[], float]) -> None:
        """Raises Misconfigured. `clock` is any steady one, in seconds."""
        self._settings = settings
        self._clock = clock
        self._known = senders_of(settings)
        self._at = clock()

    def who_signed(self, stamp: Stamp, content: bytes) -> Sender | None:
        """Return whose signature it is, None if nobody's. Raises Misconfigured where a secret cannot be fetched any
        more."""
        if self._clock() - self._at > FRESH:
            self._known = senders_of(self._settings)
            self._at = self._clock()
        # All are asked, also after one was found: the time tells nobody whether, and whose.
        signed = [sender for sender in self._known if fits(stamp, content, sender.keys)]
        return signed[0] if signed else None
