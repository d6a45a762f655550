"""A delta against a real domain controller: whatever happens to a directory, delta after delta amounts to one full read."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from servers.editor import Editor
from servers.kerberos import SERVER_NAME, Kerberos
from servers.samba import BASE_DN, COMPANY_DN, SambaDomain, missing
from support.directory_mirror import NOW, Mirror, Read
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


Wanted = dict[Kind, frozenset[str]] | None


@dataclass
class Desk:
    """A domain, somebody who changes it, and two who read it: one by deltas, one afresh."""

    domain: SambaDomain
    settings: dict[str, Any]
    wanted: Wanted

    def __post_init__(self) -> None:
        self.mirror = Mirror(self.open)
        first = self.mirror.read()
        assert first.proven, first.doubts or first.error

    @property
    def editor(self) -> Editor:
        return self.domain.editor

    def open(self, now: Callable[[], datetime]) -> ActiveDirectory:
        return self.open_with(self.domain, self.settings, self.wanted, now)

    @staticmethod
    def open_with(
        domain: SambaDomain, settings: dict[str, Any], wanted: Wanted, now: Callable[[], datetime]
    ) -> ActiveDirectory:
        values = {
            "servers": f"ldaps://{domain.host}",
            "ca_file": domain.ca_file,
            "user": domain.dirsync_user,
            "password": domain.password,
            "base": list(_BASES),
            "page_size": 100,
            **settings,
        }
        room = Room(name="ad", now=now, base=Path(), wanted=wanted)
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


class History:
    """What administrators do, at random. They know the people of the company, and who is gone."""

    def __init__(self, editor: Editor, chance: random.Random) -> None:
        self._editor = editor
        self._chance = chance
        self._people = [f"user{number:04}" for number in range(2, 60)]
        self._units = [_CHINA, _INDONESIA]
        self._count = 0

    def one(self) -> None:
        """Do one thing."""
        doing = (
            *(self._edit, self._move, self._rename, self._boss, self._join, self._leave, self._joiner, self._leaver),
            *(self._rename_a_unit, self._move_a_unit, self._nest),
        )
        self._chance.choice(doing)()

    def _someone(self) -> str:
        return self._chance.choice(self._people)

    def _somewhere(self) -> str:
        return self._chance.choice(self._units)

    def _new(self) -> str:
        self._count += 1
        return f"X{self._count:04}"

    def _edit(self) -> None:
        self._editor.modify(self._someone(), title=self._chance.choice([None, "A", "B"]))

    def _move(self) -> None:
        login = self._someone()
        self._editor.rename_dn(self._editor.dn(login), f"CN={self._new()}", above=self._somewhere())

    def _rename(self) -> None:
        self._editor.rename(self._someone(), name=self._new())

    def _boss(self) -> None:
        self._editor.set_manager(self._someone(), boss=self._chance.choice([None, self._someone()]))

    def _join(self) -> None:
        person = self._editor.dn(self._someone())
        if person not in self._editor.values(_MANAGERS, "member"):
            self._editor.join(_MANAGERS, person)

    def _leave(self) -> None:
        if members := self._editor.values(_MANAGERS, "member"):
            self._editor.leave(_MANAGERS, self._chance.choice(members))

    def _joiner(self) -> None:
        login = self._new()
        self._editor.add(login, name=login, unit=self._somewhere(), manager=self._editor.dn(self._someone()))
        self._people.append(login)

    def _leaver(self) -> None:
        login = self._someone()
        self._people.remove(login)
        self._editor.delete(login)

    def _rename_a_unit(self) -> None:
        at = self._chance.randrange(len(self._units))
        below = [unit for unit in self._units if unit.endswith("," + self._units[at])]
        if not below:
            self._units[at] = self._editor.rename_unit(self._units[at], name=self._new())

    def _move_a_unit(self) -> None:
        unit = self._editor.add_unit(self._new(), above=self._somewhere())
        self._editor.move(self._someone(), unit=unit)
        goal = self._chance.choice([COMPANY_DN, BASE_DN])
        self._units.append(self._editor.move_unit(unit, above=goal))

    def _nest(self) -> None:
        name = self._new()
        self._editor.add_group(name, unit=_GROUPS, members=[self._editor.dn(self._someone())])
        self._editor.join(_MANAGERS, f"CN={name},{_GROUPS}")


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
    editor.expire(
        "user0013", at=NOW - timedelta(days=1)
    )  # by the reader's clock, which stands still but for some minutes


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


_WAYS = {
    "dirsync": ({}, _WANTED),
    "usn": ({"changes": "usn"}, _WANTED),
}


@pytest.fixture(scope="module", params=_WAYS)
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    if reason := missing():
        pytest.fail(reason)
    settings, wanted = _WAYS[request.param]
    with SambaDomain(people=_PEOPLE) as domain:
        yield Desk(domain, settings, wanted)


_OVER_BY_USN = {"a joiner", "a group changes", "a group in a group", "a group is renamed"}
"""uSNChanged does not tell who left a group: then everything is read."""


@pytest.mark.parametrize("happening", _JOURNEY)
def test_a_delta_tells_what_a_full_read_shows(desk: Desk, happening: str) -> None:
    _JOURNEY[happening](desk.editor)
    read = desk.follow()
    by_usn = desk.settings.get("changes") == "usn"
    assert read.full is (by_usn and happening in _OVER_BY_USN), read.completeness


# --- by itself --------------------------------------------------------------------------------------------------------


@pytest.fixture
def own(own_domain: SambaDomain) -> Desk:
    return Desk(own_domain, {}, _WANTED)


def test_who_expires_while_nobody_changes_anything_is_read_again(own: Desk) -> None:
    own.editor.expire("user0017", at=own.mirror.time + timedelta(days=1))
    own.follow()
    assert own.mirror.people()["user0017"].attributes["enabled"] is True
    own.mirror.time += timedelta(days=2)
    assert not own.follow().full
    assert own.mirror.people()["user0017"].attributes["enabled"] is False


def test_who_was_deleted_and_comes_back_is_told_both_times(own: Desk) -> None:
    editor = own.editor
    guid = editor.guid("user0003")
    editor.delete("user0003")
    assert own.follow().gone == {guid}
    editor.reanimate(guid, name="Kembali", unit=_CHINA, sAMAccountName="user0003")
    assert not own.follow().full
    assert guid in own.mirror.records


def test_a_deleted_group_is_taken_out_of_its_members(own: Desk) -> None:
    own.editor.delete_dn(_MANAGERS)
    assert own.follow().full


def test_an_account_without_rights_is_told_all_but_deletions_and_says_so(own_domain: SambaDomain) -> None:
    own = Desk(own_domain, {"user": own_domain.bind_user}, _WANTED)
    own.editor.modify("user0018", title="Told")
    assert not own.follow().full
    guid = own.editor.guid("user0019")
    own.editor.delete("user0019")
    read = own.mirror.read()
    assert not read.full
    assert guid in own.mirror.records
    assert read.completeness is not None
    assert any("deletions show in full reads only" in fact.detail for fact in read.completeness.facts)
    assert own.mirror.read(full=True).gone == {guid}


def test_a_filter_by_membership_follows_the_group(own_domain: SambaDomain) -> None:
    chosen = f"(&(objectCategory=person)(objectClass=user)(memberOf={_MANAGERS}))"
    own = Desk(own_domain, {"people_filter": chosen}, _WANTED)
    joiner, leaver = own.editor.guid("user0151"), own.editor.guid("user0007")
    _change = own.editor
    _change.join(_MANAGERS, _change.dn("user0151"))
    _change.leave(_MANAGERS, _change.dn("user0007"))
    read = own.follow()
    assert (read.full, leaver in own.mirror.records, joiner in own.mirror.records) == (False, False, True)


def test_a_position_of_another_controller_is_good_for_dirsync_and_is_said(own_domain: SambaDomain) -> None:
    copy = own_domain.copy()
    own = Desk(own_domain, {}, _WANTED)
    with own_domain.twin(copy, another=True) as twin:
        own.domain = twin
        twin.editor.modify("user0025", title="Anew")
        read = own.mirror.read()
        assert own.mirror.people()["user0025"].attributes["title"] == "Anew"
        assert read.doubts == ["same server as last time"]
        assert read.gone == frozenset()


def test_a_count_of_another_controller_is_good_for_nothing(own_domain: SambaDomain) -> None:
    copy = own_domain.copy()
    own = Desk(own_domain, {"changes": "usn"}, _WANTED)
    with own_domain.twin(copy, another=True) as twin:
        own.domain = twin
        read = own.mirror.read()
        assert read.full
        assert "same server as last time" in read.doubts
        assert read.gone == frozenset()


def test_a_controller_that_was_restored_is_read_anew_and_proves_nobody_gone(own_domain: SambaDomain) -> None:
    copy = own_domain.copy()
    own_domain.editor.add("new0002", name="Contoh Hilang", unit=_CHINA)
    own = Desk(own_domain, {}, _WANTED)
    own_domain.restore(copy)
    read = own.mirror.read()
    assert read.full
    assert read.doubts
    assert read.gone == frozenset()


def test_a_ticket_is_as_good_as_a_password(samba_domain: SambaDomain, kerberos: Kerberos) -> None:
    kerberos.export_keytab()
    settings = {"bind": "gssapi", "kerberos_name": SERVER_NAME, "user": "", "password": None}
    assert Desk(samba_domain, settings, _WANTED).mirror.people().keys() >= {"user0001"}
    kerberos.forget_tickets()
    kerberos.keytab.unlink()
    refused = Mirror(lambda now: Desk.open_with(samba_domain, settings, _WANTED, now)).read()
    assert refused.code == "ADS-108"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_any_history_read_in_deltas_amounts_to_one_full_read(own_domain: SambaDomain, seed: int) -> None:
    """Several things happen between two reads, in any order; whoever is gone stays gone."""
    own = Desk(own_domain, {}, _WANTED if seed else None)
    chance = random.Random(seed)
    happenings = History(own.editor, chance)
    for _ in range(8):
        for _ in range(chance.randint(1, 6)):
            happenings.one()
        own.follow()
