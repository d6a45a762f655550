"""What goes wrong with an OpenLDAP: nobody is taken for gone because of it, and the next good read heals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from servers.ldap_server import CAPPED_LIMIT
from servers.openldap import OpenLdap, missing
from support.ldap_journey import BASE, CHINA, COMPANY, GROUPS, SHIPPED, Clock, Desk, settle
from syncd.core.ports import Standing, Verdict

_PEOPLE = 300
_FINANCE = f"ou=Finance,{CHINA}"


@pytest.fixture
def server() -> Iterator[OpenLdap]:
    if reason := missing():
        pytest.fail(reason)
    with OpenLdap(people=_PEOPLE) as running:
        yield running


@pytest.fixture
def forgetful() -> Iterator[OpenLdap]:
    """Its log of changes is in memory: after a restart it names who is present instead of who is gone."""
    if reason := missing():
        pytest.fail(reason)
    with OpenLdap(people=_PEOPLE, lasting_log=False) as running:
        yield running


def opened(server: OpenLdap, **settings: object) -> Desk:
    return Desk(server, server.editor, settings, SHIPPED, Clock())


def verdicts(desk: Desk) -> dict[str, Verdict]:
    async def run() -> dict[str, Verdict]:
        return {each.name: each async for each in desk.open().check()}

    return asyncio.run(run())


def reasons(desk: Desk) -> list[str]:
    """Return why the last read started over."""
    read = desk.follow()
    assert read.completeness is not None
    return [fact.detail for fact in read.completeness.facts if fact.name == "everything was read again"]


def test_deletions_are_told_after_a_restart_where_the_log_lasts(server: OpenLdap) -> None:
    desk = opened(server)
    gone = server.editor.guid("user0014")
    server.editor.delete("user0014")
    settle(server.editor)
    server.restart()
    assert reasons(desk) == ["1 objects are deleted, or hidden from the account now"]
    assert gone not in desk.mirror.records


def test_a_present_phase_starts_over_where_the_log_does_not(forgetful: OpenLdap) -> None:
    desk = opened(forgetful)
    gone = forgetful.editor.guid("user0014")
    forgetful.editor.delete("user0014")
    settle(forgetful.editor)
    forgetful.restart()
    assert reasons(desk) == ["the server does not remember that far back, and names who is present instead"]
    assert gone not in desk.mirror.records
    forgetful.editor.modify("user0015", title="Kepala")
    assert reasons(desk) == []


def test_a_stale_cookie_starts_over(server: OpenLdap) -> None:
    desk = opened(server)
    assert desk.mirror.cursor is not None
    fresh = desk.mirror.cursor
    desk.mirror.cursor = fresh.replace("csn=20", "csn=19")
    assert "a unit" not in reasons(desk)
    assert desk.mirror.doubted is False
    for garbage in ("csn=", "rid=000", "anything"):
        # The server would take it for none, and tell everybody as if new.
        desk.mirror.cursor = fresh.replace("rid=000,csn=", garbage).replace("rid=000,sid=000,csn=", garbage)
        assert reasons(desk) == ["the cookie is not one of this server"]


def test_a_database_that_was_restored_is_behind_and_proves_nobody_gone(server: OpenLdap) -> None:
    desk = opened(server)
    copy = server.copy()
    added = server.editor.add("new0001", name="Contoh Baru", unit=CHINA)
    settle(server.editor)
    assert added in desk.mirror.read().yielded
    server.restore(copy)
    for _ in range(2):
        read = desk.mirror.read()
        assert read.full
        assert "server is not older than last time" in read.doubts
        assert read.gone == frozenset()
    assert added in desk.mirror.records
    server.editor.add("new0002", name="Contoh Lain", unit=CHINA)
    assert desk.mirror.read().gone == {added}


def test_a_branch_that_is_hidden_from_the_account_makes_nobody_gone(server: OpenLdap) -> None:
    desk = opened(server)
    before = set(desk.mirror.records)
    hidden = server.editor.guids(base=_FINANCE, filter_="(objectClass=inetOrgPerson)")
    assert len(hidden) > 30
    server.deny(_FINANCE, user=server.bind_user)
    # The server calls them deleted as soon as somebody changes them.
    for login in sorted(server.editor.logins(base=_FINANCE))[:3]:
        server.editor.modify(login, title="Kepala")
    read = desk.mirror.read()
    assert read.full
    assert not read.proven
    assert read.gone == frozenset()
    assert set(desk.mirror.records) == before
    server.allow()
    healed = desk.mirror.read()
    assert healed.proven, healed.doubts
    assert set(desk.mirror.records) == before


def test_an_account_with_a_size_limit_reads_page_by_page_or_not_at_all(server: OpenLdap) -> None:
    limited = opened(server, user=server.plain_user)
    assert limited.mirror.records.keys() == opened(server).mirror.records.keys()


def test_a_limit_on_all_pages_together_is_an_error_and_no_smaller_company() -> None:
    with OpenLdap(people=CAPPED_LIMIT + 100) as server:
        desk = opened(server)
        before = set(desk.mirror.records)
        capped = Desk.__new__(Desk)
        capped.__dict__.update(desk.__dict__ | {"settings": {"user": server.capped_user}})
        desk.mirror.make = lambda *_: capped.open()
        read = desk.mirror.read(full=True)
        assert read.code == "ADS-031"
        assert set(desk.mirror.records) == before


def test_more_changes_than_are_worth_telling_start_over(server: OpenLdap) -> None:
    desk = opened(server, user=server.plain_user)
    for login in server.editor.logins(base=COMPANY):
        server.editor.modify(login, title="Kepala")
    for login in server.editor.logins(base=COMPANY)[:220]:
        server.editor.add(f"{login}-2", name="Contoh Baru", unit=COMPANY)
    assert reasons(desk) == ["more changed than the server's size limit lets it tell"]


@pytest.mark.parametrize(("way", "full"), [("timestamps", False), ("none", True), ("syncrepl", False)])
def test_a_way_can_be_forced(server: OpenLdap, way: str, full: bool) -> None:
    desk = opened(server, changes=way)
    server.editor.modify("user0015", title="Kepala")
    assert desk.follow().full == full


def test_changes_that_are_told_by_their_time_leave_deletions_to_the_next_full_read(server: OpenLdap) -> None:
    desk = opened(server, changes="timestamps")
    gone = server.editor.guid("user0150")
    server.editor.delete("user0150")
    server.editor.rename_login("user0151", to="user0151x")
    settle(server.editor)
    read = desk.mirror.read()
    assert not read.full
    assert gone in desk.mirror.records
    assert server.editor.guid("user0151x") in read.yielded
    assert desk.mirror.read(full=True).gone == {gone}


def test_a_way_that_the_server_does_not_have_is_refused_by_the_check_which_names_those_that_would_work(
    server: OpenLdap,
) -> None:
    desk = opened(server)
    desk.settings = {"changes": "changelog"}
    found = verdicts(desk)
    assert found["changes"].standing is Standing.FAILED
    assert found["other ways"].seen == "these would work: `changes: syncrepl`, `changes: timestamps`, `changes: none`"


def test_check_says_what_the_server_is_and_which_way_is_taken(server: OpenLdap) -> None:
    found = verdicts(opened(server))
    assert {name for name, each in found.items() if each.standing is not Standing.OK} == {"password"}
    said = " ".join(f"{each.name} {each.seen}" for each in found.values())
    assert "OpenLDAP" in said
    assert "syncrepl" in said
    assert found["other ways"].seen == "these would work: `changes: timestamps`, `changes: none`"
    assert f"base {GROUPS}" in found
    assert BASE in said
