"""One request and its answer: what is asked of a shelf, and what is said. It speaks neither HTTP nor SQL.

A request that is refused has changed nothing: everything is worked out before the first thing is kept, so that many requests can
share one transaction. Texts of answers never repeat values of other resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from syncd.core.pushed import Kept, Shelf, Sort
from syncd.scim import bulk
from syncd.scim.errors import ScimError, bad_syntax, not_found
from syncd.scim.listing import listed
from syncd.scim.names import NAME, child
from syncd.scim.patching import Step, patched, required
from syncd.scim.rendering import View, tag
from syncd.scim.resources import cleaned, entry, member_ids

MOST_SHOWN: Final = 100
"""A PATCH of a group with more members than this is answered 204: providers do not want ten thousand of them back."""
DEEPEST: Final = 24
_PLACES: Final = {"users": Sort.USER, "groups": Sort.GROUP}
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request."""

    method: str
    path: tuple[str, ...]
    """What follows `/scim/v2/{source}`."""
    base: str
    """What locations begin with."""
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    if_match: str = ""
    if_none_match: str = ""
    new_id: str = ""
    """Which id a new resource is to have; empty: one that the shelf gives."""

    @property
    def writes(self) -> bool:
        """Tell whether it may change anything."""
        return self.method in _WRITES and self.path[-1:] != (".search",)

    @property
    def many(self) -> bool:
        """Tell whether it asks for many things at once."""
        return len(self.path) == 1 and self.path[0].lower() == "bulk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered. `changed`: something is kept that was not there before."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False


def answered(asked: Asked, shelf: Shelf) -> Answer:
    """Answer a request. Only what the shelf raises is raised."""
    try:
        return _answered(asked, shelf)
    except ScimError as error:
        return refusal(error)


def refusal(error: ScimError) -> Answer:
    """Return the answer to a request that is refused."""
    return Answer(status=error.status, body=msgspec.json.encode(error.body()))


def _answered(asked: Asked, shelf: Shelf) -> Answer:
    match (asked.method, *(part.lower() if at == 0 else part for at, part in enumerate(asked.path))):
        case ("GET", "serviceproviderconfig" | "schemas" | "resourcetypes", *_):
            return _discovered(asked)
        case ("POST", "bulk"):
            document, changed = bulk.performed(_object(asked.body), asked, lambda one: _answered(one, shelf))
            return replace(_json(200, document), changed=changed)
        case (_, "me" | ".search", *_):
            raise ScimError(501, "This is not offered; the ServiceProviderConfig says what is.")
        case ("GET", "users" | "groups" as place):
            return _json(200, listed(asked.query, asked.base, shelf, _PLACES[place]))
        case ("POST", "users" | "groups" as place, ".search"):
            return _json(200, listed(_searched(asked.body), asked.base, shelf, _PLACES[place]))
        case ("POST", "users" | "groups" as place):
            return _created(asked, shelf, _PLACES[place])
        case (_, "users" | "groups" as place, id_) if id_ != ".search":
            return _one(asked, shelf, _PLACES[place], id_)
        case (_, "users" | "groups" | "bulk" | "serviceproviderconfig" | "schemas" | "resourcetypes", *_):
            raise ScimError(405, "This cannot be done here.")
        case _:
            raise not_found()


def _one(asked: Asked, shelf: Shelf, sort: Sort, id_: str) -> Answer:
    kept = shelf.get(sort, id_) if "\x00" not in id_ else None
    if kept is None:
        raise not_found()
    if asked.if_match and asked.if_match != "*" and tag(kept) not in _tags(asked.if_match):
        raise ScimError(412, "The resource has changed since.")
    match asked.method:
        case "GET":
            if asked.if_none_match and (asked.if_none_match == "*" or tag(kept) in _tags(asked.if_none_match)):
                return Answer(status=304, headers={"etag": tag(kept)})
            return _shown(asked, shelf, kept)
        case "PUT":
            return _replaced(asked, shelf, kept)
        case "PATCH":
            return _patched(asked, shelf, kept)
        case "DELETE":
            shelf.remove(kept)
            return Answer(status=204, changed=True)
    raise ScimError(405, "This cannot be done here.")


def _created(asked: Asked, shelf: Shelf, sort: Sort) -> Answer:
    given = _object(asked.body)
    resource = cleaned(sort, given)
    if sort is Sort.USER:
        resource.setdefault("active", True)
    view = View.asked(asked.query, asked.base)
    made, ids = entry(sort, resource), member_ids(child(given, "members")) if sort is Sort.GROUP else []
    _unique(shelf, sort, made.name, besides="")
    kept = shelf.add(sort, made, id=asked.new_id)
    shelf.join(kept.id, ids)
    headers = {"location": view.location(kept), "etag": tag(kept)}
    return Answer(status=201, body=view.one(shelf, kept), headers=headers, changed=True)


def _replaced(asked: Asked, shelf: Shelf, kept: Kept) -> Answer:
    """PUT replaces the core attributes. What a provider does not know it does not mean to take away: extensions, members and
    `active` that are left out stay as they are."""
    given, before = _object(asked.body), msgspec.json.decode(kept.body)
    # A null under a name takes that away; only a name that does not occur at all leaves it.
    low = {key.lower() for key in given}
    stays = {name: value for name, value in before.items() if name.lower() not in low and _stays(name, low)}
    view = View.asked(asked.query, asked.base)
    resource = _lasting(before, cleaned(kept.sort, {**stays, **given}))
    made = entry(kept.sort, resource)
    steps: list[Step] = []
    if kept.sort is Sort.GROUP and "members" in low:
        ids = tuple(member_ids(child(given, "members")))
        steps = [Step(leave=True, ids=None), Step(leave=False, ids=ids)]
    _unique(shelf, kept.sort, made.name, besides=kept.id)
    now = shelf.put(kept, made)
    _stepped(shelf, kept.id, steps)
    return Answer(status=200, body=view.one(shelf, now), headers={"etag": tag(now)}, changed=True)


def _stays(name: str, given: set[str]) -> bool:
    urn = name.lower()
    return name == "active" or (urn.startswith("urn:") and not any(key.startswith(f"{urn}:") for key in given))


def _patched(asked: Asked, shelf: Shelf, kept: Kept) -> Answer:
    before = msgspec.json.decode(kept.body)
    made = patched(kept.sort, before, _object(asked.body))
    view = View.asked(asked.query, asked.base)
    required(kept.sort, made.resource)
    resource = _lasting(before, cleaned(kept.sort, made.resource))
    now = kept
    if resource != before or made.steps:
        new = entry(kept.sort, resource)
        _unique(shelf, kept.sort, new.name, besides=kept.id)
        now = shelf.put(kept, new)
        _stepped(shelf, kept.id, made.steps)
    changed, headers = now is not kept, {"etag": tag(now)}
    if kept.sort is Sort.GROUP and not view.narrowed and shelf.size(kept.id) > MOST_SHOWN:
        return Answer(status=204, headers=headers, changed=changed)
    return Answer(status=200, body=view.one(shelf, now), headers=headers, changed=changed)


def _lasting(before: Mapping[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    """Whoever takes `active` away says nothing of it: as its absence means true, somebody who had left would come back."""
    return {**resource, "active": before["active"]} if "active" in before and "active" not in resource else resource


def _stepped(shelf: Shelf, group: str, steps: list[Step]) -> None:
    for at, step in enumerate(steps):
        if not step.leave:
            shelf.join(group, step.ids or ())
        elif step.ids is None and at + 1 < len(steps) and not steps[at + 1].leave:
            # Everybody is replaced: those who stay are not moved, so that nobody is told of them.
            staying = set(steps[at + 1].ids or ())
            now = [one.id for one in shelf.members([group]).get(group, ())]
            shelf.leave(group, [one for one in now if one not in staying])
        else:
            shelf.leave(group, step.ids)


def _unique(shelf: Shelf, sort: Sort, name: str, *, besides: str) -> None:
    known = shelf.named(sort, name)
    if known is not None and known.id != besides:
        raise ScimError(409, f"There is a {sort} with this {NAME[sort]} already.", "uniqueness")


def _shown(asked: Asked, shelf: Shelf, kept: Kept) -> Answer:
    view = View.asked(asked.query, asked.base)
    return Answer(status=200, body=view.one(shelf, kept), headers={"etag": tag(kept)})


def _tags(header: str) -> list[str]:
    return [one.strip() if one.strip().startswith("W/") else f"W/{one.strip()}" for one in header.split(",")]


def _discovered(asked: Asked) -> Answer:
    if any(name.lower() == "filter" for name in asked.query):
        raise ScimError(403, "These documents cannot be filtered.")
    from syncd.scim import discovery

    place, *rest = asked.path
    if place.lower() == "serviceproviderconfig":
        return _json(200, _placed(discovery.configuration(), asked.base, "ServiceProviderConfig", ""))
    name = "Schema" if place.lower() == "schemas" else "ResourceType"
    found = [
        _placed(one, asked.base, name, one["id"])
        for one in (discovery.schemas() if name == "Schema" else discovery.types())
    ]
    if not rest:
        return _json(200, discovery.listed(found))
    for one in found:
        if len(rest) == 1 and one["id"].lower() == rest[0].lower():
            return _json(200, one)
    raise not_found()


def _placed(document: Mapping[str, Any], base: str, name: str, id_: str) -> dict[str, Any]:
    place = {"ServiceProviderConfig": name, "Schema": f"Schemas/{id_}", "ResourceType": f"ResourceTypes/{id_}"}[name]
    return {**document, "meta": {"resourceType": name, "location": f"{base}/{place}"}}


def _searched(body: bytes) -> dict[str, str]:
    """Return a SearchRequest as the query that it stands for."""
    query: dict[str, str] = {}
    for name, value in _object(body).items():
        if isinstance(value, list):
            query[name] = ",".join(map(str, value))
        elif isinstance(value, str | int) and not isinstance(value, bool):
            query[name] = str(value)
    return query


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise bad_syntax("the body is no JSON") from None
    if not isinstance(found, dict):
        raise bad_syntax("the body is no object")
    _shallow(found, 0)
    return found


def _shallow(value: Any, depth: int) -> None:
    """Raise ScimError for what is nested deeper than anything that SCIM knows: whoever walks it may do so by recursion."""
    if depth > DEEPEST:
        raise bad_syntax(f"the body is nested more than {DEEPEST} deep")
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            _shallow(one, depth + 1)


def _json(status: int, document: Mapping[str, Any]) -> Answer:
    return Answer(status=status, body=msgspec.json.encode(document))
