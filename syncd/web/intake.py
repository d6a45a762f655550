"""`POST /v1/wake/{source}`: an authenticated system says that somebody has changed, and is answered when that is kept.

The checks come in the order of what they cost: size, headers, time, signature, then the body is understood. Bodies, and
what they say of people, are never logged. A message that comes twice is one event (`Wake.key`), so playing one back
within the window of time does nothing; after it, it is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from syncd import telemetry
from syncd.core.cloudevents import NotAnEvent
from syncd.core.errors import Misconfigured, NeedsHuman, TryAgain, foreign
from syncd.core.model import SourceName
from syncd.core.wakes import Wake
from syncd.web import answers, messages
from syncd.web.answers import Refused
from syncd.web.bodies import BODY_SECONDS, body_of
from syncd.web.events import Mode, events_of, mode_of, signed_content, wake_of
from syncd.web.senders import Sender, Senders
from syncd.web.signature import Malformed, Stamp, stamp_of

log = telemetry.get(__name__)

KEEP_SECONDS: Final = 10.0
"""Until an event must be kept, before the sender is told to come again."""
RETRY_SECONDS: Final = 5.0
"""After which a sender may come again whose event could not be kept, where nobody knows better."""
_SCHEME: Final = {"www-authenticate": "HMAC-SHA256"}
"""RFC 9110, 15.5.2 wants a challenge with each 401; no registered scheme names what is asked for here."""

Waking = Callable[[Wake], Awaitable[None]]
"""Keeps a wake; returns when it is durable. Raises TryAgain or NeedsHuman when it is not."""


class Intake:
    """Takes events from those who may send them."""

    def __init__(
        self,
        senders: Senders,
        *,
        wake: Waking,
        now: Callable[[], datetime],
        tolerance: timedelta,
        taken: Callable[[str, int], None],
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        """`taken` is told of each source how many events were kept for it."""
        self._senders = senders
        self._wake = wake
        self._now = now
        self._tolerance = tolerance
        self._taken = taken
        self._body_seconds = body_seconds

    async def __call__(self, request: Request) -> Response:
        """Answer 202 once everything that was told is durable. Raises Refused."""
        # Read first, whatever the headers say: who is answered while it still sends may lose the answer.
        body = await body_of(request, seconds=self._body_seconds)
        headers = _headers(request)
        stamp, mode = _stamp(headers), _mode(headers)
        self._in_time(stamp)
        source = SourceName(request.path_params["source"])
        sender = self._sender(stamp, signed_content(mode, headers, body), source)
        try:
            events = events_of(mode, headers, body)
        except NotAnEvent as error:
            raise Refused(400, messages.NOT_AN_EVENT.at(why=str(error))) from None
        now = self._now()
        await self._keep([wake_of(event, sender=sender.name, source=source, now=now) for event in events])
        self._taken(source, len(events))
        log.info("webhook.taken", sender=sender.name, source=source, events=len(events))
        return answers.json({"events": len(events)}, status=202)

    def _in_time(self, stamp: Stamp) -> None:
        allowed = int(self._tolerance.total_seconds())
        away = abs(stamp.seconds - int(self._now().timestamp()))
        if away > allowed:
            raise Refused(401, messages.WRONG_TIME.at(seconds=away, allowed=allowed), headers=_SCHEME)

    def _sender(self, stamp: Stamp, content: bytes, source: SourceName) -> Sender:
        try:
            sender = self._senders.who_signed(stamp, content)
        except Misconfigured as error:
            for problem in error.problems:
                log.warning("webhook.no_secret", code=problem.code, what=problem.what)
            raise answers.later(messages.NOT_KEPT, seconds=RETRY_SECONDS) from None
        if sender is None:
            raise Refused(401, messages.WRONG_SIGNATURE.at(), headers=_SCHEME)
        if source not in sender.sources:
            raise Refused(403, messages.NOT_ALLOWED.at(source=foreign(source)))
        return sender

    async def _keep(self, wakes: list[Wake]) -> None:
        """Make everything durable. Raises Refused if a part of it is not: the sender comes again with all of it, which
        is harmless."""
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                await asyncio.gather(*(self._wake(wake) for wake in wakes))
        except (TryAgain, NeedsHuman) as error:
            after = error.after.total_seconds() if isinstance(error, TryAgain) else 0
            log.warning("webhook.not_kept", code=error.problem.code, what=error.problem.what)
            raise answers.later(messages.NOT_KEPT, seconds=max(after, RETRY_SECONDS)) from None
        except TimeoutError:
            log.warning("webhook.not_kept", what="the store did not answer in time")
            raise answers.later(messages.NOT_KEPT, seconds=RETRY_SECONDS) from None
        except Exception:
            log.exception("webhook.not_kept")
            raise answers.later(messages.NOT_KEPT, seconds=RETRY_SECONDS) from None


def _headers(request: Request) -> dict[str, str]:
    """Return the headers by name. Raises Refused where one that we go by is there twice: two readers could take
    different ones."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        if name in found and (name == "content-type" or name.startswith(("webhook-", "ce-"))):
            raise Refused(400, messages.MISSING_HEADER.at(header=foreign(name)))
        found[name] = value
    if found.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, messages.ENCODED.at())
    return found


def _stamp(headers: dict[str, str]) -> Stamp:
    try:
        return stamp_of(headers)
    except Malformed as error:
        raise Refused(401, messages.MISSING_HEADER.at(header=str(error)), headers=_SCHEME) from None


def _mode(headers: dict[str, str]) -> Mode:
    mode = mode_of(headers)
    if mode is None:
        raise Refused(415, messages.WRONG_TYPE.at())
    return mode
