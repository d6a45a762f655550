"""The servers that other tests rely on: each starts, proves who it is, lets the service account in, and shows a change."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ldap3 import BASE, SASL, SUBTREE, Connection, Server

from servers import company
from servers.administrator import Administrator, unverified
from servers.ds389 import CHANGELOG_DN, Ds389
from servers.kerberos import SERVER_NAME, Kerberos
from servers.ldap_server import CAPPED_LIMIT, PLAIN_LIMIT, LdapServer
from servers.openldap import OpenLdap
from servers.samba import BASE_DN, SambaDomain

_TEAM = "ou=South 南,ou=Finance,ou=China 中国"


def names_of_certificate(host: str, port: int, ca_file: Path) -> list[str]:
    """Return what the certificate says, after Python's own verification of it and of the address."""
    trusting = ssl.create_default_context(cafile=str(ca_file))
    with (
        socket.create_connection((host, port), timeout=10) as raw,
        trusting.wrap_socket(raw, server_hostname=host) as line,
    ):
        certificate = line.getpeercert()
    assert certificate is not None
    names: Any = certificate["subjectAltName"]
    return [value for _, value in names]


@contextmanager
def connected(host: str, port: int, **how: Any) -> Iterator[Any]:
    server = Server(host, port=port, use_ssl=True, tls=unverified(), get_info="NO_INFO")
    connection = Connection(server, auto_bind="NONE", receive_timeout=30, **how)
    connection.open()
    assert connection.bind(), connection.result
    try:
        yield connection
    finally:
        connection.unbind()


def seen(server: LdapServer, user: str, filter_: str = "(objectClass=inetOrgPerson)") -> tuple[str, int]:
    """Return the result's name and the number of entries that a user gets with one search."""
    with connected(server.host, server.port, user=user, password=server.password) as connection:
        connection.search(server.base_dn, filter_, SUBTREE, attributes=["1.1"])
        return connection.result["description"], len(connection.response)


def journey(editor: Administrator, *, company_dn: str) -> None:
    """Make what journeys are made of: whatever an administrator says must have happened."""
    unit = editor.add_unit("Branch, Example", above=company_dn)
    person = editor.add("joiner", name="Example Joiner", unit=unit)
    boss, group = editor.dn("user0001"), f"CN=Example Readers,{unit}"
    editor.add_group("Example Readers", unit=unit, members=[boss])
    editor.join(group, editor.dn("joiner"))
    editor.leave(group, boss)
    editor.set_manager("joiner", boss="user0001")
    editor.modify("joiner", title="Analyst")
    assert editor.values(editor.dn("joiner"), "memberOf")
    assert editor.values(editor.dn("joiner"), "manager")
    editor.modify("joiner", title=None)
    assert editor.values(editor.dn("joiner"), "title") == []
    editor.rename_login("joiner", to="renamed")
    moved = editor.rename_unit(unit, name="Branch, renamed")
    editor.move("renamed", unit=company_dn)
    assert editor.guid("renamed") == person
    assert editor.dn("renamed").lower().endswith(company_dn.lower())
    editor.delete_dn(moved)
    editor.delete("renamed")
    assert not editor.exists(moved)
    assert len(editor.logins(base=company_dn)) == company.PEOPLE


def test_openldap_lets_the_service_account_in_over_tls_and_does_what_administrators_say(openldap: OpenLdap) -> None:
    assert openldap.host in names_of_certificate(openldap.host, openldap.port, openldap.ca_file)
    assert seen(openldap, openldap.bind_user) == ("success", company.PEOPLE)
    journey(openldap.editor, company_dn=openldap.company_dn)


def test_openldap_limits_plain_users_hides_what_is_denied_and_goes_back_to_a_copy(own_openldap: OpenLdap) -> None:
    server, editor = own_openldap, own_openldap.editor
    assert seen(server, server.plain_user) == ("sizeLimitExceeded", PLAIN_LIMIT)
    assert seen(server, server.capped_user) == ("sizeLimitExceeded", CAPPED_LIMIT)
    team = f"{_TEAM},{server.company_dn}"
    one = "(uid=user0005)"
    assert (seen(server, server.plain_user, one), editor.dn("user0005")) == (("success", 1), f"uid=user0005,{team}")
    server.deny(team, user=server.plain_user)
    assert (seen(server, server.plain_user, one), seen(server, server.bind_user, one)) == (
        ("success", 0),
        ("success", 1),
    )
    server.allow()
    copy = server.copy()
    editor.delete("user0005")
    server.kill()
    server.start()
    assert seen(server, server.plain_user, one) == ("success", 0)
    server.restore(copy)
    assert seen(server, server.plain_user, one) == ("success", 1)


@pytest.mark.xdist_group("ds389")
def test_389_lets_the_service_account_in_over_tls_and_tells_it_by_lasting_ids_what_administrators_did(
    ds389: Ds389,
) -> None:
    assert ds389.host in names_of_certificate(ds389.host, ds389.port, ds389.ca_file)
    assert seen(ds389, ds389.bind_user) == ("success", company.PEOPLE)
    journey(ds389.editor, company_dn=ds389.company_dn)
    ds389.editor.modify("user0700", title="Analyst")
    with connected(ds389.host, ds389.port, user=ds389.bind_user, password=ds389.password) as connection:
        connection.search("", "(objectClass=*)", BASE, attributes=["lastChangeNumber"])
        last = connection.response[0]["raw_attributes"]["lastChangeNumber"][0].decode()
        connection.search(CHANGELOG_DN, f"(changeNumber={last})", SUBTREE, attributes=["targetUniqueId"])
        (told,) = connection.response
    (identity,) = told["raw_attributes"]["targetUniqueId"]
    assert identity.decode() == ds389.editor.guid("user0700")
    assert seen(ds389, ds389.plain_user) == ("sizeLimitExceeded", PLAIN_LIMIT)
    assert seen(ds389, ds389.capped_user) == ("adminLimitExceeded", CAPPED_LIMIT)


@pytest.mark.samba
@pytest.mark.xdist_group("samba")
def test_a_ticket_opens_active_directory_over_tls(samba_domain: SambaDomain, kerberos: Kerberos) -> None:
    how = {"authentication": SASL, "sasl_mechanism": "GSSAPI", "sasl_credentials": (SERVER_NAME,)}
    with connected(samba_domain.host, 636, **how) as connection:
        connection.search(BASE_DN, "(sAMAccountName=svc-syncd)", SUBTREE, attributes=["sAMAccountName"])
        (found,) = [each for each in connection.response if each["type"] == "searchResEntry"]
    assert found["raw_attributes"]["sAMAccountName"] == [b"svc-syncd"]
    kerberos.forget_tickets()
    kerberos.export_keytab()
    with connected(samba_domain.host, 636, **how):
        """A service needs no kinit: its keytab is enough."""


@pytest.mark.samba
@pytest.mark.xdist_group("samba")
def test_a_second_controller_has_the_same_people_and_another_origin_of_changes(own_domain: SambaDomain) -> None:
    copy = own_domain.copy()
    joiner = own_domain.editor.add("joiner", name="Example Joiner", unit=BASE_DN)
    with own_domain.twin(copy, another=True) as twin:
        assert twin.editor.guid("user0002") == own_domain.editor.guid("user0002")
        assert names_of_certificate(twin.host, 636, own_domain.ca_file) == ["dc1.corp.example.com", twin.host]
        assert twin.invocation_id() != own_domain.invocation_id()
        assert not twin.editor.exists(f"<GUID={joiner}>")
    own_domain.editor.delete("joiner")
    own_domain.editor.reanimate(joiner, name="Example Joiner", unit=BASE_DN, sAMAccountName="joiner")
    assert own_domain.editor.guid("joiner") == joiner
