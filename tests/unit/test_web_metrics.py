"""Every figure of a health is found again by a foreign parser, under a name by convention, and nobody is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from support.web import AT, well
from syncd.core.health import Failure, Health, QueueHealth, TargetHealth
from syncd.core.model import Lane
from syncd.web.metrics import BUCKETS, Counts, Metrics

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
FAILURE = Failure(since=AT, times=3, code="AD-012", what="It fails.", do="Mend it.")
RICH = well(
    config_failing=FAILURE,
    audit_failing=FAILURE,
    audit_head=77,
    clock_jumps=2,
    alerts={"critical": 1},
    expiring={"ldap": AT + timedelta(days=3)},
    held={"leave-1": 12, "move-2": 3},
    held_since=AT - timedelta(hours=1),
    confirmed={"create person": 5, "update unit": 2},
    queue=QueueHealth(
        ready=4, parked=2, failing=1, leavers_late=1, by_lane={Lane.LEAVER: 1}, oldest_at=AT, parked_labels=("Li Wei",)
    ),
    target=TargetHealth(
        name="dingtalk",
        confirmed_at=AT,
        seen_at=None,
        quarantine_until=AT + timedelta(minutes=5),
        circuits={"topapi/v2/user/create": AT + timedelta(minutes=1)},
        failing=FAILURE,
        drifted=6,
        unconfirmed=2,
        unconfirmed_labels=("Li Wei",),
    ),
    disk_free=10**9,
    database_bytes=10**6,
)


def rendered(health: Health, *, counts: Counts | None = None, accept: str = "", ready: bool = True) -> str:
    page, _ = Metrics(counts or Counts()).render(health, ready=ready, accept=accept)
    return page.decode()


def samples(page: str, parse: Callable[[str], Any] = parser.text_string_to_metric_families) -> Samples:
    return {(one.name, frozenset(one.labels.items())): one.value for family in parse(page) for one in family.samples}


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("syncd_build_info", {"version": "1.2.3"}, 1),
        ("syncd_ready", {}, 1),
        ("syncd_last_run_timestamp_seconds", {}, AT.timestamp()),
        ("syncd_config_last_reload_successful", {}, 0),
        ("syncd_clock_jumps_total", {}, 2),
        ("syncd_alerts_open", {"severity": "critical"}, 1),
        ("syncd_expiry_timestamp_seconds", {"of": "ldap"}, AT.timestamp() + 3 * 86_400),
        ("syncd_people_wanted", {}, 300),
        ("syncd_people_linked", {}, 297),
        ("syncd_people_agreeing", {}, 294),
        ("syncd_changes_confirmed_total", {"op": "create", "kind": "person"}, 5),
        ("syncd_changes_confirmed_total", {"op": "remove", "kind": "person"}, 0),
        ("syncd_holds", {}, 2),
        ("syncd_held_changes", {}, 15),
        ("syncd_held_since_timestamp_seconds", {}, AT.timestamp() - 3_600),
        ("syncd_source_read_timestamp_seconds", {"source": "company"}, AT.timestamp()),
        ("syncd_source_proven_timestamp_seconds", {"source": "company"}, AT.timestamp()),
        ("syncd_source_watched", {"source": "company"}, 1),
        ("syncd_source_failures", {"source": "company"}, 0),
        ("syncd_queue_changes", {"state": "parked"}, 2),
        ("syncd_queue_lane_changes", {"lane": "leaver"}, 1),
        ("syncd_queue_lane_changes", {"lane": "joiner"}, 0),
        ("syncd_queue_oldest_timestamp_seconds", {}, AT.timestamp()),
        ("syncd_queue_failing", {}, 1),
        ("syncd_leavers_late", {}, 1),
        ("syncd_target_quarantined", {"target": "dingtalk"}, 1),
        ("syncd_target_circuit_open", {"target": "dingtalk", "interface": "topapi/v2/user/create"}, 1),
        ("syncd_target_failures", {"target": "dingtalk"}, 3),
        ("syncd_target_drifted_objects", {"target": "dingtalk"}, 6),
        ("syncd_target_removals_unconfirmed", {"target": "dingtalk"}, 2),
        ("syncd_target_observed_timestamp_seconds", {"target": "dingtalk"}, None),
        ("syncd_audit_records_total", {}, 77),
        ("syncd_audit_failing", {}, 1),
        ("syncd_database_failing", {}, 0),
        ("syncd_disk_free_bytes", {}, 10**9),
        ("syncd_database_size_bytes", {}, 10**6),
    ],
)
def test_each_figure_is_there(name: str, labels: dict[str, str], expected: float | None) -> None:
    assert value(samples(rendered(RICH)), name, **labels) == expected


def test_nobody_is_named() -> None:
    assert "Li Wei" not in rendered(RICH)


def test_openmetrics_is_spoken_to_those_who_ask_for_it() -> None:
    page = rendered(RICH, accept="application/openmetrics-text; version=1.0.0")
    found = samples(page, openmetrics.text_string_to_metric_families)
    assert page.endswith("# EOF\n")
    assert value(found, "syncd_audit_records_total") == 77


def test_delays_are_a_picture_of_the_last_changes_in_buckets_that_include_their_bounds() -> None:
    health = well(delays=tuple(timedelta(seconds=each) for each in (0.05, 0.1, 7, 10**6)))
    found = samples(rendered(health))
    bucket = "syncd_recent_change_delay_seconds_bucket"
    assert [value(found, bucket, le=le) for le in ("0.1", "5", "10", "86400", "+Inf")] == [2, 2, 3, 3, 4]
    assert value(found, "syncd_recent_change_delay_seconds_gcount") == 4
    assert value(found, "syncd_recent_change_delay_seconds_gsum") == pytest.approx(10**6 + 7.15)
    assert list(BUCKETS) == sorted(BUCKETS)


def test_what_is_not_known_is_absent_instead_of_nought() -> None:
    health = replace(well(), run_at=None, next_at=None, target=None, sources=())
    found = {name for name, _ in samples(rendered(health))}
    assert not {name for name in found if "timestamp" in name or "target" in name or "disk" in name}


def test_the_process_and_this_side_count_themselves() -> None:
    counts = Counts()
    counts.requests["/metrics", "200"] += 1
    counts.refused["WEB-013"] += 2
    counts.taken("company", 3)
    found = samples(rendered(well(), counts=counts, ready=False))
    assert value(found, "syncd_http_requests_total", route="/metrics", status="200") == 1
    assert value(found, "syncd_http_requests_refused_total", code="WEB-013") == 2
    assert value(found, "syncd_webhook_events_total", source="company") == 3
    assert value(found, "syncd_ready") == 0
    assert (value(found, "process_open_fds") or 0) > 0
