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
import subprocess
from pathlib import Path
from typing import ClassVar, Final

from servers.company_ldif import BASE_DN, CAPPED_DN, SERVICE_DN, Company
from servers.ldap_editor import PERMANENTLY, OpenLdapEditor
from servers.ldap_server import ADMIN_PASSWORD, CAPPED_LIMIT, PLAIN_LIMIT, LdapServer

ADMIN_DN: Final = f"cn=admin,{BASE_DN}"
_SCHEMAS: Final = ("core", "cosine", "inetorgperson", "nis", "dyngroup")
_MODULES: Final = ("back_mdb", "syncprov", "accesslog", "memberof", "refint", "ppolicy")


class OpenLdap(LdapServer):
    """One slapd.

    `people` and `teams` say how large the company is. With `lasting_log` the log of changes is part of the database, so that
    deletions are told by name after a restart; without, it is in memory: after a restart slapd names whoever is
    still there instead (RFC 4533 §3.3.1, the present phase).
    """

    stored: ClassVar[tuple[str, ...]] = ("data", "log")

    def __init__(self, *, people: int = 1000, teams: int = 2, lasting_log: bool = True) -> None:
        super().__init__("openldap")
        self._company = Company(people=people, teams=teams, disabled={"pwdAccountLockedTime": PERMANENTLY})
        self._lasting_log = lasting_log
        self._denied: list[tuple[str, str]] = []
        self._granted: tuple[str, ...] = ()

    @property
    def editor(self) -> OpenLdapEditor:
        """Whoever changes the directory: its administrator."""
        return OpenLdapEditor(host=self.host, port=self.port, user=ADMIN_DN, password=ADMIN_PASSWORD)

    def deny(self, dn: str, *, user: str) -> None:
        """Hide everything from `dn` downward from a user, until `allow`; this restarts the server."""
        self._denied.append((dn, user))
        self.restart()

    def grant(self, *attributes: str) -> None:
        """Let the connector's account write these attributes, and no others; this restarts the server."""
        self._granted = attributes
        self.restart()

    def allow(self) -> None:
        """Undo every `deny`; this restarts the server."""
        self._denied.clear()
        self.restart()

    def _command(self) -> list[str]:
        # With -d it stays in the foreground: its pid is the one that we know.
        return [_slapd(), "-f", str(self._conf), "-h", f"{self.url} {self.plain_url}", "-d", "none"]

    @property
    def _conf(self) -> Path:
        return self.folder / "slapd.conf"

    def _prepare(self) -> None:
        self._write_conf()
        if not (self.folder / "data").exists():
            self._load()

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
            str(self._conf),
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
        self._conf.write_text("\n".join(lines) + "\n", encoding="utf-8")

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
            "index objectClass,entryUUID,entryCSN,modifyTimestamp,uid,member,uniqueMember,memberOf,manager,ou,employeeNumber eq",
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
            *(
                f'access to attrs={attribute} by dn.exact="{SERVICE_DN}" write by users read by * none'
                for attribute in self._granted
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
