"""What is remembered of a source's records, so that what is known need not be decoded: the other half of `Source.read`.

Only the words for it: the engine remembers, and sources ask.
"""

from __future__ import annotations

from typing import Final, Protocol


class Known(Protocol):
    """What the engine remembers of a source's records: the fingerprints of their raw encodings. Safe in any thread."""

    def seen(self, fingerprint: bytes) -> bool:
        """Tell whether a record of exactly this encoding is known, and note that it is still there.

        Each record that is known answers True once; it need not be decoded, mapped or yielded then.
        """
        ...


class Unknown:
    """Remembers nothing: every record is yielded."""

    def seen(self, fingerprint: bytes) -> bool:  # noqa: ARG002
        """Return False."""
        return False


NOTHING_KNOWN: Final = Unknown()
