"""What a tenant holds: people, departments, roles, apps, tokens, invitations, leavers and events.

Frozen values: a change replaces a value, so an old one is a snapshot for free (lagging lists, the journal, events). All times
are milliseconds since the epoch on the tenant's clock. Nothing here checks anything; the rules are in `users`, `departments`
and `roles`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ROOT: Final = 1
"""The id of the root department; it bears the company's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A person's place in one department. A larger `order` stands earlier."""

    dept_id: int
    order: int
    title: str = ""
    work_place: str = ""
    is_main: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A member. `mobile` has no country prefix; `state_code` is the prefix without `+`. Empty text means not set."""

    userid: str
    unionid: str
    name: str
    memberships: tuple[Membership, ...]
    created_at: int
    modified_at: int
    mobile: str = ""
    state_code: str = ""
    hide_mobile: bool = False
    telephone: str = ""
    job_number: str = ""
    title: str = ""
    email: str = ""
    org_email: str = ""
    org_email_type: str = ""
    work_place: str = ""
    remark: str = ""
    extension: Mapping[str, str] = field(default_factory=dict)
    extension_i18n: str = ""
    senior: bool = False
    hired_date: int | None = None
    manager_userid: str = ""
    active: bool = False
    admin_level: int = 0
    """0 no administrator, 1 the main one, 2 a sub-administrator."""
    exclusive_account: bool = False
    exclusive_account_type: str = ""
    login_id: str = ""
    nickname: str = ""
    disabled: bool = False

    @property
    def number(self) -> str:
        """Return the mobile number as one key, such as `86-13800000000`; empty without one."""
        return f"{self.state_code}-{self.mobile}" if self.mobile else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A department. A smaller `order` stands earlier; the root has parent 0, which is never shown."""

    dept_id: int
    name: str
    parent_id: int
    order: int
    source_identifier: str = ""
    hide_dept: bool = False
    dept_permits: tuple[int, ...] = ()
    user_permits: tuple[str, ...] = ()
    outer_dept: bool = False
    outer_dept_only_self: bool = False
    outer_permit_depts: tuple[int, ...] = ()
    outer_permit_users: tuple[str, ...] = ()
    create_dept_group: bool = False
    dept_group_chat_id: str = ""
    chat_first: tuple[str, ...] = ()
    """Who was a member when the chat was made: with `auto_add_user` whoever comes later is in it, too."""
    auto_add_user: bool = False
    auto_approve_apply: bool = False
    group_contain_sub_dept: bool = False
    group_contain_outer_dept: bool = False
    group_contain_hidden_dept: bool = False
    org_dept_owner: str = ""
    managers: tuple[str, ...] = ()
    brief: str = ""
    telephone: str = ""
    code: str = ""
    extension: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGroup:
    group_id: int
    name: str
    system: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role and who has it; each holder's value lists the departments it covers, none for all."""

    role_id: int
    group_id: int
    name: str
    system: bool = False
    holders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """An external contact: nobody's colleague. `mobile` and `state_code` are as a member's."""

    userid: str
    name: str
    mobile: str
    state_code: str
    label_ids: tuple[int, ...]
    follower_user_id: str
    title: str = ""
    company_name: str = ""
    address: str = ""
    remark: str = ""
    share_dept_ids: tuple[int, ...] = ()
    share_user_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An internal app: what it may do and whom it may see."""

    app_key: str
    app_secret: str
    permissions: frozenset[str]
    users: tuple[str, ...] = ()
    departments: tuple[int, ...] = (ROOT,)
    """The data scope: these people, and everybody in these departments and below."""

    @property
    def sees_all(self) -> bool:
        return ROOT in self.departments


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    value: str
    app_key: str
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Somebody who was invited (40103) and has not agreed yet: nobody can see the person until then."""

    number: str
    user: User
    invited_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaver:
    """A line of `empLeaveRecords`. `reason` is `oapi` for a deletion by an app, `delete` for one by an administrator, `leave` for
    somebody who went by themselves, `cancel` for an account that was closed."""

    sequence: int
    userid: str
    name: str
    state_code: str
    mobile: str
    left_at: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """A to-do. `source_id` is the caller's own key, one per app."""

    task_id: str
    source_id: str
    app_key: str
    subject: str
    description: str
    creator_id: str
    executor_ids: tuple[str, ...]
    """unionIds."""
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What the platform tells its subscribers. `origin` is ours: `api`, `console` or `person`."""

    sequence: int
    event_id: str
    type: str
    born_at: int
    data: Mapping[str, Any]
    origin: str


PERMISSIONS: Final = frozenset(
    {
        "qyapi_manage_addresslist",
        "qyapi_get_member",
        "qyapi_get_department_member",
        "qyapi_get_department_list",
        "qyapi_get_member_by_mobile",
        "qyapi_ext_read",
        "qyapi_ext_write",
        "fieldMobile",
        "fieldEmail",
        "Contact.Common.Read",
        "Contact.User.Write",
        "Todo.Todo.Read",
        "Todo.Todo.Write",
    }
)
"""Every permission point that the sandbox asks for. `Contact.User.Write` as the name for account switching is a guess, and so
are the names of the two for external contacts."""
