"""The certificate that a directory server really showed, as the alerts hear of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from servers.certificates import Authority
from servers.ldap_standin import BASE, Standin
from servers.ldap_standin_company import company
from syncd.config.ending import end_of
from syncd.core.ending import Ending
from syncd.core.ports import Room
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.source import ActiveDirectory


def test_what_a_server_showed_in_the_handshake_is_told_also_between_reads(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    with Standin.trusted(company(3), authority) as server:
        (tmp_path / "password").write_text(server.account.password, encoding="ascii")
        settings = DirectorySettings.model_validate(
            {
                "servers": server.url,
                "user": server.account.name,
                "password": {"file": str(tmp_path / "password")},
                "base": BASE,
                "ca_file": str(authority.ca_file),
            }
        )
        room = Room(name="ad", now=lambda: datetime.now(UTC), base=tmp_path)

        async def story() -> dict[str, datetime]:
            async with ActiveDirectory(settings, room) as source:
                assert isinstance(source, Ending)
                assert source.ends() == {}, "nobody has been asked yet"
                assert [page async for page in source.read(None)]
                return dict(source.ends())

        ends = asyncio.run(story())
    assert list(ends) == [f"the certificate of {server.url}"]
    assert ends[f"the certificate of {server.url}"] > datetime.now(UTC)
    (ca,) = x509.load_pem_x509_certificates(authority.ca_file.read_bytes())
    assert end_of(authority.ca_file) == ca.not_valid_after_utc
