"""The new API's contact calls (`/v1.0/…`): tokens of all three shapes, searches, leavers, invitations, enterprise accounts.

`GET /gettoken` of the old API is here, too, because a token serves both families.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from syncd_dingtalk.sandbox import access, answers
from syncd_dingtalk.sandbox.answers import Answer, Business, Denied
from syncd_dingtalk.sandbox.records import App, Leaver, Token, User
from syncd_dingtalk.sandbox.routes import Call, Route, new
from syncd_dingtalk.sandbox.tenant import TOKEN_LIFE_MS, Tenant

LIFE: Final = TOKEN_LIFE_MS // 1000
_YEAR: Final = timedelta(days=365)


def _token(tenant: Tenant, key: str | None, secret: str | None) -> Token | None:
    app = tenant.apps.get(key or "")
    return tenant.token_for(app) if app is not None and app.app_secret == secret else None


def gettoken(call: Call) -> Answer:
    """`GET /gettoken?appkey=&appsecret=`: 40035 without them, 40096 for wrong ones (live probe)."""
    key, secret = call.params.text("appkey"), call.params.text("appsecret")
    if not key or not secret:
        raise Business(40035, "缺少参数 corpid or appkey")
    if (token := _token(call.tenant, key, secret)) is None:
        raise Business(40096)
    return answers.beside(access_token=token.value, expires_in=LIFE)


def access_token(call: Call) -> Answer:
    """`POST /v1.0/oauth2/accessToken` answers `accessToken` and `expireIn` (sic)."""
    token = _token(call.tenant, call.params.text("appKey"), call.params.text("appSecret"))
    if token is None:
        raise Denied(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
    return answers.plain({"accessToken": token.value, "expireIn": LIFE})


def corp_token(call: Call) -> Answer:
    """`POST /v1.0/oauth2/{corpId}/token` answers in snake case; an unknown company is HTTP 500 (live probe)."""
    params = call.params
    if params.text("corpId") != call.tenant.settings.corp_id:
        raise Denied(500, "unknownError", "未知错误")
    if params.text("grant_type") != "client_credentials":
        raise Denied(400, "unsupported.grant.type", "不支持的grant_type")
    token = _token(call.tenant, params.text("client_id"), params.text("client_secret"))
    if token is None:
        raise Denied(400, "invalid.client", "无效的client")
    return answers.plain({"access_token": token.value, "expires_in": LIFE})


def _found(call: Call, ids: list[Any]) -> Answer:
    offset, size = call.params.whole("offset") or 0, call.params.whole("size")
    size = 10 if size is None else size
    if offset < 0 or not 1 <= size <= 100:  # the largest page is not documented
        raise Denied(400, "invalidParameter.param.invalid", "参数错误")
    shown = {"totalCount": len(ids), "hasMore": offset + size < len(ids), "list": ids[offset : offset + size]}
    return answers.plain(shown)


def search_users(call: Call) -> Answer:
    """Return ids of people whose name contains the word, or is it (`fullMatchField` 1)."""
    word = _word(call)
    full = call.params.whole("fullMatchField") == 1
    users = call.tenant.listed.users.values()
    hits = [user for user in users if (user.name == word if full else word in user.name)]
    return _found(call, [user.userid for user in hits if access.sees_user(call.tenant, call.app, user)])


def search_departments(call: Call) -> Answer:
    """Return ids of departments whose name contains the word."""
    word = _word(call)
    departments = call.tenant.listed.departments.values()
    ids = [department.dept_id for department in departments if word in department.name]
    return _found(call, [dept_id for dept_id in ids if access.sees_department(call.tenant, call.app, dept_id)])


def _word(call: Call) -> str:
    word = call.params.text("queryWord")
    if not word:
        raise Denied(400, "MissingqueryWord", "缺少参数 queryWord")
    return word


def batch_get(call: Call) -> Answer:
    """Return several people by id (`userIdList` is a JSON array in the query)."""
    shown: list[dict[str, Any]] = []
    refused: list[str] = []
    for userid in call.params.texts("userIdList") or ():
        user = call.tenant.live.users.get(userid)
        if user is None:
            continue
        if access.sees_user(call.tenant, call.app, user):
            shown.append(_batched(call.app, user))
        else:
            refused.append(userid)
    return answers.plain({"userList": shown, "unauthorizedUserIdList": refused})


def _batched(app: App, user: User) -> dict[str, Any]:
    shown: dict[str, Any] = {"userid": user.userid, "unionid": user.unionid, "name": user.name, "avatar": ""}
    shown |= {"job_number": user.job_number, "senior": user.senior, "nickname": user.nickname}
    if "fieldMobile" in app.permissions:
        shown |= {"mobile": user.mobile, "state_code": user.state_code}
    if "fieldEmail" in app.permissions:
        shown["remark"] = user.remark
    return shown


def leave_records(call: Call) -> Answer:
    """Return who left between two instants (at most 365 days apart), 50 a page at most."""
    params = call.params
    start = _instant(params.text("startTime"))
    end = _instant(params.text("endTime")) if "endTime" in params else start + _YEAR
    size = params.whole("maxResults")
    if size is None or not 1 <= size <= 50 or end - start > _YEAR:
        raise Denied(400, "invalidParameter.param.invalid", "参数错误")
    first, last = start.timestamp() * 1000, end.timestamp() * 1000
    after = params.whole("nextToken") or 0
    records = [leaver for leaver in call.tenant.leavers.values() if first <= leaver.left_at <= last]
    waiting = [leaver for leaver in records if leaver.sequence > after]
    page: dict[str, Any] = {"records": [_leaver(leaver) for leaver in waiting[:size]]}
    if len(waiting) > size:
        page["nextToken"] = str(waiting[size - 1].sequence)
    return answers.plain(page)


def _instant(text: str | None) -> datetime:
    try:
        return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Denied(400, "invalidParameter.param.invalid", "参数错误") from None


def _leaver(leaver: Leaver) -> dict[str, str]:
    at = datetime.fromtimestamp(leaver.left_at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "userId": leaver.userid,
        "name": leaver.name,
        "stateCode": leaver.state_code,
        "mobile": leaver.mobile,
        "leaveTime": at,
        "leaveReason": leaver.reason,
    }


def recall(call: Call) -> Answer:
    """Take back the invitation of a number; the answer has no content."""
    mobile = call.params.text("mobile") or ""
    for number in (mobile.removeprefix("+"), f"86-{mobile}"):
        if number in call.tenant.invitations:
            call.tenant.drop("invitations", number)
            return Answer(b"")
    raise Denied(400, "invalidParameter.param.invalid", "邀请不存在")  # the code for this case was not found


def _switch(disabled: bool) -> Any:
    def does(call: Call) -> Answer:
        user = _enterprise(call)
        call.tenant.put("users", user.userid, replace(user, disabled=disabled))
        return answers.plain({"result": True})

    return does


def sign_out(call: Call) -> Answer:
    """End an enterprise account's sessions; the sandbox has none."""
    _enterprise(call)
    return answers.plain({"result": True})


def status(call: Call) -> Answer:
    """Tell whether an enterprise account is disabled."""
    return answers.plain({"disable": _enterprise(call).disabled})


def _enterprise(call: Call) -> User:
    """Return the person named by `userId`; only enterprise accounts can be switched, ordinary members only deleted."""
    user = call.tenant.live.users.get(call.params.text("userId") or "")
    if user is None:
        raise Denied(404, "invalidParameter.user.notFound", "找不到该用户")
    if not user.exclusive_account:
        raise Denied(400, "invalidParameter.param.invalid", "该用户不是企业账号")
    return user


_READ: Final = "Contact.Common.Read"
_WRITE: Final = "Contact.User.Write"
ROUTES: Final[tuple[Route, ...]] = (
    Route(path="/gettoken", does=gettoken, method="GET", open=True),
    replace(new("/v1.0/oauth2/accessToken", access_token), open=True),
    replace(new("/v1.0/oauth2/{corpId}/token", corp_token), open=True),
    new("/v1.0/contact/users/search", search_users, _READ),
    new("/v1.0/contact/departments/search", search_departments, _READ),
    new("/v1.0/contact/users/batch/get", batch_get, _READ, method="GET"),
    new("/v1.0/contact/empLeaveRecords", leave_records, _READ, method="GET"),
    new("/v1.0/contact/invites/recall", recall, _WRITE),
    new("/v1.0/contact/orgAccounts/enable", _switch(False), _WRITE),
    new("/v1.0/contact/orgAccounts/disable", _switch(True), _WRITE),
    new("/v1.0/contact/orgAccounts/signOut", sign_out, _WRITE),
    new("/v1.0/contact/orgAccounts/status", status, _READ, method="GET"),
)
