"""The real service, called by DingTalk over HTTP: edits by hand are heard of, repeated and lost calls harm nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from servers.collector import Collector
from servers.dingtalk_control import by_hand, control
from servers.ports import free_port
from support.ear import Daemon
from support.journey import Journey, until
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow
TOKEN, AES_KEY = "example-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None, seed=5, callback_retries=(0.2, 0.5))) as server:
        yield server


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as one:
        yield one


def test_hand_edits_are_called_in_over_http_and_reverted_whatever_is_repeated_or_lost(
    tmp_path: Path, sandbox: SandboxServer, migrated_file: Path, collector: Collector
) -> None:
    one, port = Journey(tmp_path / "one", sandbox.url, migrated=migrated_file), free_port()
    one.environment |= {"CALLBACK_TOKEN": TOKEN, "CALLBACK_KEY": AES_KEY}
    secrets = "events: {mode: callback, token: {env: CALLBACK_TOKEN}, aes_key: {env: CALLBACK_KEY}}"
    one.amend("  app_key: dingsandboxkey", f"  app_key: dingsandboxkey\n  {secrets}")
    one.add(f"schedule: {{every: 24h, jitter: 0s}}\nweb: {{listen: 127.0.0.1:{port}}}\n")
    one.add(f"tracing: {{endpoint: {collector.url}/v1/traces}}\n")
    address = f"http://127.0.0.1:{port}"
    people = [person["Employee Number"] for person in one.people[:4]]

    def titles() -> list[object]:
        users = one.tenant()["users"]
        return [users.get(each, {}).get("title") for each in people]

    with Daemon(one) as service:
        until(lambda: service.events("web.listening"), "an address to call")
        until(lambda: httpx.get(f"{address}/readyz").status_code == 200, "the first synchronization")
        until(lambda: len(one.tenant()["users"]) == len(one.people), "everybody")
        wanted = titles()
        control(sandbox.url, "PUT", "callback", url=f"{address}/v1/dingtalk/dingtalk", token=TOKEN, aes_key=AES_KEY)
        until(lambda: control(sandbox.url, "GET", "callback")["checked"], "the handshake")
        # By DingTalk's clock our own writes are long ago, so that an edit cannot be taken for their echo.
        control(sandbox.url, "PUT", "clock", offset=300)
        control(sandbox.url, "PUT", "events/faults", duplicate=1)
        for each in people[:3]:
            by_hand(sandbox.url, "user/update", userid=each, title="By Hand")
        until(lambda: service.events("drift.found"), "the edits to be found")
        until(lambda: titles() == wanted, "the edits to be reverted")

        control(sandbox.url, "PUT", "events/faults", loss=1)
        by_hand(sandbox.url, "user/update", userid=people[3], title="Lost")
        control(sandbox.url, "PUT", "events/faults")
        by_hand(sandbox.url, "user/update", userid=people[0], title="By Hand Again")
        until(lambda: titles()[0] == wanted[0], "what came after the lost one")
        assert titles() == [*wanted[:3], "Lost"], "nobody told of it, so the daily look will"

        forged = httpx.post(
            f"{address}/v1/dingtalk/dingtalk?signature=0&timestamp=1&nonce=n", content=b'{"encrypt":"x"}'
        )
        assert (forged.status_code, forged.json()["code"]) == (403, "WEB-028")
        assert control(sandbox.url, "GET", "callback")["failed"] == 0
        assert service.stop() == 0
    assert {"syncd.cycle", "syncd.read", "syncd.change", "syncd.apply", "POST"} <= {one.name for one in collector.spans}
