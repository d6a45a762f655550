"""How fast providers can push: our endpoint with its store in a file, and scim2-server with its in memory, over HTTP in one run.

Both are given the same requests by the same client, a bare asyncio one, which shares the machine. A rate is by the clock; the
notes say what each request cost the server's process.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.figures import Figure
from benchmarks.sandbox_server import cpu_of

USERS, THEIR_USERS, MEMBERS = 10_000, 400, 10_000
REMOVALS, THEIR_REMOVALS = 40, 3
AT_ONCE, ALONE = 16, 1
SOURCE: Final = "entra"
_CORE: Final = "urn:ietf:params:scim:schemas:core:2.0"
_ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_START_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server."""

    name: str
    base: str
    token: str
    pid: int
    users: int
    removals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What requests took."""

    seconds: Sequence[float]
    """Each by itself."""
    wall: float
    cpu: float
    """Of the server's process."""
    answers: Sequence[bytes]


def run() -> list[Figure]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder, _ours(Path(folder)) as ours:
        our_figures, our_cost = _figures(ours)
    with _theirs() as theirs:
        their_figures, their_cost = _figures(theirs)
    ratios = [
        Figure(
            name=f"{name}: scim2-server ÷ syncd",
            value=their_cost[name] / our_cost[name],
            unit="×",
            goal="> 1",
            met=their_cost[name] > our_cost[name],
            note="the server's CPU",
        )
        for name in our_cost
    ]
    return [*our_figures, *their_figures, *ratios]


def _figures(server: Server) -> tuple[list[Figure], dict[str, float]]:
    """Return what is told of a server, and what each thing costs it, in seconds of CPU."""
    created = _send(server, [_request(server, "POST", "Users", example_user(n)) for n in range(server.users)], AT_ONCE)
    small, large = _listed(server, 100), _listed(server, 1000)
    removed = _removed(server)
    judged = server.name == "syncd"
    rates = [
        ("create a user", server.users, created, 300),
        ("list, pages of 100", server.users, small, 5_000),
        ("list, pages of 1,000", server.users, large, 5_000),
    ]
    figures = [_rate(server, name, count, took=took, goal=goal if judged else 0) for name, count, took, goal in rates]
    shown = median(removed.seconds) * 1e3
    figures.append(
        Figure(
            name=f"{server.name}: remove one of {MEMBERS:,} members",
            value=shown,
            unit="ms",
            goal="< 20" if judged else "",
            met=shown < 20,
            note=f"median of {server.removals}; {1e3 * removed.cpu / server.removals:.1f} ms CPU each",
        )
    )
    costs = {name: took.cpu / count for name, count, took, _ in rates}
    return figures, {**costs, "remove a member": removed.cpu / server.removals}


def _rate(server: Server, name: str, count: int, *, took: Took, goal: int) -> Figure:
    rate = count / took.wall
    return Figure(
        name=f"{server.name}: {name}",
        value=rate,
        unit="users/s",
        goal=f"≥ {goal:,}" if goal else "",
        met=rate >= goal,
        note=f"{count:,} users, {1e6 * took.cpu / count:,.0f} µs CPU each: {count / max(took.cpu, 0.01):,.0f}/s per core",
    )


def _listed(server: Server, page: int) -> Took:
    pages = [f"Users?startIndex={start}&count={page}" for start in range(1, server.users + 1, page)]
    took = _send(server, [_request(server, "GET", one) for one in pages], ALONE)
    shown = sum(len(json.loads(one)["Resources"]) for one in took.answers)
    assert shown == server.users, shown
    return took


def _removed(server: Server) -> Took:
    """Make a group and take members out of it, as Okta and Entra ID with its flag do."""
    ids = [f"00000000-0000-4000-8000-{n:012}" for n in range(MEMBERS)]
    if server.users >= MEMBERS:
        found = [
            json.loads(_send(server, [_request(server, "GET", place)], ALONE).answers[0])["Resources"]
            for place in (f"Users?attributes=id&count=1000&startIndex={start}" for start in range(1, MEMBERS, 1000))
        ]
        ids = [one["id"] for page in found for one in page]
    body: dict[str, Any] = {"schemas": [f"{_CORE}:Group"], "displayName": "Everybody"}
    body["members"] = [{"value": one} for one in ids]
    made = json.loads(_send(server, [_request(server, "POST", "Groups", body)], ALONE).answers[0])
    patches = [
        {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
        for one in ids[: server.removals * 7 : 7]
        for operation in [{"op": "remove", "path": f'members[value eq "{one}"]'}]
    ]
    place = f"Groups/{made['id']}?excludedAttributes=members"
    return _send(server, [_request(server, "PATCH", place, one) for one in patches], ALONE)


def example_user(number: int) -> dict[str, Any]:
    """Return a user as Entra ID sends one."""
    return {
        "schemas": [f"{_CORE}:User", _ENTERPRISE],
        "externalId": f"example-{number:06}",
        "userName": f"person{number}@example.com",
        "active": True,
        "displayName": f"Example Person {number}",
        "name": {"formatted": f"Example Person {number}", "familyName": "Person", "givenName": "Example"},
        "title": "Buyer",
        "emails": [{"primary": True, "type": "work", "value": f"person{number}@example.com"}],
        "phoneNumbers": [{"type": "mobile", "value": f"+86138{number:08}"}],
        "addresses": [{"type": "work", "locality": "Example Town", "country": "CN"}],
        _ENTERPRISE: {"employeeNumber": f"{number:06}", "department": "Purchasing", "division": "Supply"},
    }


# --- the client -------------------------------------------------------------------------------------------------------


def _request(server: Server, method: str, place: str, body: Any = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {urlsplit(server.base).path}/{place} HTTP/1.1\r\nhost: {urlsplit(server.base).netloc}\r\n"
        f"authorization: Bearer {server.token}\r\ncontent-type: application/scim+json\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _send(server: Server, requests: Sequence[bytes], at_once: int) -> Took:
    async def everything() -> list[tuple[float, bytes]]:
        parts = await asyncio.gather(*(_line(server, requests[first::at_once]) for first in range(at_once)))
        return [one for part in parts for one in part]

    before, start = cpu_of(server.pid), time.perf_counter()
    done = asyncio.run(everything())
    wall, cpu = time.perf_counter() - start, cpu_of(server.pid) - before
    return Took(seconds=[took for took, _ in done], wall=wall, cpu=cpu, answers=[answer for _, answer in done])


async def _line(server: Server, requests: Sequence[bytes]) -> list[tuple[float, bytes]]:
    """Send requests one after the other, over one connection for as long as the server keeps it."""
    where = urlsplit(server.base)
    done: list[tuple[float, bytes]] = []
    writer: asyncio.StreamWriter | None = None
    for request in requests:
        start = time.perf_counter()
        if writer is None:
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        answer = await reader.readexactly(length)
        done.append((time.perf_counter() - start, answer))
        assert b" 20" in head[:14], head + answer[:500]
        if head.startswith(b"http/1.0") or b"connection: close" in head:
            writer.close()
            writer = None
    if writer is not None:
        writer.close()
    return done


# --- the servers ------------------------------------------------------------------------------------------------------


@contextmanager
def _ours(folder: Path) -> Iterator[Server]:
    sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]
    from servers.scim_push import endpoint_process

    token = secrets.token_urlsafe(24)
    with endpoint_process(folder, {SOURCE: token}) as one:
        base = f"{one.url}/scim/v2/{SOURCE}"
        yield Server(name="syncd", base=base, token=token, pid=one.pid, users=USERS, removals=REMOVALS)


@contextmanager
def _theirs() -> Iterator[Server]:
    token = secrets.token_urlsafe(24)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("scim2-server")), "--port", str(port), "--bearer-token", token]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(port, process)
            yield Server(
                name="scim2-server",
                base=f"http://127.0.0.1:{port}/v2",
                token=token,
                pid=process.pid,
                users=THEIR_USERS,
                removals=THEIR_REMOVALS,
            )
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("scim2-server did not start")
