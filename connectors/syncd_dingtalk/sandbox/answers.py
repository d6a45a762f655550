"""Answers in DingTalk's envelopes, and the refusals that become them.

Two families share one server. The old API answers HTTP 200 with `errcode` always; errors of the gateway (token, permission,
limits) are `errcode` 88 with a `sub_code` in text, errors of the business are a plain `errcode`. The new API answers real
HTTP statuses with `code`. A refusal is raised where it is known and becomes an answer at one border, `envelope`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from syncd_dingtalk.sandbox import codes

JSON_TYPE: Final = b"application/json;charset=UTF-8"
HTML_TYPE: Final = b"text/html;charset=UTF-8"
_encode: Final = msgspec.json.Encoder().encode


class Family(StrEnum):
    """Which of the two APIs a path belongs to."""

    OLD = "old"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over the wire, and what the call log says of it."""

    body: bytes
    status: int = 200
    errcode: str = "0"
    content_type: bytes = JSON_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """A refusal that both families know, each in its own words. `{…}` is filled with the refusal's words."""

    sub_code: str
    sub_msg: str
    status: int
    code: str
    message: str


TOKEN_INVALID: Final = Barrier(
    sub_code="40014",
    sub_msg="不合法的access_token",
    status=400,  # the published table says 401, the live gateway answered 400 (probe of 2026-09)
    code="InvalidAuthentication",
    message="不合法的access_token",
)
TOKEN_MISSING: Final = Barrier(
    sub_code="40000",
    sub_msg="access_token is blank",
    status=400,
    code="AuthenticationFailed.MissingParameter",
    message="缺少参数：x-acs-dingtalk-access-token",
)
PERMISSION_MISSING: Final = Barrier(
    sub_code="60011",
    sub_msg="应用尚未开通所需的权限：[{scope}]，点击链接申请并开通即可："
    "https://open-dev.dingtalk.com/appscope/apply?content={app}%23{scope}",
    status=403,
    code="Forbidden.AccessDenied.AccessTokenPermissionDenied",
    message="应用尚未开通所需的权限：[{scope}]",
)
ADDRESS_REFUSED: Final = Barrier(
    sub_code="60020",
    sub_msg="访问ip不在白名单之中,request ip={ip}",
    status=403,
    code="Forbidden.AccessDenied.IpNotInWhiteList",
    message="访问ip不在白名单之中,request ip={ip}",
)
TOO_FAST: Final = Barrier(
    sub_code="90018",
    sub_msg="您的应用调用该接口的频率过高，当前每秒上限为{limit}次，请稍后再试",
    status=403,
    code="Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
    message="应用调用该接口的QPS超过上限",
)
TOO_FAST_ALL: Final = Barrier(
    sub_code="90002",
    sub_msg="该接口的所有请求被暂时禁用，apiPath:{path}，窗口1秒，调用次数上限1200，禁用截止时间:{until}",
    status=403,
    code="Forbidden.AccessDenied.QpsLimitForApi",
    message="该接口的全局QPS超过上限，禁用截止时间:{until}",
)
QUOTA_SPENT: Final = Barrier(
    sub_code="90020",
    sub_msg="企业本月API调用量已达上限",
    status=403,
    code="Forbidden.AccessDenied.ApiCountLimitForOrg",
    message="企业本月API调用量已达上限",
)


class Refusal(Exception):
    """The call is refused; nothing has been changed by it."""


class Business(Refusal):
    """A plain errcode of the old API."""

    def __init__(self, code: int, errmsg: str | None = None) -> None:
        self.code = code
        self.errmsg = errmsg or codes.text(code)
        super().__init__(code)


class Barred(Refusal):
    """A refusal of the gateway."""

    def __init__(self, barrier: Barrier, **words: object) -> None:
        self.barrier = barrier
        self.words = words
        super().__init__(barrier.sub_code)


class Denied(Refusal):
    """A refusal of a service of the new API: an HTTP status and a code of its own."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(code)


_serial: Final = itertools.count(1)
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def request_id() -> str:
    """Return an id such as the old API's `6iq4zcul5zjp`: 12 characters, base 36, never the same twice in a process."""
    number = next(_serial) * 0x9E3779B97F4A7C15 % 36**12
    characters = []
    for _ in range(12):
        number, digit = divmod(number, 36)
        characters.append(_DIGITS[digit])
    return "".join(characters)


def _upper_uuid() -> str:
    digits = f"{next(_serial) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032X}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def done() -> Answer:
    """Return the old API's answer to a write that has no result."""
    return Answer(f'{{"errcode":0,"errmsg":"ok","request_id":"{request_id()}"}}'.encode())


def result(value: Any) -> Answer:
    """Return the old API's success with a `result`."""
    return Answer(_encode({"errcode": 0, "errmsg": "ok", "result": value, "request_id": request_id()}))


def beside(**fields: Any) -> Answer:
    """Return the old API's success with fields next to `errcode`, as the token and role calls answer."""
    return Answer(_encode({"errcode": 0, "errmsg": "ok", **fields, "request_id": request_id()}))


def plain(value: Any) -> Answer:
    """Return the new API's success: the value itself."""
    return Answer(_encode(value))


def business(code: int, errmsg: str) -> Answer:
    """Return a plain error of the old API."""
    return Answer(_encode({"errcode": code, "errmsg": errmsg, "request_id": request_id()}), errcode=str(code))


def _gateway(barrier: Barrier, words: Mapping[str, object]) -> Answer:
    text = barrier.sub_msg.format(**words)
    body = {
        "errcode": 88,
        "sub_code": barrier.sub_code,
        "sub_msg": text,
        "errmsg": f"ding talk error[subcode={barrier.sub_code},submsg={text}]",
        "request_id": request_id(),
    }
    return Answer(_encode(body), errcode=f"88/{barrier.sub_code}")


def denied(status: int, code: str, message: str, *, scopes: list[str] | None = None) -> Answer:
    """Return an error of the new API."""
    body: dict[str, Any] = {"requestid": _upper_uuid(), "code": code, "message": message}
    if scopes:
        body["accessdenieddetail"] = {"requiredScopes": scopes}
    return Answer(_encode(body), status=status, errcode=code)


def unknown_api(path: str) -> Answer:
    """Return the old gateway's answer to a path that it does not know (HTTP 200, errcode 22)."""
    name = "dingtalk.oapi." + ".".join(part for part in path.split("/") if part and part != "topapi")
    text = f"不合法ApiName，ApiName = {name}"
    body = {"errcode": 22, "sub_msg": text, "errmsg": f"Invalid method[submsg={text}]", "request_id": request_id()}
    return Answer(_encode(body), errcode="22")


def envelope(refusal: Refusal, family: Family) -> Answer:
    """Return the answer that a refusal is, in the words of the family that was called."""
    match refusal:
        case Business(code=code, errmsg=errmsg) if family is Family.OLD:
            return business(code, errmsg)
        case Business(code=code, errmsg=errmsg):
            return denied(500 if code == -1 else 400, "system.error" if code == -1 else "invalidParameter", errmsg)
        case Barred(barrier=barrier, words=words) if family is Family.OLD:
            return _gateway(barrier, words)
        case Barred(barrier=barrier, words=words):
            scopes = [str(words["scope"])] if "scope" in words else None
            return denied(barrier.status, barrier.code, barrier.message.format(**words), scopes=scopes)
        case Denied(status=status, code=code, message=message):
            return denied(status, code, message)
        case _:  # pragma: no cover - the three classes above are all there are
            raise refusal
