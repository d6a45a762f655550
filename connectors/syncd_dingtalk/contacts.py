"""External contacts in our fields and on DingTalk's wire: read whole, and their labels by name. It changes nothing.

Labels have ids on the wire and names in our fields; they are made in the console, because there is no interface for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.core.model import Kind, Observed, TargetId
from syncd.core.values import Value, Values
from syncd_dingtalk import api as a
from syncd_dingtalk.api import Api
from syncd_dingtalk.fields_contact import MOST_LABELS
from syncd_dingtalk.mobiles import Region, mobile
from syncd_dingtalk.people import Unsayable, department_id
from syncd_dingtalk.shapes import Contact

PAGE: Final = 100
"""The largest page of `extcontact/list` and `extcontact/listlabelgroups`."""
_MAINLAND: Final = "86"
_WIRE: Final[Mapping[str, str]] = {
    "name": "name",
    "company": "company_name",
    "title": "title",
    "address": "address",
    "remark": "remark",
}
"""Our texts, and what the wire calls them."""
SHARES: Final[Mapping[str, str]] = {"share_depts": "share_dept_ids", "share_users": "share_user_ids"}
"""Our lists of who sees a contact, and what the wire calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The labels of the organization."""

    ids: Mapping[str, int]
    """By the one way in which each is written: its name, or `group/name` where several groups have it."""
    names: Mapping[int, str]

    def named(self, ids: Iterable[int]) -> tuple[str, ...]:
        """Return how labels are written; one that nobody lists any more is called by its id."""
        return tuple(sorted(self.names.get(one, f"id:{one}") for one in ids))

    def why_not(self, name: str) -> str:
        """Return why a name is none, in words."""
        several = sorted(one for one in self.ids if one.endswith(f"/{name}"))
        if several:
            return f"several groups have a label “{name}”; write " + " or ".join(several)
        plain = name.rpartition("/")[2]
        return f"the label is written “{plain}”" if plain in self.ids else f"DingTalk has no label “{name}”"


async def read_labels(api: Api) -> Labels:
    """Return all labels; raises as `Api.call` does."""
    found: dict[int, tuple[str, str]] = {}
    offset = 0
    while page := (await api.call(a.CONTACT_LABELS, offset=offset, size=PAGE)).results:
        found.update({one.id: (group.name.strip(), one.name.strip()) for group in page for one in group.labels})
        offset += PAGE
    count = Counter(name for _, name in found.values())
    names = {key: name if count[name] == 1 else f"{group}/{name}" for key, (group, name) in found.items()}
    return Labels(ids={name: key for key, name in names.items()}, names=names)


async def read(api: Api) -> AsyncIterator[Contact]:
    """Yield all contacts, each once. The answer says nothing of more, so it is asked until nothing comes."""
    seen: set[str] = set()
    offset = 0
    while page := (await api.call(a.CONTACT_LIST, offset=offset, size=PAGE)).results:
        for one in page:
            if one.key and one.key not in seen:
                seen.add(one.key)
                yield one
        offset += PAGE


def from_wire(contact: Contact, labels: Labels, *, region: Region) -> Observed:
    """Return a contact as observed."""
    texts = {ours: (getattr(contact, theirs) or "").strip() or None for ours, theirs in _WIRE.items()}
    fields: dict[str, Value] = {
        **texts,
        "mobile": mobile(f"+{contact.state_code or _MAINLAND}{contact.mobile}", region=region)
        if contact.mobile
        else None,
        "labels": labels.named(contact.label_ids or ()),
        "follower": contact.follower_user_id or None,
        **{ours: _ids(getattr(contact, theirs)) for ours, theirs in SHARES.items()},
    }
    return Observed(
        target_id=TargetId(contact.key),
        kind=Kind.CONTACT,
        label=str(fields["name"] or contact.key),
        fields=fields,
    )


def to_wire(fields: Values, label_ids: Sequence[int]) -> dict[str, object]:
    """Return the parameter `contact` that says `fields`, without the number. Raises `Unsayable`."""
    if not 1 <= len(label_ids) <= MOST_LABELS:
        raise Unsayable("labels", f"a contact has 1 to {MOST_LABELS} of them")
    body: dict[str, object] = {"label_ids": list(label_ids), "follower_user_id": str(fields["follower"])}
    # That an empty text clears is recalled, not documented.
    body |= {wire: str(fields[name] or "") for name, wire in _WIRE.items() if name in fields}
    body |= {wire: _listed(name, fields[name]) for name, wire in SHARES.items() if name in fields}
    return body


def _listed(name: str, value: Value) -> list[object]:
    """Return a list of those who see a contact; departments are numbers on the wire."""
    ids = [str(one) for one in value] if isinstance(value, tuple | list) else []
    return [department_id(one, name) for one in ids] if name == "share_depts" else [*ids]


def _ids(values: Sequence[object] | None) -> Value:
    return tuple(sorted({str(value) for value in values or ()})) or None


def number(text: str) -> dict[str, str]:
    """Return a number as the wire has it: the calling code apart."""
    code, dash, rest = text.removeprefix("+").partition("-")
    return {"state_code": code, "mobile": rest} if dash else {"state_code": _MAINLAND, "mobile": code}
