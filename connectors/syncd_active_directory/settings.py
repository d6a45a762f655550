"""The part of `syncd.yaml` that describes an Active Directory. Nothing here opens a connection.

A server's certificate is always verified; there is deliberately no setting that turns that off.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from syncd.config.durations import Duration
from syncd.config.problems import refusal
from syncd.config.secrets import Secret
from syncd.core.model import Kind
from syncd_active_directory import messages

AttributeType = Literal["text", "texts", "number", "flag", "instant"]
ServerKind = Literal["auto", "active_directory", "openldap", "389ds", "ldap"]
Changes = Literal["auto", "dirsync", "usn", "syncrepl", "changelog", "timestamps", "none"]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]


def based(value: Any) -> Any:
    """Return bases as mappings, whether they were written as names or as mappings."""
    listed = value if isinstance(value, list | tuple) else [value]
    return [{"dn": each} if isinstance(each, str) else each for each in listed]


class Base(BaseModel):
    """A place in the directory below which everything is read, with filters of its own where it needs them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dn: str
    """The distinguished name."""
    people_filter: str | None = None
    """Which objects below this base are people, instead of what holds for all bases."""
    units_filter: str | None = None
    """Which objects below this base are units."""
    groups_filter: str | None = None
    """Which objects below this base are groups."""

    @field_validator("dn")
    @classmethod
    def _name(cls, value: str) -> str:
        from ldap3.core.exceptions import LDAPInvalidDnError
        from ldap3.utils.dn import parse_dn

        try:
            parse_dn(value)
        except LDAPInvalidDnError:
            raise refusal(messages.BAD_NAME, name=value) from None
        return value

    @field_validator("people_filter", "units_filter", "groups_filter")
    @classmethod
    def _filters(cls, value: str | None) -> str | None:
        return None if value is None else _filter(value)

    def filter(self, kind: Kind) -> str | None:
        """Return this base's own filter for a kind, None if it has none."""
        return {Kind.PERSON: self.people_filter, Kind.UNIT: self.units_filter, Kind.GROUP: self.groups_filter}[kind]


class WatchSettings(BaseModel):
    """How changes are noticed between the reads that the schedule asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    poll: Duration = timedelta(seconds=1)
    """How often a cheap look is made whether anything changed: in Active Directory always, elsewhere where the server does not
    tell at once. 0s makes none."""
    notification: Literal["auto", "on", "off"] = "auto"
    """Whether the server is asked to tell at once: `auto` where it offers that, `on` insists on it, `off` does without."""


class DirectorySettings(BaseModel):
    """Domain controllers, an account that may read, and what to read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    servers: Texts = Field(examples=[["ldaps://dc1.corp.example.com"]])
    """One or more addresses such as ldaps://dc1.corp.example.com, in order of preference; the first one that answers is read."""
    start_tls: bool = False
    """Encrypt connections to ldap:// addresses (port 389) with StartTLS."""
    ca_file: Path | None = None
    """The certificate of the authority that signed the controllers' certificates (PEM). Only this authority is then trusted;
    without it those of the operating system are."""
    user: Annotated[str, Field(examples=["svc-syncd@corp.example.com"])] = ""
    """The account: svc-syncd@corp.example.com, CORP\\svc-syncd, or a distinguished name. It needs to read and nothing else. With
    `bind: gssapi` the ticket says who it is."""
    password: Annotated[Secret | None, Field(examples=[{"env": "DIRECTORY_PASSWORD"}])] = None
    """The account's password, by reference: {env: NAME}, {file: PATH} or {credential: NAME}."""
    plain_text_password_allowed: bool = False
    """True allows ldap:// without StartTLS. Never outside a laboratory."""
    bind: Literal["simple", "gssapi"] = "simple"
    """How to log on: `simple` with user and password, `gssapi` with a Kerberos ticket or keytab (needs the extra `kerberos`)."""
    kerberos_name: str = ""
    """With `bind: gssapi`: the name under which Kerberos knows the server (ldap/NAME), if the address says another one."""
    server: ServerKind = "auto"
    """What kind of server it is; `auto` asks the server."""
    changes: Changes = "auto"
    """How to learn who changed since the last read; `auto` takes the best way that the server offers and the account may use,
    `none` reads everything each time. `syncd check --online` says which ways there are, and which one is taken."""
    watch: WatchSettings = Field(default_factory=WatchSettings)
    """How changes are noticed while `syncd run` runs."""
    base: Annotated[
        tuple[Base, ...], BeforeValidator(based), Field(min_length=1, examples=[["DC=corp,DC=example,DC=com"]])
    ]
    """One or more distinguished names below which everything is read; each may have filters of its own:
    {dn: "OU=Guests,DC=corp,DC=example,DC=com", people_filter: (employeeType=Guest)}."""
    people_filter: str | None = None
    """Which objects are people (LDAP filter); without it, what this kind of server calls people: in Active Directory
    (&(objectCategory=person)(objectClass=user))."""
    units: bool = True
    """Whether organizational units are read as units."""
    units_filter: str | None = None
    """Which objects are units (LDAP filter); without it (objectClass=organizationalUnit)."""
    groups: bool = True
    """Whether groups and their members are read."""
    groups_filter: str | None = None
    """Which objects are groups (LDAP filter); without it, what this kind of server calls groups: in Active Directory
    (objectClass=group)."""
    attributes: dict[str, AttributeType] = Field(default_factory=dict)
    """More attributes of people, with their types: {msDS-cloudExtensionAttribute1: text, otherMobile: texts}."""
    witnesses: tuple[str, ...] = ()
    """Login names (sAMAccountName) of people who are always there, at best one in each branch. A read that does not see each of
    them is not complete, whatever the server says: somebody has trimmed the account's rights."""
    other_domains: Literal["doubt", "ignore"] = "doubt"
    """What it means that the directory has another domain below `base`, which this source does not read: `doubt` keeps anybody
    from being treated as gone until somebody has decided; `ignore` is that decision."""
    unexplained: Literal["doubt", "believe"] = "doubt"
    """What it means that a unit which held people is empty, that more than half of the people are missing, or that fewer are
    there since the account lost a group, and the server tells of no change that explains it: `doubt` keeps anybody from being
    treated as gone; `believe` is the decision that it is so. Set it back after one good read."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 500
    """Objects in one answer. Active Directory gives at most 1,000 (MaxPageSize)."""
    decoding: Literal["fast", "ldap3"] = "fast"
    """Who takes entries apart: `fast` is this connector's own decoder, which skips those that did not change; `ldap3` is the
    LDAP library's, about ten times slower. Both give the same; the switch is there to find out, should it ever look otherwise."""
    connect_seconds: Annotated[int, Field(ge=1, le=120)] = 10
    """How long to wait for a connection."""
    receive_seconds: Annotated[int, Field(ge=1, le=900)] = 60
    """How long to wait for each answer; the first page of a large domain can take 15 seconds and more."""

    @field_validator("servers")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for server in value:
            if not _is_address(server):
                raise refusal(messages.BAD_SERVER, server=server)
        return value

    @field_validator("people_filter", "units_filter", "groups_filter")
    @classmethod
    def _filters(cls, value: str | None) -> str | None:
        return None if value is None else _filter(value)

    @property
    def known_by(self) -> str:
        """Return the attribute that identifies an object, empty for the one that this kind of server has."""
        return ""

    @property
    def bases(self) -> tuple[Base, ...]:
        """The bases as they are written."""
        return self.base

    @model_validator(mode="after")
    def _account(self) -> DirectorySettings:
        if self.bind == "simple" and (not self.user or self.password is None):
            raise refusal(messages.NO_ACCOUNT)
        return self

    @model_validator(mode="after")
    def _encrypted(self) -> DirectorySettings:
        if not self.start_tls and not self.plain_text_password_allowed:
            for server in self.servers:
                if not server.lower().startswith("ldaps://"):
                    raise refusal(messages.PLAIN_TEXT, server=server)
        return self


def _filter(value: str) -> str:
    from ldap3.core.exceptions import LDAPInvalidFilterError
    from ldap3.operation.search import parse_filter

    text = value if value.startswith("(") else f"({value})"
    try:
        parse_filter(text, None, auto_escape=True, auto_encode=False, validator=None, check_names=False)
    except LDAPInvalidFilterError as error:
        raise refusal(messages.BAD_FILTER, reason=str(error)) from None
    return text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("ldap", "ldaps") and bool(parts.hostname) and parts.port != 0 and parts.path in ("", "/")
        )
    except ValueError:
        return False
