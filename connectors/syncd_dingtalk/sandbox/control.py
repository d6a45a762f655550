"""The control surface below `/_sandbox/`: what a test, a demonstration or an administrator does to the sandbox itself.

Not DingTalk's: no token, no limits, no faults, not in the call log. Bodies and answers are JSON; what cannot be done answers 400
with our own message. Edits below `/_sandbox/admin/` are made "by hand in the console": they bypass the gateway, obey the
tenant's rules and raise events of origin `console` (drift).
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from typing import Any, Final

import msgspec

from syncd.core.errors import Place, Problem
from syncd_dingtalk.sandbox import departments, events, users
from syncd_dingtalk.sandbox.answers import Answer, Business
from syncd_dingtalk.sandbox.events_callback import Callbacks
from syncd_dingtalk.sandbox.events_control import Undeliverable, deliveries
from syncd_dingtalk.sandbox.faults import UnknownFault, fault_of
from syncd_dingtalk.sandbox.gateway import Gateway
from syncd_dingtalk.sandbox.messages import BAD_CONTROL, NO_SUCH_CONTROL
from syncd_dingtalk.sandbox.records import PERMISSIONS, App
from syncd_dingtalk.sandbox.robots import Robots
from syncd_dingtalk.sandbox.routes import Call
from syncd_dingtalk.sandbox.settings import FIXED, SandboxSettings
from syncd_dingtalk.sandbox.stream import Stream
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.wire import Params, Request, body_of, query_of

PREFIX: Final = "/_sandbox/"
CONSOLE: Final = App(app_key="console", app_secret="", permissions=PERMISSIONS)
SHOWN: Final = ("departments", "users", "role_groups", "roles", "contacts", "invitations", "leavers", "todos", "apps")
"""The tables of `state`; tokens are nobody's business and events have their own call."""
_BY_HAND: Final[dict[str, Callable[[Call], Answer]]] = {
    "user/create": users.create,
    "user/update": users.update,
    "user/delete": users.delete,
    "department/create": departments.create,
    "department/update": departments.update,
    "department/delete": departments.delete,
}
_OWN_WAYS: Final = ("leave", "cancel")
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Wrong(ValueError):
    """A control call that cannot be done; the text says why."""


def settings_of(values: dict[str, Any], *, fixed: bool = False) -> dict[str, Any]:
    """Return settings by name, converted to their types; text is read as well. Raises Wrong for unknown or fixed names."""
    hints = typing.get_type_hints(SandboxSettings)
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in hints or (name in FIXED and not fixed):
            raise Wrong(f"{name} is no setting that can be changed")
        if isinstance(value, str) and "tuple" in str(hints[name]) and value != "null":
            value = [part.strip() for part in value.split(",") if part.strip()]
        try:
            made[name] = msgspec.convert(value, hints[name], strict=False)
        except msgspec.ValidationError as error:
            raise Wrong(f"{name}: {error}") from None
    return made


class Control:
    """The control calls of one sandbox."""

    def __init__(self, gateway: Gateway, stream: Stream, callbacks: Callbacks, robots: Robots) -> None:
        self._gateway = gateway
        self._calls: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
            ("GET", "state"): self._state,
            ("PUT", "reset"): self._reset,
            ("POST", "reset"): self._reset,
            ("GET", "settings"): self._settings,
            ("PUT", "settings"): self._change_settings,
            ("GET", "faults"): lambda _: gateway.faults.report(),
            ("POST", "faults"): self._add_faults,
            ("PUT", "faults"): self._set_faults,
            ("DELETE", "faults"): lambda _: gateway.faults.set(()),
            ("GET", "clock"): self._clock,
            ("PUT", "clock"): self._set_clock,
            ("POST", "clock"): self._set_clock,
            ("GET", "calls"): self._call_log,
            ("DELETE", "calls"): lambda _: gateway.calls.clear(),
            ("GET", "windows"): lambda _: gateway.windows.report(self._tenant.settings.qps),
            ("DELETE", "windows"): lambda _: gateway.windows.clear(),
            ("GET", "events"): self._events,
            ("POST", "tokens/expire"): lambda _: {"expired": self._tenant.expire_tokens()},
            ("POST", "addresses/pardon"): lambda _: gateway.addresses.pardon(),
            ("GET", "invitations"): lambda _: list(self._tenant.invitations.values()),
            ("POST", "invitations/accept"): self._accept,
            ("POST", "users/activate"): self._activate,
            ("POST", "users/leave"): self._leave,
            ("POST", "admin/administrator"): self._administrator,
            ("POST", "admin/app"): self._app,
            **robots.controls,
            **deliveries(stream, callbacks),
        }

    @property
    def _tenant(self) -> Tenant:
        return self._gateway.tenant

    def handle(self, request: Request) -> Answer:
        """Do one control call."""
        name = request.path.removeprefix(PREFIX)
        by_hand = _BY_HAND.get(name.removeprefix("admin/")) if name.startswith("admin/") else None
        does = self._calls.get((request.method, name))
        try:
            body = {**query_of(request), **body_of(request)}
            if by_hand is not None and request.method == "POST":
                return by_hand(Call(self._tenant, CONSOLE, Params(body), origin="console"))
            if does is None:
                return _told(404, NO_SUCH_CONTROL.at(Place(), call=f"{request.method} {request.path}"))
            return Answer(_encode(does(body)))
        except (Wrong, UnknownFault, Undeliverable) as error:
            return _told(400, BAD_CONTROL.at(Place(), why=error))
        except Business as error:
            return _told(400, BAD_CONTROL.at(Place(), why=f"{error.code} {error.errmsg}"))
        finally:
            if self._tenant.settle is not None:
                self._tenant.settle()

    # --- the tenant -------------------------------------------------------------------------------------------------

    def _state(self, _: dict[str, Any]) -> dict[str, Any]:
        """Return the whole tenant in a stable order: equal tenants have equal bytes."""
        tenant = self._tenant
        shown: dict[str, Any] = {}
        for table in SHOWN:
            known = tenant.table(table)
            shown[table] = [known[key] for key in sorted(known)]
        shown["apps"] = [_without_secret(app) for app in shown["apps"]]
        return {"corp_id": tenant.settings.corp_id, **shown}

    def _reset(self, body: dict[str, Any]) -> dict[str, Any]:
        """Start again with an empty company, and with other settings where the body names some."""
        tenant, gateway = self._tenant, self._gateway
        tenant.reset(dataclasses.replace(tenant.settings, **settings_of(body)))
        gateway.faults.set(())
        gateway.calls.clear()
        gateway.windows.clear()
        gateway.addresses.pardon()
        return {"revision": tenant.revision}

    def _settings(self, _: dict[str, Any]) -> dict[str, Any]:
        settings = self._tenant.settings
        names = [field.name for field in dataclasses.fields(settings) if field.name not in ("app_secret", "state_file")]
        return {name: getattr(settings, name) for name in names}

    def _change_settings(self, body: dict[str, Any]) -> dict[str, Any]:
        tenant = self._tenant
        tenant.settings = dataclasses.replace(tenant.settings, **settings_of(body))
        tenant.follow_lag()
        return self._settings(body)

    # --- faults, clock, what was seen -------------------------------------------------------------------------------

    def _add_faults(self, body: dict[str, Any]) -> Any:
        self._gateway.faults.add([fault_of(spec) for spec in _specs(body)])
        return self._gateway.faults.report()

    def _set_faults(self, body: dict[str, Any]) -> Any:
        seed = body.pop("seed", None)
        self._gateway.faults.set([fault_of(spec) for spec in _specs(body)], seed=None if seed is None else int(seed))
        return self._gateway.faults.report()

    def _clock(self, _: dict[str, Any]) -> dict[str, Any]:
        clock = self._tenant.clock
        return {"now": clock.now(), "frozen": clock.frozen, "offset": clock.offset}

    def _set_clock(self, body: dict[str, Any]) -> dict[str, Any]:
        """Freeze (`frozen`: true or seconds since the epoch), let run (`frozen`: false), set `offset`, or `advance` (seconds)."""
        clock, params = self._tenant.clock, Params(body)
        frozen = params.raw.get("frozen")
        if isinstance(frozen, bool):
            (clock.freeze if frozen else clock.run)()
        elif frozen is not None:
            clock.freeze(_number(frozen))
        if "offset" in params:
            clock.run(_number(params.raw["offset"]))
        if "advance" in params:
            clock.advance(_number(params.raw["advance"]))
        return self._clock(body)

    def _call_log(self, body: dict[str, Any]) -> dict[str, Any]:
        params = Params(body)
        records = self._gateway.calls.since(params.whole("after") or 0, params.text("interface") or "")
        return {"total": self._gateway.calls.total, "calls": [record._asdict() for record in records]}

    def _events(self, body: dict[str, Any]) -> list[Any]:
        after = Params(body).whole("after") or 0
        return [event for event in self._tenant.events.values() if event.sequence > after]

    # --- people and apps --------------------------------------------------------------------------------------------

    def _accept(self, body: dict[str, Any]) -> dict[str, Any]:
        """Let the invited person agree: `mobile` (as written, or as `86-138…`), or everybody without one."""
        tenant = self._tenant
        written = Params(body).text("mobile")
        wanted = {written.removeprefix("+"), f"86-{written}"} if written else set(tenant.invitations)
        accepted = [users.accept(tenant, number) for number in sorted(wanted & set(tenant.invitations))]
        if written and not accepted:
            raise Wrong("nobody with this number is invited")
        return {"accepted": accepted}

    def _activate(self, body: dict[str, Any]) -> dict[str, Any]:
        """Let people log in for the first time: `userid`, `userids`, or everybody without either."""
        tenant, params = self._tenant, Params(body)
        wanted = params.texts("userids") or params.texts("userid")
        inactive = [user for user in tenant.live.users.values() if not user.active]
        chosen = [user for user in inactive if wanted is None or user.userid in wanted]
        for user in chosen:
            tenant.put("users", user.userid, dataclasses.replace(user, active=True))
            events.activated(tenant, user.userid, "person")
        return {"activated": [user.userid for user in chosen]}

    def _leave(self, body: dict[str, Any]) -> dict[str, Any]:
        """Let somebody go of their own accord: `leave` the organization, or `cancel` their account with DingTalk altogether."""
        params = Params(body)
        user = users.known_user(self._tenant, CONSOLE, params)
        reason = params.text("reason") or "leave"
        if reason not in _OWN_WAYS:
            raise Wrong(f"reason is one of {', '.join(_OWN_WAYS)}")
        users.remove(self._tenant, user, "person", reason=reason)
        return {"userid": user.userid, "reason": reason}

    def _administrator(self, body: dict[str, Any]) -> dict[str, Any]:
        """Make somebody an administrator (`level` 1 main, 2 sub) or an ordinary member again (0)."""
        params = Params(body)
        user = users.known_user(self._tenant, CONSOLE, params)
        level = params.needed_whole("level")
        if level not in (0, 1, 2):
            raise Wrong("level is 0, 1 or 2")
        self._tenant.put("users", user.userid, dataclasses.replace(user, admin_level=level))
        events.administrator(self._tenant, "add" if level else "remove", user.userid)
        return {"userid": user.userid, "level": level}

    def _app(self, body: dict[str, Any]) -> dict[str, Any]:
        """Add an app or change one: secret, permission points, data scope. What is not named keeps its value."""
        params = Params(body)
        key = params.needed("app_key")
        app = self._tenant.apps.get(key) or App(app_key=key, app_secret="", permissions=PERMISSIONS)
        permissions, dept_ids, userids = params.texts("permissions"), params.ids("departments"), params.texts("users")
        app = App(
            app_key=key,
            app_secret=params.text("app_secret") or app.app_secret,
            permissions=app.permissions if permissions is None else frozenset(permissions),
            departments=app.departments if dept_ids is None else tuple(dept_ids),
            users=app.users if userids is None else tuple(userids),
        )
        self._tenant.put("apps", key, app)
        return _without_secret(app)


def _without_secret(app: App) -> dict[str, Any]:
    return {
        "app_key": app.app_key,
        "permissions": sorted(app.permissions),
        "departments": app.departments,
        "users": app.users,
    }


def _specs(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the faults that a body describes: one, a list, or `script` and `faults` lists."""
    listed = [*body.get("script", ()), *body.get("faults", ())]
    specs = listed if "script" in body or "faults" in body else body.get("") or [body]
    if not isinstance(specs, list) or not all(isinstance(spec, dict) for spec in specs):
        raise Wrong("a fault is an object with `kind` and `interface`")
    return [spec for spec in specs if spec]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Wrong(f"{value!r} is no number") from None


def _told(status: int, problem: Problem) -> Answer:
    body = {"error": {"code": problem.code, "what": problem.what, "do": problem.do}}
    return Answer(_encode(body), status=status, errcode=problem.code)
