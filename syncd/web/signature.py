"""Signatures of webhooks, in the manner of Standard Webhooks 1.0: HMAC-SHA256 over id, time and content.

What is signed is `{webhook-id}.{webhook-timestamp}.{content}`; `syncd.web.events.signed_content` says what the content
is. Pure: it knows no clock, no settings and no HTTP. Source: github.com/standard-webhooks/standard-webhooks,
spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
VERSION: Final = "v1"
PREFIX: Final = "whsec_"
LEAST_BYTES: Final = 24
"""Of a key: Standard Webhooks wants 24 to 64 bytes."""
MOST_SIGNATURES: Final = 8
"""In one header: one for each secret that is in use while secrets change; more is an attempt to make us work."""

# No full stop: it parts what is signed, and nobody shall be able to move the border.
_ID: Final = re.compile(r"[!-\-/-~]{1,255}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


class Malformed(ValueError):
    """A header is missing or not in its form; the text is the header's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What the three headers say."""

    id: str
    timestamp: str
    """Seconds since 1970, as it was written."""
    signatures: tuple[bytes, ...]
    """Those of our version, decoded; may be none."""

    @property
    def seconds(self) -> int:
        return int(self.timestamp)


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for: `whsec_` and base64, or any other text as UTF-8.

    Raises ValueError, which says what is wrong and never the secret.
    """
    if not secret.startswith(PREFIX):
        key = secret.encode()
    else:
        try:
            key = base64.b64decode(_padded(secret.removeprefix(PREFIX)), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("what follows whsec_ is not base64") from None
    if len(key) < LEAST_BYTES:
        raise ValueError(f"it is shorter than {LEAST_BYTES} bytes")
    return key


def stamp_of(headers: Mapping[str, str]) -> Stamp:
    """Read the headers, whose names are in small letters. Raises Malformed."""
    id_, timestamp, signatures = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not _ID.fullmatch(id_):
        raise Malformed(ID)
    if not _TIMESTAMP.fullmatch(timestamp):
        raise Malformed(TIMESTAMP)
    listed = signatures.split(" ")
    if not signatures or len(listed) > MOST_SIGNATURES:
        raise Malformed(SIGNATURE)
    return Stamp(id=id_, timestamp=timestamp, signatures=tuple(_decoded(each) for each in listed if _is_ours(each)))


def fits(stamp: Stamp, content: bytes, keys: Iterable[bytes]) -> bool:
    """Tell whether one of the signatures was made with one of the keys. Every key is tried against every signature, in
    the same time whether or not an earlier one fits."""
    found = False
    for key in keys:
        expected = _mac(key, stamp.id, stamp.timestamp, content)
        for given in stamp.signatures:
            found |= hmac.compare_digest(expected, given)
    return found


def sign(key: bytes, *, id: str, seconds: int, content: bytes) -> dict[str, str]:
    """Return the three headers for a message that is sent at `seconds` since 1970."""
    mac = base64.b64encode(_mac(key, id, str(seconds), content)).decode()
    return {ID: id, TIMESTAMP: str(seconds), SIGNATURE: f"{VERSION},{mac}"}


def _mac(key: bytes, id_: str, timestamp: str, content: bytes) -> bytes:
    return hmac.digest(key, f"{id_}.{timestamp}.".encode() + content, hashlib.sha256)


def _is_ours(signature: str) -> bool:
    return signature.startswith(f"{VERSION},")


def _decoded(signature: str) -> bytes:
    """Return the bytes, none at all where it is not base64: such a signature fits nothing."""
    try:
        return base64.b64decode(signature.removeprefix(f"{VERSION},"), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _padded(text: str) -> str:
    """Some generators leave the padding out."""
    return text + "=" * (-len(text) % 4)
