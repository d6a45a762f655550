"""What a caller sent, read as leniently as DingTalk reads it: JSON and forms, and scalars that arrive as text.

The official Java client sends every scalar as a string and lists as comma-separated text; Python form clients send `True`;
objects inside forms are JSON text. Null and unknown parameters are ignored. What cannot be read is refused with the code
that the caller names. Nothing here knows what a parameter means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from syncd_dingtalk.sandbox.answers import Business

INVALID: Final = 40035
_decode: Final = msgspec.json.Decoder().decode
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, whole."""

    method: str
    path: str
    query: bytes = b""
    body: bytes = b""
    content_type: str = ""
    token: str = ""
    """The header `x-acs-dingtalk-access-token`."""
    ip: str = "127.0.0.1"


def query_of(request: Request) -> dict[str, str]:
    """Return the query's parameters; a repeated one counts once, the last time."""
    return dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True))


def body_of(request: Request, *, strict_escapes: bool = False) -> dict[str, Any]:
    """Return the body's parameters. Refuses with 47001 what says it is JSON and is not."""
    body = request.body
    if not body or body.isspace():
        return {}
    if "json" in request.content_type or body.lstrip()[:1] == b"{":
        if strict_escapes and b"\\u" in body:
            raise Business(40033)
        try:
            decoded = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Business(47001) from None
        return decoded if isinstance(decoded, dict) else {"": decoded}
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise Business(40038) from None


class Params:
    """Parameters with typed reading. Each reader returns None for what is absent or null."""

    __slots__ = ("raw",)

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw

    def __contains__(self, name: str) -> bool:
        return self.raw.get(name) is not None

    def text(self, name: str, limit: int | None = None, code: int = INVALID) -> str | None:
        """Return text as it was sent, at most `limit` characters."""
        value = self.raw.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            value = _as_text(value, code)
        if limit is not None and len(value) > limit:
            raise Business(code)
        return value

    def needed(self, name: str, limit: int | None = None, code: int = INVALID) -> str:
        """Return text that must be there and not blank."""
        value = self.text(name, limit, code)
        if value is None or not value.strip():
            raise Business(code, f"缺少参数 {name}" if code in (INVALID, 400002) else None)
        return value

    def whole(self, name: str, code: int = INVALID) -> int | None:
        """Return a whole number."""
        value = self.raw.get(name)
        if value is None or value == "":
            return None
        return _as_whole(value, code)

    def needed_whole(self, name: str, code: int = INVALID) -> int:
        """Return a whole number that must be there."""
        value = self.whole(name, code)
        if value is None:
            raise Business(code)
        return value

    def flag(self, name: str) -> bool | None:
        """Return a truth value: true, false, 1, 0 or such text in any case."""
        value = self.raw.get(name)
        if value is None or isinstance(value, bool):
            return value
        if value == "":
            return None
        known = _FLAGS.get(str(value).lower())
        if known is None:
            raise Business(INVALID)
        return known

    def texts(self, name: str, code: int = INVALID) -> list[str] | None:
        """Return a list of texts from comma-separated text, a JSON array in text, or a real array."""
        value = self.raw.get(name)
        if value is None:
            return None
        if isinstance(value, str) and value.lstrip().startswith("["):
            value = _decoded(value, code)
        if isinstance(value, list):
            return [_as_text(item, code) for item in value]
        return [part for part in (piece.strip() for piece in _as_text(value, code).split(",")) if part]

    def ids(self, name: str, code: int = INVALID) -> list[int] | None:
        """Return a list of whole numbers; a single number counts as a list of one."""
        value = self.raw.get(name)
        if isinstance(value, list):
            return [_as_whole(item, code) for item in value]
        texts = self.texts(name, code)
        return None if texts is None else [_as_whole(item, code) for item in texts]

    def objects(self, name: str, limit: int = 100) -> list[Params] | None:
        """Return a list of objects, given as such or as JSON text."""
        value = self.raw.get(name)
        if isinstance(value, str):
            value = _decoded(value, INVALID) if value else None
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > limit or not all(isinstance(item, dict) for item in value):
            raise Business(INVALID)
        return [Params(item) for item in value]


def mapping_of(text: str, code: int) -> dict[str, Any]:
    """Return the JSON object that a text parameter holds."""
    value = _decoded(text, code)
    if not isinstance(value, dict):
        raise Business(code)
    return value


def _decoded(text: str, code: int) -> Any:
    try:
        return _decode(text.encode())
    except msgspec.DecodeError:
        raise Business(code) from None


def _as_text(value: object, code: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise Business(code)


def _as_whole(value: object, code: int) -> int:
    """Return a whole number of at most 64 bits, as the platform's own are."""
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            raise Business(code) from None
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        raise Business(code)
    return value
