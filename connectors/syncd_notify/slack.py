"""Alerts in a channel of Slack, through an incoming webhook.

Source: Slack's incoming webhooks as recalled: `{"text": …}` in mrkdwn, where `&`, `<` and `>` are escaped; 200 `ok`, 429 with
Retry-After, other errors as plain words with 4xx.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from syncd.config.secrets import Secret
from syncd.core.ports import Alert
from syncd_notify.posting import Posting, Reached, cut

TITLE_LIMIT: Final = 300
TEXT_LIMIT: Final = 10_000


class SlackSettings(Reached):
    """An incoming webhook of Slack."""

    url: Secret
    """The webhook's address; whoever knows it can write into the channel."""


class Slack(Posting):
    """Writes into a channel."""

    settings: ClassVar[type[Any]] = SlackSettings

    async def send(self, alert: Alert) -> None:
        url = self._settings.url.reveal()
        text = f"*{_escaped(cut(alert.title, TITLE_LIMIT))}*\n{_escaped(cut(alert.text, TEXT_LIMIT))}"
        self.accepted(await self.post(url, json={"text": text}), url)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
