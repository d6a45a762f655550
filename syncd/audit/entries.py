"""What can be said in the audit log: one entry per thing that was decided, intended or found out. Says nothing about proof."""

from __future__ import annotations

import os
import pwd
import socket
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from syncd.core.model import ChangeId, FieldChange, RunId, SubjectId, TargetId
from syncd.core.values import Values


class EntryType(StrEnum):
    """The kinds of entries. Words once used are never reused for something else: logs are kept for years."""

    OPENED = "audit.opened"
    """The first entry of a log."""
    CONFIG_ACCEPTED = "config.accepted"
    RUN_STARTED = "run.started"
    RUN_FINISHED = "run.finished"
    READ_DONE = "read.done"
    """With the facts that prove the read complete."""
    PLAN_ACCEPTED = "plan.accepted"
    HOLD_OPENED = "hold.opened"
    HOLD_RELEASED = "hold.released"
    HOLD_EXPIRED = "hold.expired"
    HOLD_DROPPED = "hold.dropped"
    INTENDED = "change.intended"
    """Written before the target is asked; an intent without an outcome tells of a process that died."""
    CONFIRMED = "change.confirmed"
    DEFERRED = "change.deferred"
    REJECTED = "change.rejected"
    PENDING = "change.pending"
    UNKNOWN = "change.unknown"
    """The process died while it was running; it is read back."""
    SUPERSEDED = "change.superseded"
    DRIFT_FOUND = "drift.found"
    """Somebody changed by hand what we keep in step."""
    LEAVE_CONFIRMED = "leave.confirmed"
    """The target's own record says that somebody has left it whom we had removed."""
    OFFBOARDING_ENDED = "offboarding.ended"
    """An operator had let somebody leave, and now the sources say so themselves."""
    JOINER_TOLD = "joiner.told"
    """Somebody has been told of a joiner who will work for them, or that it is off."""
    JOINER_UNTOLD = "joiner.untold"
    """It could not be said: nobody has the account, or the first day had begun."""
    OPERATOR_COMMAND = "operator.command"
    STATE_RESTORED = "state.restored"
    """The database was put back from a backup: what was recorded after it is in the database that it replaced."""


OUTCOMES: Final = frozenset(
    {EntryType.CONFIRMED, EntryType.DEFERRED, EntryType.REJECTED, EntryType.PENDING, EntryType.UNKNOWN}
)
"""What follows an intent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did it: the account of the operating system, what it ran as, and the process."""

    user: str
    service: str
    """`daemon`, or the command, such as `syncd apply`."""
    host: str
    pid: int

    @classmethod
    def here(cls, service: str) -> Actor:
        """Return this process's account, host and id."""
        return cls(user=account(), service=service, host=socket.gethostname(), pid=os.getpid())


def account() -> str:
    """Return the account of the person at the keyboard, as the kernel knows it; behind sudo, who called it.

    `getpass.getuser` believes $LOGNAME, which everybody can set. SUDO_USER is believed from root only, who needs no lie.
    """
    uid = os.getuid()
    if uid == 0 and (called_by := os.environ.get("SUDO_USER")):
        return called_by
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid:{uid}"  # a container's uid often has no name


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing to record. Empty words are left out of the record."""

    type: EntryType
    run: RunId | None = None
    change: ChangeId | None = None
    subject: SubjectId | None = None
    label: str = ""
    target_id: TargetId | None = None
    op: str = ""
    fields: tuple[FieldChange, ...] = ()
    """Old → new with the place of the rule; recorded by the setting `values`."""
    reason: str = ""
    """Why: the plan's reason, the problem's code and words, the operator's words. Without people's values."""
    plan: str = ""
    """The plan's fingerprint."""
    config: str = ""
    """Digest of the configuration and the rules, in hex."""
    facts: Values = field(default_factory=dict)
    """What else belongs to it: proof facts, counts, the approver. Never people's values."""
