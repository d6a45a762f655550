"""One open connection of Stream mode: what it sends, in order, what it reads, its pings, and its end.

It knows nothing of events' fates: the gateway hands it frames to send and hears its acknowledgements.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from syncd_dingtalk.sandbox import stream_frames as frames
from syncd_dingtalk.sandbox.records import Event

if TYPE_CHECKING:
    from syncd_dingtalk.sandbox.stream import Stream

TRANSPORT: Final = "syncd.transport"
"""The scope's key of the connection's asyncio transport; our server puts it there so that a fault can cut it."""
_NORMAL: Final = 1000


class Connection:
    """One client that is connected."""

    def __init__(self, stream: Stream, app_key: str, id_: str) -> None:
        self._stream = stream
        self.app_key = app_key
        self.id = id_
        self.events = False
        self.closing = False
        self._out: asyncio.Queue[str | None] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None
        self._cut = False
        self._pinged = 0

    async def run(self, scope: Any, receive: Any, send: Any) -> None:
        """Send and read until either side ends it."""
        self._transport = scope.get(TRANSPORT)
        if self._cut:
            self.cut()
        sending = asyncio.create_task(self._sending(send))
        try:
            while (message := await receive())["type"] == "websocket.receive":
                ack = frames.ack_of(message.get("text") or message.get("bytes") or b"")
                if ack is not None:
                    self._stream.acknowledged(ack)
        finally:
            sending.cancel()
            # A client that has gone makes sending fail; there is nobody to tell.
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await sending

    async def _sending(self, send: Any) -> None:
        settings = self._stream.tenant.settings
        while True:
            try:
                wait = settings.stream_close_seconds if self.closing else settings.stream_ping_seconds
                async with asyncio.timeout(wait):
                    text = await self._out.get()
            except TimeoutError:
                if self.closing:
                    break
                text = self._ping()
            if text is None:
                break
            await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.close", "code": _NORMAL})

    def _ping(self) -> str:
        tenant = self._stream.tenant
        self._pinged += 1
        opaque = tenant.hexed(f"{self.id}/{self._pinged}")
        return frames.system("ping", opaque[:20], {"opaque": opaque}, millis=tenant.clock.millis())

    def deliver(self, event: Event, message_id: str) -> None:
        """Send an event."""
        tenant = self._stream.tenant
        corp_id, millis = tenant.settings.corp_id, tenant.clock.millis()
        text = frames.event(event, message_id, corp_id=corp_id, app_key=self.app_key, connection=self.id, millis=millis)
        self._out.put_nowait(text)

    def end(self, reason: str) -> None:
        """Tell the client to go, and close the connection some seconds later."""
        self.closing = True
        millis = self._stream.tenant.clock.millis()
        self._out.put_nowait(frames.system("disconnect", "", {"reason": reason}, millis=millis))

    def cut(self) -> None:
        """Cut the connection without a word."""
        self.closing = self._cut = True
        if self._transport is not None:
            self._transport.abort()
