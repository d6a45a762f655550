"""Words about joiners: what was decided to be said to whom, and what became of it. Decides nothing and sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select

from syncd.core.model import SubjectId, TargetId
from syncd.core.welcome import Addressee, Fate, News, Word
from syncd.store.columns import from_micros, maybe_from_micros, maybe_micros, micros
from syncd.store.statements import Answer, Fields, Upsert, among, numbers, several
from syncd.store.tables_words import words

_T: Final = words.c
_KEEP: Final = Upsert(words, key=["key"], fixed=["number"])
_KNOWN: Final = select(_T.key, _T.number).where(among(_T.key))
_ABOUT: Final = select(words).where(among(_T.joiner)).order_by(_T.joiner, _T.number)
_TO: Final = select(words).where(_T.addressee == bindparam("who")).order_by(_T.number)
_AHEAD: Final = select(_T.joiner).where(_T.begins_at > bindparam("now")).distinct()
_WAITING: Final = select(words).where(_T.fate == Fate.WAITING.value).order_by(_T.number)
_SENT: Final = (
    select(_T.account, func.count().label("n"))
    .where(_T.fate == Fate.SENT.value, _T.settled_at > bindparam("since"), _T.settled_at <= bindparam("until"))
    .group_by(_T.account)
)
_TIDY: Final = delete(words).where(
    _T.fate != Fate.WAITING.value, _T.begins_at < bindparam("before"), _T.settled_at < bindparam("before")
)


class Words:
    """Every word, in the order in which they were decided."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, some: Sequence[Word]) -> None:
        """Insert new ones, and replace those whose keys are known."""
        known = {row.key: row.number for row in several(self._connection, _KNOWN, {}, (word.key for word in some))}
        fresh = [word.key for word in some if word.key not in known]
        if fresh:
            known |= dict(zip(fresh, numbers(self._connection, "words", len(fresh)), strict=True))
        _KEEP.run(self._connection, [_fields(word, known[word.key]) for word in some])

    def about(self, joiners: Iterable[SubjectId]) -> dict[SubjectId, list[Word]]:
        """Return every word about each of these, the oldest first; nobody's name stands for nothing said."""
        found: dict[SubjectId, list[Word]] = {}
        for row in several(self._connection, _ABOUT, {}, joiners):
            found.setdefault(SubjectId(row.joiner), []).append(_word(row))
        return found

    def to(self, addressee: SubjectId) -> list[Word]:
        """Return every word to somebody, the oldest first. Looks at all words."""
        return [_word(row) for row in self._connection.execute(_TO, {"who": addressee})]

    def ahead(self, now: datetime) -> set[SubjectId]:
        """Return those of whom something was said about a day that has not begun."""
        return {SubjectId(one) for one in self._connection.execute(_AHEAD, {"now": micros(now)}).scalars()}

    def waiting(self) -> list[Word]:
        """Return what has not come to its end."""
        return [_word(row) for row in self._connection.execute(_WAITING)]

    def sent(self, *, since: datetime, until: datetime) -> dict[TargetId, int]:
        """Return how many words were sent to each account after `since`, up to `until`."""
        span = {"since": micros(since), "until": micros(until)}
        return {TargetId(row.account): row.n for row in self._connection.execute(_SENT, span)}

    def tidy(self, *, before: datetime) -> None:
        """Forget what was said of days long ago."""
        self._connection.execute(_TIDY, {"before": micros(before)})


def _fields(word: Word, number: int) -> Fields:
    return {
        "number": number,
        "key": word.key,
        "joiner": word.joiner,
        "label": word.label,
        "addressee": word.to.subject,
        "account": word.to.account,
        "addressee_label": word.to.label,
        "news": word.news.value,
        "day": word.day,
        "begins_at": micros(word.begins_at),
        "title": word.title,
        "text": word.text,
        "decided_at": micros(word.decided_at),
        "due_at": micros(word.due_at),
        "fate": word.fate.value,
        "attempts": word.attempts,
        "settled_at": maybe_micros(word.settled_at),
        "code": word.code,
    }


def _word(row: Answer) -> Word:
    return Word(
        key=row.key,
        joiner=SubjectId(row.joiner),
        label=row.label,
        to=Addressee(subject=SubjectId(row.addressee), account=TargetId(row.account), label=row.addressee_label),
        news=News(row.news),
        day=row.day,
        begins_at=from_micros(row.begins_at),
        title=row.title,
        text=row.text,
        decided_at=from_micros(row.decided_at),
        due_at=from_micros(row.due_at),
        fate=Fate(row.fate),
        attempts=row.attempts,
        settled_at=maybe_from_micros(row.settled_at),
        code=row.code,
    )
