"""What the stand-in holds: one replica of one domain, with the bookkeeping by which domain controllers replicate.

Each attribute and each value of a link carries the stamp of the change that made it: which replica (its invocation id), that
replica's update sequence number, and a version ([MS-ADTS] 3.1.1.1.9, 3.1.1.1.11). Several replicas follow each other by
`replicate_from`, so that failover, a controller that is behind and a restored one behave as they do. There is no schema and
no security here, and time is counted by changes.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from servers import ldap_standin_names as names
from servers.ldap_standin_node import Link, Node, Stamp, Stored

Raw = str | bytes | int | Sequence[str | bytes]

BASE: Final = "DC=corp,DC=example,DC=com"
BACK_LINKS: Final = {"memberof": "member", "directreports": "manager", "managedobjects": "managedby"}
FORWARD_LINKS: Final = frozenset({"member", "manager", "managedby", "assistant", "secretary"})
_SPELLED: Final = {"managedby": "managedBy", "memberof": "memberOf", "directreports": "directReports"}
_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("top", "person", "organizationalPerson", "user"),
    "computer": ("top", "person", "organizationalPerson", "user", "computer"),
    "contact": ("top", "person", "organizationalPerson", "contact"),
    "group": ("top", "group"),
    "organizationalUnit": ("top", "organizationalUnit"),
    "container": ("top", "container"),
    "domainDNS": ("top", "domain", "domainDNS"),
    "nTDSDSA": ("top", "applicationSettings", "nTDSDSA"),
}
_CATEGORIES: Final = {
    "user": "Person", "contact": "Person", "computer": "Computer", "group": "Group", "container": "Container",
    "organizationalUnit": "Organizational-Unit", "domainDNS": "Domain-DNS", "nTDSDSA": "NTDS-DSA",
}  # fmt: skip
_PRINCIPALS: Final = frozenset({"user", "computer", "group"})
_TOMBSTONE: Final = frozenset(
    [
        "objectclass",
        "objectguid",
        "objectsid",
        "samaccountname",
        "name",
        "useraccountcontrol",
        "instancetype",
        "grouptype",
    ]
)
"""What is left of a deleted object without the recycle bin ([MS-ADTS] 3.1.1.5.5.1.1), as far as it is played here."""
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_BASE_NAME: Final = names.parsed(BASE)
_DOMAIN_SID: Final = (21, 1111111111, 2222222222, 3333333333)


class Replica:
    """One domain controller's copy of the domain."""

    def __init__(self, *, name: str = "DC1", seed: str = "corp") -> None:
        self.name = name
        self.usn = 10_000
        self.invocation = uuid.uuid5(uuid.NAMESPACE_DNS, f"{seed} {name}")
        self.synchronized = True
        self.below: list[str] = []
        """Names of domains below this one: searches answer with a continuation for each ([MS-ADTS] 3.1.1.3.1.1)."""
        self.nodes: dict[uuid.UUID, Node] = {}
        self.vector: dict[uuid.UUID, int] = {}
        self._children: dict[uuid.UUID | None, dict[names.Rdn, uuid.UUID]] = {}
        self._seed = seed
        self._made = 0
        self.root = self.add(BASE, "domainDNS").guid
        self.deleted_objects = self.add(f"CN=Deleted Objects,{BASE}", "container", isDeleted="TRUE").guid

    # --- looking ------------------------------------------------------------------------------------------------------

    def copied(self) -> Replica:
        """Return the same replica once more; from then on the two know nothing of each other."""
        twin = object.__new__(Replica)
        twin.__dict__.update({name: copy.copy(value) for name, value in self.__dict__.items()})
        twin.nodes = {guid: node.copied() for guid, node in self.nodes.items()}
        twin._children = {parent: dict(held) for parent, held in self._children.items()}
        return twin

    def find(self, dn: str) -> Node | None:
        """Return the object of that name, or of `<GUID=…>`; deleted ones too, by the names that they have then."""
        if identity := names.identity(dn):
            return self.nodes.get(identity)
        wanted, at = names.key(names.parsed(dn)), names.key(names.parsed(BASE))
        if wanted[-len(at) :] != at:
            return None
        guid: uuid.UUID | None = self.root
        for rdn in reversed(wanted[: -len(at)]):
            guid = self._children.get(guid, {}).get(rdn)
            if guid is None:
                return None
        return self.nodes[guid] if guid else None

    def named(self, login: str) -> Node:
        """Return who has this sAMAccountName."""
        return next(node for node in self.nodes.values() if node.text("sAMAccountName") == login and not node.deleted)

    def name_of(self, node: Node) -> names.Name:
        """Return the name of an object."""
        parts: list[names.Rdn] = []
        at: Node | None = node
        while at is not None and at.guid != self.root:
            parts.append(at.rdn)
            at = self.nodes[at.parent] if at.parent else None
        return (*parts, *_BASE_NAME)

    def dn(self, node: Node) -> str:
        """Return the name of an object as text."""
        return names.written(self.name_of(node))

    def below_of(self, node: Node) -> Iterator[Node]:
        """Yield everything below an object, whatever the depth."""
        open_ = list(self._children.get(node.guid, {}).values())
        while open_:
            guid = open_.pop()
            yield self.nodes[guid]
            open_.extend(self._children.get(guid, {}).values())

    def children_of(self, node: Node) -> Iterator[Node]:
        """Yield what stands directly below an object."""
        for guid in self._children.get(node.guid, {}).values():
            yield self.nodes[guid]

    def above_of(self, node: Node) -> Iterator[Node]:
        """Yield the object itself and all above it."""
        at: uuid.UUID | None = node.guid
        while at is not None:
            yield self.nodes[at]
            at = self.nodes[at].parent

    def time_of(self, usn: int) -> bytes:
        """Return when a change was made, as GeneralizedTime."""
        return f"{_EPOCH + timedelta(seconds=usn):%Y%m%d%H%M%S.0Z}".encode()

    # --- changing -----------------------------------------------------------------------------------------------------

    def add(self, dn: str, kind: str, **attributes: Raw) -> Node:
        """Add an object of a class; `name` and the like come by themselves. Link attributes take names."""
        rdn, *above = names.parsed(dn)
        parent = self.find(names.written(tuple(above))) if dn != BASE else None
        if dn != BASE and parent is None:
            raise KeyError(f"nothing above {dn}")
        self._made += 1
        number = self._made
        guid = uuid.uuid5(self.invocation, f"{self._seed} {number}")
        usn = self._next()
        node = Node(guid=guid, parent=parent.guid if parent else None, rdn=rdn, created=usn, born=self.time_of(usn))
        self.nodes[guid] = node
        if parent:
            self._children.setdefault(parent.guid, {})[names.key((rdn,))[0]] = guid
        schema = f"CN=Schema,CN=Configuration,{BASE}"
        own: dict[str, Raw] = {
            "objectClass": _CLASSES[kind],
            "objectCategory": f"CN={_CATEGORIES[kind]},{schema}",
            "objectGUID": guid.bytes_le,
            "instanceType": "4",
            "name": rdn[1],
            rdn[0].lower(): rdn[1],
        }
        if kind in _PRINCIPALS:
            own["objectSid"] = sid(1000 + number)
        for name, value in {**own, **attributes}.items():
            self._put(node, name, value, usn)
        return node

    def modify(self, target: Node | str, **attributes: Raw | None) -> None:
        """Replace values; None clears an attribute."""
        node = self._node(target)
        usn = self._next()
        for name, value in attributes.items():
            self._put(node, name, () if value is None else value, usn)

    def rename(self, target: Node | str, rdn: str = "", *, above: str = "") -> None:
        """Give an object another name, another place, or both. What stands below it follows without being changed."""
        node = self._node(target)
        usn = self._next()
        self._place(node, names.parsed(rdn)[0] if rdn else node.rdn, self._node(above).guid if above else node.parent)
        self._put(node, "name", node.rdn[1], usn)
        self._put(node, node.rdn[0].lower(), node.rdn[1], usn)

    def delete(self, target: Node | str, *, tree: bool = False) -> None:
        """Make a tombstone; with `tree`, of all below it, too."""
        node = self._node(target)
        if tree:
            for each in reversed(list(self.below_of(node))):
                self.delete(each)
        usn = self._next()
        for name in [*node.values]:
            if name not in _TOMBSTONE:
                self._put(node, name, (), usn)
        for name, links in node.links.items():
            for link in links.values():
                link.present = False
                link.stamp = self._stamp(usn, link.stamp)
            node.stamps[name] = self._stamp(usn, node.stamps.get(name))
        node.deleted, node.last_parent = True, node.parent
        self._forget(node.guid)
        rdn = (node.rdn[0], f"{node.rdn[1]}\nDEL:{node.guid}")
        self._place(node, rdn, self.deleted_objects)
        self._put(node, "isDeleted", "TRUE", usn)
        self._put(node, "name", rdn[1], usn)

    def reanimate(self, target: Node | str, *, above: str = "") -> None:
        """Make an object of a tombstone: what was stripped stays away ([MS-ADTS] 3.1.1.5.3.7)."""
        node = self._node(target)
        usn = self._next()
        home = self._node(above).guid if above else node.last_parent
        node.deleted = False
        self._place(node, (node.rdn[0], node.rdn[1].split("\n")[0]), home)
        for name, value in (("isDeleted", ()), ("name", node.rdn[1]), (node.rdn[0].lower(), node.rdn[1])):
            self._put(node, name, value, usn)

    def _forget(self, guid: uuid.UUID) -> None:
        """Drop what names an object that was deleted: each replica does so by itself, and no change of anybody comes of it."""
        for node in self.nodes.values():
            for links in node.links.values():
                links.pop(guid, None)

    def join(self, group: Node | str, *members: Node | str) -> None:
        """Add members, one value each."""
        self._relink(group, members, present=True)

    def part(self, group: Node | str, *members: Node | str) -> None:
        """Take members away, one value each."""
        self._relink(group, members, present=False)

    def _relink(self, group: Node | str, members: Sequence[Node | str], *, present: bool) -> None:
        node = self._node(group)
        usn = self._next()
        held = node.links.setdefault("member", {})
        node.spelled["member"] = "member"
        for member in members:
            guid = self._node(member).guid
            before = held[guid].stamp if guid in held else None
            held[guid] = Link(present=present, stamp=self._stamp(usn, before))

    def _put(self, node: Node, name: str, value: Raw, usn: int) -> None:
        key = name.lower()
        node.spelled[key] = _SPELLED.get(key, name)
        listed = [value] if isinstance(value, str | bytes | int) else list(value)
        values: list[Stored] = [each if isinstance(each, bytes) else str(each).encode() for each in listed]
        if key in FORWARD_LINKS:
            held = node.links.setdefault(key, {})
            wanted = {found.guid for each in listed if (found := self.find(str(each)))}
            for guid in {*held, *wanted}:
                if guid not in held or held[guid].present is not (guid in wanted):
                    before = held[guid].stamp if guid in held else None
                    held[guid] = Link(present=guid in wanted, stamp=self._stamp(usn, before))
        else:
            node.values[key] = values
        node.stamps[key] = self._stamp(usn, node.stamps.get(key))

    def _place(self, node: Node, rdn: names.Rdn, parent: uuid.UUID | None) -> None:
        if node.parent:
            self._children.get(node.parent, {}).pop(names.key((node.rdn,))[0], None)
        node.rdn, node.parent = rdn, parent
        if parent:
            self._children.setdefault(parent, {})[names.key((rdn,))[0]] = node.guid

    def _node(self, target: Node | str) -> Node:
        found = self.find(target) if isinstance(target, str) else self.nodes[target.guid]
        if found is None:
            raise KeyError(target)
        return found

    def _next(self) -> int:
        self.usn += 1
        self.vector[self.invocation] = self.usn
        return self.usn

    def _stamp(self, usn: int, before: Stamp | None) -> Stamp:
        version = before.version + 1 if before else 1
        return Stamp(invocation=self.invocation, usn=usn, local=usn, version=version)

    # --- other controllers --------------------------------------------------------------------------------------------

    def twin(self, name: str) -> Replica:
        """Return another controller's copy that is in step with this one: other update numbers, another invocation id."""
        other = self.copied()
        other.name, other.usn = name, 500_000
        # Its own pool of relative ids: no two controllers give out one SID.
        other._made += 5_000
        other.invocation = uuid.uuid5(uuid.NAMESPACE_DNS, f"{self._seed} {name}")
        other.vector[other.invocation] = other.usn
        for node in sorted(other.nodes.values(), key=lambda each: each.changed):
            usn = other._next()
            node.stamps = {key: replace(stamp, local=usn) for key, stamp in node.stamps.items()}
            for links in node.links.values():
                for link in links.values():
                    link.stamp = replace(link.stamp, local=usn)
        return other

    def restored(self, *, properly: bool) -> Replica:
        """Return a copy as a backup would bring it back: properly it has a new invocation id ([MS-ADTS] 3.1.1.1.9); by copying
        a virtual machine's disk it has the old one, and gives numbers out twice."""
        other = self.copied()
        if properly:
            other.invocation = uuid.uuid5(self.invocation, "restored")
            other.vector[other.invocation] = other.usn
        return other

    def replicate_from(self, other: Replica) -> None:
        """Take what the other knows and this one does not."""
        for theirs in sorted(other.nodes.values(), key=lambda each: each.changed):
            news = [key for key, stamp in theirs.stamps.items() if not self.knows(stamp)]
            linked = [
                (key, guid, link)
                for key, links in theirs.links.items()
                for guid, link in links.items()
                if not self.knows(link.stamp)
            ]
            if news or linked:
                self._take(theirs, news, linked)
        for invocation, usn in other.vector.items():
            self.vector[invocation] = max(usn, self.vector.get(invocation, 0))

    def knows(self, stamp: Stamp) -> bool:
        """Tell whether this replica has heard of a change."""
        return self.vector.get(stamp.invocation, 0) >= stamp.usn

    def _take(self, theirs: Node, news: Sequence[str], linked: Sequence[tuple[str, uuid.UUID, Link]]) -> None:
        usn = self._next()
        mine = self.nodes.get(theirs.guid)
        if mine is None:
            mine = Node(guid=theirs.guid, parent=None, rdn=theirs.rdn, created=usn, born=theirs.born)
            self.nodes[theirs.guid] = mine
        for key in news:
            if key in mine.stamps and mine.stamps[key].version > theirs.stamps[key].version:
                continue
            mine.stamps[key] = replace(theirs.stamps[key], local=usn)
            mine.spelled[key] = theirs.spelled[key]
            if key in theirs.values:
                mine.values[key] = list(theirs.values[key])
            if key == "name":
                mine.deleted, mine.last_parent = theirs.deleted, theirs.last_parent
                self._place(mine, theirs.rdn, theirs.parent)
                if theirs.deleted:
                    self._forget(mine.guid)
        for key, guid, link in linked:
            mine.spelled[key] = theirs.spelled[key]
            mine.links.setdefault(key, {})[guid] = Link(present=link.present, stamp=replace(link.stamp, local=usn))


def sid(relative: int) -> bytes:
    """Return the security identifier of the domain with this relative id."""
    parts = (*_DOMAIN_SID, relative)
    return bytes((1, len(parts))) + (5).to_bytes(6, "big") + b"".join(part.to_bytes(4, "little") for part in parts)
