"""Changes of people: create, update, hold and remove accounts, and the mobile number that DingTalk does not change.

An account is ours to take up after a lost answer if it has both the userid that we chose and the mobile number: DingTalk
knows no better mark of a person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from syncd.core.difference import ROLES
from syncd.core.errors import NeedsHuman, OutcomeUnknown, Problem, TryAgain
from syncd.core.model import Change, FieldChange, Observed, Op, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome, Rejected
from syncd.core.values import Value, Values
from syncd_dingtalk import api as a
from syncd_dingtalk import messages as m
from syncd_dingtalk import people
from syncd_dingtalk.api import Refused
from syncd_dingtalk.errors import Meaning, Refusal
from syncd_dingtalk.fields import PERSON
from syncd_dingtalk.mobiles import Region
from syncd_dingtalk.roles import Giving
from syncd_dingtalk.settings import MobileChange
from syncd_dingtalk.shapes import Person
from syncd_dingtalk.writing import Common, Stop, Writer

_RECREATE_RETRY: Final = timedelta(minutes=1)


class PeopleWriter(Writer):
    """Changes of people."""

    def __init__(
        self,
        common: Common,
        *,
        end_contact: Callable[[TargetId], Awaitable[str]],
        region: Region,
        mobile_change: MobileChange,
        hidden: Callable[[Person], Awaitable[frozenset[str]]],
        protected: Callable[[], Awaitable[frozenset[str]]],
        giving: Giving | None = None,
    ) -> None:
        """`end_contact` removes an external contact, `hidden` says which fields of a person our permissions hide, `protected` who
        is never removed; without `giving` nobody's roles are looked at."""
        super().__init__(common)
        self.end_contact = end_contact
        self.region = region
        self.mobile_change = mobile_change
        self.hidden = hidden
        self.protected = protected
        self.giving = giving
        self._halves: dict[TargetId, Values] = {}
        """Accounts that were removed and have to be created again, with what they held: known to nobody else."""

    async def look(self, target_id: TargetId) -> Observed | None:
        try:
            person = await self.api.call(a.USER_GET, userid=target_id)
        except Refused as refused:
            if refused.refusal.meaning is Meaning.GONE:
                return None
            raise
        roles = [str(role.id) for role in person.role_list or ()] if self.giving is not None else None
        return people.from_wire(person, region=self.region, unreadable=await self.hidden(person), roles=roles)

    # --- create --------------------------------------------------------------------------------------------------------

    async def made(self, change: Change, fields: Values) -> Observed | None:  # noqa: ARG002 - departments need it
        seen = await self.look(TargetId(str(fields.get("userid") or "")))
        return seen if seen is not None and self._is_same(seen, fields) else None

    def _is_same(self, seen: Observed, fields: Values) -> bool:
        """Tell whether an account with our userid is the person: by mobile number; by name where the number is hidden."""
        by = "name" if "mobile" in seen.unreadable else "mobile"
        return self.normalise({by: fields.get(by)}).get(by) == seen.fields.get(by)

    async def create(self, change: Change, fields: Values) -> Outcome:
        for name in ("userid", "name", "mobile", "departments"):
            if not fields.get(name):
                raise people.Unsayable(name, "an account cannot be made without it")
        try:
            made = await self.api.call(a.USER_CREATE, **people.to_wire(fields, creating=True))
        except Refused as refused:
            if refused.refusal.meaning is not Meaning.TAKEN:
                raise
            return await self._taken(change, fields, refused.refusal)
        learned = {"unionid": made.unionid} if made.unionid else {}
        return Applied(target_id=TargetId(made.userid), learned=learned)

    async def _taken(self, change: Change, fields: Values, refusal: Refusal) -> Outcome:
        """Take up what is there if it is this person's account, else say whose it is."""
        found = await self.made(change, fields)
        if found is not None:
            return await self.bring(change, found, fields)
        holder = await self._holder(str(fields["mobile"])) if refusal.message is m.MOBILE_TAKEN else ""
        return Rejected(problem=refusal.problem(label=change.label, holder=holder or "one that syncd may not see"))

    async def _holder(self, mobile: str) -> str:
        try:
            return (await self.api.call(a.USER_BY_MOBILE, mobile=mobile)).userid
        except Refused:
            return ""

    # --- update --------------------------------------------------------------------------------------------------------

    async def update(self, change: Change, target_id: TargetId, fields: Values) -> Outcome:
        if fields.get("mobile"):
            return await self._change_mobile(change, target_id, fields)
        rest = {name: value for name, value in fields.items() if name not in ("userid", "mobile")}
        if rest:
            await self.api.call(a.USER_UPDATE, userid=target_id, **people.to_wire(rest, creating=False))
        return Applied(target_id=target_id)

    async def _change_mobile(self, change: Change, target_id: TargetId, fields: Values) -> Outcome:
        """Refuse, or remove and create the account again, as the settings say. DingTalk answers 40022, 40021 or 41054 to
        anybody who tries to change a number, and advises the second."""
        refused = Rejected(problem=m.MOBILE_FIXED.at(label=change.label, code="not tried"))
        if self.mobile_change is MobileChange.REJECT:
            return refused
        seen = await self.look(target_id)
        if seen is None:
            return Deferred(problem=m.RECREATING.at(label=change.label), retry_at=self.now() + _RECREATE_RETRY)
        if seen.unreadable:
            return refused  # what cannot be seen would be lost
        await self._refuse_protected(change, target_id)
        if holder := await self._holder(str(fields["mobile"])):
            told = m.MOBILE_TAKEN.at(label=change.label, holder=holder, code="not tried")
            return Rejected(problem=told)
        whole: dict[str, Value] = {**seen.fields, **fields, "userid": target_id}
        # DingTalk makes up some anew, and roles are given again after the next full look.
        made_up = {name for name, spec in PERSON.items() if spec.read_only or spec.shared}
        self._halves[target_id] = {k: value for k, value in whole.items() if value is not None and k not in made_up}
        await self._delete(target_id)
        return await self._create_again(change, target_id)

    async def _attempt(self, change: Change, *, again: bool) -> Outcome:
        """Take and give roles first. A leaver goes all the same where that fails, and is done only when both are."""
        if change.op is Op.CREATE and change.target_id is not None:
            return await self._in_place_of(change.target_id, change, again=again)
        roles = next((item for item in change.fields if item.name == ROLES), None)
        if roles is None or self.giving is None or change.target_id is None:
            return await self._whole(change, again=again)
        failed: Exception | None = None
        try:
            await self._roles(change.target_id, roles, self.giving, again=again)
        except (Refused, TryAgain, NeedsHuman, OutcomeUnknown) as error:
            if change.op is not Op.OFFBOARD:
                raise
            failed = error
        rest = tuple(item for item in change.fields if item is not roles)
        outcome: Outcome = Applied(target_id=change.target_id)
        if rest:
            outcome = await self._whole(replace(change, fields=rest), again=again)
        if failed is not None and isinstance(outcome, Applied):
            raise failed
        return outcome

    async def _in_place_of(self, contact: TargetId, change: Change, *, again: bool) -> Outcome:
        """Create an account, and end the external contact that somebody has been until now: never the other way round. Both are
        found done where that was not known."""
        outcome = await super()._attempt(change, again=again)
        if isinstance(outcome, Applied):
            await self.end_contact(contact)
        return outcome

    async def _roles(self, target_id: TargetId, roles: FieldChange, giving: Giving, *, again: bool) -> None:
        before, after = _listed(roles.before), _listed(roles.after)
        give, take = after - before, before - after
        if again:
            seen = await self.look(target_id)
            held = _listed(seen.fields.get(ROLES)) if seen is not None else frozenset()
            give, take = (give - held, take & held) if seen is not None else (give, frozenset())
        await giving.change(target_id, give=give, take=take)

    async def _whole(self, change: Change, *, again: bool) -> Outcome:
        """Finish first what an earlier attempt of this process left half done."""
        half = change.target_id
        if half is None or half not in self._halves:
            return await super()._attempt(change, again=again)
        if await self.look(half) is None:
            return await self._create_again(change, half)
        del self._halves[half]  # it was not removed after all, or has been created again
        return await super()._attempt(change, again=True)

    async def _create_again(self, change: Change, target_id: TargetId) -> Outcome:
        try:
            outcome = await self.create(change, self._halves[target_id])
        except TryAgain:
            problem = m.RECREATING.at(label=change.label)
            return Deferred(problem=problem, retry_at=self.now() + _RECREATE_RETRY, read_back=True)
        if isinstance(outcome, Applied):
            del self._halves[target_id]
        return outcome

    # --- remove --------------------------------------------------------------------------------------------------------

    async def remove(self, change: Change, target_id: TargetId) -> Outcome:
        await self._refuse_protected(change, target_id)
        found = await self._delete(target_id)
        return Applied(target_id=target_id, detail=found)

    async def _delete(self, target_id: TargetId) -> str:
        """Remove an account for certain, and return how that is known; raises `OutcomeUnknown` if it is still there."""
        try:
            await self.api.call(a.USER_DELETE, userid=target_id)
        except OutcomeUnknown:
            if await self.look(target_id) is not None:
                raise
            return "read back: gone"
        return ""

    async def _refuse_protected(self, change: Change, target_id: TargetId) -> None:
        # That DingTalk itself refuses to remove its main administrator is recalled, with no code known; so we do not try.
        if target_id in await self.protected():
            raise Stop(Rejected(problem=m.PROTECTED.at(label=change.label)))

    def nobody(self, change: Change) -> Problem:
        return m.NO_PERSON.at(label=change.label, code="60121")

    def names_itself(self, refusal: Refusal) -> bool:
        return refusal.message is m.NO_PERSON


def _listed(value: Value) -> frozenset[str]:
    return frozenset(str(one) for one in value) if isinstance(value, tuple | list) else frozenset()
