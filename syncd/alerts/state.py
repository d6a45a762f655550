"""The state machine of alerts: (policy, situation, cases, silences, now) → cases as they are then, and messages that are due.

Pure: the same input gives the same output, keys of messages included, so a step that is taken again after a crash makes nothing
twice. It renders no text and delivers nothing.

A case is pending until its rule's `for` has passed, open until it has not been seen for `clear`, then resolved. What is resolved
is told only to channels that were told of it. A case that another one explains, that is silenced, or that falls into quiet hours
goes on untold, and is told when that ends, if it still is.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from syncd.alerts.facts import DELIVERY, Situation
from syncd.alerts.rules import Policy, Rule
from syncd.core.alerting import Case, Found, News, Severity, Silence, Stage
from syncd.core.values import instant

KEY_LIMIT: Final = 255
"""Characters of a key; PagerDuty takes no longer one."""
FLAPPING: Final = timedelta(hours=3)
"""Each coming within this time doubles how long a case must be gone before it is over,"""
LONGEST_CLEAR: Final = timedelta(hours=1)
"""up to this."""
SETTLING: Final = timedelta(minutes=15)
"""The least time after its cause that a case which another one explained has to go away by itself: at 20 calls a second a queue
of 18,000 flows off."""
UPDATE: Final = timedelta(minutes=15)
"""The least time between two messages about one case because something joined it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message that is due to one channel."""

    id: str
    channel: str
    news: News
    case: Case
    rule: Rule | None
    """None if the rule was taken out of the file meanwhile."""
    due_at: datetime
    first: bool
    """No message of this episode went to this channel before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one look made of everything."""

    cases: tuple[Case, ...]
    """Those that differ from before."""
    dropped: tuple[Case, ...]
    """Those that went away before anybody was to be told."""
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    rule: Rule
    found: tuple[Found, ...]


def advance(
    policy: Policy,
    situation: Situation,
    past: Mapping[str, Case],
    *,
    silences: Sequence[Silence] = (),
) -> Step:
    """Return what becomes of the cases of `past` (the last episode of each key) at the instant of the situation's health."""
    now, seen = situation.health.at, _seen(policy, situation)
    dropped = tuple(case for key, case in past.items() if key not in seen and case.stage is Stage.PENDING)
    cases: dict[str, Case] = {}
    for key in sorted({*seen, *(key for key, case in past.items() if case.stage is not Stage.RESOLVED)}):
        before = _not_ahead(past[key], now) if key in past else None
        followed = _followed(key, before, seen.get(key), policy=policy, now=now)
        if followed is not None:
            cases[key] = followed
    active = [case for case in cases.values() if case.stage is not Stage.RESOLVED]
    teller = _Teller(policy=policy, now=now, active=active, silences=silences)
    told = [teller.told(case) for case in cases.values()]
    return Step(
        cases=tuple(case for case, _ in told if case != past.get(case.key)),
        dropped=dropped,
        messages=tuple(message for _, messages in told for message in messages),
    )


def key_of(rule: str, labels: Mapping[str, str]) -> str:
    """Return the key of a rule's findings with these labels: readable, and never longer than `KEY_LIMIT`."""
    key = f"{rule}{{{','.join(f'{name}={value}' for name, value in sorted(labels.items()))}}}" if labels else rule
    if len(key) <= KEY_LIMIT:
        return key
    return f"{key[: KEY_LIMIT - 18]}~{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}"


def message_id(case: Case, number: int, channel: str) -> str:
    """Return the name of a case's message: 32 hexadecimal digits, other ones for each message and channel."""
    text = "\x00".join((case.key, str(case.episode), instant(case.seen_at), str(number), channel))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


# --- what is seen -----------------------------------------------------------------------------------------------------


def _seen(policy: Policy, situation: Situation) -> dict[str, _Seen]:
    """Return what the rules find, grouped as they ask."""
    groups: dict[str, _Seen] = {}
    for rule in policy.rules.values():
        for found in rule.word.look(situation, rule.measure):
            key = key_of(rule.name, {name: found.labels.get(name, "") for name in rule.group_by})
            known = groups[key].found if key in groups else ()
            groups[key] = _Seen(rule=rule, found=(*known, found))
    return groups


def _not_ahead(case: Case, now: datetime) -> Case:
    """Return the case without an instant that is yet to come: a clock that was ahead, and is right again, has left it behind.
    Whatever is counted from it would stand still for as long as the clock was ahead: a case would be clearing for days."""

    def past(at: datetime | None) -> datetime | None:
        return None if at is None else min(at, now)

    return replace(
        case,
        since=min(case.since, now),
        seen_at=min(case.seen_at, now),
        opened_at=past(case.opened_at),
        gone_at=past(case.gone_at),
        told_at=past(case.told_at),
        explained_at=past(case.explained_at),
        openings=tuple(min(at, now) for at in case.openings),
    )


def _followed(key: str, case: Case | None, seen: _Seen | None, *, policy: Policy, now: datetime) -> Case | None:
    """Return the case after this look; None if it went away while it was pending."""
    if seen is None:
        return _unseen(case, policy, now) if case is not None and case.stage is Stage.OPEN else None
    since = min([now, *(found.since for found in seen.found if found.since)])
    if case is None or case.stage is Stage.RESOLVED:
        case = _begun(key, seen, since, before=case, now=now)
    else:
        came_back = case.gone_at is not None and now - case.gone_at >= seen.rule.clear / 2
        case = replace(
            case,
            found=seen.found,
            since=min(case.since, since),
            gone_at=None,
            severity=seen.rule.severity,
            openings=_lately((*case.openings, now) if came_back else case.openings, now),
        )
    if case.stage is Stage.PENDING and now - case.seen_at >= seen.rule.for_:
        case = replace(case, stage=Stage.OPEN, opened_at=now, openings=(*case.openings, now))
    return case


def _begun(key: str, seen: _Seen, since: datetime, *, before: Case | None, now: datetime) -> Case:
    return Case(
        key=key,
        rule=seen.rule.name,
        severity=seen.rule.severity,
        stage=Stage.PENDING,
        episode=before.episode + 1 if before else 1,
        since=since,
        seen_at=now,
        found=seen.found,
        openings=_lately(before.openings, now) if before else (),
    )


def _lately(openings: Iterable[datetime], now: datetime) -> tuple[datetime, ...]:
    return tuple(at for at in openings if now - at < FLAPPING)


def _unseen(case: Case, policy: Policy, now: datetime) -> Case:
    """Return an open case that is not seen now: over, once that has lasted."""
    gone_at = case.gone_at or now
    rule = policy.rules.get(case.rule)
    clear = _clear(case, rule.clear, now) if rule else timedelta(0)
    if now - gone_at < clear:
        return replace(case, gone_at=gone_at)
    return replace(case, gone_at=gone_at, stage=Stage.RESOLVED, resolved_at=now)


def _clear(case: Case, usual: timedelta, now: datetime) -> timedelta:
    """Return how long a case must be gone: twice as long for each time that it came before, lately."""
    earlier = len(_lately(case.openings, now)) - 1
    return max(usual, min(usual * (1 << max(0, min(earlier, 10))), LONGEST_CLEAR))


# --- who is told ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Teller:
    """One look's decisions about messages."""

    policy: Policy
    now: datetime
    active: Sequence[Case]
    silences: Sequence[Silence]

    def told(self, case: Case) -> tuple[Case, list[Message]]:
        """Return the case with what it remembers of its messages, and the messages."""
        rule = self.policy.rules.get(case.rule)
        if case.stage is Stage.RESOLVED:
            return self._resolved(case, rule)
        if rule is None or case.stage is Stage.PENDING:
            return case, []
        cause = self._cause(case, rule)
        case = replace(case, explained_at=self.now) if cause else case
        case = replace(case, hushed=f"explained by {cause}" if cause else self._hushed(case, rule))
        if case.hushed or case.gone_at:
            return case, []
        return self._due(case, rule)

    def _due(self, case: Case, rule: Rule) -> tuple[Case, list[Message]]:
        ids = tuple(found.id for found in case.found)
        news: News | None = None
        if case.told_at is None:
            news = News.OPENED
        elif set(ids) - set(case.told_ids) and self.now - case.told_at >= UPDATE:
            news = News.CHANGED
        elif rule.repeat is not None and self.now - case.told_at >= rule.repeat:
            news = News.REPEATED
        messages: list[Message] = []
        if news is not None and (channels := self._channels(case, rule, self.policy.routed(rule))):
            case = replace(case, told_at=self.now, told_ids=ids)
            case, messages = self._said(case, news, channels, rule=rule, due_at=self.now)
        return self._escalated(case, rule, messages)

    def _escalated(self, case: Case, rule: Rule, messages: list[Message]) -> tuple[Case, list[Message]]:
        opened, after = case.opened_at, rule.escalate_after
        if case.escalated_at or not opened or after is None or self.now - opened < after:
            return case, messages
        channels = self._channels(case, rule, [name for name in rule.escalate_to if name in self.policy.channels])
        case = replace(case, escalated_at=self.now)
        case, more = self._said(case, News.ESCALATED, channels, rule=rule, due_at=self.now)
        return case, [*messages, *more]

    def _resolved(self, case: Case, rule: Rule | None) -> tuple[Case, list[Message]]:
        """Tell the end to whom the beginning was told. In quiet hours it waits, as the beginning would have."""
        due_at = self.now
        if case.severity is not Severity.CRITICAL and (rule is None or rule.quiet_hours) and self.policy.quiet:
            due_at = self.policy.quiet.until(self.now) or self.now
        channels = [name for name in case.told if name in self.policy.channels]
        return self._said(replace(case, hushed=""), News.RESOLVED, channels, rule=rule, due_at=due_at)

    def _said(
        self, case: Case, news: News, channels: Iterable[str], *, rule: Rule | None, due_at: datetime
    ) -> tuple[Case, list[Message]]:
        """Return a message for each channel, and the case that counts them."""
        channels = tuple(channels)
        if not channels:
            return case, []
        number, before = case.messages + 1, case.told
        case = replace(case, messages=number, told={**case.told, **dict.fromkeys(channels, self.now)})
        return case, [
            Message(
                id=message_id(case, number, name),
                channel=name,
                news=news,
                case=case,
                rule=rule,
                due_at=due_at,
                first=name not in before,
            )
            for name in channels
        ]

    def _channels(self, case: Case, rule: Rule, routed: Sequence[str]) -> tuple[str, ...]:
        """Return the channels that can hear of it: never the one that is said to be deaf."""
        deaf = {found.id for found in case.found} if rule.word.name == DELIVERY else set()
        left = tuple(name for name in routed if name not in deaf)
        # The last resort: those that take other severities only are better than nobody.
        return left or (tuple(name for name in self.policy.channels if name not in deaf) if deaf else ())

    def _cause(self, case: Case, rule: Rule) -> str:
        """Return the key of another case that explains this one; empty if there is none."""
        causes = (other for other in self.active if other.rule in rule.inhibited_by and _related(case, other))
        return next((other.key for other in causes), "")

    def _hushed(self, case: Case, rule: Rule) -> str:
        """Return why nobody is told now, though nothing explains it."""
        # What its cause held up needs time to flow off.
        if case.explained_at and self.now - case.explained_at < max(rule.for_, rule.clear, SETTLING):
            return "explained a moment ago"
        for silence in self.silences:
            if silence.at <= self.now < silence.until and matches(silence.matching, case):
                return f"silenced by {silence.id}"
        taken = case.acknowledged
        if taken and (taken.until is None or self.now < taken.until):
            return "acknowledged"
        is_quiet = rule.quiet_hours and case.severity is not Severity.CRITICAL and self.policy.quiet
        return "quiet hours" if is_quiet and self.policy.quiet and self.policy.quiet.until(self.now) else ""


def matches(matching: str, case: Case) -> bool:
    """Tell whether a silence's word means a case: the rule's name or the key, `*` stands for anything."""
    # Brackets are part of no rule's name, and keys have braces only: nothing but `*` and `?` is a wildcard.
    pattern = matching.replace("[", "[[]")
    return any(fnmatch.fnmatchcase(text, pattern) for text in (case.rule, case.key))


def _related(case: Case, other: Case) -> bool:
    """Tell whether two cases can be about the same: where both have a label of one name, they must share a value of it."""
    mine, theirs = _labels(case), _labels(other)
    return all(mine[name] & theirs[name] for name in mine.keys() & theirs.keys())


def _labels(case: Case) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, value in _pairs(case):
        found.setdefault(name, set()).add(value)
    return found


def _pairs(case: Case) -> Iterator[tuple[str, str]]:
    for found in case.found:
        yield from found.labels.items()
