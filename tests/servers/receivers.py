"""Who is told: real servers on this machine that take alerts over HTTP and by SMTP, and keep what they took."""

from __future__ import annotations

import email
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from servers.ports import free_port


@dataclass(frozen=True, kw_only=True)
class Post:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = tuple[int, Mapping[str, str], bytes]
FINE: Answer = (200, {}, b"ok")


class Receiver:
    """An HTTP server that answers as it is told and keeps what it took."""

    def __init__(self, answer: Callable[[Post], Answer] = lambda _: FINE) -> None:
        self.answer = answer
        self.asked: list[Post] = []
        """Every request."""
        self.taken: list[Post] = []
        """Those that were answered with 2xx."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                post = Post(path=self.path, headers=dict(self.headers), body=body)
                receiver.asked.append(post)
                status, headers, text = receiver.answer(post)
                if 200 <= status < 300:
                    receiver.taken.append(post)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"


def pagerduty(post: Post) -> Answer:
    """Judge an event as PagerDuty's Events API v2 does (recalled): what is missing or too long is 400, what is taken is 202."""
    event = post.json
    missing = [name for name in ("routing_key", "event_action") if not event.get(name)]
    if event.get("event_action") not in ("trigger", "acknowledge", "resolve") or missing:
        return 400, {}, b'{"status":"invalid event","message":"Event object is invalid"}'
    if len(event.get("dedup_key", "")) > 255:
        return 400, {}, b'{"status":"invalid event","message":"dedup_key is too long"}'
    if event["event_action"] == "trigger":
        payload = event.get("payload", {})
        proper = payload.get("severity") in ("critical", "error", "warning", "info")
        if not payload.get("source") or not 0 < len(payload.get("summary", "")) <= 1024 or not proper:
            return 400, {}, b'{"status":"invalid event","message":"payload is invalid"}'
    return 202, {}, b'{"status":"success","message":"Event processed"}'


class Mailbox:
    """An SMTP server that keeps the mail that it took. `refusing` is what it answers to a recipient instead."""

    def __init__(
        self, *, user: str = "", password: str = "", certificate: Path | None = None, key: Path | None = None
    ) -> None:
        self.mail: list[Message] = []
        self.refusing = ""
        self._user, self._password = user.encode(), password.encode()
        wants, context = bool(user), None
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate, key)
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),  # aiosmtpd calls itself by this number once, so it cannot be left to the system
            authenticator=self._authenticated if wants else None,
            auth_require_tls=False,
            tls_context=context,
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def _authenticated(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        # Not `handled`: it is for the server to say 535.
        return AuthResult(success=data == LoginPassword(self._user, self._password), handled=False)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refusing:
            return self.refusing
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.mail.append(email.message_from_bytes(bytes(envelope.original_content or b"")))
        return "250 kept"
