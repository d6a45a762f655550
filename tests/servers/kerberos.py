"""Kerberos against the test domain: a client's settings, a keytab for the service account, and tickets in a cache of one's own.

Nothing of the machine's own Kerberos is read or changed. Needs Debian's `krb5-user`, and the Python package `gssapi` where a
test speaks it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from servers.samba import REALM, SambaDomain

SERVER_NAME: Final = f"dc1.{REALM.lower()}"
"""The name for which the domain controller has its key: a client asks for a ticket for `ldap/` and this."""
_CONF: Final = """[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  rdns = false
  dns_canonicalize_hostname = false
  # TCP at once: answers of Active Directory are often too large for a datagram.
  udp_preference_limit = 1
[realms]
  {realm} = {{
    kdc = {host}:88
    kpasswd_server = {host}:464
  }}
[domain_realm]
  .{domain} = {realm}
  {domain} = {realm}
"""


class Kerberos:
    """The settings and the tickets of one client, in a folder of their own."""

    def __init__(self, domain: SambaDomain) -> None:
        self._domain = domain
        self.folder = Path(tempfile.mkdtemp(prefix="syncd-kerberos-"))
        self.keytab = self.folder / "svc-syncd.keytab"
        conf = _CONF.format(realm=REALM, domain=REALM.lower(), host=domain.host)
        (self.folder / "krb5.conf").write_text(conf, encoding="ascii")

    @property
    def principal(self) -> str:
        """The service account."""
        return f"svc-syncd@{REALM}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a client's environment says, so that it uses these settings and tickets only."""
        return {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5CCNAME": f"FILE:{self.folder / 'tickets'}",
            # Where there is no ticket, GSSAPI takes one by this keytab; none is there before `export_keytab`.
            "KRB5_CLIENT_KTNAME": f"FILE:{self.keytab}",
        }

    def ask_for_ticket(self) -> None:
        """Get a ticket with the password, as `kinit` does for a person."""
        self._run("kinit", self.principal, said=f"{self._domain.password}\n")

    def export_keytab(self) -> Path:
        """Write the keytab by which a service gets its tickets without anybody typing a password."""
        self.keytab.unlink(missing_ok=True)
        words = ("samba-tool", "domain", "exportkeytab", str(self.keytab), f"--principal=svc-syncd@{REALM}")
        self._run(*words, "-s", str(self._domain.conf))
        return self.keytab

    def ask_for_ticket_by_keytab(self) -> None:
        """Get a ticket with the keytab."""
        self._run("kinit", "-k", "-t", str(self.keytab), self.principal)

    def forget_tickets(self) -> None:
        """Throw the tickets away, as time does."""
        (self.folder / "tickets").unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Kerberos:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _run(self, *words: str, said: str = "") -> None:
        known = {**os.environ, **self.environment}
        done = subprocess.run(words, input=said, capture_output=True, text=True, check=False, env=known)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words[:2])} failed: {(done.stderr + done.stdout)[-2000:]}")


def missing() -> str:
    """Return why Kerberos cannot be tried here, empty if it can."""
    if shutil.which("kinit") is None:
        return "not installed: krb5-user (tests/servers/install.sh installs it)"
    return "" if find_spec("gssapi") else "not installed: the Python package gssapi (make test builds it)"
