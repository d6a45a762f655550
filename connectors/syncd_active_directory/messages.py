"""What the Active Directory source can tell people. It names servers, bases and attributes; never a password or a value."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from syncd.core.errors import Message, message

_SOURCE: Final = "sources:\n  ad:\n    type: active_directory\n"

# --- settings -------------------------------------------------------------------------------------------------------

PLAIN_TEXT: Final = message(
    "ADS-001",
    what="The password would be sent in plain text to {server}.",
    do="Write ldaps://, or add `start_tls: true`. (`plain_text_password_allowed: true` is for a laboratory only.)",
    example=_SOURCE + "    servers: [ldap://dc1.corp.example.com]",
)
BAD_SERVER: Final = message(
    "ADS-002",
    what="“{server}” is not the address of a directory server.",
    do="Write ldaps://NAME or ldaps://NAME:PORT; ldap:// only together with `start_tls: true`.",
    example=_SOURCE + "    servers: [dc1.corp.example.com]",
)
BAD_NAME: Final = message(
    "ADS-004",
    what="“{name}” is not a distinguished name.",
    do="Write it as the directory does, such as OU=Company,DC=corp,DC=example,DC=com.",
    example=_SOURCE + "    base: corp.example.com/Company",
)
BAD_FILTER: Final = message(
    "ADS-005",
    what="The filter is not valid: {reason}.",
    do="Write an LDAP filter (RFC 4515), such as (&(objectCategory=person)(objectClass=user)).",
    example=_SOURCE + "    people_filter: (objectClass=user",
)
BAD_CA: Final = message(
    "ADS-006",
    what="`ca_file` cannot be used: {reason}.",
    do="Name a PEM file with the certificate of the authority that signed the domain controllers' certificates.",
    example=_SOURCE + "    ca_file: no-such-file.pem",
)

# --- reaching a server ----------------------------------------------------------------------------------------------

UNREACHABLE: Final = message(
    "ADS-010",
    what="{server} cannot be reached: {reason}.",
    do="Check the name, the port (636 for LDAPS) and the firewall; syncd tries again at the next run.",
    example=_SOURCE + "    servers: [ldaps://no-such-host.corp.example.com]",
)
UNTRUSTED: Final = message(
    "ADS-011",
    what="The certificate of {server} is not trusted: {reason}.",
    do="Export the certificate of your domain's authority as PEM and name it with `ca_file`.",
    example=_SOURCE + "    ca_file: another-authority.pem",
)
EXPIRED: Final = message(
    "ADS-012",
    what="The certificate of {server} has expired.",
    do="Renew the domain controller's certificate; until then nothing is read.",
    example="a domain controller whose certificate was not renewed",
)
OTHER_NAME: Final = message(
    "ADS-013",
    what="The certificate of {server} was issued for another name: {reason}.",
    do="Use the name that stands in the certificate (subject alternative name), or issue a certificate for this one.",
    example=_SOURCE + "    servers: [ldaps://10.0.0.5]",
)
TLS_FAILED: Final = message(
    "ADS-014",
    what="No encrypted connection to {server} can be made: {reason}.",
    do="See whether the port speaks TLS 1.2 or later (LDAPS is 636), and whether the controller has a certificate at all.",
    example=_SOURCE + "    servers: [ldaps://dc1.corp.example.com:389]",
)
EXPIRES_SOON: Final = message(
    "ADS-015",
    what="The certificate of {server} expires in {days} days.",
    do="Renew it before; afterwards nothing will be read.",
    example="a domain controller whose certificate has less than 30 days to go",
)

NO_ROOT: Final = message(
    "ADS-016",
    what="{server} does not say what it is: its own entry (rootDSE) is empty or hidden.",
    do="Let the account read the server's own entry; it is public in every usual directory.",
    example="an LDAP proxy that hides the rootDSE",
)

# --- binding --------------------------------------------------------------------------------------------------------

_BIND_EXAMPLE: Final = _SOURCE + "    user: svc-syncd@corp.example.com\n    password: {env: AD_PASSWORD}"
WRONG_PASSWORD: Final = message(
    "ADS-020",
    what="{server} refuses the user or the password.",
    do="Check both; repeated attempts can lock the account.",
    example=_BIND_EXAMPLE,
)
DISABLED: Final = message(
    "ADS-021",
    what="{server} says that the service account is disabled.",
    do="Enable the account in Active Directory.",
    example=_BIND_EXAMPLE,
)
ACCOUNT_EXPIRED: Final = message(
    "ADS-022",
    what="{server} says that the service account has expired.",
    do="Set its expiry to “never” in Active Directory.",
    example=_BIND_EXAMPLE,
)
PASSWORD_EXPIRED: Final = message(
    "ADS-023",
    what="{server} says that the service account must change its password.",
    do="Set a new password without “must change at next logon”, and give it to syncd.",
    example=_BIND_EXAMPLE,
)
LOCKED: Final = message(
    "ADS-024",
    what="{server} says that the service account is locked.",
    do="Find out who uses a wrong password, then unlock the account.",
    example=_BIND_EXAMPLE,
)
NOT_NOW: Final = message(
    "ADS-025",
    what="{server} does not let the service account log on at this time or from this machine.",
    do="Remove the logon hours and workstations from the account.",
    example=_BIND_EXAMPLE,
)
BIND_REFUSED: Final = message(
    "ADS-026",
    what="{server} refuses the bind: {reason}.",
    do="Look into the controller's security log at the time of the attempt.",
    example=_BIND_EXAMPLE,
)
NO_ACCOUNT: Final = message(
    "ADS-007",
    what="Nothing says with which account to log on.",
    do="Write `user` and `password`, or `bind: gssapi` to log on with a Kerberos ticket.",
    example=_SOURCE + "    servers: [ldaps://dc1.corp.example.com]\n    base: DC=corp,DC=example,DC=com",
)
NO_GSSAPI: Final = message(
    "ADS-107",
    what="To log on with Kerberos the Python package gssapi is needed, and it is not installed.",
    do="Install syncd with its extra `kerberos` (pip install 'syncd[kerberos]'), or write `bind: simple`.",
    example=_SOURCE + "    bind: gssapi",
)
NO_TICKET: Final = message(
    "ADS-108",
    what="Kerberos gives no ticket for {server}: {reason}.",
    do="See whether there is a valid ticket or keytab (klist, KRB5_CLIENT_KTNAME), whether the clock is right, and whether the "
    "address names the server as Kerberos does; otherwise write `kerberos_name`.",
    example=_SOURCE + "    bind: gssapi   # and no keytab",
)
NEEDS_TLS: Final = message(
    "ADS-027",
    what="{server} accepts a password over an encrypted connection only.",
    do="Write ldaps://, or add `start_tls: true`.",
    example=_SOURCE + "    servers: [ldap://dc1.corp.example.com]\n    plain_text_password_allowed: true",
)

BIND_CODES: Final[Mapping[str, Message]] = MappingProxyType(
    {  # the `data` word of AcceptSecurityContext errors is a Win32 error in hexadecimal ([MS-ERREF] 2.2: 1326, 1330, …)
        "525": WRONG_PASSWORD,
        "52e": WRONG_PASSWORD,
        "530": NOT_NOW,
        "531": NOT_NOW,
        "532": PASSWORD_EXPIRED,
        "533": DISABLED,
        "701": ACCOUNT_EXPIRED,
        "773": PASSWORD_EXPIRED,
        "775": LOCKED,
    }
)

# --- reading --------------------------------------------------------------------------------------------------------

CUT: Final = message(
    "ADS-030",
    what="The connection to {server} broke while {doing}: {reason}.",
    do="Nothing, if it passes: what was read is discarded, and nobody is treated as gone. Otherwise see the network.",
    example="a firewall that drops long connections",
)
LIMIT: Final = message(
    "ADS-031",
    what="{server} stopped while {doing}, because a limit of the server was reached ({reason}).",
    do="Lower `page_size`, narrow `base`, or raise the limit (MaxQueryDuration) in the query policy.",
    example=_SOURCE + "    people_filter: (description=*a*)",
)
NO_BASE: Final = message(
    "ADS-032",
    what="{server} has no object “{base}”, or the service account may not see it.",
    do="Correct `base`, or give the account the right to read it.",
    example=_SOURCE + "    base: OU=Compnay,DC=corp,DC=example,DC=com",
)
FORBIDDEN: Final = message(
    "ADS-033",
    what="{server} does not allow the service account to go on while {doing}.",
    do="Give the account the right to list and read the objects below `base`.",
    example="an account without “Read all properties”",
)
SERVER_ERROR: Final = message(
    "ADS-034",
    what="{server} answered with an error while {doing}: {reason}.",
    do="See the controller's event log if it stays; syncd tries again at the next run.",
    example="a domain controller that is starting up",
)
NO_PAGES: Final = message(
    "ADS-035",
    what="{server} cannot deliver results in pages.",
    do="Name a domain controller; this source does not read from servers without paged results (RFC 2696).",
    example="an LDAP proxy that drops controls",
)

# --- learning who changed -------------------------------------------------------------------------------------------

_GRANT: Final = (
    "Give the account “Replicating Directory Changes” on the domain (docs/how-to/active-directory.md); it allows no "
    "passwords to be read."
)
NO_DIRSYNC: Final = message(
    "ADS-101",
    what="{server} does not offer DirSync.",
    do="Write `changes: auto`; the next best way is then taken.",
    example=_SOURCE + "    changes: dirsync   # with a server that is no domain controller",
)
DIRSYNC_REFUSED: Final = message(
    "ADS-102",
    what="{server} does not let the account use DirSync: {reason}.",
    do=_GRANT,
    example=_SOURCE + "    changes: dirsync   # with an account without rights",
)
NO_TOMBSTONES: Final = message(
    "ADS-109",
    what="The account may not look into CN=Deleted Objects,{context}: deletions show only when everything is read.",
    do="Let it list and read that container (docs/how-to/active-directory.md, “Rights”), or leave it so and read everything "
    "often enough.",
    example="an account without any right of its own",
)
NO_SUCH_WAY: Final = message(
    "ADS-106",
    what="{server} is {title}, which cannot tell who changed by {way}.",
    do="Write `changes: auto`, or one of those that `syncd check --online` names under *other ways*.",
    example=_SOURCE + "    changes: syncrepl   # with a domain controller",
)
NO_USN: Final = message(
    "ADS-103",
    what="{server} does not say how far its changes are counted (highestCommittedUSN), or who it is (invocationId).",
    do="Let the account read the controller's NTDS Settings object; every account may, unless somebody has forbidden it.",
    example=_SOURCE + "    changes: usn   # with a server that is no domain controller",
)

# --- what was read --------------------------------------------------------------------------------------------------

UNREADABLE_VALUE: Final = message(
    "ADS-040",
    what="The {kind} “{label}” has a value in “{attribute}” that is not valid {expected}; the attribute is left as it is.",
    do="Enter the value again in Active Directory.",
    example="an attribute that an old program filled with Windows-1252 text",
)
NO_GUID: Final = message(
    "ADS-041",
    what="{count} objects came without objectGUID and are left out: the service account may not read it.",
    do="Give the account the right to read all properties. Until then this source proves nobody gone.",
    example="an object whose permissions deny “Read all properties”",
)
NO_WITNESS: Final = message(
    "ADS-042",
    what="The witness “{name}” was not seen.",
    do="See whether the account lost the right to read that part of the directory; otherwise remove it from `witnesses`.",
    example=_SOURCE + "    witnesses: [reception.jakarta]",
)
ELSEWHERE: Final = message(
    "ADS-043",
    what="Below `base` there is another domain, {name}, which was not read.",
    do="Read it with a source of its own and narrow `base`, or write `other_domains: ignore` if its people do not belong here.",
    example=_SOURCE + "    base: DC=corp,DC=example,DC=com   # and there is DC=asia,DC=corp,DC=example,DC=com",
)

# --- decoding -------------------------------------------------------------------------------------------------------

MALFORMED: Final = message(
    "ADS-301",
    what="The server sent an entry that is not well-formed: {reason}.",
    do="Nothing, if it passes. If it stays, read with `decoding: ldap3`, and see what stands between syncd and the server.",
    example="a proxy that cuts long answers",
)


# --- what a read proves -----------------------------------------------------------------------------------------------

EMPTIED: Final = message(
    "ADS-104",
    what="{count} units that held {people} people are empty or cannot be seen any more, and no change that was told explains it.",
    do="See whether the service account lost the right to read them. If they really are empty, write `unexplained: believe` "
    "for one read.",
    example=_SOURCE + "    unexplained: believe   # after a reorganisation that the server did not tell of",
)
STARTED_OVER: Final = message(
    "ADS-105",
    what="Everything was read again: {reason}.",
    do="Nothing, if it is seldom; otherwise see docs/how-to/active-directory.md, “Everything is read each time”.",
    example="a domain controller that was restored from a backup",
)
