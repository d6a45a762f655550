"""Doing one change, whatever happens on the way: what every kind of object has in common.

A write whose outcome is not known is read back before it is done again, here and at the engine's next attempt. The classes
for people and departments say how to look, create, update and remove; this module turns what they meet into an outcome.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from syncd.core.difference import same
from syncd.core.errors import Misconfigured, NeedsHuman, OutcomeUnknown, Problem, TryAgain
from syncd.core.fields import FieldSpec
from syncd.core.model import Change, Observed, Op, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome, Pending, Rejected
from syncd.core.values import Value, Values, is_empty
from syncd_dingtalk import messages as m
from syncd_dingtalk.api import Api, OneBusy, OneClosed, Refused
from syncd_dingtalk.errors import Meaning, Refusal
from syncd_dingtalk.people import Unsayable

ATTEMPTS: Final = 3
"""Writes of one change within one `apply`, with a look before each but the first. DingTalk's own advice for "busy"."""
_PAUSES: Final = (0.2, 1.0, 2.0)
"""Seconds before looking whether a write happened after all: a late one is still on its way."""
_MOMENT: Final = timedelta(seconds=5)
_MINUTE: Final = timedelta(minutes=1)
_OUTAGE: Final = timedelta(seconds=30)
_HUMAN: Final = timedelta(minutes=5)
_SCOPE: Final = timedelta(hours=1)
INVITATION: Final = timedelta(hours=24)
"""DingTalk invites nobody twice within a day (40103)."""


class Stop(Exception):
    """The outcome is decided."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(type(outcome).__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What every writer works with."""

    api: Api
    specs: Mapping[str, FieldSpec]
    now: Callable[[], datetime]
    normalise: Callable[[Values], Values]


class Writer(ABC):
    """Changes of one kind of object."""

    def __init__(self, common: Common) -> None:
        self.api = common.api
        self.specs = common.specs
        self.now = common.now
        self.normalise = common.normalise

    # --- what a kind says ----------------------------------------------------------------------------------------------

    @abstractmethod
    async def look(self, target_id: TargetId) -> Observed | None:
        """Return one object as it is now."""

    @abstractmethod
    async def made(self, change: Change, fields: Values) -> Observed | None:
        """Return what an earlier attempt of this CREATE made, None if there is nothing of ours."""

    @abstractmethod
    async def create(self, change: Change, fields: Values) -> Outcome:
        """Make the object."""

    @abstractmethod
    async def update(self, change: Change, target_id: TargetId, fields: Values) -> Outcome:
        """Write fields of an object that is there."""

    @abstractmethod
    async def remove(self, change: Change, target_id: TargetId) -> Outcome:
        """Remove the object, if it may be."""

    # --- one change ----------------------------------------------------------------------------------------------------

    async def apply(self, change: Change, *, again: bool) -> Outcome:
        """Return the outcome of a change; raises nothing but cancellation."""
        unknown: Problem | None = None
        for pause in _PAUSES:
            try:
                return await self._attempt(change, again=again or unknown is not None)
            except OutcomeUnknown as error:
                unknown = error.problem
                await asyncio.sleep(pause)
            except Refused as refused:
                return self._refused(change, refused.refusal)
            except Unsayable as error:
                return Rejected(problem=m.IMPOSSIBLE.at(label=change.label, why=f"`{error.field}`: {error.why}"))
            except Stop as stop:
                return stop.outcome
            except (TryAgain, NeedsHuman, Misconfigured) as error:
                return self._later(error, change, unsettled=unknown is not None)
        # Reading back works and writing does not: the line is not dead, and it may be this one object. The engine sees which.
        problem = m.UNSETTLED.at(label=change.label)
        return Deferred(
            problem=problem, retry_at=self.now() + _MINUTE, read_back=True, whole_target=True, one_interface=True
        )

    async def _attempt(self, change: Change, *, again: bool) -> Outcome:
        fields = {item.name: item.after for item in change.fields}
        if change.op is Op.CREATE:
            found = await self.made(change, fields) if again else None
            return await self.create(change, fields) if found is None else await self.bring(change, found, fields)
        target_id = change.target_id
        if target_id is None:
            raise Unsayable("target_id", "the change names no object")
        if change.op is Op.REMOVE:
            return await self.remove(change, target_id)
        if again or change.op is Op.ADOPT:
            seen = await self.look(target_id)
            if seen is None:
                return self.gone(change)
            return await self.bring(change, seen, fields)
        return await self.update(change, target_id, fields)

    async def bring(self, change: Change, seen: Observed, fields: Values) -> Outcome:
        """Bring an object that is there into line: write what differs from what is seen, or nothing.

        What a creation finds may have been made by an earlier one that said more, and may hold what has to be passed on first: it
        is told as it is, and the next plan knows.
        """
        left = self.differing(seen, fields)
        made = Applied(target_id=seen.target_id, detail="read back: already so")
        try:
            outcome = await self.update(change, seen.target_id, left) if left else made
        except Refused as refused:
            if change.op is not Op.CREATE or refused.refusal.meaning is not Meaning.TAKEN:
                raise
            return replace(made, detail="read back: not all of it can be so yet", learned=seen.fields)
        if change.op is not Op.CREATE or not isinstance(outcome, Applied):
            return outcome
        besides = {name: value for name, value in seen.fields.items() if name not in fields and not is_empty(value)}
        return replace(outcome, detail=outcome.detail or "read back: brought into line", learned=besides)

    def differing(self, seen: Observed, fields: Values) -> dict[str, Value]:
        """Return the fields that the object does not hold yet, or of which it cannot be seen whether it does."""
        wanted = self.normalise(fields)
        held = self.normalise(seen.fields)
        return {
            name: fields[name]
            for name, value in wanted.items()
            if (spec := self.specs.get(name)) is not None
            and not (spec.immutable and name in held)
            and (name in seen.unreadable or not same(value, held.get(name), spec))
        }

    def gone(self, change: Change) -> Outcome:
        """Return the outcome for an object that is not there: done if it was to go, else for the next full look."""
        if change.op in (Op.REMOVE, Op.OFFBOARD) and change.target_id is not None:
            return Applied(target_id=change.target_id, detail="gone already")
        return Rejected(problem=self.nobody(change), gone=True)

    @abstractmethod
    def nobody(self, change: Change) -> Problem:
        """Return how to say that the object is not there."""

    # --- from what was met to an outcome -------------------------------------------------------------------------------

    def _refused(self, change: Change, refusal: Refusal) -> Outcome:
        problem = refusal.problem(label=change.label, holder="another one")
        match refusal.meaning:
            case Meaning.GONE if self.names_itself(refusal):
                return self.gone(change)
            case Meaning.EARLY if refusal.message is not m.NO_PARENT:
                return Deferred(problem=problem, retry_at=self.now() + _OUTAGE)
            case Meaning.GONE | Meaning.EARLY:
                # A department just made is not seen everywhere at once (recalled; others report seconds).
                return Deferred(problem=problem, retry_at=self.now() + _MOMENT)
            case Meaning.SCOPE:
                return Deferred(problem=problem, retry_at=self.now() + _SCOPE)
            case Meaning.INVITED:
                return Pending(target_id=self.invited(change), problem=problem, review_at=self.now() + INVITATION)
        return Rejected(problem=problem)

    @abstractmethod
    def names_itself(self, refusal: Refusal) -> bool:
        """Tell whether "there is no such …" speaks of the object itself and not of one that it refers to."""

    def invited(self, change: Change) -> TargetId | None:
        """Return the id that an invited person will have."""
        chosen = next((str(item.after) for item in change.fields if item.name == "userid"), "")
        return change.target_id or (TargetId(chosen) if chosen else None)

    def _later(self, error: TryAgain | NeedsHuman | Misconfigured, change: Change, *, unsettled: bool) -> Outcome:
        """Return the outcome where the platform, the line or the settings are at fault, and not this object."""
        wait = max(error.after, _OUTAGE) if isinstance(error, TryAgain) else _HUMAN
        problem = error.problems[0] if isinstance(error, Misconfigured) else error.problem
        if unsettled:
            problem = m.UNSETTLED.at(label=change.label)
        return Deferred(
            problem=problem,
            retry_at=self.now() + wait,
            read_back=unsettled,
            whole_target=True,
            one_interface=isinstance(error, OneBusy | OneClosed),
        )
