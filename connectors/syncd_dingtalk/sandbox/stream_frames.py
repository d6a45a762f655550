"""The frames of Stream mode, as the gateway sends and reads them: JSON texts, with `data` as a JSON text inside. Pure.

Shapes are those of the protocol page and of the official clients (Go, Java, Node, Python), which agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from syncd_dingtalk.sandbox.records import Event

SPEC: Final = "1.0"
OK: Final = 200
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """What a client says of a message."""

    message_id: str
    code: int
    later: bool = False
    """The client wants the event again."""

    @property
    def taken(self) -> bool:
        """Tell whether the message needs not be sent again."""
        return self.code == OK and not self.later


def system(topic: str, message_id: str, data: Mapping[str, Any], *, millis: int) -> str:
    """Return a SYSTEM frame. `disconnect` has no message id in the protocol page's sample, so it has none here."""
    headers = {"topic": topic, "contentType": "application/json", "time": str(millis)}
    return _frame("SYSTEM", headers | ({"messageId": message_id} if message_id else {}), data)


def event(event: Event, message_id: str, *, corp_id: str, app_key: str, connection: str, millis: int) -> str:
    """Return an EVENT frame of topic `*`."""
    headers = {
        "appId": app_key,
        "connectionId": connection,
        "contentType": "application/json",
        "messageId": message_id,
        "time": str(millis),
        "topic": "*",
        "eventType": event.type,
        "eventId": event.event_id,
        "eventCorpId": corp_id,
        "eventBornTime": str(event.born_at),
        "eventUnifiedAppId": app_key,
    }
    return _frame("EVENT", headers, event.data)


def _frame(type_: str, headers: Mapping[str, str], data: Mapping[str, Any]) -> str:
    inner = _encode(data).decode()
    return _encode({"specVersion": SPEC, "type": type_, "headers": headers, "data": inner}).decode()


class _Headers(msgspec.Struct):
    message_id: str = msgspec.field(name="messageId", default="")


class _Ack(msgspec.Struct):
    code: int = 0
    headers: _Headers = msgspec.field(default_factory=_Headers)
    data: str = ""


class _Status(msgspec.Struct):
    status: str = ""


_acks: Final = msgspec.json.Decoder(_Ack, strict=False)
_statuses: Final = msgspec.json.Decoder(_Status)


def ack_of(text: str | bytes) -> Ack | None:
    """Return what a client's frame says; None where it is no acknowledgement.

    The official Python client echoes the event's data where the page wants `{"status": "SUCCESS"}`, and that counts: code 200
    is enough unless the status says LATER.
    """
    try:
        read = _acks.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not read.headers.message_id:
        return None
    try:
        status = _statuses.decode(read.data or "{}").status
    except (msgspec.DecodeError, UnicodeDecodeError):
        status = ""
    return Ack(message_id=read.headers.message_id, code=read.code, later=status == "LATER")
