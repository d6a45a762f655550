"""The chain: how a record is sealed to the one before. Three lines that must never change, and nothing else.

`standalone.py` repeats them on purpose: who does not trust this program checks with a file that shares no code with it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

GENESIS: Final = bytes(32)
"""What stands before the first record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a log. Remembered elsewhere, it shows a log that was cut off or written anew since."""

    sequence: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Return what `str(head)` wrote. Raises ValueError."""
        sequence, _, hash_ = text.strip().partition(":")
        head = cls(sequence=int(sequence), hash=bytes.fromhex(hash_))
        if head.sequence < 1 or len(head.hash) != len(GENESIS):
            raise ValueError("a head is <sequence>:<64 hexadecimal digits>")
        return head


def seal(prev: bytes, body: bytes) -> bytes:
    """Return the hash of a record: SHA-256 over the hash before and the body's bytes as they are kept."""
    return hashlib.sha256(prev + body).digest()
