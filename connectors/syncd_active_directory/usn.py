"""Learns who changed by uSNChanged, which every account may read: what Active Directory offers without any right.

The mark is one server's own count; it means nothing on another one, nor on the same one after it was restored. It tells whoever
changed in any way, but not who came into a group or left one.
"""

from __future__ import annotations

from typing import ClassVar, Final

from syncd.core.errors import Problem
from syncd.core.model import ProofFact
from syncd_active_directory import messages
from syncd_active_directory.directory import first, root_of
from syncd_active_directory.names import plain
from syncd_active_directory.place import Place
from syncd_active_directory.reading import classes_of
from syncd_active_directory.tombstones import Tombstones, too_old
from syncd_active_directory.units import identity_of
from syncd_active_directory.ways import Mark, Told, Way
from syncd_active_directory.wire import Wire

MOST: Final = 10_000
"""So many changed objects at most: beyond, reading everything costs less."""


class Usn:
    """`syncd_active_directory.ways.Telling` by update sequence numbers."""

    way: ClassVar[Way] = Way.USN
    tells_members: ClassVar[bool] = False

    def __init__(self, wire: Wire, place: Place) -> None:
        self._wire = wire
        self._place = place
        self._tombstones = Tombstones(wire, place)
        self._contexts = tuple(dict.fromkeys(place.context(base) for base in place.bases))

    @property
    def tells_deletions(self) -> bool:
        """Only an account that may read CN=Deleted Objects sees who was deleted."""
        return self._tombstones.readable()

    def refused(self) -> Problem | None:
        """Look whether the server says its count and who it is."""
        if self._place.server and self._highest() is not None:
            return None
        return messages.NO_USN.at(server=self._wire.address)

    def mark(self, last: Mark | None = None) -> Mark:  # noqa: ARG002
        """Return the server's count and its invocation id."""
        return {"server": self._place.server, "usn": self._highest() or 0, "at": self._tombstones.time()}

    def since(self, mark: Mark) -> Told:
        """Tell who changed in any way, and who is deleted as far as the account may see it."""
        new, then = self.mark(), mark.get("usn")
        if over := self._over(mark, new):
            return Told(mark=mark, over=over)
        assert isinstance(then, int)
        changed: set[str] = set()
        returned: set[str] = set()
        names: dict[str, str] = {}
        wanted = [self._place.dialect.identity.attribute, "lastKnownParent"]
        for context in self._contexts:
            filter_ = f"(&(uSNChanged>={then + 1})(!(objectClass=computer)))"
            for page in self._wire.pages(base=context, filter_=filter_, wanted=wanted, doing="asking who changed"):
                for entry in page.entries:
                    identity = identity_of(entry, self._place)
                    changed.add(identity)
                    names[identity] = plain(entry.dn)
                    # It stays with an object that came back.
                    if any(name.lower() == "lastknownparent" for name in entry.attributes):
                        returned.add(identity)
                if len(changed) > MOST:
                    return Told(mark=mark, over=f"more than {MOST} objects changed: reading everything costs less")
        return self._told(mark=new, then=then, changed=changed, returned=returned, names=names)

    def _told(self, *, mark: Mark, then: int, changed: set[str], returned: set[str], names: dict[str, str]) -> Told:
        deletions = self.tells_deletions
        dead = {
            identity_of(each, self._place): classes_of(each)
            for each in (self._tombstones.since(then) if deletions else ())
        }
        detail = "uSNChanged" + ("" if deletions else "; deletions show in full reads only")
        return Told(
            mark=mark,
            changed=frozenset(changed - dead.keys() - {""}),
            gone=frozenset(dead.keys() - {""}),
            returned=frozenset(returned - dead.keys()),
            names=names,
            regrouped="a group was deleted" if any("group" in classes for classes in dead.values()) else "",
            facts=(ProofFact(name="changes are told", holds=True, detail=detail),),
        )

    def _over(self, mark: Mark, new: Mark) -> str:
        then, now = mark.get("usn"), new["usn"]
        if not isinstance(then, int) or not isinstance(now, int):
            return "the position is not one of this directory"
        if mark.get("server") != self._place.server:
            return "another domain controller answers, whose count is its own"
        if now < then:
            return "the domain controller is behind the last read: it was restored from an older state"
        if too_old(mark.get("at"), str(new["at"])):
            return "the last read is so long ago that the directory may have forgotten who was deleted"
        return ""

    def _highest(self) -> int | None:
        text = first(root_of(self._wire), "highestcommittedusn")
        return int(text) if text.isdecimal() else None
