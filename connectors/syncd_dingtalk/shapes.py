"""What DingTalk's answers look like: the parts that we read, leniently.

Documentation samples print numbers as text and single objects for lists; real answers do not, and msgspec's lax mode takes
both. A field that an answer lacks is `UNSET`, which is not the same as empty. Nothing here asks or interprets.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType


class Envelope(Struct):
    """What is around every answer of the old interfaces, and around a ban."""

    errcode: int | UnsetType = UNSET
    errmsg: str = ""
    sub_code: str | int | None = None
    sub_msg: str | None = None
    request_id: str = ""
    status: int | UnsetType = UNSET
    result: msgspec.Raw = msgspec.Raw()


class NewError(Struct):
    """What the new interfaces say with a status of 400 or more."""

    code: str = ""
    message: str = ""
    requestid: str = ""
    request_id: str = msgspec.field(default="", name="requestId")


class Token(Struct):
    """`POST /v1.0/oauth2/accessToken`."""

    value: str = msgspec.field(name="accessToken")
    seconds: int = msgspec.field(name="expireIn")


class Nothing(Struct):
    """An answer of which only the success matters."""


class CreatedPerson(Struct):
    """`user/create`."""

    userid: str
    unionid: str = msgspec.field(name="unionId", default="")
    """Spelled `unionid` wherever else it occurs."""


class CreatedDepartment(Struct):
    """`department/create`."""

    dept_id: int


class PlaceOrder(Struct):
    """A member's order in one department, larger first."""

    dept_id: int
    order: int = 0


class Position(Struct):
    """A member's title in one department."""

    dept_id: int
    title: str | None = None


class RoleName(Struct):
    """A role in `role/list` and in `user/get`."""

    id: int
    name: str = ""


class Person(Struct):
    """`user/get` and the items of `user/list` (which lack manager, orders by department, positions and `senior`)."""

    userid: str
    unionid: str = ""
    name: str = ""
    avatar: str | None = None
    state_code: str = ""
    mobile: str | UnsetType = UNSET
    hide_mobile: bool = False
    telephone: str | None = None
    job_number: str | None = None
    title: str | None = None
    email: str | UnsetType | None = UNSET
    org_email: str | None = None
    work_place: str | UnsetType | None = UNSET
    remark: str | UnsetType | None = UNSET
    extension: str | UnsetType | None = UNSET
    hired_date: int | None = None
    senior: bool | UnsetType = UNSET
    manager_userid: str | None = None
    login_email: str | None = None
    exclusive_account: bool = False
    dept_id_list: list[int] = []
    dept_order: int | None = None
    dept_order_list: list[PlaceOrder] | None = None
    dept_position_list: list[Position] | None = None
    role_list: list[RoleName] | None = None


class Todo(Struct):
    """A to-do, as the new interfaces show it. What it says is not asked for."""

    id: str = ""
    source_id: str = msgspec.field(name="sourceId", default="")


class Holder(Struct):
    """`user/getbymobile`."""

    userid: str


class RoleGroup(Struct):
    """A group of roles in `role/list`."""

    group_id: int = msgspec.field(name="groupId")
    name: str = ""
    roles: list[RoleName] = []


class RoleGroups(Struct):
    """A page of `role/list`."""

    items: list[RoleGroup] = msgspec.field(name="list", default_factory=list)
    has_more: bool = msgspec.field(name="hasMore", default=False)
    next_cursor: int | None = msgspec.field(name="nextCursor", default=None)


class RoleHolders(Struct):
    """A page of `role/simplelist`."""

    items: list[Holder] = msgspec.field(name="list", default_factory=list)
    has_more: bool = msgspec.field(name="hasMore", default=False)
    next_cursor: int | None = msgspec.field(name="nextCursor", default=None)


class RoleShown(Struct):
    """The role in `role/getrole`."""

    name: str = ""
    group_id: int = msgspec.field(name="groupId", default=0)


class RoleAnswer(Struct):
    """`role/getrole`, beside `errcode`."""

    role: RoleShown


class RoleGroupShown(Struct):
    """The group in `role/getrolegroup`."""

    name: str = msgspec.field(name="group_name", default="")


class RoleGroupAnswer(Struct):
    """`role/getrolegroup`, beside `errcode`."""

    group: RoleGroupShown = msgspec.field(name="role_group")


class CreatedRole(Struct):
    """`role/add_role`, beside `errcode`."""

    role_id: int = msgspec.field(name="roleId")


class CreatedRoleGroup(Struct):
    """`role/add_role_group`, beside `errcode`."""

    group_id: int = msgspec.field(name="groupId")


class People(Struct):
    """A page of `user/list`."""

    items: list[Person] = msgspec.field(name="list", default_factory=list)
    has_more: bool = False
    next_cursor: int | None = None


class UserIds(Struct):
    """`user/listid`."""

    userid_list: list[str] = []


class Count(Struct):
    """`user/count`."""

    count: int


class Admin(Struct):
    """An item of `user/listadmin`: level 1 is the main administrator, 2 the others."""

    userid: str
    sys_level: int = 2


class Department(Struct):
    """`department/get`, and the items of `department/listsub` (which hold much less)."""

    dept_id: int
    name: str = ""
    parent_id: int | None = None
    source_identifier: str | None = None
    order: int | None = None
    hide_dept: bool = False
    dept_permits: list[int] = []
    user_permits: list[str] = []
    outer_dept: bool = False
    outer_dept_only_self: bool = False
    outer_permit_depts: list[int] = []
    outer_permit_users: list[str] = []
    create_dept_group: bool = False
    auto_add_user: bool = False
    auto_approve_apply: bool = False
    group_contain_sub_dept: bool = False
    group_contain_outer_dept: bool | UnsetType = UNSET
    group_contain_hidden_dept: bool | UnsetType = UNSET
    """The page on `department/get` lists neither of these two, though both can be written."""
    dept_group_chat_id: str | None = None
    org_dept_owner: str | None = None
    brief: str | None = None
    telephone: str | None = None
    code: str | None = None
    dept_manager_userid_list: list[str] = []
    member_count: int | None = None


class ChatInfo(Struct):
    """A group chat in `chat/get`."""

    userids: list[str] = msgspec.field(name="useridlist", default_factory=list)


class ChatAnswer(Struct):
    """`chat/get`, beside `errcode`."""

    info: ChatInfo = msgspec.field(name="chat_info")


class DepartmentIds(Struct):
    """`department/listsubid`."""

    dept_id_list: list[int] = []


class OrgScopes(Struct):
    """What the application may see."""

    authed_user: list[str] = []
    authed_dept: list[int] = []


class Scopes(Struct):
    """`GET /auth/scopes`."""

    auth_user_field: list[str] = []
    auth_org_scopes: OrgScopes = msgspec.field(default_factory=OrgScopes)


class StreamDoor(Struct):
    """`POST /v1.0/gateway/connections/open`: where to connect, and a ticket that is good once, for 90 s."""

    endpoint: str
    ticket: str


class StreamHeaders(Struct):
    """The headers of a frame of Stream mode; those of events have more than those of the gateway itself."""

    topic: str = ""
    message_id: str = msgspec.field(default="", name="messageId")
    event_type: str = msgspec.field(default="", name="eventType")
    event_id: str = msgspec.field(default="", name="eventId")
    event_born_time: str | int = msgspec.field(default="", name="eventBornTime")


class StreamFrame(Struct):
    """A frame of Stream mode; `data` is JSON in a text."""

    type: str = ""
    headers: StreamHeaders = msgspec.field(default_factory=StreamHeaders)
    data: str = ""


class Contact(Struct):
    """`extcontact/get` and the items of `extcontact/list`. That some answers spell the id `user_id` is recalled."""

    userid: str = ""
    user_id: str = ""
    name: str = ""
    mobile: str = ""
    state_code: str = ""
    title: str | None = None
    company_name: str | None = None
    address: str | None = None
    remark: str | None = None
    follower_user_id: str | None = None
    label_ids: list[int] | None = None
    share_dept_ids: list[int] | None = None
    share_user_ids: list[str] | None = None

    @property
    def key(self) -> str:
        """Return the contact's id."""
        return self.userid or self.user_id


class Contacts(Struct):
    """`extcontact/list`, beside `errcode`. It does not say whether there are more."""

    results: list[Contact] = []


class CreatedContact(Struct):
    """`extcontact/create`, beside `errcode`."""

    userid: str


class ContactLabel(Struct):
    """A label in `extcontact/listlabelgroups`."""

    id: int
    name: str = ""


class ContactLabels(Struct):
    """A group of labels."""

    name: str = ""
    labels: list[ContactLabel] = []


class ContactLabelGroups(Struct):
    """`extcontact/listlabelgroups`, beside `errcode`."""

    results: list[ContactLabels] = []


class LeaveRecord(Struct, rename="camel"):
    """One item of `empLeaveRecords`. Names and numbers stand beside these; they are not asked for and not kept."""

    user_id: str = ""
    leave_time: str = ""
    leave_reason: str = ""


class LeaveRecords(Struct, rename="camel"):
    """`GET /v1.0/contact/empLeaveRecords`, without an envelope."""

    records: list[LeaveRecord] = []
    next_token: str | int | None = None
