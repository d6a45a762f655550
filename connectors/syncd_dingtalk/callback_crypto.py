"""The envelope of DingTalk's HTTP callbacks: signature and AES, both ways. Pure but for the random bytes that it may be given.

Signature: SHA-1 of token, timestamp, nonce and ciphertext, sorted and joined. Cipher: AES-256-CBC, the key is the 43 letters and
digits of the console as base64, the vector is the key's first half; plaintext is 16 random bytes, the length in four, the message
and the owner's key, padded as PKCS#7 to blocks of 32. (Page "configure-stream-push", with a test vector.)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_BLOCK: Final = 32
_RANDOM: Final = 16
_HEAD: Final = _RANDOM + 4
_KEY_LETTERS: Final = 43


class Unreadable(ValueError):
    """What came is not what DingTalk sends; the text says why, without anything of the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cipher:
    """The secrets of one subscription. It has no `repr` that shows them."""

    token: str
    aes_key: str
    owner: str
    """Whose messages they are: the application's key (console) or the company's id (registered by a call)."""

    def __repr__(self) -> str:
        return "Cipher(…)"

    def __post_init__(self) -> None:
        self._key()

    def _key(self) -> bytes:
        try:
            key = base64.b64decode(self.aes_key + "=", validate=True) if len(self.aes_key) == _KEY_LETTERS else b""
        except binascii.Error:
            key = b""
        if len(key) != _BLOCK:
            raise Unreadable("the AES key is not 43 letters and digits")
        return key

    def sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """Return the signature in hex."""
        text = "".join(sorted([self.token, timestamp, nonce, encrypted]))
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()  # the platform's choice

    def signed(self, signatures: Iterable[str], *, timestamp: str, nonce: str, encrypted: str) -> bool:
        """Tell whether one of the signatures fits, in a time that tells nothing."""
        wanted = self.sign(timestamp, nonce, encrypted).encode()
        return any(hmac.compare_digest(one.encode(), wanted) for one in signatures)

    def seal(self, message: bytes, *, salt: bytes | None = None) -> str:
        """Return a message as ciphertext; `salt` is 16 bytes, random unless given."""
        from cryptography.hazmat.primitives.ciphers import Cipher as Aes
        from cryptography.hazmat.primitives.ciphers import algorithms, modes

        plain = (salt or secrets.token_bytes(_RANDOM)) + struct.pack(">I", len(message)) + message + self.owner.encode()
        pad = _BLOCK - len(plain) % _BLOCK
        key = self._key()
        encryptor = Aes(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()

    def open(self, encrypted: str) -> bytes:
        """Return the message in a ciphertext. Raises Unreadable."""
        from cryptography.hazmat.primitives.ciphers import Cipher as Aes
        from cryptography.hazmat.primitives.ciphers import algorithms, modes

        try:
            sealed = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError):
            raise Unreadable("the ciphertext is not base64") from None
        if not sealed or len(sealed) % 16:
            raise Unreadable("the ciphertext has an impossible length")
        key = self._key()
        decryptor = Aes(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
        return self._unwrapped(decryptor.update(sealed) + decryptor.finalize())

    def _unwrapped(self, plain: bytes) -> bytes:
        pad = plain[-1]
        if not 1 <= pad <= _BLOCK or len(plain) < _HEAD + pad:
            raise Unreadable("the ciphertext was made with another key")
        whole = plain[:-pad]
        (length,) = struct.unpack(">I", whole[_RANDOM:_HEAD])
        message, owner = whole[_HEAD : _HEAD + length], whole[_HEAD + length :]
        if len(message) != length or not hmac.compare_digest(owner, self.owner.encode()):
            raise Unreadable("the message belongs to another application")
        return message
