"""The part of `syncd.yaml` that describes an OpenLDAP, a 389 Directory Server or another LDAP server. It opens no connection.

The settings are those of an Active Directory, told in the words of these servers, and the attribute that identifies an object.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from syncd_active_directory.settings import AttributeType, Base, DirectorySettings, Texts, based


class LdapSettings(DirectorySettings):
    """LDAP servers, an account that may read, and what to read."""

    servers: Texts = Field(examples=[["ldaps://ldap1.example.com"]])
    """One or more addresses such as ldaps://ldap1.example.com, in order of preference; the first one that answers is read. All
    hold the same directory."""
    ca_file: Path | None = None
    """The certificate of the authority that signed the servers' certificates (PEM). Only this authority is then trusted; without
    it those of the operating system are."""
    user: Annotated[str, Field(examples=["uid=svc-syncd,ou=services,dc=example,dc=com"])] = ""
    """The account's distinguished name. It needs to read and nothing else. With `bind: gssapi` the ticket says who it is."""
    server: Literal["auto", "openldap", "389ds", "ldap"] = "auto"
    """What kind of server it is; `auto` asks the server, and `ldap` is any other one that speaks LDAP v3."""
    changes: Literal["auto", "syncrepl", "changelog", "timestamps", "none"] = "auto"
    """How to learn who changed since the last read; `auto` takes the best way that the server offers and the account may use,
    `none` reads everything each time. `syncd check --online` says which ways there are, and which one is taken."""
    base: Annotated[tuple[Base, ...], BeforeValidator(based), Field(min_length=1, examples=[["dc=example,dc=com"]])]
    """One or more distinguished names below which everything is read; each may have filters of its own:
    {dn: "ou=guests,dc=example,dc=com", people_filter: (employeeType=Guest)}."""
    people_filter: str | None = None
    """Which objects are people (LDAP filter); without it (|(objectClass=inetOrgPerson)(objectClass=organizationalPerson))."""
    groups_filter: str | None = None
    """Which objects are groups (LDAP filter); without it groupOfNames, groupOfUniqueNames and posixGroup."""
    attributes: dict[str, AttributeType] = Field(default_factory=dict)
    """More attributes of people, with their types: {eduPersonOrcid: text, mailAlternateAddress: texts}."""
    identity: str = ""
    """The attribute that never changes, whatever else does, and that no two objects share; it has to hold text. Without it
    entryUUID, and nsUniqueId on 389 Directory Server. Another one makes everybody a new record."""
    witnesses: tuple[str, ...] = ()
    """Login names (uid) of people who are always there, at best one in each branch. A read that does not see each of them is not
    complete, whatever the server says: somebody has trimmed the account's rights."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 500
    """Objects in one answer."""

    @property
    def known_by(self) -> str:
        """Return the attribute that identifies an object, empty for the usual one."""
        return self.identity
