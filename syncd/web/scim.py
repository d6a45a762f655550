"""`/scim/v2/{source}`: providers push users and groups. Here is who may, how often and how much; what it means is `syncd.scim`'s.

A token opens one source and nothing else: any other source answers as if it did not exist. Bodies and tokens are never logged.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from syncd import telemetry
from syncd.core.errors import SyncdError, TryAgain, code_of
from syncd.scim.errors import ScimError
from syncd.scim.limits import MOST_BYTES
from syncd.scim.service import Answer, Asked, refusal
from syncd.web.access_tokens import Issuers
from syncd.web.answers import Refused
from syncd.web.bodies import BODY_SECONDS, body_of
from syncd.web.clients import Rate, client_of

if TYPE_CHECKING:
    from syncd.config.web import IssuerSettings

log = telemetry.get(__name__)

PREFIX: Final = "/scim/v2/"
SCIM: Final = "/scim/v2/{source}"
MEDIA: Final = "application/scim+json"
FRESH_SECONDS: Final = 2.0
"""Tokens are looked up so often; one that is taken back opens nothing after that."""
KEEP_SECONDS: Final = 30.0
"""Until a request must be answered; Okta waits for 60 s."""
AGAIN_SECONDS: Final = 5.0
_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
_BEARER: Final = "bearer "


class Token(Protocol):
    """What is known of a token."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def digest(self) -> bytes: ...
    def valid(self, now: datetime) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What the service hands over: which sources are pushed to, who answers, and which tokens there are."""

    sources: frozenset[str]
    ask: Callable[[str, Asked], Awaitable[Answer]]
    tokens: Callable[[], Awaitable[Sequence[Token]]]
    rate: float
    """Requests per second of one token."""
    issuers: Mapping[str, IssuerSettings] = field(default_factory=dict)
    """Who issues access tokens, by the source that they open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issued:
    """An access token that opens a source."""

    source: str

    @property
    def id(self) -> str:
        return f"issued:{self.source}"


class Endpoint:
    """Takes what providers push."""

    def __init__(
        self,
        pushed: Pushed,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        strangers: float,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        """`strangers`: how often a second one client may come with a token that opens nothing."""
        from syncd.scim import discovery

        discovery.schemas()  # loads what no request shall wait for
        self._pushed = pushed
        self._now = now
        self._clock = clock
        self._strangers = Rate(strangers)
        self._rate = Rate(pushed.rate)
        self._body_seconds = body_seconds
        self._issuers = Issuers(pushed.issuers, clock=clock) if pushed.issuers else None
        self._tokens: Sequence[Token] = ()
        self._looked_at = -math.inf
        self._looking = asyncio.Lock()
        self.app = _App(self)

    async def __call__(self, request: Request) -> Response:
        """Answer in SCIM's words, whatever happens."""
        source = request.path_params["source"]
        try:
            token = await self._opened(request, source)
            if wait := self._rate.wait(token.id, self._clock()):
                return _later(429, "There are too many requests.", wait)
            async with asyncio.timeout(KEEP_SECONDS):
                answer = await self._pushed.ask(source, await self._asked(request, source))
        except ScimError as error:
            return _response(refusal(error), request)
        except Refused as error:
            return _response(refusal(ScimError(error.status, error.problem.what)), request, error.headers)
        except _TooMany as error:
            return _later(429, "There are too many requests.", error.wait)
        except (SyncdError, TimeoutError) as error:
            log.warning("scim.not_kept", source=source, code=code_of(error))
            after = error.after.total_seconds() if isinstance(error, TryAgain) else 0.0
            return _later(503, "It cannot be kept at the moment.", max(after, AGAIN_SECONDS))
        except Exception:
            log.exception("scim.failed", source=source)
            return _response(refusal(ScimError(500, "This failed in a way that it should not.")), request)
        return _response(answer, request)

    async def _opened(self, request: Request, source: str) -> Token | _Issued:
        """Return the token that a request shows. Raises ScimError 401, and 404 for what the token does not open."""
        host = client_of(request.client.host if request.client else None)
        header = request.headers.get("authorization", "")
        shown = header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""
        digest = hashlib.sha256(shown.encode("utf-8", "surrogateescape")).digest()
        found: Token | _Issued | None = None
        for token in await self._known():
            if hmac.compare_digest(token.digest, digest) and token.valid(self._now()):
                found = token
        if found is None and self._issuers is not None and (opens := await self._issuers.opened(shown, self._now())):
            found = _Issued(source=opens)
        if found is None or not shown:
            if wait := self._strangers.wait(host, self._clock()):
                raise _TooMany(wait)
            log.warning("scim.refused", client=host)
            raise ScimError(401, "A valid bearer token is needed.")
        if found.source != source or source not in self._pushed.sources:
            raise ScimError(404, "There is no such resource.")
        return found

    async def _known(self) -> Sequence[Token]:
        if self._clock() - self._looked_at > FRESH_SECONDS:
            # Whoever comes meanwhile waits for the same look: before the first one is over, no token would be known.
            async with self._looking:
                if self._clock() - self._looked_at > FRESH_SECONDS:
                    at = self._clock()
                    self._tokens = await self._pushed.tokens()
                    self._looked_at = at
        return self._tokens

    async def _asked(self, request: Request, source: str) -> Asked:
        rest = request.path_params.get("rest", "").strip("/")
        body = b""
        if request.method in ("POST", "PUT", "PATCH"):
            body = await body_of(request, seconds=self._body_seconds, limit=MOST_BYTES)
        headers = request.headers
        return Asked(
            method=request.method,
            path=tuple(rest.split("/")) if rest else (),
            base=f"{_root(request)}{PREFIX}{source}",
            query=dict(request.query_params),
            body=body,
            if_match=headers.get("if-match", ""),
            if_none_match=headers.get("if-none-match", ""),
        )


class _App:
    """The same for a server: Starlette lets an application, unlike a function, have every method."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._endpoint(Request(scope, receive))
        await response(scope, receive, send)


class _TooMany(Exception):
    """Somebody tries tokens."""

    def __init__(self, wait: float) -> None:
        self.wait = wait


def _root(request: Request) -> str:
    """Return what the caller called us by; nothing where that is no name of a host."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host}" if _HOST.fullmatch(host) else ""


def _later(status: int, detail: str, seconds: float) -> Response:
    answer = refusal(ScimError(status, detail))
    headers = {"retry-after": str(max(1, math.ceil(seconds)))}
    return Response(answer.body, status_code=status, media_type=MEDIA, headers=headers)


def _response(answer: Answer, request: Request, more: Mapping[str, str] | None = None) -> Response:
    headers = {**answer.headers, **(more or {}), "cache-control": "no-store"}
    if answer.status == 401:
        headers["www-authenticate"] = "Bearer"
    if not answer.body:
        return Response(status_code=answer.status, headers=headers)
    # Who asks for plain JSON gets that: OneLogin does.
    accepted = request.headers.get("accept", "")
    media = "application/json" if "application/json" in accepted and "scim+json" not in accepted else MEDIA
    return Response(answer.body, status_code=answer.status, media_type=media, headers=headers)
