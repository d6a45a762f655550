"""A domain controller to break at will: an LDAP server in memory that plays what Active Directory enforces and Samba does not.

It listens on loopback, with and without TLS, in threads of its own, and answers binds and searches; the directory is edited
through `replica`, faults are set with `script`, and everything that clients asked is in `log`. It is no directory server:
nothing is written over LDAP, there is no schema, and rights are what an `Account` says.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from servers import ldap_standin_ber as ber
from servers.certificates import Authority
from servers.ldap_standin_dirsync import changes
from servers.ldap_standin_line import Gone, Line
from servers.ldap_standin_node import Node
from servers.ldap_standin_script import (
    Become,
    Cut,
    Deed,
    Drop,
    Empty,
    Fault,
    Refuse,
    Repeat,
    Rot,
    Script,
    Silence,
    Slow,
    Step,
    Unpaged,
    spoiled,
)
from servers.ldap_standin_search import DIRSYNC, PAGED, Answer, Conversation, Limits, Search, Searching, refused
from servers.ldap_standin_tree import BASE, Replica
from servers.ldap_standin_view import Account, State
from servers.ports import free_port

_START_TLS: Final = "1.3.6.1.4.1.1466.20037"
_STRONGER: Final = (
    "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on integrity checking if SSL\\TLS are not "
    "already active on the connection, data 0, v4563"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One line of the log."""

    connection: int
    step: Step
    base: str = ""
    filter: str = ""
    attributes: tuple[str, ...] = ()
    controls: frozenset[str] = frozenset()
    code: int = 0
    """What was answered."""
    count: int = 0
    """How many entries were sent."""


class Standin:
    """A server; it serves between `with` and its end, and between `start` and `stop`."""

    def __init__(
        self, replica: Replica, *, certificate: tuple[Path, Path] | None = None, account: Account | None = None
    ):
        self.replica = replica
        self.account = account or Account()
        self.limits = Limits()
        self.requires_tls = True
        """Whether a password in plain text is refused, as the LDAP signing policy has it."""
        self.log: list[Request] = []
        self.connections = 0
        self.bad_passwords = 0
        self.host = "127.0.0.1"
        self._script = Script()
        self._trust: ssl.SSLContext | None = None
        self._lock = threading.RLock()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._listeners: list[socket.socket] = []
        self._stopped = threading.Event()
        self.plain_port, self.port = free_port(), free_port()
        if certificate:
            self.use_certificate(*certificate)

    @classmethod
    def trusted(
        cls, replica: Replica, authority: Authority, *, account: Account | None = None, days: int = 30
    ) -> Standin:
        """Return a server with a certificate of its own."""
        return cls(
            replica, certificate=authority.issue(replica.name.lower(), ip="127.0.0.1", days=days), account=account
        )

    @property
    def url(self) -> str:
        """Its address with TLS."""
        return f"ldaps://{self.host}:{self.port}"

    @property
    def plain_url(self) -> str:
        """Its address without; StartTLS is offered."""
        return f"ldap://{self.host}:{self.plain_port}"

    def use_certificate(self, certificate: Path, key: Path) -> None:
        """Show another certificate from the next connection on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._trust = context

    def script(self, *faults: Fault) -> None:
        """Set what goes wrong from now on; nothing heals everything."""
        self._script.set(faults)

    def asked(self, step: Step) -> list[Request]:
        """Return the log's lines of one kind."""
        return [each for each in self.log if each.step is step]

    # --- running ------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Standin:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; on the same ports each time."""
        self._stopped.clear()
        for secure in (False, True):
            listener = socket.create_server((self.host, self.port if secure else self.plain_port))
            self._listeners.append(listener)
            self._thread(partial(self._accept, listener, secure=secure))

    def stop(self) -> None:
        """End every connection and listen no more: nobody is there."""
        self._stopped.set()
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._listeners.clear()
        for each in list(self._open):
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._threads.clear()

    def _thread(self, work: partial[None]) -> None:
        self._threads = [each for each in self._threads if each.is_alive()]
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, *, secure: bool) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._thread(partial(self._serve, client, number, secure=secure))

    def _serve(self, client: socket.socket, number: int, *, secure: bool) -> None:
        talk = Conversation(number=number, encrypted=secure)
        line = Line(client, self._stopped, self._open)
        try:
            self._on_connection(line, talk)
            if secure and self._trust:
                line.encrypt(self._trust)
            while request := line.message():
                self._do(line, talk, request)
        except Gone as gone:
            line.reset = gone.reset
        except (OSError, ber.Broken):
            pass
        finally:
            line.close()

    def _on_connection(self, line: Line, talk: Conversation) -> None:
        self._note(talk, Step.CONNECT)
        for deed in self._script.deeds(Step.CONNECT, ""):
            self._strike(line, deed, b"")

    # --- requests -----------------------------------------------------------------------------------------------------

    def _do(self, line: Line, talk: Conversation, message: ber.Message) -> None:
        if message.operation == ber.UNBIND:
            raise Gone
        if message.operation == ber.ABANDON:
            return
        if message.operation == ber.BIND:
            self._bind(line, talk, message)
        elif message.operation == ber.SEARCH:
            self._search(line, talk, message)
        elif message.operation == ber.EXTENDED:
            self._extended(line, talk, message)
        else:
            raise Gone

    def _extended(self, line: Line, talk: Conversation, message: ber.Message) -> None:
        (_, oid), *_ = ber.items(message.body)
        if oid.decode() != _START_TLS or self._trust is None:
            line.send(ber.framed_answer(message.number, ber.result(ber.EXTENDED_DONE, 2, text="0000203D: not known")))
            return
        line.send(ber.framed_answer(message.number, ber.result(ber.EXTENDED_DONE, 0)))
        line.encrypt(self._trust)
        talk.encrypted = True

    def _bind(self, line: Line, talk: Conversation, message: ber.Message) -> None:
        _, (_, name), (method, password) = ber.items(message.body)
        answer = self._logged_on(talk, name.decode(), method, password)
        deeds = self._script.deeds(Step.BIND, name.decode())
        for deed in deeds:
            answer = spoiled(answer, deed, None)
        self._note(talk, Step.BIND, base=name.decode(), code=answer.code)
        done = ber.framed_answer(message.number, ber.result(ber.BOUND, answer.code, text=answer.text))
        self._sent(line, [], done, deeds)

    def _logged_on(self, talk: Conversation, name: str, method: int, password: bytes) -> Answer:
        talk.account = None
        if method != 0x80:
            return refused(7, "00002027: LdapErr: DSID-0C09057A, comment: not offered by the stand-in, data 0, v4563")
        if not name and not password:
            return Answer()
        if self.requires_tls and not talk.encrypted:
            return refused(8, _STRONGER)
        state = self.account.state
        if name.casefold() not in _logins(self.account):
            state = State.UNKNOWN
        elif password.decode(errors="replace") != self.account.password:
            state = State.WRONG_PASSWORD
            self.bad_passwords += 1
        if state is State.FINE:
            talk.account = self.account
            return Answer()
        comment = f"comment: AcceptSecurityContext error, data {state.value}, v4563"
        return refused(49, f"80090308: LdapErr: DSID-0C09042A, {comment}")

    def _search(self, line: Line, talk: Conversation, message: ber.Message) -> None:
        search = Search.of(message)
        step = _step(search)
        deeds = self._script.deeds(step, f"{search.base} {search.filter}")
        with self._lock:
            for deed in deeds:
                if isinstance(deed, Become):
                    self.replica = deed.replica
            before = next((paging.shown for paging in reversed(talk.pagings.values())), None)
            searching = Searching(self.replica, self.limits, talk, partial(_changes, self.limits))
            answer = searching.answer(search)
            for deed in deeds:
                answer = spoiled(answer, deed, before)
        asked = {"base": search.base, "filter": search.filter, "code": answer.code, "count": len(answer.entries)}
        self._note(talk, step, attributes=search.attributes, controls=frozenset(search.controls), **asked)
        entries = [ber.framed_answer(message.number, operation) for _, operation in answer.entries]
        entries += [ber.framed_answer(message.number, ber.reference(url)) for url in answer.references]
        result = ber.result(ber.DONE, answer.code, matched=answer.matched, text=answer.text, referral=answer.referral)
        self._sent(line, entries, ber.framed_answer(message.number, result, answer.controls), deeds)

    def _note(self, talk: Conversation, step: Step, **words: object) -> None:
        with self._lock:
            self.log.append(Request(connection=talk.number, step=step, **words))  # type: ignore[arg-type]

    def _sent(self, line: Line, entries: list[bytes], done: bytes, deeds: list[Deed]) -> None:
        for deed in deeds:
            match deed:
                case Cut(keep=keep, inside=inside):
                    half = (b"".join(entries[keep : keep + 1]) or done)[: len(entries[0]) // 2 if entries else 3]
                    self._strike(line, deed, b"".join(entries[:keep]) + (half if inside else b""))
                case Silence(keep=keep):
                    self._strike(line, deed, b"".join(entries[:keep]))
                case Slow():
                    self._strike(line, deed, b"")
                case Rot(at=at, bit=bit):
                    whole = bytearray(b"".join([*entries, done]))
                    whole[at] ^= 1 << bit
                    entries, done = [], bytes(whole)
        line.send(b"".join([*entries, done]))

    def _strike(self, line: Line, deed: Deed, first: bytes) -> None:
        match deed:
            case Cut(reset=reset):
                line.send(first)
                raise Gone(reset=reset)
            case Silence():
                line.send(first)
                line.wait()
                raise Gone
            case Slow(seconds=seconds):
                self._stopped.wait(seconds)


def _changes(limits: Limits, search: Search, view: object, base: Node, account: Account) -> Answer:
    return changes(search, view=view, base=base, account=account, limits=limits)  # type: ignore[arg-type]


def _step(search: Search) -> Step:
    if search.base == "" and search.scope == 0:
        return Step.ROOT
    if DIRSYNC in search.controls:
        return Step.DIRSYNC
    if PAGED in search.controls:
        return Step.PAGE
    return Step.OBJECT if search.scope == 0 else Step.SEARCH


def _logins(account: Account) -> Mapping[str, None]:
    """Return the forms in which an account's name may be given ([MS-ADTS] 5.1.1.1.1)."""
    short = account.name.partition("@")[0]
    forms = (account.name, f"CORP\\{short}", f"CN={short},OU=Service Accounts,{BASE}")
    return dict.fromkeys(map(str.casefold, forms))


__all__ = [
    "BASE", "Account", "Become", "Cut", "Drop", "Empty", "Fault", "Limits", "Node", "Refuse", "Repeat", "Replica", "Request",
    "Rot", "Silence", "Slow", "Standin", "State", "Step", "Unpaged",
]  # fmt: skip
