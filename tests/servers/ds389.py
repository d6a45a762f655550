"""A real 389 Directory Server for tests, with the example company, on free ports of loopback, in about a second.

Needs root and Debian's `389-ds-base`. The first start makes an instance (about 15 s) and keeps a copy of it in the cache
folder; later starts copy that. Nothing outside the cache and a temporary folder is touched, and no systemd is needed.

What this server (2.3.1) does, and what its manual does not say:
- What its plug-ins change by themselves (memberOf; member and manager after a deletion, a rename or a move) is in the
  changelog like any other change, and stands in lower case. OpenLDAP keeps silent about it.
- Of an OU's rename or move the changelog tells the OU, and those whose references follow it.
- When a unit is renamed or moved a second time, whoever was added below it since the server's start is lost: shown under the
  name from before, even after a restart, and not found below the unit. A restart in between, or a change of that
  person, prevents it. Tests that rename one unit twice do it on people who were there from the start, or restart.
- nsSizeLimit counts for each page of a paged search, nsLookThroughLimit for all together (adminLimitExceeded).
- Trimming begins with the next start, and leaves the newest change.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import ClassVar, Final

from servers import dse
from servers.company_ldif import BASE_DN, CAPPED_DN, SERVICE_DN, Company
from servers.ldap_editor import Ds389Editor
from servers.ldap_server import ADMIN_PASSWORD, CAPPED_LIMIT, PLAIN_LIMIT, LdapServer, copy_tree
from servers.ports import free_port

ADMIN_DN: Final = "cn=Directory Manager"
CHANGELOG_DN: Final = "cn=changelog"
_HERE: Final = Path(__file__).parent
_USER: Final = "dirsrv"
_PLACE: Final = "@FOLDER@"
"""Stands for the instance's folder in the settings of the cached copy."""
_PLUGINS: Final = "cn=plugins,cn=config"
_CHANGELOG: Final = f"cn=Retro Changelog Plugin,{_PLUGINS}"
_RIGHTS: Final = (
    # Said as an exception, it takes in what the server keeps by itself (nsUniqueId, memberOf…); “*” would not.
    '(targetattr != "userPassword")'
    '(version 3.0; acl "Accounts may read"; allow (read, search, compare) userdn = "ldap:///all";)'
)
_CHANGELOG_RIGHTS: Final = (
    '(targetattr = "*")(version 3.0; acl "The connector reads what changed";'
    f' allow (read, search, compare) userdn = "ldap:///{SERVICE_DN}";)'
)


class Ds389(LdapServer):
    """One ns-slapd.

    `changelog`: the retro changelog with targetUniqueId, which `bind_user` may read. `content_sync`: RFC 4533, which that
    server builds on the changelog, so that it needs it.
    """

    stored: ClassVar[tuple[str, ...]] = ("db",)

    def __init__(
        self, *, people: int = 1000, teams: int = 2, changelog: bool = True, content_sync: bool = True
    ) -> None:
        super().__init__("ds389")
        # The server changes its user, and nobody else's folders are open to it.
        self._give(self.folder)
        self._company = Company(
            people=people,
            teams=teams,
            person_classes=Ds389Editor.person_classes,
            group_classes=("groupOfNames", "nsMemberOf"),
            disabled={"nsAccountLock": "true"},
            rights=_RIGHTS,
        )
        self._changelog = changelog
        self._content_sync = content_sync and changelog
        self._denied: list[str] = []
        self._trimming = False

    @property
    def editor(self) -> Ds389Editor:
        """Whoever changes the directory: its manager."""
        return Ds389Editor(host=self.host, port=self.port, user=ADMIN_DN, password=ADMIN_PASSWORD)

    def deny(self, dn: str, *, user: str) -> None:
        """Hide everything from `dn` downward from a user, until `allow`."""
        rule = f'(targetattr = "*")(version 3.0; acl "Hidden"; deny (all) userdn = "ldap:///{user}";)'
        self.editor.modify_dn(dn, aci=rule)
        self._denied.append(dn)

    def allow(self) -> None:
        """Undo every `deny`."""
        for dn in self._denied:
            self.editor.modify_dn(dn, aci=None)
        self._denied.clear()

    def trim_changelog(self) -> None:
        """Forget all changes but the newest, as the server does with those that are too old; this restarts it twice."""
        self._trimming = True
        self.restart()
        until = time.monotonic() + 20
        while len(self.editor.guids(base=CHANGELOG_DN, filter_="(changeNumber>=1)")) > 1:
            if time.monotonic() > until:
                raise RuntimeError("the changelog was not trimmed")
            time.sleep(0.1)
        self._trimming = False
        self.restart()

    @property
    def _etc(self) -> Path:
        return self.folder / "etc"

    def _command(self) -> list[str]:
        return ["ns-slapd", "-D", str(self._etc), "-i", str(self.folder / "run" / "pid"), "-d", "0"]

    def _prepare(self) -> None:
        if not (self.folder / "db").exists():
            self._unpack(_cached(self._company))
        _take_certificate(self._etc, self.folder / "tls")
        dse.change(
            self._etc / "dse.ldif",
            {
                "cn=config": {"nsslapd-port": str(self.plain_port), "nsslapd-securePort": str(self.port)},
                _CHANGELOG: {
                    "nsslapd-pluginEnabled": _switch(self._changelog),
                    "nsslapd-changelogmaxage": "1s" if self._trimming else (),
                    "nsslapd-changelog-trim-interval": "1" if self._trimming else (),
                },
                f"cn=Content Synchronization,{_PLUGINS}": {"nsslapd-pluginEnabled": _switch(self._content_sync)},
            },
        )
        self._give(self._etc)

    def _unpack(self, origin: Path) -> None:
        for each in origin.iterdir():
            copy_tree(each, self.folder / each.name)
        settings = self._etc / "dse.ldif"
        settings.write_text(settings.read_text(encoding="utf-8").replace(_PLACE, str(self.folder)), encoding="utf-8")

    def _give(self, folder: Path) -> None:
        _run("chown", "-R", f"{_USER}:{_USER}", str(folder))


def missing() -> str:
    """Return why 389 Directory Server cannot be run here, empty if it can."""
    if os.geteuid() != 0:
        return "the test 389 Directory Server needs root"
    absent = [name for name in ("ns-slapd", "certutil", "pk12util", "openssl") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)} (tests/servers/install.sh installs it)" if absent else ""


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _cached(company: Company) -> Path:
    """Return an instance with the company in it, made now if there is none for this version, company and recipe."""
    version = subprocess.run(["ns-slapd", "-v"], capture_output=True, check=False).stdout  # and returns 1
    recipe = [_HERE / name for name in ("ds389.py", "ds389_create.py", "dse.py", "company_ldif.py", "company.py")]
    said = version + repr(company).encode() + b"".join(path.read_bytes() for path in recipe)
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "syncd-tests" / "ds389"
    done = root / hashlib.sha256(said).hexdigest()[:16]
    if not done.is_dir():
        root.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix="making-", dir=root))
        try:
            with _Maker(company) as maker:
                maker.pack(making)
            making.rename(done)
        except OSError:
            # Somebody else was faster, and theirs is as good.
            if not done.is_dir():
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return done


class _Maker(Ds389):
    """The first of its kind: made by the server's own tools, filled while it stands still, finished while it runs."""

    def __init__(self, company: Company) -> None:
        super().__init__()
        self._company = company

    def _prepare(self) -> None:
        if not self._etc.exists():
            self._create()
        super()._prepare()

    def _create(self) -> None:
        name = f"syncd-{secrets.token_hex(4)}"
        ports = [str(free_port()) for _ in range(2)]
        creating = ("/usr/bin/python3", "-I", str(_HERE / "ds389_create.py"))
        _run(*creating, name, str(self.folder), BASE_DN, ADMIN_PASSWORD, *ports)
        settings = self._etc / "dse.ldif"
        text = settings.read_text(encoding="utf-8").replace("\n ", "")
        text = text.replace(f"/etc/dirsrv/slapd-{name}", str(self._etc))
        text = text.replace(f"/run/slapd-{name}.socket", str(self.folder / "run" / "ldapi"))
        settings.write_text(text, encoding="utf-8")
        dse.change(settings, _settings())
        # The password of the key store: there is a new store without one.
        (self._etc / "pin.txt").unlink()
        self._load()

    def _load(self) -> None:
        file = self.folder / "ldif" / "company.ldif"
        self._company.write(file)
        self._give(self.folder)
        _run("ns-slapd", "ldif2db", "-D", str(self._etc), "-n", "userroot", "-i", str(file))
        file.unlink()

    def pack(self, goal: Path) -> None:
        """Say who may do what, where that takes a running server, and put everything worth keeping into `goal`."""
        editor = self.editor
        unlimited = dict.fromkeys(("nsSizeLimit", "nsPagedSizeLimit", "nsLookThroughLimit", "nsIDListScanLimit"), "-1")
        editor.modify_dn(SERVICE_DN, **unlimited)
        # What it may be given counts for each page; what it may look through, for all pages together.
        capped = dict.fromkeys(("nsSizeLimit", "nsLookThroughLimit", "nsPagedLookThroughLimit"), str(CAPPED_LIMIT))
        editor.modify_dn(CAPPED_DN, **capped)
        editor.modify_dn(CHANGELOG_DN, aci=_CHANGELOG_RIGHTS)
        self.stop()
        for name in ("db", "etc", "ldif", "bak", "lock", "run", "log"):
            copy_tree(self.folder / name, goal / name)
        for each in (*(goal / "log").iterdir(), *(goal / "run").iterdir()):
            each.unlink() if not each.is_dir() else shutil.rmtree(each)
        settings = goal / "etc" / "dse.ldif"
        settings.write_text(settings.read_text(encoding="utf-8").replace(str(self.folder), _PLACE), encoding="utf-8")


def _settings() -> dict[str, dict[str, str | tuple[str, ...]]]:
    return {
        "cn=config": {
            # Without these two it listens on every address.
            "nsslapd-listenhost": "127.0.0.1",
            "nsslapd-securelistenhost": "127.0.0.1",
            "nsslapd-security": "on",
            "nsslapd-require-secure-binds": "on",
            "nsslapd-sizelimit": str(PLAIN_LIMIT),
            "nsslapd-pagedsizelimit": "-1",
            "nsslapd-accesslog-logging-enabled": "off",
        },
        f"cn=MemberOf Plugin,{_PLUGINS}": {"nsslapd-pluginEnabled": "on"},
        f"cn=referential integrity postoperation,{_PLUGINS}": {
            "nsslapd-pluginEnabled": "on",
            "referint-membership-attr": ("member", "manager"),
        },
        _CHANGELOG: {"nsslapd-attribute": "nsuniqueid:targetUniqueId"},
    }


def _take_certificate(etc: Path, tls: Path) -> None:
    """Put the certificate and the authority's into a new key store."""
    for name in ("cert9.db", "key4.db", "pkcs11.txt"):
        (etc / name).unlink(missing_ok=True)
    store, bundle = ("-d", f"sql:{etc}"), str(tls / "ldap1.p12")
    _run("certutil", "-N", *store, "--empty-password")
    _run("certutil", "-A", *store, "-n", "Test CA", "-t", "CT,,", "-a", "-i", str(tls / "ca.pem"))
    key = ("-inkey", str(tls / "ldap1.key"), "-in", str(tls / "ldap1.pem"))
    _run("openssl", "pkcs12", "-export", *key, "-name", "Server-Cert", "-passout", "pass:", "-out", bundle)
    _run("pk12util", "-i", bundle, *store, "-W", "")


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[:3])} failed: {(done.stderr + done.stdout)[-3000:]}")
