"""What searches gave, as values: entries by the seam, and whatever ldap3 decoded. It asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd_active_directory.entry import RawEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPage:
    """One answer of a paged search."""

    entries: tuple[RawEntry, ...]
    continuations: tuple[str, ...] = ()
    """Where the server says that the search could be continued: other naming contexts (RFC 4511 §4.5.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that came of one search with a control, however it ended."""

    code: int
    """RFC 4511 appendix A.2; 0 is success."""
    text: str
    """What the server says about the code."""
    entries: tuple[RawEntry, ...]
    informed: tuple[tuple[str, bytes], ...] = ()
    """Intermediate messages (RFC 4511 §4.13): names and values."""
    controls: Mapping[str, bytes | None] = field(default_factory=dict)
    """Of the result."""


def page_of(response: Sequence[RawEntry | Mapping[str, Any]]) -> RawPage:
    """Return what a search gave: entries by the seam, and whatever ldap3 decoded."""
    entries = []
    continuations: list[str] = []
    for message in response:
        if isinstance(message, RawEntry):
            entries.append(message)
        elif message["type"] == "searchResEntry":
            entries.append(_entry(message))
        elif message["type"] == "searchResRef":
            continuations.extend(message["uri"] or ())
    return RawPage(entries=tuple(entries), continuations=tuple(continuations))


def informed_of(response: Sequence[RawEntry | Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    for message in response:
        if not isinstance(message, RawEntry) and message["type"] == "intermediateResponse":
            yield message["responseName"] or "", message["responseValue"] or b""


def _entry(message: Mapping[str, Any]) -> RawEntry:
    attributes = {name: tuple(values or ()) for name, values in message["raw_attributes"].items()}
    controls = {oid: control["value"] for oid, control in message.get("controls", {}).items()}
    return RawEntry(dn=message["dn"], attributes=attributes, controls=controls)
