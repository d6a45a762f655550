"""What goes wrong with a 389 Directory Server, and the ways that are left when it has no changelog for us."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from servers.ds389 import CHANGELOG_DN, Ds389, missing
from support.ldap_journey import CHINA, SHIPPED, Clock, Desk
from syncd.core.ports import Standing, Verdict

pytestmark = pytest.mark.xdist_group("ds389")

_PEOPLE = 300


@pytest.fixture
def server() -> Iterator[Ds389]:
    if reason := missing():
        pytest.fail(reason)
    with Ds389(people=_PEOPLE) as running:
        yield running


def opened(server: Ds389, **settings: object) -> Desk:
    return Desk(server, server.editor, settings, SHIPPED, Clock())


def verdicts(desk: Desk) -> dict[str, Verdict]:
    async def run() -> dict[str, Verdict]:
        return {each.name: each async for each in desk.open().check()}

    return asyncio.run(run())


@pytest.mark.parametrize("way", ["syncrepl", "timestamps"])
def test_the_other_ways_can_be_forced_and_tell_the_same(server: Ds389, way: str) -> None:
    desk = opened(server, changes=way)
    server.editor.modify("user0015", title="Kepala")
    server.editor.rename_login("user0020", to="user0020x")
    assert not desk.follow().full


def test_a_deletion_by_content_synchronization_starts_over(server: Ds389) -> None:
    desk = opened(server, changes="syncrepl")
    gone = server.editor.guid("user0150")
    server.editor.delete("user0150")
    read = desk.follow()
    assert read.full
    assert read.gone == {gone}


def test_without_the_right_to_read_the_changelog_the_next_best_way_is_taken(server: Ds389) -> None:
    server.editor.modify_dn(CHANGELOG_DN, aci=None)
    desk = opened(server)
    found = verdicts(desk)
    assert found["changes by changelog"].standing is Standing.WARNING
    problem = found["changes by changelog"].problem
    assert problem is not None
    assert problem.code == "ADS-203"
    assert "syncrepl" in found["changes"].seen
    server.editor.modify("user0015", title="Kepala")
    assert not desk.follow().full


def test_a_database_that_was_restored_is_behind_and_the_read_says_so(server: Ds389) -> None:
    desk = opened(server)
    copy = server.copy()
    added = server.editor.add("new0001", name="Contoh Baru", unit=CHINA)
    assert added in desk.mirror.read().yielded
    server.restore(copy)
    read = desk.mirror.read()
    assert read.full
    assert "server has what it told before" in read.doubts
    assert read.gone == frozenset()
    assert added in desk.mirror.records


def test_a_trimmed_changelog_starts_over(server: Ds389) -> None:
    desk = opened(server)
    gone = server.editor.guid("user0150")
    server.editor.delete("user0150")
    for each in server.editor._found("(changeNumber<=3)", CHANGELOG_DN, attributes=["changeNumber"]):
        server.editor.delete_dn(each["dn"])
    server.editor.modify("user0015", title="Kepala")
    read = desk.follow()
    assert read.full
    assert gone not in desk.mirror.records


def test_check_says_what_the_server_is_and_which_way_is_taken(server: Ds389) -> None:
    found = verdicts(opened(server))
    assert {name for name, each in found.items() if each.standing is not Standing.OK} == {"password"}
    said = " ".join(f"{each.name} {each.seen}" for each in found.values())
    assert "389 Directory Server" in said
    assert "changelog" in found["changes"].seen
    assert found["other ways"].seen == "these would work: `changes: syncrepl`, `changes: timestamps`, `changes: none`"
