"""Alerts in the hands of a test: a health to spoil, rules in one line, and a watch that goes on minute by minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncd.alerts.facts import Situation
from syncd.alerts.rules import Policy, QuietHours, load_policy
from syncd.alerts.state import Message, Step, advance
from syncd.core.alerting import Case, Deaf, Severity, Silence, Stage
from syncd.core.health import Failure, Health, QueueHealth, SourceHealth, TargetHealth
from syncd.core.model import SourceName

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
"""A Tuesday."""
MINUTE = timedelta(minutes=1)
ALL = frozenset(Severity)


def failure(since: datetime = NOON, code: str = "ADS-012") -> Failure:
    return Failure(since=since, times=3, code=code, what="The controller does not answer.", do="Look at it.")


def health(at: datetime = NOON, **changed: Any) -> Health:
    """Return the health of an installation that is well."""
    fields: dict[str, Any] = {
        "at": at,
        "version": "1",
        "started_at": NOON - timedelta(days=3),
        "run_at": at,
        "next_at": at + 15 * MINUTE,
        "sources": (source(at),),
        "target": TargetHealth(name="dingtalk", confirmed_at=at, seen_at=at),
        "disk_free": 2**40,
    }
    return Health(**{**fields, **changed})


def source(at: datetime, name: str = "hr", **changed: Any) -> SourceHealth:
    fields: dict[str, Any] = {"read_at": at, "proven_at": at, "records": 5_000}
    return SourceHealth(name=SourceName(name), **{**fields, **changed})


def failing_target(at: datetime, since: datetime = NOON, **changed: Any) -> Health:
    """Return health with a target that cannot be reached and a queue that fails because of it."""
    target = TargetHealth(name="dingtalk", confirmed_at=since, seen_at=since, failing=failure(since, "DNG-001"))
    queue = QueueHealth(ready=5_000, failing=5_000, oldest_at=since, failing_labels=("Ada Example", "Ben Example"))
    return health(at, **{"target": target, "queue": queue, **changed})


def policy(
    folder: Path | None = None,
    rules: str = "",
    *,
    channels: Mapping[str, frozenset[Severity]] | None = None,
    quiet: QuietHours | None = None,
) -> Policy:
    """Return the default rules, changed by the text of a file."""
    path = None
    if folder is not None:
        path = folder / "alerts.yaml"
        path.write_text(rules, encoding="utf-8")
    return load_policy(path, channels=channels or {"team": ALL}, quiet=quiet)


@dataclass
class Watch:
    """Somebody who looks again and again, and remembers what was told."""

    policy: Policy
    cases: dict[str, Case] = field(default_factory=dict)
    told: list[Message] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)

    def look(
        self, now: Health, *, deaf: Sequence[Deaf] = (), jumped_at: datetime | None = None
    ) -> list[tuple[str, str, str]]:
        """Look once; return what is told now: rule, news, channel."""
        situation = Situation(health=now, deaf=tuple(deaf), jumped_at=jumped_at)
        step = advance(self.policy, situation, self.cases, silences=self.silences)
        self.keep(step)
        return [(each.case.rule, str(each.news), each.channel) for each in step.messages]

    def keep(self, step: Step) -> None:
        for case in step.dropped:
            del self.cases[case.key]
        self.cases |= {case.key: case for case in step.cases}
        self.told += step.messages

    def acknowledge(self, key: str, **words: Any) -> None:
        from syncd.core.alerting import Acknowledgement

        self.cases[key] = replace(self.cases[key], acknowledged=Acknowledgement(by="ada", at=NOON, **words))

    def burning(self) -> list[str]:
        return sorted(key for key, case in self.cases.items() if case.stage is Stage.OPEN)

    def news(self, rule: str) -> list[str]:
        return [str(each.news) for each in self.told if each.case.rule == rule]
