"""The dead man's heartbeat: somebody elsewhere is called while work ends well, and raises the alarm when the calls stay away.

It is sent only when it is true. It alerts nobody itself, and never logs its address, which is a secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from syncd.core.errors import Misconfigured, SyncdError
from syncd.core.health import Health
from syncd.http import Client, HttpSettings, open_client
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.config.alerting import HeartbeatSettings
    from syncd.config.secrets import Secret

log = structlog.get_logger(__name__)

FRESH: Final = timedelta(minutes=5)
"""Older knowledge of how the service stands proves nothing: its loop may hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Where and how often the sign of life goes."""

    url: Secret
    every: timedelta
    method: str
    progress: timedelta

    @classmethod
    def of(cls, settings: HeartbeatSettings) -> Heartbeat:
        """Return the heartbeat that `syncd.yaml` describes."""
        return cls(url=settings.url, every=settings.every, method=settings.method, progress=settings.progress)

    def progressing(self, health: Health | None, *, now: datetime) -> bool:
        """Tell whether work has ended well lately, as a fresh look says."""
        if health is None or now - health.at > FRESH or health.run_at is None or health.database_failing:
            return False
        return now - health.run_at <= self.progress

    async def beat_forever(self, alive: Callable[[], Awaitable[bool]]) -> None:
        """Send the sign each time that `alive` says so, until cancelled."""
        async with open_client(HttpSettings(timeout=10)) as client:
            while True:
                try:
                    if await alive():
                        await self.beat(client)
                    else:
                        log.warning("heartbeat.withheld")
                except Exception:  # a sign that cannot be sent is noticed by whoever waits for it
                    log.exception("heartbeat.failed")
                await asyncio.sleep(self.every.total_seconds())

    async def beat(self, client: Client) -> bool:
        """Send one sign; False if it did not arrive."""
        try:
            answer = await client.send(self.method, self.url.reveal())
        except Misconfigured as error:
            log.warning("heartbeat.failed", code=error.problems[0].code)
            return False
        except SyncdError as error:
            log.warning("heartbeat.failed", error=type(error).__name__)
            return False
        if answer.status >= 300:
            log.warning("heartbeat.failed", status=answer.status)
        return answer.status < 300
