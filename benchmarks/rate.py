"""How much of the permitted rate is used, as the other side counts it: a sandbox that permits 20 and 60 calls per second and
interface, in another process. Goal: at least 97 % of it, and no second with one call more.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks._sandbox import sandbox, settings
from benchmarks.figures import Figure
from syncd.core.ports import Room
from syncd_dingtalk import DingTalk
from syncd_dingtalk import api as a

SECONDS = 30.0
INTERFACES: tuple[tuple[a.Interface[Any], dict[str, object]], ...] = (
    (a.USER_GET, {"userid": "manager0001"}),
    (a.DEPARTMENT_GET, {"dept_id": 1}),
    (a.USER_LISTID, {"dept_id": 1}),
)


def run() -> list[Figure]:
    """Measure."""
    figures: list[Figure] = []
    for qps in (20, 60):
        with sandbox(qps) as url:
            figures += asyncio.run(_measure(url, qps))
    return figures


async def _measure(url: str, qps: int) -> list[Figure]:
    target = DingTalk(settings(url, qps), Room(name="bench", now=lambda: datetime.now(UTC), base=Path()))
    async with target, httpx.AsyncClient() as asking:
        await asyncio.gather(*(_fill(target, index) for index in range(len(INTERFACES))))
        report = (await asking.get(f"{url}/_sandbox/windows")).json()
        log = (await asking.get(f"{url}/_sandbox/calls")).json()["calls"]
    paths = {interface.path for interface, _ in INTERFACES}
    windows = [window for window in report if window["interface"] in paths]
    rates = [_rate([call["at_monotonic"] for call in log if call["interface"] == path]) for path in sorted(paths)]
    most = max(window["highest"] for window in windows)
    refused = sum(window["exceeded"] for window in windows)
    used = min(rates) / qps
    note = f"{len(paths)} interfaces at once, {SECONDS:g} s, the worst of them"
    return [
        Figure(name=f"used of {qps}/s", value=100 * used, unit="%", goal="≥ 97", met=used >= 0.97, note=note),
        Figure(
            name=f"most in any second, {qps}/s", value=most, unit="calls", goal=f"≤ {qps}", met=most <= qps, note=note
        ),
        Figure(name=f"refused calls, {qps}/s", value=refused, unit="calls", goal="0", met=refused == 0, note=note),
    ]


async def _fill(target: DingTalk, index: int) -> None:
    """Keep one interface busy."""
    (interface, body), end = INTERFACES[index], time.monotonic() + SECONDS

    async def some() -> None:
        while time.monotonic() < end:
            await target.api.call(interface, **body)

    await asyncio.gather(*(some() for _ in range(8)))


def _rate(arrivals: list[float]) -> float:
    """Return arrivals per second, after the first one."""
    return (len(arrivals) - 1) / (max(arrivals) - min(arrivals))
