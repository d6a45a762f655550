"""What one call to DingTalk costs in CPU time of this process: our client against the ways of using httpx, and aiohttp bare.

All alternatives make the same call (`user/update`, about 420 bytes of JSON) over loopback to a sandbox in another process, in
turn, several rounds; the median counts. Then whole changes are written through the target, as the engine does it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import aiohttp
import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport

from benchmarks._sandbox import sandbox, settings
from benchmarks.figures import Figure
from syncd.core.model import Change, Effect, FieldChange, Kind, Lane, Op, SubjectId, TargetId
from syncd.core.outcome import Applied
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd.http import HttpSettings, open_client
from syncd_dingtalk import DingTalk

ROUNDS, CALLS, AT_ONCE = 7, 400, 16
CHANGES = 3000
Call = Callable[[], Awaitable[object]]

PARAMETERS = {
    "userid": "example-1",
    "name": "Example Person",
    "title": "Buyer",
    "work_place": "Example Town",
    "remark": "x" * 200,
    "job_number": "000001",
    "hide_mobile": True,
    "dept_id_list": "1",
    "hired_date": 1_769_788_800_000,
    "extension": '{"shoe size":"42"}',
    "ext_attrs_update_mode": 1,
}


def run() -> list[Figure]:
    """Measure."""
    with sandbox(None) as url:
        return asyncio.run(_measure(url))


def _change(op: Op, number: int, fields: dict[str, Value]) -> Change:
    return Change(
        op=op,
        subject=SubjectId(f"person:{number}"),
        kind=Kind.PERSON,
        label=f"Example {number}",
        reason="benchmark",
        effects=(Effect.CREATE,),
        lane=Lane.REST,
        rank=0,
        target_id=None if op is Op.CREATE else TargetId(f"example-{number}"),
        fields=tuple(FieldChange(name=name, before=None, after=value) for name, value in fields.items()),
    )


def _person(number: int) -> dict[str, Value]:
    return {
        "userid": f"example-{number}",
        "name": f"Example {number}",
        "mobile": f"138{number:08}",
        "departments": ({"unit": "1"},),
        "title": "Buyer",
        "job_number": f"{number:06}",
        "email": f"person{number}@example.com",
    }


async def _measure(url: str) -> list[Figure]:
    target = DingTalk(settings(url, None), Room(name="bench", now=lambda: datetime.now(UTC), base=Path()))
    async with target, httpx.AsyncClient() as asking:
        # The limit of 1,000 members of a department would end this early.
        (await asking.put(f"{url}/_sandbox/settings", json={"members_limit": None})).raise_for_status()
        assert isinstance(await target.apply(_change(Op.CREATE, 1, _person(1)), key="1"), Applied)
        calls = await _alternatives(f"{url}/topapi/v2/user/update?access_token={await target.api.token()}")
        create = await _changes(target, Op.CREATE, lambda number: _person(number))
        update = await _changes(target, Op.UPDATE, lambda number: {"title": f"Title {number}", "remark": "y"})
    ours, one = calls["syncd.http"], calls["httpx, one connection per client"]
    figures = [
        Figure(name=f"CPU per call: {name}", value=cost * 1e3, unit="ms", goal="", met=True, note=f"{AT_ONCE} at once")
        for name, cost in sorted(calls.items(), key=lambda item: item[1])
        if name != "syncd.http"
    ]
    return [
        *figures,
        Figure(
            name="CPU per call: syncd.http",
            value=ours * 1e3,
            unit="ms",
            goal="< 0.6",
            met=ours < 0.6e-3,
            note="1.5 allowed",
        ),
        Figure(
            name="httpx ÷ syncd.http",
            value=one / ours,
            unit="×",
            goal="> 1",
            met=one > ours,
            note="one connection each",
        ),
        *_throughput("creations", create),
        *_throughput("updates", update),
    ]


def _throughput(what: str, measured: tuple[float, float]) -> list[Figure]:
    cpu, wall = measured
    note = f"{CHANGES} through DingTalk.apply, {AT_ONCE} at once, no rate limit"
    return [
        Figure(name=f"CPU per change: {what}", value=cpu * 1e3, unit="ms", goal="< 1", met=cpu < 1e-3, note=note),
        Figure(
            name=f"changes: {what}", value=1 / wall, unit="/s", goal="", met=True, note="the sandbox shares the machine"
        ),
    ]


async def _alternatives(url: str) -> dict[str, float]:
    """Return the median CPU seconds per call of each way to call."""
    body = msgspec.json.encode(PARAMETERS)
    headers = {"content-type": "application/json; charset=utf-8"}
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(open_client(HttpSettings()))
        singles = [
            await stack.enter_async_context(httpx.AsyncClient(limits=httpx.Limits(max_connections=1)))
            for _ in range(AT_ONCE)
        ]
        pool = await stack.enter_async_context(httpx.AsyncClient())
        through = await stack.enter_async_context(httpx.AsyncClient(transport=AiohttpTransport()))
        bare = await stack.enter_async_context(aiohttp.ClientSession())
        free = list(singles)

        async def one_each() -> None:
            client = free.pop()
            try:
                (await client.post(url, content=body, headers=headers)).raise_for_status()
            finally:
                free.append(client)

        async def aiohttp_bare() -> None:
            async with bare.post(url, data=body, headers=headers) as answer:
                await answer.read()

        ways: dict[str, Call] = {
            "syncd.http": lambda: ours.send("POST", url, json=PARAMETERS),
            "httpx, one connection per client": one_each,
            "httpx, one pool": lambda: pool.post(url, content=body, headers=headers),
            "httpx on aiohttp": lambda: through.post(url, content=body, headers=headers),
            "aiohttp bare": aiohttp_bare,
        }
        costs: dict[str, list[float]] = {name: [] for name in ways}
        for way in ways.values():
            await _burst(way, AT_ONCE * 2)
        for _ in range(ROUNDS):
            for name, way in ways.items():
                costs[name].append(await _burst(way, CALLS))
    return {name: median(times) for name, times in costs.items()}


async def _burst(way: Call, calls: int) -> float:
    """Return the CPU seconds of this process per call."""

    async def some() -> None:
        for _ in range(calls // AT_ONCE):
            await way()

    started = time.process_time()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return (time.process_time() - started) / calls


async def _changes(target: DingTalk, op: Op, fields: Callable[[int], dict[str, Value]]) -> tuple[float, float]:
    """Return CPU and wall seconds per change."""
    numbers = iter(range(2, CHANGES + 2))

    async def some() -> None:
        for number in numbers:
            outcome = await target.apply(_change(op, number, fields(number)), key=str(number))
            assert isinstance(outcome, Applied), outcome

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return (time.process_time() - cpu) / CHANGES, (time.perf_counter() - wall) / CHANGES
