"""How OpenLDAP, 389 Directory Server and other LDAP v3 servers say things. Values; it asks nobody.

None of them sends ids along with names, so a reference is a name; and most let other objects' attributes follow a rename or a
deletion without saying that these changed (`syncd_active_directory.neighbours`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from syncd.core.model import Kind
from syncd.core.values import Value, instant, moment
from syncd_active_directory import schema_ldap
from syncd_active_directory.dialects import Dialect, DialectName, Identity, State
from syncd_active_directory.schema import Syntax
from syncd_active_directory.ways import Way

_FOR_GOOD: Final = "000001010000Z"
"""pwdAccountLockedTime of an account that only an administrator unlocks (draft-behera-ldap-password-policy-10 §5.3.3)."""
_ENDS: Final = ("pwdEndTime", "krbPrincipalExpiration", "loginExpirationTime")
"""The attributes that say as a time when an account ends."""
_TELLING: Final = frozenset({"pwdAccountLockedTime", "nsAccountLock", "loginDisabled", "shadowExpire", *_ENDS})
"""All that can say something of an account."""
_NOTHING_SAID: Final = State(enabled=True, locked=False)
_MOST_DAYS: Final = 60
_NO_DAYS: Final = (-1, 0, 99999)
"""What people write into shadowExpire who mean never."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPED: Final = {ord(sign): f"\\{ord(sign):02x}" for sign in "*()\\\0"}
"""RFC 4515 §3."""


def text_asserted(text: str) -> str:
    """Return a text as the value of an equality filter."""
    return text.translate(_ESCAPED)


def account_state(attributes: dict[str, Value], now: datetime) -> State:
    """Return the state of an account, and add `expires`. An account of which nothing is said is enabled.

    A lock that ends by itself cannot be told from one that has ended: only the next log-on clears it (slapo-ppolicy(5)).
    """
    if _TELLING.isdisjoint(attributes):
        return _NOTHING_SAID
    locked_at = attributes.pop("pwdAccountLockedTime", None)
    flags = [attributes.pop(name, None) for name in ("nsAccountLock", "loginDisabled")]
    end = _end(attributes)
    if end is not None:
        attributes["expires"] = instant(end)
    disabled = True in flags or locked_at == _FOR_GOOD
    return State(
        enabled=not disabled and not (end is not None and end <= now),
        locked=locked_at is not None,
        review_at=end if end is not None and end > now else None,
    )


def _end(attributes: dict[str, Value]) -> datetime | None:
    """Return the first instant at which the account may not be used any more."""
    found = [attributes.pop(name, None) for name in _ENDS]
    ends = [moment(each) for each in found if isinstance(each, str)]
    day = attributes.get("shadowExpire")
    # Days since 1970; -1 is never, and 0 is understood either way (shadow(5)), so nothing is concluded from it. pam_unix
    # refuses from the beginning of that day, UTC (recalled from its check_shadow_expiry).
    if isinstance(day, int) and day > 0:
        with suppress(OverflowError):  # beyond the year 9999 is never
            ends.append(_EPOCH + timedelta(days=day))
    return min(ends, default=None)


def due(since: datetime, until: datetime) -> str:
    """Return the filter for accounts that expire between two moments.

    Days are named one by one: shadowExpire has no ordering rule (RFC 2307 §2.2), so that servers find nobody by `>=`.
    """
    first, last = ((each - _EPOCH).days for each in (since, until))
    if last - first <= _MOST_DAYS:
        days = "".join(f"(shadowExpire={day})" for day in range(first, last + 1))
    else:
        days = f"(&(shadowExpire=*){''.join(f'(!(shadowExpire={day}))' for day in _NO_DAYS)})"
    times = [each.strftime("%Y%m%d%H%M%SZ") for each in (since, until)]
    ends = "".join(f"(&({name}>={times[0]})({name}<={times[1]}))" for name in _ENDS)
    return f"(|{days}{ends})"


LDAP: Final = Dialect(
    name=DialectName.LDAP,
    title="an LDAP server",
    identity=Identity(attribute="entryUUID", syntax=Syntax.TEXT, asserted=text_asserted),
    asked={kind: {"entryUUID": Syntax.TEXT, **asked} for kind, asked in schema_ldap.ASKED.items()},
    filters={
        Kind.PERSON: "(|(objectClass=inetOrgPerson)(objectClass=organizationalPerson))",
        Kind.UNIT: "(objectClass=organizationalUnit)",
        Kind.GROUP: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))",
    },
    state=account_state,
    due=due,
    ways=(Way.SYNCREPL, Way.STAMPS, Way.NONE),
    login="uid",
    computed=schema_ldap.COMPUTED,
    bookkeeping=frozenset({schema_ldap.STAMP}),
    changed_at=schema_ldap.STAMP,
    references=schema_ldap.REFERENCES,
    filetimes=frozenset(),
    leaves=frozenset(
        {
            *("person", "organizationalperson", "inetorgperson", "account", "posixaccount", "device"),
            *("groupofnames", "groupofuniquenames", "posixgroup"),
        }
    ),
)

OPENLDAP: Final = replace(LDAP, name=DialectName.OPENLDAP, title="OpenLDAP")

DS389: Final = replace(
    LDAP,
    name=DialectName.DS389,
    title="389 Directory Server",
    # Every object has it, from the first version on; entryUUID came later, and objects from before may lack it.
    identity=Identity(attribute="nsUniqueId", syntax=Syntax.TEXT, asserted=text_asserted),
    asked={kind: {"nsUniqueId": Syntax.TEXT, **asked} for kind, asked in schema_ldap.ASKED.items()},
    ways=(Way.CHANGELOG, Way.SYNCREPL, Way.STAMPS, Way.NONE),
)

DIALECTS: Final[Mapping[DialectName, Dialect]] = {each.name: each for each in (OPENLDAP, DS389, LDAP)}


def known_by(dialect: Dialect, attribute: str) -> Dialect:
    """Return the dialect with objects known by another attribute, which has to hold text; unchanged if `attribute` is empty."""
    if not attribute:
        return dialect
    identity = Identity(attribute=attribute, syntax=Syntax.TEXT, asserted=text_asserted)
    asked = {kind: {attribute: Syntax.TEXT, **each} for kind, each in dialect.asked.items()}
    return replace(dialect, identity=identity, asked=asked)
