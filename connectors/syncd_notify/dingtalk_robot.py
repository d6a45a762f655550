"""Alerts through a custom robot of a DingTalk group, signed where the robot asks for it. It asks for no app and no permission.

Source: open.dingtalk.com, "Custom robots send group messages" (wire format, error codes, 20 messages a minute and then ten
minutes of silence); 300005 and 660026 were reported by others. The answer is HTTP 200 whatever happened: `errcode` decides.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

import msgspec
from pydantic import Field

from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.ports import Alert
from syncd.http import Answer
from syncd_notify.messages import BUSY, ROBOT_BUSY, ROBOT_REFUSED
from syncd_notify.posting import Posting, Reached, cut, said_by

_TOO_FAST: Final = frozenset({410100, 660026})
_BUSY: Final = frozenset({-1, 1002})
SILENCE: Final = timedelta(minutes=10)
TITLE_LIMIT: Final = 200
TEXT_LIMIT: Final = 5_000
"""Characters; the platform takes 20,000 bytes of a message (recalled, not published), and Chinese needs three for each."""


class DingTalkRobotSettings(Reached):
    """A custom robot of a DingTalk group."""

    access_token: Secret
    """The token in the address that DingTalk shows when the robot is made."""
    secret: Secret | None = None
    """The robot's secret (`SEC…`), where its security setting is the signature; recommended."""
    keyword: str = ""
    """The word that every message must have, where its security setting is a keyword."""
    at_mobiles: list[str] = Field(default_factory=list)
    """Mobile numbers of those in the group who are called by name when it is critical."""
    base_url: str = Field("https://oapi.dingtalk.com", pattern=r"^https?://[^/?#]+$")
    """Where DingTalk is; another one for the sandbox."""


class DingTalkRobot(Posting):
    """Speaks in a group."""

    settings: ClassVar[type[Any]] = DingTalkRobotSettings

    def address(self) -> str:
        base: str = self._settings.base_url
        return base

    async def send(self, alert: Alert) -> None:
        settings: DingTalkRobotSettings = self._settings
        token = settings.access_token.reveal()
        query = {"access_token": token}
        if settings.secret:
            at = int(self._room.now().timestamp() * 1000)
            query |= {"timestamp": str(at), "sign": sign(settings.secret.reveal(), at)}
        url = f"{settings.base_url}/robot/send?{urlencode(query)}"
        answer = await self.post(url, json=body_of(alert, settings))
        self.accepted(answer, url, secrets=(token,))
        _judge(answer, settings, token)


def sign(secret: str, at: int) -> str:
    """Return the signature of a robot's message; `at` is milliseconds since 1970."""
    digest = hmac.new(secret.encode(), f"{at}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def body_of(alert: Alert, settings: DingTalkRobotSettings) -> dict[str, Any]:
    """Return an alert as the robot's Markdown: each line a paragraph, because single line ends are not shown."""
    title, text = cut(alert.title, TITLE_LIMIT), cut(alert.text, TEXT_LIMIT)
    called = settings.at_mobiles if alert.severity == "critical" and not alert.resolved else []
    lines = [f"### {_escaped(title)}", *(_escaped(line) for line in text.split("\n"))]
    lines += [settings.keyword] if settings.keyword and settings.keyword not in f"{title}\n{text}" else []
    # DingTalk calls only those who stand in the text as well.
    lines += [" ".join(f"@{number}" for number in called)] if called else []
    return {
        "msgtype": "markdown",
        "markdown": {"title": title, "text": "\n\n".join(lines)},
        "at": {"atMobiles": called, "isAtAll": False},
        "msgUuid": alert.message,
    }


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return "".join(f"\\{each}" if each in r"\*_`#[]<>" else each for each in text)


def _judge(answer: Answer, settings: DingTalkRobotSettings, token: str) -> None:
    try:
        said = msgspec.json.decode(answer.content)
        code, text = int(said["errcode"]), str(said.get("errmsg", ""))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise TryAgain(BUSY.at(host=settings.base_url, status=answer.status)) from None
    if code == 0:
        return
    words = {"code": code, "said": said_by(text.encode(), (token,))}
    if code in _TOO_FAST:
        raise TryAgain(ROBOT_BUSY.at(**words), after=SILENCE)
    if code in _BUSY:
        raise TryAgain(BUSY.at(host=settings.base_url, status=f"200, {code}"))
    raise NeedsHuman(ROBOT_REFUSED.at(**words))
