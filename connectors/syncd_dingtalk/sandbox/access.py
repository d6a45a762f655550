"""Who may call what and see whom: tokens, permission points, the data scope, the address list.

A call is checked in the platform's order: address, token, permission point; scope is asked for by the single calls, because
some of them are documented as not limited by it.
"""

from __future__ import annotations

from syncd_dingtalk.sandbox.answers import (
    ADDRESS_REFUSED,
    PERMISSION_MISSING,
    TOKEN_INVALID,
    TOKEN_MISSING,
    Barred,
    Business,
)
from syncd_dingtalk.sandbox.records import App, User
from syncd_dingtalk.sandbox.tenant import Tenant


def check_address(tenant: Tenant, ip: str) -> None:
    """Refuse with 60020 an address that is not on the list, where there is a list."""
    allowed = tenant.settings.ip_whitelist
    if allowed and ip not in allowed:
        raise Barred(ADDRESS_REFUSED, ip=ip)


def app_of(tenant: Tenant, token: str | None) -> App:
    """Return the app that a token belongs to; refuse with 40000 a blank one and with 40014 an invalid or expired one."""
    if not token:
        raise Barred(TOKEN_MISSING)
    known = tenant.tokens.get(token)
    if known is None or known.expires_at <= tenant.clock.millis():
        raise Barred(TOKEN_INVALID)
    return tenant.apps[known.app_key]


def check_permission(app: App, permission: str) -> None:
    """Refuse with 60011 (new API: 403 with the scopes required) an app without the permission point."""
    if permission and permission not in app.permissions:
        raise Barred(PERMISSION_MISSING, scope=permission, app=app.app_key)


def sees_department(tenant: Tenant, app: App, dept_id: int) -> bool:
    """Tell whether a department is within the app's data scope."""
    return app.sees_all or not set(app.departments).isdisjoint(tenant.live.ancestors(dept_id))


def sees_user(tenant: Tenant, app: App, user: User) -> bool:
    """Tell whether a person is within the app's data scope: named, or a member of a department within it."""
    if app.sees_all or user.userid in app.users:
        return True
    return any(sees_department(tenant, app, place.dept_id) for place in user.memberships)


def check_department(tenant: Tenant, app: App, dept_id: int) -> None:
    """Refuse with 50004 a department outside of the scope."""
    if not sees_department(tenant, app, dept_id):
        raise Business(50004)


def check_user(tenant: Tenant, app: App, user: User) -> None:
    """Refuse with 50002 a person outside of the scope."""
    if not sees_user(tenant, app, user):
        raise Business(50002)
