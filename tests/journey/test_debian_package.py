"""The Debian package, really built, installed, booted under systemd, upgraded, removed and purged.

All of it in an overlay of this machine's own root on a file system in memory: nothing outside is touched, and nothing is left.
Takes root, as the test servers do.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
TRIAL = """\
[Unit]
DefaultDependencies=no
Requires=basic.target
After=basic.target

[Service]
Type=oneshot
ExecStart=/bin/bash /trial.sh
ExecStopPost=/bin/systemctl poweroff --force --no-block
StandardOutput=file:/trial.out
StandardError=inherit
"""
TARGET = "[Unit]\nRequires=basic.target trial.service\nAfter=basic.target\nAllowIsolate=yes\n"
SCRIPT = """\
say() { echo "$1=$($2)"; }
timeout 60 systemctl start syncd; echo "start=$?"
say status "systemctl show -P StatusText syncd"
say state "systemctl show -P ActiveState syncd"
echo "# another comment" >>/etc/syncd/syncd.yaml
systemctl reload syncd; echo "reload=$?"
systemctl start syncd-backup; echo "backup=$?"
systemctl start syncd-verify; echo "verify=$?"
systemctl stop syncd; echo "stop=$?"
say result "systemctl show -P Result syncd"
journalctl -u 'syncd*' --no-pager -o cat
"""


class Machine:
    """A copy of this machine that remembers nothing."""

    def __init__(self, folder: Path) -> None:
        self.memory = folder / "memory"
        self.root = self.memory / "root"
        self.memory.mkdir()
        _run("mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(self.memory))
        for name in ("root", "upper", "work"):
            (self.memory / name).mkdir()
        layers = f"lowerdir=/,upperdir={self.memory / 'upper'},workdir={self.memory / 'work'}"
        _run("mount", "-t", "overlay", "overlay", "-o", layers, str(self.root))
        _run("mount", "-t", "proc", "proc", str(self.root / "proc"))

    def close(self) -> None:
        """Forget everything."""
        for folder in (self.root / "proc", self.root, self.memory):
            subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)

    def run(self, *words: str) -> str:
        """Run a command inside, and return what it printed."""
        return _run("chroot", str(self.root), *words)

    def files(self, folder: str) -> set[str]:
        """Return the names in a folder; empty if there is none."""
        path = self.root / folder
        return {each.name for each in path.iterdir()} if path.is_dir() else set()

    def booted(self) -> str:
        """Boot it under its own systemd, let the trial run, and return what that wrote."""
        units = self.root / "etc/systemd/system"
        (units / "trial.service").write_text(TRIAL)
        (units / "trial.target").write_text(TARGET)
        (self.root / "trial.sh").write_text(SCRIPT)
        _run("umount", str(self.root / "proc"))
        options = ("-q", "-D", str(self.root), "--private-network", "--register=no", "--keep-unit", "-M", "syncd-trial")
        subprocess.run(
            ["systemd-nspawn", *options, "-b", "systemd.unit=trial.target"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        _run("mount", "-t", "proc", "proc", str(self.root / "proc"))
        return (self.root / "trial.out").read_text()


def _run(*words: str) -> str:
    ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, f"{words}: {ran.stdout[-500:]} {ran.stderr[-1500:]}"
    return ran.stdout + ran.stderr


def _may_mount(folder: Path) -> bool:
    """Tell whether we are let mount anything: a container may keep that from root."""
    tried = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=False, capture_output=True)
    if tried.returncode == 0:
        subprocess.run(["umount", str(folder)], check=True)
    return tried.returncode == 0


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if not _may_mount(tmp_path):
        pytest.skip("this machine lets nobody mount a file system, so the package cannot be booted here")
    made = Machine(tmp_path)
    yield made
    made.close()


def test_the_package_is_installed_started_upgraded_removed_and_purged(machine: Machine, tmp_path: Path) -> None:
    uv = shutil.which("uv") or str(REPOSITORY / ".venv/bin/uv")
    out = tmp_path / "dist"
    out.mkdir()
    package = Path(_run(str(REPOSITORY / "packaging/deb/build.sh"), uv, str(out), "gzip").splitlines()[0])
    shutil.move(package, machine.root / "syncd.deb")

    machine.run("dpkg", "--no-triggers", "-i", "/syncd.deb")
    assert "syncd" in machine.run("id", "syncd")
    assert machine.run("stat", "-c", "%U %a", "/var/lib/syncd", "/etc/syncd").split() == ["syncd", "700", "root", "750"]
    assert machine.run("syncd", "--version").startswith("syncd ")
    assert machine.files("usr/share/syncd/prometheus") == {"syncd.alerts.yml", "syncd.recording.yml"}
    # An administrator works as root first; the service, with its own account, goes on with what that made.
    assert "300 create person" in machine.run("syncd", "sync", "--accept")
    assert machine.run("stat", "-c", "%U", "/var/lib/syncd/syncd.db").strip() == "syncd"

    said = machine.booted()
    found = dict(re.findall(r"^(\w+)=(.*)$", said, re.MULTILINE))
    assert [found.get(step) for step in ("start", "reload", "backup", "verify", "stop")] == ["0"] * 5, said
    assert (found["state"], found["result"]) == ("active", "success")
    assert found["status"].startswith(("nothing to do", "done"))
    assert '"config.reloaded"' in said
    assert len(machine.files("var/lib/syncd/backups")) == 1

    machine.run("dpkg", "--no-triggers", "--force-confold", "-i", "/syncd.deb")
    assert "# another comment" in (machine.root / "etc/syncd/syncd.yaml").read_text()
    assert len(machine.files("var/lib/syncd/backups")) == 2  # one from before the upgrade

    machine.run("dpkg", "--no-triggers", "-r", "syncd")
    assert "syncd.yaml" in machine.files("etc/syncd")
    assert "syncd.db" in machine.files("var/lib/syncd")
    assert machine.files("usr/lib/syncd") == set()

    machine.run("dpkg", "--no-triggers", "-P", "syncd")
    assert machine.files("etc/syncd") == set()
    assert "syncd.db" in machine.files("var/lib/syncd")
