"""What a delta found to be known, kept for the full read that may follow it: whoever is known answers once only.

It changes nothing about what is known; it only remembers the few fingerprints that a delta asked for.
"""

from __future__ import annotations

from syncd.core.known import Known


class Recalled:
    """Asks on, and remembers what it was answered."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._found: set[bytes] = set()

    def seen(self, fingerprint: bytes) -> bool:
        """Tell whether a record of this encoding is known."""
        found = self._known.seen(fingerprint)
        if found:
            self._found.add(fingerprint)
        return found

    def again(self) -> Known:
        """Return what is known as if nothing had been asked for so far."""
        return _Again(self._known, self._found) if self._found else self._known


class _Again:
    def __init__(self, known: Known, found: set[bytes]) -> None:
        self._known = known
        self._found = found

    def seen(self, fingerprint: bytes) -> bool:
        if fingerprint in self._found:
            self._found.remove(fingerprint)
            return True
        return self._known.seen(fingerprint)
