"""A delta against a real domain controller: whatever happens to a directory, delta after delta amounts to one full read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from servers.editor import Editor
from servers.samba import BASE_DN, COMPANY_DN, SambaDomain, missing
from support.directory_mirror import Mirror, Read
from syncd.core.model import Kind, SourceRecord
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd_active_directory import ActiveDirectory

pytestmark = [pytest.mark.samba, pytest.mark.xdist_group("samba")]

_PEOPLE = 300
_CHINA = f"OU=China 中国,{COMPANY_DN}"
_INDONESIA = f"OU=Indonesia,{COMPANY_DN}"
_GROUPS = f"OU=Groups,{BASE_DN}"
_MANAGERS = f"CN=Managers,{_GROUPS}"
_OUTSIDE = f"OU=Elsewhere,{BASE_DN}"
_BASES = (COMPANY_DN, _GROUPS)
_WANTED = {
    Kind.PERSON: frozenset({"objectGUID", "sAMAccountName", "manager", "memberOf", "enabled", "parent", "title"}),
    Kind.UNIT: frozenset({"objectGUID", "ou", "parent", "managedBy"}),
    Kind.GROUP: frozenset({"objectGUID", "cn", "member"}),
}


@dataclass
class Desk:
    """A domain, somebody who changes it, and two who read it: one by deltas, one afresh."""

    domain: SambaDomain
    settings: dict[str, Any]
    wanted: dict[Kind, frozenset[str]] | None

    def __post_init__(self) -> None:
        self.mirror = Mirror(self.open)
        first = self.mirror.read()
        assert first.proven, first.doubts or first.error

    @property
    def editor(self) -> Editor:
        return self.domain.editor

    def open(self, now: Callable[[], datetime]) -> ActiveDirectory:
        values = {
            "servers": f"ldaps://{self.domain.host}",
            "ca_file": self.domain.ca_file,
            "user": self.domain.dirsync_user,
            "password": self.domain.password,
            "base": list(_BASES),
            "page_size": 100,
            **self.settings,
        }
        room = Room(name="ad", now=now, base=Path(), wanted=self.wanted)
        return ActiveDirectory(ActiveDirectory.settings.model_validate(values), room)

    def afresh(self) -> Mirror:
        """Return what somebody knows who reads everything now."""
        mirror = Mirror(self.open, time=self.mirror.time)
        assert mirror.read().proven
        return mirror

    def follow(self) -> Read:
        """Read a delta, and compare what is known by it with what is there."""
        read = self.mirror.read()
        assert read.error is None, read.error
        assert differences(picture(self.mirror), picture(self.afresh())) == []
        return read


Picture = dict[str, dict[str, Value]]


def picture(mirror: Mirror) -> Picture:
    """Return what is known, with names that refer to others replaced by the ids that came with them."""
    found = mirror.picture()
    return {
        key: {name: _by_ids(value, mirror.records[key]) for name, value in record.items()}
        for key, record in found.items()
    }


def differences(known: Picture, there: Picture) -> list[str]:
    """Return what differs, in a form that a failing test can show."""
    missing = [f"{key} is not known" for key in there.keys() - known.keys()]
    missing += [f"{key} is known: {known[key].get('cn')}" for key in known.keys() - there.keys()]
    return missing + [
        f"{there[key].get('cn') or key} {name}: {known[key].get(name)!r} instead of {there[key].get(name)!r}"
        for key in known.keys() & there.keys()
        for name in sorted(known[key].keys() | there[key].keys())
        if known[key].get(name) != there[key].get(name)
    ]


def _by_ids(value: Value, record: SourceRecord) -> Value:
    if isinstance(value, str):
        return record.references.get(value, value)
    if isinstance(value, tuple):
        return tuple(sorted(str(record.references.get(str(each), each)) for each in value))
    return value


Happening = Callable[[Editor], object]


def _join(editor: Editor) -> None:
    editor.add("new0001", name="Contoh Baru", unit=_INDONESIA, manager=editor.dn("user0002"), title="Staf")
    editor.join(f"CN=All Staff 全员,{_GROUPS}", editor.dn("new0001"))


def _rename(editor: Editor) -> None:
    editor.rename("user0010", name="Nama, Baru")


def _move(editor: Editor) -> None:
    editor.move("user0011", unit=_CHINA)


def _rename_unit_with_people(editor: Editor) -> None:
    editor.rename_unit(_INDONESIA, name="Indonesia Raya")


def _rename_unit_back(editor: Editor) -> None:
    editor.rename_unit(f"OU=Indonesia Raya,{COMPANY_DN}", name="Indonesia")


def _move_unit(editor: Editor) -> None:
    editor.move_unit(f"OU=Finance,{_INDONESIA}", above=COMPANY_DN)


def _disable(editor: Editor) -> None:
    editor.disable("user0012")


def _expire(editor: Editor) -> None:
    editor.expire("user0013", at=datetime.now(UTC) - timedelta(days=1))


def _delete(editor: Editor) -> None:
    editor.delete("user0014")


def _delete_a_manager(editor: Editor) -> None:
    editor.delete("user0003")


def _change_manager(editor: Editor) -> None:
    editor.set_manager("user0015", boss="user0016")


def _change_group(editor: Editor) -> None:
    editor.leave(_MANAGERS, editor.dn("user0005"))
    editor.join(_MANAGERS, editor.dn("user0150"))


def _nest_a_group(editor: Editor) -> None:
    editor.add_group("Nested", unit=_GROUPS, members=[editor.dn("user0020"), editor.dn("user0021")])
    editor.join(_MANAGERS, f"CN=Nested,{_GROUPS}")


def _rename_group(editor: Editor) -> None:
    editor.rename_dn(f"CN=Nested,{_GROUPS}", "CN=Nested Anew")


def _clear(editor: Editor) -> None:
    editor.modify("user0022", title=None, mail=None)


def _move_out(editor: Editor) -> None:
    editor.add_unit("Elsewhere", above=BASE_DN)
    editor.move("user0023", unit=_OUTSIDE)


def _move_back_in(editor: Editor) -> None:
    editor.move("user0023", unit=_CHINA)


def _move_a_unit_out(editor: Editor) -> None:
    editor.move_unit(f"OU=Finance,{COMPANY_DN}", above=_OUTSIDE)


def _move_a_unit_in(editor: Editor) -> None:
    editor.move_unit(f"OU=Finance,{_OUTSIDE}", above=_CHINA.replace("OU=China", "OU=Operations 运营,OU=China"))


def _move_into_a_container(editor: Editor) -> None:
    editor.add_dn(f"CN=Box,{_CHINA}", ["container"], {})
    editor.move("user0024", unit=f"CN=Box,{_CHINA}")


def _rename_above_a_container(editor: Editor) -> None:
    editor.rename_unit(_CHINA, name="China")


def _outside_only(editor: Editor) -> None:
    editor.modify("svc-syncd", title="nobody reads this")


_JOURNEY: dict[str, Happening] = {
    "a joiner": _join,
    "a rename": _rename,
    "a move": _move,
    "a unit with people is renamed": _rename_unit_with_people,
    "and back": _rename_unit_back,
    "a unit with people is moved": _move_unit,
    "disabled": _disable,
    "expired": _expire,
    "deleted": _delete,
    "a manager is deleted": _delete_a_manager,
    "another manager": _change_manager,
    "a group changes": _change_group,
    "a group in a group": _nest_a_group,
    "a group is renamed": _rename_group,
    "attributes are cleared": _clear,
    "somebody leaves the base": _move_out,
    "and comes back": _move_back_in,
    "a unit with people leaves the base": _move_a_unit_out,
    "and comes back elsewhere": _move_a_unit_in,
    "somebody is put into a container": _move_into_a_container,
    "a unit above the container is renamed": _rename_above_a_container,
    "somebody outside changes": _outside_only,
    "nothing": lambda editor: None,
}


@pytest.fixture(scope="module", params=["dirsync", "dirsync, rules unknown"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    if reason := missing():
        pytest.fail(reason)
    with SambaDomain(people=_PEOPLE) as domain:
        wanted = None if "unknown" in request.param else _WANTED
        yield Desk(domain, {}, wanted)


@pytest.mark.parametrize("happening", _JOURNEY)
def test_a_delta_tells_what_a_full_read_shows(desk: Desk, happening: str) -> None:
    _JOURNEY[happening](desk.editor)
    read = desk.follow()
    assert not read.full, read.completeness
