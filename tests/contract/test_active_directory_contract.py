"""The Active Directory source keeps the contract of a source, against a real domain controller."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from servers.proxy import Proxy
from servers.samba import BASE_DN, SERVICE_PASSWORD, SambaDomain, missing
from syncd.core.model import Kind, NativeId
from syncd.core.ports import Room, Source
from syncd.testing.source import Rig, SourceContract
from syncd_active_directory import ActiveDirectory

pytestmark = [pytest.mark.samba, pytest.mark.xdist_group("samba")]

_BRANCH = f"OU=Indonesia,OU=Company,{BASE_DN}"
_GROUPS = f"OU=Groups,{BASE_DN}"
_FILTERS = {
    Kind.PERSON: "(&(objectCategory=person)(objectClass=user))",
    Kind.UNIT: "(objectClass=organizationalUnit)",
    Kind.GROUP: "(objectClass=group)",
}


class DirectoryRig(Rig):
    secrets = (SERVICE_PASSWORD,)

    def __init__(self, domain: SambaDomain, proxy: Proxy) -> None:
        self.domain = domain
        self.proxy = proxy
        self.base: tuple[str, ...] = (_BRANCH, _GROUPS)

    def open(self) -> Source:
        settings = {
            "servers": f"ldaps://{self.proxy.host}:{self.proxy.port}",
            "ca_file": self.domain.ca_file,
            "user": self.domain.dirsync_user,
            "password": self.domain.password,
            "base": self.base,
            "page_size": 100,
        }
        room = Room(name="ad", now=lambda: datetime.now(UTC), base=Path())
        return ActiveDirectory(ActiveDirectory.settings.model_validate(settings), room)

    def present(self) -> frozenset[tuple[Kind, NativeId]]:
        return frozenset(
            (kind, NativeId(guid))
            for kind, filter_ in _FILTERS.items()
            for base in self.base
            for guid in self.domain.editor.guids(base=base, filter_=filter_)
        )

    def _someone(self) -> str:
        return self.domain.editor.logins(base=_BRANCH)[-1]

    def change(self) -> NativeId:
        login = self._someone()
        self.domain.editor.modify(login, title=f"Title {datetime.now(UTC).timestamp()}")
        return NativeId(self.domain.editor.guid(login))

    def move(self) -> NativeId:
        login = self._someone()
        guid = self.domain.editor.guid(login)
        self.domain.editor.rename_dn(self.domain.editor.dn(login), "CN=Renamed Person", above=_BRANCH)
        return NativeId(guid)

    def remove(self) -> NativeId:
        login = self.domain.editor.logins(base=_BRANCH)[0]
        guid = self.domain.editor.guid(login)
        self.domain.editor.delete(login)
        return NativeId(guid)

    def empty(self) -> None:
        self.domain.editor.add_unit("Nobody", above=BASE_DN)
        self.base = (f"OU=Nobody,{BASE_DN}",)

    def cut(self) -> None:
        self.proxy.cut_after = 40_000


@pytest.fixture(scope="module")
def own() -> Iterator[SambaDomain]:
    if reason := missing():
        pytest.fail(reason)
    with SambaDomain() as domain:
        yield domain


class TestActiveDirectory(SourceContract):
    @pytest.fixture
    def rig(self, own: SambaDomain) -> Iterator[Rig]:
        with Proxy(own.host, 636, listen=own.host) as proxy:
            yield DirectoryRig(own, proxy)
