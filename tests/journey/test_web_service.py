"""The real service, woken by a webhook and watched by curl and promtool, over a socket in the file system."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import parser

from support.ear import Daemon
from support.journey import Journey, until
from support.web import SECRET
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow
# Without the webhook nothing would be read before tomorrow.
SETTINGS = f"""\
schedule: {{every: 24h, jitter: 0s}}
web: {{listen: "unix:web.sock", webhooks: {{hr: {{sources: [company], secrets: ["{SECRET}"]}}}}}}
"""


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None, seed=5)) as server:
        yield server


@pytest.fixture
def one(tmp_path: Path, sandbox: SandboxServer, migrated_file: Path) -> Journey:
    made = Journey(tmp_path / "one", sandbox.url, migrated=migrated_file)
    made.add(SETTINGS)
    return made


@pytest.fixture
def client(one: Journey) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(uds=str(one.folder / "web.sock"))
    with httpx.Client(transport=transport, base_url="http://syncd", timeout=60) as made:
        yield made


def samples(page: str) -> dict[tuple[str, ...], float]:
    return {
        (one.name, *one.labels.values()): one.value
        for family in parser.text_string_to_metric_families(page)
        for one in family.samples
    }


def titles(one: Journey) -> set[str]:
    return {str(user["title"]) for user in one.tenant()["users"].values()}


def test_a_webhook_brings_a_change_to_the_target_at_once_and_metrics_tell_of_it(
    one: Journey, client: httpx.Client
) -> None:
    socket = one.folder / "web.sock"
    with Daemon(one) as service:
        until(socket.exists, "an address to ask at")
        until(lambda: client.get("/readyz").status_code == 200, "the first synchronization")
        assert client.get("/healthz").status_code == 200
        until(lambda: len(one.tenant()["users"]) == len(one.people), "everybody")

        one.people[3]["Job Title"] = "Told By A Webhook"
        one.write()
        number = one.people[3]["Employee Number"]
        signed: dict[str, Any] = one.ran(
            "webhook", "sign", "company", "--who", number, "--url", "http://syncd", "--json"
        ).json
        answers = [client.post(signed["url"], content=signed["body"], headers=signed["headers"]) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 202]
        until(lambda: "Told By A Webhook" in titles(one), "the change")

        def confirmed() -> dict[tuple[str, ...], float]:
            return samples(client.get("/metrics").text)

        until(lambda: confirmed()["syncd_changes_confirmed_total", "person", "update"] >= 1, "what was confirmed")
        found = confirmed()
        assert found["syncd_changes_confirmed_total", "person", "create"] == len(one.people)
        assert found["syncd_webhook_events_total", "company"] == 2
        assert found["syncd_people_wanted",] == found["syncd_people_linked",] == len(one.people)
        assert found["syncd_ready",] == 1
        until(lambda: confirmed()["syncd_people_agreeing",] == len(one.people), "accuracy of 100 %")

        promtool, curl = shutil.which("promtool"), shutil.which("curl")
        assert promtool, "tests/servers/install.sh installs it"
        assert curl, "tests/servers/install.sh installs it"
        sent = [curl, "-sS", "--fail", "--unix-socket", str(socket), "http://syncd/metrics"]
        page = subprocess.run(sent, capture_output=True, check=True, timeout=60).stdout
        checked = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, timeout=60)
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")

        refused = client.post(signed["url"], content=signed["body"] + " ", headers=signed["headers"])
        assert (refused.status_code, refused.json()["code"]) == (401, "WEB-013")
        assert service.stop() == 0
    assert not socket.exists()


def test_a_service_whose_source_is_gone_says_that_it_is_not_ready(one: Journey, client: httpx.Client) -> None:
    (one.folder / "company.csv").rename(one.folder / "elsewhere.csv")
    with Daemon(one) as service:
        until((one.folder / "web.sock").exists, "an address to ask at")
        until(lambda: service.events("source.failed"), "the first read, which fails")
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
        reasons = client.get("/readyz").json()["reasons"]
        assert [reason["code"] for reason in reasons] == ["WEB-031"]
        assert samples(client.get("/metrics").text)["syncd_ready",] == 0
        assert json.loads(one.ran("status", "--json").out)
        assert service.stop() == 0
