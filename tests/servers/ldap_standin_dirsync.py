"""DirSync as a domain controller plays it ([MS-ADTS] 3.1.1.3.4.1.3): what changed since a cookie, in batches.

The cookie is an up-to-dateness vector, so it is good on every controller of the domain, and nothing that one controller has
not heard of is taken for told. Within several batches it also holds how far this one has come. Whether deleted objects come
without the show-deleted control is recalled, not cited: here they come to whoever has the right to see them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from servers import ldap_standin_ber as ber
from servers.ldap_standin_node import Link, Node, Stamp
from servers.ldap_standin_search import DIRSYNC, SUBTREE, Answer, Limits, Search, refused
from servers.ldap_standin_tree import Replica
from servers.ldap_standin_view import Account, View, constructed

OBJECT_SECURITY: Final = 0x1
ANCESTORS_FIRST: Final = 0x800
INCREMENTAL: Final = 0x80000000
_ALWAYS: Final = ("objectGUID", "instanceType")
_MAGIC: Final = b"MSDS"
_BROKEN: Final = "00000057: LdapErr: DSID-0C090C2A, comment: Error processing control, data 0, v4563"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """How far a client has come."""

    known: Mapping[uuid.UUID, int]
    invocation: uuid.UUID | None = None
    through: int = 0
    """Of the replica `invocation`, in the middle of several batches: up to which of its own numbers was told."""

    def packed(self) -> bytes:
        """Return the bytes that the client keeps."""
        known = {str(key): usn for key, usn in self.known.items()}
        return _MAGIC + json.dumps([known, str(self.invocation or ""), self.through]).encode()

    @classmethod
    def unpacked(cls, raw: bytes) -> Cookie:
        """Return the cookie of such bytes; none at all is the beginning. Raises `ValueError`."""
        if not raw:
            return cls(known={})
        if not raw.startswith(_MAGIC):
            raise ValueError("not a cookie")
        known, invocation, through = json.loads(raw[len(_MAGIC) :])
        return cls(
            known={uuid.UUID(key): int(usn) for key, usn in known.items()},
            invocation=uuid.UUID(invocation) if invocation else None,
            through=int(through),
        )

    def told(self, stamp: Stamp) -> bool:
        """Tell whether the client has heard of a change."""
        return self.known.get(stamp.invocation, 0) >= stamp.usn


def changes(search: Search, *, view: View, base: Node, account: Account, limits: Limits) -> Answer:
    """Return the next batch of changes."""
    try:
        flags, size, raw = ber.sequence_of(search.controls[DIRSYNC].value)
        # A client may send 0x80000000 as a negative number of four octets or as a positive one of five.
        wanted = ber.number(flags) & 0xFFFFFFFF
        cookie = Cookie.unpacked(raw)
    except ValueError:
        return refused(12, _BROKEN)
    secure = bool(wanted & OBJECT_SECURITY)
    if base.guid != view.replica.root or search.scope != SUBTREE:
        if secure:
            return refused(53, "000020F7: SvcErr: DSID-0315125E, problem 5003 (WILL_NOT_PERFORM), data 0")
        return refused(50, "000020F7: SecErr: DSID-03151D54, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0")
    if not secure and not account.replicates:
        return refused(50, "00002105: SecErr: DSID-03151D8D, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0")
    everybody = Account(name="the replication itself")
    eyes = view if secure else View(view.replica, everybody, extended=view._extended, max_val_range=1 << 30)
    most = min(ber.number(size) or limits.dirsync_bytes, limits.dirsync_bytes)
    return _batch(search, eyes, cookie, most=most, incremental=bool(wanted & INCREMENTAL))


def _batch(search: Search, view: View, cookie: Cookie, *, most: int, incremental: bool) -> Answer:
    replica = view.replica
    begun = cookie.through if cookie.invocation == replica.invocation else 0
    answer, spent, through = Answer(), 0, begun
    for node in sorted(replica.nodes.values(), key=lambda each: each.changed):
        if node.changed <= begun:
            continue
        shown = _changed(search, view, node, cookie, incremental=incremental)
        if shown:
            if spent >= most:
                return _closed(
                    answer, Cookie(known=cookie.known, invocation=replica.invocation, through=through), more=True
                )
            entry = ber.entry(view.dn(node).encode(), shown)
            answer.entries.append((view.plain(node), entry))
            spent += len(entry)
        through = node.changed
    heard = {key: max(usn, cookie.known.get(key, 0)) for key, usn in replica.vector.items()}
    known = {**cookie.known, **heard}
    return _closed(answer, Cookie(known=known, invocation=replica.invocation, through=replica.usn), more=False)


def _closed(answer: Answer, cookie: Cookie, *, more: bool) -> Answer:
    value = ber.sequence(ber.integer(int(more)), ber.integer(0), ber.octets(cookie.packed()))
    answer.controls.append(ber.Control(oid=DIRSYNC, value=value))
    return answer


def _changed(
    search: Search, view: View, node: Node, cookie: Cookie, *, incremental: bool
) -> list[tuple[str, Sequence[bytes]]]:
    """Return what is told of an object, nothing if it did not change for who asks."""
    if all(map(cookie.told, node.stamps.values())) and all(
        cookie.told(link.stamp) for links in node.links.values() for link in links.values()
    ):
        return []
    if not view.visible(node) or not search.question(view.facts(node)):
        return []
    asked = {name.lower() for name in search.attributes} - {"*"}
    told: list[tuple[str, Sequence[bytes]]] = []
    for key in {**node.stamps, **node.links}:
        # `cn` alone, like objectGUID and parentGUID alone, says nothing: the object's name is `name`.
        if (asked and key not in asked) or constructed(key) or key in (node.rdn[0].lower(), "objectguid"):
            continue
        told.extend(_values(view, node, key, cookie, incremental=incremental))
    if not told:
        return []
    if any(name == "name" for name, _ in told) and node.parent:
        told.append(("parentGUID", [node.parent.bytes_le]))
    present = {name.lower() for name, _ in told}
    told.extend(
        (name, values)
        for name in _ALWAYS
        if name.lower() not in present and (values := view.values(node, name.lower()))
    )
    return told


def _values(
    view: View, node: Node, key: str, cookie: Cookie, *, incremental: bool
) -> Iterator[tuple[str, Sequence[bytes]]]:
    name = node.spelled[key]
    links = node.links.get(key)
    if links is None:
        if not cookie.told(node.stamps[key]):
            values = view.values(node, key)
            # What was never there is not told as cleared to somebody who begins.
            if values or cookie.known:
                yield name, values
        return
    news = {guid: link for guid, link in links.items() if not cookie.told(link.stamp)}
    if not news:
        return
    if not incremental or key != "member":
        values = view.values(node, key)
        if values or cookie.known:
            yield name, values
        return
    for mark, present in (("1-1", True), ("0-0", False)):
        if values := list(_named(view, view.replica, news, present=present)):
            yield f"{name};range={mark}", values


def _named(view: View, replica: Replica, links: Mapping[uuid.UUID, Link], *, present: bool) -> Iterator[bytes]:
    for guid, link in links.items():
        target = replica.nodes.get(guid)
        if link.present is present and target is not None and not target.deleted:
            yield view.dn(target).encode()
