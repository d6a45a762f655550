"""What goes out to one channel next: the newest message of each case, when it is tried again, and who is found deaf.

Pure. While a channel is down its messages do not pile up: of one case the newest says everything that the older ones said, and
takes over how often they failed. A resolution goes out only where something may have been told before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from syncd.core.alerting import News, Note, NoteState
from syncd.core.errors import Problem

_M: Final = timedelta(minutes=1)
WAITS: Final = (_M / 2, _M, 2 * _M, 5 * _M, 10 * _M, 30 * _M)
"""Before the second attempt, the third and so on; the last one repeats for as long as the message waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What to do for one channel now."""

    due: tuple[Note, ...]
    """To be sent, in this order."""
    settled: tuple[Note, ...]
    """Those that will not be sent, with their end."""
    kept: tuple[Note, ...]
    """Those that took over from older ones, or wait."""
    next_at: datetime | None
    """When the first of those that are not due yet is."""


def round_of(waiting: Sequence[Note], *, now: datetime) -> Round:
    """Return what to do with the messages that wait for one channel, which are in the order in which they were made."""
    newest: dict[str, Note] = {}
    settled: list[Note] = []
    for note in waiting:
        older = newest.get(note.case)
        if older is not None:
            settled.append(replace(older, state=NoteState.OVERTAKEN, settled_at=now))
        newest[note.case] = note if older is None else _inherited(older, note)
    unheard = [note for note in newest.values() if note.news is News.RESOLVED and note.first and not note.attempts]
    settled += [replace(note, state=NoteState.OVERTAKEN, settled_at=now) for note in unheard]
    kept = [note for note in newest.values() if note not in unheard]
    later = [note.due_at for note in kept if not _is_due(note, now)]
    return Round(
        due=tuple(note for note in kept if _is_due(note, now)),
        settled=tuple(settled),
        kept=tuple(note for note in kept if note not in waiting),
        next_at=min(later, default=None),
    )


def _is_due(note: Note, now: datetime) -> bool:
    """Tell whether it is time for a message. It is for one that was made, or has failed, at a time that is yet to come: the clock
    was ahead then, and is right again."""
    return note.due_at <= now or note.created_at > now or (note.failed_at is not None and note.failed_at > now)


def _inherited(older: Note, newer: Note) -> Note:
    """Return the newer message with what is known of the attempts at the older one."""
    if not older.attempts:
        same = older.episode == newer.episode
        return replace(newer, first=older.first) if same else newer
    return replace(
        newer,
        attempts=older.attempts,
        failed_at=older.failed_at,
        code=older.code,
        what=older.what,
        do=older.do,
        due_at=max(older.due_at, newer.due_at),
        first=False,  # an attempt may have arrived without our knowing
    )


def tried(note: Note) -> Note:
    """Return a message that is about to be sent. Kept before it is: who dies over it leaves word that it may have been heard."""
    return replace(note, attempts=note.attempts + 1)


def delivered(note: Note, *, now: datetime) -> Note:
    """Return a message that was taken by its channel."""
    return replace(note, state=NoteState.DELIVERED, settled_at=now)


def failed(note: Note, problem: Problem, *, now: datetime, after: timedelta = timedelta(0)) -> Note:
    """Return a message whose attempt failed; `after` is the least time that the channel asked to wait."""
    wait = max(after, WAITS[min(max(note.attempts, 1), len(WAITS)) - 1])
    return replace(
        note,
        failed_at=note.failed_at or now,
        due_at=now + wait,
        code=problem.code,
        what=problem.what,
        do=problem.do,
    )


def withdrawn(notes: Iterable[Note], *, now: datetime) -> list[Note]:
    """Return messages whose channel is no longer configured."""
    return [replace(note, state=NoteState.WITHDRAWN, settled_at=now) for note in notes]
