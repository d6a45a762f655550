"""Stream mode: a connection that DingTalk sends events over, kept open for as long as somebody listens.

An event is acknowledged when the next one is asked for, so what was not kept comes again. Pings are answered meanwhile. The
connection is opened anew with jitter, at once where DingTalk announces its end. What happens between two connections may be lost:
whoever listens must not rely on events alone. One connection is enough; DingTalk would share events out among several.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote_plus

import msgspec

from syncd.core.errors import OutcomeUnknown, Problem, TryAgain
from syncd.http import HttpSettings, Socket, open_socket
from syncd.structured import structlog
from syncd_dingtalk.events import Event, instant_of
from syncd_dingtalk.messages import STREAM_DOWN
from syncd_dingtalk.shapes import StreamDoor, StreamFrame

log = structlog.get_logger(__name__)

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds between two attempts to connect; the official Go client goes to 60, too."""
AHEAD: Final = 256
"""Frames that are read before anybody asked for them; beyond, the line has to wait."""
_READ: Final = msgspec.json.Decoder(StreamFrame, strict=False)
_PAYLOAD: Final = msgspec.json.Decoder(dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unacknowledged:
    """An event, and the connection that it came over."""

    event: Event | None
    message_id: str
    socket: Socket


class EventStream:
    """The events of one application, from one connection after the other."""

    def __init__(
        self,
        door: Callable[[], Awaitable[StreamDoor]],
        http: HttpSettings,
        *,
        now: Callable[[], datetime],
        pause: float = FIRST_PAUSE,
    ) -> None:
        """`door` opens the way to a connection; `pause` is the first wait after a failure, doubled with each further one."""
        self._door = door
        self._http = http
        self._now = now
        self._pause = pause
        self.connected = False
        self.down: Problem | None = None
        """What the last attempt failed with; None once it stands."""
        self._heard = False

    async def events(self) -> AsyncGenerator[Sequence[Event], None]:
        """Yield events for ever, those that are there together. Raises `NeedsHuman` where no repetition will help."""
        pause = self._pause
        while True:
            try:
                async with contextlib.aclosing(self._one_connection()) as batches:
                    async for events in batches:
                        yield events
                # It ended as connections do. One over which nothing came is no better than one that failed.
                wait = random.uniform(0, pause)
                pause = self._pause if self._heard else min(pause * 2, LONGEST_PAUSE)
            except (TryAgain, OutcomeUnknown) as error:
                after = error.after.total_seconds() if isinstance(error, TryAgain) else 0.0
                wait = max(after, random.uniform(pause / 2, pause))
                pause = min(pause * 2, LONGEST_PAUSE)
                self.down = error.problem
                log.warning("dingtalk.stream_down", code=STREAM_DOWN.code, why=error.problem.code)
            await asyncio.sleep(wait)

    async def _one_connection(self) -> AsyncGenerator[Sequence[Event], None]:
        door = await self._door()
        url = f"{door.endpoint}?ticket={quote_plus(door.ticket)}"
        async with open_socket(self._http, url) as socket:
            frames: asyncio.Queue[_Unacknowledged | None] = asyncio.Queue(AHEAD)
            reading = asyncio.create_task(self._read(socket, frames))
            self.connected, self._heard, self.down = True, False, None
            try:
                while some := await _those_there(frames):
                    if events := [one.event for one in some if one.event is not None]:
                        yield events
                    # More is asked for: by now these are kept.
                    for one in some:
                        await _acknowledge(one)
                await reading
            finally:
                self.connected = False
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError, TryAgain):
                    await reading

    async def _read(self, socket: Socket, frames: asyncio.Queue[_Unacknowledged | None]) -> None:
        """Hand on events; answer what the gateway itself wants to know; end with None."""
        try:
            while (text := await socket.receive()) is not None:
                self._heard, frame = True, _frame(text)
                topic = frame.headers.topic
                if frame.type == "EVENT":
                    event = self._event(frame)
                    await frames.put(_Unacknowledged(event=event, message_id=frame.headers.message_id, socket=socket))
                elif frame.type == "SYSTEM" and topic == "ping":
                    await socket.send(_answer(frame.headers.message_id, 200, frame.data))
                elif frame.type == "SYSTEM" and topic == "disconnect":
                    return  # nothing more comes over this one (page); the next one is opened at once
                elif frame.type == "CALLBACK":
                    await socket.send(_answer(frame.headers.message_id, 404, "{}"))
        finally:
            _end(frames)

    def _event(self, frame: StreamFrame) -> Event | None:
        """Return an event; None, to be acknowledged all the same, where it cannot be read: it would come for ever."""
        try:
            data = _PAYLOAD.decode(frame.data or "{}")
        except (msgspec.DecodeError, UnicodeDecodeError):
            log.warning("dingtalk.event_unreadable", type=frame.headers.event_type)
            return None
        born_at = instant_of(frame.headers.event_born_time) or instant_of(data.get("timeStamp")) or self._now()
        id_ = frame.headers.event_id or frame.headers.message_id
        return Event(type=frame.headers.event_type, id=id_, born_at=born_at, data=data)


async def _those_there(frames: asyncio.Queue[_Unacknowledged | None]) -> list[_Unacknowledged]:
    """Wait for a frame and return it with all that are there besides; none where the connection has ended."""
    if (first := await frames.get()) is None:
        return []
    some = [first]
    while not frames.empty():
        if (more := frames.get_nowait()) is None:
            frames.put_nowait(None)
            break
        some.append(more)
    return some


def _end(frames: asyncio.Queue[_Unacknowledged | None]) -> None:
    """Say that nothing more comes. Where there is no room for it, a frame that nobody asked for goes: it comes again."""
    if frames.full():
        frames.get_nowait()
    frames.put_nowait(None)


def _frame(text: str) -> StreamFrame:
    try:
        return _READ.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return StreamFrame()


async def _acknowledge(got: _Unacknowledged) -> None:
    data = msgspec.json.encode({"status": "SUCCESS", "message": "OK"}).decode()
    # The line is gone: DingTalk sends the event again, over the next one.
    with contextlib.suppress(TryAgain):
        await got.socket.send(_answer(got.message_id, 200, data))


def _answer(message_id: str, code: int, data: str) -> str:
    headers = {"messageId": message_id, "contentType": "application/json"}
    message = "OK" if code < 300 else "Not found"
    return msgspec.json.encode({"code": code, "headers": headers, "message": message, "data": data}).decode()
