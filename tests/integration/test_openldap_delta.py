"""A delta against a real OpenLDAP: whatever happens to a directory, delta after delta amounts to one full read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import pytest

from servers.openldap import OpenLdap, missing
from support.ldap_journey import AGAIN, BASE, COMPANY, JOURNEY, SHIPPED, Clock, Desk, Happening
from syncd_active_directory import ActiveDirectory

# Each happening builds on those before it.
pytestmark = pytest.mark.xdist_group("openldap journey")

_PEOPLE = 300
_ALL: Mapping[str, Happening] = {**JOURNEY, **AGAIN}
_GONE = {"deleted", "a manager is deleted", "a group is deleted"}
_REGROUPED = {
    "a joiner": True,
    "another login name, and so another name": True,
    "another name of a person": False,
    "disabled": False,
    "a group changes": True,
    "a group in a group": True,
    "a group is renamed": True,
    "a group is deleted": True,
}


def opened(server: OpenLdap, *, rules: str = "shipped", **settings: object) -> Desk:
    """Return a desk at a server that has a place outside the bases."""
    if not server.editor.exists(f"ou=Elsewhere,{BASE}"):
        server.editor.add_unit("Elsewhere", above=BASE)
    return Desk(server, server.editor, settings, SHIPPED if rules == "shipped" else None, Clock())


class _Open:
    """A source that stays open from one read to the next, as the service has it."""

    def __init__(self, source: ActiveDirectory) -> None:
        self.source = source

    async def __aenter__(self) -> ActiveDirectory:
        return await self.source.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        """Stay open."""


@contextmanager
def kept_open(desk: Desk) -> Iterator[Desk]:
    """Let all reads of a desk go over one connection, with what is remembered of units."""
    source = desk.open()
    desk.mirror.make = lambda *_: cast(ActiveDirectory, _Open(source))
    try:
        yield desk
    finally:
        asyncio.run(source.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    if reason := missing():
        pytest.fail(reason)
    with OpenLdap(people=_PEOPLE) as server, kept_open(opened(server)) as desk:
        yield desk


@pytest.fixture(scope="module")
def curious() -> Iterator[Desk]:
    """A desk whose rules may read everything, memberOf included."""
    if reason := missing():
        pytest.fail(reason)
    with OpenLdap(people=_PEOPLE) as server:
        yield opened(server, rules="unknown")


@pytest.mark.parametrize("happening", _ALL)
def test_a_delta_tells_what_a_full_read_shows(desk: Desk, happening: str) -> None:
    _ALL[happening](desk.editor)
    read = desk.follow()
    assert read.full == (happening in _GONE), read.completeness
    # What changed is told twice, because this server goes on changing others in the background; and then no more.
    assert desk.mirror.read().full == read.full
    last = desk.mirror.read()
    assert not last.full
    assert not last.yielded


@pytest.mark.parametrize("happening", _REGROUPED)
def test_where_rules_read_groups_of_people_a_change_of_groups_starts_over(curious: Desk, happening: str) -> None:
    JOURNEY[happening](curious.editor)
    assert curious.follow().full == _REGROUPED[happening]
    curious.mirror.read()


def test_a_unit_that_took_the_name_of_another_one_is_not_taken_for_it(desk: Desk) -> None:
    editor = desk.editor
    editor.add_unit("Alpha", above=COMPANY)
    for login in ("alpha1", "alpha2"):
        editor.add(login, name=f"Contoh {login}", unit=f"ou=Alpha,{COMPANY}")
    desk.follow()
    # Now the unit is asked for, and remembered for the next read.
    editor.modify("alpha1", title="Penguji")
    assert not desk.follow().full
    editor.rename_unit(f"ou=Alpha,{COMPANY}", name="Beta")
    editor.add_unit("Alpha", above=COMPANY)
    editor.add("alpha3", name="Contoh alpha3", unit=f"ou=Alpha,{COMPANY}")
    assert not desk.follow().full
    known = {str(one.attributes.get("uid")): one.attributes.get("parent") for one in desk.mirror.records.values()}
    assert known["alpha1"] == known["alpha2"] != known["alpha3"]
