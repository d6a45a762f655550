"""The systemd units, judged by systemd itself, which needs neither to run nor a privilege for that."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from syncd.cli.commands import COMMANDS

FOLDER = Path(__file__).parents[2] / "packaging" / "systemd"
SERVICES = ("syncd.service", "syncd-backup.service", "syncd-verify.service")
TIMERS = ("syncd-backup.timer", "syncd-verify.timer")


def _analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60)


def _installed(tmp_path: Path) -> list[str]:
    """Copy the units, calling a program that is there, and return their paths."""
    for name in (*SERVICES, *TIMERS):
        text = (FOLDER / name).read_text().replace("/usr/bin/syncd", "/bin/true")
        (tmp_path / name).write_text(text)
    return [str(tmp_path / name) for name in (*SERVICES, *TIMERS)]


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    ran = _analyze("verify", "--man=no", *_installed(tmp_path))
    # What it says of other units of this machine is none of ours.
    ours = [line for line in ran.stderr.splitlines() if str(tmp_path) in line or line.startswith("syncd")]
    assert (ran.returncode, ours) == (0, [])


@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_of_a_service_is_at_most_one_and_a_half(name: str) -> None:
    ran = _analyze("security", "--offline=true", "--no-pager", "--threshold=15", str(FOLDER / name))
    assert ran.returncode == 0, ran.stdout[-200:]


def test_what_is_left_open_is_what_the_unit_explains() -> None:
    ran = _analyze("security", "--offline=true", "--no-pager", "--json=short", str(FOLDER / "syncd.service"))
    left = {row["name"] for row in json.loads(ran.stdout) if row["set"] is False and row["exposure"]}
    names = {re.split(r"[=]", name)[0] for name in left}
    assert names <= {"PrivateNetwork", "IPAddressDeny", "RestrictAddressFamilies", "RootDirectory", "DeviceAllow"}


def test_the_units_call_commands_that_exist() -> None:
    for name in SERVICES:
        command = re.search(r"^ExecStart=/usr/bin/syncd (\w+)", (FOLDER / name).read_text(), re.MULTILINE)
        assert command is not None
        assert command[1] in COMMANDS
