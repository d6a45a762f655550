"""The decoding seam: ldap3 connects, binds, asks and answers for every message, except that entries are kept as they came.

Stock ldap3 spends nine tenths of a read in decoding entries, twice each. Here one method of its strategy is replaced: messages
are found by their lengths in what was received, entries of the search at hand become `RawEntry` (bytes, decoded when asked for),
and all others go to ldap3's own decoder. What goes wrong raises what ldap3 raises. Nothing is kept from one call to the next.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from ldap3 import DIGEST_MD5
from ldap3.core.exceptions import (
    LDAPExceptionError,
    LDAPExtensionError,
    LDAPSocketReceiveError,
    communication_exception_factory,
)
from ldap3.strategy.base import RESPONSE_COMPLETE, SESSION_TERMINATED_BY_SERVER, TRANSACTION_ERROR
from ldap3.strategy.sync import SyncStrategy
from ldap3.utils.asn1 import decode_message_fast

from syncd_active_directory.entry import (
    ENTRY,
    INTEGER,
    SEQUENCE,
    Malformed,
    RawEntry,
    element,
    fingerprint,
    parent_bytes,
)

__all__ = ["RawEntry", "Seam", "Stock", "check", "entries", "entry_opening", "fingerprint", "parent_bytes", "size_of"]

_CHUNK: Final = 128 * 1024
_LONGEST: Final = 256 * 1024 * 1024
"""Bytes in one message. A server that announces more is not one: nobody's group has so many members."""
_DEEPEST: Final = 16
"""How deep a message other than an entry nests; a referral or a control needs six."""
_PARTIAL: Final = frozenset({"searchResEntry", "searchResRef", "intermediateResponse"})
_DISCONNECTION: Final = "1.3.6.1.4.1.1466.20036"  # RFC 4511 §4.4.1
_NOVELL_TRANSACTION: Final = "2.16.840.1.113719.1.27.103.4"
_EXTENDED: Final = 0x78
_UNLIKE: Final = "not built as LDAP builds it"


_STUMBLES: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What ldap3's decoder raises on messages that are none, besides exceptions of its own."""


class Stock(SyncStrategy):  # type: ignore[misc]  # ldap3 has no types
    """ldap3's synchronous strategy as it is, except that garbage raises an exception of ldap3."""

    def _get_response(self, message_id: int, timeout: float) -> Any:
        try:
            return super()._get_response(message_id, timeout)
        except _STUMBLES:
            raise self._failed(f"malformed message received: {_UNLIKE}") from None

    def _failed(self, reason: str) -> LDAPExceptionError:
        self.connection.last_error = reason
        return LDAPSocketReceiveError(reason)


class Seam(Stock):
    """ldap3's synchronous strategy with one method replaced. Give it to a connection by `connection.strategy.__class__ = Seam`.

    Wants `auto_range=False` and `return_empty_attributes=False`: with these ldap3 looks into entries after they were received.
    """

    def _get_response(self, message_id: int, timeout: float) -> Any:
        if _signed(self.connection) or self.connection.usage:
            # Messages that are wrapped once more (RFC 4422 §3.7), or counted: ldap3 does that in the middle of its own loop.
            return super()._get_response(message_id, timeout)
        opening = entry_opening(message_id)
        responses: list[Any] = []
        held, need, complete = b"", 0, False
        # What comes in one piece with the result is read, too, as ldap3 does: it can be nothing but a notice.
        while held or not complete:
            held = self._more(held, need)
            if not held:
                if complete:
                    break
                return SESSION_TERMINATED_BY_SERVER
            at = 0
            while at < len(held):
                at = at if complete else entries(held, at, opening, responses)
                need = self._size(held, at)
                if not 0 < need <= len(held) - at:
                    break
                told = self._other(held[at : at + need], message_id, responses, complete=complete)
                if isinstance(told, str):
                    return told
                complete = complete or told
                at, need = at + need, 0
            held = held[at:]
        responses.append(RESPONSE_COMPLETE)
        return responses

    def answered(self, message_id: int) -> None:
        """Take the answer to a search that ldap3 did not send, and leave it in the connection as after one of its own."""
        self._outstanding[message_id] = {"type": "searchRequest"}
        self.post_send_search(message_id)

    def _more(self, held: bytes, need: int) -> bytes:
        """Return `held` and what follows, `need` bytes at least and one more than before; nothing if the server hung up."""
        parts, have = [held], len(held)
        need = max(need, have + 1)
        while have < need:
            try:
                part = self.connection.socket.recv(_CHUNK)
            except (OSError, AttributeError) as error:
                raise self._not_received(error) from None
            if not part:
                return b""
            parts.append(part)
            have += len(part)
        return b"".join(parts)

    def _size(self, data: bytes, at: int) -> int:
        try:
            return size_of(data, at)
        except Malformed as error:
            raise self._failed(f"malformed message received: {error}") from None

    def _other(self, message: bytes, message_id: int, responses: list[Any], *, complete: bool) -> bool | str:
        """Take one message that is no plain entry. Return whether it is the last, or ldap3's word for what it means."""
        number, tag, place = self._opened(message)
        if number == message_id and not complete:
            if tag == ENTRY:
                responses.append(RawEntry.received(message[place[0] : place[1]], message[place[1] :]))
                return False
            responses.append(self._answer(message))
            return responses[-1]["type"] not in _PARTIAL
        if number == 0:
            name = self._answer(message).get("responseName")
            if name == _DISCONNECTION:
                return str(SESSION_TERMINATED_BY_SERVER)
            if name == _NOVELL_TRANSACTION:
                return str(TRANSACTION_ERROR)
            raise self._failed("unknown unsolicited notification from server")
        if tag == _EXTENDED:
            raise LDAPExtensionError("multiple extended responses to a single extended request")
        raise self._failed("invalid messageId received")

    def _opened(self, message: bytes) -> tuple[int, int, tuple[int, int]]:
        """Return the number of a message, and tag and place of its protocol op. Raises if any length in it is wrong."""
        try:
            start, end = element(message, 0, len(message), SEQUENCE)
            begins, op = element(message, start, end, INTEGER)
            if not begins < op < end:
                raise Malformed("no protocol op")
            after = element(message, op, end, message[op])[1]
            check(message, after if message[op] == ENTRY else start, end)
        except Malformed as error:
            raise self._failed(f"malformed message received: {error}") from None
        return int.from_bytes(message[begins:op], "big", signed=True), message[op], (op, after)

    def _answer(self, message: bytes) -> dict[str, Any]:
        """Return what ldap3 makes of a message. Where its decoder stumbles, it does not raise exceptions of its own."""
        try:
            answer: dict[str, Any] = self.decode_response_fast(decode_message_fast(message))
        except _STUMBLES:
            raise self._failed(f"malformed message received: {_UNLIKE}") from None
        return answer

    def _not_received(self, error: Exception) -> LDAPExceptionError:
        # Word for word what ldap3 does in the same place.
        self.connection.last_error = f"error receiving data: {error}"
        with suppress(OSError, LDAPExceptionError):
            self.close()
        kind = communication_exception_factory(LDAPSocketReceiveError, type(error)(str(error)))
        failure: LDAPExceptionError = kind(self.connection.last_error)
        return failure


def entry_opening(message_id: int) -> bytes:
    """Return what stands at the beginning of each entry of a search, after the message's own tag and length."""
    size = message_id.bit_length() // 8 + 1
    return bytes((INTEGER, size)) + message_id.to_bytes(size, "big") + bytes((ENTRY,))


def entries(data: bytes, at: int, opening: bytes, found: list[Any]) -> int:
    """Append the entries that begin at `at`, one after the other, to `found`.

    Return where they end: where a message of another kind begins, or one that is not complete or not plain. No byte is looked
    into beyond what is needed to find the next message.
    """
    new, append, number = RawEntry.__new__, found.append, int.from_bytes
    end, skip = len(data), len(opening)
    try:
        while True:
            size, body = data[at + 1], at + 2
            if size > 127:
                body += size & 127
                size = number(data[at + 2 : body], "big")
            stop = body + size
            if stop > end or data[at] != SEQUENCE or not data.startswith(opening, body):
                return at
            size, inner = data[body + skip], body + skip + 1
            if size > 127:
                inner += size & 127
                size = number(data[body + skip + 1 : inner], "big")
            if inner + size != stop:
                return at
            entry = new(RawEntry)
            entry.raw = data[body + skip - 1 : stop]
            append(entry)
            at = stop
    except IndexError:
        return at


def size_of(data: bytes, at: int) -> int:
    """Return how many bytes the message at `at` has, 0 if not even its length is complete. Raises `Malformed`."""
    head = data[at : at + 2]
    if head[:1] not in (b"", b"\x30"):
        raise Malformed(f"type {head[0]:02x} where {SEQUENCE:02x} should be")
    if len(head) < 2 or head[1] < 128:
        return 2 + head[1] if len(head) == 2 else 0
    start = at + 2 + (head[1] & 127)
    if head[1] in (128, 255):
        raise Malformed("a length that LDAP does not have")
    size = start - at + int.from_bytes(data[at + 2 : start], "big")
    if size > _LONGEST:
        raise Malformed(f"a message of {size} bytes")
    return size if start <= len(data) else 0


def check(data: bytes, at: int, end: int, depth: int = 0) -> None:
    """Raise `Malformed` unless [at, end) is elements side by side, and so is what those hold that hold others."""
    if depth > _DEEPEST:
        raise Malformed("too deep")
    while at < end:
        tag = data[at]
        start, at = element(data, at, end, tag)
        if tag & 31 == 31:
            raise Malformed("a type that LDAP does not have")
        if tag & 32:
            check(data, start, at, depth + 1)


def _signed(connection: Any) -> bool:
    return connection.sasl_mechanism == DIGEST_MD5 and bool(connection._digest_md5_kis)
