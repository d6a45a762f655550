"""What the store gives and takes: one frozen value per kind of row.

Rooms above the store exchange these values and the nouns of `syncd.core.model`, never SQL rows or dictionaries. Nothing here
reads or writes; importing it does not import SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from syncd.core.errors import Place
from syncd.core.model import (
    Aside,
    Desired,
    Effect,
    Kind,
    NativeId,
    Observed,
    ProofFact,
    RunId,
    SourceName,
    SubjectId,
)
from syncd.core.values import Values
from syncd.store.queue_values import (
    OPEN_STATES,
    WAITING_STATES,
    Accepted,
    Blocked,
    QueueCounts,
    QueuedChange,
    QueueState,
    Settlement,
)
from syncd.store.told import Told

ALIAS: Final = "@alias"
"""The key name under which a record's aliases are found; their values are compared case-insensitively."""
SAME_ID: Final = "@id"
"""The key name under which a record's id is found in any case; kept only where the id is not in that form already."""
ALIKE: Final = "~"
"""Before the name of a key that holds the form in which values are compared when records find each other."""
REFERS: Final = ">"
"""How the name of a key begins under which a record's reference is kept; the attribute's name follows."""


# --- runs and reads -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One cycle or command: when it ran, under which configuration, and what came of it."""

    run_id: RunId
    kind: str
    """What ran, in the engine's words: `sync`, `plan`, `observe`…"""
    started_at: datetime
    config_digest: bytes
    finished_at: datetime | None = None
    """None while it runs, and for ever if the process died."""
    result: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRow:
    """One read of one source, with the proof of its completeness and the cursor that it left."""

    source: SourceName
    run_id: RunId
    started_at: datetime
    finished_at: datetime
    full: bool
    proven: bool
    facts: tuple[ProofFact, ...]
    count: int
    """Records seen in this read."""
    cursor: str | None = None
    notes: tuple[Told, ...] = ()


# --- records --------------------------------------------------------------------------------------------------------


class RecordState(StrEnum):
    """What the mapping made of a record."""

    MAPPED = "mapped"
    EXCLUDED = "excluded"
    """A rule leaves it out on purpose."""
    PARKED = "parked"
    """It could not be mapped; its problems say why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedRecord:
    """A source's record as it was last read and mapped. Units derived from paths are records too."""

    source: SourceName
    kind: Kind
    native_id: NativeId
    digest: bytes
    """Digest of the record's content, as the source gave it."""
    rules_digest: bytes
    """Digest of the rules that mapped it; another digest means that it has to be mapped again."""
    state: RecordState
    label: str
    attributes: Values | None = None
    """What the source said. None: not asked for (`iterate`) or not kept."""
    aliases: tuple[str, ...] = ()
    facts: Values = field(default_factory=dict)
    origins: Mapping[str, Place] = field(default_factory=dict)
    keys: tuple[tuple[str, str], ...] = ()
    """(name, value) pairs by which records refer to this one and by which records are joined. Unordered.

    Filled by `get` and `of_subject` only; `iterate_keys` streams all."""
    problems: tuple[Told, ...] = ()
    subject: SubjectId | None = None
    changed_at: datetime | None = None
    """When the source says that it changed."""
    absent_since: datetime | None = None
    """When a proven read first did not see it any more; None for a record that is there."""
    fingerprint: bytes = b""
    """Of the raw encoding (`SourceRecord.fingerprint`); empty where the source has none."""
    review_at: datetime | None = None
    """From when on the same encoding may mean something else."""
    facts_digest: bytes = b""
    """Of what the mapping made of it, in the engine's way; empty where nobody asked."""
    refers: tuple[tuple[str, str], ...] = ()
    """(attribute, text) pairs: the texts by which this record names others. Unordered; they come back case-folded.

    Filled by `get` and `of_subject` only."""
    references: Mapping[str, NativeId] = field(default_factory=dict)
    """What texts of `attributes` that name others mean, as the source said; kept with `attributes`."""


class Was(NamedTuple):
    """What is remembered of a record that is read again: enough to see what changed about it. Made for each record."""

    digest: bytes
    fingerprint: bytes
    facts_digest: bytes
    rules_digest: bytes
    state: RecordState
    subject: SubjectId | None
    absent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """A record that goes by a name."""

    source: SourceName
    kind: Kind
    native_id: NativeId
    value: str
    """The name, folded."""
    subject: SubjectId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A record that its source says something else of from a moment on that it named."""

    at: datetime
    kind: Kind
    native_id: NativeId
    label: str
    subject: SubjectId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A record that names somebody."""

    attribute: str
    kind: Kind
    subject: SubjectId | None
    source: SourceName
    native_id: NativeId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key of one present record."""

    native_id: NativeId
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecord:
    """A record that a search found."""

    source: SourceName
    kind: Kind
    native_id: NativeId
    label: str
    subject: SubjectId | None = None


# --- the org tree's other side --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredRow:
    """What the target shall hold of a subject, with the digest by which it is compared."""

    desired: Desired
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideRow:
    """What is left as it is and why. `scope` is whatever was replaced together: a source's name, `plan`, …"""

    scope: str
    aside: Aside


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedRow:
    """What the target held of one object, and when we last saw it."""

    observed: Observed
    at: datetime


# --- holds and allocations ------------------------------------------------------------------------------------------


class HoldState(StrEnum):
    """Where a hold stands."""

    OPEN = "open"
    RELEASED = "released"
    EXPIRED = "expired"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRow:
    """Changes of one effect that the guard holds until somebody releases exactly this plan (by fingerprint)."""

    id: str
    run_id: RunId
    effect: Effect
    fingerprint: str
    reasons: tuple[str, ...]
    count: int
    names: tuple[str, ...]
    """Labels of those concerned, for the person who decides."""
    created_at: datetime
    expires_at: datetime
    state: HoldState = HoldState.OPEN
    released_by: str = ""
    released_at: datetime | None = None
    reason: str = ""
    """Why it was released or dropped, in the words of who did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A unique value of a target's field that a subject keeps for ever (a login name, a userid)."""

    target: str
    field: str
    value: str
    subject: SubjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a database for itself."""

    who: str
    pid: int
    host: str
    since: datetime


__all__ = [
    "ALIAS",
    "ALIKE",
    "OPEN_STATES",
    "REFERS",
    "SAME_ID",
    "WAITING_STATES",
    "Accepted",
    "Allocation",
    "AsideRow",
    "Blocked",
    "DesiredRow",
    "FoundRecord",
    "HoldRow",
    "HoldState",
    "Holder",
    "KeyRow",
    "Meant",
    "ObservedRow",
    "QueueCounts",
    "QueueState",
    "QueuedChange",
    "ReadRow",
    "RecordState",
    "Reference",
    "RunRow",
    "Settlement",
    "StagedRecord",
    "Told",
    "Was",
]
