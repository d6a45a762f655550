"""The gateway: what happens to a call before and around the business, and what is written down of it.

In the platform's order: address ban, path, method, address list, token, permission point, rate, then the business itself.
No I/O; `app` carries the answers over HTTP and acts out the faults that only a connection can show.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from syncd_dingtalk.sandbox import access, answers
from syncd_dingtalk.sandbox.answers import HTML_TYPE, Answer, Barred, Business, Family, Refusal
from syncd_dingtalk.sandbox.calls import CallLog, CallRecord, digest_of, ids_of
from syncd_dingtalk.sandbox.faults import Fault, FaultKind, Faults
from syncd_dingtalk.sandbox.limits import BAN_SECONDS, Addresses, Windows
from syncd_dingtalk.sandbox.records import App
from syncd_dingtalk.sandbox.routes import Call, Route
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.wire import Params, Request, body_of, query_of

BAN: Final = b'{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"0a1b2c3d4e5f"}'
BAN_PAGE: Final = b"<!DOCTYPE html><html><head></head><body><script>var punish=" + BAN + b"</script></body></html>"
NOT_JSON: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_BANNED: Final = Answer(BAN_PAGE, errcode="1111", content_type=HTML_TYPE)
NOBODY: Final = App(app_key="", app_secret="", permissions=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the connection is to do: send the answer, or what the fault says."""

    answer: Answer
    fault: Fault | None = None


class Gateway:
    """The way into a tenant."""

    def __init__(self, tenant: Tenant, routes: Iterable[Route]) -> None:
        self.tenant = tenant
        self.calls = CallLog(tenant.settings.calls_kept)
        self.faults = Faults(tenant.settings.seed)
        self.windows = Windows()
        self.addresses = Addresses()
        routes = tuple(routes)
        self._plain = {(route.path, route.method): route for route in routes if "{" not in route.path}
        self._paths = {route.path for route in routes if "{" not in route.path}
        self._patterned = [(_pattern(route.path), route) for route in routes if "{" in route.path]

    def handle(self, request: Request) -> Reply:
        """Answer one call and write it down."""
        tenant, monotonic = self.tenant, time.monotonic()
        sequence, revision = self.calls.next_sequence(), tenant.revision
        found = self._find(request)
        interface = found[0].path if isinstance(found, tuple) else request.path
        raw: dict[str, Any] = {}
        fault = self.faults.next(interface)
        app_key, answer = self._answer(request, found, fault, raw, monotonic)
        self.calls.add(
            CallRecord(
                sequence,
                monotonic,
                tenant.clock.now(),
                app_key,
                interface,
                digest_of(request.body),
                ids_of(raw),
                tenant.revision != revision,
                answer.errcode,
                answer.status,
                fault.name if fault is not None else "",
            )
        )
        if tenant.settle is not None:
            tenant.settle()
        return Reply(answer=answer, fault=fault)

    def _find(self, request: Request) -> tuple[Route, dict[str, str]] | Answer:
        route = self._plain.get((request.path, request.method))
        if route is not None:
            return route, {}
        for pattern, patterned in self._patterned:
            if patterned.method == request.method and (match := pattern.fullmatch(request.path)):
                return patterned, match.groupdict()
        path = request.path
        if path in self._paths:
            code = 43002 if request.method == "GET" else 43001
            return answers.business(code, Business(code).errmsg)
        if path.startswith(("/topapi/", "/user/", "/department/", "/role/", "/chat/")):
            return answers.unknown_api(path)
        return Answer('{"errcode":404,"errmsg":"请求的URI地址不存在"}'.encode(), errcode="404")

    def _answer(
        self,
        request: Request,
        found: tuple[Route, dict[str, str]] | Answer,
        fault: Fault | None,
        raw: dict[str, Any],
        monotonic: float,
    ) -> tuple[str, Answer]:
        settings = self.tenant.settings
        if fault is not None and fault.kind is FaultKind.IP_BAN:
            self.addresses.ban(request.ip, monotonic, fault.seconds or BAN_SECONDS)
        if self.addresses.banned(request.ip, monotonic, None if settings.qps is None else settings.ip_calls):
            return "", Answer(BAN, errcode="1111") if settings.ban_as_json else _BANNED
        if isinstance(found, Answer):
            return "", found
        route, parts = found
        app = NOBODY
        try:
            access.check_address(self.tenant, request.ip)
            query = query_of(request) if request.query else {}
            body = body_of(request, strict_escapes=settings.refuse_unicode_escapes)
            raw |= {**query, **body, **parts}
            if not route.open:
                app = access.app_of(self.tenant, _token(request, route, raw))
                access.check_permission(app, route.permission)
            self._check_rate(route, app, raw, monotonic)
            _strike(self.tenant, route, fault, request)
            answer = route.does(Call(self.tenant, app, Params(raw)))
        except Refusal as refusal:
            answer = answers.envelope(refusal, route.family)
        return app.app_key, answer if fault is None else _spoilt(answer, route.family, fault)

    def _check_rate(self, route: Route, app: App, raw: dict[str, Any], monotonic: float) -> None:
        limit = self.tenant.settings.qps
        app_key = app.app_key or str(raw.get("appkey") or raw.get("appKey") or raw.get("client_id") or "")
        if not self.windows.let(app_key, route.path, monotonic, limit):
            raise Barred(answers.TOO_FAST, limit=limit)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _token(request: Request, route: Route, raw: dict[str, Any]) -> str:
    if route.family is Family.NEW:
        return request.token
    return str(raw.get("access_token") or "")


def _strike(tenant: Tenant, route: Route, fault: Fault | None, request: Request) -> None:
    """Refuse a call that a fault stops before it is applied."""
    if fault is None or fault.applied:
        return
    match fault.kind:
        case FaultKind.THROTTLE:
            raise Barred(answers.TOO_FAST, limit=tenant.settings.qps)
        case FaultKind.GLOBAL_THROTTLE:
            until = datetime.fromtimestamp(tenant.clock.now() + 1, UTC).strftime("%Y-%m-%d %H:%M:%S")
            raise Barred(answers.TOO_FAST_ALL, path=route.path, until=until)
        case FaultKind.QUOTA:
            raise Barred(answers.QUOTA_SPENT)
        case FaultKind.EXPIRED_TOKEN:
            tenant.expire_tokens(request.token or query_of(request).get("access_token"))
            raise Barred(answers.TOKEN_INVALID)
        case FaultKind.ERRCODE:
            raise Business(fault.code)
        case _:
            # Busy, 5xx, pages, silent and closed connections: the business never sees the call.
            raise Business(-1)


def _spoilt(answer: Answer, family: Family, fault: Fault) -> Answer:
    """Return what a fault makes of an answer; the call log keeps the true code."""
    match fault.kind:
        case FaultKind.MALFORMED:
            return Answer(answer.body[: len(answer.body) // 2], answer.status, answer.errcode)
        case FaultKind.BUSY:
            return replace(answers.envelope(Business(-1), family), errcode=answer.errcode)
        case FaultKind.HTTP_429 | FaultKind.HTTP_500 | FaultKind.HTTP_503:
            status = int(fault.kind.removeprefix("http_"))
            if family is Family.NEW:
                code = "system.busy" if status == 429 else "system.error"
                return replace(answers.denied(status, code, "系统错误"), errcode=answer.errcode)
            return Answer(NOT_JSON, status, answer.errcode, HTML_TYPE)
        case FaultKind.HTML:
            return Answer(NOT_JSON, 200, answer.errcode, HTML_TYPE)
        case _:
            return answer
