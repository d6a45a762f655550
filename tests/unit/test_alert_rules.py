"""Rules of alerts: every mistake has its place, what syncd brings is whole, and quiet hours are those of a place."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from pathlib import Path
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from support.alerts import ALL, NOON, health, policy
from syncd.alerts.facts import WORDS
from syncd.alerts.rules import QuietHours
from syncd.alerts.wording import LANGUAGES, LOOK, catalogue
from syncd.core.alerting import Severity
from syncd.core.errors import Misconfigured

CRITICAL = frozenset({Severity.CRITICAL})


def mistakes(folder: Path, text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(Misconfigured) as caught:
        policy(folder, text)
    return [(problem.code, problem.place.line, problem.place.column) for problem in caught.value.problems]


def test_every_word_is_looked_for_by_a_rule_that_syncd_brings() -> None:
    assert {rule.word.name for rule in policy().rules.values()} == set(WORDS)


def test_nothing_is_found_where_all_is_well() -> None:
    from support.alerts import Watch

    watch = Watch(policy())
    assert (watch.look(health()), watch.cases) == ([], {})


def test_a_file_says_only_what_it_changes(tmp_path: Path) -> None:
    rules = policy(tmp_path, "rules:\n  source_stale: {after: 4h}\n  drift: {off: true}\n").rules

    before = policy().rules
    assert "drift" not in rules
    assert rules["source_stale"].measure.length == 2 * before["source_stale"].measure.length
    assert rules["source_stale"].group_by == before["source_stale"].group_by == ("source",)
    assert {name: rule for name, rule in rules.items() if name not in ("source_stale", "drift")} == {
        name: rule for name, rule in before.items() if name not in ("source_stale", "drift")
    }


def test_a_rule_of_ones_own_goes_to_the_channels_that_it_names(tmp_path: Path) -> None:
    text = "rules:\n  huge: {when: queue.backlog, over: 9000, severity: info, channels: [boss]}\n"
    made = policy(tmp_path, text, channels={"team": ALL, "boss": CRITICAL})

    assert made.routed(made.rules["huge"]) == ("boss",)
    assert made.routed(made.rules["backlog"]) == ("team",)
    assert made.routed(made.rules["disk_full"]) == ("team", "boss")


def test_every_mistake_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    text = """\
rules:
  source_stail: {after: 4h}
  drift: {over: 1, after: 2h, channels: [taem], group_by: [source]}
  mine: {when: source.stail}
  late: {when: queue.delay}
  backlog: {inhibited_by: [quarantaine]}
"""
    assert mistakes(tmp_path, text) == [
        ("ALR-002", 2, 3),
        ("ALR-004", 3, 20),
        ("ALR-006", 3, 42),
        ("ALR-007", 3, 60),
        ("ALR-001", 4, 16),
        ("ALR-003", 5, 3),
        ("ALR-005", 6, 28),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("rules:\n  disk_low: {under: 2 gigs}\n", "ALR-009"),
        ("rules:\n  disk_low: {under: 2000}\n", "ALR-009"),
        ("rules:\n  drift: {severity: loud}\n", "CFG-024"),
        ("rules:\n  drift: {sevirity: info}\n", "CFG-020"),
        ("rules:\n  drift: {for: 10}\n", "CFG-025"),
        ("rule:\n  drift: {for: 10m}\n", "CFG-020"),
    ],
)
def test_the_shape_is_checked_strictly(tmp_path: Path, text: str, code: str) -> None:
    assert [found for found, _, _ in mistakes(tmp_path, text)] == [code]


def test_rules_that_explain_each_other_are_refused(tmp_path: Path) -> None:
    text = "rules:\n  quarantine: {inhibited_by: [delay]}\n"

    with pytest.raises(Misconfigured, match="explain each other"):
        policy(tmp_path, text)


# --- words ------------------------------------------------------------------------------------------------------------


def braces(tree: Any) -> Any:
    """Return the words in braces, in the same tree."""
    if isinstance(tree, dict):
        return {name: braces(one) for name, one in tree.items()}
    return sorted({field for _, field, _, _ in Formatter().parse(tree) if field})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things(language: str) -> None:
    found, english = catalogue(language), catalogue("en")

    assert braces(found) == braces(english)
    assert set(found["words"]) == set(WORDS) == set(LOOK)


def test_the_languages_are_languages() -> None:
    chinese = "".join(each["title"] for each in catalogue("zh_CN")["words"].values())
    indonesian = {each["title"] for each in catalogue("id")["words"].values()}

    assert len(re.findall(r"[\u4e00-\u9fff]", chinese)) > 100
    assert not indonesian & {each["title"] for each in catalogue("en")["words"].values()}


# --- quiet hours ------------------------------------------------------------------------------------------------------


def quiet(begin: str = "22:00", end: str = "07:00", *, zone: str = "Asia/Jakarta", weekend: bool = False) -> QuietHours:
    times = (time.fromisoformat(begin), time.fromisoformat(end))
    return QuietHours(begin=times[0], end=times[1], zone=ZoneInfo(zone), weekend=weekend)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (quiet(), "2026-11-24T14:59", None),  # 21:59 in Jakarta
        (quiet(), "2026-11-24T15:00", "2026-11-25T00:00"),
        (quiet(), "2026-11-24T23:59", "2026-11-25T00:00"),
        (quiet(), "2026-11-25T00:00", None),
        (quiet("12:00", "13:00"), "2026-11-24T05:30", "2026-11-24T06:00"),
        (quiet(weekend=True), "2026-11-27T16:00", "2026-11-30T00:00"),  # Friday night to Monday 07:00
        # The night in which the clocks of Berlin go back is an hour longer.
        (quiet(zone="Europe/Berlin"), "2026-10-24T22:00", "2026-10-25T06:00"),
        (quiet("00:00", "00:00"), "2026-11-24T15:00", None),
    ],
)
def test_quiet_hours_end_when_they_end_at_that_place(hours: QuietHours, now: str, until: str | None) -> None:
    assert hours.until(at(now)) == (at(until) if until else None)


def test_who_is_always_quiet_hears_once_a_week() -> None:
    always = quiet("00:00", "23:59", weekend=True)

    found = always.until(NOON.replace(hour=1))
    assert found is not None
    assert (found - NOON.replace(hour=1)).days in (6, 7)
