"""A burst: 20,000 people get another title in the directory at once, through a real `syncd run` into the sandbox, which runs in a
process of its own and permits 60 calls a second. One of them leaves in the middle of it.

What is counted is what the sandbox saw in a window of a minute; the burst goes on behind it. Goals: at least 95 % of the
permitted rate, also while the leaver is dealt with; the leaver confirmed within 5 s of the directory's own confirmation; memory
that does not grow with the burst.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks._installation import ROOT, compiled
from benchmarks._sandbox import sandbox
from benchmarks.events import LONG, _directory, _service, _syncd
from benchmarks.figures import Figure
from benchmarks.sandbox_server import cpu_of

PEOPLE: Final = int(os.environ.get("BURST_PEOPLE", "20000"))
QPS: Final = 60
WINDOW: Final = 60.0
"""Seconds in which calls are counted, from when the first hundred were there."""
UPDATE, DELETE = "/topapi/v2/user/update", "/topapi/v2/user/delete"


def run() -> list[Figure]:
    """Measure. Raises `RuntimeError` if OpenLDAP is not installed."""
    sys.path.insert(0, str(ROOT / "tests"))
    from servers.openldap import OpenLdap, missing

    if reason := missing():
        raise RuntimeError(reason)
    with (
        tempfile.TemporaryDirectory() as name,
        OpenLdap(people=PEOPLE, teams=max(2, PEOPLE // 200)) as server,
        sandbox(None) as url,
    ):
        folder = Path(name)
        directory = _directory("ldap", server.url, server.bind_user, server.password, server.company_dn, server.ca_file)
        _install(folder, directory, url, qps="null")
        subprocess.run(_syncd("sync", "--accept"), cwd=folder, env=compiled(), check=True, capture_output=True)
        _install(folder, directory, url, qps=str(QPS))
        _told(f"{url}/_sandbox/settings", {"qps": QPS})
        with _service(folder) as process:
            return _burst(server, url, process.pid)


def _burst(server: Any, url: str, pid: int) -> list[Figure]:
    editor = server.editor
    names = sorted(str(one["dn"]) for one in editor._found(editor.people_filter, server.company_dn, attributes=["1.1"]))
    _most_resident(pid)
    start, before = _total(url), _most_resident(pid)
    began, spent = time.time(), cpu_of(pid)
    with _quickly(server) as connection:
        for dn in names:
            connection.modify(dn, {"title": [("MODIFY_REPLACE", ["Reorganised"])]})
        changed = time.time()
        _until(lambda: _count(url, start, UPDATE) >= 100, "the first hundred")
        opens = time.time()
        time.sleep(WINDOW / 2)
        connection.delete(names[len(names) // 2])
        left = time.time()
    gone = _first(url, start, DELETE)
    time.sleep(max(0.0, opens + WINDOW - time.time()))
    most = _most_resident(pid)
    inside = [at for at in _moments(url, start, UPDATE) if opens <= at < opens + WINDOW]
    first = _moments(url, start, UPDATE)[0]
    used = len(inside) / (QPS * WINDOW)
    cpu = cpu_of(pid) - spent
    return [
        Figure(
            name=f"used of {QPS}/s in a burst of {len(names):,}",
            value=100 * used,
            unit="%",
            goal="≥ 95",
            met=used >= 0.95,
            note=f"{WINDOW:g} s, from {opens - changed:+.1f} s after the directory had all; first call {first - changed:+.1f} s, "
            f"{cpu:.0f} s CPU",
        ),
        Figure(
            name="a leaver in the middle, confirmed after",
            value=gone - left,
            unit="s",
            goal="≤ 5",
            met=gone - left <= 5,
            note=f"while {len(names) - len(inside):,} wait",
        ),
        Figure(
            name="memory, at most",
            value=most,
            unit="MiB",
            goal=f"≤ {before + 100:.0f}",
            met=most <= before + 100,
            note=f"{before:.0f} before; the directory took {changed - began:.0f} s for the changes",
        ),
    ]


def _install(folder: Path, directory: str, url: str, *, qps: str) -> None:
    if not (folder / "mappings").exists():
        (folder / "mappings").symlink_to(ROOT / "mappings")
    (folder / "syncd.yaml").write_text(
        f"""\
sources:
  people:
{directory}
target:
  type: dingtalk
  rules: mappings/dingtalk.yaml
  app_key: dingsandboxkey
  app_secret: sandbox-secret
  base_url: {url}
  new_base_url: {url}
  qps: {qps}
state: {{url: "sqlite:///syncd.db"}}
leavers: {{policy: remove}}
guard: {{first_run: apply, window: 0s, limits: {{update: {{percent: null}}}}}}
schedule: {{every: 1h}}
""",
        encoding="utf-8",
    )


@contextmanager
def _quickly(server: Any) -> Iterator[Any]:
    with server.editor._connection() as connection:
        yield connection


# --- what the sandbox saw, and what the process holds ------------------------------------------------------------------


def _ask(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def _told(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"}, method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def _total(url: str) -> int:
    return int(_ask(f"{url}/_sandbox/calls?after=999999999")["total"])


def _moments(url: str, start: int, interface: str) -> Sequence[float]:
    return [float(call["at"]) for call in _ask(f"{url}/_sandbox/calls?interface={interface}&after={start}")["calls"]]


def _count(url: str, start: int, interface: str) -> int:
    return len(_moments(url, start, interface))


def _first(url: str, start: int, interface: str) -> float:
    _until(lambda: _count(url, start, interface) > 0, "the leaver")
    return _moments(url, start, interface)[0]


def _until(condition: Any, what: str) -> None:
    ends = time.monotonic() + 5 * LONG
    while not condition():
        if time.monotonic() > ends:
            raise RuntimeError(f"{what} has not arrived within {5 * LONG:g} s")
        time.sleep(0.2)


def _most_resident(pid: int) -> float:
    """Return the most that was resident at once since this was asked before, or since the process began, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    most = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    return most / 1024
