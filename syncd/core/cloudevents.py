"""CloudEvents 1.0 (JSON event format), as far as a wake needs them: which event it is, when, and about whom.

Structured and binary mode; whatever carries them (HTTP, Kafka, a queue) hands over the body and the headers. What the data say of
people is never looked at: everything is read again from the source. Pure; it knows no transport.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from unicodedata import category

MAX_EVENTS: Final = 1_000
"""Events in one batch."""
_PREFIXES: Final = ("ce-", "ce_", "cloudevents:", "cloudevents_")
"""How bindings spell the attributes: HTTP and NATS `ce-id`, Kafka `ce_id`, AMQP `cloudEvents:id` or `cloudEvents_id`."""
_MOST: Final = 255
_LONGEST: Final = 1_024
"""Characters of one attribute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One event. `source` and `id` together are what makes it one and the same."""

    id: str
    source: str
    type: str
    subject: str = ""
    at: datetime | None = None
    """Its `time`, aware UTC; None where it has none."""

    @property
    def key(self) -> str:
        """Return what is the same each time the event comes, in at most 255 characters."""
        whole = f"{self.source}#{self.id}"
        if len(whole) <= _MOST:
            return whole
        import hashlib

        return hashlib.sha256(whole.encode()).hexdigest()


class NotAnEvent(ValueError):
    """The message is no CloudEvent; the text says why, without what the message says."""


def event_of(body: bytes, headers: Mapping[str, str]) -> CloudEvent:
    """Return the event of a message: of its headers in binary mode, else of its body. Raises NotAnEvent."""
    named = attributes_in(headers)
    return _event(named) if "specversion" in named else _structured(body)


def events_of(body: bytes) -> tuple[CloudEvent, ...]:
    """Return the events of a batch (`application/cloudevents-batch+json`). Raises NotAnEvent; then none of them counts."""
    whole = _json(body)
    if not isinstance(whole, list):
        raise NotAnEvent("a batch is a JSON array of events")
    if len(whole) > MAX_EVENTS:
        raise NotAnEvent(f"a batch holds at most {MAX_EVENTS} events, this one {len(whole)}")
    return tuple(_event(_texts(one, place)) for place, one in enumerate(whole))


def attributes_in(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the attributes that headers carry in binary mode; empty if there are none."""
    found: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        folded = name.lower()
        for prefix in _PREFIXES:
            if folded.startswith(prefix):
                found[folded.removeprefix(prefix)] = value
    return found


def _structured(body: bytes) -> CloudEvent:
    whole = _json(body)
    if isinstance(whole, list):
        raise NotAnEvent("one event is expected, not a batch")
    return _event(_texts(whole, None))


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise NotAnEvent("it is not JSON") from None


def _texts(one: object, place: int | None) -> dict[str, str]:
    where = "the event" if place is None else f"event {place} of the batch"
    if not isinstance(one, dict):
        raise NotAnEvent(f"{where} is not a JSON object")
    names = ("specversion", "id", "source", "type", "subject", "time")
    # formats/json-format.md, 2.2: an attribute that is null is unset.
    said = {name: one[name] for name in names if one.get(name) is not None}
    wrong = [name for name, value in said.items() if not isinstance(value, str)]
    if wrong:
        raise NotAnEvent(f"{where}: `{wrong[0]}` is not a text")
    return said


def _event(named: Mapping[str, str]) -> CloudEvent:
    if named.get("specversion") != "1.0":
        raise NotAnEvent("`specversion` is not 1.0")
    for name in ("id", "source", "type"):
        if not named.get(name, "").strip():
            raise NotAnEvent(f"`{name}` is missing")
    for name in ("id", "source", "type", "subject"):
        if not _is_sound(named.get(name, "")):
            raise NotAnEvent(f"`{name}` holds control characters, or is longer than {_LONGEST} characters")
    return CloudEvent(
        id=named["id"],
        source=named["source"],
        type=named["type"],
        subject=named.get("subject", ""),
        at=_instant(named.get("time", "")),
    )


def _is_sound(text: str) -> bool:
    """Tell whether a text is what the specification permits ("Type System": no control characters, no surrogates).

    A database takes neither, and an event that can never be kept would come again for ever.
    """
    return len(text) <= _LONGEST and not any(category(each) in ("Cc", "Cs") for each in text)


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise NotAnEvent("`time` is not a time as RFC 3339 has it") from None
    if at.tzinfo is None:
        raise NotAnEvent("`time` has no offset from UTC")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise NotAnEvent("`time` is too far away") from None


__all__ = ["MAX_EVENTS", "CloudEvent", "NotAnEvent", "attributes_in", "event_of", "events_of"]
