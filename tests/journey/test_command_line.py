"""Days at the command line: what an administrator types, what comes of it, and with which exit code it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.journey import Journey, until
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None, seed=3)) as running:
        yield running


@pytest.fixture
def one(tmp_path: Path, server: SandboxServer, migrated_file: Path) -> Journey:
    made = Journey(tmp_path / "one", server.url, 20, migrated=migrated_file)
    made.control("reset", {})
    return made


def leave(one: Journey, number: int) -> list[str]:
    """Take people out of the export who lead nobody; return their names."""
    bosses = {row["Manager Number"] for row in one.people}
    gone = [row for row in one.people if row["Employee Number"] not in bosses][:number]
    one.people = [row for row in one.people if row not in gone]
    one.write()
    return sorted(row["Name"] for row in gone)


def waiting(one: Journey) -> list[str]:
    """Return who is in the leavers' department, by employee number."""
    users = one.tenant()["users"]
    return sorted(user["name"] for user in users.values() if any("Leavers" in path for path in user["departments"]))


# --- the first day ---


def test_the_first_plan_is_looked_at_saved_applied_and_then_nothing_is_left_to_do(one: Journey) -> None:
    one.amend("guard: {first_run: apply}", "guard: {first_run: plan_only}")
    before = one.tenant()

    first = one.ran("sync")
    assert (first.code, one.tenant()) == (5, before)
    assert "ENG-021" in first.err + first.out
    saved = one.ran("plan", "--out", "first.plan", "--json")
    assert saved.code == 0
    assert {
        "run",
        "fingerprint",
        "sources",
        "failed",
        "changes",
        "aside",
        "warnings",
        "unmanaged",
        "held",
        "allowed",
        "looked_at",
    } == set(saved.json)
    assert (one.folder / "first.plan").stat().st_mode & 0o777 == 0o600
    assert one.ran("plan", "--exit-code").code == 10
    assert one.tenant() == before

    applied = one.ran("apply", "first.plan", "--json")

    assert (applied.code, applied.json["result"]) == (0, "done")
    assert applied.json["fingerprint"] == saved.json["fingerprint"]
    assert len(one.tenant()["users"]) == 20
    assert one.ran("plan", "--exit-code").code == 0
    assert one.ran("apply", "first.plan").code == 8, "what has been written cannot be written again"


def test_a_plan_that_is_no_longer_right_or_was_tampered_with_writes_nothing(one: Journey) -> None:
    assert one.ran("sync").code == 0
    leave(one, 1)
    assert one.ran("plan", "--out", "monday.plan").code == 0
    leave(one, 1)
    before = one.tenant()

    stale = one.ran("apply", "monday.plan")
    assert (stale.code, stale.codes) == (8, ["ENG-020"])

    saved = (one.folder / "monday.plan").read_text(encoding="utf-8")
    for tampered in (
        saved[: len(saved) // 2],
        saved.replace('"offboard"', '"remove"'),
        "syncd",
        saved.replace("{", "["),
    ):
        (one.folder / "tampered.plan").write_text(tampered, encoding="utf-8")
        refused = one.ran("apply", "tampered.plan")
        assert refused.code == 3, refused
        assert refused.codes in (["CLI-030"], ["CLI-031"])
    assert one.tenant() == before


# --- a mass leave ---


def test_a_mass_leave_is_held_named_released_and_then_written_exactly(one: Journey) -> None:
    assert one.ran("sync").code == 0
    one.amend("guard: {", "guard: {shrink_percent: 100, limits: {leave: {count: 3}}, ")
    gone = leave(one, 4)

    held = one.ran("sync", "--json")
    assert (held.code, held.json["result"]) == (5, "held")
    [hold] = held.json["holds"]
    assert waiting(one) == []
    shown = one.ran("hold", "show", hold["id"], "--json").json
    assert sorted(change["label"] for change in shown["changes"]) == gone

    assert one.ran("hold", "release", hold["id"], "--reason", "HR confirmed the closing of the branch").code == 0
    another = leave(one, 1)
    again = one.ran("sync", "--json")
    assert again.code == 5, "one more leaver is another set, which nobody has released"
    assert [row["count"] for row in again.json["holds"]] == [5]
    assert waiting(one) == []

    [second] = again.json["holds"]
    assert one.ran("hold", "release", second["id"], "--reason", "and one more").code == 0
    assert one.ran("sync").code == 0
    assert waiting(one) == sorted([*gone, *another])
    assert one.ran("plan", "--exit-code").code == 0


# --- what is broken ---


def test_a_target_that_is_down_ends_with_7_and_a_source_that_is_gone_with_6(one: Journey) -> None:
    assert one.ran("sync").code == 0
    export = one.folder / "company.csv"
    export.rename(one.folder / "away.csv")
    missing = one.ran("sync")
    assert missing.code == 6
    assert "company" in missing.err + missing.out
    assert one.ran("plan").code == 6
    (one.folder / "away.csv").rename(export)

    one.amend(f"base_url: {one.url}", "base_url: http://127.0.0.1:9")  # the discard port: nobody listens
    for words in (("sync", "--fresh"), ("plan", "--fresh")):
        down = one.ran(*words)
        assert down.code == 7, down
        assert down.codes


def test_two_at_once_cannot_be(one: Journey, server: SandboxServer) -> None:
    one.control("faults", [{"kind": "slow", "interface": "/topapi/v2/user/create", "probability": 1.0, "seconds": 4.0}])
    first = one.start("sync")
    until(lambda: len(server.tenant.live.users) > 1, "the first person")

    second = one.ran("sync")
    plan = one.ran("plan")
    one.control("faults", method="DELETE")
    first.communicate(timeout=60)

    assert (second.code, plan.code, first.returncode) == (9, 9, 0)
    assert str(first.pid) in second.err


def test_every_mistake_in_the_configuration_is_told_at_once_with_its_place(one: Journey) -> None:
    one.amend("type: table", "type: tabel")
    one.amend("timeout: 20", "timeot: 20")
    one.amend("concurrency: 16", "concurrency: 0")
    one.add("consumers: {Okr: {type: okr}}\nleaverz: {}\n")

    broken = one.ran("sync")

    assert broken.code == 3
    places = dict(re.findall(r"syncd\.yaml:(\d+):\d+: .*?\[?(PLG-\d+|CFG-\d+)\]?", re.sub(r"\s+", " ", broken.err)))
    lines = (one.folder / "syncd.yaml").read_text(encoding="utf-8").splitlines()
    wanted = ("tabel", "timeot", "concurrency", "Okr", "leaverz")
    assert {next(n for n, line in enumerate(lines, 1) if word in line) for word in wanted} == {int(n) for n in places}


def test_the_environment_overrules_the_file(one: Journey) -> None:
    one.environment["SYNCD_GUARD__FIRST_RUN"] = "plan_only"
    assert one.ran("sync").code == 5
    one.environment["SYNCD_GUARD__FIRST_RUN"] = "apply"
    assert one.ran("sync").code == 0
    one.environment["SYNCD_GUARD__FIRST_RUM"] = "apply"
    wrong = one.ran("sync")
    assert (wrong.code, "SYNCD_GUARD__FIRST_RUM" in wrong.err) == (3, True)


# --- what is never said ---


def test_neither_the_secret_nor_a_number_is_ever_printed_whatever_goes_wrong(one: Journey) -> None:
    """Everything at its most talkative, with every failure switched on one after the other."""
    kinds = ("reset_before", "http_500_after", "html_before", "malformed", "expired_token", "busy_before", "throttle")
    one.amend("timeout: 20", "timeout: 1")
    one.amend("retries: [1s, 1s, 2s, 2s, 3s, 3s, 3s]", "retries: []")
    one.environment["SYNCD_LOGGING__LEVEL"] = "debug"
    said = one.ran("sync", "-vv")
    assert said.code == 0
    everything = said.out + said.err
    for kind in kinds:
        one.control("faults", [{"kind": kind, "interface": "/*", "probability": 0.5}])
        for row in one.people[:4]:
            row["Job Title"] += "!"
            row["Mobile"] = row["Mobile"][:-1] + str((int(row["Mobile"][-1]) + 1) % 10)
        one.write()
        ran = one.ran("sync", "-vv", "--fresh", "--debug")
        assert ran.code in (0, 4, 5, 6, 7), ran
        everything += ran.out + ran.err
    one.control("faults", method="DELETE")
    one.environment["SANDBOX_SECRET"] = "another-secret-that-is-wrong"
    wrong = one.ran("sync", "-vv", "--fresh", "--debug")
    assert wrong.code == 7
    everything += wrong.out + wrong.err

    assert "plan.made" in everything, "the log is part of what is searched"
    assert "sandbox-secret" not in everything
    assert "another-secret-that-is-wrong" not in everything
    numbers = {re.sub(r"\D", "", row["Mobile"]) for row in one.people}
    said_digits = re.sub(r"(?<=\d)[- ](?=\d)", "", everything)
    assert [number for number in numbers if number in said_digits] == []
