"""Changes of external contacts: made, brought into line and removed.

DingTalk gives the ids and a contact can carry no mark, so one whose creation was not answered is found again by its number, of
which there is one. Updates have to say name, labels and follower whether they change or not: what is there is read first.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from syncd.core.errors import OutcomeUnknown, Problem
from syncd.core.model import Change, Observed, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome, Rejected
from syncd.core.values import Values
from syncd_dingtalk import api as a
from syncd_dingtalk import contacts
from syncd_dingtalk import messages_contacts as mc
from syncd_dingtalk.api import Refused
from syncd_dingtalk.errors import Meaning, Refusal
from syncd_dingtalk.mobiles import Region
from syncd_dingtalk.people import Unsayable
from syncd_dingtalk.shapes import Contact
from syncd_dingtalk.writing import Common, Stop, Writer

_NEEDED: Final = ("name", "mobile", "labels", "follower")
_FOLLOWER_RETRY: Final = timedelta(minutes=1)


class ContactWriter(Writer):
    """Changes of external contacts."""

    def __init__(self, common: Common, *, region: Region) -> None:
        super().__init__(common)
        self.region = region
        self._labels: contacts.Labels | None = None

    async def look(self, target_id: TargetId) -> Observed | None:
        found = await self._get(target_id)
        return None if found is None else contacts.from_wire(found, await self._known(), region=self.region)

    async def _get(self, target_id: TargetId) -> Contact | None:
        try:
            return await self.api.call(a.CONTACT_GET, user_id=target_id)
        except Refused as refused:
            if refused.refusal.meaning is Meaning.GONE:
                return None
            raise

    async def made(self, change: Change, fields: Values) -> Observed | None:  # noqa: ARG002 - departments need it
        wanted = self.normalise({"mobile": fields.get("mobile")})["mobile"]
        labels = await self._known()
        async for one in contacts.read(self.api):
            seen = contacts.from_wire(one, labels, region=self.region)
            if seen.fields["mobile"] == wanted:
                return seen
        return None

    async def create(self, change: Change, fields: Values) -> Outcome:
        for name in _NEEDED:
            if not fields.get(name):
                raise Unsayable(name, "an external contact cannot be made without it")
        body = contacts.to_wire(fields, await self._ids(change, fields))
        number = contacts.number(str(self.normalise({"mobile": fields["mobile"]})["mobile"]))
        try:
            made = await self.api.call(a.CONTACT_CREATE, contact={**body, **number})
        except Refused as refused:
            raise self._of_follower(change, refused) from None
        return Applied(target_id=TargetId(made.userid))

    async def update(self, change: Change, target_id: TargetId, fields: Values) -> Outcome:
        found = await self._get(target_id)
        if found is None:
            return self.gone(change)
        held = contacts.from_wire(found, await self._known(), region=self.region).fields
        whole = {**{name: held[name] for name in ("name", "follower")}, **fields}
        if not whole["follower"]:
            raise Unsayable("follower", "an external contact has one")
        ids = await self._ids(change, fields) if "labels" in fields else list(found.label_ids or ())
        body = contacts.to_wire(whole, ids)
        try:
            await self.api.call(a.CONTACT_UPDATE, contact={"user_id": target_id, **body})
        except Refused as refused:
            raise self._of_follower(change, refused) from None
        return Applied(target_id=target_id)

    def _of_follower(self, change: Change, refused: Refused) -> Exception:
        """Return what to raise: that there is no such person speaks of the follower, for the contact itself was just there."""
        if refused.refusal.meaning is not Meaning.GONE:
            return refused
        problem = mc.NO_FOLLOWER.at(label=change.label, code=refused.refusal.code)
        return Stop(Deferred(problem=problem, retry_at=self.now() + _FOLLOWER_RETRY))

    async def remove(self, change: Change, target_id: TargetId) -> Outcome:  # noqa: ARG002 - people need it
        return Applied(target_id=target_id, detail=await self.end(target_id))

    async def end(self, target_id: TargetId) -> str:
        """Remove a contact for certain, and return how that is known; raises `OutcomeUnknown` if it is still there."""
        try:
            await self.api.call(a.CONTACT_DELETE, user_id=target_id)
        except Refused as refused:
            if refused.refusal.meaning is not Meaning.GONE:
                raise
            return "gone already"
        except OutcomeUnknown:
            if await self._get(target_id) is not None:
                raise
            return "read back: gone"
        return ""

    # --- labels --------------------------------------------------------------------------------------------------------

    async def _known(self) -> contacts.Labels:
        if self._labels is None:
            self._labels = await contacts.read_labels(self.api)
        return self._labels

    async def _ids(self, change: Change, fields: Values) -> list[int]:
        """Return the ids of the labels that are wanted; one that nobody knows is asked for once more, then refused."""
        wanted = fields["labels"]
        names = [str(one) for one in wanted] if isinstance(wanted, tuple | list) else []
        if not (await self._known()).ids.keys() >= set(names):
            self._labels = None
        labels = await self._known()
        if unknown := next((one for one in names if one not in labels.ids), None):
            raise Stop(Rejected(problem=mc.NO_LABEL.at(label=change.label, why=labels.why_not(unknown))))
        return [labels.ids[one] for one in names]

    def nobody(self, change: Change) -> Problem:
        return mc.NO_CONTACT.at(label=change.label)

    def names_itself(self, refusal: Refusal) -> bool:
        return refusal.meaning is Meaning.GONE
