"""Logging: one chain for our own events and for those of libraries, readable on a terminal, JSON under systemd.

Events are words with fields (`log.info("change.settled", change=…)`), never sentences with values in them. What the rules below
call secret is never written; what they call personal is written only where `logging.personal_data: show` says so.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO

from syncd.config.parts import LogFormat, LoggingSettings
from syncd.structured import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

bound = structlog.contextvars.bound_contextvars
__all__ = ["bound", "configure", "get"]

HIDDEN: Final = "[hidden]"

_SECRET_WORDS: Final = (
    r"passw(?:or)?d|passphrase|secret|token|credential|authori[sz]ation|cookie|api[-_]?key|app[-_]?key|private[-_]?key"
)
_SECRET_KEY: Final = re.compile(
    rf"(?:^|[-_.])(?:{_SECRET_WORDS}|sign(?:ature)?)(?:$|[-_.])|(?:{_SECRET_WORDS})$", re.IGNORECASE
)
_PERSONAL_KEY: Final = re.compile(
    r"(?:^|[-_.])(?:label|(?:display|given|family|nick|user|full|middle|first|last|login|formatted)?[-_]?name|mobile|tele?phone|"
    r"phone(?:numbers?)?|e?-?mails?|address(?:es)?|remark|title|birth(?:day|date)?|id[-_]?card|attributes|facts)$",
    re.IGNORECASE,
)
_SECRET_TEXT: Final = re.compile(
    rf"(?P<key>[\w-]*(?:{_SECRET_WORDS}|\bsign)[\w-]*[\"']?\s*[=:]\s*(?:(?:Bearer|Basic)\s+)?)"
    r"""(?:"[^"]*"|'[^']*'|[^\s&"',;}]+)|"""
    r"(?P<scheme>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]+|"
    r"(?P<user>://[^\s/:@]+:)[^\s/@]+(?=@)",
    re.IGNORECASE,
)
_PERSONAL_TEXT: Final = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?<![\w.+-])\+\d[\d -]{6,16}\d(?!\w)|(?<![\w.-])1[3-9]\d{9}(?![\w.])"
)
_LEVELS: Final = {"debug": "7", "info": "6", "warning": "4", "error": "3", "critical": "2"}
"""sd-daemon(3): a line that begins with `<N>` gets this priority in the journal."""
_CHATTY: Final = (
    *("ldap3", "httpx", "httpcore", "aiohttp", "asyncio", "uvicorn", "uvicorn.error", "uvicorn.access"),
    "alembic.runtime.plugins",
)


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a room. Run, change and source are not passed to it but `bound` around the work."""
    log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return log


def configure(settings: LoggingSettings, *, level: str | None = None, stream: TextIO | None = None) -> None:
    """Set up logging for this process: ours and everybody's. Can be called again, such as after a reload.

    `level` overrules the settings; `stream` is standard error unless a test says otherwise.
    """
    out = stream or sys.stderr
    journal = _is_journal(out)
    chain = _chain(Redaction(show_personal=settings.personal_data == "show"))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream) if stream else _ToStandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderer(_as_json(settings.format, out), colors=out.isatty(), journal=journal),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel((level or settings.level).upper())
    for name in _CHATTY:  # libraries that bring handlers of their own, or say at "info" what belongs to "debug"
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True
        library.setLevel(logging.NOTSET if root.level <= logging.DEBUG else logging.WARNING)
    logging.captureWarnings(True)


class _ToStandardError(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is now: a stream that was kept may have been closed meanwhile."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class Redaction:
    """Hides secrets always and personal data by rule: by the field's name, and by its look inside texts."""

    def __init__(self, *, show_personal: bool) -> None:
        self._show = show_personal

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for key, value in event.items():
            if key not in ("_record", "_from_structlog"):
                event[key] = self.seen(key, value)
        return event

    def seen(self, key: str, value: Any) -> Any:
        """Return what may be written of one field."""
        if value is not None and _SECRET_KEY.search(key):
            return HIDDEN
        if value and not self._show and _PERSONAL_KEY.search(key):
            return HIDDEN
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {str(name): self.seen(str(name), item) for name, item in value.items()}
            case BaseException():
                return self.text(f"{type(value).__name__}: {value}")
            case Sequence() | set() | frozenset() if not isinstance(value, bytes | bytearray):
                return [self.seen("", item) for item in value]
            case _:
                return value

    def text(self, text: str) -> str:
        """Return `text` without what looks like a secret, an address or a telephone number."""
        text = _SECRET_TEXT.sub(_without_secret, text)
        return text if self._show else _PERSONAL_TEXT.sub(HIDDEN, text)


def _without_secret(found: re.Match[str]) -> str:
    return f"{found['key'] or found['scheme'] or found['user']}{HIDDEN}"


def _chain(redaction: Redaction) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        redaction,
    ]


def _renderer(as_json: bool, *, colors: bool, journal: bool) -> list[Processor]:
    if as_json:
        line: list[Processor] = [structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True)]
    else:
        # The plain formatter: the others print local variables, and so passwords.
        line = [
            structlog.dev.ConsoleRenderer(
                colors=colors, exception_formatter=structlog.dev.plain_traceback, timestamp_key="at"
            )
        ]
    return [_WithPriority(line[0])] if journal else line


class _WithPriority:
    """Puts the journal's priority in front of each line."""

    def __init__(self, inner: Processor) -> None:
        self._inner = inner

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        priority = _LEVELS.get(str(event.get("level")), "6")
        lines = str(self._inner(logger, method, event)).splitlines()
        return "\n".join(f"<{priority}>{line}" for line in lines)


def _as_json(wanted: LogFormat, out: TextIO) -> bool:
    return wanted is LogFormat.JSON or (wanted is LogFormat.AUTO and not out.isatty())


def _is_journal(out: TextIO) -> bool:
    """Tell whether `out` is the journal: systemd.exec(5), $JOURNAL_STREAM holds the device and inode of the stream."""
    named = os.environ.get("JOURNAL_STREAM", "")
    try:
        there = os.fstat(out.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return named == f"{there.st_dev}:{there.st_ino}"
