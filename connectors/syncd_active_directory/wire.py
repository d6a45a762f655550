"""One connection to one server: TLS, bind, paged searches that yield raw entries. Only it and `wire_writing` call ldap3.

Everything here blocks, and runs in a thread. It never follows a referral, never re-connects in the middle of a read, and never
returns less than the server had: a search that does not end well raises. ldap3 is asked for raw bytes only (no schema, no
formatters, no invented empty attributes, no automatic ranges), so that its decoding can be replaced (see `seam`).
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from ldap3 import BASE, DEREF_NEVER, NONE, SIMPLE, SUBTREE, SYNC, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException

from syncd.core.errors import Message, NeedsHuman, SyncdError, TryAgain, foreign
from syncd_active_directory import messages
from syncd_active_directory.answers import Answer, RawPage, informed_of, page_of
from syncd_active_directory.asking import PAGED, Control, paging, sent
from syncd_active_directory.decode import guid
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.logon import log_on
from syncd_active_directory.seam import Seam, Stock
from syncd_active_directory.settings import DirectorySettings

__all__ = ["Answer", "Certificate", "Control", "RawPage", "Wire"]

_ANYTHING: Final = "(objectClass=*)"
_NO_SUCH_OBJECT: Final = 32
_OPENING: Final = "socket connection error while opening: "
_SOON: Final = timedelta(minutes=1)
_RANGE: Final = re.compile(r"(?P<name>.+);range=(?P<first>\d+)-(?P<last>\d+|\*)", re.IGNORECASE)
_RANGED: Final = re.compile(rb";range=", re.IGNORECASE)
"""Seldom in an entry that has no range, so that few are decoded for nothing."""
_BIND_WORD: Final = re.compile(r"\bdata ([0-9a-f]+)\b", re.IGNORECASE)
_REFUSALS: Final[Mapping[int, tuple[type[NeedsHuman | TryAgain], Message]]] = {
    # LDAP result codes, RFC 4511 appendix A.2
    3: (TryAgain, messages.LIMIT),
    4: (TryAgain, messages.LIMIT),
    8: (NeedsHuman, messages.NEEDS_TLS),
    10: (NeedsHuman, messages.NO_BASE),
    11: (TryAgain, messages.LIMIT),
    12: (NeedsHuman, messages.NO_PAGES),
    32: (NeedsHuman, messages.NO_BASE),
    50: (NeedsHuman, messages.FORBIDDEN),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the server showed."""

    subject: str
    issuer: str
    not_after: float
    """Seconds since 1970."""


class Wire:
    """A connection to one server, bound with the service account once `open` returned."""

    def __init__(self, address: str, settings: DirectorySettings, trust: ssl.SSLContext) -> None:
        parts = urlsplit(address)
        self.address = address
        self._settings = settings
        self.always: tuple[Control, ...] = ()
        """Sent along with each search: what the server's dialect needs (`Dialect.controls`)."""
        self._aborted = threading.Event()
        self._tls = _Verified(trust)
        secure = parts.scheme == "ldaps"
        host = parts.hostname or ""
        port = parts.port or (636 if secure else 389)
        server = Server(
            host, port, use_ssl=secure, tls=self._tls, get_info=NONE, connect_timeout=settings.connect_seconds
        )
        self._secure = secure
        self._connection = Connection(
            server,
            user=settings.user or None,
            password=None,
            authentication=SIMPLE,
            client_strategy=SYNC,
            receive_timeout=settings.receive_seconds,
            check_names=False,
            read_only=True,
            auto_referrals=False,
            auto_range=False,
            auto_encode=False,
            return_empty_attributes=False,
        )
        self._connection.strategy.__class__ = Seam if settings.decoding == "fast" else Stock

    def connect(self) -> None:
        """Reach the server and encrypt. Raises `TryAgain` (not reachable) or `NeedsHuman` (the certificate)."""
        self._tls.failure = None
        try:
            self._connection.open(read_server_info=False)
            if not self._secure and self._settings.start_tls:
                self._connection.start_tls(read_server_info=False)
        except (LDAPException, OSError) as error:
            self.close()
            raise self._not_connected(error) from None
        if self._aborted.is_set():
            self.close()
            raise self._cut("connecting", "given up")

    def bind(self) -> None:
        """Log on. Raises `NeedsHuman` with the reason that the server gives, or `TryAgain`."""
        with self._told("logging on"):
            done = log_on(self._connection, self._settings, server=self.address)
        if not done:
            raise self._bind_refused(self._connection.result or {})

    def certificate(self) -> Certificate | None:
        """Return the server's certificate, None on an unencrypted connection."""
        if not isinstance(self._connection.socket, ssl.SSLSocket):
            return None
        shown: Any = self._connection.socket.getpeercert() or {}
        return Certificate(
            subject=_spelled(shown.get("subject", ())),
            issuer=_spelled(shown.get("issuer", ())),
            not_after=ssl.cert_time_to_seconds(shown["notAfter"]),
        )

    def entry(self, base: str, wanted: Sequence[str], *, doing: str) -> RawEntry | None:
        """Return one object, None if the server shows nothing."""
        page = self._search(base=base, scope=BASE, filter_=_ANYTHING, wanted=wanted, doing=doing)
        return page.entries[0] if page.entries else None

    def present(
        self, name: str, wanted: Sequence[str], *, doing: str, controls: Sequence[Control] = ()
    ) -> RawEntry | None:
        """Return one object, None if there is none of this name, or none that the account may see."""
        self._ask(doing, base=name, scope=BASE, filter_=_ANYTHING, wanted=wanted, controls=(*self.always, *controls))
        result = self._connection.result
        if result["result"] == _NO_SUCH_OBJECT:
            return None
        if result["result"] != 0:
            raise self._refused(result, base=name, doing=doing)
        response, self._connection.response = self._connection.response, None
        entries = page_of(response).entries
        return entries[0] if entries else None

    def pages(
        self,
        *,
        base: str,
        filter_: str,
        wanted: Sequence[str],
        doing: str,
        scope: str = SUBTREE,
        controls: Sequence[Control] = (),
    ) -> Iterator[RawPage]:
        """Yield a search page by page until the server says that nothing is left; ranges are followed.

        `controls` are sent besides those of `always`; `scope` is one of ldap3's words, BASE, LEVEL or SUBTREE.
        """
        cookie: bytes | None = None
        while True:
            page = self._search(
                base=base,
                scope=scope,
                filter_=filter_,
                wanted=wanted,
                doing=doing,
                paged=True,
                cookie=cookie,
                controls=controls,
            )
            control = (self._connection.result.get("controls") or {}).get(PAGED)
            if control is None:
                raise NeedsHuman(messages.NO_PAGES.at(server=self.address))
            entries = tuple(self._whole(entry, doing) if _RANGED.search(entry.raw) else entry for entry in page.entries)
            yield RawPage(entries=entries, continuations=page.continuations)
            cookie = control["value"]["cookie"]
            if not cookie:
                return

    def answer(
        self, *, base: str, filter_: str, wanted: Sequence[str], control: Control, most: int, doing: str
    ) -> Answer:
        """Return what comes of a search with `control`, below `base`, without pages and of at most `most` entries (0: no limit).

        A result other than success is returned, not raised: `refused` makes an error of it.
        """
        controls = (*self.always, control)
        self._ask(doing, base=base, scope=SUBTREE, filter_=filter_, wanted=wanted, controls=controls, most=most)
        result, response = self._connection.result, self._connection.response
        self._connection.response = None
        return Answer(
            code=result["result"],
            text=foreign(result["message"] or result["description"] or ""),
            entries=page_of(response).entries,
            informed=tuple(informed_of(response)),
            controls={oid: control["value"] for oid, control in (result.get("controls") or {}).items()},
        )

    def refused(self, answer: Answer, *, base: str, doing: str) -> SyncdError:
        """Return the error that an answer amounts to."""
        return self._refused({"result": answer.code, "description": answer.text}, base=base, doing=doing)

    def begin(
        self, *, base: str, filter_: str, wanted: Sequence[str], scope: str = SUBTREE, controls: Sequence[Control] = ()
    ) -> int:
        """Send a search and return its number. What comes of it is taken from `line`; nothing else may be asked here then."""
        with self._told("listening"):
            return sent(self._connection, base=base, scope=scope, filter_=filter_, wanted=wanted, controls=controls)

    @property
    def line(self) -> socket.socket:
        """The socket, encrypted or not. Raises `TryAgain` if there is none any more."""
        line: socket.socket | None = self._connection.socket
        if line is None:
            raise self._cut("listening", "the connection is closed")
        return line

    def abort(self) -> None:
        """End whatever runs on this connection; may be called from another thread, at any time."""
        self._aborted.set()
        running = self._connection.socket
        if running is not None:
            # The plain socket's shutdown: SSLSocket's own would pull the TLS object from under the reading thread.
            with suppress(OSError):
                socket.socket.shutdown(running, socket.SHUT_RDWR)

    def close(self) -> None:
        """Say good-bye if the server still listens, and close the socket."""
        left = self._connection.socket
        with suppress(LDAPException, OSError):
            if self._aborted.is_set():
                self._connection.strategy.close()
            else:
                self._connection.unbind()
        # ldap3 forgets to close a socket that it could not connect.
        if left is not None:
            left.close()

    def _search(
        self,
        *,
        base: str,
        scope: str,
        filter_: str,
        wanted: Sequence[str],
        doing: str,
        paged: bool = False,
        cookie: bytes | None = None,
        controls: Sequence[Control] = (),
    ) -> RawPage:
        page = (paging(self._settings.page_size, cookie or b""),) if paged else ()
        self._ask(
            doing, base=base, scope=scope, filter_=filter_, wanted=wanted, controls=(*self.always, *controls, *page)
        )
        result = self._connection.result
        if result["result"] != 0:
            raise self._refused(result, base=base, doing=doing)
        response, self._connection.response = self._connection.response, None
        return page_of(response)

    def _ask(self, doing: str, *, controls: Sequence[Control], most: int = 0, **search: Any) -> None:
        """Search; the answer is in the connection then, as ldap3 leaves it."""
        with self._told(doing):
            if isinstance(self._connection.strategy, Seam):
                number = sent(self._connection, controls=controls, most=most, **search)
                self._connection.strategy.answered(number)
            else:
                self._connection.search(
                    search["base"],
                    search["filter_"],
                    search["scope"],
                    dereference_aliases=DEREF_NEVER,
                    attributes=list(search["wanted"]),
                    size_limit=most,
                    controls=list(controls) or None,
                )

    def _whole(self, entry: RawEntry, doing: str) -> RawEntry:
        """Return the entry with the rest of the values of which the server gave only a range ([MS-ADTS] 3.1.1.3.1.3.3)."""
        if not any(";range=" in name.lower() for name in entry.attributes):
            return entry
        whole: dict[str, list[bytes]] = {}
        for name, values in entry.attributes.items():
            part = _RANGE.fullmatch(name)
            if part is None:
                whole.setdefault(name, []).extend(values)
            elif values or part["first"] == "0":
                whole.setdefault(part["name"], []).extend(self._all_values(entry, part, values, doing))
        return RawEntry(dn=entry.dn, attributes=whole)

    def _all_values(self, entry: RawEntry, part: re.Match[str], values: Sequence[bytes], doing: str) -> list[bytes]:
        found = list(values)
        last = part["last"]
        # By GUID: the object may be renamed while it is read ([MS-ADTS] 3.1.1.3.1.2.4).
        base = f"<GUID={guid(entry.attributes['objectGUID'][0])}>" if "objectGUID" in entry.attributes else entry.dn
        while last != "*":
            asked = f"{part['name']};range={int(last) + 1}-*"
            more = self.entry(base, [asked], doing=doing)
            matches = [(_RANGE.fullmatch(name), each) for name, each in (more.attributes if more else {}).items()]
            following = next(((match, each) for match, each in matches if match), None)
            if following is None:
                raise self._cut(doing, f"{part['name']} ended in the middle")
            last = following[0]["last"]
            found.extend(following[1])
        return found

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (LDAPException, OSError) as error:
            self.close()
            raise self._cut(doing, str(error)) from None

    def _cut(self, doing: str, reason: str) -> TryAgain:
        return TryAgain(messages.CUT.at(server=self.address, doing=doing, reason=foreign(reason)), after=_SOON)

    def _refused(self, result: Mapping[str, Any], *, base: str, doing: str) -> SyncdError:
        kind, told = _REFUSALS.get(result["result"], (TryAgain, messages.SERVER_ERROR))
        reason = foreign(f"{result['result']} {result['description']}")
        problem = told.at(server=self.address, base=base, doing=doing, reason=reason)
        return TryAgain(problem, after=_SOON) if kind is TryAgain else NeedsHuman(problem)

    def _bind_refused(self, result: Mapping[str, Any]) -> SyncdError:
        self.close()
        code = result.get("result")
        if code == 49:
            word = _BIND_WORD.search(str(result.get("message", "")))
            told = messages.BIND_CODES.get(word[1].lower() if word else "", messages.WRONG_PASSWORD)
            return NeedsHuman(told.at(server=self.address))
        if code == 8:
            return NeedsHuman(messages.NEEDS_TLS.at(server=self.address))
        if code in (51, 52):  # busy, unavailable
            return self._refused(result, base="", doing="logging on")
        reason = foreign(f"{code} {result.get('description', '')}")
        return NeedsHuman(messages.BIND_REFUSED.at(server=self.address, reason=reason))

    def _not_connected(self, error: Exception) -> SyncdError:
        failure = self._tls.failure
        words: dict[str, object] = {
            "server": self.address,
            "reason": foreign(str(failure or error).removeprefix(_OPENING)),
        }
        if isinstance(failure, ssl.SSLCertVerificationError):
            words["reason"] = foreign(failure.verify_message)
            # X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH (OpenSSL x509_vfy.h)
            told = {10: messages.EXPIRED, 62: messages.OTHER_NAME, 64: messages.OTHER_NAME}
            return NeedsHuman(told.get(failure.verify_code, messages.UNTRUSTED).at(**words))
        if failure is not None:
            return TryAgain(messages.TLS_FAILED.at(**words), after=_SOON)
        if "invalid server address" in str(error):
            words["reason"] = "the name is not known"
        return TryAgain(messages.UNREACHABLE.at(**words), after=_SOON)


class _Verified(Tls):  # type: ignore[misc]  # ldap3 has no types
    """TLS by the standard library's rules: verified chain, verified name, TLS 1.2 or later, and the failure kept as it was.

    ldap3 2.9.1 checks names with `ssl.match_hostname`, which newer Pythons have dropped, and turns errors into text.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context
        self.failure: Exception | None = None

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002
        try:
            connection.socket = self._context.wrap_socket(connection.socket, server_hostname=connection.server.host)
        except OSError as error:
            self.failure = error
            raise


def _spelled(name: Sequence[Sequence[tuple[str, str]]]) -> str:
    return foreign(", ".join(f"{key}={value}" for part in name for key, value in part))
