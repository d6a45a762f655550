"""The sandbox over real connections: what only a connection can show, and the sandbox as a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

CREATE = "/topapi/v2/department/create"


class Caller:
    """One keep-alive connection of one app."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=5)
        query = "appkey=dingsandboxkey&appsecret=sandbox-secret"
        self._token = json.loads(self.send("GET", f"/gettoken?{query}")[2])["access_token"]

    def send(self, method: str, path: str, body: bytes = b"") -> tuple[int, http.client.HTTPMessage, bytes]:
        self._connection.request(method, path, body, {"content-type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def old(self, path: str, **params: Any) -> Any:
        body = json.dumps(params, ensure_ascii=False).encode()
        return json.loads(self.send("POST", f"{path}?access_token={self._token}", body)[2])

    def control(self, method: str, name: str, body: Any = None) -> Any:
        raw = b"" if body is None else json.dumps(body).encode()
        return json.loads(self.send(method, f"/_sandbox/{name}", raw)[2])

    def limit_patience(self, seconds: float) -> None:
        self._connection.timeout = seconds
        self._connection.close()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None)) as running:
        yield running


@pytest.fixture
def caller(server: SandboxServer) -> Iterator[Caller]:
    made = Caller(server.url)
    yield made
    made.close()


def names(server: SandboxServer) -> list[str]:
    return [department.name for department in server.tenant.live.departments.values()][1:]


def test_answers_carry_the_platforms_content_type_and_the_date(caller: Caller) -> None:
    status, headers, body = caller.send("POST", "/topapi/user/listadmin")
    assert (status, headers["content-type"]) == (200, "application/json;charset=UTF-8")
    assert headers["date"].endswith("GMT")
    assert json.loads(body)["sub_code"] == "40000"


@pytest.mark.parametrize("applied", [True, False])
def test_a_closed_connection_gives_no_answer(server: SandboxServer, caller: Caller, applied: bool) -> None:
    kind = "reset_after" if applied else "reset_before"
    caller.control("POST", "faults", {"kind": kind, "interface": CREATE, "nth": 1})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        caller.old(CREATE, name="A", parent_id=1)
    caller.close()
    assert names(server) == (["A"] if applied else [])
    assert caller.old(CREATE, name="B", parent_id=1)["errcode"] == 0


@pytest.mark.parametrize("applied", [True, False])
def test_a_silent_connection_stays_silent_until_the_caller_gives_up(
    server: SandboxServer, caller: Caller, applied: bool
) -> None:
    kind = "timeout_after" if applied else "timeout_before"
    caller.control("POST", "faults", {"kind": kind, "interface": CREATE, "nth": 1})
    caller.limit_patience(0.2)
    with pytest.raises(TimeoutError):
        caller.old(CREATE, name="A", parent_id=1)
    caller.close()
    assert names(server) == (["A"] if applied else [])


def test_a_silent_connection_does_not_hold_up_others_or_the_end(server: SandboxServer, caller: Caller) -> None:
    caller.control("POST", "faults", {"kind": "timeout", "interface": CREATE})
    ended: list[Exception] = []

    def wait_for_an_answer() -> None:
        try:
            caller.old(CREATE, name="A", parent_id=1)
        except (http.client.HTTPException, ConnectionError) as error:
            ended.append(error)

    silent = threading.Thread(target=wait_for_an_answer)
    silent.start()
    other = Caller(server.url)
    assert other.old("/topapi/user/listadmin")["errcode"] == 0
    other.close()
    server.__exit__()
    silent.join(timeout=4)  # less than the caller's own patience
    assert ended


def test_a_slow_answer_is_a_true_one(caller: Caller) -> None:
    caller.control("POST", "faults", {"kind": "slow", "seconds": 0.05, "interface": CREATE, "nth": 1})
    assert caller.old(CREATE, name="A", parent_id=1)["errcode"] == 0
    assert caller.control("GET", "calls")["calls"][-1]["fault"] == "slow"


def test_a_body_in_many_pieces_is_one_body(server: SandboxServer) -> None:
    caller = Caller(server.url)
    caller.old(CREATE, name="A", parent_id=1, brief="x" * 255, extension="y" * 2000)
    assert names(server) == ["A"]
    caller.close()


def test_a_taken_port_is_told_at_the_start(server: SandboxServer) -> None:
    port = urlsplit(server.url).port or 0
    with pytest.raises(OSError, match="in use"), SandboxServer(port=port):
        pass


def test_ipv6_has_brackets_in_its_url() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        with SandboxServer(host="::1") as running:
            assert running.url.startswith("http://[::1]:")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")


# --- as a process ---------------------------------------------------------------------------------------------------


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Start a sandbox as a process and return it with its URL."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "syncd_dingtalk.sandbox", *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def end(process: subprocess.Popen[str], number: int) -> int:
    process.send_signal(number)
    code = process.wait(timeout=10)
    assert process.stdout is not None
    process.stdout.close()
    return code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_answered_write_survives_the_end_of_the_process(tmp_path: Path, number: int) -> None:
    state = str(tmp_path / "state.json")
    process, url = start("--state", state, "--qps", "none")
    caller = Caller(url)
    for n in range(50):
        assert caller.old(CREATE, name=f"D{n}", parent_id=1)["errcode"] == 0
    before = caller.control("GET", "state")
    caller.close()
    end(process, number)
    process, url = start("--state", state)
    caller = Caller(url)
    assert caller.control("GET", "state") == before
    caller.close()
    assert end(process, signal.SIGTERM) == 0


def test_the_command_takes_every_setting() -> None:
    process, url = start("--qps", "7", "--seed", "3", "--set", "corp_region=ID", "--set", "invite_mobiles=1,2")
    caller = Caller(url)
    settings = caller.control("GET", "settings")
    assert (settings["qps"], settings["seed"], settings["corp_region"]) == (7, 3, "ID")
    assert settings["invite_mobiles"] == ["1", "2"]
    caller.close()
    assert end(process, signal.SIGINT) == 0
