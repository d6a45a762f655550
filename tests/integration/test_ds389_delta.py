"""A delta against a real 389 Directory Server: the same journey as on OpenLDAP, told by its changelog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from servers.ds389 import Ds389, missing
from support.ldap_journey import BASE, JOURNEY, SHIPPED, Clock, Desk

pytestmark = pytest.mark.xdist_group("ds389")


@pytest.fixture(scope="module")
def server() -> Iterator[Ds389]:
    if reason := missing():
        pytest.fail(reason)
    with Ds389(people=300) as running:
        running.editor.add_unit("Elsewhere", above=BASE)
        yield running


@pytest.fixture(scope="module")
def desk(server: Ds389) -> Desk:
    return opened(server, wanted=None)


def opened(server: Ds389, *, wanted: Any = SHIPPED, **settings: object) -> Desk:
    return Desk(server, server.editor, settings, wanted, Clock())


@pytest.mark.parametrize("happening", JOURNEY)
def test_a_delta_tells_what_a_full_read_shows(desk: Desk, happening: str) -> None:
    JOURNEY[happening](desk.editor)
    read = desk.follow()
    assert not read.full, read.completeness
    assert not desk.mirror.read().yielded
