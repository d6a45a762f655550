"""The real service, pushed to by a provider: into DingTalk at once, through the guard, and on after a reload."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from servers.ports import free_port
from support.ear import Daemon
from support.journey import Journey, until
from support.scim_push import USER, E
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow
PEOPLE = 40


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None, seed=5)) as server:
        yield server


def _person(number: int) -> dict[str, Any]:
    return {
        "schemas": [USER, E],
        "userName": f"E{number:04}",
        "displayName": f"Orang {number}",
        "phoneNumbers": [{"type": "mobile", "value": f"+86138{number:08}"}],
        E: {"employeeNumber": f"{number:04}", "department": "Keuangan"},
    }


def test_a_provider_pushes_through_to_dingtalk_and_a_mass_deactivation_is_held(
    tmp_path: Path, sandbox: SandboxServer, migrated_file: Path
) -> None:
    one, port = Journey(tmp_path / "one", sandbox.url, migrated=migrated_file), free_port()
    company = "  company: {type: table, rules: mappings/table.yaml, path: company.csv, key: Employee Number}"
    one.amend(company, "  entra: {type: scim_push, rules: mappings/scim_push.yaml}")
    one.add(f"schedule: {{every: 24h, jitter: 0s}}\nweb: {{listen: 127.0.0.1:{port}}}\n")
    token = one.ran("scim", "token", "add", "entra", "--json").json["token"]
    base, headers = f"http://127.0.0.1:{port}/scim/v2/entra", {"authorization": f"Bearer {token}"}

    def titles() -> set[object]:
        return {user.get("title") for user in one.tenant()["users"].values()}

    with Daemon(one) as service, httpx.Client(base_url=base, headers=headers, timeout=60) as provider:
        until(lambda: service.events("web.listening"), "an address to push to")
        made = [{"method": "POST", "path": "/Users", "bulkId": f"b{n}", "data": _person(n)} for n in range(PEOPLE)]
        said = provider.post("/Bulk", json={"Operations": made}).json()["Operations"]
        assert {each["status"] for each in said} == {"201"}
        until(lambda: len(one.tenant()["users"]) == PEOPLE, "everybody in DingTalk")

        rules = one.folder / "mappings" / "dingtalk.yaml"
        rules.write_text(rules.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: service.events("config.reloaded"), "the reload")
        first, *others = [each["location"].rpartition("/")[2] for each in said]
        title = {"Operations": [{"op": "Add", "path": "title", "value": "After The Reload"}]}
        assert provider.patch(f"/Users/{first}", json=title).status_code == 200, "nobody is refused for a reload"
        until(lambda: "After The Reload" in titles(), "what was pushed after the reload")

        off = {"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
        assert {provider.patch(f"/Users/{each}", json=off).status_code for each in others} == {200}
        until(lambda: one.ran("hold", "list", "--json").json["holds"], "the guard holds them")
        assert len(one.tenant()["users"]) == PEOPLE
        assert service.stop() == 0
