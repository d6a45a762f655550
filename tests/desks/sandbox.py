"""A desk at which tests call the sandbox without a network: the same gateway and control surface, one function call away."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from syncd_dingtalk.sandbox import SandboxSettings
from syncd_dingtalk.sandbox.app import Sandbox
from syncd_dingtalk.sandbox.clock import Clock
from syncd_dingtalk.sandbox.disk import open_tenant
from syncd_dingtalk.sandbox.gateway import Reply
from syncd_dingtalk.sandbox.wire import Request

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Desk:
    """One sandbox and one app's valid token. Limits are off unless `qps` is given; the clock stands still."""

    def __init__(self, **settings: Any) -> None:
        self.settings = SandboxSettings(**{"qps": None, **settings})
        self.disk = open_tenant(self.settings, Clock(real=lambda: 1_800_000_000.0))
        self.tenant = self.disk.tenant
        self.sandbox = Sandbox(self.tenant)
        self.token = self.fresh_token()

    def fresh_token(self, key: str | None = None, secret: str | None = None) -> str:
        query = {"appkey": key or self.settings.app_key, "appsecret": secret or self.settings.app_secret}
        answer = self.reply("GET", "/gettoken", query=query).answer
        token: str = json.loads(answer.body)["access_token"]
        return token

    def reply(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: bytes = b"",
        kind: str = JSON,
        token: str = "",
        ip: str = "127.0.0.1",
    ) -> Reply:
        request = Request(method, path, urlencode(query or {}).encode(), body, kind, token, ip)
        return self.sandbox.gateway.handle(request)

    def old(self, path: str, /, **params: Any) -> dict[str, Any]:
        """Call the old API with a JSON body, and return the whole answer."""
        body = json.dumps(params, ensure_ascii=False).encode()
        reply = self.reply("POST", path, query={"access_token": self.token}, body=body)
        assert reply.answer.status == 200, "the old API always answers HTTP 200"
        answer: dict[str, Any] = json.loads(reply.answer.body)
        return answer

    def form(self, path: str, /, **params: Any) -> dict[str, Any]:
        """Call the old API with a form."""
        body = urlencode(params).encode()
        reply = self.reply("POST", path, query={"access_token": self.token}, body=body, kind=FORM)
        answer: dict[str, Any] = json.loads(reply.answer.body)
        return answer

    def ok(self, path: str, /, **params: Any) -> Any:
        """Call the old API, and return the result of a success."""
        answer = self.old(path, **params)
        assert answer["errcode"] == 0, answer
        return answer.get("result")

    def code(self, path: str, /, **params: Any) -> int:
        """Call the old API, and return its errcode."""
        code: int = self.old(path, **params)["errcode"]
        return code

    def new(self, method: str, path: str, /, token: str | None = None, **params: Any) -> tuple[int, Any]:
        """Call the new API, and return status and answer."""
        query, body = (params, b"") if method == "GET" else ({}, json.dumps(params).encode())
        token = self.token if token is None else token
        answer = self.reply(method, path, query=query, body=body, token=token).answer
        return answer.status, json.loads(answer.body) if answer.body else None

    def control(self, method: str, name: str, body: Any = None, **query: Any) -> Any:
        """Call the control surface, and return what it answers; fails on a refusal."""
        status, answer = self.try_control(method, name, body, **query)
        assert status == 200, answer
        return answer

    def try_control(self, method: str, name: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        """Call the control surface, and return status and answer."""
        raw = b"" if body is None else json.dumps(body).encode()
        request = Request(method, f"/_sandbox/{name}", urlencode(query).encode(), raw, JSON)
        answer = self.sandbox.control.handle(request)
        return answer.status, json.loads(answer.body)

    # --- what most tests need first -----------------------------------------------------------------------------

    def department(self, name: str, parent_id: int = 1, **more: Any) -> int:
        made: int = self.ok("/topapi/v2/department/create", name=name, parent_id=parent_id, **more)["dept_id"]
        return made

    def user(self, userid: str, dept_id: Any = 1, **more: Any) -> str:
        number = f"138{sum(ord(character) * 31**place for place, character in enumerate(userid)) % 10**8:08d}"
        params = {"userid": userid, "name": userid.title(), "mobile": number, "dept_id_list": dept_id, **more}
        made: str = self.ok("/topapi/v2/user/create", **params)["userid"]
        return made

    def get(self, userid: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.ok("/topapi/v2/user/get", userid=userid)
        return shown
