"""What DingTalk can hold of an external contact, with its limits. A table; it does nothing.

Limits are those of the pages on `extcontact/create` and `extcontact/update` where they print any; of the length of texts they say
nothing, so names are held to what accounts take.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from syncd.core.fields import FieldSpec, FieldType

MOST_LABELS: Final = 20
MOST_SHARED: Final = 20
"""Departments, and people, that a contact can be shared with; each list has the limit of its own."""


def _text(doc: str) -> FieldSpec:
    # That an empty text clears is recalled, as it is for accounts.
    return FieldSpec(type=FieldType.TEXT, clearable=True, doc=doc)


def _shared(doc: str) -> FieldSpec:
    # That an empty list empties is recalled, not documented; so is that an update which names no list leaves it.
    return FieldSpec(
        type=FieldType.REFERENCES, late=True, clearable=True, max_items=MOST_SHARED, only_present=True, doc=doc
    )


CONTACT: Final[Mapping[str, FieldSpec]] = MappingProxyType(
    {
        "name": FieldSpec(type=FieldType.TEXT, required=True, max_length=80, doc="The name that colleagues see."),
        "mobile": FieldSpec(
            type=FieldType.TEXT,
            required=True,
            immutable=True,  # `extcontact/update` has no such parameter
            unique=True,
            max_length=20,
            pattern=r"\+?[0-9][0-9 -]{4,18}",
            doc="The mobile number. DingTalk does not change it, and knows a contact by it: no two have the same.",
        ),
        "labels": FieldSpec(
            type=FieldType.TEXTS,
            required=True,
            doc=f"The names of the contact's labels, 1 to {MOST_LABELS}. They are made in DingTalk's console; of a name that "
            "several groups of labels have, `group/name`.",
        ),
        "follower": FieldSpec(
            type=FieldType.REFERENCE,
            required=True,
            doc="The colleague who is responsible for the contact; needs an account.",
        ),
        "company": _text("The firm that the contact works for."),
        "title": _text("The job title."),
        "address": _text("Where the contact or the firm is."),
        "remark": _text("A note for colleagues."),
        "share_depts": _shared(f"Departments that see the contact besides the follower, at most {MOST_SHARED}."),
        "share_users": _shared(f"Colleagues who see the contact besides the follower, at most {MOST_SHARED}."),
    }
)
