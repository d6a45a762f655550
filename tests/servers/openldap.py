"""A real OpenLDAP for tests: slapd with the example company on free ports of loopback, in well under a second.

Any user can run it; it needs Debian's `slapd` and `openssl`. Everything it writes is in one temporary folder. Nothing is
flushed to the disk: it survives being killed, but no power cut.

What this server (2.5.13) does, and what its manual does not say: what the overlays memberof and refint change by themselves
(memberOf of who joins or leaves a group; a group's member and people's manager when somebody is deleted, renamed or moved,
or a unit above them) gets no new entryCSN and modifyTimestamp, and syncrepl does not tell it. A cookie made of
contextCSN (`rid=000,csn=…`) is taken; one from the future is answered with unwillingToPerform.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from servers.certificates import Authority
from servers.company_ldif import (
    BASE_DN,
    CAPPED_DN,
    COMPANY_DN,
    GROUPS_DN,
    PLAIN_DN,
    SERVICE_DN,
    SERVICE_PASSWORD,
    Company,
)
from servers.ldap_editor import PERMANENTLY, OpenLdapEditor

ADMIN_DN: Final = f"cn=admin,{BASE_DN}"
ADMIN_PASSWORD: Final = "Example-Admin-1!"
PLAIN_LIMIT: Final = 500
"""So many entries a search gives `PLAIN_DN`; paged, it may have all, page by page."""
CAPPED_LIMIT: Final = 700
"""So many entries all pages of a search together give `CAPPED_DN`."""
_SCHEMAS: Final = ("core", "cosine", "inetorgperson", "nis", "dyngroup")
_MODULES: Final = ("back_mdb", "syncprov", "accesslog", "memberof", "refint", "ppolicy")
_START_SECONDS: Final = 60


class OpenLdap:
    """One slapd, running between `start` and `stop`.

    `people` and `teams` say how large the company is. With `lasting_log` the log of changes is part of the database, so that
    deletions are told by name after a restart; without, it is in memory: after a restart slapd names whoever is
    still there instead (RFC 4533 §3.3.1, the present phase).
    """

    base_dn: Final = BASE_DN
    company_dn: Final = COMPANY_DN
    groups_dn: Final = GROUPS_DN
    bind_user: Final = SERVICE_DN
    plain_user: Final = PLAIN_DN
    capped_user: Final = CAPPED_DN
    password: Final = SERVICE_PASSWORD
    host: Final = "127.0.0.1"

    def __init__(self, *, people: int = 1000, teams: int = 2, lasting_log: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="syncd-openldap-"))
        self.port, self.plain_port = free_ports(2)
        self._company = Company(people=people, teams=teams, disabled={"pwdAccountLockedTime": PERMANENTLY})
        self._lasting_log = lasting_log
        self._denied: list[tuple[str, str]] = []
        self._process: subprocess.Popen[bytes] | None = None
        self.authority = Authority.create(self.folder / "tls")
        self.use_certificate(days=365)

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that signed the server's."""
        return self.authority.ca_file

    @property
    def url(self) -> str:
        """Where it is reached with TLS."""
        return f"ldaps://{self.host}:{self.port}"

    @property
    def plain_url(self) -> str:
        """Where it is reached without TLS, or with StartTLS; it takes no simple bind there before TLS."""
        return f"ldap://{self.host}:{self.plain_port}"

    @property
    def editor(self) -> OpenLdapEditor:
        """Whoever changes the directory: its administrator."""
        return OpenLdapEditor(host=self.host, port=self.port, user=ADMIN_DN, password=ADMIN_PASSWORD)

    def use_certificate(self, *, days: int) -> None:
        """Give the server a new certificate; it counts from the next start."""
        self.authority.issue("ldap1", ip=self.host, days=days)

    def deny(self, dn: str, *, user: str) -> None:
        """Hide everything from `dn` downward from a user; this restarts the server."""
        self._denied.append((dn, user))
        self.restart()

    def allow(self) -> None:
        """Undo every `deny`; this restarts the server."""
        self._denied.clear()
        self.restart()

    def start(self) -> None:
        """Start the server, filled if it is new, and wait until it answers."""
        self._write_conf()
        if not (self.folder / "data").exists():
            self._load()
        log = (self.folder / "slapd.log").open("ab")
        urls = f"{self.url} {self.plain_url}"
        self._process = subprocess.Popen(
            # With -d it stays in the foreground: its pid is the one that we know.
            [_slapd(), "-f", str(self.folder / "slapd.conf"), "-h", urls, "-d", "none"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            if accepts(self.host, self.port) and accepts(self.host, self.plain_port):
                return
            time.sleep(0.02)
        shown = (self.folder / "slapd.log").read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"slapd did not start: {shown}")

    def stop(self) -> None:
        """Stop the server; its data stay until `remove`."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server without giving it time to write anything down."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def restart(self) -> None:
        """Stop and start again: connections break, and what was in memory only is gone."""
        self.stop()
        self.start()

    def copy(self) -> Path:
        """Return a copy of the database as it stands, for `restore`. The server is stopped for it, and started again."""
        self.stop()
        goal = Path(tempfile.mkdtemp(prefix="copy-", dir=self.folder))
        for name in ("data", "log"):
            _copy(self.folder / name, goal / name)
        self.start()
        return goal

    def restore(self, copy: Path) -> None:
        """Go back to what the database was when it was copied, as after a disaster."""
        self.stop()
        for name in ("data", "log"):
            shutil.rmtree(self.folder / name)
            _copy(copy / name, self.folder / name)
        self.start()

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> OpenLdap:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _load(self) -> None:
        for name in ("data", "log"):
            (self.folder / name).mkdir()
        file = self.folder / "company.ldif"
        self._company.write(file)
        words = [
            _slapd(),
            "-T",
            "add",
            "-q",
            "-w",
            "-f",
            str(self.folder / "slapd.conf"),
            "-b",
            BASE_DN,
            "-l",
            str(file),
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"slapadd failed: {(done.stderr + done.stdout)[-2000:]}")
        file.unlink()

    def _write_conf(self) -> None:
        tls = self.folder / "tls"
        lines = [
            *(f"include /etc/ldap/schema/{name}.schema" for name in _SCHEMAS),
            "modulepath /usr/lib/ldap",
            *(f"moduleload {name}" for name in _MODULES),
            f"pidfile {self.folder / 'slapd.pid'}",
            f"argsfile {self.folder / 'slapd.args'}",
            f"TLSCACertificateFile {tls / 'ca.pem'}",
            f"TLSCertificateFile {tls / 'ldap1.pem'}",
            f"TLSCertificateKeyFile {tls / 'ldap1.key'}",
            "security simple_bind=128",
            "threads 4",
            "",
            *self._log_database(),
            "",
            *self._main_database(),
        ]
        (self.folder / "slapd.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _log_database(self) -> list[str]:
        if not self._lasting_log:
            return []
        return [
            *_database("cn=log", self.folder / "log"),
            "index entryCSN,objectClass,reqEnd,reqResult,reqStart,reqDN eq",
            "overlay syncprov",
            "syncprov-nopresent TRUE",
            "syncprov-reloadhint TRUE",
        ]

    def _main_database(self) -> list[str]:
        log = ["overlay accesslog", "logdb cn=log", "logops writes", "logsuccess TRUE", "logold (objectClass=*)"]
        return [
            *_database(BASE_DN, self.folder / "data"),
            f"rootpw {ADMIN_PASSWORD}",
            "index objectClass,entryUUID,entryCSN,modifyTimestamp,uid,member,memberOf,manager,ou,employeeNumber eq",
            *self._rules(),
            "overlay syncprov",
            "syncprov-checkpoint 100 10",
            # One or the other (slapo-syncprov(5)).
            "syncprov-sessionlog-source cn=log" if self._lasting_log else "syncprov-sessionlog 10000",
            *(log if self._lasting_log else []),
            "overlay memberof",
            "memberof-refint TRUE",
            "overlay refint",
            "refint_attributes member manager",
            "overlay ppolicy",
        ]

    def _rules(self) -> list[str]:
        return [
            "access to attrs=userPassword by anonymous auth by * none",
            *(
                f'access to dn.subtree="{_quoted(dn)}" by dn.exact="{user}" none by * break'
                for dn, user in self._denied
            ),
            "access to * by users read by * none",
            f"sizelimit size.soft={PLAIN_LIMIT} size.hard={PLAIN_LIMIT} size.prtotal=unlimited",
            f'limits dn.exact="{SERVICE_DN}" size=unlimited time=unlimited',
            f'limits dn.exact="{CAPPED_DN}" size.soft={CAPPED_LIMIT} size.hard={CAPPED_LIMIT} size.prtotal={CAPPED_LIMIT}',
        ]


def missing() -> str:
    """Return why OpenLDAP cannot be run here, empty if it can."""
    absent = [] if Path(_slapd()).exists() else ["slapd"]
    absent += [] if shutil.which("openssl") else ["openssl"]
    return f"not installed: {', '.join(absent)} (tests/servers/install.sh installs it)" if absent else ""


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 on which nobody listens now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def accepts(host: str, port: int) -> bool:
    """Tell whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def _slapd() -> str:
    # In /usr/sbin, which is not in everybody's PATH.
    return shutil.which("slapd") or "/usr/sbin/slapd"


def _database(suffix: str, folder: Path) -> list[str]:
    return [
        "database mdb",
        f'suffix "{suffix}"',
        f'rootdn "{ADMIN_DN}"',
        f"directory {folder}",
        "maxsize 4294967296",
        # Without flushing, LMDB still writes in order into the system's memory, which outlives a killed process.
        "envflags nosync nometasync",
    ]


def _quoted(dn: str) -> str:
    return dn.replace("\\", "\\\\").replace('"', '\\"')


def _copy(origin: Path, goal: Path) -> None:
    # The database file is as large as its map, and mostly holes.
    subprocess.run(["cp", "-a", "--sparse=always", str(origin), str(goal)], check=True)
