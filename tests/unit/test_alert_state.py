"""The state machine of alerts, one promise at a time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from support.alerts import ALL, MINUTE, NOON, Watch, failing_target, failure, health, policy, source
from syncd.alerts.rules import QuietHours
from syncd.alerts.state import key_of
from syncd.core.alerting import Deaf, Severity, Silence
from syncd.core.health import Health, QueueHealth

CRITICAL = frozenset({Severity.CRITICAL})
NIGHT = QuietHours(begin=time(22), end=time(7), zone=ZoneInfo("UTC"))


def full(at: datetime) -> Health:
    """The disk is full: critical, and told at once."""
    return health(at, disk_free=1)


def backlog(at: datetime, ready: int = 9_000) -> Health:
    return health(at, queue=QueueHealth(ready=ready))


def until_told(watch: Watch, make: object, *, minutes: int = 120, start: datetime = NOON) -> datetime | None:
    """Look each minute until something is told; return when."""
    for minute in range(minutes):
        now = start + minute * MINUTE
        if watch.look(make(now)):  # type: ignore[operator]
            return now
    return None


def test_what_does_not_last_is_never_told() -> None:
    watch = Watch(policy())
    for minute in range(60):
        now = NOON + minute * MINUTE
        broken = source(now, failing=failure(now) if minute % 9 < 8 else None)
        assert watch.look(health(now, sources=(broken,))) == []
    assert watch.burning() == []


def test_what_lasts_is_told_once_and_its_end_once() -> None:
    watch = Watch(policy())
    assert watch.look(full(NOON)) == [("disk_full", "opened", "team")]
    for minute in range(1, 50):
        assert watch.look(full(NOON + minute * MINUTE)) == []

    ends = [found for minute in range(50, 90) if (found := watch.look(health(NOON + minute * MINUTE)))]
    assert ends == [[("disk_full", "resolved", "team")]]


def test_it_is_told_again_after_its_time_while_nobody_takes_it_up() -> None:
    watch = Watch(policy())
    watch.look(full(NOON))

    assert watch.look(full(NOON + 59 * MINUTE)) == []
    assert watch.look(full(NOON + 60 * MINUTE)) == [("disk_full", "repeated", "team")]
    watch.acknowledge("disk_full")
    assert watch.look(full(NOON + 300 * MINUTE)) == []


def test_an_acknowledgement_ends_with_its_time_and_its_episode() -> None:
    watch = Watch(policy())
    watch.look(full(NOON))
    watch.acknowledge("disk_full", until=NOON + 90 * MINUTE)
    assert watch.look(full(NOON + 89 * MINUTE)) == []
    assert watch.look(full(NOON + 90 * MINUTE)) == [("disk_full", "repeated", "team")]

    watch.acknowledge("disk_full")
    watch.look(health(NOON + 100 * MINUTE))
    watch.look(health(NOON + 110 * MINUTE))
    assert watch.look(full(NOON + 120 * MINUTE)) == [("disk_full", "opened", "team")]


def test_nobody_is_told_of_the_end_of_what_nobody_was_told_of() -> None:
    watch = Watch(policy(channels={"night": CRITICAL}))
    assert until_told(watch, backlog) is None
    assert watch.burning() == ["backlog"]
    watch.look(health(NOON + 130 * MINUTE))
    watch.look(health(NOON + 140 * MINUTE))

    assert (watch.told, watch.burning()) == ([], [])


def test_one_cause_explains_what_follows_from_it() -> None:
    watch = Watch(policy())
    for minute in range(59):
        now = NOON + minute * MINUTE
        watch.look(failing_target(now))
    drained = [(NOON + minute * MINUTE, 5_000 - 500 * (minute - 59)) for minute in range(59, 70)]
    for now, left in drained:
        watch.look(health(now, queue=QueueHealth(ready=max(left, 0), failing=max(left, 0), oldest_at=None)))
    for minute in range(70, 120):
        watch.look(health(NOON + minute * MINUTE))

    assert [(each.case.rule, str(each.news)) for each in watch.told] == [
        ("target_unreachable", "opened"),
        ("target_unreachable", "resolved"),
    ]


def test_what_is_not_over_when_its_cause_is_over_is_told_then() -> None:
    watch = Watch(policy())
    for minute in range(30):
        watch.look(failing_target(NOON + minute * MINUTE))

    after = NOON + 30 * MINUTE
    stuck = QueueHealth(failing=7)
    told = until_told(watch, lambda now: health(now, queue=stuck), start=after)
    assert told is not None
    until_told(watch, lambda now: health(now, queue=stuck), start=told + MINUTE)
    assert watch.news("change_failing") == ["opened"]


def test_a_source_explains_only_itself() -> None:
    watch = Watch(policy())
    for minute in range(0, 200, 5):
        now = NOON + minute * MINUTE
        hr, branch = source(NOON, "hr", failing=failure()), source(NOON - 60 * MINUTE, "branch")
        watch.look(health(now, sources=(hr, branch)))

    assert sorted({each.case.key for each in watch.told}) == [
        "source_stale{source=branch}",
        "source_unreachable{source=hr}",
    ]


def test_who_is_silenced_is_told_when_the_silence_ends_if_it_still_lasts() -> None:
    watch = Watch(policy())
    until = NOON + 60 * MINUTE
    watch.silences = [Silence(id="s", matching="disk_*", by="ada", reason="moving it", at=NOON, until=until)]

    assert until_told(watch, full) == until
    assert watch.news("disk_full") == ["opened"]


def test_a_silence_of_one_key_is_of_no_other() -> None:
    watch = Watch(policy())
    words = {"by": "ada", "reason": "HR migrates", "at": NOON, "until": NOON + timedelta(days=1)}
    watch.silences = [Silence(id="s", matching="source_unreachable{source=hr}", **words)]  # type: ignore[arg-type]
    for minute in range(20):
        now = NOON + minute * MINUTE
        broken = [source(now, name, failing=failure()) for name in ("hr", "hr2")]
        watch.look(health(now, sources=tuple(broken)))

    assert {each.case.key for each in watch.told} == {"source_unreachable{source=hr2}"}


def test_nobody_who_takes_it_up_in_time_is_a_reason_to_tell_others(tmp_path: Path) -> None:
    rules = "rules:\n  disk_full: {channels: [team], escalate: {after: 30m, to: [boss]}}\n"
    watch = Watch(policy(tmp_path, rules, channels={"team": ALL, "boss": ALL}))
    watch.look(full(NOON))
    assert watch.look(full(NOON + 29 * MINUTE)) == []
    assert watch.look(full(NOON + 30 * MINUTE)) == [("disk_full", "escalated", "boss")]
    assert watch.look(full(NOON + 59 * MINUTE)) == []
    watch.look(health(NOON + 60 * MINUTE))

    # Whoever was told hears of the end.
    assert watch.look(health(NOON + 70 * MINUTE)) == [
        ("disk_full", "resolved", "team"),
        ("disk_full", "resolved", "boss"),
    ]


def test_whoever_took_it_up_keeps_it_from_others(tmp_path: Path) -> None:
    rules = "rules:\n  disk_full: {channels: [team], escalate: {after: 30m, to: [boss]}}\n"
    watch = Watch(policy(tmp_path, rules, channels={"team": ALL, "boss": ALL}))
    watch.look(full(NOON))
    watch.acknowledge("disk_full")

    assert watch.look(full(NOON + 45 * MINUTE)) == []


def test_at_night_only_what_is_critical_is_told_and_the_rest_in_the_morning() -> None:
    watch = Watch(policy(quiet=NIGHT))
    evening = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    told = until_told(watch, backlog, start=evening, minutes=720)
    assert told == datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
    assert watch.news("backlog") == ["opened"]

    assert watch.look(health(evening + timedelta(days=1), disk_free=1)) == [("disk_full", "opened", "team")]


def test_what_is_over_by_morning_is_not_told_at_all() -> None:
    watch = Watch(policy(quiet=NIGHT))
    evening = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    until_told(watch, backlog, start=evening, minutes=60)
    until_told(watch, health, start=evening + 60 * MINUTE, minutes=600)

    assert watch.told == []


def test_the_end_of_what_was_told_by_day_waits_for_the_morning() -> None:
    watch = Watch(policy(quiet=NIGHT))
    until_told(watch, backlog, start=datetime(2026, 11, 24, 20, 0, tzinfo=UTC))
    watch.look(health(datetime(2026, 11, 24, 23, 0, tzinfo=UTC)))
    watch.look(health(datetime(2026, 11, 24, 23, 30, tzinfo=UTC)))

    assert watch.told[-1].news == "resolved"
    assert watch.told[-1].due_at == datetime(2026, 11, 25, 7, 0, tzinfo=UTC)


def test_what_comes_and_goes_is_held_open_for_longer_each_time() -> None:
    watch = Watch(policy())
    for minute in range(6 * 60):
        now = NOON + minute * MINUTE
        watch.look(full(now) if minute % 16 < 4 else health(now))

    assert len([news for news in watch.news("disk_full") if news == "opened"]) <= 3
    assert len(watch.told) < 15, "23 times full and empty"


def test_a_channel_that_fails_is_told_of_on_the_others() -> None:
    deaf = Deaf(channel="team", since=NOON, attempts=3, waiting=2, code="NTF-001", what="It is down.", do="Wait.")
    watch = Watch(policy(channels={"team": ALL, "mail": frozenset({Severity.WARNING}), "boss": ALL}))
    assert watch.look(health(), deaf=[deaf]) == [("delivery_failing", "opened", "boss")]

    # Where only those are left that usually hear of other things, they are better than nobody.
    watch = Watch(policy(channels={"team": ALL, "mail": frozenset({Severity.WARNING})}))
    assert watch.look(health(), deaf=[deaf]) == [("delivery_failing", "opened", "mail")]


def test_what_joins_an_alert_is_told_but_not_at_every_step() -> None:
    watch = Watch(policy())
    assert watch.look(health(held={"leave-1": 9})) == [("guard_held", "opened", "team")]
    assert watch.look(health(NOON + MINUTE, held={"leave-1": 9, "move-2": 600})) == []

    later = NOON + 20 * MINUTE
    assert watch.look(health(later, held={"leave-1": 9, "move-2": 600})) == [("guard_held", "changed", "team")]
    assert watch.look(health(later + 20 * MINUTE, held={"leave-1": 7})) == []


def test_a_rule_that_is_taken_out_ends_what_it_opened(tmp_path: Path) -> None:
    watch = Watch(policy())
    watch.look(full(NOON))
    watch.policy = policy(tmp_path, "rules:\n  disk_full: {off: true}\n  disk_low: {off: true}\n")

    assert watch.look(full(NOON + MINUTE)) == [("disk_full", "resolved", "team")]


def test_a_channel_that_is_new_is_told_at_the_next_repetition() -> None:
    watch = Watch(policy())
    watch.look(full(NOON))
    watch.policy = policy(channels={"team": ALL, "boss": ALL})

    found = watch.look(full(NOON + 60 * MINUTE))
    assert found == [("disk_full", "repeated", "team"), ("disk_full", "repeated", "boss")]
    assert [each.first for each in watch.told] == [True, False, True]


def test_a_clock_that_jumped_is_told_for_an_hour() -> None:
    watch = Watch(policy())
    assert watch.look(health(), jumped_at=NOON) == [("clock_jump", "opened", "team")]
    watch.look(health(NOON + 61 * MINUTE), jumped_at=NOON)

    assert watch.look(health(NOON + 67 * MINUTE), jumped_at=NOON) == [("clock_jump", "resolved", "team")]


def test_what_opened_or_ended_while_the_clock_was_ahead_is_over_as_soon_as_anything_else() -> None:
    watch, ahead = Watch(policy()), NOON + timedelta(days=2)
    watch.look(full(ahead))
    watch.look(health(ahead + MINUTE))  # it is clearing, since a time that is yet to come

    ends = [minute for minute in range(60) if watch.look(health(NOON + minute * MINUTE))]

    assert watch.news("disk_full") == ["opened", "resolved"]
    assert len(ends) == 1
    assert watch.burning() == []


def test_what_was_first_seen_by_a_clock_that_was_ahead_opens_and_is_repeated_as_anything_else() -> None:
    watch, ahead = Watch(policy()), NOON + timedelta(days=30)
    assert watch.look(failing_target(ahead)) == []
    usual, late = Watch(policy()), []

    for minute in range(60 * 8):
        now = NOON + minute * MINUTE
        usual.look(failing_target(now))
        late += watch.look(failing_target(now))

    assert watch.news("target_unreachable") == usual.news("target_unreachable") != []
    assert late.count(("target_unreachable", "opened", "team")) == 1


@pytest.mark.parametrize(
    ("within", "rule"), [(timedelta(days=20), "expiring_soon"), (timedelta(days=2), "expiring_now")]
)
def test_a_certificate_is_told_of_once_for_how_near_its_end_is(within: timedelta, rule: str) -> None:
    watch = Watch(policy())
    ending = {"target secret": NOON + within, "far": NOON + timedelta(days=300)}

    assert watch.look(health(expiring=ending)) == [(rule, "opened", "team")]


def test_keys_are_readable_and_never_too_long() -> None:
    assert key_of("drift", {}) == "drift"
    assert key_of("stale", {"source": "hr"}) == "stale{source=hr}"
    long = {key_of("r", {"name": "x" * 300 + end}) for end in "ab"}
    assert {len(key) for key in long} == {255 - 18 + 17}
    assert len(long) == 2
