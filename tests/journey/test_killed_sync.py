"""Promise 6: kill the process at any instruction; the end state is the same, nothing is lost and nothing done twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from examples.generate import company
from support.installation import Installation, doubled
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

PEOPLE = 120
KILLS = 14


def sandbox() -> SandboxServer:
    return SandboxServer(SandboxSettings(qps=None, seed=7))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, object]]]:
    """The tenant after each chapter, when nobody kills anything."""
    with sandbox() as server:
        one = Installation(tmp_path_factory.mktemp("unkilled"), server.url, company(PEOPLE), qps=200)
        states = []
        for chapter in (None, reorganise):
            if chapter is not None:
                chapter(one.people)
                one.write()
            one.run("sync", "--accept")
            states.append(one.tenant())
        yield states


def reached(server: SandboxServer, limit: int) -> bool:
    """Tell whether the sandbox has been called so often."""
    return server.sandbox.gateway.calls.total >= limit


def reorganise(people: list[dict[str, str]]) -> None:
    """Everything at once: titles, a renamed division, movers, leavers and joiners."""
    division = next(row["Division Code"] for row in people if row["Division Code"])
    team = next(row for row in people if row["Team Code"])
    bosses = {row["Manager Number"] for row in people}
    plain = [row for row in people if row["Employee Number"] not in bosses and row["Team Code"]]
    for row in people:
        if row["Division Code"] == division:
            row["Division"] += " Renamed"
    for row in plain[:20]:
        row["Job Title"] += " II"
    for row in plain[20:30]:
        for name in ("Company Code", "Company", "Division Code", "Division", "Team Code", "Team", "Manager Number"):
            row[name] = team[name]
    for row in plain[30:34]:
        people.remove(row)
    for number in range(5):
        name = f"Contoh Baru {number}"
        new = {"Employee Number": f"9{number:05}", "Name": name, "Mobile": f"+62 860-9999-000{number}"}
        people.append({**plain[0], **new, "Work Email": f"baru{number}@example.com", "Latin Name": name})


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_a_sync_that_is_killed_at_random_points_ends_as_if_it_had_not_been(
    tmp_path: Path, expected: list[dict[str, object]], seed: int
) -> None:
    """The call log of the tenant has every creation once, however often the writer died with the answer on its way."""
    dice = random.Random(seed)
    killed = 0
    with sandbox() as server:
        one = Installation(tmp_path, server.url, company(PEOPLE), qps=200)
        for chapter, wanted in enumerate(expected):
            if chapter:
                reorganise(one.people)
                one.write()
            for _ in range(KILLS // 2):
                limit = server.sandbox.gateway.calls.total + dice.choice([1, 2, 5, 10, 20, 40])
                killed += one.kill_when(partial(reached, server, limit), "sync", "--accept")
            last = one.json("sync", "--accept")

            assert one.tenant() == wanted
            assert last["queue"]["parked"] == 0
            assert one.json("sync")["planned"] == 0
        assert doubled(one.applied()) == {}
        assert killed >= KILLS // 2, "the processes were too quick to be killed"
        assert "Sound" in one.run("audit", "verify")


@pytest.mark.slow
def test_a_sync_that_is_told_to_stop_settles_what_is_under_way(tmp_path: Path) -> None:
    """SIGTERM drains: no change is left running, so the next one has nothing to read back."""
    with sandbox() as server:
        one = Installation(tmp_path, server.url, company(PEOPLE), qps=50)
        process = one.start("sync", "--accept", "--json")
        while server.sandbox.gateway.calls.total < 60 and process.poll() is None:
            pass
        process.terminate()
        out, errors = process.communicate(timeout=60)

        assert process.returncode in (0, 4), (out, errors)
        assert one.json("sync", "--accept")["recovered"] == 0
        assert doubled(one.applied()) == {}
