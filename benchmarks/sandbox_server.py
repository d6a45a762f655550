"""How many people a second the sandbox can be given: CPU time of its own process, limits off, in memory and with a state file.

The caller is a bare asyncio client with 16 connections and prepared requests, so that the sandbox is what is measured.
The goal is what the writer's end-to-end benchmark needs from the other side of the wire.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.figures import Figure

PEOPLE = 20_000
CONNECTIONS = 16
PER_DEPARTMENT = 500
GOAL = 2_000


def run() -> list[Figure]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        return [_measure("in memory"), _measure("with a state file", "--state", str(Path(folder) / "state.json"))]


def _measure(name: str, *arguments: str) -> Figure:
    command = [sys.executable, "-m", "syncd_dingtalk.sandbox", "--qps", "none", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            requests = _requests(url)
            before, start = cpu_of(process.pid), time.perf_counter()
            asyncio.run(_send(url, requests))
            wall, cpu = time.perf_counter() - start, cpu_of(process.pid) - before
        finally:
            process.terminate()
    rate = PEOPLE / cpu
    note = f"{PEOPLE:,} user/create, {1e6 * cpu / PEOPLE:.0f} µs CPU each; {PEOPLE / wall:,.0f}/s by the clock"
    return Figure(name=name, value=rate, unit="calls/s per core", goal=f"≥ {GOAL:,}", met=rate >= GOAL, note=note)


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _call(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    with urllib.request.urlopen(url + path, None if body is None else json.dumps(body).encode()) as answer:
        return json.load(answer)


def _requests(url: str) -> list[bytes]:
    token = _call(url, "/gettoken?appkey=dingsandboxkey&appsecret=sandbox-secret")["access_token"]
    create = f"/topapi/v2/department/create?access_token={token}"
    names = [f"D{n}" for n in range(PEOPLE // PER_DEPARTMENT)]
    homes = [_call(url, create, {"name": name, "parent_id": 1})["result"]["dept_id"] for name in names]
    return [_request(token, n, homes[n // PER_DEPARTMENT]) for n in range(PEOPLE)]


def _request(token: str, number: int, home: int) -> bytes:
    person = {
        "userid": f"u{number:06d}",
        "name": f"Person {number}",
        "mobile": f"138{number:08d}",
        "dept_id_list": str(home),
        "job_number": f"{number:06d}",
        "title": "Engineer",
        "email": f"p{number}@example.com",
        "hide_mobile": False,
        "hired_date": 1_600_000_000_000,
        "extension": '{"cost centre":"100"}',
    }
    body = json.dumps(person).encode()
    head = (
        f"POST /topapi/v2/user/create?access_token={token} HTTP/1.1\r\nhost: sandbox\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send(url: str, requests: list[bytes]) -> None:
    await asyncio.gather(*(_connection(url, requests[first::CONNECTIONS]) for first in range(CONNECTIONS)))


async def _connection(url: str, requests: list[bytes]) -> None:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    for request in requests:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        assert b'"errcode":0' in answer, answer
    writer.close()
    await writer.wait_closed()
