"""Thousands of random changes in a real directory, while everything in between fails at random; and what came of it.

`SYNCD_CHAOS_SEED` chooses the seed, `SYNCD_CHAOS_CHAPTERS` how long it lasts; CONTRIBUTING says how a seed is replayed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from servers.openldap import OpenLdap
from servers.openldap import missing as openldap_missing
from support import chaos_judges as judges
from support.chaos import Chaos
from support.chaos_directory import Company
from support.chaos_installation import ChaosInstallation, Sandbox
from support.fault_proxy import FaultProxy
from support.journey import until
from syncd.cli.exit_codes import ExitCode
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("SYNCD_CHAOS_SEED", "1"))
CHAPTERS = int(os.environ.get("SYNCD_CHAOS_CHAPTERS", "4"))
STEPS = 12
CHANGES = 45
PEOPLE = 300
FORGIVEN = {"clock_jump", "removal_unconfirmed"}
"""What a clock that was wrong leaves behind for longer than this journey lasts: it jumped, and what was removed by it is not what
the platform has a record of at that time."""
ENDS = {ExitCode.DONE, ExitCode.CONFIGURATION, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP}
"""A service ends in order or is killed. It does not begin on a disk that is full, and signals end it only before it listens."""
PATIENCE = 600
"""Seconds; what would need somebody, as a token that is refused as soon as it was given, is tried again after five minutes, and
whose creation finds an account that somebody else got meanwhile, ten times more."""


@pytest.fixture
def chaos(tmp_path: Path) -> Iterator[Chaos]:
    if reason := openldap_missing():
        pytest.fail(reason)
    with ExitStack() as ends:
        server = ends.enter_context(OpenLdap(people=PEOPLE))
        sandbox = ends.enter_context(Sandbox(SEED))
        to_directory = ends.enter_context(FaultProxy(server.host, server.port, seed=SEED))
        to_sandbox = ends.enter_context(FaultProxy("127.0.0.1", sandbox.port, seed=SEED + 1))
        target = f"http://127.0.0.1:{to_sandbox.port}"
        one = ChaosInstallation(tmp_path / "one", server, sandbox.url, ldap_port=to_directory.port, target=target)
        if disk := one.mount():
            ends.callback(one.unmount)
        ends.callback(one.dump)
        one.control("settings", {"stream_endpoint": f"ws://127.0.0.1:{to_sandbox.port}/connect"}, method="PUT")
        company = Company(server, SEED)
        ends.callback(company.hang_up)
        yield Chaos(
            company=company,
            one=one,
            sandbox=sandbox,
            to_directory=to_directory,
            to_sandbox=to_sandbox,
            seed=SEED,
            disk=disk,
        )


def from_scratch(folder: Path, server: OpenLdap) -> Any:
    """Return the tenant that somebody gets who begins now, with an empty tenant and nothing that fails."""
    with SandboxServer(SandboxSettings(qps=None, ip_calls=None)) as empty:
        fresh = ChaosInstallation(folder, server, empty.url, qps=None)
        fresh.run("sync", "--accept")
        fresh.run("sync", "--accept")
        return fresh.control("state")


def test_whatever_fails_in_the_end_the_tenant_is_what_a_first_run_would_give(chaos: Chaos, tmp_path: Path) -> None:
    one, company = chaos.one, chaos.company
    print(f"SYNCD_CHAOS_SEED={SEED} SYNCD_CHAOS_CHAPTERS={CHAPTERS}")
    if not chaos.disk:
        print("nothing may be mounted here: the disk is never full in this journey")
    one.serve()
    # The first accident meets a first run that is under way, so that what follows is about accounts that are there.
    until(lambda: len(one.control("state")["users"]) > PEOPLE // 4, "a quarter of the people", patience=PATIENCE)
    for _ in range(CHAPTERS):
        chaos.chapter(steps=STEPS, changes=CHANGES)
    chaos.calm()
    unled = company.unled()
    wanted = judges.picture(from_scratch(tmp_path / "scratch", company.server), unled=unled)

    def wrong() -> list[str]:
        one.serve()  # one that was told to reload while it was starting has ended; systemd starts the next
        one.believe_the_clock()
        return judges.differences(judges.picture(one.control("state"), unled=unled), wanted)

    # Somebody may have left while a creation of theirs was not answered: until that is read back, the tenant is not at rest.
    with suppress(AssertionError):  # what is wrong says more than that it is
        until(lambda: not (wrong() or unrest(one)), "the tenant of a first run, at rest", patience=PATIENCE)
    assert wrong() + unrest(one) == []
    calls = one.control("calls")["calls"]
    print(company.changes, dict(company.done), dict(chaos.done), len(calls), sep="\n")

    assert wrong() == []
    assert judges.repetitions(calls) == []
    assert judges.removals(calls, company) == []
    assert judges.disorder(one.control("events"), company) == []
    assert judges.excesses(one.control("windows")) == []
    assert one.stop() == 0
    assert set(one.ends) <= ENDS
    assert one.run("audit", "verify").startswith("Sound: ")


def unrest(one: ChaosInstallation) -> list[str]:
    """Say what waits, and what needs anybody but for the small disk and a clock that was wrong."""
    status, alerts = one.ran("status", "--json").json, one.ran("alerts", "list", "--json").json["alerts"]
    waiting = [f"{count} {state}" for state, count in status["queue"].items() if count]
    problems = [told["what"] for told in status["problems"] if told["code"] != "CLI-182"]
    # One that is not seen any more is kept as clearing for some minutes, lest it come and go.
    opened = [alert["rule"] for alert in alerts if alert["stage"] == "open" and alert["rule"] not in FORGIVEN]
    return waiting + problems + opened
