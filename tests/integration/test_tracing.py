"""Traces: a change is followed from its wake to its settlement, nobody is named, and a collector that is away disturbs nobody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from servers.collector import Collector
from support.serving import ringing, served, until
from support.small_world import SmallWorld
from syncd import tracing
from syncd.config.secrets import Secret
from syncd.config.tracing import TracingSettings
from syncd.core.errors import Misconfigured
from syncd.http import HttpSettings, open_client
from syncd.tracing_export import prepared, sending

ROOT = Path(__file__).parents[2]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as one:
        yield one


@pytest.fixture
def memory() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.begin(tracing.Traces(provider, version="test"))
    yield exporter
    tracing.begin(None)
    provider.shutdown()


def test_a_change_is_followed_from_the_wake_to_its_settlement_and_nobody_is_named(
    tmp_path: Path, memory: InMemorySpanExporter
) -> None:
    office = SmallWorld(tmp_path)
    office.company(3)

    def changes() -> int:
        return sum(span.name == "syncd.change" for span in memory.get_finished_spans())

    async def story() -> None:
        async with served(office.world) as service:
            await until(lambda: changes() == 6, "everybody")
            memory.clear()
            office.edit("2", title="Buyer Of Secrets")
            await service.wake(ringing(who=("Example 2",), key="k1"))
            await until(lambda: changes() == 1, "the change")

    asyncio.run(story())
    spans = {span.name: span for span in memory.get_finished_spans()}
    change, apply_, round_ = spans["syncd.change"], spans["syncd.apply"], spans["syncd.round"]
    read, wake = spans["syncd.read"], spans["syncd.wake"]
    assert [link.context for link in change.links] == [round_.context]
    assert [link.context for link in round_.links] == [read.context]
    assert [link.context for link in read.links] == [wake.context]
    assert apply_.parent == change.context
    times = [change.start_time, apply_.start_time, apply_.end_time, change.end_time]
    assert times == sorted(time for time in times if time is not None)
    assert change.attributes is not None
    assert {"syncd.op": "update", "syncd.kind": "person", "syncd.outcome": "applied"}.items() <= dict(
        change.attributes
    ).items()
    written = "".join(span.to_json() for span in memory.get_finished_spans())
    assert not [word for word in ("Secrets", "Example", "person:", '"e2"', "138000") if word in written]


def test_a_refusal_has_its_code_and_an_error_only_its_kind(memory: InMemorySpanExporter) -> None:
    with tracing.applying("c1", "r1", {"op": "create"}):
        pass
    tracing.settled("c1", "rejected", "DNG-020")
    with pytest.raises(ValueError, match="Li Wei"), tracing.reading("hr"):
        raise ValueError("Li Wei is not a number")
    refused, failed = memory.get_finished_spans()[-2:]
    assert (refused.status.is_ok, dict(refused.attributes or {})["error.type"]) == (False, "DNG-020")
    assert (failed.status.is_ok, dict(failed.attributes or {})["error.type"]) == (False, "ValueError")
    assert "Li Wei" not in failed.to_json()


def test_a_call_is_a_part_of_its_change_without_its_path_and_alone_it_leaves_no_trace(
    memory: InMemorySpanExporter, collector: Collector
) -> None:
    async def story() -> None:
        async with open_client(HttpSettings()) as client:
            await client.send("POST", f"{collector.url}/alone", content=b"")
            with tracing.applying("c1", "r1"):
                await client.send("POST", f"{collector.url}/user?name=secret", content=b"")

    asyncio.run(story())
    call, whole = memory.get_finished_spans()
    assert call.parent == whole.context
    words = {"http.request.method": "POST", "server.address": "127.0.0.1", "http.response.status_code": 200}
    assert dict(call.attributes or {}) == words


def test_traces_reach_a_collector_by_otlp_with_its_headers(tmp_path: Path, collector: Collector) -> None:
    settings = TracingSettings(
        endpoint=f"{collector.url}/v1/traces", headers={"authorization": Secret.literal("Bearer example")}
    )
    office = SmallWorld(tmp_path)
    office.company(3)

    async def story() -> None:
        async with sending(prepared(settings), version="1.2.3"), served(office.world):
            await until(lambda: len(office.target.objects) >= 5, "everybody")

    asyncio.run(story())
    path, headers, message = collector.requests[0]
    assert (path, headers["authorization"]) == ("/v1/traces", "Bearer example")
    told = {one.key: one.value.string_value for one in message.resource_spans[0].resource.attributes}
    assert (told["service.name"], told["service.version"]) == ("syncd", "1.2.3")
    assert {"syncd.cycle", "syncd.read", "syncd.change", "syncd.apply"} <= {span.name for span in collector.spans}
    (cycle,) = [span for span in collector.spans if span.name == "syncd.cycle"]
    links = {link.span_id for span in collector.spans if span.name == "syncd.change" for link in span.links}
    assert links == {cycle.span_id}


def test_a_collector_that_is_away_holds_up_neither_the_work_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncd.tracing_export.LAST_SECONDS", 0.1)
    office = SmallWorld(tmp_path)
    office.company(3)

    async def story() -> None:
        away = TracingSettings(endpoint="http://127.0.0.1:1/v1/traces")
        async with sending(prepared(away), version="1"), served(office.world):
            await until(lambda: len(office.target.objects) >= 5, "everybody")

    asyncio.run(story())
    left = [one for one in threading.enumerate() if one.name == "last traces"]
    for one in left:
        one.join(60)
    assert not any(one.is_alive() for one in left)


def test_without_the_library_or_its_certificates_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = TracingSettings(endpoint="https://collector.example.com/v1/traces", ca_file=tmp_path / "missing.pem")
    with pytest.raises(Misconfigured, match="TRC-002"):
        prepared(missing)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(Misconfigured, match="TRC-001"):
        prepared(TracingSettings(endpoint="http://127.0.0.1:4318/v1/traces"))


def test_where_nobody_asks_for_traces_nothing_of_the_library_is_imported() -> None:
    script = """\
import sys
import syncd.cli.serving, syncd.http, syncd.tracing_export
from syncd import tracing
with tracing.waking("hr", "webhook"), tracing.reading("hr"), tracing.planning("syncd.round", "r"), tracing.applying("c", "r"):
    tracing.settled("c", "applied")
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("[]\n", "")
