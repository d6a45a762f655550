"""The directory's source keeps the contract of sources that are written to, on OpenLDAP and against a real domain controller.

The account may write two attributes and no others, by an access rule there and by a delegated right here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from servers.administrator import Administrator
from servers.openldap import OpenLdap
from servers.openldap import missing as openldap_missing
from servers.samba import BASE_DN, SERVICE_PASSWORD, SambaDomain, missing
from syncd.core.model import NativeId
from syncd.core.outcome import Outcome, Rejected
from syncd.core.ports import Room, Standing, Verdict
from syncd.core.values import Values
from syncd.testing.writing_back import VALUE, Rewritable, WritingBackContract
from syncd_active_directory import ActiveDirectory, Ldap

_COMPANY = f"OU=Indonesia,OU=Company,{BASE_DN}"
_SHOWN = ("title", "mobile", "pager", "employeeType", "displayName", "roomNumber")


class DirectoryRig(Rewritable):
    secrets = (SERVICE_PASSWORD,)
    attribute, other, locked = "title", "mobile", "pager"

    def __init__(
        self, source: type[ActiveDirectory], settings: Mapping[str, Any], editor: Administrator, unit: str
    ) -> None:
        self._source, self._settings, self._editor = source, settings, editor
        self._login = "example.writeback"
        self._gone = False
        native_id = editor.add(self._login, name="Example Writeback", unit=unit, title=VALUE)
        self.person = NativeId(native_id)
        editor.modify(self._login, mobile=None)

    def open(self, *, returned: frozenset[str] = frozenset()) -> ActiveDirectory:
        room = Room(name="directory", now=lambda: datetime.now(UTC), base=Path(), returned=returned)
        return self._source(self._source.settings.model_validate(dict(self._settings)), room)

    def held(self) -> Mapping[str, str]:
        if self._gone:
            return {}
        dn = self._editor.dn(self._login)
        return {name: values[0] for name in _SHOWN if (values := self._editor.values(dn, name))}

    def by_hand(self, **values: str | None) -> None:
        self._editor.modify(self._login, **values)

    def remove(self) -> None:
        self._editor.delete(self._login)
        self._gone = True


def run(rig: DirectoryRig, fields: Values, expected: Values) -> Outcome:
    async def one() -> Outcome:
        async with rig.open() as source:
            return await source.write_back(rig.person, fields, expected=expected)

    return asyncio.run(one())


async def _verdicts(source: ActiveDirectory) -> list[Verdict]:
    async with source:
        return [verdict async for verdict in source.check() if verdict.name == "write back"]


@pytest.fixture(scope="module")
def openldap_that_is_written_to() -> Iterator[OpenLdap]:
    if reason := openldap_missing():
        pytest.fail(reason)
    with OpenLdap() as server:
        server.grant("title", "mobile")
        yield server


class TestOpenLdapWritingBack(WritingBackContract):
    @pytest.fixture
    def rig(self, openldap_that_is_written_to: OpenLdap) -> Iterator[DirectoryRig]:
        server = openldap_that_is_written_to
        settings = {
            "servers": server.url,
            "ca_file": server.ca_file,
            "user": server.bind_user,
            "password": server.password,
            "base": server.company_dn,
        }
        unit = server.editor.dn(server.editor.logins(base=server.company_dn)[0]).split(",", 1)[1]
        made = DirectoryRig(Ldap, settings, server.editor, unit)
        yield made
        if made.held():
            made.remove()

    def test_rule_03_an_attribute_with_several_values_is_left_as_it_is(
        self, rig: DirectoryRig, openldap_that_is_written_to: OpenLdap
    ) -> None:
        editor = openldap_that_is_written_to.editor
        dn = editor.dn("example.writeback")
        editor.modify_dn(dn, title=[VALUE, "Example Second"])

        done = run(rig, {"title": "Example Two"}, {"title": VALUE})

        assert isinstance(done, Rejected)
        assert done.problem.code == "ADS-122"
        assert len(editor.values(dn, "title")) == 2

    def test_the_check_says_that_this_server_does_not_tell_what_may_be_written(self, rig: DirectoryRig) -> None:
        (verdict,) = asyncio.run(_verdicts(rig.open(returned=frozenset({"title"}))))
        assert (verdict.standing, verdict.problem and verdict.problem.code) == (Standing.WARNING, "ADS-127")


@pytest.fixture(scope="module")
def domain_that_is_written_to() -> Iterator[SambaDomain]:
    if reason := missing():
        pytest.fail(reason)
    with SambaDomain() as domain:
        domain.grant(_COMPANY, "Title", "Phone-Mobile-Primary", user="svc-dirsync")
        yield domain


@pytest.mark.samba
@pytest.mark.xdist_group("samba")
class TestActiveDirectoryWritingBack(WritingBackContract):
    @pytest.fixture
    def rig(self, domain_that_is_written_to: SambaDomain) -> Iterator[DirectoryRig]:
        domain = domain_that_is_written_to
        settings = {
            "servers": f"ldaps://{domain.host}",
            "ca_file": domain.ca_file,
            "user": domain.dirsync_user,
            "password": domain.password,
            "base": _COMPANY,
        }
        made = DirectoryRig(ActiveDirectory, settings, domain.editor, _COMPANY)
        yield made
        if made.held():
            made.remove()

    def test_the_check_names_what_the_account_may_not_write(self, rig: DirectoryRig) -> None:
        (good,) = asyncio.run(_verdicts(rig.open(returned=frozenset({"title", "mobile"}))))
        (bad,) = asyncio.run(_verdicts(rig.open(returned=frozenset({"title", "pager"}))))
        assert good.standing is Standing.OK
        assert (bad.standing, bad.problem is not None and "pager" in bad.problem.what) == (Standing.FAILED, True)
