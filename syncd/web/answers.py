"""Answers: what is wrong with a request as RFC 9457 says it (application/problem+json), and JSON that nobody keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from syncd.core.errors import Message, Problem, SyncdError

_NOT_KEPT = {"cache-control": "no-store"}


class Refused(SyncdError):
    """A request that is not served: the status, what is wrong with it, and what the sender's program has to know
    besides."""

    def __init__(self, status: int, problem: Problem, *, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.problem = problem
        self.headers = dict(headers or {})
        super().__init__(str(problem))


def later(told: Message, *, seconds: float) -> Refused:
    """Return that the same request may be served after so many seconds, at least one: 429 where the client is the
    reason."""
    status = 429 if told.code == "WEB-021" else 503
    return Refused(status, told.at(), headers={"retry-after": str(max(1, math.ceil(seconds)))})


def problem(refused: Refused) -> Response:
    """Return the answer to a request that is not served. `code` is the message's, as in docs/reference/errors.md."""
    told = {
        "type": "about:blank",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "detail": f"{refused.problem.what} {refused.problem.do}",
        "code": refused.problem.code,
    }
    return _encoded(told, status=refused.status, kind="application/problem+json", headers=refused.headers)


def json(value: Mapping[str, Any], *, status: int = 200) -> Response:
    """Return `value` as JSON."""
    return _encoded(value, status=status, kind="application/json")


def raw(content: bytes) -> Response:
    """Return JSON that somebody else has written."""
    return Response(content, media_type="application/json", headers=_NOT_KEPT)


def text(words: str) -> Response:
    """Return a line of text."""
    return Response(f"{words}\n", media_type="text/plain", headers=_NOT_KEPT)


def _encoded(value: Mapping[str, Any], *, status: int, kind: str, headers: Mapping[str, str] | None = None) -> Response:
    content = msgspec.json.encode(value) + b"\n"
    return Response(content, status_code=status, media_type=kind, headers={**_NOT_KEPT, **(headers or {})})
