"""A small company whose target does what it is told, and of whose answers some are lost. DingTalk's sandbox is the target."""

from __future__ import annotations

from datetime import timedelta

from support.outer_world import OuterWorld
from syncd.core.model import Change, Kind, Op
from syncd.core.outcome import Deferred, Outcome
from syncd.store.rows import QueueState
from syncd.testing.memory import refusal
from syncd_dingtalk import DingTalk


class Unheard(OuterWorld):
    """The answer to each `lost` change of a person is lost while it is `deaf`; nor can it be read back then. Unless it `arrives`,
    the change itself is lost, too."""

    deaf = True
    arrives = True
    lost = Op.CREATE

    def dingtalk(self) -> DingTalk:
        target = super().dingtalk()
        answered = target.apply

        async def apply(change: Change, *, key: str, again: bool = False) -> Outcome:
            if not self.deaf or (change.op, change.kind) != (self.lost, Kind.PERSON):
                return await answered(change, key=key, again=again)
            if self.arrives:
                await answered(change, key=key, again=again)
            later = self.now() + timedelta(hours=1)
            return Deferred(problem=refusal("nobody answers"), retry_at=later, read_back=True)

        target.apply = apply  # type: ignore[method-assign]
        return target

    def settle(self) -> None:
        """Hear again, and reconcile as often as a service does within a minute."""
        self.deaf = False
        for _ in range(3):
            self.sync()
        with self.store.reading() as tx:
            assert not tx.queue.standing(QueueState.READY, QueueState.PENDING, QueueState.PARKED)

    def held(self, field: str) -> dict[str, str]:
        """Return what the accounts of people have there, by account."""
        return {key: getattr(user, field) for key, user in self.server.tenant.live.users.items() if key[0] == "e"}
