"""`POST /v1/dingtalk/{target}`: the target itself says that somebody was changed in it, and is answered when that is kept.

Who called, the connector finds out from the signature; a call that is not the target's is answered 403 and not told why. Bodies
are never logged. It understands nothing: what a call says is the engine's and the connector's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from syncd import telemetry
from syncd.core.callbacks import NotTheirs
from syncd.core.errors import Misconfigured, SyncdError, TryAgain
from syncd.web import answers, messages
from syncd.web.answers import Refused
from syncd.web.bodies import BODY_SECONDS, body_of

log = telemetry.get(__name__)

KEEP_SECONDS: Final = 10.0
"""Until what was said must be kept. DingTalk waits 2.5 s and then calls again: it is answered then."""
RETRY_SECONDS: Final = 5.0
QUIET_SECONDS: Final = 10.0
"""One reason to refuse is logged at most so often."""

Taking = Callable[[str, Mapping[str, str], bytes], Awaitable[bytes | None]]
"""Keeps what a call says; returns what to answer when it is durable, None where nobody of that name takes calls.
Raises `NotTheirs` for one that is not the target's, and another SyncdError where it cannot be kept."""


class Callbacks:
    """Takes what the target calls to say."""

    def __init__(self, take: Taking, *, clock: Callable[[], float], body_seconds: float = BODY_SECONDS) -> None:
        self._take = take
        self._clock = clock
        self._body_seconds = body_seconds
        self._logged: dict[str, float] = {}

    async def __call__(self, request: Request) -> Response:
        """Answer what the target wants to hear, once everything that was told is durable. Raises Refused."""
        body = await body_of(request, seconds=self._body_seconds)
        answer = await self._kept(request.path_params["target"], dict(request.query_params), body)
        if answer is None:
            raise Refused(404, messages.NO_PAGE.at())
        return answers.raw(answer)

    async def _kept(self, target: str, query: Mapping[str, str], body: bytes) -> bytes | None:
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                return await self._take(target, query, body)
        except NotTheirs as error:
            self._say("callback.refused", error.problem.code, error.problem.what)
            raise Refused(403, messages.NOT_THE_TARGET.at()) from None
        except SyncdError as error:
            problem = error.problems[0] if isinstance(error, Misconfigured) else getattr(error, "problem", None)
            self._say("callback.not_kept", problem.code if problem else "", problem.what if problem else "")
            after = error.after.total_seconds() if isinstance(error, TryAgain) else 0
            raise answers.later(messages.NOT_KEPT, seconds=max(after, RETRY_SECONDS)) from None
        except TimeoutError:
            self._say("callback.not_kept", "", "the store did not answer in time")
            raise answers.later(messages.NOT_KEPT, seconds=RETRY_SECONDS) from None
        except Exception:
            log.exception("callback.not_kept")
            raise answers.later(messages.NOT_KEPT, seconds=RETRY_SECONDS) from None

    def _say(self, event: str, code: str, what: str) -> None:
        """Log a reason, of which there are few, unless it has just been said: whoever calls may call often."""
        now = self._clock()
        if now - self._logged.get(what, now - QUIET_SECONDS) >= QUIET_SECONDS:
            self._logged[what] = now
            log.warning(event, code=code, what=what)
