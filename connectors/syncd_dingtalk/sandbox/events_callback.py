"""HTTP callbacks as the platform sends them: sealed and signed, one try and two more, then on the list of those that failed.

One subscription at a time, set by hand as in the console; saving it sends `check_url` first. Everything happens on the server's
loop. The envelope is the connector's own, proven by the platform's published test vector.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec

from syncd.core.errors import SyncdError
from syncd.http import Client, HttpSettings, open_client
from syncd_dingtalk.callback_crypto import Cipher, Unreadable
from syncd_dingtalk.sandbox import answers
from syncd_dingtalk.sandbox.answers import Answer
from syncd_dingtalk.sandbox.events_faults import Mischief
from syncd_dingtalk.sandbox.records import Event
from syncd_dingtalk.sandbox.routes import Call, Route, old
from syncd_dingtalk.sandbox.tenant import Tenant

FAILED: Final = "/call_back/get_call_back_failed_result"
BATCH: Final = 200
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Where callbacks go."""

    url: str
    cipher: Cipher


class _Answer(msgspec.Struct):
    msg_signature: str
    time_stamp: str = msgspec.field(name="timeStamp")
    nonce: str
    encrypt: str


class Callbacks:
    """The sender of one tenant."""

    def __init__(self, tenant: Tenant, mischief: Mischief) -> None:
        self.tenant = tenant
        self.mischief = mischief
        self.checked: bool | None = None
        """Whether the receiver answered `check_url` as it should; None while it was not asked."""
        self.sent = 0
        self._subscription: Subscription | None = None
        self._failed: list[Event] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.routes: tuple[Route, ...] = (old(FAILED, self.failed, method="GET"),)

    def subscribe(self, *, url: str, token: str, aes_key: str, owner: str) -> None:
        """Send events to `url` from now on, `check_url` first. Raises Unreadable for an impossible key."""
        cipher = Cipher(token=token, aes_key=aes_key, owner=owner or self.tenant.settings.app_key)
        self._subscription = Subscription(url=url, cipher=cipher)
        self.checked, self._loop = None, asyncio.get_running_loop()
        self._begin(self._check(self._subscription))

    def unsubscribe(self) -> None:
        """Send nothing any more."""
        self._subscription = None

    def heard(self, event: Event) -> None:
        """Send an event."""
        if self._subscription is not None and self._loop is not None:
            for seconds in self.mischief.times():
                self._loop.call_soon_threadsafe(self._begin, self._deliver(self._subscription, event, seconds))

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, to: Subscription) -> None:
        self.checked = await self._send(to, {"EventType": "check_url"})

    async def _deliver(self, to: Subscription, event: Event, seconds: float) -> None:
        message = {
            "EventType": event.type,
            "EventTime": event.born_at,
            "CorpId": self.tenant.settings.corp_id,
            "BizId": event.event_id,
            "eventId": event.event_id,
            **event.data,
        }
        await asyncio.sleep(seconds)
        for pause in (0.0, *self.tenant.settings.callback_retries):
            await asyncio.sleep(pause)
            if await self._send(to, message):
                self.sent += 1
                return
        self._failed.append(event)

    async def _send(self, to: Subscription, message: Any) -> bool:
        """Send one message; tell whether the answer is `success`, sealed and signed."""
        tenant = self.tenant
        timestamp, nonce = str(tenant.clock.millis()), tenant.hexed(f"nonce/{tenant.next_serial()}", 8)
        encrypted = to.cipher.seal(_encode(message))
        signature = to.cipher.sign(timestamp, nonce, encrypted)
        query = f"msg_signature={signature}&signature={signature}&timestamp={timestamp}&nonce={nonce}"
        if self._client is None:
            self._client = open_client(HttpSettings())
        try:
            answer = await self._client.send(
                "POST",
                f"{to.url}{'&' if '?' in to.url else '?'}{query}",
                json={"encrypt": encrypted},
                timeout=timedelta(seconds=tenant.settings.callback_seconds),
            )
            told = msgspec.json.decode(answer.content, type=_Answer, strict=False)
            fits = to.cipher.signed(
                [told.msg_signature], timestamp=told.time_stamp, nonce=told.nonce, encrypted=told.encrypt
            )
            return answer.status == 200 and fits and to.cipher.open(told.encrypt) == b"success"
        except (SyncdError, msgspec.DecodeError, UnicodeDecodeError, Unreadable):
            return False

    def failed(self, _: Call) -> Answer:
        """`GET /call_back/get_call_back_failed_result`: at most 200 at once; asking for them takes them off the list."""
        batch, self._failed = self._failed[:BATCH], self._failed[BATCH:]
        listed = [
            {
                "event_time": event.born_at,
                "call_back_tag": event.type,
                event.type: {"corpid": self.tenant.settings.corp_id, **event.data},
            }
            for event in batch
        ]
        return answers.beside(has_more=bool(self._failed), failed_list=listed)

    def report(self) -> dict[str, Any]:
        """Return how the subscription stands; its secrets are nobody's business."""
        there = self._subscription
        return {
            "url": there.url if there else "",
            "checked": self.checked,
            "sent": self.sent,
            "failed": len(self._failed),
        }

    async def close(self) -> None:
        """End what is under way."""
        self._subscription = None
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._client is not None:
            await self._client.__aexit__(None, None, None)
            self._client = None
