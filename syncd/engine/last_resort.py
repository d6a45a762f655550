"""What is told when nothing can be kept: the one alert that does not go through the store, because the store is what fails.

Told once to each channel that takes what is critical, and its end as well. It is remembered only as long as the process lives, so
a restart tells it again; its key is always the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from syncd.alerts.wording import Wording
from syncd.core.errors import Problem
from syncd.core.ports import Alert
from syncd.structured import structlog

log = structlog.get_logger(__name__)

LASTING: Final = timedelta(minutes=1)
"""A database that is busy, or a server that is started again, is nobody's business."""


class LastResort:
    """Tells of a store that fails. `send` sends one alert to a channel by name."""

    def __init__(
        self, channels: Collection[str], wording: Wording, send: Callable[[str, Alert], Awaitable[None]]
    ) -> None:
        self._channels, self._wording, self._send = channels, wording, send
        self._since: datetime | None = None
        self._told: set[str] = set()

    async def fails(self, problem: Problem | None, *, now: datetime) -> None:
        """Tell it, once it has lasted, to those who have not heard it yet."""
        self._since = self._since or now
        if now - self._since < LASTING:
            return
        alert = self._wording.unkept(problem, since=self._since, now=now)
        for name in sorted(set(self._channels) - self._told):
            if await self._sent(name, alert):
                self._told.add(name)

    async def works(self, *, now: datetime) -> None:
        """Tell the end to those who heard the beginning."""
        if self._since is None:
            return
        alert = self._wording.unkept(None, since=self._since, now=now, resolved=True)
        for name in sorted(self._told):
            if await self._sent(name, alert):
                self._told.discard(name)
        if not self._told:
            self._since = None

    async def _sent(self, name: str, alert: Alert) -> bool:
        try:
            await self._send(name, alert)
        except Exception:  # whatever it is: there is nowhere else to keep it, and the next look tries again
            log.exception("alert.last_resort_failed", channel=name)
            return False
        return True
