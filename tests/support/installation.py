"""An installation as IT has it: a folder with syncd.yaml, rules and an HR export, and the real command in a process of its own.

Its DingTalk is a sandbox outside that process, so that the process can be killed and the tenant cannot.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncd.cli.session import Session
from syncd.engine.cycle import Cycle, Order, cycle

REPOSITORY = Path(__file__).parents[2]
CONFIG = """\
sources:
  company: {{type: table, rules: mappings/table.yaml, path: company.csv, key: Employee Number}}
target:
  type: dingtalk
  rules: mappings/dingtalk.yaml
  base_url: {url}
  new_base_url: {url}
  app_key: dingsandboxkey
  app_secret: {{env: SANDBOX_SECRET}}
  qps: {qps}
  address_calls: null
  timeout: {timeout}
state: {{url: "sqlite:///syncd.db"}}
guard: {{first_run: apply}}
leavers: {{policy: {leavers}}}
writer: {{concurrency: 16, retries: [1s, 1s, 2s, 2s, 3s, 3s, 3s], leaver_retries: [1s, 1s]}}
logging: {{level: warning}}
"""


class Installation:
    """One folder. `people` is what HR says; `write` exports it."""

    def __init__(
        self,
        folder: Path,
        url: str,
        people: list[dict[str, str]],
        *,
        qps: int | None = None,
        timeout: float = 20,
        leavers: str = "hold",
    ) -> None:
        self.folder, self.url, self.people = folder, url, people
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "SANDBOX_SECRET": "sandbox-secret",
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'connectors'}",
        }
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(REPOSITORY / "mappings", folder / "mappings", dirs_exist_ok=True)
        limit = "null" if qps is None else str(qps)
        text = CONFIG.format(url=url, qps=limit, timeout=timeout, leavers=leavers)
        (folder / "syncd.yaml").write_text(text, encoding="utf-8")
        self.write()

    def write(self) -> None:
        """Export the people, as an old file: one that has just been written is read only when it is still for a while."""
        path = self.folder / "company.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.people[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.people)
        os.utime(path, (1_790_000_000, 1_790_000_000 + len(self.people)))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `syncd` with these arguments."""
        return subprocess.Popen(
            [sys.executable, "-m", "syncd", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run `syncd` to its end and return what it printed."""
        process = self.start(*arguments)
        out, errors = process.communicate(timeout=300)
        assert process.returncode in codes, (process.returncode, out.decode(), errors.decode())
        return out.decode()

    def json(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """Run `syncd … --json` and return its document."""
        document: dict[str, Any] = json.loads(self.run(*arguments, "--json", codes=codes))
        return document

    def kill_when(self, condition: Callable[[], bool], *arguments: str) -> bool:
        """Start `syncd`, kill it with SIGKILL as soon as `condition` holds; tell whether it was killed before its end."""
        process = self.start(*arguments)
        while process.poll() is None:
            if condition():
                process.kill()
                break
        process.communicate(timeout=60)
        return process.returncode == -9

    def cycles(self, most: int, *, later: timedelta = timedelta(0), **options: Any) -> list[Cycle]:
        """Run cycles in this process, without the command's start, until one has nothing to plan and nothing waits.

        With `later` it is so much later by the engine's clock: what waits for its next attempt is due.
        """
        with Session(config=self.folder / "syncd.yaml", level="error") as session:
            session.now = lambda: datetime.now(UTC) + later
            world = session.world("test")
            done: list[Cycle] = []
            while len(done) < most:
                done.append(asyncio.run(cycle(world, Order(accept=True, **options))))
                if not done[-1].reconciliation.plan.changes and not done[-1].queue.ready:
                    break
        return done

    # -- what the sandbox says --

    def control(self, path: str, body: object = None, method: str | None = None) -> Any:
        """Ask the sandbox's control surface."""
        sent = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{path}", data=sent, method=method or ("POST" if sent else "GET")
        )
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def applied(self) -> list[dict[str, Any]]:
        """Return the calls that changed the tenant, in order."""
        return [call for call in self.control("calls")["calls"] if call["applied"]]

    def tenant(self) -> dict[str, Any]:
        """Return the tenant without what differs from one tenant to the next: departments by path, no generated ids."""
        state = self.control("state")
        names = {dept["dept_id"]: dept for dept in state["departments"]}

        def path(dept_id: int) -> str:
            dept = names[dept_id]
            return (path(dept["parent_id"]) + "/" if dept.get("parent_id") in names else "") + str(dept["name"])

        ours = [user for user in state["users"] if user["userid"] != "manager0001"]
        return {
            "departments": sorted(path(one) for one in names),
            "leaders": {path(one): sorted(dept["managers"]) for one, dept in names.items()},
            "users": {user["userid"]: _user(user, path) for user in ours},
        }


_KEPT = ("name", "mobile", "title", "email", "job_number", "work_place", "manager_userid", "hired_date")


def _user(user: dict[str, Any], path: Callable[[int], str]) -> dict[str, Any]:
    kept = {name: user.get(name) for name in _KEPT if user.get(name) not in (None, "")}
    return {**kept, "departments": sorted(path(one["dept_id"]) for one in user["memberships"])}


def doubled(calls: list[dict[str, Any]]) -> dict[str, int]:
    """Return the creations and removals that took effect more than once, of people by userid and of departments by body."""
    count: Counter[str] = Counter()
    for call in calls:
        if call["interface"].endswith(("user/create", "user/delete")):
            count[f"{call['interface']} {call['ids'].get('userid')}"] += 1
        elif call["interface"].endswith("department/create"):
            count[f"{call['interface']} {call['digest']}"] += 1
    return {what: number for what, number in count.items() if number > 1}
