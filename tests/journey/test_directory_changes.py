"""From a change in a directory to the tenant: by a delta, and again by a full read, each with an installation of its own.

Whatever happens, both make the same plan, with only those in it whom it concerns, and in the end the same tenant, which is
also the one that somebody gets who begins on that day. One journey, three directories; each chapter goes on where the one
before it ended.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from servers.ds389 import Ds389
from servers.ds389 import missing as ds389_missing
from servers.kerberos import SERVER_NAME, Kerberos
from servers.kerberos import missing as kerberos_missing
from servers.ldap_server import LdapServer
from servers.openldap import OpenLdap
from servers.openldap import missing as openldap_missing
from servers.samba import BASE_DN, COMPANY_DN, SambaDomain
from servers.samba import missing as samba_missing
from support.directory_changes import HAPPENINGS, Place
from support.directory_reader import BY_PASSWORD, Reader
from support.ldap_journey import settle
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

pytestmark = pytest.mark.slow

_GROUPS_TOO: Final = ("\ngroup:\n", "\ngroup:\n  as: unit\n")
"""Groups are departments, too: so a change of one shows in DingTalk."""
_FEW: Final = 8
"""So many records a delta looks at, at most: those that were touched, and whoever they are tied to."""
_UNITS_AND_GROUPS: Final = 40
"""The same where somebody is deleted: any of these may have named him, and no server tells all of that."""
_MANY: Final = 120
"""The same where people and groups are referred to by their names, and something happens to a name that many have in theirs."""
_WIDE: Final = frozenset(
    {
        "a unit with hundreds of people in it gets another name",
        "a unit with people in it is moved",
        "a group changes",
        "a new group in another group",
        "a nested group changes",
    }
)


@dataclass(kw_only=True)
class Office:
    """A directory, and two who read it, each into a tenant of its own."""

    place: Place
    delta: Reader
    """Reads what changed."""
    whole: Reader
    """Reads everything."""
    begin: Callable[[Path, str], Reader]
    """Make somebody who begins today."""
    settle: Callable[[], object]
    """Wait until the server has done what it does in the background."""
    starts_over: frozenset[str] = frozenset()
    """The happenings after which a delta turns into a full read, because this server does not tell of them."""
    names_count: bool = False
    """Whether people are referred to by their names."""


def samba(folder: Path, ends: ExitStack) -> Office:
    """Two thousand people; simple binds over TLS and StartTLS, and tickets."""
    if reason := samba_missing() or kerberos_missing():
        pytest.fail(f"{reason}; leave these tests out with -m 'not samba'")
    domain = ends.enter_context(SambaDomain(people=2000))
    kerberos = ends.enter_context(Kerberos(domain))
    kerberos.ask_for_ticket()
    groups = f"OU=Groups,{BASE_DN}"
    common = {
        "servers": f"[ldaps://{domain.host}]",
        "ca_file": str(domain.ca_file),
        "base": f'["{COMPANY_DN}", "{groups}"]',
    }
    simple = {**common, **BY_PASSWORD, "user": domain.dirsync_user}
    ticket = {**common, "bind": "gssapi", "kerberos_name": SERVER_NAME}
    upgraded = {**simple, "servers": f"[ldap://{domain.host}]", "start_tls": "true"}

    def reader(into: Path, url: str, settings: Mapping[str, str]) -> Reader:
        terms: dict[str, Any] = {"source": "active_directory", "password": domain.password}
        return Reader(into, url, settings=settings, environment=kerberos.environment, **terms)

    delta, whole = beside(
        folder, ends, lambda into, url: reader(into, url, simple), lambda into, url: reader(into, url, ticket)
    )
    return Office(
        place=Place(editor=domain.editor, company=COMPANY_DN, groups=groups, number="employeeID"),
        delta=delta,
        whole=whole,
        begin=lambda into, url: reader(into, url, upgraded),
        settle=lambda: None,
    )


def openldap(folder: Path, ends: ExitStack) -> Office:
    """Three hundred people. A deletion shows in full reads only: slapd's overlays change others behind it without a word."""
    if reason := openldap_missing():
        pytest.fail(reason)
    return of_server(ends.enter_context(OpenLdap(people=300)), folder, ends, starts_over={"somebody is deleted"})


def ds389(folder: Path, ends: ExitStack) -> Office:
    """Three hundred people, told by the changelog."""
    if reason := ds389_missing():
        pytest.fail(reason)
    return of_server(ends.enter_context(Ds389(people=300)), folder, ends, starts_over=set())


def of_server(server: LdapServer, folder: Path, ends: ExitStack, *, starts_over: set[str]) -> Office:
    editor = server.editor  # type: ignore[attr-defined]
    settings = {
        "servers": f"[{server.url}]",
        "ca_file": str(server.ca_file),
        **BY_PASSWORD,
        "user": f'"{server.bind_user}"',
        "base": f'["{server.company_dn}", "{server.groups_dn}"]',
    }

    def reader(into: Path, url: str) -> Reader:
        return Reader(into, url, source="ldap", password=server.password, settings=settings)

    delta, whole = beside(folder, ends, reader, reader)
    return Office(
        place=Place(editor=editor, company=server.company_dn, groups=server.groups_dn, number="employeeNumber"),
        delta=delta,
        whole=whole,
        begin=reader,
        settle=lambda: settle(editor),
        starts_over=frozenset(starts_over),
        names_count=True,
    )


Begin = Callable[[Path, str], Reader]


def beside(folder: Path, ends: ExitStack, one: Begin, other: Begin) -> tuple[Reader, Reader]:
    """Return two readers with tenants that are the same to the last id: the second one takes over a copy of the first one's."""
    first = ends.enter_context(SandboxServer(sandbox(folder / "first.json")))
    delta = one(folder / "delta", first.url)
    begin(delta)
    for name in ("first.json", "first.json.log"):
        if (folder / name).exists():
            shutil.copy(folder / name, folder / name.replace("first", "second"))
    # What was adopted was looked at, and what was created was not.
    delta.told("sync", "--fresh")
    second = ends.enter_context(SandboxServer(sandbox(folder / "second.json")))
    whole = other(folder / "whole", second.url)
    begin(whole)
    return delta, whole


def begin(reader: Reader) -> None:
    reader.rule(*_GROUPS_TOO)
    reader.told("sync", "--accept")


def sandbox(file: Path | None = None) -> SandboxSettings:
    return SandboxSettings(qps=None, ip_calls=None, seed=7, state_file=file)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(samba, marks=[pytest.mark.samba, pytest.mark.xdist_group("samba")]),
        pytest.param(openldap, marks=pytest.mark.xdist_group("openldap journey")),
        pytest.param(ds389, marks=pytest.mark.xdist_group("ds389")),
    ],
    ids=["Active Directory", "OpenLDAP", "389"],
)
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with ExitStack() as ends:
        yield request.param(tmp_path_factory.mktemp("directory"), ends)


def test_two_that_begin_on_one_day_have_the_same_tenant(office: Office) -> None:
    assert office.delta.tenant() == office.whole.tenant()
    assert office.delta.planned().changes == office.whole.planned("--full").changes == []


@pytest.mark.parametrize("name", HAPPENINGS)
def test_a_delta_and_a_full_read_plan_the_same_and_only_for_those_concerned(office: Office, name: str) -> None:
    happening = HAPPENINGS[name]
    if happening.only is not None and not isinstance(office.place.editor, happening.only):
        assert not hasattr(office.place.editor, "reanimate")  # who is deleted here has no tombstone to come back from
        return
    happening.do(office.place)
    office.settle()

    told, seen = office.delta.planned(), office.whole.planned("--full")

    assert (told.proven, seen.proven) == (True, True)
    assert (told.full, seen.full) == (name in office.starts_over, True)
    assert told.changes == seen.changes
    assert told.words == list(happening.plan)
    assert told.fingerprint == seen.fingerprint
    assert told.full or told.count <= most(office, name)
    for reader in (office.delta, office.whole):
        assert reader.told("sync")["queue"]["parked"] == 0


def most(office: Office, name: str) -> int:
    """Return how many records a delta may look at."""
    if name == "somebody is deleted":
        return _UNITS_AND_GROUPS
    return _MANY if office.names_count and name in _WIDE else _FEW


def test_in_the_end_all_tenants_are_the_same_and_whoever_begins_now_gets_the_same(
    office: Office, tmp_path: Path
) -> None:
    with SandboxServer(sandbox()) as server:
        scratch = office.begin(tmp_path, server.url)
        begin(scratch)

        assert office.delta.tenant() == office.whole.tenant() == scratch.tenant()


def test_when_nothing_is_taken_for_known_nothing_else_is_planned(office: Office) -> None:
    for reader in (office.delta, office.whole):
        assert reader.planned("--recompute").changes == []
        assert reader.ran("audit", "verify").out.startswith("Sound: ")
