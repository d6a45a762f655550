"""A consumer, a messenger and a sink that live in memory and keep every rule of their sockets. For tests.

What they must not forget is kept in a `Shelf` that the test hands to them as their settings: several of them on one shelf are
one that was opened anew. Each can be told to fail, before or after it has done its work.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from syncd.core.census import EMPTY, Census, retold
from syncd.core.model import TargetId
from syncd.core.outcome import Fact
from syncd.core.ports import Alert, Verdict
from syncd.testing.double import Double

TEXT_LIMIT: Final = 2_000
TITLE_LIMIT: Final = 64
"""Characters; what is longer is cut, as real platforms make us do."""


def _fine() -> None:
    return None


@dataclass
class Shelf:
    """What outlives a process."""

    census: Census = EMPTY
    heard: list[Fact] = field(default_factory=list)
    """Every fact that was news, in order."""
    introductions: int = 0
    letters: dict[tuple[str, TargetId], tuple[str, str]] = field(default_factory=dict)
    """Title and text by key and reader."""
    unknown: frozenset[TargetId] = frozenset()
    """Those who cannot be reached."""
    open: dict[str, Alert] = field(default_factory=dict)
    closed: list[Alert] = field(default_factory=list)
    before: Callable[[], None] = _fine
    """Called before anything is done; may raise."""
    after: Callable[[], None] = _fine
    """Called when everything is done; may raise, as if the answer had been lost."""


class _Memory(Double[Shelf]):
    """What the three have in common."""

    settings: ClassVar[type[Any]] = Shelf

    @property
    def _shelf(self) -> Shelf:
        return self._settings


class MemoryConsumer(_Memory):
    """Keeps the census up to date."""

    async def receive(self, facts: Sequence[Fact]) -> None:
        self._shelf.before()
        news = [fact for fact in facts if fact.sequence > self._shelf.census.sequence]
        self._shelf.heard += news
        self._shelf.census = retold(news, self._shelf.census)
        self._shelf.after()

    async def reconcile(self, census: Census) -> None:
        self._shelf.before()
        if census.sequence >= self._shelf.census.sequence:
            self._shelf.census = census
            self._shelf.introductions += 1
        self._shelf.after()


class MemoryMessenger(_Memory):
    """Keeps each letter once."""

    async def send(self, *, key: str, to: Sequence[TargetId], title: str, text: str) -> frozenset[TargetId]:
        self._shelf.before()
        reached = [one for one in to if one not in self._shelf.unknown]
        for one in reached:
            self._shelf.letters.setdefault((key, one), (title[:TITLE_LIMIT], text[:TEXT_LIMIT]))
        self._shelf.after()
        return frozenset(to) - frozenset(reached)


class MemorySink(_Memory):
    """Keeps open alerts by key, and those that are over."""

    async def check(self) -> AsyncIterator[Verdict]:
        """Yield nothing: there is nothing that could be away."""
        return
        yield  # an empty generator

    async def send(self, alert: Alert) -> None:
        self._shelf.before()
        cut = replace(alert, title=alert.title[:TITLE_LIMIT], text=alert.text[:TEXT_LIMIT])
        if not alert.resolved:
            self._shelf.open[alert.key] = cut
        elif self._shelf.open.pop(alert.key, None) is not None:
            self._shelf.closed.append(cut)
        self._shelf.after()
