"""Run by Debian's own Python, the only one with the `lib389` module: makes an instance of 389 Directory Server without systemd.

Usage: /usr/bin/python3 ds389_create.py NAME FOLDER SUFFIX ROOT_PASSWORD PORT SECURE_PORT. The instance is stopped again
afterwards and moved into FOLDER as a whole: its settings then stand in FOLDER/etc, and nothing of it stays in /etc or /run.
"""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path

from lib389 import DirSrv
from lib389.instance.setup import SetupDs

_USER = "dirsrv"
_INF = """
[general]
full_machine_name = localhost.localdomain
strict_host_checking = False
systemd = False
selinux = False
[slapd]
instance_name = {name}
port = {port}
secure_port = {secure_port}
root_password = {password}
self_sign_cert = False
db_dir = {folder}/db
db_home_dir = {folder}/db
ldif_dir = {folder}/ldif
backup_dir = {folder}/bak
log_dir = {folder}/log
run_dir = {folder}/run
lock_dir = {folder}/lock
[backend-userroot]
suffix = {suffix}
create_suffix_entry = False
"""


def main(name: str, folder: Path, *, suffix: str, password: str, ports: tuple[str, str]) -> None:
    """Make the instance, stop it, and move it."""
    # It asks systemd for services that this server does not need.
    DirSrv.with_systemd = lambda _: False
    for path in (Path("/run/dirsrv"), Path("/run/lock/dirsrv"), folder):
        path.mkdir(parents=True, exist_ok=True)
        shutil.chown(path, _USER, _USER)
    inf = folder / "setup.inf"
    port, secure_port = ports
    inf.write_text(
        _INF.format(name=name, folder=folder, suffix=suffix, password=password, port=port, secure_port=secure_port)
    )
    settings = Path(f"/etc/dirsrv/slapd-{name}")
    try:
        SetupDs(verbose=False, dryrun=False, log=logging.getLogger("setup")).create_from_inf(str(inf))
    finally:
        _stop(name)
        if settings.is_dir():
            shutil.move(settings, folder / "etc")
        for leftover in (f"/run/slapd-{name}.socket", f"/run/dirsrv/slapd-{name}.pid"):
            Path(leftover).unlink(missing_ok=True)
        inf.unlink()


def _stop(name: str) -> None:
    if Path(f"/run/dirsrv/slapd-{name}.pid").exists():
        instance = DirSrv(verbose=False)
        instance.local_simple_allocate(serverid=name)
        instance.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), suffix=sys.argv[3], password=sys.argv[4], ports=(sys.argv[5], sys.argv[6]))
