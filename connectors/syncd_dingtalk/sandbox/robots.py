"""Custom robots of groups: the webhook `/robot/send` with its security settings, its limit, and what was said in the group.

Not part of the tenant: a robot knows no app and no token of one. Source: open.dingtalk.com "Custom robots send group messages"
(wire format, codes, 20 messages a minute and then ten minutes of silence); `token is not exist` with 300005 and the wording of
310000 are third-party logs. Whether refused messages count against the limit is not published: here they do not.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from syncd_dingtalk.sandbox.answers import Answer, Business, done
from syncd_dingtalk.sandbox.routes import Route
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.wire import Params

TOKEN: Final = "sandbox-robot-token"
SECRET: Final = "SEC-sandbox-robot-secret"
"""The robot that every sandbox has."""
PER_MINUTE: Final = 20
SILENCE_SECONDS: Final = 600.0
SIGNATURE_SECONDS: Final = 3_600.0
KEPT: Final = 1_000
UNKNOWN_TOKEN, REFUSED, NO_SUCH_TYPE, TOO_FAST, NO_JSON = 300005, 310000, 400105, 410100, 40035
_REFUSED: Final = "description:{why};solution:请检查机器人的安全设置"


@dataclass(slots=True, kw_only=True)
class Robot:
    """One robot and its group."""

    token: str
    secret: str = ""
    """Empty: messages need no signature."""
    keyword: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    """What the group has read, oldest first."""
    uuids: set[str] = field(default_factory=set)
    sent: deque[float] = field(default_factory=deque)
    silent_until: float = 0.0


class Robots:
    """The robots of one sandbox."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._robots = {TOKEN: Robot(token=TOKEN, secret=SECRET)}
        # Open: its token is the robot's own, which the gateway does not know.
        self.routes = (Route(path="/robot/send", does=lambda call: self.send(call.params), open=True),)
        self.controls: Mapping[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
            ("GET", "robots"): self._shown,
            ("POST", "robots"): self._add,
            ("DELETE", "robots"): self._forget,
        }

    def send(self, params: Params) -> Answer:
        """Say something in the group, or refuse in the platform's words."""
        robot = self._robots.get(params.text("access_token") or "")
        if robot is None:
            raise Business(UNKNOWN_TOKEN, "token is not exist")
        now = self._tenant.clock.now()
        self._check_limit(robot, now)
        content = _content(params)
        _check_signature(robot, params, now)
        if robot.keyword and robot.keyword not in content:
            raise Business(REFUSED, _REFUSED.format(why="keywords not in content"))
        self._count(robot, now)
        uuid = params.text("msgUuid") or ""
        if not uuid or uuid not in robot.uuids:
            robot.uuids |= {uuid} - {""}
            said = {
                name: value for name, value in params.raw.items() if name not in ("access_token", "sign", "timestamp")
            }
            robot.messages = [*robot.messages, {"at": now, **said}][-KEPT:]
        return done()

    def _check_limit(self, robot: Robot, now: float) -> None:
        if now < robot.silent_until:
            raise Business(TOO_FAST, "发送速度太快而限流")

    def _count(self, robot: Robot, now: float) -> None:
        while robot.sent and robot.sent[0] <= now - 60:
            robot.sent.popleft()
        if len(robot.sent) >= PER_MINUTE:
            robot.silent_until = now + SILENCE_SECONDS
            raise Business(TOO_FAST, "发送速度太快而限流")
        robot.sent.append(now)

    # --- for tests and demonstrations ---

    def _shown(self, _: dict[str, Any]) -> list[dict[str, Any]]:
        shown = []
        for robot in self._robots.values():
            fields = asdict(robot)
            shown.append({name: fields[name] for name in ("token", "keyword", "messages", "silent_until")})
        return shown

    def _add(self, body: dict[str, Any]) -> dict[str, Any]:
        """Make a robot, or give one another `secret` or `keyword`."""
        params = Params(body)
        token = params.needed("token")
        known = self._robots.setdefault(token, Robot(token=token))
        known.secret = params.text("secret") or ""
        known.keyword = params.text("keyword") or ""
        return {"token": token}

    def _forget(self, _: dict[str, Any]) -> None:
        """Forget what was said and every limit."""
        for robot in self._robots.values():
            robot.messages, robot.silent_until = [], 0.0
            robot.uuids.clear()
            robot.sent.clear()


def _content(params: Params) -> str:
    """Return the words of a message, all of which a keyword may be among."""
    kind = params.text("msgtype")
    fields = {
        "text": ("content",),
        "markdown": ("title", "text"),
        "link": ("title", "text"),
        "actionCard": ("title", "text"),
    }
    if kind is None:
        raise Business(NO_JSON, "缺少参数 json")
    if kind == "feedCard":
        return str(params.raw.get(kind))
    if kind not in fields:
        raise Business(NO_SUCH_TYPE, "不支持的消息类型")
    body = params.raw.get(kind)
    if not isinstance(body, dict) or not all(isinstance(body.get(name), str) and body[name] for name in fields[kind]):
        raise Business(NO_JSON, f"缺少参数 {kind}")
    return "\n".join(body[name] for name in fields[kind])


def _check_signature(robot: Robot, params: Params, now: float) -> None:
    if not robot.secret:
        return
    stamp, sign = params.text("timestamp") or "", params.text("sign") or ""
    if not stamp.isdecimal() or len(stamp) > 15 or abs(now - int(stamp) / 1000) > SIGNATURE_SECONDS:
        raise Business(REFUSED, _REFUSED.format(why="invalid timestamp"))
    digest = hmac.new(robot.secret.encode(), f"{stamp}\n{robot.secret}".encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest).decode(), sign):
        raise Business(REFUSED, _REFUSED.format(why="sign not match"))
