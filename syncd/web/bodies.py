"""The body of a request: no more of it than is allowed, and no longer. It understands nothing of what is in it."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request

from syncd.core.errors import Problem
from syncd.web import messages
from syncd.web.answers import Refused

BODY_LIMIT: Final = 64 * 1024
"""Bytes of one body."""
BODY_SECONDS: Final = 10.0
"""Until a body must be complete."""


async def body_of(request: Request, *, seconds: float = BODY_SECONDS, limit: int = BODY_LIMIT) -> bytes:
    """Read the body. Raises Refused: 413 for one that is too large, 408 for one that is too slow, 400 for half of one."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise Refused(413, messages.TOO_LARGE.at(limit=limit))
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    raise Refused(413, messages.TOO_LARGE.at(limit=limit))
    except TimeoutError:
        raise _closing(408, messages.TOO_SLOW.at(seconds=f"{seconds:g}")) from None
    except ClientDisconnect:  # nobody is there to read the answer
        raise _closing(400, messages.NOT_AN_EVENT.at(why="the connection ended before the body")) from None
    return bytes(body)


def _closing(status: int, problem: Problem) -> Refused:
    """Return a refusal after which the rest of the body is not waited for."""
    return Refused(status, problem, headers={"connection": "close"})
