"""Alerts that outlive the process: cases by episode, silences, and messages until each of them has come to an end.

Judges nothing and sends nothing. What is told when is `syncd.alerts`; a step of it is kept in one transaction, so that a case
never says "told" without its messages, and messages are never there without the case that counts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, update

from syncd.core.alerting import Case, Deaf, Note, NoteState, Silence, Stage
from syncd.store.columns import from_micros, maybe_micros, micros
from syncd.store.statements import Answer, Many, Upsert, numbers
from syncd.store.tables import alert_cases, alert_notes, alert_silences

_C: Final = alert_cases
_S: Final = alert_silences
_N: Final = alert_notes
_ENCODE: Final = msgspec.json.Encoder(order="sorted").encode
_CASE: Final = msgspec.json.Decoder(Case)
_NOTE: Final = msgspec.json.Decoder(Note)

_LAST: Final = select(_C.c.key, func.max(_C.c.episode).label("episode")).group_by(_C.c.key).subquery()
_CASES: Final = select(_C.c.body).join(_LAST, and_(_C.c.key == _LAST.c.key, _C.c.episode == _LAST.c.episode))
_EPISODES: Final = select(_C.c.body).order_by(_C.c.seen_at.desc(), _C.c.key).limit(bindparam("most"))
_KEEP: Final = Upsert(_C, key=["key", "episode"])
_DROP: Final = delete(_C).where(_C.c.key == bindparam("one"), _C.c.episode == bindparam("nth"))
_SILENCES: Final = select(_S).where(_S.c.until > bindparam("now")).order_by(_S.c.at, _S.c.id)
_SILENCE: Final = Upsert(_S, key=["id"])
_END: Final = (
    update(_S).where(_S.c.id == bindparam("one"), _S.c.until > bindparam("ended")).values(until=bindparam("ended"))
)
_KNOWN: Final = select(_N.c.id).where(_N.c.id.in_(bindparam("ids", expanding=True)))
_POST: Final = Many(insert(_N))
_WAITING: Final = select(_N.c.body).where(_N.c.state == NoteState.WAITING.value).order_by(_N.c.number)
_SETTLE: Final = update(_N).where(_N.c.id == bindparam("one")).values(state=bindparam("now"), body=bindparam("what"))
_HISTORY: Final = select(_N.c.body).order_by(_N.c.number.desc()).limit(bindparam("most"))
_TIDY: Final = (
    delete(_N).where(_N.c.state != NoteState.WAITING.value, _N.c.created_at < bindparam("before")),
    delete(_C).where(_C.c.stage == Stage.RESOLVED.value, _C.c.resolved_at < bindparam("before")),
    delete(_S).where(_S.c.until < bindparam("before")),
)


class Alerts:
    """Cases, silences and messages."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- cases ---

    def cases(self) -> dict[str, Case]:
        """Return the last episode of each key, those that are over too: the next one counts on from it."""
        cases = [_CASE.decode(body) for body in self._connection.execute(_CASES).scalars()]
        return {case.key: case for case in cases}

    def episodes(self, most: int) -> list[Case]:
        """Return the latest episodes of all keys, newest first."""
        return [_CASE.decode(body) for body in self._connection.execute(_EPISODES, {"most": most}).scalars()]

    def keep(self, cases: Iterable[Case]) -> None:
        """Insert or replace episodes."""
        _KEEP.run(self._connection, [_case_row(case) for case in cases])

    def drop(self, cases: Iterable[Case]) -> None:
        """Forget episodes that nobody was told of."""
        for case in cases:
            self._connection.execute(_DROP, {"one": case.key, "nth": case.episode})

    # --- silences ---

    def silences(self, now: datetime) -> list[Silence]:
        """Return the silences that have not ended, oldest first."""
        return [_silence(row) for row in self._connection.execute(_SILENCES, {"now": micros(now)})]

    def silence(self, one: Silence) -> None:
        """Insert or replace a silence."""
        row = {"id": one.id, "matching": one.matching, "by": one.by, "reason": one.reason}
        _SILENCE.run(self._connection, [{**row, "at": micros(one.at), "until": micros(one.until)}])

    def end_silence(self, id_: str, *, at: datetime) -> bool:
        """End a silence; False if there is none that lasts."""
        return bool(self._connection.execute(_END, {"one": id_, "ended": micros(at)}).rowcount)

    # --- messages ---

    def post(self, notes: Sequence[Note]) -> int:
        """Keep messages until they are settled; one whose id is known already is the same. Returns how many are new."""
        if not notes:
            return 0
        known = set(self._connection.execute(_KNOWN, {"ids": [note.id for note in notes]}).scalars())
        new = list({note.id: note for note in notes if note.id not in known}.values())
        if new:
            counted = numbers(self._connection, "alert_notes", len(new))
            rows = [_note_row(note, number) for note, number in zip(new, counted, strict=True)]
            _POST.run(self._connection, rows)
        return len(new)

    def waiting(self) -> list[Note]:
        """Return the messages that have not come to an end, in the order in which they were made."""
        return [_NOTE.decode(body) for body in self._connection.execute(_WAITING).scalars()]

    def settle(self, notes: Iterable[Note]) -> None:
        """Replace messages by what became of them."""
        for note in notes:
            self._connection.execute(_SETTLE, {"one": note.id, "now": note.state.value, "what": _ENCODE(note)})

    def history(self, most: int) -> list[Note]:
        """Return the latest messages, newest first, whatever became of them."""
        return [_NOTE.decode(body) for body in self._connection.execute(_HISTORY, {"most": most}).scalars()]

    def deaf(self) -> tuple[Deaf, ...]:
        """Return the channels whose oldest messages fail, by name."""
        by_channel: dict[str, list[Note]] = {}
        for note in self.waiting():
            by_channel.setdefault(note.channel, []).append(note)
        return tuple(found for name in sorted(by_channel) if (found := _deaf(by_channel[name])) is not None)

    def tidy(self, *, before: datetime) -> None:
        """Forget what came to an end before then."""
        for statement in _TIDY:
            self._connection.execute(statement, {"before": micros(before)})


def _deaf(notes: Sequence[Note]) -> Deaf | None:
    worst = max(notes, key=lambda note: note.attempts)
    if worst.failed_at is None:
        return None
    return Deaf(
        channel=worst.channel,
        since=min(note.failed_at for note in notes if note.failed_at),
        attempts=worst.attempts,
        waiting=len(notes),
        code=worst.code,
        what=worst.what,
        do=worst.do,
    )


def _case_row(case: Case) -> dict[str, object]:
    return {
        "key": case.key,
        "episode": case.episode,
        "rule": case.rule,
        "stage": case.stage.value,
        "seen_at": micros(case.seen_at),
        "resolved_at": maybe_micros(case.resolved_at),
        "body": _ENCODE(case),
    }


def _note_row(note: Note, number: int) -> dict[str, object]:
    return {
        "number": number,
        "id": note.id,
        "channel": note.channel,
        "case_key": note.case,
        "state": note.state.value,
        "created_at": micros(note.created_at),
        "body": _ENCODE(note),
    }


def _silence(row: Answer) -> Silence:
    return Silence(
        id=row.id,
        matching=row.matching,
        by=row.by,
        reason=row.reason,
        at=from_micros(row.at),
        until=from_micros(row.until),
    )
