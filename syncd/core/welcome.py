"""Word of a joiner to those for whom they will work: who is told anew, who is told that it is off, and what is not sent any more.

Pure: it compares what is so with what was said. Whoever was told of a day is told of it once; a word that nobody was told yet
and that is not true any more is never sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from syncd.core.model import SubjectId, TargetId
from syncd.core.values import digest

WITHIN: Final = timedelta(hours=1)
"""The span over which words are counted that are sent. Ours, as the two that follow: no platform demands them."""
TO_ALL: Final = 100
"""So many words are sent within it; an import of thousands that was a mistake can be taken back before most are told of it."""
TO_ONE: Final = 20
"""So many of them to one person."""


class News(StrEnum):
    """What a word says."""

    COMES = "comes"
    """Somebody begins on a day."""
    MOVED = "moved"
    """On another day than was said before."""
    OFF = "off"
    """Not at all: the hire was rescinded."""


class Fate(StrEnum):
    """What became of a word."""

    WAITING = "waiting"
    SENT = "sent"
    UNREACHABLE = "unreachable"
    """The target knows nobody by that account; somebody else is told."""
    OVERTAKEN = "overtaken"
    """It was not true any more."""
    LATE = "late"
    """The first day had begun before it could be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Somebody who is to be told, by the account that they have."""

    subject: SubjectId
    account: TargetId
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One message to one person about one joiner."""

    key: str
    """Names it for the target, too: one key is seen once."""
    joiner: SubjectId
    label: str
    """The joiner's, as `syncd explain` calls them."""
    to: Addressee
    news: News
    day: str
    """The first day, as ISO 8601; of `OFF`, the one that was said before."""
    begins_at: datetime
    """When that day begins where the joiner works: not sent after it."""
    title: str
    text: str
    """Both are emptied when it has come to its end: nothing personal is kept for longer than it is needed."""
    decided_at: datetime
    due_at: datetime
    fate: Fate = Fate.WAITING
    attempts: int = 0
    settled_at: datetime | None = None
    code: str = ""
    """Of what went wrong last."""

    @property
    def waits(self) -> bool:
        return self.fate is Fate.WAITING

    @property
    def heard(self) -> bool:
        """Tell whether the person has it, or may have it: an attempt of which nobody knows how it ended counts."""
        return self.fate is Fate.SENT or (self.attempts > 0 and self.fate in _TRIED)


_TRIED: Final = frozenset({Fate.WAITING, Fate.OVERTAKEN, Fate.LATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What is to be said to somebody."""

    to: Addressee
    news: News
    day: str
    before: str = ""
    """The day that was said before, of `MOVED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows from what is so and what was said."""

    say: tuple[Telling, ...] = ()
    drop: tuple[Word, ...] = ()
    """Words that wait and are not sent any more."""


def coming(said: Sequence[Word], addressees: Sequence[Addressee], day: str, *, soon: bool) -> Decision:
    """Decide about somebody who begins on `day` (ISO 8601): `said` is every word about them, the oldest first.

    Nothing is said before it is `soon`, unless somebody heard of another day.
    """
    heard = _last(said)
    if not soon and not heard:
        return Decision(drop=tuple(word for word in said if word.waits))
    wanted = {one.subject for one in addressees}
    kept = [word for word in said if word.waits and _stands(word, day) and word.to.subject in wanted]
    known = {word.to.subject for word in kept}
    say = []
    for one in addressees:
        last = heard.get(one.subject)
        # What was only tried may not have been heard.
        sure = last is not None and last.fate is Fate.SENT
        if one.subject in known or (last is not None and sure and _stands(last, day)):
            continue
        moved = last is not None and sure and last.news is not News.OFF
        before = last.day if last is not None and moved else ""
        say.append(Telling(to=one, news=News.MOVED if moved else News.COMES, day=day, before=before))
    return Decision(say=tuple(say), drop=tuple(word for word in said if word.waits and word not in kept))


def off(said: Sequence[Word], *, now: datetime) -> Decision:
    """Decide about somebody who does not begin at all: whoever has heard otherwise is told, unless the day is over already."""
    waiting = [word for word in said if word.waits and word.news is News.OFF]
    known = {word.to.subject for word in waiting}
    say = [
        Telling(to=last.to, news=News.OFF, day=last.day)
        for who, last in _believing(said).items()
        if who not in known and last.begins_at > now
    ]
    return Decision(say=tuple(say), drop=tuple(word for word in said if word.waits and word not in waiting))


def in_turn(due: Sequence[Word], sent: Mapping[TargetId, int]) -> tuple[Word, ...]:
    """Return those of the words that are due that may be sent now, where so many were `sent` to each account of late.

    First what corrects a word that was heard, then whoever begins next.
    """
    room, taken, turn = TO_ALL - sum(sent.values()), Counter(sent), list[Word]()
    for word in sorted(due, key=lambda one: (one.news is News.COMES, one.begins_at)):
        if len(turn) < room and taken[word.to.account] < TO_ONE:
            taken[word.to.account] += 1
            turn.append(word)
    return tuple(turn)


def carried(about: Sequence[Word], known: Sequence[Word], joiner: SubjectId, *, at: datetime) -> list[Word]:
    """Return words about somebody who turns out to be `joiner`, of whom the words `known` were said, as words about that one.

    What waits is overtaken, because it is decided anew. But one that was tried stays, for its key finds it where it was heard;
    unless another waits for the same person, which would be a second one.
    """
    waiting = {word.to.subject for word in known if word.waits}
    own = [replace(word, joiner=joiner) for word in about]
    over = {word.key for word in own if word.waits and (not word.attempts or word.to.subject in waiting)}
    return [ended(word, Fate.OVERTAKEN, at=at) if word.key in over else word for word in own]


def out_of_reach(said: Sequence[Word], day: str) -> frozenset[TargetId]:
    """Return the accounts by which nobody could be told of this day."""
    return frozenset(word.to.account for word in said if word.fate is Fate.UNREACHABLE and word.day == day)


def key_of(joiner: SubjectId, telling: Telling, said: Sequence[Word]) -> str:
    """Return the key of a new word. The same history gives the same key, also in a state that was put back from a backup."""
    earlier = sum(1 for word in said if word.to.subject == telling.to.subject)
    named: tuple[str | int, ...] = (joiner, telling.to.subject, telling.to.account, telling.news, telling.day, earlier)
    return f"word-{digest(named).hex()}"


def ended(word: Word, fate: Fate, *, at: datetime, code: str = "") -> Word:
    """Return a word that has come to its end, without what it said."""
    return replace(word, fate=fate, settled_at=at, title="", text="", code=code)


def _last(said: Sequence[Word]) -> dict[SubjectId, Word]:
    """Return the last word that each person has heard, or may have heard."""
    return {word.to.subject: word for word in said if word.heard}


def _believing(said: Sequence[Word]) -> dict[SubjectId, Word]:
    """Return who may believe that somebody begins, and by which word: that it is off has to be sure."""
    found: dict[SubjectId, Word] = {}
    for word in said:
        if word.heard and word.news is not News.OFF:
            found[word.to.subject] = word
        elif word.news is News.OFF and word.fate is Fate.SENT:
            found.pop(word.to.subject, None)
    return found


def _stands(word: Word, day: str) -> bool:
    return word.news is not News.OFF and word.day == day
