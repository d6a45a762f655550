"""Wakes that are durable: which sources want to be read, since when, and who said so. Never reads a source.

Those without a key are kept as one per source. Those with a key are kept by it, for a while also after they are done: an event
that comes again is one event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from syncd.core.model import SourceName
from syncd.core.wakes import Wake
from syncd.store import codec
from syncd.store.columns import maybe_from_micros, maybe_micros, micros
from syncd.store.statements import Many, numbers
from syncd.store.tables import wakes

MOST_NAMED: Final = 100
_T: Final = wakes
_OPEN: Final = text("done_at IS NULL")
_KEYED: Final = text("key <> ''")
_ADD: Final = Many(insert(_T))
_ONE: Final = select(_T.c.number).where(_T.c.source == bindparam("of"), _T.c.key == bindparam("called"), _KEYED)
_PLAIN: Final = (
    select(_T.c.number, _T.c.event_at, _T.c.who)
    .where(_T.c.source == bindparam("of"), _T.c.key == "", _OPEN)
    .order_by(_T.c.number.desc())
    .limit(1)
)
_AGAIN: Final = (
    update(_T)
    .where(_T.c.number == bindparam("old"))
    .values(number=bindparam("new"), event_at=bindparam("happened"), who=bindparam("whom"))
)
_WAITING: Final = (
    select(_T.c.source, func.max(_T.c.number), func.count(), func.min(_T.c.event_at), func.min(_T.c.since))
    .where(_OPEN)
    .group_by(_T.c.source)
)
_OF: Final = _WAITING.where(_T.c.source == bindparam("of"))
_FORGET: Final = delete(_T).where(
    _T.c.source == bindparam("of"), _T.c.number <= bindparam("upto"), _T.c.key == "", _OPEN
)
_DONE: Final = (
    update(_T)
    .where(_T.c.source == bindparam("of"), _T.c.number <= bindparam("upto"), _OPEN)
    .values(done_at=bindparam("at"))
)
_TIDY: Final = delete(_T).where(text("done_at IS NOT NULL"), _T.c.done_at < bindparam("before"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for one source to be read."""

    upto: int
    """The last wake's number: a read that begins now does all up to it."""
    count: int
    event_at: datetime | None
    """When the first of it happened, where somebody said so."""
    since: datetime
    """When we heard of the first."""


class Wakes:
    """Wakes by source."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, some: Iterable[Wake], *, at: datetime) -> int:
        """Keep wakes; returns how many of them were not known by their keys."""
        return sum([self._keyed(one, at) if one.key else self._plain(one, at) for one in some])

    def waiting(self) -> dict[SourceName, Waiting]:
        """Return what waits, by source."""
        return {SourceName(row[0]): _waiting(*row[1:]) for row in self._connection.execute(_WAITING)}

    def of(self, source: SourceName) -> Waiting | None:
        """Return what waits for one source."""
        row = self._connection.execute(_OF, {"of": source}).first()
        return None if row is None else _waiting(*row[1:])

    def done(self, source: SourceName, *, upto: int, at: datetime) -> None:
        """A read that began after these wakes has ended well: part of the transaction that stores its cursor."""
        self._connection.execute(_FORGET, {"of": source, "upto": upto})
        self._connection.execute(_DONE, {"of": source, "upto": upto, "at": micros(at)})

    def tidy(self, *, before: datetime) -> int:
        """Forget the keys of events that were done before then; returns how many."""
        return self._connection.execute(_TIDY, {"before": micros(before)}).rowcount

    def _keyed(self, wake: Wake, at: datetime) -> bool:
        if self._connection.execute(_ONE, {"of": wake.source, "called": wake.key}).first() is not None:
            return False
        self._add(wake, at)
        return True

    def _plain(self, wake: Wake, at: datetime) -> bool:
        """Let a wake that waits already stand for this one too, as a new one: a read under way may have taken the old one."""
        known = self._connection.execute(_PLAIN, {"of": wake.source}).first()
        if known is None:
            self._add(wake, at)
            return True
        moments = [one for one in (known.event_at, maybe_micros(wake.event_at)) if one is not None]
        whom = tuple(dict.fromkeys((*codec.decode_texts(known.who), *wake.who)))[:MOST_NAMED]
        fields: Mapping[str, object] = {
            "old": known.number,
            "new": numbers(self._connection, "wakes", 1)[0],
            "happened": min(moments, default=None),
            "whom": codec.encode(whom),
        }
        self._connection.execute(_AGAIN, fields)
        return True

    def _add(self, wake: Wake, at: datetime) -> None:
        row = {
            "number": numbers(self._connection, "wakes", 1)[0],
            "source": wake.source,
            "reason": wake.reason.value,
            "event_at": maybe_micros(wake.event_at),
            "who": codec.encode(wake.who[:MOST_NAMED]),
            "key": wake.key,
            "since": micros(at),
            "done_at": None,
        }
        _ADD.run(self._connection, [row])


def _waiting(upto: int, count: int, event_at: int | None, since: int) -> Waiting:
    happened, heard = maybe_from_micros(event_at), maybe_from_micros(since)
    assert heard is not None
    return Waiting(upto=upto, count=count, event_at=happened, since=heard)
