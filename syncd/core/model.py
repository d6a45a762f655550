"""The nouns: what a source said, what that means, what a target shall hold, and the difference.

Frozen values only; a walk through them is `SourceRecord → Entity → Desired ⇄ Observed → Change → Plan`. Nothing here knows
where a value came from beyond the words written in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

from syncd.core.errors import Place, Problem
from syncd.core.values import Value, Values

SourceName = NewType("SourceName", str)
"""The name an administrator gave a source in `syncd.yaml`."""
NativeId = NewType("NativeId", str)
"""A record's own stable id in its source: objectGUID, worker id, row key. Never a name that can change."""
SubjectId = NewType("SubjectId", str)
"""Our own id of a person, unit or group, `person:…`, `unit:…`, `group:…`; given once, never reused."""
TargetId = NewType("TargetId", str)
"""The target's id of an object: a DingTalk userid, or a department id written as text."""
ChangeId = NewType("ChangeId", str)
"""One accepted change; also the idempotency key handed to the target."""
RunId = NewType("RunId", str)

ROOT_UNIT: Final = SubjectId("unit:root")
"""The unit above all others. Always linked to the department that the target's settings name as the root."""
HOLDING_UNIT: Final = SubjectId("unit:leavers")
"""The hidden unit where leavers wait until their grace period ends. Made by us, wanted only under the policy `hold`."""
JOINERS_UNIT: Final = SubjectId("unit:joiners")
"""The hidden unit where joiners whose accounts are made ahead wait for their first day. Made by us, for the first of them."""
HOLDING_UNITS: Final = frozenset({HOLDING_UNIT, JOINERS_UNIT})
"""Our own units, in which people are out of sight."""


class Kind(StrEnum):
    """What a record, an entity or a target's object is."""

    PERSON = "person"
    UNIT = "unit"
    GROUP = "group"
    CONTACT = "contact"
    """A person of the tree as an entry of the target that is no account: sources have no records of this kind. Its ids are of
    their own and never stand where an account is meant."""

    # Enum's own is written in Python; these words are asked for in tables a hundred times per person.
    __hash__ = str.__hash__


RECORD_KINDS: Final = (Kind.PERSON, Kind.UNIT, Kind.GROUP)
"""What records and entities can be; a contact is what a target holds of a person."""


# --- what a source said ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """One object as its source has it now, decoded to values but not interpreted.

    `digest` identifies the record's whole content: equal digests mean that nothing changed and `attributes` is not looked
    at. So `attributes` may be a lazy mapping that decodes on first use.
    """

    native_id: NativeId
    kind: Kind
    digest: bytes
    attributes: Values
    aliases: tuple[str, ...] = ()
    """Other names by which records of the same source refer to this one, such as its DN; compared case-insensitively."""
    changed_at: datetime | None = None
    """When the source says it changed it, aware UTC; None where the source does not say."""
    fingerprint: bytes = b""
    """Of the raw encoding, and of everything else that decided how it was decoded: a record with a known fingerprint need not be
    decoded (`syncd.core.known.Known`). Empty where a source has none; other than `digest`, it may change without anything
    having changed."""
    review_at: datetime | None = None
    """From when on the same encoding may mean something else (an account expires then): it is decoded again."""
    references: Mapping[str, NativeId] = field(default_factory=dict)
    """What texts of `attributes` that name other records mean: their ids, where the source says so along with the text. A DN
    changes when somebody far above is renamed; an id does not."""


LEARNED: Final = "how changes are learned"
"""The name of the fact by which a source says how it learns who changed between two full reads; its detail names the way. It is
shown; nothing is concluded from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofFact:
    """One thing that was checked to prove a read complete."""

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Whether a read saw everything, and on which facts that rests. Only a proof in which every fact holds licenses absence."""

    facts: tuple[ProofFact, ...]

    @property
    def proven(self) -> bool:
        """Tell whether there is a proof and nothing speaks against it."""
        return bool(self.facts) and all(fact.holds for fact in self.facts)

    @property
    def doubts(self) -> tuple[ProofFact, ...]:
        """Return the facts that do not hold."""
        return tuple(fact for fact in self.facts if not fact.holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a read. The last page of a read carries its cursor and its completeness; earlier ones carry neither."""

    records: tuple[SourceRecord, ...] = ()
    deletions: tuple[NativeId, ...] = ()
    """Records that the source itself says are gone (a tombstone, a removed row of a delta). Proof of one absence each."""
    cursor: str | None = None
    full: bool = True
    """Whether the read covers the whole source (True) or only what changed since the cursor (False)."""
    unchanged: int = 0
    """Records that are there and were not yielded, because they are known (`syncd.core.known.Known`)."""
    completeness: Completeness | None = None
    notes: tuple[Problem, ...] = ()
    """What the administrator should know about this read (an encoding that was guessed, a record that was left out)."""


# --- what that means ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a fact or a field comes from: which source won, and the rule's place in its file."""

    source: SourceName
    native_id: NativeId
    rule: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A person, unit or group of the org tree, joined from one or more records.

    `facts` uses the canonical attribute names of `syncd.core.attributes`; references (manager, units, parent, members,
    managers) are SubjectIds. An absent key means that no source says anything; None means that a source says "nothing".
    """

    subject: SubjectId
    kind: Kind
    facts: Values
    origins: Mapping[str, Origin] = field(default_factory=dict)
    records: tuple[tuple[SourceName, NativeId], ...] = ()
    unresolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """References that name nobody we know, by attribute: kept, reported, and resolved when their object appears."""

    @property
    def label(self) -> str:
        """Return the name that people know the entity by."""
        for name in ("displayName", "name.formatted", "userName", "externalId"):
            if text := self.facts.get(name):
                return str(text)
        return self.subject


class Reason(StrEnum):
    """Why something that could have been written is not."""

    EXCLUDED = "excluded"
    PARKED = "parked"
    PROTECTED = "protected"
    AMBIGUOUS = "ambiguous"
    UNPROVEN = "unproven"
    FAILED = "failed"
    MISPLACED = "misplaced"
    """An outsider among insiders, or the other way round."""
    AHEAD = "ahead"
    """The first day is too far away for an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A record or subject that is left as it is, and why. Every one of them is counted and named."""

    reason: Reason
    kind: Kind
    name: str
    """What to call it: SubjectId or `source/native_id`."""
    label: str
    problems: tuple[Problem, ...] = ()
    why: str = ""


# --- what a target shall hold, and holds ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the target shall hold of one subject. A field that is not named is not ours to touch; None means *clear*."""

    subject: SubjectId
    kind: Kind
    label: str
    fields: Values
    active: bool = True
    """False: the subject is a leaver, or a unit that is to go."""
    rules: Mapping[str, Place] = field(default_factory=dict)
    since: datetime | None = None
    """When the source changed what led here, where it says so; the start of the delay that we measure."""
    warnings: tuple[Problem, ...] = ()
    """Fields that the rules left out, or filled with their default, because the value could not be converted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the target holds of one object. References are target ids."""

    target_id: TargetId
    kind: Kind
    label: str
    fields: Values
    mark: str = ""
    """Our own key that the object carries, where the target can hold one; proof that we made it."""
    protected: bool = False
    """Administrators and others whom the platform or the configuration forbids to touch."""
    unreadable: frozenset[str] = frozenset()
    """Fields that our permissions hide: absent, which is not the same as empty."""


class LinkState(StrEnum):
    """How a subject stands to its object in the target."""

    LINKED = "linked"
    PENDING = "pending"
    """The platform waits for somebody, such as a person who has to accept an invitation."""
    OFFBOARDED = "offboarded"
    """A leaver who is held out of sight until the grace period ends."""
    REMOVED = "removed"

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Which object of the target is which subject. We touch only what we link."""

    subject: SubjectId
    kind: Kind
    target_id: TargetId
    state: LinkState
    since: datetime
    adopted: bool = False
    """True when the object was there before us."""


# --- the difference -------------------------------------------------------------------------------------------------


class Op(StrEnum):
    """What is done to an object."""

    ADOPT = "adopt"
    """Link an object that was there before us, and bring its differing fields into line."""
    CREATE = "create"
    UPDATE = "update"
    LINK = "link"
    """Set references that had to wait for other objects (managers)."""
    LOGIN = "login"
    """Change what somebody signs in with. By itself, because platforms may refuse it, and the rest must not wait for that."""
    ROLES = "roles"
    """Give somebody roles, and take others away. By itself: platforms have interfaces of their own for it, and the rest must not
    wait for that."""
    OFFBOARD = "offboard"
    """Put a leaver out of sight until the grace period ends."""
    REMOVE = "remove"
    WRITE_BACK = "write_back"
    """Write what the target holds into the person's record in a source."""
    LOOK = "look"
    """See how an object is: something was done to it of which nobody heard what came of it. It changes nothing."""


class Effect(StrEnum):
    """What a change does to people, as the guard counts it. One change can have several effects."""

    ADOPT = "adopt"
    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"
    """A person changes departments."""
    LOGIN = "login"
    """A person's mobile number or login changes."""
    LEAVE = "leave"
    """A person is offboarded or removed."""
    UNIT_CREATE = "unit_create"
    UNIT_UPDATE = "unit_update"
    UNIT_MOVE = "unit_move"
    UNIT_REMOVE = "unit_remove"
    UNIT_OPEN = "unit_open"
    """A unit is shown that was hidden, or everything is shown to its members who saw a part."""
    SOURCE_SHRUNK = "source_shrunk"
    """Not of a change but of a read: many records are missing at once, and nobody is taken for gone until it is released."""
    WRITE_BACK = "write_back"
    """A person's record in a source is written to."""
    GRANT = "grant"
    """A person is given a role."""
    REVOKE = "revoke"
    """A person loses a role."""
    ROLE_CREATE = "role_create"
    ROLE_UPDATE = "role_update"
    ROLE_REMOVE = "role_remove"
    CONTACT_CREATE = "contact_create"
    """An outsider becomes an external contact."""
    CONTACT_UPDATE = "contact_update"
    CONTACT_REMOVE = "contact_remove"


class Lane(StrEnum):
    """Who goes first in the queue."""

    LEAVER = "leaver"
    SECURITY = "security"
    JOINER = "joiner"
    REST = "rest"


LANES: Final = (Lane.LEAVER, Lane.SECURITY, Lane.JOINER, Lane.REST)
"""The lanes in the order in which they are served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field, old → new. References are SubjectIds on both sides (`target:<id>` for objects that we do not link)."""

    name: str
    before: Value
    after: Value
    rule: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing to do to one object, complete in itself: the writer needs nothing else.

    For CREATE, `fields` holds every field; for ADOPT, UPDATE, LINK, LOGIN, ROLES and OFFBOARD the differing
    ones; for REMOVE none.
    """

    op: Op
    subject: SubjectId
    kind: Kind
    label: str
    reason: str
    effects: tuple[Effect, ...]
    lane: Lane
    rank: int
    """The place in the plan: lower ranks first. Departments down-tree, people, links, leavers, departments up-tree."""
    target_id: TargetId | None = None
    """Of CREATE the contact whose place the account takes, where there is one: it is removed as soon as the account stands.
    Of WRITE_BACK the name of the record, `source/native_id`; the names of its fields are the source's attributes."""
    fields: tuple[FieldChange, ...] = ()
    needs: tuple[SubjectId, ...] = ()
    """Subjects whose open changes of lower rank must have succeeded before this one can (a department before its members)."""
    after: tuple[SubjectId, ...] = ()
    """Subjects whose open changes of lower rank should have been tried before this one (a manager before the managed)."""
    since: datetime | None = None
    """When the source changed what led here; not part of the fingerprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole difference, ordered. Equal inputs give equal plans, byte for byte, and so equal fingerprints."""

    fingerprint: str
    changes: Sequence[Change]
    aside: tuple[Aside, ...] = ()
    warnings: tuple[Problem, ...] = ()
    unmanaged: int = 0
    """Objects of the target that no subject is linked to: seen, counted, left alone."""
    population: Mapping[str, int] = field(default_factory=dict)
    """How many linked, active objects of each kind there are: the base of the guard's percentages. Empty where there are so few
    changes that no percentage can be reached."""
    units: Mapping[SubjectId, int] = field(default_factory=dict)
    """Linked people by main unit, for limits per department."""
    warned: frozenset[SubjectId] = frozenset()
    """Of whom the warnings are: they are looked at again in the next plan, changed or not."""
