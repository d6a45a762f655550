"""From a change in the source to DingTalk: 300 changes of one person each, one after the other, through a real `syncd run`
into the sandbox, which runs in a process of its own and permits 60 calls a second.

OpenLDAP (refreshAndPersist), the same announced by a signed webhook, people who are pushed by SCIM, and a Samba domain. A change
counts from before it is sent to the source until the sandbox has it in its own log, so the time of the source is in it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks._installation import ROOT, RUN, compiled
from benchmarks._provider import Provider
from benchmarks._sandbox import sandbox
from benchmarks.figures import Figure
from benchmarks.sandbox_server import cpu_of
from benchmarks.watch import changes

CHANGES: Final = 300
LONG: Final = 60.0
PEOPLE: Final = 1_000


def _synchronised(folder: Path) -> None:
    subprocess.run(_syncd("sync", "--accept"), cwd=folder, env=compiled(), check=True, capture_output=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A source, as `syncd.yaml` says it, and how to change one of its people."""

    name: str
    source: str
    change: Callable[[int, str], object]
    """Give the person of this number this title; returns when the source has it."""
    pause: float
    """Up to so many seconds between two changes."""
    most: tuple[float | None, float]
    """The goals for p50 and p99, in seconds."""
    more: str = ""
    before: Callable[[Path], object] = _synchronised
    """What is done in the folder before the service begins."""
    first: Callable[[str], object] = str
    """Called when the service runs, with the URL of the sandbox; returns when everybody is there."""


def run() -> list[Figure]:
    """Measure. Raises `RuntimeError` if a server is not installed; Samba needs root."""
    sys.path.insert(0, str(ROOT / "tests"))
    figures: list[Figure] = []
    for company in (_openldap, _webhook, _scim, _samba):
        with tempfile.TemporaryDirectory() as name, company(Path(name)) as made:
            figures += _figures(made.name, made.most, _measured(Path(name), made))
    return figures


def _figures(name: str, most: tuple[float | None, float], taken: tuple[list[float], float]) -> list[Figure]:
    delays, cpu = taken
    shown = []
    for part, goal in zip((50, 99), most, strict=True):
        value = statistics.quantiles(delays, n=100, method="inclusive")[part - 1]
        shown.append(
            Figure(
                name=f"{name}: change to DingTalk, p{part}",
                value=value * 1000,
                unit="ms",
                goal=f"≤ {goal * 1000:.0f}" if goal else "",
                met=goal is None or value <= goal,
                note=f"{len(delays)} changes; {cpu * 1000:.0f} ms CPU of the service for each" if part == 50 else "",
            )
        )
    return shown


def _measured(folder: Path, company: Company) -> tuple[list[float], float]:
    """Return the delay of each change in seconds, and the processor time of the service for each."""
    with sandbox(60) as url:
        _install(folder, company, url)
        company.before(folder)
        with _service(folder) as process:
            company.first(url)
            log = _Log(url)
            for number in range(10):
                _one(company, log, number, f"Warm {number}")
            before = cpu_of(process.pid)
            delays = [_one(company, log, number, f"Title {number}") for number in range(CHANGES)]
            return delays, (cpu_of(process.pid) - before) / CHANGES


def _one(company: Company, log: _Log, number: int, title: str) -> float:
    time.sleep(random.uniform(0.05, max(0.06, company.pause)))
    began = time.time()
    company.change(number, title)
    return log.next() - began


class _Log:
    """The sandbox's own log of what it was told to change."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_sandbox/calls?interface=/topapi/v2/user/update&after="
        self._seen: int = self._ask(0)["total"]

    def _ask(self, after: int) -> Any:
        with urllib.request.urlopen(f"{self._url}{after}") as answer:
            return json.load(answer)

    def next(self) -> float:
        """Return when the next call was answered, as the clock of this machine has it."""
        ends = time.monotonic() + LONG
        while time.monotonic() < ends:
            found = self._ask(self._seen)["calls"]
            if found:
                self._seen = found[-1]["sequence"]
                return float(found[-1]["at"])
            time.sleep(0.01)
        raise RuntimeError("a change has not arrived within a minute")


def _install(folder: Path, company: Company, url: str) -> None:
    (folder / "mappings").symlink_to(ROOT / "mappings")
    (folder / "syncd.yaml").write_text(
        f"""\
sources:
  people:
{company.source}
target:
  type: dingtalk
  rules: mappings/dingtalk.yaml
  app_key: dingsandboxkey
  app_secret: sandbox-secret
  base_url: {url}
  new_base_url: {url}
  qps: 60
state: {{url: "sqlite:///syncd.db"}}
guard: {{first_run: apply, window: 0s}}
schedule: {{every: 1h}}
{company.more}
""",
        encoding="utf-8",
    )


def _syncd(*words: str) -> list[str]:
    return [sys.executable, "-c", RUN, *words]


@contextmanager
def _service(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(_syncd("run"), cwd=folder, env=compiled(), stderr=log, stdout=log)
    try:
        ends = time.monotonic() + LONG
        while b"cycle.done" not in (folder / "log").read_bytes():
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError((folder / "log").read_text(encoding="utf-8")[-2000:])
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(LONG)


# --- the sources ------------------------------------------------------------------------------------------------------


@contextmanager
def _openldap(_: Path) -> Iterator[Company]:
    from servers.openldap import OpenLdap, missing

    if reason := missing():
        raise RuntimeError(reason)
    with OpenLdap(people=PEOPLE) as server, changes(server, base=server.company_dn) as change:
        source = _directory("ldap", server.url, server.bind_user, server.password, server.company_dn, server.ca_file)
        yield Company(name="OpenLDAP", source=source, change=change, pause=0, most=(0.025, 0.25))


@contextmanager
def _samba(_: Path) -> Iterator[Company]:
    from servers.samba import COMPANY_DN, SambaDomain, missing

    if reason := missing():
        raise RuntimeError(reason)
    with SambaDomain() as server, changes(server, base=COMPANY_DN) as change:
        user, url = server.dirsync_user, f"ldaps://{server.host}"
        source = _directory("active_directory", url, user, server.password, COMPANY_DN, server.ca_file)
        # At any moment between two looks.
        yield Company(name="Samba", source=source, change=change, pause=1, most=(None, 1.5))


def _directory(kind: str, url: str, user: str, password: str, base: str, ca_file: object) -> str:
    return f"""\
    type: {kind}
    rules: mappings/{kind}.yaml
    servers: ["{url}"]
    user: "{user}"
    password: "{password}"
    base: ["{base}"]
    ca_file: {ca_file}
"""


@contextmanager
def _webhook(folder: Path) -> Iterator[Company]:
    """The same directory without its notifications: each change is announced by a signed event."""
    from servers.openldap import OpenLdap, missing
    from syncd.web.sending import events, prepared
    from syncd.web.signature import key_of

    if reason := missing():
        raise RuntimeError(reason)
    key, url = os.urandom(32).hex(), f"127.0.0.1:{_free_port()}"
    secret = folder / "webhook.secret"
    secret.write_text(key, encoding="utf-8")
    secret.chmod(0o600)
    with OpenLdap(people=PEOPLE) as server, changes(server, base=server.company_dn) as change:

        def announced(number: int, title: str) -> None:
            change(number, title)
            now, id_ = datetime.now(UTC), uuid.uuid4().hex
            body = events([str(number)], id=id_, at=now)
            told = prepared(body, url=f"http://{url}/v1/wake/people", key=key_of(key), id=id_, at=now)
            with urllib.request.urlopen(urllib.request.Request(told.url, told.body.encode(), told.headers)) as answer:
                assert answer.status == 202

        source = _directory("ldap", server.url, server.bind_user, server.password, server.company_dn, server.ca_file)
        source += '    watch: {poll: 0s, notification: "off"}\n'
        web = (
            f"web: {{listen: '{url}', webhooks: {{hr: {{secrets: [{{file: webhook.secret}}], sources: [people]}}}}}}\n"
        )
        yield Company(name="Webhook", source=source, change=announced, pause=0, most=(0.025, 0.25), more=web)


@contextmanager
def _scim(_: Path) -> Iterator[Company]:
    """A provider pushes: first everybody, who are joiners then, and after that single changes."""
    address, provider = f"127.0.0.1:{_free_port()}", list[Provider]()

    def before(folder: Path) -> None:
        words = _syncd("scim", "token", "add", "people", "--json")
        told = subprocess.run(words, cwd=folder, env=compiled(), check=True, capture_output=True)
        provider.append(Provider(address, "people", json.loads(told.stdout)["token"]))

    def first(url: str) -> None:
        provider[0].push(PEOPLE)
        ends = time.monotonic() + 5 * LONG
        while _made(url) < PEOPLE:
            if time.monotonic() > ends:
                raise RuntimeError("not everybody who was pushed has arrived")
            time.sleep(0.5)
        time.sleep(2)  # until what they led to is settled, too

    yield Company(
        name="SCIM push",
        source="    type: scim_push\n    rules: mappings/scim_push.yaml\n",
        change=lambda number, title: provider[0].change(number, title),
        pause=0,
        most=(0.025, 0.25),
        more=f"web: {{listen: '{address}', scim: {{rate: 1000}}}}\n",
        before=before,
        first=first,
    )


def _made(url: str) -> int:
    with urllib.request.urlopen(f"{url}/_sandbox/calls?interface=/topapi/v2/user/create&after=0") as answer:
        return len(json.load(answer)["calls"])


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port
