"""What one account sees of a replica: which objects, which of their attributes, and how names are written for it.

What it may not see is left out without a word, as Active Directory does it ([MS-ADTS] 3.1.1.4.3, 3.1.1.4.4): that is the
danger that clients have to notice by themselves.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from servers import ldap_standin_names as names
from servers.ldap_standin_node import Node, Stored
from servers.ldap_standin_tree import BACK_LINKS, Replica

_CONSTRUCTED: Final = frozenset(
    {"canonicalname", "msds-user-account-control-computed", "parentguid", "allowedattributes"}
)
"""Given only to those who ask by name ([MS-ADTS] 3.1.1.4.5)."""
_COMPUTED: Final = {
    "distinguishedname": "distinguishedName",
    "usnchanged": "uSNChanged",
    "usncreated": "uSNCreated",
    "whenchanged": "whenChanged",
    "whencreated": "whenCreated",
}
_SPELLED_BACK: Final = {"memberof": "memberOf", "directreports": "directReports", "managedobjects": "managedObjects"}
_RANGED: Final = re.compile(r"(?P<name>[^;]+);range=(?P<first>\d+)-(?P<last>\d+|\*)", re.IGNORECASE)
_LOCKED: Final = 0x10


class State(StrEnum):
    """Why an account may not log on: the sub-code that Active Directory gives ([MS-ADTS] 3.1.1.3.1.9; winerror.h)."""

    FINE = ""
    UNKNOWN = "525"
    WRONG_PASSWORD = "52e"
    PASSWORD_EXPIRED = "532"
    DISABLED = "533"
    EXPIRED = "701"
    MUST_CHANGE = "773"
    LOCKED = "775"


@dataclass(slots=True, kw_only=True)
class Account:
    """A service account; tests change it while the server runs."""

    name: str = "svc-syncd@corp.example.com"
    password: str = "Example-Reader-1!"
    state: State = State.FINE
    replicates: bool = True
    """DS-Replication-Get-Changes: DirSync without the object-security flag."""
    sees_deleted: bool = True
    """Rights on the container of deleted objects; in Active Directory only administrators have them by themselves."""
    groups: set[int] = field(default_factory=lambda: {513, 1104, 1105})
    """The relative ids of the groups that it is in; the server counts them up for it ([MS-ADTS] 3.1.1.3.2.20)."""
    hidden: set[str] = field(default_factory=set)
    """Names of objects that it cannot see, with everything below."""
    hidden_attributes: set[str] = field(default_factory=set)
    """Attributes that it cannot read, of any object."""


class View:
    """A replica through the eyes of an account, at one moment."""

    def __init__(self, replica: Replica, account: Account, *, extended: int | None, max_val_range: int) -> None:
        self.replica = replica
        self._account = account
        self._extended = extended
        self._max_val_range = max_val_range
        self._hidden = {node.guid for name in account.hidden if (node := replica.find(name))}
        if not account.sees_deleted:
            self._hidden.add(replica.deleted_objects)
        self._hidden_attributes = frozenset(map(str.lower, account.hidden_attributes))
        self._names: dict[uuid.UUID, str] = {}
        self._back: Mapping[str, Mapping[uuid.UUID, Sequence[uuid.UUID]]] = _back_links(replica)

    def visible(self, node: Node) -> bool:
        """Tell whether the account sees an object at all."""
        return not self._hidden or not any(each.guid in self._hidden for each in self.replica.above_of(node))

    def dn(self, node: Node) -> str:
        """Return the object's name as this request wants names: plain, or extended ([MS-ADTS] 3.1.1.3.4.1.5)."""
        plain = self.plain(node)
        if self._extended is None:
            return plain
        sid = next((value for value in node.values.get("objectsid", ()) if isinstance(value, bytes)), b"")
        if self._extended == 0:
            parts = [f"<GUID={node.guid.bytes_le.hex()}>", f"<SID={sid.hex()}>" if sid else ""]
        else:
            parts = [f"<GUID={node.guid}>", f"<SID={_sid_text(sid)}>" if sid else ""]
        return ";".join([*filter(None, parts), plain])

    def plain(self, node: Node) -> str:
        """Return the object's name."""
        if node.guid not in self._names:
            self._names[node.guid] = self.replica.dn(node)
        return self._names[node.guid]

    def facts(self, node: Node) -> Seen:
        """Return what filters may ask of an object."""
        return Seen(view=self, node=node)

    def values(self, node: Node, key: str, *, plain: bool = False) -> list[bytes]:
        """Return an attribute's values as they go over the wire; `plain` for comparing."""
        if key in self._hidden_attributes:
            return []
        dn = self.plain if plain else self.dn
        if key in BACK_LINKS or key in node.links:
            return [dn(target).encode() for target in self._targets(node, key)]
        if key in node.values:
            return [value if isinstance(value, bytes) else str(value).encode() for value in node.values[key]]
        if key in _COMPUTED:
            return [self._computed(node, key, dn(node))]
        return self._constructed(node, key)

    def _targets(self, node: Node, key: str) -> Iterator[Node]:
        if key in BACK_LINKS:
            guids: Iterator[uuid.UUID] = iter(() if node.deleted else self._back.get(key, {}).get(node.guid, ()))
        else:
            guids = (guid for guid, link in node.links[key].items() if link.present)
        for guid in guids:
            target = self.replica.nodes.get(guid)
            if target is not None and not target.deleted:
                yield target

    def _computed(self, node: Node, key: str, dn: str) -> bytes:
        match key:
            case "distinguishedname":
                return dn.encode()
            case "usnchanged":
                return str(node.changed).encode()
            case "usncreated":
                return str(node.created).encode()
            case "whenchanged":
                return self.replica.time_of(node.changed)
            case _:
                return node.born

    def _constructed(self, node: Node, key: str) -> list[bytes]:
        if key == "parentguid" and node.parent:
            return [node.parent.bytes_le]
        if key == "msds-user-account-control-computed" and "useraccountcontrol" in node.values:
            return [str(_LOCKED if node.text("lockoutTime") not in ("", "0") else 0).encode()]
        if key == "canonicalname":
            parts = [value for _, value in reversed(self.replica.name_of(node))]
            domain, path = parts[:3], parts[3:]
            return [f"{'.'.join(reversed(domain))}/{'/'.join(path)}".encode()]
        return []

    # --- entries ------------------------------------------------------------------------------------------------------

    def attributes(
        self, node: Node, asked: Sequence[str], *, types_only: bool
    ) -> Iterator[tuple[str, Sequence[bytes]]]:
        """Yield what is shown of an object to who asks for these attributes."""
        for name, key, ranged in self._wanted(node, asked):
            values = self.values(node, key)
            if not values:
                continue
            if types_only:
                yield name, ()
                continue
            first, last = (0, None) if ranged is None else (int(ranged["first"]), ranged["last"])
            if ranged is None and len(values) <= self._max_val_range:
                yield name, values
                continue
            if ranged is None:
                # The attribute itself comes too, with nothing in it ([MS-ADTS] 3.1.1.3.1.3.3).
                yield name, ()
            ends = len(values) if last in (None, "*") else min(len(values), int(last or 0) + 1)
            ends = min(ends, first + self._max_val_range)
            shown = "*" if ends >= len(values) else str(ends - 1)
            yield f"{name};range={first}-{shown}", values[first:ends]

    def _wanted(self, node: Node, asked: Sequence[str]) -> Iterator[tuple[str, str, re.Match[str] | None]]:
        named = {name.lower() for name in asked}
        if "1.1" in named:
            return
        if not asked or "*" in named:
            held = [key for key in {**node.values, **node.links, **_SPELLED_BACK} if key not in named]
            for key in [*held, *_COMPUTED]:
                yield self._spelled(node, key), key, None
        for name in asked:
            ranged = _RANGED.fullmatch(name)
            key = (ranged["name"] if ranged else name).lower()
            if key != "*":
                yield (ranged["name"] if ranged else name), key, ranged

    def _spelled(self, node: Node, key: str) -> str:
        return node.spelled.get(key) or _COMPUTED.get(key) or _SPELLED_BACK.get(key) or key


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An object's facts for filters."""

    view: View
    node: Node

    def values(self, attribute: str) -> Sequence[bytes]:
        """Return the values of an attribute."""
        return self.view.values(self.node, attribute, plain=True)

    def chain(self, attribute: str) -> frozenset[names.Name]:
        """Return the names that a link attribute reaches; circles end."""
        reached: dict[uuid.UUID, Node] = {}
        open_ = [self.node]
        while open_:
            here = open_.pop()
            if attribute not in BACK_LINKS and attribute not in here.links:
                continue
            for target in self.view._targets(here, attribute):
                if target.guid not in reached:
                    reached[target.guid] = target
                    open_.append(target)
        return frozenset(names.key(self.view.replica.name_of(node)) for node in reached.values())


def constructed(key: str) -> bool:
    """Tell whether an attribute is worked out for each answer and stored nowhere."""
    return key in _CONSTRUCTED or key in BACK_LINKS or key in _COMPUTED


def _back_links(replica: Replica) -> Mapping[str, Mapping[uuid.UUID, list[uuid.UUID]]]:
    found: dict[str, dict[uuid.UUID, list[uuid.UUID]]] = {back: {} for back in BACK_LINKS}
    forward = {ahead: back for back, ahead in BACK_LINKS.items()}
    for node in replica.nodes.values():
        if node.deleted:
            continue
        for key, links in node.links.items():
            if key in forward:
                for guid, link in links.items():
                    if link.present:
                        found[forward[key]].setdefault(guid, []).append(node.guid)
    return found


def _sid_text(raw: bytes) -> str:
    parts = [str(int.from_bytes(raw[at : at + 4], "little")) for at in range(8, len(raw), 4)]
    return "-".join(["S", str(raw[0]), str(int.from_bytes(raw[2:8], "big")), *parts])


__all__ = ["Account", "Seen", "State", "Stored", "View", "constructed"]
