"""CloudEvents as HTTP carries them: how a request does it, what of it is signed, and what the engine is told of it.
Pure.

What an event is, `syncd.core.cloudevents` says. Sources: github.com/cloudevents/spec v1.0.2,
bindings/http-protocol-binding.md and formats/json-format.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import unquote_to_bytes

from syncd.core.cloudevents import CloudEvent, NotAnEvent, event_of
from syncd.core.cloudevents import events_of as batch_of
from syncd.core.model import SourceName
from syncd.core.wakes import Wake, WakeReason

_CE: Final = "ce-"
_KEY_LIMIT: Final = 255
_WHO_LIMIT: Final = 255


class Mode(StrEnum):
    """How a request carries its events; the media type, except of a binary one, which may have any."""

    STRUCTURED = "application/cloudevents+json"
    BATCH = "application/cloudevents-batch+json"
    BINARY = "binary"


def mode_of(headers: Mapping[str, str]) -> Mode | None:
    """Tell how a request carries its events; None if it carries none that we understand. Names of headers are in small
    letters."""
    match headers.get("content-type", "").partition(";")[0].strip().lower():
        case Mode.STRUCTURED:
            return Mode.STRUCTURED
        case Mode.BATCH:
            return Mode.BATCH
        case named if named.startswith("application/cloudevents"):
            return None  # another format than JSON
        case _:
            return Mode.BINARY if f"{_CE}specversion" in headers else None


def signed_content(mode: Mode, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return what the signature covers: the body; of a binary event its ce- headers before it, since they say what the
    body does not.

    They are sorted by name and written `name:value`, one a line, as they are sent, with an empty line after them. Such
    a content is never JSON, so no request can be passed off as one of another mode.
    """
    if mode is not Mode.BINARY:
        return body
    lines = [f"{name}:{value}\n" for name, value in sorted(headers.items()) if name.startswith(_CE)]
    return "".join([*lines, "\n"]).encode("latin-1") + body


def events_of(mode: Mode, headers: Mapping[str, str], body: bytes) -> tuple[CloudEvent, ...]:
    """Return the events of a request, at least one. Raises NotAnEvent."""
    match mode:
        case Mode.STRUCTURED:
            return (event_of(body, {}),)
        case Mode.BATCH:
            found = batch_of(body)
            if not found:
                raise NotAnEvent("the batch is empty")
            return found
        case Mode.BINARY:
            return (
                event_of(b"", {name: _plain(name, value) for name, value in headers.items() if name.startswith(_CE)}),
            )


def wake_of(event: CloudEvent, *, sender: str, source: SourceName, now: datetime) -> Wake:
    """Return what the engine is told of an event. A time that has not come yet is taken for now: clocks differ."""
    return Wake(
        source=source,
        reason=WakeReason.WEBHOOK,
        event_at=min(event.at, now) if event.at else None,
        who=(event.subject[:_WHO_LIMIT],) if event.subject else (),
        key=_key(sender, event),
    )


def _key(sender: str, event: CloudEvent) -> str:
    """Return by what the event is known: its source and id, and the sender, so that none uses up the key of another's
    event."""
    key = f"{sender} {event.key}"
    return key if len(key) <= _KEY_LIMIT else f"{sender} {hashlib.sha256(event.key.encode()).hexdigest()}"


def _plain(name: str, value: str) -> str:
    """Take the percent-encoding away that the HTTP binding puts on what is not printable ASCII (section 3.1.3.2)."""
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise NotAnEvent(f"`{name.removeprefix(_CE)}` is not UTF-8 in percent-encoding") from None
