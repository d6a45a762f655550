"""SIGKILL at any moment of the service's life: in a read, a round, beside the writer. The next one ends as if it had not been."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.installation import doubled
from support.journey import Journey, until
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow
EVERY = "schedule: {every: 10s, jitter: 0s}\n"
KILLS = 3


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None, seed=7)) as server:
        yield server


def test_a_service_that_is_killed_at_random_moments_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, sandbox: SandboxServer, migrated_file: Path
) -> None:
    one = Journey(tmp_path / "one", sandbox.url, 20, migrated=migrated_file)
    one.add(EVERY)
    dice = random.Random(11)
    one.control("faults", [{"kind": "slow", "interface": "*", "probability": 1.0, "seconds": 0.02}])
    for kill in range(KILLS):
        process = one.start("run")
        person = one.people[dice.randrange(1, len(one.people))]
        calls = len(one.applied())
        until(lambda: len(one.applied()) > calls, "a write")  # noqa: B023
        time.sleep(dice.uniform(0, 0.3))  # the moment is the point; nothing is concluded from it
        process.kill()
        process.communicate()
        person["Job Title"] = f"Changed Before Start {kill + 2}"
        one.write()

    one.control("faults", method="DELETE")
    last = one.json("sync", "--accept")

    assert last["result"] in ("done", "nothing to do"), last["result"]
    assert len(one.tenant()["users"]) == len(one.people)
    titles = {user["job_number"]: user["title"] for user in one.tenant()["users"].values()}
    assert titles == {row["Employee Number"]: row["Job Title"] for row in one.people}
    assert doubled(one.applied()) == {}
    assert one.json("sync")["planned"] == 0
    assert one.ran("audit", "verify").code == 0
