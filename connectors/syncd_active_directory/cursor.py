"""The cursor: what the source keeps between two reads, as one text. It reads and writes JSON and decides nothing.

It holds the position in the server's history (`Mark`), and what the last full read saw, so that the next one can be compared with
it. A cursor of another version or of other settings is not understood on purpose: the next read then starts over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from syncd_active_directory.ways import Mark, Way

VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the last full read that could be proven saw. Counts are of objects; keys are ids, never names of people."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """By kind."""
    bases: Mapping[str, str] = field(default_factory=dict)
    """The id of each base, by its name in lower case."""
    branches: Mapping[str, int] = field(default_factory=dict)
    """How many people stood directly in each unit that held some, by a digest of the unit's id."""
    rights: tuple[str, ...] = ()
    """Digests of the groups that the account was in, where the server tells."""
    server: str = ""
    """Which server showed it (`Place.server`)."""
    at: int = 0
    """When, in seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A position, whose it is, and what was seen."""

    dialect: str
    way: Way
    mark: Mark
    server: str
    """Identifies the server and its database (`Place.server`)."""
    digest: str
    """Of the settings that decide what is read (`Place.digest`)."""
    state: Mapping[str, int | str] = field(default_factory=dict)
    """How far the server was, in its own numbers (highestCommittedUSN, contextCSN): it must not be lower next time."""
    units: str = ""
    """Which units were there, packed by `units.packed`; empty where that is not known."""
    seen: Seen = field(default_factory=Seen)
    at: int = 0
    """When the read was made, by our clock, in seconds since 1970."""
    review: int = 0
    """When somebody's state changes next by itself, in seconds since 1970; 0: not known of anybody."""
    since: int = 0
    """From when on reads have come from `server`, in seconds since 1970."""
    left: int = 0
    """How many objects were told as deleted, or were found outside, since `seen`; -1: not known."""
    moved: int = 0
    """How many were told as moved since `seen`."""
    recent: tuple[str, ...] = ()
    """Ids of those who are new or came back since `seen`: a server that does not have them is behind."""
    hidden: tuple[str, ...] = ()
    """Ids that the server has told as changed and does not show: why they are not asked about again."""


def written(cursor: Cursor) -> str:
    """Return the cursor as text."""
    # Not `asdict`: it copies every value, and a cursor is written at each change.
    said = {"version": VERSION, **_said(cursor), "seen": _said(cursor.seen)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=dict)


def _said(one: Cursor | Seen) -> dict[str, Any]:
    return {each.name: getattr(one, each.name) for each in fields(one)}


def parsed(text: str) -> Cursor | str:
    """Return what `written` wrote; or, as text, why it cannot be used."""
    try:
        found = json.loads(text)
        if found.pop("version") != VERSION:
            return "it was written by another version of syncd"
        return _cursor(found)
    except (ValueError, KeyError, TypeError, AttributeError):
        return "it cannot be read"


def _cursor(found: dict[str, Any]) -> Cursor:
    then = found.pop("seen")
    seen = Seen(**{**then, "rights": tuple(then["rights"])})
    listed = {name: tuple(found[name]) for name in ("recent", "hidden")}
    cursor = Cursor(seen=seen, **{**found, **listed, "way": Way(found["way"])})
    texts = (
        cursor.dialect,
        cursor.server,
        cursor.digest,
        cursor.units,
        seen.server,
        *seen.rights,
        *cursor.recent,
        *cursor.hidden,
    )
    numbers = (
        cursor.at,
        cursor.review,
        cursor.since,
        cursor.left,
        cursor.moved,
        seen.at,
        *seen.counts.values(),
        *seen.branches.values(),
    )
    mappings = (cursor.mark, cursor.state, seen.counts, seen.bases, seen.branches)
    whole = all(isinstance(each, dict) for each in mappings) and all(isinstance(each, int) for each in numbers)
    if not whole or not all(isinstance(each, str) for each in texts):
        raise TypeError("not what was written")
    return cursor
