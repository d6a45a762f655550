"""PATCH (RFC 7644 §3.5.2) on plain dictionaries, in all the shapes that Entra ID, Okta and OneLogin send.

All or nothing: every operation is worked out on a copy before anything is kept, and what is not understood is refused, never
passed over. What becomes of members is returned as steps, because members are rows and not a list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from syncd.core.pushed import Sort
from syncd.scim import filters
from syncd.scim.errors import ScimError, bad_filter, bad_path, bad_syntax, bad_value
from syncd.scim.filters import Compare, Either, Filter, Path
from syncd.scim.names import (
    CORE,
    ENTERPRISE,
    NAME,
    READ_ONLY,
    Attribute,
    attribute,
    canonical,
    child,
    is_plural,
    key_of,
)
from syncd.scim.resources import flag, member_ids, mended

MOST_OPERATIONS: Final = 1000
_OPERATIONS: Final = frozenset({"add", "replace", "remove"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Members who join or leave; `ids` None with `leave`: everybody leaves."""

    leave: bool
    ids: tuple[str, ...] | None


@dataclass(slots=True, kw_only=True)
class Patched:
    """What a PATCH makes of a resource."""

    resource: dict[str, Any]
    steps: list[Step] = field(default_factory=list)


def patched(sort: Sort, resource: Mapping[str, Any], request: Any) -> Patched:
    """Return what the operations of a request make of a resource. Raises ScimError; then nothing is to be kept."""
    made = Patched(resource=deepcopy(dict(resource)))
    for operation in _operations(request):
        word = child(operation, "op")
        name = word.lower() if isinstance(word, str) else ""
        if name not in _OPERATIONS:
            raise bad_syntax("an operation is neither add nor replace nor remove")
        _Operation(sort, made, name, child(operation, "value")).run(child(operation, "path"))
    return made


def _operations(request: Any) -> list[Any]:
    several = child(request, "Operations")
    if isinstance(several, dict):
        several = [several]
    if not isinstance(several, list) or not several:
        raise bad_syntax("there are no Operations")
    if len(several) > MOST_OPERATIONS:
        raise ScimError(413, f"A request may have {MOST_OPERATIONS} operations.", "tooMany")
    return several


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation on one resource."""

    sort: Sort
    made: Patched
    word: str
    value: Any

    def run(self, path: Any) -> None:
        if path is not None and not isinstance(path, str):
            raise bad_path("it is no text")
        if path:
            self._at(filters.path(path), self.value, named=True)
        elif self.word == "remove":
            raise ScimError(400, "A remove says where.", "noTarget")
        elif not isinstance(self.value, dict):
            raise bad_value("without a path, it is an object")
        else:
            for key, value in self.value.items():
                self._at(Path(at=attribute(key)), value, named=False)

    def _at(self, path: Path, value: Any, *, named: bool) -> None:
        at = path.at
        if at.name == "members" and not at.schema and self.sort is Sort.GROUP:
            self._members(path, value)
        elif at.name in READ_ONLY and not at.schema:
            if named:
                raise ScimError(400, f"{at.name} cannot be changed.", "mutability")
        elif not at.name:
            self._extension(at.schema, value)
        elif at.name not in ("schemas", "password") or at.schema:
            self._attribute(path, value)

    def _extension(self, schema: str, value: Any) -> None:
        if schema in CORE.values():
            schema = ""
        if self.word == "remove":
            if not schema:
                raise bad_path("it names everything")
            self.made.resource.pop(key_of(self.made.resource, schema), None)
        elif isinstance(value, dict):
            for key, one in value.items():
                self._at(Path(at=Attribute(schema=schema, name=canonical(key))), one, named=True)
        else:
            raise bad_value("an extension is no object")

    # -- members -------------------------------------------------------------------------------------------------------

    def _members(self, path: Path, value: Any) -> None:
        if path.at.part:
            raise ScimError(400, "A member is added or removed, never changed.", "mutability")
        steps = self.made.steps
        if path.among is not None:
            if self.word != "remove":
                raise ScimError(400, "A member is added or removed, never changed.", "mutability")
            steps.append(Step(leave=True, ids=tuple(_named(path.among))))
        elif self.word == "remove":
            # Entra ID names them in the value; without a value everybody is meant (RFC 7644 §3.5.2.2).
            steps.append(Step(leave=True, ids=None if value is None else tuple(member_ids(value))))
        else:
            ids = tuple(member_ids(value))
            if self.word == "replace":
                steps.append(Step(leave=True, ids=None))
            steps.append(Step(leave=False, ids=ids))

    # -- everything else -----------------------------------------------------------------------------------------------

    def _attribute(self, path: Path, value: Any) -> None:
        at, resource = path.at, self.made.resource
        if at.name == "manager" and not at.schema:
            # Legacy providers put it beside the core attributes, which have no manager (RFC 7643 §4.3).
            at = Attribute(schema=ENTERPRISE, name="manager")
        parent = self._parent(at.schema) if at.schema else resource
        if parent is None:
            return
        key = key_of(parent, at.name)
        if path.among is not None:
            self._among(parent, key, path, value)
        elif path.at.part and (path.at.name != "manager" or path.at.schema):
            self._part(parent, key, path.at.part, value)
        else:
            self._whole(parent, key, value)
        if parent.get(key) in (None, "", [], {}):
            parent.pop(key, None)
        if at.schema and not parent:
            resource.pop(key_of(resource, at.schema), None)

    def _parent(self, schema: str) -> dict[str, Any] | None:
        """Return an extension's object; None where there is nothing to remove from."""
        resource = self.made.resource
        key = key_of(resource, schema)
        if key not in resource:
            if self.word == "remove":
                return None
            resource[key] = {}
        parent = resource[key]
        if not isinstance(parent, dict):
            raise bad_path("it leads into a single value")
        return parent

    def _whole(self, parent: dict[str, Any], key: str, value: Any) -> None:
        before = parent.get(key)
        plural = is_plural(key) or isinstance(before, list)
        if self.word == "remove":
            if plural and isinstance(before, list) and value not in (None, "", []):
                gone = _values(value)
                parent[key] = [one for one in before if _one_value(one) not in gone]
            else:
                parent.pop(key, None)
            return
        new = mended(key, value)
        if new is None:
            if self.word == "replace" or not plural:
                parent.pop(key, None)
        elif plural and self.word == "add":
            parent[key] = _added(before, new)
        elif isinstance(before, dict) and isinstance(new, dict) and key != "manager":
            parent[key] = {**before, **new}
        else:
            parent[key] = new

    def _part(self, parent: dict[str, Any], key: str, part: str, value: Any) -> None:
        before = parent.get(key)
        if self.word == "remove":
            for one in before if isinstance(before, list) else [before]:
                if isinstance(one, dict):
                    one.pop(key_of(one, part), None)
            return
        new = mended(part, value)
        if is_plural(key):
            parent[key] = [{**one, part: new} for one in before or [{}]]
        elif before is not None and not isinstance(before, dict):
            raise bad_path("it leads into a single value")
        elif key == "manager":
            parent[key] = mended("manager", {**(before or {}), part: new})
        else:
            parent[key] = {name: one for name, one in {**(before or {}), part: new}.items() if one is not None}

    def _among(self, parent: dict[str, Any], key: str, path: Path, value: Any) -> None:
        assert path.among is not None
        before = parent.get(key) or []
        if not isinstance(before, list):
            raise bad_path("it looks for one of several values where there is one")
        chosen = [one for one in before if isinstance(one, dict) and filters.fits(path.among, one)]
        part = path.at.part
        if self.word == "remove":
            for one in chosen if part else ():
                one.pop(key_of(one, part), None)
            parent[key] = [one for one in before if _holds(one) and (part or one not in chosen)]
            return
        if not chosen:
            chosen = [_described(path.among)]
            before.append(chosen[0])
        self._change(chosen, part, value)
        parent[key] = _one_primary([one for one in before if _holds(one)], chosen)

    def _change(self, chosen: list[dict[str, Any]], part: str, value: Any) -> None:
        for one in chosen:
            if part:
                one[part] = flag(value) if part == "primary" else value
                if isinstance(one[part], dict | list):
                    raise bad_value("the part of an entry is no single value")
                if one[part] in (None, ""):
                    del one[part]
            elif isinstance(value, dict):
                one.update((mended("roles", value) or [{}])[0])
            else:
                raise bad_value("an entry is no object")


def _holds(one: Any) -> bool:
    """Tell whether an entry says anything besides what type it is of."""
    return not isinstance(one, dict) or any(name not in ("type", "primary") for name in one)


def _described(wanted: Filter) -> dict[str, Any]:
    """Return the entry that a filter describes: where none fits, Entra ID expects it to be made. Raises ScimError `noTarget`."""
    made: dict[str, Any] = {}
    for one in filters.alone(wanted):
        if one.operator == "eq" and one.at.name and not one.at.part:
            made[one.at.name] = flag(one.value) if one.at.name == "primary" else one.value
    if not made:
        raise ScimError(400, "No value fits the filter of the path.", "noTarget")
    return made


def _named(wanted: Filter) -> Iterator[str]:
    """Yield the ids of members that a filter names. Raises ScimError for any other question."""
    match wanted:
        case Either(left=left, right=right):
            yield from _named(left)
            yield from _named(right)
        case Compare(operator="eq", value=str() as id_) if wanted.at == Attribute(name="value"):
            yield id_
        case _:
            raise bad_filter('members are named by value eq "…"')


def _added(before: Any, new: list[Any]) -> list[Any]:
    """Return what is there with what is new; what is there already is not there twice."""
    old = list(before) if isinstance(before, list) else []
    fresh = [one for one in new if one not in old]
    return _one_primary([*old, *fresh], fresh)


def _one_primary(entries: list[Any], chosen: Collection[Any]) -> list[Any]:
    """A new primary value takes the place of the old one (RFC 7644 §3.5.2)."""
    if not any(isinstance(one, dict) and one.get("primary") is True for one in chosen):
        return entries
    last = next(one for one in reversed(list(chosen)) if isinstance(one, dict) and one.get("primary") is True)
    return [
        {**one, "primary": False} if isinstance(one, dict) and one.get("primary") is True and one != last else one
        for one in entries
    ]


def _values(value: Any) -> list[Any]:
    return [_one_value(one) for one in (value if isinstance(value, list) else [value])]


def _one_value(one: Any) -> Any:
    return child(one, "value") if isinstance(one, dict) else one


def required(sort: Sort, resource: Mapping[str, Any]) -> None:
    """Raise ScimError where what must be there was taken away."""
    if not str(resource.get(NAME[sort]) or "").strip():
        raise bad_value(f"{NAME[sort]} is required")
