"""A whole directory through TLS, read by either decoder: lengths of four bytes as domain controllers write them, TLS records that
end in the middle of messages, pages, and a group of which the server gives its members in ranges only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.certificates import Authority
from servers.ldap_standin import BASE, Standin
from servers.ldap_standin_company import company
from syncd_active_directory.entry import RawEntry, fingerprint
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.trust import trust
from syncd_active_directory.wire import Wire

PEOPLE = 1600
"""More than MaxPageSize and MaxValRange."""


@pytest.fixture(scope="module")
def standin(authority: Authority) -> Iterator[Standin]:
    """Nobody changes it."""
    with Standin.trusted(company(PEOPLE), authority) as server:
        yield server


def read(address: str, authority: Authority, standin: Standin, folder: Path, *, decoding: str) -> list[RawEntry]:
    (folder / "password").write_text(standin.account.password, encoding="ascii")
    settings = DirectorySettings.model_validate(
        {
            "servers": address,
            "start_tls": address.startswith("ldap://"),
            "user": standin.account.name,
            "password": {"file": str(folder / "password")},
            "base": BASE,
            "decoding": decoding,
            "receive_seconds": 10,
        }
    )
    wire = Wire(address, settings, trust(authority.ca_file))
    wire.connect()
    try:
        wire.bind()
        wanted = ["objectClass", "objectGUID", "displayName", "manager", "member", "memberOf", "whenChanged"]
        pages = wire.pages(base=BASE, filter_="(objectClass=*)", wanted=wanted, doing="reading everything")
        return [entry for page in pages for entry in page.entries]
    finally:
        wire.close()


@pytest.mark.parametrize("secure", ["ldaps", "StartTLS"])
def test_either_decoder_reads_the_same_directory(
    authority: Authority, standin: Standin, tmp_path: Path, secure: str
) -> None:
    address = standin.url if secure == "ldaps" else standin.plain_url
    fast, again, stock = (
        read(address, authority, standin, tmp_path, decoding=each) for each in ("fast", "fast", "ldap3")
    )
    assert len(fast) > PEOPLE
    assert [(each.dn, each.attributes) for each in fast] == [(each.dn, each.attributes) for each in stock]
    assert [fingerprint(each, "", b"") for each in fast] == [fingerprint(each, "", b"") for each in again]
    (members,) = (each.attributes["member"] for each in fast if each.dn.startswith("CN=All Staff,"))
    assert len(set(members)) == PEOPLE
