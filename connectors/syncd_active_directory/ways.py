"""The ways in which a server tells who changed: the contract between a read and `dirsync`, `usn`, `syncrepl` and the others.

A way tells who, never what: the entries are then read again by the same code that reads everything, so that a delta and a full
read yield the same records. A way decides nothing about absence beyond what the server itself calls deleted, and stores nothing:
its mark travels in the cursor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from syncd.core.errors import Problem
from syncd.core.model import ProofFact


class Way(StrEnum):
    """How a server can be asked who changed. The setting `changes` uses the same words."""

    DIRSYNC = "dirsync"
    """Active Directory's directory synchronization control ([MS-ADTS] 3.1.1.3.4.1.3)."""
    USN = "usn"
    """Active Directory's uSNChanged, and the tombstones below CN=Deleted Objects."""
    SYNCREPL = "syncrepl"
    """RFC 4533, refreshOnly."""
    CHANGELOG = "changelog"
    """The retro changelog of 389 Directory Server."""
    STAMPS = "timestamps"
    """modifyTimestamp or entryCSN: blind to deletions."""
    NONE = "none"
    """Every read is a full read."""


Mark: TypeAlias = Mapping[str, str | int]
"""A position in a server's history, as JSON can hold it. Only the way that made it understands it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a way tells. It may tell more than changed (an attribute that nobody reads), never less, unless `over` says so.

    Identities are text, as in `SourceRecord.native_id`. An identity that is told may be of anything: a computer, an object
    outside base and filter.
    """

    mark: Mark
    """The new position; it is stored only after everything was yielded."""
    changed: frozenset[str] = frozenset()
    """Who is to be read again: changed, new, moved, renamed, come back; and, from a way that `tells_members`, whoever came
    into a group or left one."""
    gone: frozenset[str] = frozenset()
    """Whom the server itself calls deleted."""
    moved: frozenset[str] | None = None
    """Those of `changed` that are new, come back, or have another name or place; None where the way cannot tell, so that each
    may be."""
    born: frozenset[str] = frozenset()
    """Those of `moved` that are new, where the way can tell."""
    persons: bool = False
    """Whether each of `changed` is a person by its own classes, and cannot be a unit: then units need not be asked for them."""
    returned: frozenset[str] = frozenset()
    """Those of `changed` that were deleted before, as far as the way can tell: whoever refers to them may do so again."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Where those of `changed` stand now (DN), if the way says so: who stands outside and was not moved is of no interest."""
    regrouped: str = ""
    """Not empty: memberships changed in a way that `changed` cannot express (a group was deleted), in plain words. Where rules
    or filters look at memberships, the read starts over."""
    inexact: str = ""
    """Not empty: all of this is so, but it changed others in ways that nobody tells (a server that rewrites references to
    somebody deleted), so that a delta would not be exact: it starts over, and why in plain words. A full read may rely on it."""
    over: str = ""
    """Not empty: start over with a full read, and why in plain words (stale cookie, present phase, a server that is behind)."""
    facts: tuple[ProofFact, ...] = ()
    """What was checked: shown with the read; one that does not hold takes the proof away."""


class Telling(Protocol):
    """One way on one connection. Made with `(wire, place)`, a `Wire` and a `syncd_active_directory.place.Place`.

    Its methods block and raise as the wire does.
    """

    way: Way
    tells_members: bool
    """Whether `changed` holds the people who came into a group or left one when only the group itself was changed."""
    tells_deletions: bool
    """Whether `gone` is complete; otherwise deletions show only in full reads."""

    def refused(self) -> Problem | None:
        """Ask the server, cheaply, whether this account may use this way; None means that it may.

        The problem says which right or setting is missing and how it is granted.
        """
        ...

    def mark(self, last: Mark | None = None) -> Mark:
        """Return the position before a full read begins: what changes while it runs is told by the next delta.

        `last` is a mark of an earlier read of the same way and server, where there is one: some ways get on faster from there.
        It may be stale or foreign; then it is not used.
        """
        ...

    def since(self, mark: Mark) -> Told:
        """Tell who changed since `mark`. A mark that is not understood, stale or foreign gives `over`, never an error."""
        ...


BEHIND: Final = ProofFact(
    name="server has what it told before", holds=False, detail="no: it was restored from an older state, or lags behind"
)
"""Among `Told.facts` from the call that finds it out until the connection ends: the full read that follows is not a good one."""
