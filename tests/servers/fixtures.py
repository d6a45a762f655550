"""Real servers as pytest fixtures. A test that asks for a domain carries `@pytest.mark.samba` and `xdist_group("samba")`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.certificates import Authority
from servers.ds389 import Ds389
from servers.ds389 import missing as ds389_missing
from servers.kerberos import Kerberos
from servers.kerberos import missing as kerberos_missing
from servers.openldap import OpenLdap
from servers.openldap import missing as openldap_missing
from servers.samba import SambaDomain, missing


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates of stand-ins."""
    return Authority.create(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> tuple[Path, Path]:
    """Certificate and key of a stand-in on loopback."""
    return authority.issue("standin", ip="127.0.0.1")


@pytest.fixture(scope="session")
def samba_domain() -> Iterator[SambaDomain]:
    """A running domain with the example company. Tests that change it leave it as they found it, or count on no one."""
    if reason := missing():
        pytest.fail(f"{reason}; leave these tests out with -m 'not samba'")
    with SambaDomain() as domain:
        yield domain


@pytest.fixture
def own_domain() -> Iterator[SambaDomain]:
    """A running domain of the test's own, to break at will. About a second."""
    if reason := missing():
        pytest.fail(f"{reason}; leave these tests out with -m 'not samba'")
    with SambaDomain() as domain:
        yield domain


@pytest.fixture(scope="session")
def large_domain() -> Iterator[SambaDomain]:
    """A running domain with 2,000 people, some 330 of them in each division. It takes half a minute to be made once."""
    if reason := missing():
        pytest.fail(f"{reason}; leave these tests out with -m 'not samba'")
    with SambaDomain(people=2000) as domain:
        yield domain


@pytest.fixture
def kerberos(samba_domain: SambaDomain, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kerberos]:
    """A ticket of the service account for `samba_domain`, which GSSAPI in this process uses."""
    if reason := kerberos_missing():
        pytest.fail(reason)
    with Kerberos(samba_domain) as client:
        for name, value in client.environment.items():
            monkeypatch.setenv(name, value)
        client.ask_for_ticket()
        yield client


@pytest.fixture(scope="session")
def openldap() -> Iterator[OpenLdap]:
    """A running OpenLDAP with the example company. Tests that change it leave it as they found it, or count on no one."""
    if reason := openldap_missing():
        pytest.fail(reason)
    with OpenLdap() as server:
        yield server


@pytest.fixture
def own_openldap() -> Iterator[OpenLdap]:
    """A running OpenLDAP of the test's own, to break at will. Well under a second."""
    if reason := openldap_missing():
        pytest.fail(reason)
    with OpenLdap() as server:
        yield server


@pytest.fixture(scope="session")
def ds389() -> Iterator[Ds389]:
    """A running 389 Directory Server with the example company, as `openldap`. Needs root."""
    if reason := ds389_missing():
        pytest.fail(reason)
    with Ds389() as server:
        yield server


@pytest.fixture
def own_ds389() -> Iterator[Ds389]:
    """A running 389 Directory Server of the test's own, to break at will. About a second."""
    if reason := ds389_missing():
        pytest.fail(reason)
    with Ds389() as server:
        yield server
