"""What each field of a person may hold: lengths, forms, uniqueness, places in departments.

Limits are those of the user pages (2026-08) and of the official Java client's own checks; the texts of 40064 and 40065 still
name older numbers. Each check refuses with the documented code and changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from syncd_dingtalk.sandbox.answers import Business
from syncd_dingtalk.sandbox.records import Membership, User
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.wire import Params, mapping_of

_MAINLAND: Final = re.compile(r"1\d{10}")
_FOREIGN: Final = re.compile(r"\+(\d{1,4})-(\d{4,14})")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
# The character set of userids is not documented; these are the ones that are known to work (recalled, unsure).
_USERID: Final = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_TEXTS: Final = (
    ("telephone", 50, 40063),
    ("job_number", 50, 60123),
    ("title", 200, 40035),
    ("email", 50, 60105),
    ("org_email", 100, 60105),
    ("work_place", 100, 40064),
    ("remark", 2000, 40065),
    ("nickname", 80, 40035),
    ("extension_i18n", 2000, 60122),
    ("org_email_type", 10, 40035),
)
"""Field, limit in characters, code beyond it. That an empty text clears these fields is recalled, not documented."""


def texts_of(params: Params) -> dict[str, Any]:
    """Return the plain text fields that were sent."""
    raw = params.raw
    return {name: params.text(name, limit, code) for name, limit, code in _TEXTS if raw.get(name) is not None}


def check_name(tenant: Tenant, name: str) -> str:
    """Return a person's name: 60112 blank or longer than 80, 60022 sensitive."""
    if not name.strip() or len(name) > 80:
        raise Business(60112)
    check_words(tenant, name)
    return name


def check_words(tenant: Tenant, text: str) -> None:
    """Refuse with 60022 a text with one of the tenant's sensitive words."""
    for word in tenant.settings.sensitive_words:
        if word in text:
            raise Business(60022)


def check_email(email: str) -> None:
    """Refuse with 60105 what is no address; empty text clears the field."""
    if email and not _EMAIL.fullmatch(email):
        raise Business(60105)


def check_extension(tenant: Tenant, text: str) -> dict[str, str]:
    """Return the custom fields that a JSON text holds: 60122 for no object of texts, or fields that do not exist."""
    sent = mapping_of(text, 60122)
    known = tenant.settings.extension_fields
    for key, value in sent.items():
        if not isinstance(value, str | int | float) or (known is not None and key not in known):
            raise Business(60122)
    return {key: str(value) for key, value in sent.items()}


def mobile_of(tenant: Tenant, written: str) -> tuple[str, str]:
    """Return country prefix and number of what a caller wrote: 60103 for a form that the company's region does not allow.

    Companies in the mainland write its numbers with 11 digits, all others as `+xx-xxxxxx`; companies elsewhere write
    mainland numbers as `+86-…`, too.
    """
    if _MAINLAND.fullmatch(written) and tenant.settings.corp_region == "CN":
        return "86", written
    if (found := _FOREIGN.fullmatch(written)) is None or (found[1] == "86" and not _MAINLAND.fullmatch(found[2])):
        raise Business(60103)
    return found[1], found[2]


def check_new_login(tenant: Tenant, params: Params) -> None:
    """Check what an enterprise account needs: its type, and a login with a password where DingTalk hosts it."""
    if params.text("mobile") or params.text("login_email"):
        raise Business(40035, "企业账号不支持 mobile、login_email 参数")
    match params.text("exclusive_account_type"):
        case "sso":
            return
        case "dingtalk":
            password = params.needed("init_password")
            if len(password) < 8 or password.isalpha() or password.isdigit():
                raise Business(40035, "init_password 不合法")
            if params.needed("login_id", 64) in tenant.by_login:
                raise Business(60102)  # which code a taken login answers was not found
        case _:  # inviting another company's account (outer_exclusive_…) is not simulated
            raise Business(40035, "缺少参数 exclusive_account_type")


def userid_of(tenant: Tenant, params: Params) -> str:
    """Return the id of a new person: the caller's, unused (60102) and well-formed (33012), or a generated one."""
    wanted = params.text("userid")
    if not wanted:
        serial = tenant.next_serial()
        return f"0155{int(tenant.hexed(f'userid/{serial}', 6), 16) % 10**14:014d}-{serial}"
    if not _USERID.fullmatch(wanted):
        raise Business(33012)
    if wanted in tenant.live.users:
        raise Business(60102)
    return wanted


def check_unused(tenant: Tenant, fresh: User) -> None:
    """Refuse what somebody else has: number 60104, address 40101 (or 60106), extension number 40100."""
    owner = fresh.userid
    if fresh.number and tenant.by_mobile.get(fresh.number, owner) != owner:
        raise Business(60104)
    if fresh.email and tenant.by_email.get(fresh.email.lower(), owner) != owner:
        raise Business(tenant.settings.duplicate_email_code)
    if fresh.telephone and tenant.by_telephone.get(fresh.telephone, owner) != owner:
        raise Business(40100)
    if fresh.login_id and tenant.by_login.get(fresh.login_id, owner) != owner:
        raise Business(60102)


def places_of(tenant: Tenant, params: Params, *, limit: int, user: User | None = None) -> tuple[Membership, ...] | None:
    """Return the person's places after the call, None where the call says nothing of them.

    `dept_id_list` is the whole new list; orders, titles and positions are laid over the places by department.
    """
    kept = {place.dept_id: place for place in user.memberships} if user is not None else {}
    wanted = params.ids("dept_id_list", 40009)
    if wanted is not None:
        if not wanted and user is None:
            return None
        kept = _listed(tenant, wanted, kept, limit)
    before = kept
    for part in params.objects("dept_order_list", limit) or ():
        kept = _laid(kept, part, {"order": part.needed_whole("order", 40070)})
    for part in params.objects("dept_title_list", limit) or ():
        kept = _laid(kept, part, {"title": part.text("title", 200) or ""})
    positions = params.objects("dept_position_list", limit)
    if positions is not None:
        kept = _positioned(kept, positions)
    if wanted is None and kept is before:
        return None
    return tuple(kept.values())


def _listed(tenant: Tenant, wanted: list[int], kept: dict[int, Membership], limit: int) -> dict[int, Membership]:
    if not wanted:
        raise Business(400002, "dept_id_list 不能为空")
    if len(wanted) > limit:
        raise Business(40066)
    fresh: dict[int, Membership] = {}
    for dept_id in wanted:
        if dept_id <= 0:
            raise Business(40009)
        if dept_id not in tenant.live.departments:
            raise Business(60003)
        if dept_id in kept:
            fresh[dept_id] = kept[dept_id]
            continue
        cap = tenant.settings.members_limit
        if cap is not None and len(tenant.live.members.get(dept_id, ())) >= cap:
            raise Business(40023)
        fresh[dept_id] = Membership(dept_id=dept_id, order=tenant.next_order())
    return fresh


def _laid(kept: dict[int, Membership], part: Params, change: dict[str, Any]) -> dict[int, Membership]:
    dept_id = part.needed_whole("dept_id", 40009)
    if dept_id not in kept:
        raise Business(60003)
    return {**kept, dept_id: replace(kept[dept_id], **change)}


def _positioned(kept: dict[int, Membership], positions: list[Params]) -> dict[int, Membership]:
    if positions and sum(bool(part.flag("is_main")) for part in positions) != 1:
        raise Business(40035, "dept_position_list 中有且只能有一个主职")
    for part in positions:
        change: dict[str, Any] = {"is_main": bool(part.flag("is_main"))}
        if (title := part.text("title", 200)) is not None:
            change["title"] = title
        if (work_place := part.text("work_place", 100, 40064)) is not None:
            change["work_place"] = work_place
        kept = _laid(kept, part, change)
    return kept
