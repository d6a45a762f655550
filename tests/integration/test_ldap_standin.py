"""Whether the stand-in is one: judged by clients that we did not write, OpenLDAP's `ldapsearch` and ldap3 as it is sold.

What is expected here is what [MS-ADTS] says of a domain controller; where Samba is laxer, these are the tests that Samba fails.
"""

from __future__ import annotations

import base64
import re
import shutil
import ssl
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ldap3
import pytest
from ldap3.core.exceptions import LDAPException

from servers.ldap_standin import (
    BASE,
    Become,
    Cut,
    Drop,
    Empty,
    Fault,
    Refuse,
    Repeat,
    Rot,
    Silence,
    Slow,
    Standin,
    State,
    Step,
    Unpaged,
)
from servers.ldap_standin_company import COMPANY, GROUPS, company, person, team

PEOPLE = "(&(objectCategory=person)(objectClass=user))"
SHOW_DELETED = ("1.2.840.113556.1.4.417", True, None)


@pytest.fixture
def standin(certificate: tuple[Path, Path]) -> Iterator[Standin]:
    """Thirty people."""
    with Standin(company(30), certificate=certificate) as server:
        yield server


@pytest.fixture(scope="module")
def large(certificate: tuple[Path, Path]) -> Iterator[Standin]:
    """More people than MaxPageSize and MaxValRange. Nobody changes it."""
    with Standin(company(2300), certificate=certificate) as server:
        yield server


# --- ldapsearch -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Found:
    """What ldapsearch ended with and printed."""

    code: int
    out: str
    errors: str

    @property
    def names(self) -> list[str]:
        found = re.findall(r"^dn(::?) (.*)$", self.out, re.MULTILINE)
        return [base64.b64decode(text).decode() if colons == "::" else text for colons, text in found]

    def values(self, attribute: str) -> list[str]:
        found = re.findall(rf"^{re.escape(attribute)}(::?) (.*)$", self.out, re.MULTILINE | re.IGNORECASE)
        return [base64.b64decode(text).decode(errors="replace") if colons == "::" else text for colons, text in found]


def ldapsearch(server: Standin, *words: str, password: str = "", url: str = "") -> Found:
    program = shutil.which("ldapsearch")
    if program is None:
        pytest.fail("ldapsearch is not installed (apt-get install ldap-utils)")
    account = server.account
    bound = ["-x", "-H", url or server.url, "-D", account.name, "-w", password or account.password]
    done = subprocess.run(
        [program, "-LLL", "-o", "ldif-wrap=no", "-o", "nettimeout=10", *bound, *words],
        capture_output=True,
        text=True,
        env={"LDAPTLS_REQCERT": "never"},
        timeout=60,
        check=False,
    )
    return Found(code=done.returncode, out=done.stdout, errors=done.stderr)


def test_ldapsearch_reads_the_servers_own_entry_and_finds_what_a_domain_controller_says(standin: Standin) -> None:
    found = ldapsearch(standin, "-b", "", "-s", "base")
    assert found.code == 0
    assert found.values("defaultNamingContext") == [BASE]
    assert found.values("isSynchronized") == ["TRUE"]
    assert "1.2.840.113556.1.4.800" in found.values("supportedCapabilities")
    (service,) = found.values("dsServiceName")
    shown = ldapsearch(standin, "-b", service, "-s", "base", "invocationId")
    assert f"invocationId:: {base64.b64encode(standin.replica.invocation.bytes_le).decode()}\n" in shown.out


@pytest.mark.parametrize(
    ("filter_", "count"),
    [
        (PEOPLE, 30),
        ("(sAMAccountName=USER0007)", 1),
        ("(sAMAccountName=user000*)", 9),
        ("(mail=*0@example.com)", 3),
        ("(displayName=*oh 00*2*)", 12),
        (f"(manager=CN=Contoh 0001,{COMPANY})", 29),
        (f"(manager=cn=contoh  0001, {COMPANY.lower()})", 0),
        (f"(manager=cn=contoh 0001, {COMPANY.lower()})", 29),
        (f"(memberOf:1.2.840.113556.1.4.1941:=CN=Everybody,{GROUPS})", 31),
        ("(userAccountControl:1.2.840.113556.1.4.803:=512)", 30),
        ("(userAccountControl:1.2.840.113556.1.4.803:=2)", 0),
        ("(!(objectClass=*))", 0),
        ("(&(objectClass=user)(!(title=*)))", 29),
        ("(objectClass=computer)", 0),
        ("(|(ou=North 北)(cn=Everybody))", 2),
    ],
)
def test_filters_find_what_they_say(standin: Standin, filter_: str, count: int) -> None:
    assert len(ldapsearch(standin, "-b", BASE, filter_, "1.1").names) == count


def test_scopes_reach_as_far_as_they_say(standin: Standin) -> None:
    counts = {
        scope: len(ldapsearch(standin, "-b", COMPANY, "-s", scope, "1.1").names) for scope in ("base", "one", "sub")
    }
    assert counts == {"base": 1, "one": 4, "sub": 34}


def test_paging_brings_everybody_once_and_no_page_is_larger_than_a_thousand(large: Standin) -> None:
    begun = len(large.log)
    found = ldapsearch(large, "-b", BASE, "-E", "pr=5000/noprompt", PEOPLE, "1.1")
    assert (found.code, len(found.names), len(set(found.names))) == (0, 2300, 2300)
    pages = [each.count for each in large.log[begun:] if each.step is Step.PAGE]
    assert pages == [1000, 1000, 300]


def test_a_search_without_pages_ends_at_a_thousand_with_an_error_and_a_thousand_entries(large: Standin) -> None:
    found = ldapsearch(large, "-b", BASE, PEOPLE, "1.1")
    assert (found.code, len(found.names)) == (4, 1000)


def test_a_client_may_ask_for_less(large: Standin) -> None:
    found = ldapsearch(large, "-b", BASE, "-z", "7", PEOPLE, "1.1")
    assert (found.code, len(found.names)) == (4, 7)


def test_a_group_of_many_shows_its_members_in_ranges_although_nobody_asked(large: Standin) -> None:
    group = f"CN=All Staff,{GROUPS}"
    unasked = ldapsearch(large, "-b", group, "(objectClass=*)", "member")
    assert len(unasked.values("member;range=0-1499")) == 1500
    rest = ldapsearch(large, "-b", group, "(objectClass=*)", "member;range=1500-*")
    assert len(rest.values("member;range=1500-*")) == 800
    part = ldapsearch(large, "-b", group, "(objectClass=*)", "member;range=10-19")
    assert part.values("member;range=10-19") == unasked.values("member;range=0-1499")[10:20]


def test_pages_can_be_sorted_by_the_server(large: Standin) -> None:
    found = ldapsearch(
        large, "-b", BASE, "-E", "sss=-sAMAccountName", "-E", "pr=1000/noprompt", PEOPLE, "sAMAccountName"
    )
    logins = found.values("sAMAccountName")
    assert logins == sorted(logins, reverse=True)
    assert len(logins) == 2300


def test_too_much_to_sort_is_refused_and_not_cut(standin: Standin) -> None:
    standin.limits.max_temp_table = 20
    assert ldapsearch(standin, "-b", BASE, "-E", "!sss=sn", PEOPLE).code == 12


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State.PASSWORD_EXPIRED, "532"),
        (State.DISABLED, "533"),
        (State.EXPIRED, "701"),
        (State.MUST_CHANGE, "773"),
        (State.LOCKED, "775"),
    ],
)
def test_a_refused_log_on_has_the_sub_code_of_its_reason(standin: Standin, state: State, word: str) -> None:
    standin.account.state = state
    found = ldapsearch(standin, "-b", BASE)
    assert found.code == 49
    assert f"AcceptSecurityContext error, data {word}," in found.errors
    # With a wrong password nothing more is said, whatever the account's state.
    assert "data 52e" in ldapsearch(standin, "-b", BASE, password="wrong").errors


def test_a_password_in_plain_text_is_refused_and_start_tls_is_not(standin: Standin) -> None:
    assert ldapsearch(standin, "-b", BASE, url=standin.plain_url).code == 8
    assert len(ldapsearch(standin, "-ZZ", "-b", BASE, PEOPLE, "1.1", url=standin.plain_url).names) == 30
    standin.requires_tls = False
    assert ldapsearch(standin, "-b", BASE, "-s", "base", url=standin.plain_url).code == 0


def test_nobody_sees_anything_before_a_bind(standin: Standin) -> None:
    words = ["ldapsearch", "-x", "-H", standin.plain_url, "-b", BASE]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "successful bind must be completed" in done.stdout


def test_a_base_that_is_not_there_names_what_is_and_another_domain_is_a_referral(standin: Standin) -> None:
    missing = ldapsearch(standin, "-b", f"OU=Compnay,{BASE}")
    assert (missing.code, f"Matched DN: {BASE}" in missing.errors) == (32, True)
    standin.replica.below.append(f"DC=asia,{BASE}")
    elsewhere = ldapsearch(standin, "-b", f"OU=X,DC=asia,{BASE}")
    assert elsewhere.code == 10
    assert "ldap://asia.corp.example.com/" in elsewhere.out + elsewhere.errors
    assert ldapsearch(standin, "-b", "DC=other,DC=test").code == 10


def test_a_search_of_the_whole_domain_ends_with_where_it_could_go_on(standin: Standin) -> None:
    standin.replica.below.append(f"DC=asia,{BASE}")
    found = ldapsearch(standin, "-b", BASE, "-E", "pr=10/noprompt", PEOPLE, "1.1")
    assert f"ref: ldap://asia.corp.example.com/DC=asia,{BASE}" in found.out.replace("# refldap", "ref: ldap")
    assert found.out.count("refldap") + found.out.count("ref: ldap") == 4
    below = ldapsearch(standin, "-b", COMPANY, PEOPLE, "1.1")
    assert "ldap://" not in below.out


def test_an_object_is_found_by_its_identity_whatever_its_name_is(standin: Standin) -> None:
    node = standin.replica.named("user0005")
    standin.replica.rename(node, 'CN=A "b"\\, c + d <e>; \\# f \\\\ g=h', above=COMPANY)
    found = ldapsearch(standin, "-b", f"<GUID={node.guid}>", "-s", "base", "cn")
    assert found.values("cn") == ['A "b", c + d <e>; # f \\ g=h']
    assert ldapsearch(standin, "-b", found.names[0], "-s", "base", "1.1").names == found.names


def test_a_hidden_subtree_is_missing_without_a_word(standin: Standin) -> None:
    standin.account.hidden.add(team(0))
    standin.account.hidden_attributes.add("mobile")
    found = ldapsearch(standin, "-b", BASE, "-E", "pr=10/noprompt", PEOPLE, "mobile")
    assert (found.code, len(found.names), found.values("mobile")) == (0, 20, [])
    assert ldapsearch(standin, "-b", team(0)).code == 32


def test_an_unknown_control_is_refused_if_it_is_critical_and_passed_over_if_not(standin: Standin) -> None:
    assert ldapsearch(standin, "-b", BASE, "-s", "base", "-E", "!1.2.3.4").code == 12
    assert ldapsearch(standin, "-b", BASE, "-s", "base", "-E", "1.2.3.4").code == 0


# --- ldap3 ------------------------------------------------------------------------------------------------------------


@contextmanager
def bound(server: Standin, **options: Any) -> Iterator[Any]:
    tls = ldap3.Tls(validate=ssl.CERT_NONE)
    host = ldap3.Server(server.host, server.port, use_ssl=True, tls=tls, get_info=ldap3.NONE)
    usual = {"check_names": False, "return_empty_attributes": False, "receive_timeout": 10}
    connection = ldap3.Connection(host, server.account.name, server.account.password, **{**usual, **options})
    assert connection.bind(), connection.result
    try:
        yield connection
    finally:
        connection.unbind()


def page(connection: Any, cookie: bytes | None = None, *, filter_: str = PEOPLE, size: int = 10) -> list[str]:
    connection.search(BASE, filter_, attributes=["1.1"], paged_size=size, paged_cookie=cookie)
    return [each["dn"] for each in connection.response if each["type"] == "searchResEntry"]


def cookie_of(connection: Any) -> bytes:
    cookie: bytes = connection.result["controls"]["1.2.840.113556.1.4.319"]["value"]["cookie"]
    return cookie


def test_a_pages_cookie_is_good_once_on_its_connection_for_its_search(standin: Standin) -> None:
    with bound(standin) as one, bound(standin) as other:
        assert len(page(one)) == 10
        cookie = cookie_of(one)
        assert page(other, cookie) == []
        assert other.result["result"] == 12
        assert page(one, cookie, filter_="(objectClass=group)") == []
        assert one.result["result"] == 12
        page(one)
        assert len(page(one, again := cookie_of(one))) == 10
        assert page(one, again) == []


def test_too_many_unfinished_searches_on_one_connection_push_the_oldest_out(standin: Standin) -> None:
    with bound(standin) as connection:
        page(connection)
        first = cookie_of(connection)
        for _ in range(standin.limits.max_result_sets):
            page(connection)
        assert page(connection, first) == []
        assert len(page(connection, cookie_of_last(standin, connection))) == 10


def cookie_of_last(standin: Standin, connection: Any) -> bytes:
    page(connection)
    return cookie_of(connection)


def test_extended_names_carry_the_identities_of_the_object_and_of_whom_it_names(standin: Standin) -> None:
    boss, one = standin.replica.named("user0001"), standin.replica.named("user0002")
    control = ldap3.protocol.microsoft.extended_dn_control(criticality=True)
    with bound(standin) as connection:
        connection.search(BASE, "(sAMAccountName=user0002)", attributes=["manager"], controls=[control])
        (entry, *_) = connection.response
    assert entry["dn"].startswith(f"<GUID={one.guid}>;<SID=S-1-5-21-")
    assert entry["dn"].endswith(f";CN=Contoh 0002,{team(2)}")
    (manager,) = entry["attributes"]["manager"]
    assert manager.startswith(f"<GUID={boss.guid}>;<SID=S-1-5-21-")
    assert manager.endswith(f";CN=Contoh 0001,{COMPANY}")


def test_deleted_objects_are_shown_to_who_asks_and_has_the_right(standin: Standin) -> None:
    gone = standin.replica.named("user0003")
    standin.replica.delete(gone)

    def look(*controls: object) -> list[Any]:
        with bound(standin) as connection:
            connection.search(BASE, "(isDeleted=TRUE)", attributes=["*"], controls=list(controls))
            return [each for each in connection.response if "CN=Contoh" in each.get("dn", "")]

    assert look() == []
    (tombstone,) = look(SHOW_DELETED)
    assert tombstone["dn"] == f"CN=Contoh 0003\\0ADEL:{gone.guid},CN=Deleted Objects,{BASE}"
    assert {"sAMAccountName", "objectSid"} <= set(tombstone["attributes"])
    assert not {"mail", "manager", "memberOf", "objectCategory"} & set(tombstone["attributes"])
    standin.account.sees_deleted = False
    assert look(SHOW_DELETED) == []


Batch = dict[str, dict[str, Any]]


class Sync:
    """ldap3's own DirSync, from batch to batch."""

    def __init__(self, connection: Any, cookie: bytes = b"", **options: Any) -> None:
        usual = {"sync_filter": "(objectClass=*)", "attributes": ["*"], "cookie": cookie or None, "max_length": 0}
        self.of: Any = connection.extend.microsoft.dir_sync(BASE, **{**usual, **options})

    def batch(self) -> Batch:
        entries = [each for each in self.of.loop() if each["type"] == "searchResEntry"]
        # ldap3 says None for an attribute that comes without a value.
        return {
            each["dn"].rpartition(">;")[2]: {name: values or [] for name, values in each["raw_attributes"].items()}
            for each in entries
        }

    def everything(self) -> Batch:
        found: Batch = {}
        while self.of.more_results:
            found |= self.batch()
        return found


def test_dir_sync_tells_everything_once_and_then_what_changed(standin: Standin) -> None:
    replica = standin.replica
    with bound(standin) as connection:
        sync = Sync(connection, attributes=["name", "title", "manager", "isDeleted"], incremental_values=False)
        assert sum("OU=" in name for name in sync.everything()) == 38
        assert sync.batch() == {}
        replica.modify(replica.named("user0001"), title=None)
        replica.modify(replica.named("user0002"), title="Kepala", manager=None)
        replica.rename(replica.named("user0004"), "CN=Baru", above=COMPANY)
        replica.delete(replica.named("user0005"))
        replica.rename(team(0), "OU=Renamed")
        told = sync.batch()
    by_name = {name.partition(",")[0]: shown for name, shown in told.items()}
    assert set(by_name) == {"CN=Contoh 0001", "CN=Contoh 0002", "CN=Baru", "OU=Renamed", next(iter_deleted(told))}
    assert by_name["CN=Contoh 0001"]["title"] == []
    assert (by_name["CN=Contoh 0002"]["title"], by_name["CN=Contoh 0002"]["manager"]) == ([b"Kepala"], [])
    assert {"name", "parentGUID", "objectGUID", "instanceType"} == set(by_name["CN=Baru"])
    # The people below the renamed unit did not change, although their names did.
    assert by_name["OU=Renamed"]["name"] == [b"Renamed"]


def iter_deleted(told: Batch) -> Iterator[str]:
    return (name.partition(",")[0] for name, shown in told.items() if shown.get("isDeleted") == [b"TRUE"])


def test_dir_sync_tells_members_that_came_and_went(standin: Standin) -> None:
    replica, group = standin.replica, f"CN=All Staff,{GROUPS}"
    with bound(standin) as connection:
        sync = Sync(connection, attributes=["member"])
        assert len(sync.everything()[group]["member;range=1-1"]) == 30
        replica.part(group, f"CN=Contoh 0002,{team(2)}")
        replica.join(group, person(replica, 99, above=COMPANY))
        told = sync.batch()
    (came,), (went,) = told[group]["member;range=1-1"], told[group]["member;range=0-0"]
    assert came.decode().endswith(f";CN=Contoh 0099,{COMPANY}")
    assert went.decode().endswith(f";CN=Contoh 0002,{team(2)}")


def test_dir_sync_comes_in_batches_and_says_whether_more_follow(standin: Standin) -> None:
    standin.limits.dirsync_bytes = 3000
    with bound(standin) as connection:
        sync = Sync(connection)
        first = sync.batch()
        assert 0 < len(first) < 30
        assert sync.of.more_results
        # What changes meanwhile is told, too: once more if it was told before.
        standin.replica.modify(standin.replica.named("user0001"), title="Meanwhile")
        rest = sync.everything()
    assert len({name for name in {**first, **rest} if "CN=Contoh" in name}) == 30
    assert rest[f"CN=Contoh 0001,{COMPANY}"]["title"] == [b"Meanwhile"]
    assert len(standin.asked(Step.DIRSYNC)) > 3


def test_a_dir_sync_cookie_goes_on_at_another_controller_and_misses_nothing(
    standin: Standin, certificate: tuple[Path, Path]
) -> None:
    replica = standin.replica
    second = replica.twin("DC2")
    with Standin(second, certificate=certificate, account=standin.account) as other:
        with bound(standin) as connection:
            sync = Sync(connection, attributes=["name", "title"])
            sync.everything()
            replica.modify(replica.named("user0001"), title="Told by the first")
            assert len(sync.batch()) == 1
            replica.modify(replica.named("user0002"), title="Not told yet")
            second.modify(second.named("user0003"), title="Made at the second")
            cookie = sync.of.cookie
        with bound(other) as connection:
            # It is behind: it has heard of neither of the first one's changes.
            assert titles(Sync(connection, cookie, attributes=["name", "title"]).everything()) == ["Made at the second"]
            second.replicate_from(replica)
            again = Sync(connection, cookie, attributes=["name", "title"])
            assert titles(again.everything()) == ["Made at the second", "Not told yet"]
            assert again.batch() == {}
        replica.replicate_from(second)
        assert titles_of(replica) == titles_of(second)


def titles(batch: Batch) -> list[str]:
    return sorted(shown["title"][0].decode() for shown in batch.values())


def titles_of(replica: Any) -> dict[uuid.UUID, str]:
    return {guid: node.text("title") for guid, node in replica.nodes.items()}


@pytest.mark.parametrize(
    ("base", "secure", "replicates", "cookie", "code"),
    [
        (COMPANY, False, True, b"", 50),
        (COMPANY, True, True, b"", 53),
        (BASE, False, False, b"", 50),
        (BASE, True, False, b"", 0),
        (BASE, False, True, b"garbage", 12),
        (BASE, False, True, b"MSDSgarbage", 12),
    ],
)
def test_dir_sync_is_refused_as_a_domain_controller_refuses_it(
    standin: Standin, base: str, secure: bool, replicates: bool, cookie: bytes, code: int
) -> None:
    standin.account.replicates = replicates
    control = ldap3.protocol.microsoft.dir_sync_control(True, secure, False, False, True, 0, cookie)
    with bound(standin) as connection:
        connection.search(base, PEOPLE, attributes=["name"], controls=[control])
        assert connection.result["result"] == code


def test_dir_sync_with_object_security_shows_what_the_account_may_see(standin: Standin) -> None:
    standin.account.hidden.add(team(0))
    standin.account.sees_deleted = False
    standin.replica.delete(standin.replica.named("user0001"))
    filter_ = "(objectClass=user)"
    with bound(standin) as connection:
        assert len(Sync(connection, sync_filter=filter_, object_security=True).everything()) == 19
        assert len(Sync(connection, sync_filter=filter_, object_security=False).everything()) == 30


def test_a_reanimated_person_is_told_and_is_who_she_was(standin: Standin) -> None:
    node = standin.replica.named("user0005")
    standin.replica.delete(node)
    with bound(standin) as connection:
        sync = Sync(connection, attributes=["name", "isDeleted"])
        sync.everything()
        standin.replica.reanimate(node)
        ((name, shown),) = sync.batch().items()
    assert name == f"CN=Contoh 0005,{team(5)}"
    assert (shown["isDeleted"], shown["objectGUID"]) == ([], [node.guid.bytes_le])


# --- faults -----------------------------------------------------------------------------------------------------------


def walk(connection: Any) -> list[str]:
    found, cookie = page(connection), cookie_of(connection)
    while cookie:
        found += page(connection, cookie)
        if connection.result["result"]:
            return [*found, f"result {connection.result['result']}"]
        cookie = cookie_of(connection)
    return found


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_a_connection_is_cut_at_the_page_that_was_said(standin: Standin, reset: bool, inside: bool) -> None:
    standin.script(Fault(at=Step.PAGE, nth=2, do=Cut(keep=3, reset=reset, inside=inside)))
    with bound(standin) as connection:
        assert len(page(connection)) == 10
        with pytest.raises(LDAPException):
            page(connection, cookie_of(connection))
    with bound(standin) as connection:
        assert len(walk(connection)) == 30


def test_a_silent_server_is_noticed_by_the_clients_clock_only(standin: Standin) -> None:
    standin.script(Fault(at=Step.PAGE, do=Silence(keep=2)))
    with bound(standin, receive_timeout=1) as connection, pytest.raises(LDAPException):
        page(connection)


@pytest.mark.parametrize("code", [3, 4, 11, 51, 52, 80])
def test_a_page_ends_with_the_code_that_was_said_and_the_entries_that_were_left(standin: Standin, code: int) -> None:
    standin.script(Fault(at=Step.PAGE, nth=3, do=Refuse(code=code, keep=4)))
    with bound(standin) as connection:
        assert walk(connection)[20:] == [*page_names(standin)[20:24], f"result {code}"]


def page_names(standin: Standin) -> list[str]:
    with bound(standin) as connection:
        return page(connection, size=1000)


def test_entries_disappear_pages_are_repeated_and_answers_are_empty_without_any_error(standin: Standin) -> None:
    everybody = page_names(standin)
    with bound(standin) as connection:
        standin.script(Fault(at=Step.PAGE, nth=2, do=Drop(count=2, names=("0013",))))
        assert walk(connection) == [*everybody[:12], *everybody[13:18], *everybody[20:]]
        standin.script(Fault(at=Step.PAGE, nth=2, do=Repeat()))
        assert walk(connection) == [*everybody[:10], *everybody[:10], *everybody[20:]]
        standin.script(Fault(at=Step.PAGE, nth=2, do=Empty()))
        assert walk(connection) == everybody[:10]
        standin.script(Fault(at=Step.PAGE, do=Unpaged()))
        page(connection)
        assert "controls" not in connection.result


def test_the_same_address_becomes_another_server_and_an_older_state(standin: Standin) -> None:
    old = standin.replica.restored(properly=False)
    usn = standin.replica.usn
    standin.replica.modify(standin.replica.named("user0001"), title="Later")
    standin.script(Fault(at=Step.ROOT, nth=2, do=Become(replica=old)))
    seen = [ldapsearch(standin, "-b", "", "-s", "base").values("highestCommittedUSN") for _ in range(2)]
    assert seen == [[str(usn + 1)], [str(usn)]]
    assert old.invocation == standin.replica.invocation
    assert standin.replica.restored(properly=True).invocation != standin.replica.invocation


def test_a_flipped_bit_reaches_the_client(standin: Standin) -> None:
    standin.script(Fault(at=Step.OBJECT, do=Rot(at=-1, bit=3), nth=2))
    whole, rotten = (ldapsearch(standin, "-b", COMPANY, "-s", "base", "ou") for _ in range(2))
    assert whole.code == 0
    assert (rotten.code, rotten.errors) == (1, "ldap_parse_result: Decoding error (-4)\n")


def test_a_slow_page_comes_and_a_fault_for_others_passes_by(standin: Standin) -> None:
    standin.script(
        Fault(at=Step.PAGE, do=Slow(seconds=0.2), times=None), Fault(at=Step.PAGE, do=Empty(), where="group")
    )
    with bound(standin) as connection:
        assert len(walk(connection)) == 30


def test_a_stopped_server_is_gone_and_comes_back_at_its_address(standin: Standin) -> None:
    standin.stop()
    assert ldapsearch(standin, "-b", BASE, "-s", "base").code == 255
    standin.start()
    assert ldapsearch(standin, "-b", BASE, "-s", "base").code == 0


def test_the_log_says_who_asked_for_what(standin: Standin) -> None:
    with bound(standin) as connection:
        page(connection)
    (asked,) = standin.asked(Step.PAGE)
    assert (asked.base, asked.filter, asked.count, asked.code) == (BASE, PEOPLE, 10, 0)
    assert asked.controls == {"1.2.840.113556.1.4.319"}
    assert standin.asked(Step.BIND)[0].base == standin.account.name
