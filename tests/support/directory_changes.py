"""What happens in a company's directory within a month, in words that fit Active Directory, OpenLDAP and 389 alike.

Each happening is something that administrators do, and what it must come to in DingTalk: nothing more is to be planned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from servers.administrator import Administrator
from servers.editor import Editor


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A directory with the example company in it, and how it calls things."""

    editor: Administrator
    company: str
    """The distinguished name of the company's unit."""
    groups: str
    number: str
    """The attribute that holds employee numbers."""

    def unit(self, *names: str) -> str:
        """Return the distinguished name of a unit, from the top downward; the names are escaped as in a DN."""
        return ",".join([*(f"{self.editor.unit_type}={name}" for name in reversed(names)), self.company])

    def group(self, name: str) -> str:
        """Return the distinguished name of a group."""
        return f"CN={name},{self.groups}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What is done, and what is planned for it."""

    do: Callable[[Place], object]
    plan: Sequence[str] = ()
    """What is to be written, sorted."""
    only: type[Editor] | None = None
    """Where it can happen."""


CHINA, INDONESIA, FINANCE = "China 中国", "Indonesia", "Finance"
SOUTH = "South 南"
_MANAGERS, _DRIVERS = "Managers", "Drivers\\, Jakarta"
_returning: dict[str, str] = {}
"""The lasting ids of those who are deleted and come back, by directory."""


def _join(place: Place) -> None:
    numbered = {place.number: "100001"}
    place.editor.add(
        "baru1",
        name="Contoh Baru",
        unit=place.unit(INDONESIA, FINANCE, SOUTH),
        mobile="+62 811-0000-9001",
        title="Staf Gudang",
        manager=place.editor.dn("user0012"),
        **numbered,
    )


def _let_go(place: Place) -> None:
    _returning[place.company] = place.editor.guid("user0232")
    place.editor.delete("user0232")


def _bring_back(place: Place) -> None:
    """A tombstone has lost nearly everything; what makes a person of it is given back, and the account enabled."""
    assert isinstance(place.editor, Editor)
    place.editor.reanimate(
        _returning[place.company],
        name="Contoh Kembali",
        unit=place.unit(CHINA, FINANCE, SOUTH),
        displayName="Contoh Kembali",
        mobile="+62 811-0000-0232",
        employeeID="000232",
        userAccountControl="544",
    )


def _nest(place: Place) -> None:
    inner = place.group("Crew")
    place.editor.add_group("Crew", unit=place.groups, members=[place.editor.dn(f"user0{n}") for n in (241, 242, 243)])
    place.editor.join(inner, place.editor.dn("user0244"))
    place.editor.join(place.group(_DRIVERS), inner)


def _unnest(place: Place) -> None:
    place.editor.leave(place.group(_DRIVERS), place.group("Crew"))
    place.editor.leave(place.group("Crew"), place.editor.dn("user0243"))


def _swap_in_group(place: Place) -> None:
    place.editor.leave(place.group(_MANAGERS), place.editor.dn("user0099"))
    place.editor.join(place.group(_MANAGERS), place.editor.dn("user0219"))


HAPPENINGS: Final[Mapping[str, Happening]] = {
    "a joiner": Happening(do=_join, plan=["create person"]),
    "a person gets another name": Happening(
        do=lambda place: place.editor.rename("user0214", name="Nama Baru"), plan=["update person"]
    ),
    "a person is moved to another unit": Happening(
        do=lambda place: place.editor.move("user0215", unit=place.unit(CHINA, FINANCE)), plan=["update person"]
    ),
    "a unit with hundreds of people in it gets another name": Happening(
        do=lambda place: place.editor.rename_unit(place.unit(INDONESIA, FINANCE), name="Keuangan"), plan=["update unit"]
    ),
    "a unit with people in it is moved": Happening(
        do=lambda place: place.editor.move_unit(place.unit(CHINA, "Operations 运营", SOUTH), above=place.unit(CHINA)),
        plan=["update unit"],
    ),
    "an account is disabled": Happening(do=lambda place: place.editor.disable("user0222"), plan=["remove person"]),
    "and enabled again": Happening(do=lambda place: place.editor.enable("user0222"), plan=["create person"]),
    "an account expires": Happening(
        do=lambda place: place.editor.expire("user0226", at=datetime.now(UTC) - timedelta(days=2)),
        plan=["remove person"],
    ),
    "another manager": Happening(
        do=lambda place: place.editor.set_manager("user0218", boss="user0013"), plan=["update person"]
    ),
    "a group changes": Happening(do=_swap_in_group, plan=["update person", "update person"]),
    "a new group in another group": Happening(
        do=_nest, plan=["create unit", "update person", "update person", "update person", "update person"]
    ),
    "a nested group changes": Happening(do=_unnest, plan=["update person"]),
    "attributes are cleared": Happening(
        do=lambda place: place.editor.modify("user0219", title=None), plan=["update person"]
    ),
    "somebody is deleted": Happening(do=_let_go, plan=["remove person"]),
    "a deleted account is brought back": Happening(do=_bring_back, plan=["create person"], only=Editor),
    "nothing": Happening(do=lambda place: None),
}
