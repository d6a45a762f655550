"""How fast the whole writer works off its queue: claim, intent, call, settlement, link, picture, facts and audit, every commit
flushed to the disk. The platform is a sandbox without limits in another process, so that its CPU time is not counted as ours.

The CPU per change stands beside that of the barest httpx client in the same run: one connection, the same `user/update`.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

import httpx
import msgspec

from benchmarks._sandbox import sandbox, settings
from benchmarks.figures import Figure
from syncd import telemetry
from syncd.audit.entries import Actor
from syncd.audit.log import AuditLog
from syncd.config.parts import LoggingSettings
from syncd.core.correlation import JoinRules
from syncd.core.errors import Place
from syncd.core.model import Change, Effect, FieldChange, Kind, Lane, Op, RunId, SubjectId
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd.engine.world import World, WriterTerms
from syncd.engine.writer import Writer
from syncd.mapping import load_outbound
from syncd.store import Store
from syncd_dingtalk import DingTalk
from syncd_dingtalk import api as a

CHANGES: Final = 3_000
ROUNDS: Final = 5
AT_ONCE: Final = 64
BARE_CALLS: Final = 1_000
QPS: Final = 60
_RULES: Final = Path(__file__).parent.parent / "mappings" / "dingtalk.yaml"
_RULE: Final = Place(file="mappings/dingtalk.yaml", line=12, column=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds per change."""

    cpu: float
    wall: float


def run() -> list[Figure]:
    """Measure, and return the figures."""
    telemetry.configure(LoggingSettings())  # as `syncd run` has it
    with sandbox(None) as url, tempfile.TemporaryDirectory() as folder:
        unlimited = asyncio.run(_measure(url, Path(folder)))
    with sandbox(QPS) as url, tempfile.TemporaryDirectory() as folder:
        return [*unlimited, *asyncio.run(_at_pace(url, Path(folder)))]


async def _measure(url: str, folder: Path) -> list[Figure]:
    bare, creations, updates = [], [], []
    await _permit_large_departments(url)
    with _world(url, folder, None) as world:
        async with world.make_target() as target:
            assert isinstance(target, DingTalk)
            for number in range(ROUNDS):
                people = range(number * CHANGES, (number + 1) * CHANGES)
                creations.append(await _drain(world, target, [_created(one) for one in people]))
                updates.append(await _drain(world, target, [_updated(one) for one in people]))
                bare.append(await _bare(await _address(url, target), BARE_CALLS))
    return [*_figures("update", updates, bare), *_figures("create", creations, bare)]


async def _at_pace(url: str, folder: Path) -> list[Figure]:
    """Measure at the pace that DingTalk permits: most of a call is then waking up and going to sleep again."""
    await _permit_large_departments(url)
    with _world(url, folder, QPS) as world:
        async with world.make_target() as target:
            assert isinstance(target, DingTalk)
            await _drain(world, target, [_created(one) for one in range(QPS)])  # so that every statement is compiled
            ours = await _drain(world, target, [_created(one) for one in range(QPS, 10 * QPS)])
            used, most = await _arrivals(url, a.USER_CREATE.path)
            bare = await _bare(await _address(url, target), 5 * QPS, per_second=0.9 * QPS)
    note = f"one interface; bare httpx at this pace: {bare.cpu * 1e3:.2f} ms"
    as_seen = "by the whole writer, as the sandbox counts"
    return [
        Figure(name=f"used of {QPS}/s", value=100 * used, unit="%", goal="≥ 97", met=used >= 0.97, note=as_seen),
        Figure(
            name=f"most in any second, {QPS}/s",
            value=most,
            unit="calls",
            goal=f"≤ {QPS}",
            met=most <= QPS,
            note=as_seen,
        ),
        Figure(name=f"CPU per change at {QPS}/s", value=ours.cpu * 1e3, unit="ms", goal="", met=True, note=note),
    ]


async def _arrivals(url: str, path: str) -> tuple[float, int]:
    """Return the share of the permitted rate that was used on an interface, and the most calls of any second."""
    async with httpx.AsyncClient() as asking:
        windows = (await asking.get(f"{url}/_sandbox/windows")).json()
        calls = (await asking.get(f"{url}/_sandbox/calls")).json()["calls"]
    # The first round only warms up.
    arrived = sorted(call["at_monotonic"] for call in calls if call["interface"] == path)[QPS:]
    used = (len(arrived) - 1) / (arrived[-1] - arrived[0]) / QPS
    return used, max(window["highest"] for window in windows if window["interface"] == path)


async def _permit_large_departments(url: str) -> None:
    async with httpx.AsyncClient() as asking:
        # The limit of 1,000 members of a department would end this early.
        (await asking.put(f"{url}/_sandbox/settings", json={"members_limit": None})).raise_for_status()


async def _address(url: str, target: DingTalk) -> str:
    return f"{url}/topapi/v2/user/update?access_token={await target.api.token()}"


def _figures(what: str, spent: Sequence[Spent], bare: Sequence[Spent]) -> list[Figure]:
    cpu, wall = median(one.cpu for one in spent) * 1e3, 1 / median(one.wall for one in spent)
    against = median(ours.cpu / theirs.cpu for ours, theirs in zip(spent, bare, strict=True))
    slowest, fastest = 1 / max(one.wall for one in spent), 1 / min(one.wall for one in spent)
    rounds = f"{ROUNDS} rounds of {CHANGES}, {AT_ONCE} at once"
    return [
        Figure(
            name=f"settled changes: {what} people",
            value=wall,
            unit="/s",
            goal="≥ 1000",
            met=wall >= 1000,
            note=f"{slowest:.0f} to {fastest:.0f}; {rounds}",
        ),
        Figure(
            name=f"CPU per change: {what} people",
            value=cpu,
            unit="ms",
            goal="< 1.5",
            met=cpu < 1.5,
            note="queue, call, settlement and audit",
        ),
        Figure(
            name=f"against bare httpx: {what} people",
            value=against,
            unit="×",
            goal="",
            met=True,
            note=f"httpx.AsyncClient, one connection: {median(one.cpu for one in bare) * 1e3:.2f} ms per call",
        ),
    ]


@contextmanager
def _world(url: str, folder: Path, qps: int | None) -> Iterator[World]:
    def now() -> datetime:
        return datetime.now(UTC)

    store = Store.open(f"sqlite:///{folder / 'syncd.db'}", now=now)
    room = Room(name="dingtalk", now=now, base=folder)
    try:
        yield World(
            store=store,
            audit=AuditLog(store.audit, actor=Actor.here("benchmark")),
            seats={},
            target_name="dingtalk",
            make_target=lambda: DingTalk(settings(url, qps), room),
            outbound=load_outbound(_RULES, fields=DingTalk.fields, now=now),
            join=JoinRules(sources=()),
            now=now,
            config_digest=b"benchmark",
            writer=WriterTerms(concurrency=AT_ONCE),
        )
    finally:
        store.close()


async def _drain(world: World, target: DingTalk, changes: Sequence[Change]) -> Spent:
    """Accept the changes, and measure how they are worked off."""
    await world.store.do(lambda tx: tx.queue.accept(RunId(f"run-{changes[0].subject}"), changes, at=world.now()))
    cpu, wall = time.process_time(), time.perf_counter()
    tally = await Writer(world, target).drain()
    spent = Spent(cpu=(time.process_time() - cpu) / len(changes), wall=(time.perf_counter() - wall) / len(changes))
    assert tally.done == len(changes), tally.troubles
    return spent


async def _bare(url: str, calls: int, *, per_second: float | None = None) -> Spent:
    """Measure what one call costs if nothing else is done."""
    body = msgspec.json.encode({"userid": "p000000000", "title": "Buyer", "remark": "x" * 100})
    headers = {"content-type": "application/json; charset=utf-8"}
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1)) as client:
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(calls):
            (await client.post(url, content=body, headers=headers)).raise_for_status()
            if per_second:
                await asyncio.sleep(1 / per_second)
    return Spent(cpu=(time.process_time() - cpu) / calls, wall=(time.perf_counter() - wall) / calls)


def _created(number: int) -> Change:
    fields: dict[str, Value] = {
        "userid": f"p{number:09}",
        "name": f"Example {number}",
        "mobile": f"138{number:08}",
        "departments": ({"unit": "unit:root"},),
        "title": "Buyer",
        "job_number": f"{number:06}",
        "email": f"person{number}@example.com",
        "work_place": "Example Town",
    }
    return _change(Op.CREATE, number, {name: (None, after) for name, after in fields.items()})


def _updated(number: int) -> Change:
    return _change(Op.UPDATE, number, {"title": ("Buyer", f"Buyer {number % 7}"), "remark": (None, "moved desks")})


def _change(op: Op, number: int, fields: dict[str, tuple[Value, Value]]) -> Change:
    return Change(
        op=op,
        subject=SubjectId(f"person:{number:09}"),
        kind=Kind.PERSON,
        label=f"Example {number}",
        reason="a new person" if op is Op.CREATE else "title and remark changed",
        effects=(Effect.CREATE if op is Op.CREATE else Effect.UPDATE,),
        lane=Lane.JOINER if op is Op.CREATE else Lane.REST,
        rank=100,
        target_id=None,
        fields=tuple(
            FieldChange(name=name, before=before, after=after, rule=_RULE) for name, (before, after) in fields.items()
        ),
    )


if __name__ == "__main__":
    for each in run():
        print(f"{each.name:36} {each.value:10.2f} {each.unit:4} {each.goal:8} {each.note}")
