"""What is kept of a resource that a provider sends: SCIM's names in their right case, types mended where providers err.

Unknown attributes and extensions are kept as they came, so that what a provider reads and sends back is not lost. Nulls and empty
values are absent (RFC 7643 §2.5). Passwords are never kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from syncd.core.pushed import Entry, Sort
from syncd.scim.errors import ScimError, bad_value
from syncd.scim.names import (
    CORE,
    ENTERPRISE,
    ENTERPRISE_TEXTS,
    NAME,
    NAME_PARTS,
    READ_ONLY,
    TEXTS,
    attribute,
    canonical,
    child,
    is_plural,
)

LARGEST: Final = 64 * 1024
"""Bytes of one resource, members apart."""
LONGEST_NAME: Final = 1024
"""Characters of what must be unique, and of externalId."""
_TEXT: Final = frozenset((*TEXTS, *ENTERPRISE_TEXTS, *NAME_PARTS))
_FLAGS: Final = {"true": True, "false": False}


def flag(value: Any) -> bool:
    """Return a flag; Entra ID writes `"False"`. Raises ScimError for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _FLAGS:
        return _FLAGS[value.lower()]
    raise bad_value("a flag is neither true nor false")


def cleaned(sort: Sort, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a whole resource, members apart. Raises ScimError `invalidValue`."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = canonical(key)
        if name in READ_ONLY or name in ("members", "schemas", "password"):
            continue
        if key.lower().startswith("urn:") and not isinstance(value, dict | list) and value is not None:
            _flattened(found, key, value)
        elif isinstance(value, dict) and isinstance(found.get(name), dict):
            found[name].update(value)
        else:
            found[name] = value
    result = {name: kept for name, value in found.items() if (kept := mended(name, value)) is not None}
    name = NAME[sort]
    if not isinstance(result.get(name), str) or not result[name].strip():
        raise bad_value(f"{name} is required")
    return {"schemas": _schemas(sort, given, result), **result}


def _flattened(found: dict[str, Any], key: str, value: Any) -> None:
    """Put `URN:department` where it belongs."""
    at = attribute(key)
    parent = found.setdefault(at.schema, {}) if at.schema else found
    if not at.name or not isinstance(parent, dict):
        raise bad_value("an extension is no object")
    if at.schema or (at.name not in READ_ONLY and at.name not in ("members", "schemas", "password")):
        parent[at.name] = value


def mended(name: str, value: Any) -> Any:
    """Return the value of an attribute as it is kept; None where nothing is left of it."""
    if value is None or value in ("", [], {}):
        return None
    if name in ("active", "primary"):
        return flag(value)
    if name == "manager":
        return _manager(value)
    if is_plural(name):
        return _several(value)
    if name in _TEXT:
        return _text(name, value)
    if name == "name" and not isinstance(value, dict):
        raise bad_value("name is no object")
    if name == ENTERPRISE and not isinstance(value, dict):
        raise bad_value("an extension is no object")
    if isinstance(value, dict):
        kept = {(right := canonical(key)): mended(right, one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one is not None} or None
    return value


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        if "\x00" in value:
            raise bad_value(f"{name} holds a character that no text may hold")
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise bad_value(f"{name} is no text")


def _manager(value: Any) -> dict[str, Any] | None:
    """A manager comes as an id, as an object, as a list of one; OneLogin calls its id `managerId`; an empty id means none."""
    one = value[0] if isinstance(value, list) else value
    if not isinstance(one, dict):
        one = {"value": one}
    kept = {canonical(key): part for key, part in one.items() if part not in (None, "")}
    id_ = kept.get("value", kept.get("managerId"))
    return {**kept, "value": _text("manager", id_)} if id_ is not None else None


def _several(value: Any) -> list[Any] | None:
    entries = [_entry(one) for one in (value if isinstance(value, list) else [value])]
    kept = [one for one in entries if one]
    primary = [at for at, one in enumerate(kept) if one.get("primary") is True]
    for at in primary[:-1]:  # of several, the last one said it last
        kept[at] = {**kept[at], "primary": False}
    return kept or None


def _entry(one: Any) -> dict[str, Any]:
    if isinstance(one, list):
        raise bad_value("a list stands in a list")
    if not isinstance(one, dict):
        one = {"value": one} if one not in (None, "") else {}
    kept = {canonical(key): part for key, part in one.items() if part is not None}
    if "primary" in kept:
        kept["primary"] = flag(kept["primary"])
    if isinstance(kept.get("value"), dict | list):
        raise bad_value("the value of an entry is no single value")
    return kept


def _schemas(sort: Sort, given: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """Return the core schema, those of the extensions that are there, and whatever else the provider named."""
    told = child(dict(given), "schemas") or []
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        raise bad_value("schemas is no list of texts")
    extensions = [name for name in kept if name.lower().startswith("urn:")]
    others = [one for one in map(canonical, told) if one != ENTERPRISE or ENTERPRISE in kept]
    return list(dict.fromkeys([CORE[sort], *extensions, *others]))


def entry(sort: Sort, resource: Mapping[str, Any]) -> Entry:
    """Return what is kept. Raises ScimError for what is too large."""
    body = msgspec.json.encode(resource)
    if len(body) > LARGEST:
        raise ScimError(413, f"A resource may have {LARGEST} bytes, its members apart.", "tooMany")
    name, external = str(resource[NAME[sort]]), str(resource.get("externalId", ""))
    if len(name) > LONGEST_NAME or len(external) > LONGEST_NAME:
        raise bad_value(f"a name or an id has more than {LONGEST_NAME} characters")
    return Entry(body=body, name=name.casefold(), external=external)


def member_ids(value: Any) -> list[str]:
    """Return the ids of members, however they are written: objects, one object, plain texts. Raises ScimError."""
    if value is None:
        return []
    ids = [
        child(one, "value") if isinstance(one, dict) else one for one in (value if isinstance(value, list) else [value])
    ]
    if not all(isinstance(one, str) and 0 < len(one) <= LONGEST_NAME and "\x00" not in one for one in ids):
        raise bad_value("a member has no id")
    return list(dict.fromkeys(ids))


def projected(resource: dict[str, Any], *, attributes: Collection[str], excluded: Collection[str]) -> dict[str, Any]:
    """Return the attributes that were asked for, or all but those that were not wanted. `id` and `schemas` always stay."""
    if attributes:
        kept: dict[str, Any] = {name: resource[name] for name in ("schemas", "id") if name in resource}
        for text in attributes:
            _copy(resource, kept, text)
        return kept
    for text in excluded:
        _drop(resource, text)
    return resource


def _copy(resource: Mapping[str, Any], kept: dict[str, Any], text: str) -> None:
    at = attribute(text)
    source: Any = child(dict(resource), at.schema) if at.schema else resource
    into = kept.setdefault(at.schema, {}) if at.schema and isinstance(source, dict) else kept
    if not at.name and isinstance(source, dict):
        into.update(source)
        return
    value = child(source, at.name)
    if value is None:
        return
    into[at.name] = _part(value, at.part, into.get(at.name)) if at.part else value


def _part(value: Any, part: str, before: Any) -> Any:
    if isinstance(value, list):
        known = before if isinstance(before, list) else [{} for _ in value]
        return [{**old, **_only(one, part)} for one, old in zip(value, known, strict=False)]
    return {**(before or {}), **_only(value, part)}


def _only(value: Any, part: str) -> dict[str, Any]:
    found = child(value, part)
    return {} if found is None else {part: found}


def _drop(resource: dict[str, Any], text: str) -> None:
    at = attribute(text)
    parent = child(resource, at.schema) if at.schema else resource
    if not isinstance(parent, dict) or (not at.schema and at.name in ("id", "schemas")):
        return
    if not at.name:
        resource.pop(at.schema, None)
    elif not at.part:
        parent.pop(at.name, None)
    else:
        held = parent.get(at.name)
        for one in held if isinstance(held, list) else [held]:
            if isinstance(one, dict):
                one.pop(at.part, None)
