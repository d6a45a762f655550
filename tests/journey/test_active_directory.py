"""From a real Active Directory to a tenant, as IT goes through it: begin, look, write, live with changes and mishaps.

The directory is read by Samba's own tool, the tenant by a client of DingTalk that we did not write, and the two are compared in
`support.directory` without any code of ours in between. Each chapter goes on where the one before it ended.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from foreign.dingding import ForeignDingTalk
from servers.proxy import Proxy
from servers.samba import BASE_DN, COMPANY_DN, SambaDomain, missing
from support.directory import LEAVERS, Company, Tenant, groups_of, of_directory, of_tenant, offices_of
from support.directory_installation import DirectoryInstallation
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = [pytest.mark.samba, pytest.mark.slow, pytest.mark.xdist_group("samba")]

CHINA, INDONESIA = f"OU=China 中国,{COMPANY_DN}", f"OU=Indonesia,{COMPANY_DN}"
FINANCE_NORTH = f"OU=North 北,OU=Finance,{CHINA}"
OPERATIONS = f"OU=Operations 运营,{INDONESIA}"
SALES = "OU=Sales\\, Marketing & Service"
DRIVERS = f"CN=Drivers\\, Jakarta,OU=Groups,{BASE_DN}"
GONE = frozenset({"000022", "000024", "000026"})
"""Disabled, deleted and expired."""


@dataclass(kw_only=True)
class Office:
    """What IT has in front of it."""

    domain: SambaDomain
    proxy: Proxy
    """Between syncd and the domain controller: the network."""
    syncd: DirectoryInstallation
    dingtalk: ForeignDingTalk

    def company(self) -> Company:
        return of_directory(self.domain.folder / "private" / "sam.ldb")

    def tenant(self) -> Tenant:
        return of_tenant(self.dingtalk)


@dataclass(kw_only=True)
class Chapter:
    """What a chapter left behind."""

    office: Office
    said: dict[str, Any] = field(default_factory=dict)
    """What the commands of the chapter printed."""
    company: Company
    tenant: Tenant
    joined: str = ""
    """The userid of somebody without an employee number."""


def sandbox() -> SandboxServer:
    return SandboxServer(SandboxSettings(qps=None, seed=7))


def client(server: SandboxServer) -> ForeignDingTalk:
    return ForeignDingTalk(server.url, server.settings.app_key, server.settings.app_secret)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    if reason := missing():
        pytest.fail(f"{reason}; leave these tests out with -m 'not samba'")
    with SambaDomain() as domain, sandbox() as server, Proxy(domain.host, 636, listen=domain.host) as proxy:
        editor = domain.editor
        editor.modify_dn(FINANCE_NORTH, managedBy=editor.dn("user0016"), description=None)
        editor.modify_dn(f"OU=North 北,{SALES},{CHINA}", managedBy=editor.dn("user0012"))
        folder = tmp_path_factory.mktemp("directory")
        syncd = DirectoryInstallation(folder, server.url, domain, port=proxy.port)
        yield Office(domain=domain, proxy=proxy, syncd=syncd, dingtalk=client(server))


# --- the first day ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(office: Office) -> Chapter:
    """Check, assess, plan, apply, and once more."""
    syncd = office.syncd
    said: dict[str, Any] = {}
    said["check"] = syncd.json("check", "--online")
    said["assess"] = syncd.json("assess", "--strict")
    said["plan"] = syncd.run("plan", "--out", "first.plan")
    said["calls"] = len(syncd.applied())
    said["apply"] = syncd.run("apply", "first.plan")
    said["again"] = syncd.json("sync")
    return Chapter(office=office, said=said, company=office.company(), tenant=office.tenant())


def test_a_folder_begun_with_init_passes_every_check_online(first: Chapter) -> None:
    verdicts = {verdict["name"]: verdict["standing"] for verdict in first.said["check"]["verdicts"]}

    # A sandbox on this machine has no certificate, and nobody can try a right to write without writing.
    assert {name for name, standing in verdicts.items() if standing != "ok"} == {
        "dingtalk: TLS",
        "dingtalk: permission to write",
    }
    assert any(name.startswith("active_directory: certificate ldaps://") for name in verdicts)


def test_the_assessment_finds_the_one_successor_who_has_to_be_named_and_nothing_that_blocks(first: Chapter) -> None:
    findings = first.said["assess"]["findings"]

    assert [(each["code"], each["count"]) for each in findings if each["severity"] != "hint"] == [("ASS-043", 1)]
    assert first.said["assess"]["population"] == {"person": 979, "unit": 21, "group": 40}


def test_a_plan_names_who_is_left_out_and_writes_nothing(first: Chapter) -> None:
    assert first.said["calls"] == 0
    assert "979 create person, 21 create unit" in first.said["plan"]
    for name in ("Administrator", "krbtgt", "svc-syncd", "Domain Controllers"):
        assert f"  ! {name}: " in first.said["plan"]
    assert "Saved to first.plan" not in first.said["plan"], "that is a note, not the plan"


def test_the_plan_that_was_shown_makes_the_tenant_person_by_person_as_the_directory_says(first: Chapter) -> None:
    assert len(first.tenant.people) == 979
    assert first.tenant.people == first.company.people


def test_departments_stand_as_the_units_do_and_have_the_leaders_that_the_units_have(first: Chapter) -> None:
    assert first.tenant.departments == first.company.departments
    assert first.tenant.departments["Company/China 中国/Finance/North 北"] == ["000016"]
    assert first.tenant.hidden == frozenset()


def test_a_synchronization_right_after_finds_nothing_to_do(first: Chapter) -> None:
    assert first.said["again"]["planned"] == 0
    assert first.said["again"]["result"] == "nothing to do"


# --- everyday changes ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def second(first: Chapter) -> Chapter:
    """Everything that happens in a directory within a month, at once."""
    office, syncd = first.office, first.office.syncd
    joined = _people_come_and_go(office)
    _people_change(office)
    _units_change(office)
    said: dict[str, Any] = {"sync": syncd.run("sync", codes=(4,)), "again": syncd.json("sync", codes=(4,))}
    for who in ("000018", "user0020", "user0022", "svc-syncd"):
        said[who] = syncd.run("explain", who)
    said["audit"] = syncd.run("audit", "verify")
    said["calls"] = len(syncd.applied())
    return Chapter(office=office, said=said, company=office.company(), tenant=office.tenant(), joined=joined)


def _people_come_and_go(office: Office) -> str:
    """Let three leave, one come back and two join; return the objectGUID of the one without an employee number."""
    editor = office.domain.editor
    editor.disable("user0022")
    editor.delete("user0024")
    editor.modify("user0026", accountExpires="132223104000000000")
    editor.modify("user0100", userAccountControl="544")
    boss = editor.dn("user0012")
    common = {"manager": boss, "title": "Staf Gudang"}
    editor.add("baru1", name="Contoh Baru", unit=OPERATIONS, employeeID="100001", mobile="+62 811-0000-9001", **common)
    return editor.add("baru2", name="示例新人", unit=FINANCE_NORTH, mobile="+86 199 0000 9002", **common)


def _people_change(office: Office) -> None:
    editor = office.domain.editor
    editor.rename_dn(editor.dn("user0014"), "CN=范本志强 0014")
    editor.modify("user0014", displayName="范本志强", givenName="志强")
    editor.move("user0015", unit=FINANCE_NORTH)
    editor.modify("user0018", manager=editor.dn("user0013"))
    editor.modify("user0019", title=None)
    editor.modify("user0020", mobile="+62 12")
    editor.modify("user0021", telephoneNumber="+86 21 5555 0021")
    editor.modify_dn(DRIVERS, member=editor.dn("user0300"))


def _units_change(office: Office) -> None:
    """Rename a division with people below it, move a team to another division, and name two leaders."""
    editor = office.domain.editor
    editor.rename_dn(OPERATIONS, "OU=Operasional")
    editor.rename_dn(f"OU=South 南,OU=Finance,{INDONESIA}", "OU=Selatan", above=f"{SALES},{INDONESIA}")
    editor.modify_dn(f"OU=North 北,{SALES},{INDONESIA}", managedBy=editor.dn("user0018"))
    editor.modify_dn(f"OU=Finance,{INDONESIA}", managedBy=editor.dn("user0013"))


def test_people_are_as_the_directory_says_after_everything_at_once(second: Chapter) -> None:
    kept_waiting = {"000020": {**second.company.people["000020"], "mobile": "+8619900000020"}}

    assert second.tenant.without(GONE) == {**second.company.people, **kept_waiting}


def test_joiners_get_their_number_or_else_their_guid_as_userid(second: Chapter) -> None:
    assert second.tenant.people["100001"]["departments"] == ["Company/Indonesia/Operasional"]
    assert second.tenant.people[second.joined]["name"] == "示例新人"


def test_units_that_were_renamed_and_moved_are_still_the_same_with_everybody_in_them(second: Chapter) -> None:
    assert second.tenant.departments == {**_without_strangers(second.company.departments), LEAVERS: []}
    # Two joiners and one who was enabled again; the only new department is the one for leavers.
    assert "Confirmed by the target: 3 create person, 1 create unit, " in second.said["sync"]


def _without_strangers(departments: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Leave out the leader who is no member: DingTalk refuses such."""
    return {**departments, "Company/Indonesia/Finance": []}


def test_leavers_wait_hidden_whether_they_were_disabled_deleted_or_had_expired(second: Chapter) -> None:
    assert second.tenant.in_department(LEAVERS) == GONE
    assert second.tenant.hidden == {LEAVERS}
    assert {second.tenant.people[userid]["manager"] for userid in GONE} == {""}


def test_the_bad_record_is_named_with_what_to_do_and_keeps_nobody_else_waiting(second: Chapter) -> None:
    assert "phoneNumbers.mobile" in second.said["sync"]
    assert second.said["again"]["planned"] == 0


def test_explain_names_the_source_the_rule_and_the_value(second: Chapter) -> None:
    told = second.said["000018"]

    assert re.search(r"mappings/dingtalk\.yaml:\d+", told)
    assert re.search(r"mappings/active_directory\.yaml:\d+", told)
    assert "+86 199 0000 0018" in told
    assert "19900000018" in told
    assert "active_directory" in told


def test_explain_says_why_somebody_is_not_there(second: Chapter) -> None:
    assert "service, administration or test account" in second.said["svc-syncd"]
    assert "inactive" in second.said["user0022"]
    assert "phoneNumbers.mobile" in second.said["user0020"]


def test_the_audit_log_is_whole(second: Chapter) -> None:
    assert second.said["audit"].startswith("Sound: ")


# --- mishaps ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def third(second: Chapter) -> Chapter:
    """Somebody is deleted while the password is wrong, then while the connection breaks, then while the server is down."""
    office, syncd = second.office, second.office.syncd
    office.domain.editor.delete("user0028")
    said: dict[str, Any] = {}
    syncd.password = "Example-Wrong-1!"
    said["password"] = syncd.run("sync", codes=(6,))
    syncd.password = office.domain.password
    office.proxy.cut_after = 400_000
    # What changed is told in a few thousand bytes; everything is not.
    said["cut"] = syncd.run("sync", "--full", codes=(6,))
    office.proxy.cut_after = None
    office.domain.stop()
    said["down"] = syncd.run("sync", codes=(6,))
    said["calls"] = len(syncd.applied())
    office.domain.start()
    said["healed"] = syncd.json("sync", codes=(4,))
    return Chapter(office=office, said=said, company=office.company(), tenant=second.tenant)


@pytest.mark.parametrize(("mishap", "code"), [("password", "ADS-020"), ("cut", "ADS-030"), ("down", "ADS-0")])
def test_a_read_that_fails_is_told_by_its_cause(third: Chapter, mishap: str, code: str) -> None:
    assert f"[{code}" in third.said[mishap]


def test_nobody_is_written_to_while_the_directory_cannot_be_read(second: Chapter, third: Chapter) -> None:
    assert third.said["calls"] == second.said["calls"]


def test_the_next_good_read_heals(third: Chapter) -> None:
    # The directory itself takes the manager away from those who reported to a deleted account.
    assert third.said["healed"]["confirmed"] == {"offboard person": 1, "link person": 10}


# --- a third of the company ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fourth(third: Chapter) -> Chapter:
    """Two divisions are deleted with everybody in them; the guard asks twice, and is answered twice."""
    office, syncd = third.office, third.office.syncd
    before = office.company()
    for division in (SALES, "OU=Finance"):
        office.domain.editor.delete_dn(f"{division},{INDONESIA}")
    said: dict[str, Any] = {"before": before, "shrunk": syncd.run("sync", "--full", codes=(6,))}
    said["leavers of shrunk"] = office.tenant().in_department(LEAVERS)
    said["holds of shrunk"] = _release(syncd)
    said["held"] = syncd.run("sync", codes=(5,))
    said["departments of held"] = office.dingtalk.departments()
    said["holds of held"] = _release(syncd)
    # A department is removed as soon as DingTalk shows it empty, which may be in the next run only.
    said["written"] = sum((Counter(syncd.json("sync", codes=(4,))["confirmed"]) for _ in range(2)), Counter())
    said["audit"] = syncd.run("audit", "verify")
    return Chapter(office=office, said=said, company=office.company(), tenant=office.tenant())


def _release(syncd: DirectoryInstallation) -> list[dict[str, Any]]:
    holds: list[dict[str, Any]] = syncd.json("hold", "list", codes=(5,))["holds"]
    for hold in holds:
        syncd.run("hold", "release", hold["id"], "--reason", "the branch is closed")
    return holds


def test_a_source_that_shrinks_by_a_third_makes_nobody_a_leaver_by_itself(fourth: Chapter) -> None:
    assert "[ENG-003]" in fourth.said["shrunk"]
    assert [hold["effect"] for hold in fourth.said["holds of shrunk"]] == ["source_shrunk"]
    assert fourth.said["leavers of shrunk"] == GONE | {"000028"}


def test_the_leavers_are_held_until_somebody_releases_exactly_them(fourth: Chapter) -> None:
    (hold,) = [hold for hold in fourth.said["holds of held"] if hold["effect"] == "leave"]

    assert hold["count"] == len(_lost(fourth))
    # DingTalk takes no comma; what it calls the department is what people know.
    team = "Company/Indonesia/Sales Marketing & Service/North 北"
    assert any(reason.startswith(f"{team} loses 80 of 80 people") for reason in hold["reasons"])
    assert "Not confirmed" not in fourth.said["held"]
    assert len(fourth.said["departments of held"]) == 22


def test_what_was_released_is_done_and_nothing_else(fourth: Chapter) -> None:
    leavers = fourth.tenant.in_department(LEAVERS)

    assert leavers == _lost(fourth) | GONE | {"000028"}
    assert fourth.tenant.without(leavers).keys() == fourth.company.people.keys()
    assert fourth.tenant.departments.keys() == fourth.company.departments.keys() | {LEAVERS}
    assert fourth.said["written"] == {"offboard person": len(_lost(fourth)), "remove unit": 6}


def test_the_audit_log_is_whole_to_the_end_and_in_the_order_of_time(fourth: Chapter) -> None:
    assert fourth.said["audit"].startswith("Sound: ")
    assert "older" not in fourth.said["audit"]


def _lost(chapter: Chapter) -> frozenset[str]:
    return frozenset(chapter.said["before"].people.keys() - chapter.company.people.keys())


# --- departments from elsewhere --------------------------------------------------------------------------------------

UNITS = "    units: { from: parent, by: id } # the OU that holds the account\n"


def spelled_otherwise(folder: Path, domain: SambaDomain, rules: Mapping[str, str]) -> Tenant:
    """Write the company without its OUs, by rules that are edited, and return the tenant."""
    with sandbox() as server:
        syncd = DirectoryInstallation(folder, server.url, domain)
        syncd.edit(
            {
                f'base: ["{BASE_DN}"]': f'base: ["{COMPANY_DN}", "OU=Groups,{BASE_DN}"]',
                "# units: true": "units: false",
            }
        )
        syncd.edit({UNITS: "", **rules}, file="mappings/active_directory.yaml")
        assert syncd.json("sync", "--accept")["result"] == "done"
        assert syncd.json("plan")["changes"] == []
        return of_tenant(client(server))


def test_groups_can_be_the_departments(tmp_path: Path, samba_domain: SambaDomain) -> None:
    """People are in as many departments as groups; “Everybody”, which holds only groups, has nobody by itself."""
    tenant = spelled_otherwise(tmp_path, samba_domain, {"\ngroup:\n": "\ngroup:\n  as: unit\n"})

    wanted = groups_of(samba_domain.folder / "private" / "sam.ldb")
    assert {path: tenant.in_department(path) for path in tenant.departments} == wanted
    assert wanted["Everybody"] == set()


def test_a_path_of_attributes_can_be_the_departments(tmp_path: Path, samba_domain: SambaDomain) -> None:
    path = "  units:\n    path:\n      - { name: company }\n      - { name: department }\n"
    tenant = spelled_otherwise(tmp_path, samba_domain, {"\nunit:\n": f"{path}\nunit:\n"})

    wanted = offices_of(samba_domain.folder / "private" / "sam.ldb")
    assert {path: tenant.in_department(path) for path in tenant.departments if "/" in path} == wanted
