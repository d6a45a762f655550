"""What providers push to us: a resource as it is kept, the shelf it stands on, and what a source of pushed resources reads.

Values and protocols only. The protocol (SCIM) is `syncd.scim`, the tables are the store's, and the source that reads it is a
connector's: each knows this module and none knows another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Sort(StrEnum):
    """What is pushed, in SCIM's words."""

    USER = "User"
    GROUP = "Group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One resource as it is kept."""

    id: str
    sort: Sort
    serial: int
    """Its place in lists: it never changes, and those that come later have greater ones."""
    number: int
    """The number of its last change: numbers only grow, over all resources of a database."""
    created_at: datetime
    modified_at: datetime
    body: bytes
    """What the provider said, a JSON object without id, meta, groups and members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be kept of a resource."""

    body: bytes
    name: str
    """What must be unique among its sort, folded: userName, displayName of a group."""
    external: str
    """The provider's own id; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Who is in a group."""

    id: str
    sort: Sort | None
    """None: nobody has this id. As ids are given by us, nobody ever will."""


class Shelf(Protocol):
    """What one provider has pushed, inside one transaction. It never shows anything of another provider's."""

    def get(self, sort: Sort, id: str) -> Kept | None: ...

    def named(self, sort: Sort, name: str) -> Kept | None:
        """Return who has this name, folded."""
        ...

    def external(self, sort: Sort, external: str) -> list[Kept]: ...

    def count(self, sort: Sort) -> int: ...

    def page(self, sort: Sort, *, after: int = 0, skip: int = 0, limit: int) -> list[Kept]:
        """Return resources in the order of their serials: those after one serial, without the first `skip`."""
        ...

    def all(self, sort: Sort) -> Iterator[Kept]: ...

    def add(self, sort: Sort, entry: Entry, *, id: str = "") -> Kept:
        """Keep a new resource, under an id that was never given: this one, or one of the shelf's own."""
        ...

    def put(self, kept: Kept, entry: Entry) -> Kept: ...

    def remove(self, kept: Kept) -> None:
        """Forget a resource, and its memberships on both sides; its id is remembered as gone."""
        ...

    def members(self, groups: Collection[str]) -> Mapping[str, Sequence[Member]]: ...

    def size(self, group: str) -> int:
        """Return how many members a group has."""
        ...

    def groups(self, members: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return the groups of each member."""
        ...

    def join(self, group: str, ids: Collection[str]) -> None: ...

    def leave(self, group: str, ids: Collection[str] | None) -> None:
        """Take members out; None: all of them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """A part of what was pushed, as a source reads it."""

    resources: Sequence[Kept]
    members: Mapping[str, Sequence[str]]
    """Of groups among `resources`: the ids of their members."""
    groups: Mapping[str, Sequence[str]]
    """Of users among `resources`: the ids of the groups that they are in."""
    gone: Sequence[str] = ()
    """Ids that were deleted."""
    upto: int = 0
    """The number of the last change that the whole read has seen."""
    reached: int = 0
    """The number of the last change up to this portion."""
    full: bool = True
    """Whether everything is read, not only what changed."""


class Pushes(Protocol):
    """What a source of pushed resources is handed: one provider's shelf, to read and to listen to."""

    def portions(self, after: int | None) -> AsyncIterator[Portion]:
        """Yield what changed after a number, or everything; at least one portion. All of it is one picture or newer."""
        ...

    async def changed(self) -> None:
        """Return when something was pushed since this was asked last."""
        ...


__all__ = ["Entry", "Kept", "Member", "Portion", "Pushes", "Shelf", "Sort"]
