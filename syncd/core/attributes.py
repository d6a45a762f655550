"""The canonical attributes of persons, units and groups: what inbound rules may set and outbound rules may read.

Names are SCIM's (RFC 7643 §4.1 core user, §4.3 enterprise user, §4.2 group), written flat with dots: `emails.work` is the
value of `emails[type eq "work"]`. Where SCIM has no word, the name is ours and says so. This module is a table; it does
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from syncd.core.model import Kind


class Type(StrEnum):
    """What an attribute holds, in the mapping language's own words."""

    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    FLAG = "flag"
    DATE = "date"
    INSTANT = "instant"
    PERSON = "person"
    """A reference to one person."""
    PERSONS = "persons"
    UNIT = "unit"
    UNITS = "units"
    GROUPS = "groups"
    MEMBERS = "members"
    """References to persons and groups."""


REFERENCES: Final = frozenset({Type.PERSON, Type.PERSONS, Type.UNIT, Type.UNITS, Type.GROUPS, Type.MEMBERS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One canonical attribute: its type, what it means, and where the name comes from."""

    type: Type
    doc: str
    origin: str = "RFC 7643 §4.1"


def _a(type_: Type, doc: str, origin: str = "RFC 7643 §4.1") -> Attribute:
    return Attribute(type=type_, doc=doc, origin=origin)


_ENTERPRISE: Final = "RFC 7643 §4.3"
_OWN: Final = "syncd"

PERSON: Final[Mapping[str, Attribute]] = {
    "externalId": _a(Type.TEXT, "The person's id in the system of record.", "RFC 7643 §3.1"),
    "userName": _a(Type.TEXT, "The login name, unique in the company."),
    "displayName": _a(Type.TEXT, "The name to show."),
    "nickName": _a(Type.TEXT, "The casual name."),
    "name.formatted": _a(Type.TEXT, "The full name as one text."),
    "name.familyName": _a(Type.TEXT, "The family name."),
    "name.givenName": _a(Type.TEXT, "The given name."),
    "name.middleName": _a(Type.TEXT, "The middle name."),
    "title": _a(Type.TEXT, "The job title."),
    "userType": _a(Type.TEXT, "Employee, contractor, intern, …"),
    "preferredLanguage": _a(Type.TEXT, "BCP 47, such as zh-CN."),
    "locale": _a(Type.TEXT, "BCP 47, for dates and numbers."),
    "timezone": _a(Type.TEXT, "IANA, such as Asia/Jakarta: where the person works."),
    "active": _a(Type.FLAG, "False for somebody who has left or is locked out."),
    "emails.work": _a(Type.TEXT, "The business address."),
    "emails.home": _a(Type.TEXT, "The private address."),
    "phoneNumbers.mobile": _a(Type.TEXT, "The mobile number, E.164."),
    "phoneNumbers.work": _a(Type.TEXT, "The desk number or extension."),
    "addresses.work.formatted": _a(Type.TEXT, "Where the person works, as one text."),
    "addresses.work.locality": _a(Type.TEXT, "The city where the person works."),
    "addresses.work.country": _a(Type.TEXT, "ISO 3166-1 alpha-2."),
    "roles": _a(Type.TEXTS, "What the person is allowed to be."),
    "groups": _a(Type.GROUPS, "The groups the person is a direct member of."),
    "employeeNumber": _a(Type.TEXT, "The number the company gave the person; leading zeros count.", _ENTERPRISE),
    "costCenter": _a(Type.TEXT, "The cost centre.", _ENTERPRISE),
    "organization": _a(Type.TEXT, "The company or subsidiary.", _ENTERPRISE),
    "division": _a(Type.TEXT, "The division.", _ENTERPRISE),
    "department": _a(Type.TEXT, "The department's name, as text; the membership itself is `units`.", _ENTERPRISE),
    "manager": _a(Type.PERSON, "The line manager.", _ENTERPRISE),
    "deputy": _a(Type.PERSON, "Who stands in for the person; takes over with `leavers.hand_over: deputy`.", _OWN),
    "units": _a(Type.UNITS, "The units the person belongs to, the main one first.", _OWN),
    "unitTitles": _a(Type.TEXTS, "The title in each of `units`, in the same order.", _OWN),
    "unitOrder": _a(Type.NUMBER, "The rank within the unit; smaller stands earlier.", _OWN),
    "hireDate": _a(Type.DATE, "The first working day.", _OWN),
    "endDate": _a(Type.DATE, "The last working day.", _OWN),
    "remark": _a(Type.TEXT, "A note shown on the profile.", _OWN),
    "hideMobile": _a(Type.FLAG, "True to hide the mobile number from colleagues.", _OWN),
    "senior": _a(Type.FLAG, "True for people whom not everybody may call.", _OWN),
    "outsider": _a(
        Type.FLAG, "True for partners and contractors, who stand in `outer` units only; nobody else stands there.", _OWN
    ),
    "visibleToUnits": _a(Type.UNITS, "Units whose members see an outsider who becomes an external contact.", _OWN),
    "visibleToPersons": _a(Type.PERSONS, "Colleagues who see an outsider who becomes an external contact.", _OWN),
    "extra": _a(Type.TEXT, "Reserved for `extra.<name>`: any text of your own.", _OWN),
}

UNIT: Final[Mapping[str, Attribute]] = {
    "externalId": _a(Type.TEXT, "The unit's stable id in the system of record.", "RFC 7643 §3.1"),
    "displayName": _a(Type.TEXT, "The unit's name.", "RFC 7643 §4.2"),
    "parent": _a(Type.UNIT, "The unit above; absent for a root.", _OWN),
    "managers": _a(Type.PERSONS, "Who leads the unit.", _OWN),
    "members": _a(
        Type.MEMBERS, "Who belongs to the unit, where the unit says so itself (units made from groups).", _OWN
    ),
    "order": _a(Type.NUMBER, "The place among its siblings; smaller stands earlier.", _OWN),
    "active": _a(Type.FLAG, "False for a unit that is closed.", _OWN),
    "hidden": _a(Type.FLAG, "True to hide the unit from others.", _OWN),
    "visibleToUnits": _a(Type.UNITS, "Units whose members see the unit though it is hidden.", _OWN),
    "visibleToPersons": _a(Type.PERSONS, "People who see the unit though it is hidden.", _OWN),
    "outer": _a(
        Type.FLAG,
        "True for a unit of outsiders, who see only what they are permitted to. Units below are outer, too.",
        _OWN,
    ),
    "seesOwnUnit": _a(
        Type.FLAG,
        "True if members of an outer unit see it and what is below; otherwise each sees only themselves.",
        _OWN,
    ),
    "seesUnits": _a(Type.UNITS, "Units that members of an outer unit see besides.", _OWN),
    "seesPersons": _a(Type.PERSONS, "People whom members of an outer unit see besides.", _OWN),
    "code": _a(Type.TEXT, "The unit's code, such as a cost centre.", _OWN),
    "organization": _a(Type.TEXT, "The company or subsidiary that owns the unit.", _ENTERPRISE),
    "remark": _a(Type.TEXT, "A note.", _OWN),
    "extra": _a(Type.TEXT, "Reserved for `extra.<name>`: any text of your own.", _OWN),
}

GROUP: Final[Mapping[str, Attribute]] = {
    "externalId": _a(Type.TEXT, "The group's stable id.", "RFC 7643 §3.1"),
    "displayName": _a(Type.TEXT, "The group's name.", "RFC 7643 §4.2"),
    "members": _a(Type.MEMBERS, "Who and which groups are in it, directly.", "RFC 7643 §4.2"),
    "remark": _a(Type.TEXT, "A note.", _OWN),
    "active": _a(Type.FLAG, "False for a group that is closed.", _OWN),
    "extra": _a(Type.TEXT, "Reserved for `extra.<name>`: any text of your own.", _OWN),
}

ATTRIBUTES: Final[Mapping[Kind, Mapping[str, Attribute]]] = {Kind.PERSON: PERSON, Kind.UNIT: UNIT, Kind.GROUP: GROUP}

REFERRING: Final[Mapping[Kind, tuple[str, ...]]] = {
    kind: tuple(name for name, known in names.items() if known.type in REFERENCES) for kind, names in ATTRIBUTES.items()
}
"""The attributes that name others, by kind."""


def attribute(kind: Kind, name: str) -> Attribute | None:
    """Return what is known of an attribute, None where there is no such attribute. `extra.<name>` is always text."""
    known = ATTRIBUTES[kind]
    return known.get(name) or (known["extra"] if name.startswith("extra.") and len(name) > len("extra.") else None)
