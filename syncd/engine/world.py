"""What the engine works with, put together once per process from the configuration. It holds parts; it does nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from syncd.core.circuits import Terms
from syncd.core.correlation import JoinRules
from syncd.core.model import HOLDING_UNIT, JOINERS_UNIT, Observed, RunId, SourceName
from syncd.core.policy import Limits

if TYPE_CHECKING:
    from syncd.audit.log import AuditLog
    from syncd.core.ports import Consumer, Source, Target, Trigger
    from syncd.mapping import InboundRules, OutboundRules
    from syncd.mapping.write_back import WriteBack
    from syncd.store import Store, Transaction

FOUND_BY: Final = ("employeeNumber", "userName", "emails.work", "phoneNumbers.mobile", "externalId")
"""The facts by which people are looked for, besides their names and ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A source at the table: how to make it, and the rules that say what its records mean."""

    name: SourceName
    make: Callable[[], Source]
    rules: InboundRules


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaverTerms:
    """What becomes of leavers."""

    hold: bool = True
    grace: timedelta = timedelta(days=30)
    department: str = "Leavers"
    """The name of the hidden department in which they wait."""
    timezone: str = "UTC"
    """Where people work of whom no source says it; an IANA name."""
    absent_leaves: bool = True
    """Whether somebody who is proven to be gone from every source is a leaver, or is left alone."""
    hand_over: bool = True
    """Whether those whom a leaver managed pass to the next one above; otherwise they wait for the sources."""
    deputies: bool = False
    """Whether they pass to the deputy whom the sources name of the leaver, where there is one."""
    within: timedelta = timedelta(hours=1)
    """A leaver whose change is open for longer is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinerTerms:
    """When joiners get their accounts, and who is told of them before."""

    ahead: timedelta | None = None
    """So long before the first day, out of sight until then; None: as soon as the sources show them as active, in sight."""
    department: str = "Joiners"
    """The name of the hidden department in which they wait."""
    tell: timedelta | None = None
    """So long before the first day those are told for whom they will work; None: nobody is."""
    say: frozenset[str] = frozenset({"name", "department"})
    """What is said of a joiner besides the day: `name`, `title`, `department`."""
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardTerms:
    """What is never done without a person."""

    limits: Limits = field(default_factory=Limits)
    plan_only_first: bool = True
    shrink_percent: float = 10.0
    """A source that lost this share since its last good read does not license absence until somebody says so."""
    shrink_minimum: int = 20
    """Sources smaller than this may shrink as they like; an empty one never licenses absence."""
    window: timedelta = timedelta(hours=1)
    """What was accepted within it counts against the limits, besides the plan; nothing where it is zero."""
    hold_expires: timedelta = timedelta(days=3)
    protected: Callable[[Observed], bool] = lambda _: False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterTerms:
    """How the queue is worked off."""

    concurrency: int = 64
    retries: tuple[timedelta, ...] = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 20, 120, 720))
    leaver_retries: tuple[timedelta, ...] = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30))
    patience: timedelta = timedelta(seconds=30)
    """How long one cycle waits for changes that are due again soon."""
    circuits: Terms = field(default_factory=Terms)
    """When a target that fails is left alone, and how it is probed."""


class DriftRule(StrEnum):
    """What is done about what somebody changed by hand in the target."""

    REVERT = "revert"
    """It is written over, as anything else that differs."""
    REPORT = "report"
    """It is left as it is, and waits for a decision."""
    ACCEPT = "accept"
    """It is left as it is until the source says something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftTerms:
    """What becomes of what somebody changed by hand, by field."""

    default: DriftRule = DriftRule.REVERT
    fields: Mapping[str, DriftRule] = field(default_factory=dict)
    deleted: DriftRule = DriftRule.REVERT
    """Where somebody deleted the whole object."""

    def of(self, field_: str) -> DriftRule:
        """Return the rule of a field; an empty name means the whole object."""
        return self.fields.get(field_, self.default) if field_ else self.deleted

    @property
    def leaves_something(self) -> bool:
        """Tell whether anything may stay as it was made by hand: if not, planning alone does what the rules say."""
        return {self.default, self.deleted, *self.fields.values()} != {DriftRule.REVERT}


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything."""

    store: Store
    audit: AuditLog[Transaction]
    seats: Mapping[SourceName, Seat]
    target_name: str
    make_target: Callable[[], Target]
    outbound: OutboundRules
    join: JoinRules
    now: Callable[[], datetime]
    config_digest: bytes
    program: str = ""
    """The version of syncd: another one may map and compare otherwise, so everything is computed again."""
    leavers: LeaverTerms = field(default_factory=LeaverTerms)
    joiners: JoinerTerms = field(default_factory=JoinerTerms)
    guard: GuardTerms = field(default_factory=GuardTerms)
    writer: WriterTerms = field(default_factory=WriterTerms)
    drift: DriftTerms = field(default_factory=DriftTerms)
    observe_every: timedelta = timedelta(hours=24)
    full_every: timedelta = timedelta(hours=24)
    """How often a source that can say what changed is read in full all the same."""
    consumers: Mapping[str, Callable[[], Consumer]] = field(default_factory=dict)
    """How to make each of those who hear of what was confirmed."""
    triggers: Mapping[str, Callable[[], Trigger]] = field(default_factory=dict)
    """How to make each of those who say from elsewhere that somebody may have changed."""
    ends: Callable[[], Mapping[str, datetime]] = dict
    """Reads when certificates and secrets end that the configuration names, by where it names them."""

    @cached_property
    def looked_up_by(self) -> tuple[str, ...]:
        """Return the facts by which records are found: by people, by the join, and by references of other records."""
        hows = {how for kinds in self.join.refers.values() for names in kinds.values() for how in names.values()}
        return tuple(sorted({*FOUND_BY, *self.join.names, *hows} - {"id", "alias"}))

    @cached_property
    def joined_by(self) -> tuple[str, ...]:
        """Return the attributes by which records find each other: put together once, and asked of every record."""
        return self.join.names

    @cached_property
    def looks_above(self) -> bool:
        """Return whether it depends on the units above what becomes of somebody: by the rules, or by who may stand where."""
        return self.outbound.looks_above or any(seat.rules.parts_outsiders for seat in self.seats.values())

    @cached_property
    def returned(self) -> Mapping[SourceName, tuple[WriteBack, ...]]:
        """Return what is written back, by the source that it is written to."""
        return {name: seat.rules.write_back for name, seat in self.seats.items() if seat.rules.write_back}

    @cached_property
    def returned_fields(self) -> frozenset[str]:
        """Return the target's fields of people that are written back to somebody."""
        return frozenset(rule.field for rules in self.returned.values() for rule in rules)

    @property
    def own_units(self) -> Mapping[str, str]:
        """Return the names of our own departments."""
        return {HOLDING_UNIT: self.leavers.department, JOINERS_UNIT: self.joiners.department}

    @property
    def computed_by(self) -> str:
        """Return what decides results: as long as it is the same, nobody who is in agreement needs to be looked at."""
        return f"{self.config_digest.hex()} {self.program}"

    def new_run(self) -> RunId:
        """Return a fresh run id, sortable by time."""
        return RunId(f"{self.now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}")
