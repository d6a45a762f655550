"""The applications: which address takes what. Every request is counted, a client that asks too often is told so, errors
are problems."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from syncd import telemetry
from syncd.web import answers, messages
from syncd.web.answers import Refused
from syncd.web.bodies import BODY_SECONDS
from syncd.web.callbacks import Callbacks, Taking
from syncd.web.clients import Rate, client_of
from syncd.web.intake import Intake, Waking
from syncd.web.metrics import Counts, Metrics
from syncd.web.monitoring import Look, Looking, Monitoring
from syncd.web.readiness import freshness
from syncd.web.scim import PREFIX, SCIM, Endpoint, Pushed
from syncd.web.senders import Senders

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from syncd.config.settings import Settings

log = telemetry.get(__name__)

WAKE: Final = "/v1/wake/{source}"
CALLBACK: Final = "/v1/dingtalk/{target}"
"""What administrators write into DingTalk's console; only the name is DingTalk's, any target that calls may be there."""
_PAGES: Final = ("/healthz", "/readyz", "/metrics")
QUIET_SECONDS: Final = 10.0
"""A refusal of one kind is logged at most so often; how many there were is said with the next one, and in the
metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the service hands to its HTTP side."""

    wake: Waking
    look: Looking
    called: Taking | None = None
    """Takes what the target calls to say; None where it does not call."""
    pushed: Pushed | None = None
    """Takes what providers push by SCIM; None where no source is pushed to."""
    now: Callable[[], datetime]
    """The time of day, aware UTC."""
    clock: Callable[[], float] = time.monotonic
    """Any steady clock, in seconds."""
    body_seconds: float = BODY_SECONDS
    """Until a body must be complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applications:
    """What listens on `web.listen`, and what on `web.monitoring.listen` where that is another address."""

    main: ASGIApp
    monitoring: ASGIApp | None
    look: Look = field(repr=False)


def applications(settings: Settings, served: Served) -> Applications:
    """Put everything together. Raises Misconfigured where a secret cannot be fetched or used."""
    web, counts = settings.web, Counts()
    look = Look(served.look, clock=served.clock)
    limits = freshness(web.monitoring, settings.schedule)
    monitoring = Monitoring(look, metrics=Metrics(counts), limits=limits, token=web.monitoring.token)
    pages = [
        Route("/healthz", monitoring.healthz),
        Route("/readyz", monitoring.readyz),
        Route("/metrics", monitoring.metrics),
    ]
    hooks: list[Route] = []
    if web.webhooks:
        intake = Intake(
            Senders(web.webhooks, clock=served.clock),
            wake=served.wake,
            now=served.now,
            tolerance=web.tolerance,
            taken=counts.taken,
            body_seconds=served.body_seconds,
        )
        hooks.append(Route(WAKE, intake.__call__, methods=["POST"]))
    if served.called is not None:
        callbacks = Callbacks(served.called, clock=served.clock, body_seconds=served.body_seconds)
        hooks.append(Route(CALLBACK, callbacks.__call__, methods=["POST"]))
    if served.pushed is not None:
        hooks += _scim(web.rate, served, served.pushed)

    def made(routes: Sequence[Route]) -> ASGIApp:
        gate = _Gate(Rate(web.rate), counts, clock=served.clock)
        return gate.before(Starlette(routes=[*routes], exception_handlers=gate.exceptions()))

    apart = web.monitoring.listen is not None
    return Applications(
        main=made(hooks if apart else [*hooks, *pages]), monitoring=made(pages) if apart else None, look=look
    )


def _scim(strangers: float, served: Served, pushed: Pushed) -> list[Route]:
    endpoint = Endpoint(
        pushed, now=served.now, clock=served.clock, strangers=strangers, body_seconds=served.body_seconds
    )
    # All methods: also one that SCIM has not is refused in SCIM's words.
    return [Route(path, endpoint.app) for path in (SCIM, SCIM + "/{rest:path}")]


class _Gate:
    """What is the same for every request."""

    def __init__(self, rate: Rate, counts: Counts, *, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._counts = counts
        self._clock = clock
        self._logged: dict[str, tuple[float, int]] = {}

    def before(self, app: ASGIApp) -> ASGIApp:
        """Return `app` behind the rate limit, with its answers counted."""

        async def gate(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return

            async def counted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._counts.requests[_route(scope["path"]), str(message["status"])] += 1
                await send(message)

            host = (scope.get("client") or (None,))[0]
            # Who pushes has a rate by token, because one address may push for several sources.
            pushes = scope["path"].startswith(PREFIX)
            wait = 0.0 if pushes else self._rate.wait(client_of(host), self._clock())
            if wait:
                refused = answers.later(messages.TOO_MANY, seconds=wait)
                await self._answer(refused, host)(scope, receive, counted)
            else:
                await app(scope, receive, counted)

        return gate

    def exceptions(self) -> dict[Any, Callable[[Request, Any], Awaitable[Response]]]:
        """Return what becomes of exceptions."""

        async def refused(request: Request, error: Refused) -> Response:
            return self._answer(error, request.client.host if request.client else None)

        async def unknown(request: Request, error: HTTPException) -> Response:
            told = messages.WRONG_METHOD if error.status_code == 405 else messages.NO_PAGE
            return await refused(request, Refused(error.status_code, told.at(), headers=error.headers))

        async def broken(request: Request, error: Exception) -> Response:  # noqa: ARG001 - uvicorn logs it
            return await refused(request, Refused(500, messages.BROKEN.at()))

        return {Refused: refused, HTTPException: unknown, Exception: broken}

    def _answer(self, refused: Refused, host: str | None) -> Response:
        code = refused.problem.code
        self._counts.refused[code] += 1
        at, more = self._logged.get(code, (-QUIET_SECONDS, 0))
        if self._clock() - at >= QUIET_SECONDS:
            log.warning("web.refused", code=code, status=refused.status, client=client_of(host), more=more)
            self._logged[code] = (self._clock(), 0)
        else:
            self._logged[code] = (at, more + 1)
        return answers.problem(refused)


def _route(path: str) -> str:
    """Return under which name a path is counted: one of a few, whatever is asked for."""
    if path in _PAGES:
        return path
    for route in (WAKE, CALLBACK, SCIM):
        if path.startswith(route.partition("{")[0]):
            return route
    return "other"
