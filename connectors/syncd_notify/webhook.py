"""Alerts as JSON to an address of one's own, signed where a secret is agreed upon. It interprets no answer but its status.

The body is `{"version": 1, "key", "message", "news", "severity", "resolved", "title", "text", "since", …}`: `key` is the same
from the first message of a problem to its resolution, `message` is the same only for a message that comes again. The signature is
the usual one: `syncd-signature: t=<seconds>,v1=<hex of HMAC-SHA256 over "t.body">`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import fields
from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec
from pydantic import Field

from syncd.config.secrets import Secret
from syncd.core.ports import Alert
from syncd.core.values import instant
from syncd_notify.posting import Posting, Reached, cut

VERSION: Final = 1
TITLE_LIMIT: Final = 500
TEXT_LIMIT: Final = 20_000
SIGNATURE: Final = "syncd-signature"


class WebhookSettings(Reached):
    """An address that takes alerts as JSON."""

    url: Secret
    """The address; kept as a secret, because many addresses hold a token."""
    secret: Secret | None = None
    """Signs each message (`syncd-signature: t=…,v1=…`, HMAC-SHA256 over the time, a dot and the body)."""
    headers: dict[str, Secret] = Field(default_factory=dict)
    """Headers that the other side wants, such as `Authorization`."""


class Webhook(Posting):
    """Posts each alert as JSON."""

    settings: ClassVar[type[Any]] = WebhookSettings

    async def send(self, alert: Alert) -> None:
        settings: WebhookSettings = self._settings
        url, body = settings.url.reveal(), body_of(alert)
        secrets = [secret.reveal() for secret in settings.headers.values()]
        headers = {name: secret.reveal() for name, secret in settings.headers.items()}
        headers["content-type"] = "application/json; charset=utf-8"
        headers["idempotency-key"] = alert.message or alert.key.encode("ascii", "backslashreplace").decode()
        if settings.secret:
            secrets.append(settings.secret.reveal())
            headers[SIGNATURE] = signature(secrets[-1], body, int(self._room.now().timestamp()))
        self.accepted(await self.post(url, content=body, headers=headers), url, secrets=tuple(secrets))


def body_of(alert: Alert) -> bytes:
    """Return an alert as JSON."""
    plain: dict[str, Any] = {"version": VERSION}
    for each in fields(alert):
        value = getattr(alert, each.name)
        plain[each.name] = instant(value) if isinstance(value, datetime) else value
    plain |= {"title": cut(alert.title, TITLE_LIMIT), "text": cut(alert.text, TEXT_LIMIT)}
    return msgspec.json.encode(plain)


def signature(secret: str, body: bytes, seconds: int) -> str:
    """Return the value of the header `syncd-signature`."""
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"
