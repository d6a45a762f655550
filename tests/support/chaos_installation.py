"""An installation for a chaos journey: OpenLDAP and a sandbox behind bad networks, a disk of its own, a clock that can be set.

`syncd run` is a process that is killed, stopped, told to end and started again; the sandbox is a process of its own, with limits.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Self

from servers.openldap import OpenLdap
from support.chaos_directory import PARTNER
from support.chaos_syncd import CLOCK
from support.installation import REPOSITORY
from support.journey import Journey

QPS: Final = 60
"""Calls per second and interface that the sandbox permits and syncd is told of: those of the platform's add-on."""
_DISK: Final = "96m"
_CONFIG: Final = """\
sources:
  people:
    type: ldap
    rules: mappings/ldap.yaml
    servers: ["ldaps://127.0.0.1:{ldap_port}"]
    user: "{user}"
    password: {{env: DIRECTORY_PASSWORD}}
    base: ["{base}"]
    ca_file: {ca_file}
    connect_seconds: 2
    receive_seconds: 3
target:
  type: dingtalk
  rules: mappings/dingtalk.yaml
  base_url: {url}
  new_base_url: {url}
  app_key: dingsandboxkey
  app_secret: {{env: SANDBOX_SECRET}}
  qps: {qps}
  timeout: 4
state: {{url: "sqlite:///disk/syncd.db"}}
# Nothing is ever held: what keeps people from being removed here is the proof of a read, alone.
guard:
  first_run: apply
  window: 0s
  shrink_percent: 100
  per_unit_percent: null
  limits: {{{limits}}}
leavers: {{policy: remove}}
schedule: {{every: 10s, jitter: 0s, drain: 5s}}
writer: {{retries: [1s, 1s, 2s, 2s, 3s, 3s, 3s, 3s], leaver_retries: [1s, 1s, 2s]}}
# The disk is small so that it can be filled.
alerts: {{rules: alerts.yaml}}
logging: {{level: info, format: json}}
web: {{listen: null}}
"""
_EFFECTS: Final = (
    "create",
    "update",
    "move",
    "login",
    "leave",
    "unit_create",
    "unit_update",
    "unit_move",
    "unit_remove",
    "contact_create",
    "contact_update",
    "contact_remove",
)
_ALERTS: Final = "rules: {disk_low: {off: true}, disk_full: {off: true}}\n"


class ChaosInstallation(Journey):
    """One folder. `url` is the sandbox without a network in between, for those who look."""

    def __init__(
        self, folder: Path, server: OpenLdap, url: str, *, ldap_port: int = 0, target: str = "", qps: int | None = QPS
    ) -> None:
        """`ldap_port` and `target` are where syncd finds directory and sandbox, if not directly."""
        self.folder, self.url, self.people = folder, url, []
        self.disk, self.clock, self.log = folder / "disk", folder / "clock", folder / "syncd.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.ends: list[int] = []
        """The exit codes of the services before this one."""
        self.believed = 0
        folder.mkdir(parents=True)
        self.disk.mkdir()
        self.set_clock(0)
        self.environment = {
            "PATH": os.defpath,
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'connectors'}:{REPOSITORY / 'tests'}",
            "SANDBOX_SECRET": "sandbox-secret",
            "DIRECTORY_PASSWORD": server.password,
            CLOCK: str(self.clock),
            "PYTHONFAULTHANDLER": "1",
        }
        shutil.copytree(REPOSITORY / "mappings", folder / "mappings")
        self._take_partners()
        text = _CONFIG.format(
            ldap_port=ldap_port or server.port,
            user=server.bind_user,
            base=server.company_dn,
            ca_file=server.ca_file,
            url=target or url,
            qps="null" if qps is None else qps,
            limits=", ".join(f"{effect}: {{count: null, percent: null}}" for effect in _EFFECTS),
        )
        (folder / "syncd.yaml").write_text(text, encoding="utf-8")
        if qps is None:
            self.amend("  timeout: 4\n", "  timeout: 4\n  address_calls: null\n")
        (folder / "alerts.yaml").write_text(_ALERTS, encoding="utf-8")

    def _take_partners(self) -> None:
        """Let the rules make external contacts of partners, as the shipped ones show it in a comment."""
        inbound, outbound = (self.folder / "mappings" / name for name in ("ldap.yaml", "dingtalk.yaml"))
        told = inbound.read_text(encoding="utf-8")
        rule = f"    outsider: {{ from: employeeType, via: [{{ one_of: [{PARTNER}] }}] }}\n"
        inbound.write_text(told.replace("    userType:", f"{rule}    userType:"), encoding="utf-8")
        shown = outbound.read_text(encoding="utf-8")
        begin = shown.index("# contact:\n")
        end = shown.index("\n\n", begin)
        section = shown[begin:end].replace("\n# ", "\n").removeprefix("# ")
        outbound.write_text(shown[:begin] + section + shown[end:], encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `syncd` with these arguments, by the clock of this installation."""
        return subprocess.Popen(
            [sys.executable, "-m", "support.chaos_syncd", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def set_clock(self, seconds: float) -> None:
        """Make the clock wrong by so much, at once and as a whole."""
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(str(seconds), encoding="ascii")
        fresh.replace(self.clock)

    # -- the service ---------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Start the service, if it is not there; its log grows in a file outside of the disk that fills up."""
        if self.process is not None:
            if self.process.poll() is None:
                return
            self.ends.append(self.process.returncode)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "support.chaos_syncd", "run"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the service, if it is there."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """Kill the service."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def dump(self) -> None:
        """Kill the service, which then says in its log what each of its threads was doing."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGABRT)
        if self.process is not None:
            self.process.wait()

    def stop(self) -> int:
        """Tell the service to end, and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)

    def believe_the_clock(self) -> None:
        """Do what syncd asks of whoever is on call when the clock jumped ahead to what it had been: say that it is right."""
        told = sum(event["code"] == "ENG-073" for event in self.events("state.doubted"))
        if told > self.believed and self.ran("db", "trust-clock", "--reason", "it is right again").code == 0:
            self.believed = told

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return what the log says of one kind of event, over all starts."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [event for event in found if event["event"] == name]

    # -- the disk ------------------------------------------------------------------------------------------------------

    def mount(self) -> bool:
        """Give the state a small disk of its own; tell whether this machine permits that."""
        words = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "syncd-chaos", str(self.disk)]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    def unmount(self) -> None:
        """Take the small disk away; what is on it stays beside it, for whoever has to find out why a test failed."""
        self.empty()
        shutil.copytree(self.disk, self.folder / "kept")
        subprocess.run(["umount", str(self.disk)], capture_output=True, check=True)

    def fill(self) -> None:
        """Leave no room on the disk."""
        with (self.disk / "ballast").open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
            except OSError:
                return

    def empty(self) -> None:
        """Give the room back."""
        (self.disk / "ballast").unlink(missing_ok=True)


class Sandbox:
    """A sandbox in a process of its own, with the limits of the platform."""

    def __init__(self, seed: int) -> None:
        words = [sys.executable, "-m", "syncd_dingtalk.sandbox", "--qps", str(QPS), "--seed", str(seed)]
        self.process = subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rsplit(":", 1)[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.communicate(timeout=30)
