"""HTTP callbacks as the sandbox sends them, received by the connector behind a small web server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from servers.dingtalk_control import by_hand, control, until
from syncd.config.secrets import Secret
from syncd.core.errors import Misconfigured
from syncd.core.ports import Room
from syncd.core.wakes import Touched
from syncd_dingtalk import DingTalk
from syncd_dingtalk.callback import Callback, Refused
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings
from syncd_dingtalk.settings import DingTalkSettings, EventMode, EventSettings

TOKEN, AES_KEY = "example-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PERSON = {"name": "Example Person", "dept_id_list": "1"}


class Web:
    """What mounts the connector's receiver: a web server that keeps what was touched, and fails on demand."""

    def __init__(self, callback: Callback) -> None:
        self.touched: list[Touched] = []
        self.refused = 0
        self.fail = 0
        web = self

        class Requests(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, answer = web.answer(callback, dict(parse_qsl(urlsplit(self.path).query)), body)
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/dingtalk/target"

    def answer(self, callback: Callback, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if self.fail:
            self.fail -= 1
            return 503, b""
        try:
            received = callback.receive(query, body)
        except Refused:
            self.refused += 1
            return 403, b""
        self.touched.extend(received.touched)
        return 200, received.answer

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def target(**events: Any) -> DingTalk:
    settings = DingTalkSettings(
        app_key="dingsandboxkey",
        app_secret=Secret.literal("sandbox-secret"),
        events=EventSettings(mode=EventMode.CALLBACK, **events),
    )
    return DingTalk(settings, Room(name="dingtalk", now=lambda: datetime.now(UTC), base=Path()))


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None, callback_retries=(0.05, 0.05))) as running:
        yield running


@pytest.fixture
def web() -> Iterator[Web]:
    callback = target(token=Secret.literal(TOKEN), aes_key=Secret.literal(AES_KEY)).callback()
    assert callback is not None
    one = Web(callback)
    yield one
    one.close()


def subscribed(server: SandboxServer, web: Web, token: str = TOKEN) -> bool:
    """Save the address in the "console"; return whether the platform was content."""
    control(server.url, "PUT", "callback", url=web.url, token=token, aes_key=AES_KEY)
    checked = until(lambda: (told := control(server.url, "GET", "callback"))["checked"] is not None and told, "a check")
    return bool(checked["checked"])


def test_what_is_done_by_hand_is_called_back(server: SandboxServer, web: Web) -> None:
    assert subscribed(server, web)

    by_hand(server.url, "user/create", userid="u1", mobile="13800000001", **PERSON)
    by_hand(server.url, "user/update", userid="u1", title="Buyer")
    by_hand(server.url, "user/delete", userid="u1")
    until(lambda: control(server.url, "GET", "callback")["sent"] == 3, "three callbacks")

    assert {(one.target_id, one.gone) for one in web.touched} == {("u1", False), ("u1", True)}
    assert {"name": "Example Person", "title": "Buyer"} in [one.seen for one in web.touched]


def test_a_receiver_with_another_token_is_not_accepted(server: SandboxServer, web: Web) -> None:
    assert not subscribed(server, web, token="another-token")
    assert (web.refused, web.touched) == (1, [])


def test_what_failed_comes_again_and_at_last_is_on_the_list(server: SandboxServer, web: Web) -> None:
    assert subscribed(server, web)
    web.fail = 2
    by_hand(server.url, "user/create", userid="u1", mobile="13800000001", **PERSON)
    until(lambda: web.touched, "the third try")
    web.fail = 3
    by_hand(server.url, "user/delete", userid="u1")
    until(lambda: control(server.url, "GET", "callback")["failed"] == 1, "a failure for good")

    token = httpx.get(f"{server.url}/gettoken?appkey=dingsandboxkey&appsecret=sandbox-secret").json()["access_token"]
    address = f"{server.url}/call_back/get_call_back_failed_result?access_token={token}"
    first, second = httpx.get(address).json(), httpx.get(address).json()

    (failed,) = first["failed_list"]
    assert (failed["call_back_tag"], failed["user_leave_org"]["userId"]) == ("user_leave_org", ["u1"])
    assert (first["has_more"], second["failed_list"]) == (False, [])


def test_settings_without_secrets_and_an_impossible_key_are_told() -> None:
    with pytest.raises((Misconfigured, ValueError), match=r"token|aes_key"):
        target()
    with pytest.raises(Misconfigured, match="DNG-081"):
        target(token=Secret.literal(TOKEN), aes_key=Secret.literal("short")).callback()


def test_without_the_callback_mode_there_is_no_receiver() -> None:
    settings = DingTalkSettings(app_key="k", app_secret=Secret.literal("s"))
    room = Room(name="dingtalk", now=lambda: datetime.now(UTC), base=Path())
    assert DingTalk(settings, room).callback() is None
