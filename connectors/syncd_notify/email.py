"""Alerts by e-mail over SMTP. All messages about one problem stand in one thread of the reader's mailbox.

It speaks to one server that relays, waits for its answer, and trusts no certificate that the system does not. What happens to a
message behind that server cannot be known here.
"""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from syncd.config.durations import Duration
from syncd.config.secrets import Secret
from syncd.core.errors import Message, NeedsHuman, SyncdError, TryAgain, foreign
from syncd.core.ports import Alert, Standing, Verdict
from syncd.roots import tls
from syncd.structured import structlog
from syncd_notify.messages import MAIL_BUSY, MAIL_NOT_SAFE, MAIL_REFUSED
from syncd_notify.posting import Channel, Plain, cut

log = structlog.get_logger(__name__)

TITLE_LIMIT: Final = 200
TEXT_LIMIT: Final = 20_000
_ADDRESS: Final = r"^[^@\s<>,;]+@[^@\s<>,;]+$"
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}


class EmailSettings(Channel):
    """A mail server, and who gets the mail."""

    host: str = Field(min_length=1)
    """The mail server, by the name that its certificate has."""
    port: int | None = Field(None, ge=1, le=65_535)
    """Its port; without one, the usual one: 587 for `starttls`, 465 for `tls`, 25 for `none`."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is kept secret. `none` is for a server on this machine."""
    user: str = ""
    """The account at the mail server; empty for none."""
    password: Secret | None = None
    """Its password."""
    sender: str = Field(pattern=_ADDRESS)
    """The address that mail comes from."""
    to: list[str] = Field(min_length=1)
    """The addresses that get it."""
    ca_file: Path | None = None
    """A PEM file of the only roots to trust; without one, the system's. A relative path starts at the folder of syncd.yaml."""
    timeout: Duration = timedelta(seconds=20)
    """How long each answer of the server may take."""


class Email(Plain):
    """Sends mail."""

    settings: ClassVar[type[Any]] = EmailSettings

    async def send(self, alert: Alert) -> None:
        settings: EmailSettings = self._settings
        mail = mail_of(alert, settings)
        mail["Date"] = format_datetime(self._room.now())
        await asyncio.to_thread(self._hand_over, mail)

    async def check(self) -> AsyncIterator[Verdict]:
        """Connect and sign in, and send nothing."""
        settings: EmailSettings = self._settings
        try:
            await asyncio.to_thread(self._greet)
        except (NeedsHuman, TryAgain) as error:
            yield Verdict(name="mail server", standing=Standing.FAILED, seen="not let in", problem=error.problem)
        else:
            how = f"signed in as {settings.user}" if settings.user else "without a sign-in"
            yield Verdict(name="mail server", standing=Standing.OK, seen=f"{settings.host}, {settings.security}, {how}")

    def _greet(self) -> None:
        settings: EmailSettings = self._settings
        password = settings.password.reveal() if settings.password else ""
        try:
            with self._connected() as server:
                if settings.user:
                    server.login(settings.user, password)
                server.noop()
        except (smtplib.SMTPException, OSError) as error:
            raise _told(error, settings.host) from None

    def _hand_over(self, mail: EmailMessage) -> None:
        settings: EmailSettings = self._settings
        password = settings.password.reveal() if settings.password else ""
        try:
            with self._connected() as server:
                if settings.user:
                    server.login(settings.user, password)
                refused = server.send_message(mail)
        except (smtplib.SMTPException, OSError) as error:
            raise _told(error, settings.host) from None  # its own text can repeat addresses
        if refused:
            log.warning("email.recipients_refused", channel=self._room.name, number=len(refused))

    def _connected(self) -> smtplib.SMTP:
        settings: EmailSettings = self._settings
        port, seconds = settings.port or _PORTS[settings.security], settings.timeout.total_seconds()
        if settings.security == "none":
            return smtplib.SMTP(settings.host, port, timeout=seconds)
        context = tls(self._room.base / settings.ca_file if settings.ca_file else None)
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, port, timeout=seconds, context=context)
        server = smtplib.SMTP(settings.host, port, timeout=seconds)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server


def mail_of(alert: Alert, settings: EmailSettings) -> EmailMessage:
    """Return an alert as mail. A message that is sent again has the same Message-ID, by which mailboxes know it."""
    domain = settings.sender.partition("@")[2]
    thread = f"<{hashlib.blake2b(alert.key.encode(), digest_size=16).hexdigest()}.alert@{domain}>"
    mail = EmailMessage()
    mail["Subject"] = cut(" ".join(alert.title.split()), TITLE_LIMIT)
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.to)
    mail["References"] = thread
    if alert.message:
        mail["Message-ID"] = f"<{alert.message}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers, please
    if alert.severity == "critical" and not alert.resolved:
        mail["X-Priority"] = "1"
    mail.set_content(cut(alert.text, TEXT_LIMIT) + "\n")
    return mail


def _told(error: smtplib.SMTPException | OSError, host: str) -> SyncdError:
    """Return our error for one of the library's; the server's codes of 4xx say "later"."""
    again: Callable[[Message, str], SyncdError] = lambda told, why: TryAgain(told.at(host=host, why=why))  # noqa: E731
    match error:
        case ssl.SSLCertVerificationError():
            return NeedsHuman(MAIL_NOT_SAFE.at(host=host, why=foreign(error.verify_message)))
        case smtplib.SMTPNotSupportedError():
            return NeedsHuman(MAIL_NOT_SAFE.at(host=host, why="it offers neither what was asked for nor anything safe"))
        case smtplib.SMTPRecipientsRefused():
            codes = [code for code, _ in error.recipients.values()]
            if all(500 <= code < 600 for code in codes):
                return NeedsHuman(MAIL_REFUSED.at(host=host, why=f"every recipient was refused ({codes[0]})"))
            return again(MAIL_BUSY, f"no recipient was taken ({codes[0]})")
        case smtplib.SMTPResponseException() if 500 <= error.smtp_code < 600:
            return NeedsHuman(MAIL_REFUSED.at(host=host, why=f"{type(error).__name__} {error.smtp_code}"))
        case smtplib.SMTPResponseException():
            return again(MAIL_BUSY, f"{type(error).__name__} {error.smtp_code}")
        case OSError() if error.strerror:
            return again(MAIL_BUSY, foreign(error.strerror))
    return again(MAIL_BUSY, type(error).__name__)
