"""The one shape of every simulated call: where it is, who may call it, and the function that does it.

Each family of calls registers its own table; a new family is a new module with a table, listed in `app`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from syncd_dingtalk.sandbox.answers import Answer, Family
from syncd_dingtalk.sandbox.records import App
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.wire import Params


@dataclass(frozen=True, slots=True)
class Call:
    """One call that has passed the gateway."""

    tenant: Tenant
    app: App
    params: Params
    """Body and query together; for calls with ids in their path, those too."""
    origin: str = "api"
    """Who acts: `api`, or `console` for an administrator's edit by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A simulated interface. `path` may hold `{name}` parts; it is also the interface's name for limits, faults and the log."""

    path: str
    does: Callable[[Call], Answer]
    permission: str = ""
    method: str = "POST"
    family: Family = Family.OLD
    open: bool = False
    """True for calls that need no token (they are the ones that give one)."""


def old(path: str, does: Callable[[Call], Answer], permission: str = "", *, method: str = "POST") -> Route:
    """Return a route of the old API."""
    return Route(path=path, does=does, permission=permission, method=method)


def new(path: str, does: Callable[[Call], Answer], permission: str = "", *, method: str = "POST") -> Route:
    """Return a route of the new API."""
    return Route(path=path, does=does, permission=permission, method=method, family=Family.NEW)
