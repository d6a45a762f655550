"""Active Directory as it really answers: the whole company, wrong passwords, certificates, and networks that break."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from servers import company
from servers.certificates import Authority
from servers.proxy import Proxy
from servers.samba import BASE_DN, COMPANY_DN, SambaDomain, missing
from syncd.core.errors import NeedsHuman, SyncdError, TryAgain
from syncd.core.model import RECORD_KINDS, Completeness, Kind, Page, SourceRecord
from syncd.core.ports import Room, Standing, Verdict
from syncd_active_directory import ActiveDirectory

pytestmark = [pytest.mark.samba, pytest.mark.xdist_group("samba")]

_INDONESIA = f"OU=Indonesia,{COMPANY_DN}"
_CHINA = f"OU=China 中国,{COMPANY_DN}"
_GROUPS = f"OU=Groups,{BASE_DN}"


def now() -> datetime:
    return datetime.now(UTC)


def source(domain: SambaDomain, *, clock: Callable[[], datetime] = now, **settings: Any) -> ActiveDirectory:
    values = {
        "servers": f"ldaps://{domain.host}",
        "ca_file": domain.ca_file,
        "user": domain.bind_user,
        "password": domain.password,
        "base": COMPANY_DN,
        **settings,
    }
    return ActiveDirectory(ActiveDirectory.settings.model_validate(values), Room(name="ad", now=clock, base=Path()))


def read(directory: ActiveDirectory) -> list[Page]:
    async def pages() -> list[Page]:
        async with directory:
            return [page async for page in directory.read(None)]

    return asyncio.run(pages())


def records(directory: ActiveDirectory, kind: Kind) -> dict[str, SourceRecord]:
    found = [record for page in read(directory) for record in page.records if record.kind is kind]
    return {str(record.attributes.get("sAMAccountName") or record.aliases[0]): record for record in found}


def proof(directory: ActiveDirectory) -> Completeness:
    completeness = read(directory)[-1].completeness
    assert completeness is not None
    return completeness


def doubts(directory: ActiveDirectory) -> list[str]:
    return [fact.name for fact in proof(directory).doubts]


def check(directory: ActiveDirectory) -> dict[str, Verdict]:
    async def verdicts() -> list[Verdict]:
        return [verdict async for verdict in directory.check()]

    return {verdict.name: verdict for verdict in asyncio.run(verdicts())}


def refusal(directory: ActiveDirectory) -> tuple[type[SyncdError], str]:
    with pytest.raises((NeedsHuman, TryAgain)) as failure:
        read(directory)
    return failure.type, str(failure.value).rsplit("[", 1)[1].rstrip("]")


@pytest.fixture(scope="module")
def domain() -> Iterator[SambaDomain]:
    """A domain that the tests of this file may change, each in its own corner."""
    if reason := missing():
        pytest.fail(reason)
    with SambaDomain() as running:
        yield running


@pytest.fixture
def proxy(domain: SambaDomain) -> Iterator[Proxy]:
    with Proxy(domain.host, 636, listen=domain.host) as carrying:
        yield carrying


# --- the whole company (nothing is changed here; these tests come first) ---------------------------------------------


def test_all_thousand_people_are_read_with_what_the_directory_holds(samba_domain: SambaDomain) -> None:
    people = records(source(samba_domain), Kind.PERSON)
    assert len(people) == company.PEOPLE
    for expected in company.people():
        found = people[expected["login"]].attributes
        for name in ("sn", "givenName", "displayName", "mail", "mobile", "title", "department", "employeeID"):
            assert found[name] == expected[name]


def test_the_read_of_a_healthy_domain_is_proven_and_says_on_which_facts(samba_domain: SambaDomain) -> None:
    completeness = proof(source(samba_domain))
    assert completeness.proven
    assert {fact.name for fact in completeness.facts} >= {"one server", "every page answered", "somebody is there"}


def test_disabled_and_expired_accounts_are_not_enabled(samba_domain: SambaDomain) -> None:
    people = records(source(samba_domain), Kind.PERSON)
    out = {login for login, person in people.items() if person.attributes["enabled"] is False}
    assert out == {f"user{number:04}" for number in company.DISABLED | company.EXPIRED}
    assert people["user0123"].attributes["accountExpires"] == "2020-01-01T00:00:00Z"
    assert "accountExpires" not in people["user0001"].attributes


def test_every_manager_is_a_name_that_another_record_answers_to(samba_domain: SambaDomain) -> None:
    people = records(source(samba_domain), Kind.PERSON)
    names = {alias.casefold() for person in people.values() for alias in person.aliases}
    managers = [person.attributes.get("manager") for person in people.values()]
    assert managers.count(None) == 1
    assert all(str(manager).casefold() in names for manager in managers if manager)


def test_units_form_one_tree_four_levels_deep_and_hold_the_people(samba_domain: SambaDomain) -> None:
    pages = read(source(samba_domain))
    units = {r.native_id: r for page in pages for r in page.records if r.kind is Kind.UNIT}
    assert len(units) == sum(1 for _ in company.units())
    roots = [unit for unit in units.values() if "parent" not in unit.attributes]
    assert [root.attributes["name"] for root in roots] == ["Company"]

    def depth(unit: SourceRecord) -> int:
        parent = unit.attributes.get("parent")
        return 1 if parent is None else 1 + depth(units[parent])  # type: ignore[index]

    assert max(map(depth, units.values())) == 4
    people = [r for page in pages for r in page.records if r.kind is Kind.PERSON]
    assert all(person.attributes["parent"] in units for person in people)


def test_groups_carry_their_members_people_and_groups_alike(samba_domain: SambaDomain) -> None:
    groups = records(source(samba_domain, base=[COMPANY_DN, _GROUPS]), Kind.GROUP)
    everybody = groups["Everybody"].attributes["member"]
    assert isinstance(everybody, tuple)
    assert len(everybody) == 3
    assert set(everybody) == {groups[name].aliases[0] for name in ("All Staff 全员", "Drivers Jakarta", "Managers")}
    assert len(groups["All Staff 全员"].attributes["member"]) == company.PEOPLE  # type: ignore[arg-type]


def test_bases_that_overlap_deliver_everybody_once(samba_domain: SambaDomain) -> None:
    pages = read(source(samba_domain, base=[_INDONESIA, COMPANY_DN, COMPANY_DN.lower()]))
    ids = [record.native_id for page in pages for record in page.records if record.kind is Kind.PERSON]
    assert len(ids) == len(set(ids)) == company.PEOPLE


@pytest.mark.parametrize("switches", [{"units": False, "groups": False}, {"page_size": 1000}])
def test_what_is_not_wanted_is_not_read(samba_domain: SambaDomain, switches: dict[str, Any]) -> None:
    kinds = {
        record.kind
        for page in read(source(samba_domain, base=[COMPANY_DN, _GROUPS], **switches))
        for record in page.records
    }
    assert kinds == ({Kind.PERSON} if "units" in switches else set(RECORD_KINDS))


def test_an_attribute_that_an_administrator_asks_for_comes_with_its_type(samba_domain: SambaDomain) -> None:
    directory = source(samba_domain, attributes={"pwdLastSet": "instant", "primaryGroupID": "number"}, units=False)
    person = records(directory, Kind.PERSON)["user0002"]
    assert person.attributes["primaryGroupID"] == 513
    assert ActiveDirectory.attributes_with(directory._settings)[Kind.PERSON]["pwdLastSet"] == "instant"


def test_start_tls_reads_the_same_as_ldaps(samba_domain: SambaDomain) -> None:
    by_ldaps = records(source(samba_domain, base=_GROUPS), Kind.GROUP)
    by_start_tls = records(
        source(samba_domain, base=_GROUPS, servers=f"ldap://{samba_domain.host}", start_tls=True), Kind.GROUP
    )
    assert {r.digest for r in by_start_tls.values()} == {r.digest for r in by_ldaps.values()}


def test_check_says_what_it_saw_of_each_precondition(samba_domain: SambaDomain) -> None:
    verdicts = check(source(samba_domain))
    address = f"ldaps://{samba_domain.host}"
    assert "Example Test CA" in verdicts[f"certificate {address}"].seen
    assert verdicts[f"base {COMPANY_DN}"].standing is Standing.OK
    assert verdicts["persons"].seen == "1000 found"
    assert {name for name, verdict in verdicts.items() if verdict.standing is not Standing.OK} == {
        "password",
        "deletions",
    }
    assert verdicts["changes"].seen == "told by dirsync: the best that the account may use"
    assert verdicts["other ways"].seen == "these would work: `changes: usn`, `changes: none`"
    with_rights = check(source(samba_domain, user=samba_domain.dirsync_user))
    assert with_rights["deletions"].seen == "told at once"


# --- refusals -------------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_named_and_tried_on_one_server_only(domain: SambaDomain, proxy: Proxy) -> None:
    servers = [f"ldaps://{domain.host}", f"ldaps://{proxy.host}:{proxy.port}"]
    assert refusal(source(domain, servers=servers, password="wrong")) == (NeedsHuman, "ADS-020")
    assert proxy.connections == 0


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"userAccountControl": "514"}, "ADS-021"),
        ({"userAccountControl": "512", "accountExpires": str(company.FILETIME_2020)}, "ADS-022"),
        ({"userAccountControl": "512", "accountExpires": "0", "pwdLastSet": "0"}, "ADS-023"),
    ],
)
def test_an_account_that_may_not_log_on_is_told_why(domain: SambaDomain, state: dict[str, str], code: str) -> None:
    unit = f"OU=Service Accounts,{BASE_DN}"
    if "svc-other" not in domain.editor.logins(base=unit):
        domain.editor.add("svc-other", name="svc-other", unit=unit)
        domain.editor.set_password("svc-other", "Example-Other-1!")
    domain.editor.modify("svc-other", **state)
    directory = source(domain, user="svc-other@corp.example.com", password="Example-Other-1!")
    assert refusal(directory) == (NeedsHuman, code)
    assert check(directory)["account"].standing is Standing.FAILED


def test_another_authority_is_not_trusted(domain: SambaDomain, tmp_path: Path) -> None:
    other = Authority.create(tmp_path / "other", name="Another CA").ca_file
    assert refusal(source(domain, ca_file=other)) == (NeedsHuman, "ADS-011")


def test_a_certificate_for_another_name_is_not_accepted(domain: SambaDomain) -> None:
    with Proxy(domain.host, 636, listen="127.0.0.1") as elsewhere:
        assert refusal(source(domain, servers=f"ldaps://127.0.0.1:{elsewhere.port}")) == (NeedsHuman, "ADS-013")


def test_an_expired_certificate_is_named_and_one_that_soon_will_is_warned_of(own_domain: SambaDomain) -> None:
    for days, code in ((10, "ADS-015"), (-1, "ADS-012")):
        own_domain.stop()
        own_domain.use_certificate(days=days)
        own_domain.start()
        problems = [verdict.problem.code for verdict in check(source(own_domain)).values() if verdict.problem]
        assert code in problems
    assert refusal(source(own_domain)) == (NeedsHuman, "ADS-012")


def test_a_password_is_not_sent_in_plain_text_even_where_the_settings_allow_a_server_to_refuse_it(
    domain: SambaDomain,
) -> None:
    with pytest.raises(ValueError, match="plain text"):
        source(domain, servers=f"ldap://{domain.host}")
    plain = source(domain, servers=f"ldap://{domain.host}", plain_text_password_allowed=True)
    assert refusal(plain) == (NeedsHuman, "ADS-027")


def test_a_base_that_is_not_there_is_an_error_and_not_an_empty_company(domain: SambaDomain) -> None:
    directory = source(domain, base=f"OU=Compnay,{BASE_DN}")
    assert refusal(directory) == (NeedsHuman, "ADS-032")
    assert check(directory)[f"base OU=Compnay,{BASE_DN}"].standing is Standing.FAILED


def test_a_port_that_speaks_no_tls_and_a_port_that_nobody_serves_are_told_apart(domain: SambaDomain) -> None:
    assert refusal(source(domain, servers=f"ldaps://{domain.host}:389")) == (TryAgain, "ADS-014")
    assert refusal(source(domain, servers=f"ldaps://{domain.host}:1")) == (TryAgain, "ADS-010")


def test_the_next_server_is_read_when_the_first_cannot_be_reached(domain: SambaDomain) -> None:
    servers = [f"ldaps://{domain.host}:1", f"ldaps://{domain.host}"]
    assert len(records(source(domain, servers=servers, base=_GROUPS), Kind.GROUP)) == sum(1 for _ in company.groups())
    assert check(source(domain, servers=servers))[f"server {servers[0]}"].standing is Standing.FAILED


# --- networks that break --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("cut_after", [0, 500, 3_000, 150_000])
def test_a_connection_that_is_cut_anywhere_raises_and_proves_nothing(
    domain: SambaDomain, proxy: Proxy, cut_after: int, reset: bool
) -> None:
    proxy.cut_after, proxy.reset = cut_after, reset
    directory = source(domain, servers=f"ldaps://{proxy.host}:{proxy.port}", page_size=100)
    kind, code = refusal(directory)
    assert kind is TryAgain
    assert code in {"ADS-010", "ADS-014", "ADS-030"}


def test_a_server_that_falls_silent_is_given_up_after_the_time_that_was_set(domain: SambaDomain, proxy: Proxy) -> None:
    async def stalled() -> None:
        directory = source(domain, servers=f"ldaps://{proxy.host}:{proxy.port}", page_size=50, receive_seconds=1)
        async for page in directory.read(None):
            assert page.completeness is None
            proxy.stall = True

    with pytest.raises(TryAgain, match="ADS-030"):
        asyncio.run(stalled())


def test_a_server_that_is_stopped_in_the_middle_raises_and_proves_nothing(own_domain: SambaDomain) -> None:
    async def stopped() -> None:
        async for page in source(own_domain, page_size=50).read(None):
            assert page.completeness is None
            await asyncio.to_thread(own_domain.stop)

    with pytest.raises(TryAgain, match="ADS-030"):
        asyncio.run(stopped())


def test_a_cancelled_read_of_a_silent_server_ends_at_once(domain: SambaDomain, proxy: Proxy) -> None:
    async def cancelled() -> float:
        reading = asyncio.ensure_future(_first_then_silence())
        await asyncio.sleep(0.8)
        began = time.monotonic()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        return time.monotonic() - began

    async def _first_then_silence() -> None:
        directory = source(domain, servers=f"ldaps://{proxy.host}:{proxy.port}", page_size=50, receive_seconds=300)
        async for _ in directory.read(None):
            proxy.stall = True

    # Not a measurement: without the interruption it would be 300 seconds.
    assert asyncio.run(cancelled()) < 60


# --- what changes ---------------------------------------------------------------------------------------------------


def test_renaming_and_moving_a_unit_changes_no_id_and_moves_its_people_with_it(domain: SambaDomain) -> None:
    unit = domain.editor.add_unit("Rename Me", above=_CHINA)
    guid = domain.editor.add("renamed-unit", name="Contoh Pindah", unit=unit)
    before = records(source(domain, base=_CHINA), Kind.PERSON)["renamed-unit"]
    domain.editor.rename_dn(unit, "OU=Renamed, twice", above=_INDONESIA)
    after = records(source(domain, base=[_CHINA, _INDONESIA]), Kind.PERSON)["renamed-unit"]
    assert before.native_id == after.native_id == guid
    assert before.attributes["parent"] == after.attributes["parent"]
    assert before.aliases[0] != after.aliases[0]


def test_an_account_that_expires_by_the_clock_becomes_another_record(domain: SambaDomain) -> None:
    tomorrow = now() + timedelta(days=1)
    ticks = int((tomorrow - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000
    domain.editor.add("expiring", name="Contoh Berakhir", unit=_CHINA, accountExpires=str(ticks))
    today = records(source(domain, base=_CHINA), Kind.PERSON)["expiring"]
    later = records(source(domain, base=_CHINA, clock=lambda: now() + timedelta(days=2)), Kind.PERSON)["expiring"]
    assert (today.attributes["enabled"], later.attributes["enabled"]) == (True, False)
    assert today.digest != later.digest


def test_somebody_who_is_deleted_is_missing_from_a_proven_read(domain: SambaDomain) -> None:
    domain.editor.add("leaver", name="Contoh Keluar", unit=_CHINA)
    assert "leaver" in records(source(domain, base=_CHINA), Kind.PERSON)
    domain.editor.delete("leaver")
    assert "leaver" not in records(source(domain, base=_CHINA), Kind.PERSON)
    assert proof(source(domain, base=_CHINA)).proven


def test_names_with_every_special_character_are_read_and_found_as_managers(domain: SambaDomain) -> None:
    domain.editor.add("special", name='Ani "A, B" + C; <D> = #E / \\F 😀', unit=_CHINA)
    domain.editor.add("managed", name="Contoh Bawahan", unit=_CHINA, manager=domain.editor.dn("special"))
    people = records(source(domain, base=_CHINA), Kind.PERSON)
    assert people["managed"].attributes["manager"] in people["special"].aliases
    assert people["special"].attributes["parent"] == people["managed"].attributes["parent"]


def test_somebody_who_is_moved_behind_the_reader_is_not_lost(domain: SambaDomain) -> None:
    here, there = domain.editor.add_unit("Here", above=_CHINA), domain.editor.add_unit("There", above=_INDONESIA)
    domain.editor.add("runner", name="Contoh Lari", unit=there)

    async def moving() -> list[Page]:
        pages = []
        async for page in source(
            domain, base=[here, there], units=False, groups=False, people_filter="(objectClass=*)"
        ).read(None):
            pages.append(page)
            if len(pages) == 1:
                # The first base has been read, the second has not: now the person goes where nobody looks any more.
                await asyncio.to_thread(domain.editor.move, "runner", unit=here)
        return pages

    pages = asyncio.run(moving())
    assert "runner" in {record.attributes.get("sAMAccountName") for page in pages for record in page.records}
    assert pages[-1].completeness is not None
    assert pages[-1].completeness.proven


def test_rights_that_were_trimmed_are_noticed_by_a_witness(own_domain: SambaDomain) -> None:
    witnesses = ["user0012", "user0013"]
    assert proof(source(own_domain, witnesses=witnesses)).proven
    own_domain.deny(f"OU=North 北,OU=Finance,{_INDONESIA}", user="svc-syncd")
    seen = records(source(own_domain), Kind.PERSON)
    assert 0 < len(seen) < company.PEOPLE
    hidden = next(f"user{n:04}" for n in range(1, company.PEOPLE) if f"user{n:04}" not in seen)
    pages = read(source(own_domain, witnesses=[*witnesses, hidden]))
    assert [note.code for note in pages[-1].notes][-1:] == ["ADS-042"]
    assert "witnesses seen" in doubts(source(own_domain, witnesses=[hidden]))
