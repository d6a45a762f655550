"""The connector's side of Stream mode, against a server that does what the sandbox would not: odd frames, silence, refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.ports import Room
from syncd.http import HttpSettings
from syncd_dingtalk import DingTalk
from syncd_dingtalk.events import Event
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings
from syncd_dingtalk.settings import DingTalkSettings
from syncd_dingtalk.shapes import StreamDoor
from syncd_dingtalk.stream import EventStream

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
Plays = Callable[[web.WebSocketResponse], Awaitable[None]]


def event(number: int, *, data: str = '{"userId": ["u1"]}', **headers: str) -> dict[str, Any]:
    told = {"messageId": f"m{number}", "eventType": "user_add_org", "eventId": f"e{number}", "topic": "*", **headers}
    return {"specVersion": "1.0", "type": "EVENT", "headers": told, "data": data}


def system(topic: str, data: str = "{}", **headers: str) -> dict[str, Any]:
    return {"specVersion": "1.0", "type": "SYSTEM", "headers": {"topic": topic, **headers}, "data": data}


@asynccontextmanager
async def gateway(*plays: Plays) -> AsyncIterator[EventStream]:
    """Play one connection after the other, the last one again and again; yields a stream that connects to it."""
    count = 0

    async def connected(request: web.Request) -> web.WebSocketResponse:
        nonlocal count
        play = plays[min(count, len(plays) - 1)]
        count += 1
        assert request.query["ticket"] == "a ticket/with signs"
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await play(socket)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/connect", connected)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]

    async def door() -> StreamDoor:
        return StreamDoor(endpoint=f"ws://127.0.0.1:{port}/connect", ticket="a ticket/with signs")

    try:
        yield EventStream(door, HttpSettings(), now=lambda: NOW, pause=0.01)
    finally:
        await runner.cleanup()


async def first(stream: EventStream, count: int) -> list[Event]:
    """Return the first events, and ask for one more, so that each of them is acknowledged."""
    got: list[Event] = []
    async with asyncio.timeout(30), aclosing(stream.events()) as batches:
        async for events in batches:
            got += events
            if len(got) > count:
                return got[:count]
    return got


def test_events_are_read_and_acknowledged_and_pings_are_answered() -> None:
    answers: list[Any] = []

    async def play(socket: web.WebSocketResponse) -> None:
        await socket.send_json(system("ping", '{"opaque":"0d75"}', messageId="p1"))
        await socket.send_json(event(1, eventBornTime="1795311000000"))
        answers.extend([json.loads(await socket.receive_str()) for _ in range(2)])
        await socket.send_json(event(2))
        await socket.receive()

    async def main() -> list[Event]:
        async with gateway(play) as stream:
            return await first(stream, 1)

    (one,) = asyncio.run(main())

    assert (one.type, one.id, one.born_at, one.data) == ("user_add_org", "e1", NOW, {"userId": ["u1"]})
    ping, ack = answers
    assert (ping["code"], ping["headers"]["messageId"], ping["data"]) == (200, "p1", '{"opaque":"0d75"}')
    assert (ack["code"], ack["headers"]["messageId"]) == (200, "m1")
    assert json.loads(ack["data"])["status"] == "SUCCESS"


def test_what_cannot_be_read_is_passed_over_and_holds_nobody_up() -> None:
    answers: list[Any] = []

    async def play(socket: web.WebSocketResponse) -> None:
        await socket.send_str("no JSON")
        await socket.send_json({"type": "SYSTEM", "headers": {"topic": "KEEPALIVE"}})
        await socket.send_json(
            {"type": "CALLBACK", "headers": {"topic": "/v1.0/im/bot", "messageId": "c1"}, "data": "{}"}
        )
        await socket.send_json(event(1, data="no JSON"))
        await socket.send_json(event(2))
        answers.extend([json.loads(await socket.receive_str()) for _ in range(3)])
        await socket.send_json(event(3))
        await socket.receive()

    async def main() -> list[Event]:
        async with gateway(play) as stream:
            return await first(stream, 1)

    assert [one.id for one in asyncio.run(main())] == ["e2"]
    assert {(one["headers"]["messageId"], one["code"]) for one in answers} == {("c1", 404), ("m1", 200), ("m2", 200)}


def test_it_comes_back_after_the_notice_after_a_close_and_after_a_cut() -> None:
    async def notice(socket: web.WebSocketResponse) -> None:
        await socket.send_json(event(1))
        await socket.send_json(system("disconnect", '{"reason":"connection is expired"}'))
        await socket.receive()
        await socket.receive()

    async def close(socket: web.WebSocketResponse) -> None:
        await socket.send_json(event(2))
        await socket.receive()

    async def cut(socket: web.WebSocketResponse) -> None:
        await socket.send_json(event(3))
        await socket.receive()
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.abort()

    async def rest(socket: web.WebSocketResponse) -> None:
        await socket.send_json(event(4))
        await socket.receive()
        await socket.send_json(event(5))
        await socket.receive()

    async def main() -> list[Event]:
        async with gateway(notice, close, cut, rest) as stream:
            return await first(stream, 4)

    assert [one.id for one in asyncio.run(main())] == ["e1", "e2", "e3", "e4"]


def test_an_address_that_does_not_answer_is_tried_again() -> None:
    tries = 0

    async def play(socket: web.WebSocketResponse) -> None:
        await socket.send_json(event(1))
        await socket.send_json(event(2))
        await socket.receive()

    async def main() -> list[Event]:
        async with gateway(play) as stream:
            right = stream._door

            async def sometimes() -> StreamDoor:
                nonlocal tries
                tries += 1
                if tries == 1:
                    return StreamDoor(endpoint="ws://127.0.0.1:1/connect", ticket="none")
                return await right()

            stream._door = sometimes
            return await first(stream, 1)

    assert [one.id for one in asyncio.run(main())] == ["e1"]
    assert tries == 2


def test_wrong_credentials_need_a_person_and_a_busy_platform_only_time() -> None:
    async def opening(server: SandboxServer, secret: str) -> None:
        settings = DingTalkSettings(
            app_key=server.settings.app_key,
            app_secret=Secret.literal(secret),
            base_url=server.url,
            new_base_url=server.url,
        )
        async with DingTalk(settings, Room(name="d", now=lambda: NOW, base=Path())) as target:
            await target.api.open_stream()

    with SandboxServer(SandboxSettings(qps=None)) as server:
        with pytest.raises(NeedsHuman, match="DNG-012"):
            asyncio.run(opening(server, "guessed"))
        server.sandbox.gateway.faults.set([_throttled()])
        with pytest.raises(TryAgain):
            asyncio.run(opening(server, server.settings.app_secret))


def _throttled() -> Any:
    from syncd_dingtalk.sandbox.faults import fault_of

    return fault_of({"kind": "http_503", "interface": "/v1.0/gateway/connections/open", "probability": 1})
