"""What reading a SCIM service costs in CPU time of this process, against bare httpx with `json.loads` over the same pages.

The service is our own endpoint in another process with 10,000 users. Both read all of it in turn.
Several rounds; the median counts.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.figures import Figure
from benchmarks.scim_push import SOURCE, example_user
from syncd.core.ports import Room
from syncd_scim import Scim

USERS, PAGE, AT_ONCE, ROUNDS = 10_000, 200, 500, 5


def run() -> list[Figure]:
    """Measure."""
    sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]
    from servers.scim_push import endpoint_process

    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory() as folder, endpoint_process(Path(folder), {SOURCE: token}) as one:
        return asyncio.run(_measured(f"{one.url}/scim/v2/{SOURCE}", token))


async def _measured(base: str, token: str) -> list[Figure]:
    values = {"url": base, "token": token, "groups": False, "page_size": PAGE, "delta": "none"}
    source = Scim(Scim.settings.model_validate(values), Room(name="bench", now=lambda: datetime.now(UTC), base=Path()))
    bare: list[float] = []
    ours: list[float] = []
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=60) as client, source:
        await _fill(client, base)
        for _ in range(ROUNDS):
            bare.append(await _bare(client, base))
            ours.append(await _ours(source))
    note = f"{USERS:,} users in pages of {PAGE}, median of {ROUNDS}"
    figures = [
        ("bare httpx and json.loads", 1e6 * median(bare) / USERS, "µs/user", note),
        ("syncd_scim, to records", 1e6 * median(ours) / USERS, "µs/user", note),
        ("syncd_scim ÷ bare", median(ours) / median(bare), "×", "CPU"),
    ]
    return [
        Figure(name=name, value=value, unit=unit, goal="", met=True, note=told) for name, value, unit, told in figures
    ]


async def _fill(client: httpx.AsyncClient, base: str) -> None:
    for start in range(0, USERS, AT_ONCE):
        operations: list[dict[str, Any]] = [
            {"method": "POST", "path": "/Users", "bulkId": str(number), "data": example_user(number)}
            for number in range(start, start + AT_ONCE)
        ]
        (await client.post(f"{base}/Bulk", json={"Operations": operations})).raise_for_status()


async def _bare(client: httpx.AsyncClient, base: str) -> float:
    begun, rows = time.process_time(), 0
    while rows < USERS:
        answer = await client.get(f"{base}/Users", params={"startIndex": rows + 1, "count": PAGE})
        rows += len(json.loads(answer.content)["Resources"])
    return time.process_time() - begun


async def _ours(source: Scim) -> float:
    begun, records = time.process_time(), 0
    async for page in source.read(None, full=True):
        records += len(page.records)
    assert records == USERS, records
    return time.process_time() - begun
