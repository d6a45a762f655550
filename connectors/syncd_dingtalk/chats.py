"""The group chat of a department, as fields of the department: that there is one, who owns it, and who is in it.

DingTalk itself lets people in and out with their departments, so nobody's membership is a change of ours (docs/adr/0020).
Who sees only a part of the company never gets into a chat of those who see all of it, unless a rule says so. It asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from syncd.core.fields import FieldSpec, FieldType
from syncd.core.values import Values

CHAT: Final = "create_dept_group"
BELOW: Final = "group_contain_sub_dept"
OWNER: Final = "chat_owner"
APART: Final[Mapping[str, str]] = MappingProxyType(
    {"group_contain_outer_dept": "outer_dept", "group_contain_hidden_dept": "hide_dept"}
)
"""Whom a chat takes in from below only if it belongs to a department of that sort itself: the flag, and of which departments."""


def _flag(doc: str, *, needs: str = "") -> FieldSpec:
    return FieldSpec(type=FieldType.FLAG, needs=needs, doc=doc)


FIELDS: Final[Mapping[str, FieldSpec]] = MappingProxyType(
    {
        CHAT: _flag("Keep a group chat of the department."),
        "auto_add_user": _flag("Let new members join the group chat by themselves."),
        BELOW: _flag("Let the group chat take in the departments below, too.", needs=CHAT),
        # That the next two say nothing without the one above is inferred from their names.
        "group_contain_outer_dept": _flag(
            "Let it take in outer departments below. Without a rule: only if the department is outer itself.",
            needs=BELOW,
        ),
        "group_contain_hidden_dept": _flag(
            "Let it take in hidden departments below. Without a rule: only if the department is hidden itself.",
            needs=BELOW,
        ),
        # 40093, 60067 = the owner is not a member of the department (the page on department/update)
        OWNER: FieldSpec(
            type=FieldType.REFERENCES,
            late=True,
            of_members=True,
            one_of=True,
            needs=CHAT,
            doc="Who may own the group chat: whoever of them owns it stays, else it is the first who is a member. "
            "Where none of them is, it stays as it is.",
        ),
    }
)


def settled(fields: Values) -> Values:
    """Return what is wanted of a department with what its chat implies: no owner without a chat, and nobody from outer or hidden
    departments below unless it is one of those, or a rule says so. Idempotent."""
    if fields.keys().isdisjoint(FIELDS):
        return fields
    whole = dict(fields)
    if whole.get(CHAT) is not True:
        whole.pop(OWNER, None)
    elif whole.get(BELOW) is True:
        for name, side in APART.items():
            whole.setdefault(name, whole.get(side) is True)
    return whole
