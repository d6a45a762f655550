"""Alert rules with their meaning checked: the defaults, what the administrator's file changes, and who hears of what.

Every mistake is told at once with its line and column. Nothing here looks at health or decides about a case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from syncd.alerts import messages
from syncd.alerts.facts import WORDS, Measure, Needs, Word
from syncd.alerts.schema import Escalation, WrittenRule, WrittenRules
from syncd.config.problems import of_validation
from syncd.config.yaml import Document, did_you_mean, read
from syncd.core.alerting import Severity
from syncd.core.errors import Message, Misconfigured, Problem, foreign

DEFAULTS: Final = Path(str(files("syncd.alerts"))) / "defaults.yaml"
_LIKE: Final = {Needs.AFTER: "2h", Needs.WITHIN: "14d", Needs.OVER: "0", Needs.UNDER: "2GiB"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, ready to be applied."""

    name: str
    word: Word
    measure: Measure
    for_: timedelta = timedelta(0)
    clear: timedelta = timedelta(minutes=5)
    severity: Severity = Severity.WARNING
    group_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    channels: tuple[str, ...] | None = None
    repeat: timedelta | None = None
    escalate_after: timedelta | None = None
    escalate_to: tuple[str, ...] = ()
    quiet_hours: bool = True
    title: str = ""
    do: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """When nobody wants to hear of what is not critical. `begin` after `end` goes over midnight."""

    begin: time
    end: time
    zone: ZoneInfo
    weekend: bool = False
    """Saturday and Sunday are quiet from midnight to midnight."""

    def until(self, now: datetime) -> datetime | None:
        """Return when the quiet that `now` lies in ends, None if it lies in none. Both aware; a week is the longest."""
        local = now.astimezone(self.zone)
        if not self._quiet(local):
            return None
        # Quarter hours: every zone's offset and every sensible setting lies on them; a minute late is no harm.
        step = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0)
        for _ in range(7 * 24 * 4):
            step = (step.astimezone(now.tzinfo) + timedelta(minutes=15)).astimezone(self.zone)
            if not self._quiet(step):
                return step.astimezone(now.tzinfo)
        return now + timedelta(days=7)  # always quiet: once a week something has to be said

    def _quiet(self, local: datetime) -> bool:
        if self.weekend and local.isoweekday() > 5:
            return True
        at = local.time()
        if self.begin <= self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What applies: rules by name, channels with the severities that they take, and quiet hours."""

    rules: Mapping[str, Rule]
    channels: Mapping[str, frozenset[Severity]]
    quiet: QuietHours | None = None

    def routed(self, rule: Rule) -> tuple[str, ...]:
        """Return the channels that hear of a rule, in the order of `syncd.yaml`."""
        if rule.channels is not None:
            return tuple(name for name in rule.channels if name in self.channels)
        return tuple(name for name, takes in self.channels.items() if rule.severity in takes)


def load_policy(
    path: Path | None, *, channels: Mapping[str, frozenset[Severity]], quiet: QuietHours | None = None
) -> Policy:
    """Return the rules of syncd with the changes of the file `path`. Raises Misconfigured with every problem."""
    written, problems = _written(DEFAULTS).rules, _Problems()
    if path is not None:
        document = read(path)
        problems.document = document
        written = dict(_merged(written, _validated(document), problems))
    rules = {name: rule for name, one in written.items() if not one.off and (rule := _rule(name, one, problems))}
    _check_names(rules, written, channels, problems)
    if problems.found:
        raise Misconfigured(sorted(problems.found, key=lambda one: (one.place.line, one.place.column)))
    return Policy(rules=rules, channels=channels, quiet=quiet)


@dataclass(slots=True)
class _Problems:
    """What is wrong, with its place in the administrator's file. What syncd brings is right; a test says so."""

    document: Document | None = None
    found: list[Problem] = field(default_factory=list)

    def add(self, told: Message, *loc: str | int, **words: object) -> None:
        self.found.append(told.at(self.document.place("rules", *loc) if self.document else None, **words))

    def add_at_key(self, told: Message, *loc: str | int, **words: object) -> None:
        self.found.append(told.at(self.document.place("rules", *loc, of="key") if self.document else None, **words))


def _written(path: Path) -> WrittenRules:
    return _validated(read(path))


def _validated(document: Document) -> WrittenRules:
    try:
        return WrittenRules.model_validate(document.root)
    except ValidationError as error:
        raise Misconfigured(of_validation(error, document, model=WrittenRules)) from None


def _merged(
    defaults: Mapping[str, WrittenRule], own: WrittenRules, problems: _Problems
) -> Iterator[tuple[str, WrittenRule]]:
    """Yield every rule, changed where the file says so; a new one must say what to look for."""
    for name in dict.fromkeys((*defaults, *own.rules)):
        change, default = own.rules.get(name), defaults.get(name)
        if change is None:
            yield name, defaults[name]
        elif default is not None and (not change.when or change.when == default.when):
            said = {field: getattr(change, field) for field in change.model_fields_set}
            yield name, default.model_copy(update={**said, "when": default.when})
        elif change.when:
            yield name, change
        else:
            problems.add_at_key(messages.NO_WHEN, name, name=name, similar=did_you_mean(name, defaults))


def _rule(name: str, written: WrittenRule, problems: _Problems) -> Rule | None:
    word = WORDS.get(written.when)
    if word is None:
        words = {"name": foreign(written.when), "similar": did_you_mean(written.when, WORDS), "known": ", ".join(WORDS)}
        problems.add(messages.UNKNOWN_WORD, name, "when", **words)
        return None
    _check_measure(name, written, word, problems)
    for index, label in enumerate(written.group_by):
        if label not in word.labels:
            known = ", ".join(word.labels) or "nothing; leave `group_by` out"
            problems.add(
                messages.UNKNOWN_LABEL, name, "group_by", index, word=word.name, name=foreign(label), known=known
            )
    escalate: Escalation | None = written.escalate
    return Rule(
        name=name,
        word=word,
        measure=Measure(
            length=written.after or written.within or timedelta(0),
            number=written.over if written.over is not None else written.under or 0,
        ),
        for_=written.for_,
        clear=written.clear,
        severity=written.severity,
        group_by=tuple(written.group_by),
        inhibited_by=tuple(written.inhibited_by),
        channels=None if written.channels is None else tuple(written.channels),
        repeat=written.repeat,
        escalate_after=escalate.after if escalate else None,
        escalate_to=tuple(escalate.to) if escalate else (),
        quiet_hours=written.quiet_hours,
        title=written.title,
        do=written.do,
    )


def _check_measure(name: str, written: WrittenRule, word: Word, problems: _Problems) -> None:
    given = [each for each in _LIKE if getattr(written, each) is not None]
    for each in given:
        if each is not word.needs:
            needs = f"It needs `{word.needs}`." if word.needs else "It needs no measure."
            problems.add_at_key(messages.WRONG_MEASURE, name, each, given=each, word=word.name, needs=needs)
    if word.needs and word.needs not in given:
        words = {"name": name, "word": word.name, "needs": word.needs, "like": _LIKE[word.needs]}
        problems.add_at_key(messages.NO_MEASURE, name, **words)


def _check_names(
    rules: Mapping[str, Rule], written: Mapping[str, WrittenRule], channels: Iterable[str], problems: _Problems
) -> None:
    known = list(channels)
    for rule in rules.values():
        for index, other in enumerate(rule.inhibited_by):
            if other not in written:  # one that is switched off explains nothing, and is no mistake
                words = {"name": foreign(other), "similar": did_you_mean(other, rules), "known": ", ".join(rules)}
                problems.add(messages.UNKNOWN_RULE, rule.name, "inhibited_by", index, **words)
        _check_channels(rule.name, ("channels",), rule.channels or (), known, problems)
        _check_channels(rule.name, ("escalate", "to"), rule.escalate_to, known, problems)
    if circle := _circle(rules):
        problems.add_at_key(messages.EACH_OTHER, circle[0], names=" and ".join(circle))


def _check_channels(
    name: str, at: Sequence[str], given: Sequence[str], known: Sequence[str], problems: _Problems
) -> None:
    for index, channel in enumerate(given):
        if channel not in known:
            words = {"name": foreign(channel), "similar": did_you_mean(channel, known)}
            words["known"] = ", ".join(known) or "none are configured"
            problems.add(messages.UNKNOWN_CHANNEL, name, *at, index, **words)


def _circle(rules: Mapping[str, Rule]) -> list[str]:
    """Return rules that explain each other, in a circle; empty where there is none."""
    for start in rules:
        path, seen = [start], {start}
        while path:
            following = [each for each in rules[path[-1]].inhibited_by if each in rules]
            if start in following:
                return path
            step = next((each for each in following if each not in seen), None)
            if step is None:
                path.pop()
            else:
                seen.add(step)
                path.append(step)
    return []
