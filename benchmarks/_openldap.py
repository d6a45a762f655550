"""A directory of any size in an OpenLDAP of its own, for benchmarks: people who do not exist, made by counting.

The same number of people gives the same directory, entry UUIDs included. It listens on loopback only, lives in a temporary folder
and is gone at the end. Needs Debian's slapd (tests/servers/install.sh installs it).
"""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

SUFFIX: Final = "dc=corp,dc=example,dc=com"
PEOPLE_FILTER: Final = "(objectClass=inetOrgPerson)"
UNITS_FILTER: Final = "(objectClass=organizationalUnit)"
ATTRIBUTES: Final = (
    *("objectClass", "entryUUID", "uid", "cn", "sn", "givenName", "displayName", "mail", "mobile", "telephoneNumber"),
    *("employeeNumber", "employeeType", "departmentNumber", "title", "l", "manager"),
)
"""What everybody has, 16 of them; the first of all has no manager."""
TEAM: Final = 55
"""People in one of the lowest units: 100,000 people make 1,819 of these, and 2,004 units in all."""
_ABOVE: Final = (("Department {:04d}", 12), ("Division {:03d} 事业部", 6), ("Region {:02d}", 5), ("Company", 10_000))
"""The units above, from the lowest: what they are called, and how many of the level below stand in one."""
_READER: Final = f"cn=reader,{SUFFIX}"
_PASSWORD: Final = "Example-Reader-1!"
_FAMILY: Final = ("Müller", "陈", "Santoso", "Großmann", "王", "Wijaya", "O'Neill", "Nguyễn", "Smith", "李", "Hartono")
_GIVEN: Final = (
    "Zoë",
    "小明",
    "Budi",
    "Jürgen",
    "美玲",
    "Ani",
    "Siobhán",
    "Minh",
    "Alexander",
    "国强",
    "Dewi",
    "Rizky",
    "Ivy",
)
_TITLES: Final = (
    "Engineer",
    "Sachbearbeiter für Größen",
    "财务经理",
    "Accountant",
    "Warehouse lead",
    "Sales executive",
)
_TOWNS: Final = ("Jakarta", "Surabaya", "München", "上海", "Köln", "Hamburg", "深圳")
_NAMES: Final = uuid.UUID("6f6bb5a4-2b1c-5b7e-9d5e-0123456789ab")
_LONG_AGO: Final[dict[str, tuple[str, ...]]] = {
    "createTimestamp": ("20260101000000Z",),
    "modifyTimestamp": ("20260101000000Z",),
    "entryCSN": ("20260101000000.000000Z#000000#000#000000",),
}
"""So that the directory looks as if nobody had touched it lately, and not as if all had changed just now."""
_START_SECONDS: Final = 60
_CONF: Final = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
threads 2
sizelimit size.soft=500 size.hard=500 size.prtotal=unlimited
database mdb
suffix "{suffix}"
rootdn "{reader}"
rootpw {password}
directory {folder}/data
maxsize 8589934592
envflags nosync nometasync
index objectClass,uid,entryUUID eq
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A server that runs."""

    port: int
    suffix: str = SUFFIX
    user: str = _READER
    password: str = _PASSWORD

    @property
    def address(self) -> str:
        """The server as a URL."""
        return f"ldap://127.0.0.1:{self.port}"


@contextmanager
def directory(people: int) -> Iterator[Directory]:
    """Yield a directory with so many people. Raises `RuntimeError` if slapd does not start."""
    folder = Path(tempfile.mkdtemp(prefix="syncd-slapd-"))
    try:
        conf = _filled(folder, people)
        port = _free_port()
        with (folder / "log").open("wb") as log:
            slapd = ["slapd", "-f", str(conf), "-h", f"ldap://127.0.0.1:{port}", "-d", "0"]
            server = subprocess.Popen(slapd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(server, port)
            yield Directory(port=port)
        finally:
            server.terminate()
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def missing() -> str:
    """Return why there can be no directory here, empty if there can."""
    absent = [name for name in ("slapd", "slapadd") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)} (tests/servers/install.sh installs it)" if absent else ""


def write(people: int, out: TextIO) -> None:
    """Write the directory as LDIF (RFC 2849)."""
    parts = {"objectClass": ("dcObject", "organization"), "dc": ("corp",), "o": ("Example",)}
    _entry(out, SUFFIX, parts)
    for dn in units(people):
        _unit(out, dn)
    for number in range(people):
        _entry(out, _person_dn(number), _person(number))


def _unit(out: TextIO, dn: str) -> None:
    name = dn.partition(",")[0].removeprefix("ou=")
    _entry(out, dn, {"objectClass": ("organizationalUnit",), "ou": (name,), "entryUUID": (_uuid(dn),)})


def units(people: int) -> list[str]:
    """Return the names of all units for so many people, five levels deep, each after the one above it."""
    teams = [_team(number) for number in range(-(-people // TEAM))]
    above = dict.fromkeys(dn.split(",", level)[level] for level in range(len(_ABOVE), 0, -1) for dn in teams)
    return [*above, *teams]


def _team(number: int) -> str:
    names = [f"Team {number:05d}"]
    for name, size in _ABOVE:
        number //= size
        names.append(name.format(number))
    return ",".join((*(f"ou={name}" for name in names), SUFFIX))


def _person_dn(number: int) -> str:
    return f"uid=u{number:07d},{_team(number // TEAM)}"


def _person(number: int) -> dict[str, tuple[str, ...]]:
    given, family = _GIVEN[number % len(_GIVEN)], _FAMILY[number % len(_FAMILY)]
    # A team's first person leads it; leaders answer to the first of all.
    manager = {"manager": (_person_dn(0 if number % TEAM == 0 else number - number % TEAM),)} if number else {}
    return {
        "objectClass": ("top", "person", "organizationalPerson", "inetOrgPerson"),
        "entryUUID": (_uuid(f"u{number:07d}"),),
        "uid": (f"u{number:07d}",),
        "cn": (f"{given} {family}",),
        "sn": (family,),
        "givenName": (given,),
        "displayName": (f"{family}, {given} ({number})",),
        "mail": (f"u{number:07d}@corp.example.com",),
        # No subscriber has such numbers.
        "mobile": (f"+62 860 {number:07d}",),
        "telephoneNumber": (f"+49 30 23125 {number:06d}",),
        "employeeNumber": (f"{number:08d}",),
        "employeeType": ("permanent" if number % 7 else "external",),
        "departmentNumber": (f"{number // TEAM:05d}",),
        "title": (_TITLES[number % len(_TITLES)],),
        "l": (_TOWNS[number % len(_TOWNS)],),
        **manager,
    }


def _uuid(name: str) -> str:
    return str(uuid.uuid5(_NAMES, name))


def _entry(out: TextIO, dn: str, attributes: dict[str, tuple[str, ...]]) -> None:
    out.write(_line("dn", dn))
    for name, values in (attributes | _LONG_AGO).items():
        out.writelines(_line(name, value) for value in values)
    out.write("\n")


def _line(name: str, value: str) -> str:
    if value.isascii():
        return f"{name}: {value}\n"
    return f"{name}:: {base64.b64encode(value.encode()).decode('ascii')}\n"


def _filled(folder: Path, people: int) -> Path:
    (folder / "data").mkdir()
    conf = folder / "slapd.conf"
    conf.write_text(_CONF.format(folder=folder, suffix=SUFFIX, reader=_READER, password=_PASSWORD), encoding="utf-8")
    ldif = folder / "people.ldif"
    with ldif.open("w", encoding="ascii") as out:
        write(people, out)
    slapadd = ["slapadd", "-q", "-f", str(conf), "-b", SUFFIX, "-w", "-l", str(ldif)]
    done = subprocess.run(slapadd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"slapadd failed: {done.stderr[-2000:]}")
    ldif.unlink()
    return conf


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("slapd did not start")
