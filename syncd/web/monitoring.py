"""`/healthz`, `/readyz`, `/metrics`: for those who watch over the service. Whoever asks often costs no more than who
asks seldom."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from syncd import telemetry
from syncd.config.secrets import Secret
from syncd.core.errors import Misconfigured
from syncd.core.health import Health
from syncd.web import answers, messages
from syncd.web.answers import Refused
from syncd.web.metrics import Metrics
from syncd.web.readiness import Freshness, reasons

log = telemetry.get(__name__)

KEEP_SECONDS: Final = 2.0
"""For so long a health is shown again."""
LOOK_SECONDS: Final = 5.0
"""Until a look must be over: Prometheus gives a scrape ten."""

Looking = Callable[[], Awaitable[Health]]
"""Tells how syncd stands. May be slow and may fail; is never called twice at once."""


class Unseen(Exception):
    """How syncd stands could not be looked at."""


class Look:
    """The last health, looked at anew when it is older than two seconds. All who ask meanwhile wait for one and the
    same look."""

    def __init__(self, look: Looking, *, clock: Callable[[], float]) -> None:
        """`clock` is any steady one, in seconds."""
        self._look = look
        self._clock = clock
        self._last: tuple[Health, float] | None = None
        self._looking: asyncio.Task[Health] | None = None

    async def __call__(self) -> Health:
        """Return how syncd stands. Raises Unseen."""
        if self._last is not None and self._clock() - self._last[1] < KEEP_SECONDS:
            return self._last[0]
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                health = await asyncio.shield(self._looking)
        except TimeoutError:  # it goes on, for whoever asks next
            log.warning("health.slow", seconds=LOOK_SECONDS)
            raise Unseen from None
        except Exception as error:
            log.exception("health.unseen")
            raise Unseen from error
        self._last = (health, self._clock())
        return health

    @property
    def busy(self) -> bool:
        """Tell whether somebody is looking now."""
        return self._looking is not None and not self._looking.done()

    def close(self) -> None:
        """Leave nothing running."""
        if self._looking is not None:
            self._looking.cancel()


class Monitoring:
    """The three pages."""

    def __init__(self, look: Look, *, metrics: Metrics, limits: Freshness, token: Secret | None) -> None:
        self._look = look
        self._metrics = metrics
        self._limits = limits
        self._token = token

    async def healthz(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """Answer: so the process lives and its loop turns."""
        return answers.text("ok")

    async def readyz(self, request: Request) -> Response:
        """Answer 200, or 503 with the reasons; with a token set, they are told to those who send it."""
        try:
            found = reasons(await self._look(), self._limits)
        except Unseen:
            found = (messages.UNSEEN.at(),)
        told = [{"code": each.code, "what": each.what, "do": each.do} for each in found]
        shown = {"reasons": told} if self._may(request) else {}
        return answers.json({"ready": not found, **shown}, status=503 if found else 200)

    async def metrics(self, request: Request) -> Response:
        """Answer with every metric. Raises Refused."""
        if not self._may(request):
            raise Refused(401, messages.NO_TOKEN.at(), headers={"www-authenticate": "Bearer"})
        try:
            health = await self._look()
        except Unseen:
            raise Refused(503, messages.UNSEEN.at()) from None
        ready = not reasons(health, self._limits)
        page, kind = self._metrics.render(health, ready=ready, accept=request.headers.get("accept", ""))
        return Response(page, headers={"content-type": kind, "cache-control": "no-store"})

    def _may(self, request: Request) -> bool:
        if self._token is None:
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            wanted = self._token.reveal()
        except Misconfigured as error:  # whoever asks is nobody's friend as long as nobody knows the token
            for problem in error.problems:
                log.warning("monitoring.no_token", code=problem.code, what=problem.what)
            return False
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), wanted.encode())
