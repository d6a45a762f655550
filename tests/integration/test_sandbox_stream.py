"""The sandbox's events over Stream mode: judged by DingTalk's official client, and by hand where that client shows too little."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from servers.dingtalk_control import by_hand, control, until
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

LISTENER = Path(__file__).parents[1] / "foreign" / "stream_listener.py"
PERSON = {"name": "Example Person", "dept_id_list": "1"}


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    settings = SandboxSettings(
        qps=None, stream_redeliver_seconds=0.3, stream_close_seconds=0.2, stream_ping_seconds=0.2
    )
    with SandboxServer(settings) as running:
        yield running


class Official:
    """The official client, listening in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.events: list[dict[str, Any]] = []
        assert process.stdout is not None
        self._lines = process.stdout
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._lines:
            self.events.append(json.loads(line))

    def join(self) -> None:
        self._reader.join()
        self._lines.close()


@contextmanager
def official(server: SandboxServer, *, later: int = 0) -> Iterator[Official]:
    """Let the official client listen, and be connected."""
    settings = server.settings
    command = [sys.executable, str(LISTENER), server.url, settings.app_key, settings.app_secret, str(later)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    listener = Official(process)
    try:
        until(lambda: control(server.url, "GET", "stream")["connections"], "the official client connects")
        yield listener
    finally:
        process.kill()
        process.wait()
        listener.join()


def test_the_official_client_receives_what_is_done_by_hand(server: SandboxServer) -> None:
    with official(server) as listener:
        by_hand(server.url, "user/create", userid="u1", mobile="13800000001", **PERSON)
        by_hand(server.url, "user/update", userid="u1", title="Buyer")
        unit = by_hand(server.url, "department/create", name="Example Unit", parent_id=1)["result"]["dept_id"]
        by_hand(server.url, "department/update", dept_id=unit, name="Another Unit")
        by_hand(server.url, "department/delete", dept_id=unit)
        by_hand(server.url, "user/delete", userid="u1")
        until(lambda: len(listener.events) >= 6, "six events")
        acknowledged = until(
            lambda: (told := control(server.url, "GET", "stream"))["acknowledged"] == 6 and told, "six acknowledgements"
        )

    events = {event["type"]: event for event in listener.events}
    assert sorted(events) == [
        "org_dept_create",
        "org_dept_modify",
        "org_dept_remove",
        "user_add_org",
        "user_leave_org",
        "user_modify_org",
    ]
    diff = events["user_modify_org"]["data"]["diffInfo"]
    assert (diff["prev"], diff["curr"]) == (
        {"name": "Example Person"},
        {"name": "Example Person", "title": "Buyer"},
    )
    assert events["org_dept_modify"]["data"] == {"deptId": [unit]}
    assert {event["corp"] for event in listener.events} == {"dingsandboxcorp"}
    assert (acknowledged["unacknowledged"], acknowledged["again"]) == (0, 0)


def test_what_the_official_client_does_not_take_is_sent_again(server: SandboxServer) -> None:
    with official(server, later=2) as listener:
        by_hand(server.url, "user/create", userid="u1", mobile="13800000001", **PERSON)
        until(lambda: len(listener.events) >= 3, "the event, three times")
        until(lambda: control(server.url, "GET", "stream")["acknowledged"] == 1, "an acknowledgement")

    assert len({event["id"] for event in listener.events}) == 1


def test_the_official_client_comes_back_after_the_notice_and_loses_nothing(server: SandboxServer) -> None:
    with official(server) as listener:
        first = control(server.url, "GET", "stream")["connections"][0]["id"]
        assert control(server.url, "POST", "stream/disconnect", reason="connection is expired") == {"ended": 1}
        by_hand(server.url, "user/create", userid="u1", mobile="13800000001", **PERSON)
        until(lambda: listener.events, "the event that came between two connections")
        again = control(server.url, "GET", "stream")["connections"]

    assert first not in [one["id"] for one in again]


# --- by hand: what a client may not do, and what goes wrong on the way --------------------------------------------------


def listening(server: SandboxServer, does: Callable[[aiohttp.ClientWebSocketResponse], Any]) -> Any:
    """Open a connection and return what comes of `does`."""

    async def main() -> Any:
        async with aiohttp.ClientSession() as session:
            ticket = await opened(session, server)
            async with session.ws_connect(f"{ticket['endpoint']}?ticket={ticket['ticket']}") as socket:
                return await does(socket)

    return asyncio.run(main())


async def opened(session: aiohttp.ClientSession, server: SandboxServer, **other: Any) -> Any:
    settings = server.settings
    body = {
        "clientId": settings.app_key,
        "clientSecret": settings.app_secret,
        "subscriptions": [{"type": "EVENT", "topic": "*"}],
        **other,
    }
    async with session.post(f"{server.url}/v1.0/gateway/connections/open", json=body) as answer:
        return {"status": answer.status, **await answer.json()}


async def frames(socket: aiohttp.ClientWebSocketResponse, count: int, *, acknowledge: bool = True) -> list[Any]:
    """Return the next events' frames."""
    got: list[Any] = []
    while len(got) < count:
        frame = json.loads(await socket.receive_str(timeout=30))
        if frame["type"] != "EVENT":
            continue
        got.append(frame)
        if acknowledge:
            headers = {"messageId": frame["headers"]["messageId"], "contentType": "application/json"}
            await socket.send_json({"code": 200, "headers": headers, "message": "OK", "data": '{"status":"SUCCESS"}'})
    return got


def hires(server: SandboxServer, count: int) -> None:
    for number in range(count):
        by_hand(server.url, "user/create", userid=f"u{number}", mobile=f"138{number:08}", **PERSON)


def whom(frame: Any) -> str:
    return str(json.loads(frame["data"])["userId"][0])


def test_a_ticket_is_good_once_for_ninety_seconds_and_for_the_right_secret_only(server: SandboxServer) -> None:
    async def main() -> list[Any]:
        async with aiohttp.ClientSession() as session:
            wrong = await opened(session, server, clientSecret="guessed")
            none = await opened(session, server, subscriptions=[])
            used = await opened(session, server)
            url = f"{used['endpoint']}?ticket={used['ticket']}"
            async with session.ws_connect(url):
                refused = await attempt(session, url)
            old = await opened(session, server)
            control(server.url, "PUT", "clock", advance=91)
            late = await attempt(session, f"{old['endpoint']}?ticket={old['ticket']}")
            return [wrong["status"], none["status"], refused, late]

    async def attempt(session: aiohttp.ClientSession, url: str) -> int:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect(url)
        return int(refusal.value.status)

    assert asyncio.run(main()) == [401, 400, 403, 403]


def test_silence_is_broken_by_pings(server: SandboxServer) -> None:
    async def ping(socket: aiohttp.ClientWebSocketResponse) -> Any:
        return json.loads(await socket.receive_str(timeout=30))

    frame = listening(server, ping)

    assert (frame["type"], frame["headers"]["topic"]) == ("SYSTEM", "ping")
    assert json.loads(frame["data"])["opaque"]


def test_an_event_without_acknowledgement_comes_again(server: SandboxServer) -> None:
    async def both(socket: aiohttp.ClientWebSocketResponse) -> list[Any]:
        await asyncio.to_thread(hires, server, 1)
        return [*await frames(socket, 1, acknowledge=False), *await frames(socket, 1)]

    first, second = listening(server, both)

    assert first["headers"]["eventId"] == second["headers"]["eventId"]


def test_faults_lose_double_and_reorder_events_on_demand(server: SandboxServer) -> None:
    async def lost(socket: aiohttp.ClientWebSocketResponse) -> list[Any]:
        control(server.url, "PUT", "events/faults", loss=1, limit=2)
        await asyncio.to_thread(hires, server, 3)
        return await frames(socket, 1)

    async def doubled(socket: aiohttp.ClientWebSocketResponse) -> list[Any]:
        control(server.url, "PUT", "events/faults", duplicate=1, hold_back=0.01)
        by_hand(server.url, "user/update", userid="u0", title="Buyer")
        return await frames(socket, 2)

    async def reordered(socket: aiohttp.ClientWebSocketResponse) -> list[Any]:
        control(server.url, "PUT", "events/faults", reorder=1, limit=1, hold_back=0.5)
        for userid in ("u0", "u1"):
            by_hand(server.url, "user/update", userid=userid, title="Head")
        return await frames(socket, 2)

    assert [whom(frame) for frame in listening(server, lost)] == ["u2"]
    one, two = listening(server, doubled)
    assert one["headers"]["eventId"] == two["headers"]["eventId"]
    assert [whom(frame) for frame in listening(server, reordered)] == ["u1", "u0"]


def test_a_connection_can_be_cut_instead_of_an_event_being_sent(server: SandboxServer) -> None:
    async def cut(socket: aiohttp.ClientWebSocketResponse) -> bool:
        control(server.url, "PUT", "events/faults", disconnect=1, limit=1)
        await asyncio.to_thread(hires, server, 1)
        while (message := await socket.receive(timeout=30)).type != aiohttp.WSMsgType.CLOSED:
            if message.type in (aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE):
                break
        return True

    async def next_one(socket: aiohttp.ClientWebSocketResponse) -> list[Any]:
        return await frames(socket, 1)

    assert listening(server, cut)
    assert [whom(frame) for frame in listening(server, next_one)] == ["u0"]


def test_unknown_faults_are_refused(server: SandboxServer) -> None:
    for body in ({"lost": 1}, {"loss": 2}):
        with pytest.raises(urllib.error.HTTPError, match="400") as refusal:
            control(server.url, "PUT", "events/faults", **body)
        refusal.value.close()
