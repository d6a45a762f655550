"""Alerts as incidents of PagerDuty: one incident for each problem, closed by its resolution.

Source: PagerDuty Events API v2 as recalled: `dedup_key` of at most 255 characters ties trigger and resolve, `summary` of at most
1,024, 202 for taken, 429 for too fast; what is wrong with an event is 400.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from pydantic import Field

from syncd.config.secrets import Secret
from syncd.core.ports import Alert
from syncd.core.values import instant
from syncd_notify.posting import Posting, Reached, cut

SUMMARY_LIMIT: Final = 1_024
TEXT_LIMIT: Final = 10_000
_SEVERITIES: Final = ("critical", "error", "warning", "info")


class PagerDutySettings(Reached):
    """A service of PagerDuty, reached by its Events API v2."""

    routing_key: Secret
    """The integration key of the service."""
    url: str = Field("https://events.pagerduty.com/v2/enqueue", pattern=r"^https?://\S+$")
    """Where events go; accounts in Europe: https://events.eu.pagerduty.com/v2/enqueue."""
    source: str = "syncd"
    """What PagerDuty shows as the place of the problem."""


class PagerDuty(Posting):
    """Opens and closes incidents."""

    settings: ClassVar[type[Any]] = PagerDutySettings

    async def send(self, alert: Alert) -> None:
        settings: PagerDutySettings = self._settings
        key = settings.routing_key.reveal()
        answer = await self.post(settings.url, json=event(alert, settings, key))
        self.accepted(answer, settings.url, secrets=(key,))


def event(alert: Alert, settings: PagerDutySettings, routing_key: str) -> dict[str, Any]:
    """Return an alert as an event; a repetition updates its incident."""
    named = {"routing_key": routing_key, "dedup_key": alert.key}
    if alert.resolved:
        return {**named, "event_action": "resolve"}
    return {
        **named,
        "event_action": "trigger",
        "client": "syncd",
        "payload": {
            "summary": cut(alert.title, SUMMARY_LIMIT),
            "source": settings.source,
            "severity": alert.severity if alert.severity in _SEVERITIES else "error",
            "timestamp": instant(alert.since),
            "component": alert.rule or "syncd",
            "custom_details": {"text": cut(alert.text, TEXT_LIMIT), "do": alert.do, "look": list(alert.look)},
        },
    }
