"""A real Active Directory for tests: Samba on an address of its own, with the example company in it, in about a second.

Needs root and the packages of `install.sh`. The first start provisions and fills a domain (about 20 s) and keeps a copy in the
cache folder; later starts copy that. Nothing outside the cache and a temporary folder is touched.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from servers import company
from servers.certificates import Authority
from servers.editor import Editor

REALM: Final = "CORP.EXAMPLE.COM"
BASE_DN: Final = "DC=corp,DC=example,DC=com"
COMPANY_DN: Final = f"OU=Company,{BASE_DN}"
ADMIN_PASSWORD: Final = "Example-Admin-1!"
SERVICE_PASSWORD: Final = "Example-Service-1!"
_HERE: Final = Path(__file__).parent
_FOLDERS: Final = (
    "private",
    "state",
    "cache",
    "lock",
    "pid",
    "ncalrpc",
    "winbindd",
    "ntp",
    "dns",
    "log",
    "sysvol",
    "etc",
    "tls",
)
_SETTINGS_DN: Final = (
    f"CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{BASE_DN}"
)
_STORED: Final = ("private", "state", "sysvol")
_START_SECONDS: Final = 60


class SambaDomain:
    """One domain controller, running between `start` and `stop`."""

    base_dn: Final = BASE_DN
    bind_user: Final = "svc-syncd@corp.example.com"
    """An account without rights of its own: DirSync tells it only with object security what changed."""
    dirsync_user: Final = "svc-dirsync@corp.example.com"
    """An account with Replicating Directory Changes, and the right to look into CN=Deleted Objects."""
    password: Final = SERVICE_PASSWORD
    """Of both."""

    def __init__(self, *, people: int = company.PEOPLE, authority: Authority | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="syncd-samba-"))
        self.host = _free_address()
        self._people = people
        self._process: subprocess.Popen[bytes] | None = None
        self.authority = authority.copy(self.folder / "tls") if authority else Authority.create(self.folder / "tls")
        self.use_certificate(days=365)

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that signed the server's."""
        return self.authority.ca_file

    @property
    def conf(self) -> Path:
        return self.folder / "etc" / "smb.conf"

    def use_certificate(self, *, days: int) -> None:
        """Give the server a new certificate; it counts from the next start."""
        self.authority.issue("dc1", ip=self.host, days=days)

    @property
    def editor(self) -> Editor:
        """Whoever changes the directory: the domain's administrator."""
        return Editor(host=self.host, password=ADMIN_PASSWORD)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        if not (self.folder / "private" / "sam.ldb").exists():
            _copy_domain(_cached_domain(self._people), self.folder)
        _write_conf(self.folder, self.host, self.conf)
        log = (self.folder / "log" / "samba.out").open("ab")
        self._process = subprocess.Popen(
            ["samba", "-F", "--no-process-group", "-s", str(self.conf)],
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
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            if _accepts(self.host, 389) and _accepts(self.host, 636):
                return
            time.sleep(0.05)
        shown = (self.folder / "log" / "samba.out").read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"samba did not start: {shown}")

    def deny(self, dn: str, *, user: str) -> None:
        """Take the right to see a unit and what stands directly in it away from a user."""
        # Deny “list contents”: whoever lacks it does not see what stands in the unit ([MS-ADTS] 5.1.3.2).
        ace = f"(D;;LCLORP;;;{_sid(self.conf, user)})"
        _run("samba-tool", "dsacl", "set", "--action=deny", f"--objectdn={dn}", f"--sddl={ace}", "-s", str(self.conf))

    def grant(self, dn: str, *attributes: str, user: str) -> None:
        """Delegate to a user to write these attributes of the users below a unit, and no others; they are called as the schema
        calls them: `Phone-Mobile-Primary`."""
        # A right to write a property, inherited by objects of one class ([MS-ADTS] 5.1.3.2, SDDL of [MS-DTYP] 2.5.1).
        person = self._schema_id("User")
        aces = "".join(f"(OA;CIIO;WP;{self._schema_id(each)};{person};{_sid(self.conf, user)})" for each in attributes)
        _run("samba-tool", "dsacl", "set", f"--objectdn={dn}", f"--sddl={aces}", "-s", str(self.conf))

    def _schema_id(self, name: str) -> str:
        (value,) = self.editor.raw_values(f"CN={name},CN=Schema,CN=Configuration,{BASE_DN}", "schemaIDGUID")
        return str(uuid.UUID(bytes_le=value))

    def copy(self) -> Path:
        """Return a copy of the database as it stands, for `restore` and `twin`. The server is stopped for it, and started."""
        self.stop()
        goal = Path(tempfile.mkdtemp(prefix="copy-", dir=self.folder))
        _copy_domain(self.folder, goal)
        self.start()
        return goal

    def restore(self, copy: Path) -> None:
        """Go back to what the database was when it was copied, as from a backup that knows nothing of invocation ids."""
        self.stop()
        self._take(copy)
        self.start()

    def twin(self, copy: Path, *, another: bool) -> SambaDomain:
        """Return a second server with a copy of the same domain and a certificate of the same authority, not yet started.

        The two do not replicate: what differs, tests make differ by changing both. With `another` the twin has an invocationId
        of its own, as every domain controller has; without, it is the same server, as from a snapshot.
        """
        twin = SambaDomain(people=self._people, authority=self.authority)
        try:
            twin._take(copy)
            if another:
                twin.become_another_controller()
        except BaseException:
            twin.remove()
            raise
        return twin

    def _take(self, copy: Path) -> None:
        for name in _STORED:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        _copy_domain(copy, self.folder)
        _write_conf(self.folder, self.host, self.conf)

    def invocation_id(self) -> str:
        """Return whose USNs the server counts in, as it says itself."""
        (value,) = self.editor.raw_values(_SETTINGS_DN, "invocationId")
        return str(uuid.UUID(bytes_le=value))

    def become_another_controller(self) -> None:
        """Give the server another invocationId; it must be stopped."""
        self._change("invocation-id")

    def switch_recycle_bin_on(self) -> None:
        """Let deleted objects keep their attributes, as most forests do; this restarts the server."""
        self.stop()
        self._change("recycle-bin")
        self.start()

    def _change(self, wish: str) -> None:
        assert self._process is None, "samba_change.py needs the database for itself"
        _run("/usr/bin/python3", "-I", str(_HERE / "samba_change.py"), str(self.conf), wish)

    def stop(self) -> None:
        """Stop the server; its data stay until `remove`."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        _wait_for_group(self._process.pid)
        self._process = None

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> SambaDomain:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _wait_for_group(leader: int) -> None:
    """Wait until the children are gone too: they write into the folder to the last, and it is about to be deleted."""
    until = time.monotonic() + 5
    while _lives(leader) and time.monotonic() < until + 10:
        if time.monotonic() > until:
            with suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGKILL)
        time.sleep(0.02)


def _lives(group: int) -> bool:
    """Tell whether a process of the group still runs: those that ended, and that nobody waited for, write no more."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name, in brackets, may hold anything; after it come the state, the parent and the group (proc(5)).
            state, _, its_group = status.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


def missing() -> str:
    """Return why Samba cannot be run here, empty if it can."""
    if os.geteuid() != 0:
        return "the test domain controller needs root"
    absent = [name for name in ("samba", "samba-tool", "openssl") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)} (tests/servers/install.sh installs it)" if absent else ""


def _free_address() -> str:
    """Return a loopback address nobody serves LDAP on: Samba's ports are fixed, so each instance has its own address."""
    for _ in range(50):
        address = f"127.{random.randint(10, 250)}.{random.randint(1, 250)}.{random.randint(2, 250)}"
        try:
            for port in (88, 389, 464, 636, 3268, 3269):
                with socket.socket() as probe:
                    probe.bind((address, port))
        except OSError:
            continue
        return address
    raise RuntimeError("no free loopback address")


def _accepts(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def _write_conf(folder: Path, address: str, conf: Path) -> None:
    for name in _FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    settings: dict[str, Any] = {
        "workgroup": "CORP",
        "realm": REALM,
        "netbios name": "DC1",
        "server role": "active directory domain controller",
        "private dir": folder / "private",
        "state directory": folder / "state",
        "cache directory": folder / "cache",
        "lock directory": folder / "lock",
        "pid directory": folder / "pid",
        "ncalrpc dir": folder / "ncalrpc",
        "winbindd socket directory": folder / "winbindd",
        "ntp signd socket directory": folder / "ntp",
        "binddns dir": folder / "dns",
        "log file": folder / "log" / "samba.log",
        # As Active Directory: GSSAPI need not sign what TLS protects.
        "ldap server require strong auth": "allow_sasl_over_tls",
        "tls enabled": "yes",
        "tls keyfile": folder / "tls" / "dc1.key",
        "tls certfile": folder / "tls" / "dc1.pem",
        "tls cafile": folder / "tls" / "ca.pem",
        "posix:eadb": folder / "private" / "eadb.tdb",
        "load printers": "no",
        "disable spoolss": "yes",
        "interfaces": f"{address}/8",
        "bind interfaces only": "yes",
        "server services": "ldap, cldap, kdc",
        "dcerpc endpoint servers": "",
        "prefork children": 1,
    }
    shares = "".join(f"[{name}]\n  path = {folder / 'sysvol'}\n  read only = no\n" for name in ("sysvol", "netlogon"))
    body = "".join(f"  {key} = {value}\n" for key, value in settings.items())
    conf.write_text(f"[global]\n{body}{shares}", encoding="utf-8")


def _cached_domain(people: int) -> Path:
    """Return a finished domain, made now if there is none for these versions of Samba, the company and the recipe."""
    version = subprocess.run(["samba", "--version"], capture_output=True, check=True).stdout
    recipe = [Path(__file__), _HERE / "samba_populate.py", _HERE / "company.py"]
    key = hashlib.sha256(version + b"%d" % people + b"".join(path.read_bytes() for path in recipe)).hexdigest()[:16]
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "syncd-tests" / "samba"
    done = root / key
    if not done.is_dir():
        root.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix="making-", dir=root))
        try:
            _provision(making, people)
            making.rename(done)
        except OSError:
            # Somebody else was faster, and theirs is as good.
            if not done.is_dir():
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return done


def _provision(folder: Path, people: int) -> None:
    conf = folder / "etc" / "smb.conf"
    _write_conf(folder, "127.0.0.1", conf)
    _run(
        *(
            "samba-tool",
            "domain",
            "provision",
            "-s",
            str(conf),
            f"--realm={REALM}",
            "--domain=CORP",
            "--server-role=dc",
        ),
        *("--dns-backend=NONE", f"--adminpass={ADMIN_PASSWORD}", "--host-name=dc1", "--host-ip=127.0.0.1"),
    )
    _run("samba-tool", "user", "setexpiry", "Administrator", "--noexpiry", "-s", str(conf))
    # The names under which Kerberos clients look for LDAP; a service that is off here would add them.
    for name in ("dc1.corp.example.com", "dc1.corp.example.com/corp.example.com", "DC1"):
        _run("samba-tool", "spn", "add", f"ldap/{name}", "DC1$", "-s", str(conf))
    # Only the interpreter of the system has the samba module; a virtual environment must not leak into it.
    _run("/usr/bin/python3", "-I", str(_HERE / "samba_populate.py"), str(conf), SERVICE_PASSWORD, str(people))
    # Replicating Directory Changes, a right to the whole naming context ([MS-ADTS] 5.1.3.2.1).
    ace = f"(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;{_sid(conf, 'svc-dirsync')})"
    _run("samba-tool", "dsacl", "set", f"--objectdn={BASE_DN}", f"--sddl={ace}", "-s", str(conf))


def _sid(conf: Path, user: str) -> str:
    shown = _run("samba-tool", "user", "show", user, "--attributes=objectSid", "-s", str(conf))
    return shown.split("objectSid:")[1].split()[0]


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[:3])} failed: {(done.stderr + done.stdout)[-3000:]}")
    return done.stdout


def _copy_domain(origin: Path, folder: Path) -> None:
    for name in _STORED:
        (folder / name).mkdir(exist_ok=True)
        _run("cp", "-a", "--sparse=always", f"{origin / name}/.", str(folder / name))
