"""Alerts in a channel of Microsoft Teams, through a workflow "when a webhook request is received".

Source: Microsoft's pages on workflows and adaptive cards as recalled: a message with one card as attachment, 202 for taken, at
most 28 KB.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from syncd.config.secrets import Secret
from syncd.core.ports import Alert
from syncd_notify.posting import Posting, Reached, cut

TITLE_LIMIT: Final = 300
TEXT_LIMIT: Final = 5_000
_COLOURS: Final = {"critical": "Attention", "warning": "Warning"}


class TeamsSettings(Reached):
    """A workflow of Microsoft Teams that posts what it is sent."""

    url: Secret
    """The workflow's address; whoever knows it can write into the channel."""


class Teams(Posting):
    """Writes a card into a channel."""

    settings: ClassVar[type[Any]] = TeamsSettings

    async def send(self, alert: Alert) -> None:
        url = self._settings.url.reveal()
        self.accepted(await self.post(url, json=card(alert)), url)


def card(alert: Alert) -> dict[str, Any]:
    """Return an alert as an adaptive card, line for line: its Markdown joins lines that stand together."""
    colour = "Good" if alert.resolved else _COLOURS.get(alert.severity, "Default")
    title = {
        "type": "TextBlock",
        "text": cut(alert.title, TITLE_LIMIT),
        "weight": "Bolder",
        "wrap": True,
        "color": colour,
    }
    lines = cut(alert.text, TEXT_LIMIT).split("\n")
    body = [title, *({"type": "TextBlock", "text": line, "wrap": True, "spacing": "Small"} for line in lines)]
    content = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": {**content, "body": body}}
    return {"type": "message", "attachments": [attachment]}
