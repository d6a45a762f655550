"""Logging on: with a password, or with a Kerberos ticket. It works on a connection that is open and encrypted, and keeps nothing.

ldap3's NTLM is not offered: it speaks a form of it that Samba refuses, so that it could not be tried.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from ldap3 import SASL
from ldap3.core.exceptions import LDAPPackageUnavailableError

from syncd.core.errors import NeedsHuman, SyncdError, TryAgain, foreign
from syncd_active_directory import messages
from syncd_active_directory.settings import DirectorySettings

_SOON: Final = timedelta(minutes=1)


def log_on(connection: Any, settings: DirectorySettings, *, server: str) -> bool:
    """Log on; return whether the server agrees, with its result in the connection. Raises what ldap3 raises, and `NeedsHuman`."""
    if settings.bind == "gssapi":
        return _with_ticket(connection, settings, server=server)
    assert settings.password is not None
    connection.password = settings.password.reveal()
    try:
        done: bool = connection.bind(read_server_info=False)
    finally:
        # ldap3 would keep the password for re-binding; we never do that.
        connection.password = None
    return done


def _with_ticket(connection: Any, settings: DirectorySettings, *, server: str) -> bool:
    connection.authentication = SASL
    connection.sasl_mechanism = "GSSAPI"
    connection.sasl_credentials = (settings.kerberos_name or connection.server.host,)
    # It is the ticket that says who we are: a name here would be one to act for.
    connection.user = None
    try:
        done: bool = connection.bind(read_server_info=False)
    except LDAPPackageUnavailableError:
        raise NeedsHuman(messages.NO_GSSAPI.at()) from None
    except Exception as error:
        # The package's own errors; it is optional, so that its classes cannot be named here.
        if type(error).__module__.partition(".")[0] == "gssapi":
            raise _no_ticket(error, server) from None
        raise
    return done


def _no_ticket(error: Exception, server: str) -> SyncdError:
    problem = messages.NO_TICKET.at(server=server, reason=foreign(str(error)))
    return TryAgain(problem, after=_SOON) if "contact any KDC" in str(error) else NeedsHuman(problem)
