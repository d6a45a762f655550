"""Finding values in a SCIM resource as services really send them: names in any case, extensions nested or flattened. Pure.

RFC 7643 §2.1: attribute names and schema URIs are compared without case. Some services flatten an extension's attributes to
`URN:name` keys, some give one object where a list belongs, and some write flags and numbers as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_NAME: Final = r"[A-Za-z$][\w$-]*"
PATH: Final = re.compile(
    r'(?:(?P<schema>urn:[^\s\[\]"]+):)?'
    rf"(?P<name>{_NAME})"
    r'(?:\[type eq "(?P<type>[^"]+)"\])?'
    rf"(?:\.(?P<part>{_NAME}))?"
)
"""`[URN:]attribute[[type eq "…"]][.part]` (RFC 7644 §3.10, of which this is the part that a mapping needs)."""
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user"
"""In lower case, as everything that is compared here."""


def folded(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with its names in lower case."""
    return {name.lower(): value for name, value in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Where a value is, in lower case."""

    name: str
    schema: str = ""
    type: str = ""
    part: str = ""

    @classmethod
    def parsed(cls, text: str) -> Path:
        """Return what `text` says; the settings have checked that it fits `PATH`."""
        found = PATH.fullmatch(text)
        assert found is not None, text
        return cls(**{name: (value or "").lower() for name, value in found.groupdict().items()})

    def of(self, resource: Mapping[str, Any]) -> str:
        """Return the text that stands there in a folded resource, empty where there is none."""
        value = extended(resource, self.schema, self.name) if self.schema else resource.get(self.name)
        for each in entries(value):
            if self.type and text(each.get("type")).lower() != self.type:
                continue
            if shown := text(each.get(self.part or "value")):
                return shown
        return ""


def extended(resource: Mapping[str, Any], schema: str, name: str) -> Any:
    """Return an extension's attribute of a folded resource, whether it is nested under its URN or flattened."""
    nested = resource.get(schema)
    if isinstance(nested, Mapping):
        for key, value in nested.items():
            if key.lower() == name:
                return value
    return resource.get(f"{schema}:{name}", resource.get(f"{schema}.{name}"))


def entries(value: Any) -> Iterator[dict[str, Any]]:
    """Yield a complex attribute's values, folded: of a list, of one object, and of bare texts, which are their own `value`."""
    several = value if isinstance(value, list) else [value]
    for each in several:
        if isinstance(each, Mapping):
            yield folded(each)
        elif each is not None:
            yield {"value": each}


def text(value: Any) -> str:
    """Return a value as text without outer blanks, empty where it says nothing: a number written as a number is a text, too."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def flag(value: Any) -> bool | None:
    """Return a flag, None where there is none: Entra writes "True" and "False", and the text "False" is not empty."""
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(text(value).lower())


def referred(value: Any) -> str:
    """Return whom a reference means: a bare id, an object's `value`, or the end of its `$ref`."""
    for each in entries(value):
        if shown := text(each.get("value")) or text(each.get("$ref")).rstrip("/").rpartition("/")[2]:
            return shown
    return ""
