"""A company on an LDAP server, somebody who changes it, and two who read it: one by deltas, one afresh.

The same happenings on OpenLDAP and on 389 Directory Server; people stand below two bases, and there is a place outside of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ldap3 import SUBTREE

from servers.administrator import Administrator
from servers.ldap_server import LdapServer
from support.directory_mirror import Mirror, Read
from syncd.core.model import Kind
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd_active_directory import Ldap

BASE: Final = "dc=corp,dc=example,dc=com"
COMPANY: Final = f"ou=Company,{BASE}"
GROUPS: Final = f"ou=Groups,{BASE}"
CHINA: Final = f"ou=China 中国,{COMPANY}"
INDONESIA: Final = f"ou=Indonesia,{COMPANY}"
OUTSIDE: Final = f"ou=Elsewhere,{BASE}"
OPERATIONS: Final = f"ou=Operations 运营,{INDONESIA}"
SHIPPED: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.PERSON: frozenset(
        {"entryUUID", "nsUniqueId", "uid", "cn", "manager", "enabled", "expires", "parent", "title", "mail"}
    ),
    Kind.UNIT: frozenset({"entryUUID", "nsUniqueId", "ou", "parent", "manager"}),
    Kind.GROUP: frozenset({"entryUUID", "nsUniqueId", "cn", "member"}),
}
"""What the shipped rules read, by and large: no memberOf."""
_LOOSE: Final = frozenset({"modifyTimestamp", "createTimestamp"})
_REFERENCES: Final = ("manager", "member", "memberOf")
_SETTLED: Final = 20
"""Seconds in which a server has done something about a reference, if it does anything at all."""
_STAY: Final[dict[tuple[str, int], frozenset[str]]] = {}
"""References to nobody that a server, by host and port, has left standing for good."""

Picture = dict[str, dict[str, Value]]
Happening = Callable[[Administrator], object]


class Clock:
    """Now, and later."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Desk:
    """A server, and who reads it."""

    server: LdapServer
    editor: Administrator
    settings: Mapping[str, Any]
    wanted: Mapping[Kind, frozenset[str]] | None
    clock: Clock

    def __post_init__(self) -> None:
        self.mirror = Mirror(lambda *_: self.open())
        first = self.mirror.read()
        assert first.proven, first.doubts or first.error

    def open(self) -> Ldap:
        values = {
            "servers": self.server.url,
            "ca_file": self.server.ca_file,
            "user": self.server.bind_user,
            "password": self.server.password,
            "base": [COMPANY, GROUPS],
            "page_size": 100,
            **self.settings,
        }
        room = Room(name="ldap", now=self.clock, base=Path(), wanted=self.wanted)
        return Ldap(Ldap.settings.model_validate(values), room)

    def afresh(self) -> Mirror:
        """Return what somebody knows who reads everything now."""
        mirror = Mirror(lambda *_: self.open())
        read = mirror.read()
        assert read.proven, read.doubts or read.error
        return mirror

    def follow(self) -> Read:
        """Wait until the server has done what it does by itself, read a delta, and compare what is known with what is there."""
        settle(self.editor)
        read = self.mirror.read()
        assert read.error is None, read.error
        found = differences(self.picture(self.mirror), self.picture(self.afresh()))
        assert not found, "\n".join(found[:20])
        return read

    def picture(self, mirror: Mirror) -> Picture:
        """Return what is known, as far as rules look at it."""
        unread = _LOOSE if self.wanted is None or "memberOf" in self.wanted[Kind.PERSON] else {*_LOOSE, "memberOf"}
        return {
            key: {
                "kind": record.kind,
                # On these servers references are names, so names count.
                "name": record.aliases[0],
                **{name: value for name, value in record.attributes.items() if name not in unread},
            }
            for key, record in mirror.records.items()
        }


def settle(editor: Administrator) -> None:
    """Wait until nobody refers to somebody who is not there: servers see to that in the background.

    Some references stay, because slapd's own change was refused as others are (“DN index add failed”), and it does not try again.
    So it is enough that the same ones have stayed for long: both who read then see the same. They are waited for once.
    """
    server = (editor.host, editor.port)
    left, until = frozenset[str](), time.monotonic() + _SETTLED
    while time.monotonic() < until:
        found = editor._found("(objectClass=*)", BASE, SUBTREE, attributes=list(_REFERENCES))
        names = {_plain(each["dn"]) for each in found}
        named = {
            _plain(value.decode(errors="replace"))
            for each in found
            for name in _REFERENCES
            for value in each["raw_attributes"].get(name, ())
        }
        if named - names <= _STAY.get(server, frozenset()):
            return
        if named - names != left:
            left, until = frozenset(named - names), time.monotonic() + _SETTLED
        time.sleep(0.05)
    _STAY[server] = left


def _plain(name: str) -> str:
    return name.casefold().replace("\\2c", "\\,")


def differences(known: Picture, there: Picture) -> list[str]:
    """Return what differs, in a form that a failing test can show."""
    missing = [f"{key} is not known: {there[key]['name']}" for key in there.keys() - known.keys()]
    missing += [f"{key} is known: {known[key]['name']}" for key in known.keys() - there.keys()]
    return missing + [
        f"{there[key]['name']} {name}: {known[key].get(name)!r} instead of {there[key].get(name)!r}"
        for key in known.keys() & there.keys()
        for name in sorted(known[key].keys() | there[key].keys())
        if known[key].get(name) != there[key].get(name)
    ]


# --- what happens ----------------------------------------------------------------------------------------------------


def _join(editor: Administrator) -> None:
    editor.add("new0001", name="Contoh Baru", unit=INDONESIA, manager=editor.dn("user0002"), title="Staf")
    editor.join(f"cn=All Staff 全员,{GROUPS}", editor.dn("new0001"))


def _expire(editor: Administrator) -> None:
    editor.expire("user0013", at=datetime.now(UTC) - timedelta(days=1))


def _expire_tomorrow(editor: Administrator) -> None:
    editor.expire("user0017", at=datetime.now(UTC) + timedelta(days=1))


def _change_group(editor: Administrator) -> None:
    editor.leave(f"cn=Managers,{GROUPS}", editor.dn("user0005"))
    editor.join(f"cn=Managers,{GROUPS}", editor.dn("user0150"))


def _nest_a_group(editor: Administrator) -> None:
    editor.add_group("Nested", unit=GROUPS, members=[editor.dn("user0020"), editor.dn("user0021")])
    editor.join(f"cn=Managers,{GROUPS}", f"cn=Nested,{GROUPS}")


def _unit_of_ones_own(editor: Administrator) -> None:
    unit = editor.add_unit("Project, secret", above=CHINA)
    editor.add("new0002", name="Contoh Proyek", unit=unit)


def _a_unit_comes_in(editor: Administrator) -> None:
    unit = editor.add_unit("Guests", above=OUTSIDE)
    editor.add("guest01", name="Contoh Tamu", unit=unit)
    editor.move_unit(unit, above=CHINA)


JOURNEY: Final[Mapping[str, Happening]] = {
    "a joiner": _join,
    "another login name, and so another name": lambda editor: editor.rename_login("user0002", to="user0002x"),
    "another name of a person": lambda editor: editor.rename("user0010", name="Nama Baru"),
    "a move": lambda editor: editor.move("user0011", unit=CHINA),
    "a unit with people is renamed": lambda editor: editor.rename_unit(OPERATIONS, name="Operasi"),
    "a unit with people is moved": lambda editor: editor.move_unit(f"ou=Finance,{INDONESIA}", above=COMPANY),
    "a new unit with somebody in it": _unit_of_ones_own,
    "disabled": lambda editor: editor.disable("user0012"),
    "enabled again": lambda editor: editor.enable("user0012"),
    "expired": _expire,
    "will expire": _expire_tomorrow,
    "deleted": lambda editor: editor.delete("user0014"),
    "a manager is deleted": lambda editor: editor.delete("user0003"),
    "another manager": lambda editor: editor.set_manager("user0015", boss="user0016"),
    "a group changes": _change_group,
    "a group in a group": _nest_a_group,
    "a group is renamed": lambda editor: editor.rename_dn(f"cn=Nested,{GROUPS}", "cn=Nested Anew"),
    "a group is deleted": lambda editor: editor.delete_dn(f"cn=Nested Anew,{GROUPS}"),
    "attributes are cleared": lambda editor: editor.modify("user0022", title=None, mail=None),
    "somebody leaves the base": lambda editor: editor.move("user0023", unit=OUTSIDE),
    "and comes back": lambda editor: editor.move("user0023", unit=CHINA),
    "a unit with people leaves the base": lambda editor: editor.move_unit(f"ou=Finance,{CHINA}", above=OUTSIDE),
    "a unit with people comes in": _a_unit_comes_in,
    "somebody outside changes": lambda editor: editor.modify_dn(OUTSIDE, description="nobody reads this"),
    "nothing": lambda editor: None,
}

AGAIN: Final[Mapping[str, Happening]] = {
    "a unit is renamed back": lambda editor: editor.rename_unit(f"ou=Operasi,{INDONESIA}", name="Operations 运营"),
    "a unit comes back elsewhere": lambda editor: editor.move_unit(f"ou=Finance,{OUTSIDE}", above=OPERATIONS),
    "half of the company is renamed": lambda editor: editor.rename_unit(INDONESIA, name="Indonesia Raya"),
}
"""The same units once more. 389 Directory Server 2.3.1 then shows those in them under their old names to everybody, or breaks."""
