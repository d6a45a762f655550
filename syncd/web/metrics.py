"""`/metrics`: how syncd stands, in Prometheus' words. Everything comes from one `Health`, besides what this side counts
of itself.

Names follow prometheus.io/docs/practices/naming: base units, `_total` for counters, instants as `_timestamp_seconds`.
Rules that turn them into indicators and alerts lie in packaging/prometheus. Nothing here names a person.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from syncd.core.errors import Message
from syncd.core.health import Failure, Health, QueueHealth, SourceHealth, TargetHealth
from syncd.core.model import Kind, Lane, Op
from syncd.http import CALLS
from syncd.web import messages

BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 45, 60, 120, 300, 900, 3_600, 14_400, 86_400)
"""Upper bounds in seconds, from what a push takes to a day."""

_REFUSALS: Final = sorted(
    told.code for told in vars(messages).values() if isinstance(told, Message) and "WEB-010" <= told.code < "WEB-030"
)

Labelled = tuple[tuple[str, ...], float]


class Counts:
    """What this side counts of itself since its start."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        """By route and status."""
        self.refused: Counter[str] = Counter(dict.fromkeys(_REFUSALS, 0))
        """By code of the message, noughts included."""
        self.events: Counter[str] = Counter()
        """Kept events, by source."""

    def taken(self, source: str, events: int) -> None:
        """Count events that were kept for a source."""
        self.events[source] += events


class Metrics(Collector):
    """Renders a health, this side's counts, and the process itself: its calls of others, CPU, memory, open files."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._health: Health | None = None
        self._ready = False
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def render(self, health: Health, *, ready: bool, accept: str = "") -> tuple[bytes, str]:
        """Return the page and its media type: OpenMetrics where it is asked for, else the text format."""
        encode, media_type = choose_encoder(accept)
        self._health, self._ready = health, ready
        return encode(self._registry), media_type

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry asks when it is made, and there is no health yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        if self._health is None:
            return
        yield from _service(self._health, ready=self._ready)
        yield from _indicators(self._health)
        yield from _sources(self._health.sources)
        yield from _queue(self._health.queue)
        if self._health.target is not None:
            yield from _target(self._health.target, self._health.at)
        yield from _store(self._health)
        yield _counter("syncd_calls_total", "HTTP calls made.", [*CALLS.items()], ["host", "outcome"])
        yield from _web(self._counts)


def _service(health: Health, *, ready: bool) -> Iterator[Metric]:
    yield _gauge("syncd_build_info", "The version that runs.", [((health.version,), 1)], ["version"])
    yield _gauge("syncd_ready", "1 while /readyz says so: data are fresh, and changes can be written.", [((), ready)])
    yield _instant("syncd_last_run_timestamp_seconds", "When a synchronization last ended well.", health.run_at)
    yield _instant("syncd_next_run_timestamp_seconds", "When the next one is due at the latest.", health.next_at)
    yield _gauge(
        "syncd_config_last_reload_successful",
        "0 while the configuration on disk does not load, and an older one runs.",
        [((), health.config_failing is None)],
    )
    yield _counter("syncd_clock_jumps_total", "Times that the clock was seen to jump.", [((), health.clock_jumps)])
    yield _gauge(
        "syncd_alerts_open",
        "Open alerts by severity.",
        [((name,), n) for name, n in health.alerts.items()],
        ["severity"],
    )
    yield _gauge(
        "syncd_expiry_timestamp_seconds",
        "When a certificate or secret ends.",
        [((what,), at.timestamp()) for what, at in health.expiring.items()],
        ["of"],
    )


def _indicators(health: Health) -> Iterator[Metric]:
    """Accuracy is agreeing / wanted, coverage is linked / wanted; the rules divide, so that several installations can
    be summed."""
    yield _gauge("syncd_people_wanted", "People who are wanted in the target.", [((), health.people)])
    yield _gauge("syncd_people_linked", "Those of them who have an object there.", [((), health.linked)])
    yield _gauge("syncd_people_agreeing", "Those of them whose object is as it should be.", [((), health.agreeing)])
    yield _gauge("syncd_records_aside", "Records that the rules put aside.", [((), health.aside)])
    yield _counter(
        "syncd_changes_confirmed_total",
        "Changes that the target confirmed since the service started.",
        [((op, kind), n) for (op, kind), n in _confirmed(health.confirmed).items()],
        ["op", "kind"],
    )
    yield _delays(health.delays)
    yield _gauge("syncd_holds", "Holds that wait for an approval.", [((), len(health.held))])
    yield _gauge("syncd_held_changes", "Changes that they hold.", [((), sum(health.held.values()))])
    yield _instant("syncd_held_since_timestamp_seconds", "Since when the oldest hold waits.", health.held_since)


def _delays(delays: Sequence[timedelta]) -> Metric:
    """Return a histogram of the last confirmed changes: a picture, not a counter, so it is read without `rate`."""
    seconds = [delay.total_seconds() for delay in delays]
    counted = Counter(bisect_left(BUCKETS, each) for each in seconds)
    up_to = accumulate(counted[place] for place in range(len(BUCKETS) + 1))
    bounds = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]
    return GaugeHistogramMetricFamily(
        "syncd_recent_change_delay_seconds",
        "From the source's own change to the target's confirmation, of the last 1,000 confirmed changes (a window: no rate).",
        buckets=[*zip(bounds, up_to, strict=True)],
        gsum_value=sum(seconds),
    )


def _sources(sources: Sequence[SourceHealth]) -> Iterator[Metric]:
    by = ["source"]
    yield _instants(
        "syncd_source_read_timestamp_seconds", "When a read last ended well.", {s.name: s.read_at for s in sources}, by
    )
    yield _instants(
        "syncd_source_proven_timestamp_seconds",
        "When the source was last proven complete.",
        {s.name: s.proven_at for s in sources},
        by,
    )
    yield _gauge("syncd_source_records", "Records at that proof.", [((s.name,), s.records) for s in sources], by)
    yield _gauge(
        "syncd_source_watched",
        "1 while the source tells changes by itself; 0: by schedule only.",
        [((s.name,), bool(s.watching)) for s in sources],
        by,
    )
    yield _gauge("syncd_source_failures", "Failures in a row.", [((s.name,), _times(s.failing)) for s in sources], by)


def _queue(queue: QueueHealth) -> Iterator[Metric]:
    states = {
        "ready": queue.ready,
        "running": queue.running,
        "pending": queue.pending,
        "parked": queue.parked,
        "blocked": queue.blocked,
    }
    yield _gauge(
        "syncd_queue_changes", "Changes in the queue by state.", [((s,), n) for s, n in states.items()], ["state"]
    )
    lanes = [((str(lane),), queue.by_lane.get(lane, 0)) for lane in Lane]
    yield _gauge("syncd_queue_lane_changes", "Open changes that are not parked, by lane.", lanes, ["lane"])
    yield _instant("syncd_queue_oldest_timestamp_seconds", "Since when the oldest of them waits.", queue.oldest_at)
    yield _gauge("syncd_queue_failing", "Open changes that failed three times or more.", [((), queue.failing)])
    yield _gauge("syncd_leavers_late", "Leavers whose account should be closed by now.", [((), queue.leavers_late)])


def _target(target: TargetHealth, now: datetime) -> Iterator[Metric]:
    by = ["target"]
    yield _instants(
        "syncd_target_confirmed_timestamp_seconds",
        "When it last confirmed a change.",
        {target.name: target.confirmed_at},
        by,
    )
    yield _instants(
        "syncd_target_observed_timestamp_seconds",
        "When it was last looked at as a whole.",
        {target.name: target.seen_at},
        by,
    )
    shut = target.quarantine_until is not None and target.quarantine_until > now
    yield _gauge("syncd_target_quarantined", "1 while it is only probed.", [((target.name,), shut)], by)
    circuits = [((target.name, interface), until > now) for interface, until in sorted(target.circuits.items())]
    yield _gauge("syncd_target_circuit_open", "1 while an interface is left alone.", circuits, ["target", "interface"])
    yield _gauge("syncd_target_failures", "Failures in a row.", [((target.name,), _times(target.failing))], by)
    yield _gauge(
        "syncd_target_drifted_objects",
        "Objects that somebody changed by hand, undecided.",
        [((target.name,), target.drifted)],
        by,
    )
    yield _gauge(
        "syncd_target_removals_unconfirmed",
        "People removed a day or longer before its own leave records were last read, and who are in none of them.",
        [((target.name,), target.unconfirmed)],
        by,
    )


def _store(health: Health) -> Iterator[Metric]:
    yield _counter("syncd_audit_records_total", "Records of the audit log.", [((), health.audit_head)])
    yield _gauge("syncd_audit_failing", "1 while it takes no records.", [((), health.audit_failing is not None)])
    yield _gauge("syncd_database_failing", "1 while it cannot be written.", [((), health.database_failing is not None)])
    sizes = (
        ("syncd_database_size_bytes", "Bytes of the database.", health.database_bytes),
        ("syncd_disk_free_bytes", "Bytes free where it lies.", health.disk_free),
    )
    for name, text, size in sizes:
        yield _gauge(name, text, [] if size is None else [((), size)])


def _web(counts: Counts) -> Iterator[Metric]:
    yield _counter("syncd_http_requests_total", "Requests.", [*counts.requests.items()], ["route", "status"])
    refused = [((code,), n) for code, n in counts.refused.items()]
    yield _counter("syncd_http_requests_refused_total", "Requests that were not served, by message.", refused, ["code"])
    events = [((source,), n) for source, n in counts.events.items()]
    yield _counter("syncd_webhook_events_total", "Events that were kept.", events, ["source"])


def _confirmed(by_name: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Return the counts by op and kind, noughts included: of a series that begins with a 3, `increase` sees nothing."""
    counts = {(str(op), str(kind)): 0 for kind in (Kind.PERSON, Kind.UNIT) for op in Op}
    for name, number in by_name.items():
        op, _, kind = name.partition(" ")
        counts[op, kind] = number
    return counts


def _times(failing: Failure | None) -> int:
    return failing.times if failing else 0


def _instant(name: str, text: str, at: datetime | None) -> Metric:
    return _gauge(name, text, [] if at is None else [((), at.timestamp())])


def _instants(name: str, text: str, at: Mapping[str, datetime | None], labels: Sequence[str]) -> Metric:
    return _gauge(name, text, [((of,), each.timestamp()) for of, each in at.items() if each is not None], labels)


def _gauge(name: str, text: str, samples: Iterable[Labelled], labels: Sequence[str] = ()) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in samples:
        family.add_metric(values, float(number))
    return family


def _counter(name: str, text: str, samples: Iterable[Labelled], labels: Sequence[str] = ()) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in samples:
        family.add_metric(values, float(number))
    return family
