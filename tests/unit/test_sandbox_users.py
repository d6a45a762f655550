"""The sandbox's people: creating, changing, deleting, reading, and each documented refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desks.sandbox import Desk

CREATE, UPDATE, DELETE, GET = (f"/topapi/v2/user/{verb}" for verb in ("create", "update", "delete", "get"))
NEW: dict[str, Any] = {"userid": "ann", "name": "Ann", "mobile": "13900000001", "dept_id_list": "1"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


# --- creating -------------------------------------------------------------------------------------------------------


def test_create_answers_union_id_in_camel_case_and_reads_answer_unionid(desk: Desk) -> None:
    made = desk.ok(CREATE, **NEW)
    assert made == {"userid": "ann", "unionId": desk.get("ann")["unionid"]}


def test_an_id_is_generated_where_none_is_given(desk: Desk) -> None:
    made = [desk.ok(CREATE, name="x", mobile=f"1390000000{n}", dept_id_list="1")["userid"] for n in range(2)]
    assert made[0] != made[1]
    assert all(userid.startswith("0155") and len(userid) <= 64 for userid in made)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": None}, 40035),
        ({"name": "x" * 81}, 60112),
        ({"mobile": None}, 40035),
        ({"mobile": "1390000000"}, 60103),
        ({"mobile": "+8613900000001"}, 60103),
        ({"mobile": "+86-123456"}, 60103),
        ({"dept_id_list": None}, 400002),
        ({"dept_id_list": "7"}, 60003),
        ({"dept_id_list": "-7"}, 40009),
        ({"dept_id_list": "x"}, 40009),
        ({"dept_id_list": ",".join(["1"] * 101)}, 40066),
        ({"userid": "manager0001"}, 60102),
        ({"userid": "a b"}, 33012),
        ({"userid": "x" * 65}, 33012),
        ({"telephone": "1" * 51}, 40063),
        ({"job_number": "1" * 51}, 60123),
        ({"title": "x" * 201}, 40035),
        ({"email": "nonsense"}, 60105),
        ({"email": f"{'x' * 45}@a.example"}, 60105),
        ({"work_place": "x" * 101}, 40064),
        ({"remark": "x" * 2001}, 40065),
        ({"hired_date": 0}, 40035),
        ({"hide_mobile": "perhaps"}, 40035),
        ({"manager_userid": "nobody"}, 60128),
        ({"extension": "[]"}, 60122),
        ({"extension": '{"k":{}}'}, 60122),
        ({"dept_order_list": [{"dept_id": 5, "order": 1}]}, 60003),
        ({"dept_order_list": [{"dept_id": 1}]}, 40070),
        ({"dept_position_list": [{"dept_id": 1, "is_main": False}]}, 40035),
        ({"exclusive_account": True, "exclusive_account_type": "sso"}, 40035),
    ],
)
def test_create_refuses_and_changes_nothing(desk: Desk, change: dict[str, Any], code: int) -> None:
    before = desk.control("GET", "state")
    assert desk.code(CREATE, **{**NEW, **change}) == code
    assert desk.control("GET", "state") == before


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("mobile", "13900000001", 60104),
        ("mobile", "+86-13900000001", 60104),
        ("email", "ANN@example.com", 40101),
        ("telephone", "8001", 40100),
    ],
)
def test_what_somebody_else_has_is_refused(desk: Desk, field: str, value: str, code: int) -> None:
    desk.ok(CREATE, **NEW, email="ann@example.com", telephone="8001", job_number="7")
    other = {"userid": "bob", "name": "Bob", "mobile": "13900000002", "dept_id_list": "1", "job_number": "7"}
    assert desk.code(CREATE, **{**other, field: value}) == code
    assert desk.code(CREATE, **other) == 0, "job numbers need not be unique"
    if field != "mobile":
        assert desk.code(UPDATE, userid="bob", **{field: value}) == code


def test_a_taken_address_is_60106_where_the_tenant_says_so(desk: Desk) -> None:
    desk.control("PUT", "settings", {"duplicate_email_code": 60106})
    desk.user("ann", email="a@example.com")
    assert desk.code(UPDATE, userid="manager0001", email="a@example.com") == 60106


def test_a_number_is_free_again_when_its_owner_has_left(desk: Desk) -> None:
    desk.ok(CREATE, **NEW)
    desk.ok(DELETE, userid="ann")
    assert desk.code(CREATE, **{**NEW, "userid": "other"}) == 0


def test_the_unionid_stays_with_the_number_when_a_person_is_deleted_and_made_again(desk: Desk) -> None:
    first = desk.ok(CREATE, **NEW)["unionId"]
    desk.ok(DELETE, userid="ann")
    assert desk.ok(CREATE, **NEW)["unionId"] == first


def test_foreign_numbers_are_shown_without_their_prefix(desk: Desk) -> None:
    desk.ok(CREATE, **{**NEW, "mobile": "+852-61234567"})
    assert (desk.get("ann")["state_code"], desk.get("ann")["mobile"]) == ("852", "61234567")


def test_companies_outside_of_the_mainland_write_its_numbers_with_prefix(desk: Desk) -> None:
    desk.control("PUT", "settings", {"corp_region": "ID"})
    assert desk.code(CREATE, **NEW) == 60103
    assert desk.code(CREATE, **{**NEW, "mobile": "+86-13900000001"}) == 0


@pytest.mark.parametrize(
    ("setting", "code"), [({"user_limit": 1}, 40020), ({"add_limit": 1}, -1), ({"members_limit": 1}, 40023)]
)
def test_caps_are_refused_with_their_codes(desk: Desk, setting: dict[str, Any], code: int) -> None:
    desk.control("PUT", "settings", setting)
    assert desk.code(CREATE, **NEW) == code


def test_sensitive_names_are_60022_and_unknown_custom_fields_60122_where_the_tenant_says_so(desk: Desk) -> None:
    desk.control("PUT", "settings", {"sensitive_words": ["Forbidden"], "extension_fields": ["hobby"]})
    assert desk.code(CREATE, **{**NEW, "name": "Forbidden Name"}) == 60022
    assert desk.code(CREATE, **NEW, extension='{"colour":"red"}') == 60122
    assert desk.code(CREATE, **NEW, extension='{"hobby":"chess"}') == 0


# --- invitations and activation ---------------------------------------------------------------------------------------


def test_an_invited_person_is_invisible_until_they_agree(desk: Desk) -> None:
    desk.control("PUT", "settings", {"invite_mobiles": ["13900000001"]})
    assert desk.code(CREATE, **NEW) == 40103
    assert desk.code(GET, userid="ann") == 60121
    assert desk.code("/topapi/v2/user/getbymobile", mobile="13900000001") == 60121
    assert desk.ok("/topapi/user/listid", dept_id=1)["userid_list"] == ["manager0001"]
    assert desk.control("POST", "invitations/accept", {"mobile": "13900000001"}) == {"accepted": ["ann"]}
    assert desk.get("ann")["active"] is True
    assert desk.control("GET", "events")[-1]["type"] == "user_add_org"


def test_asking_again_within_a_day_does_not_invite_again(desk: Desk) -> None:
    desk.control("PUT", "settings", {"invite_all": True})
    desk.control("PUT", "clock", {"frozen": True})
    invited = []
    for hours in (0, 23, 1):
        desk.control("POST", "clock", {"advance": hours * 3600})
        desk.token = desk.fresh_token()
        assert desk.code(CREATE, **NEW) == 40103
        invited.append(desk.control("GET", "invitations")[0]["invited_at"])
    assert invited[0] == invited[1] < invited[2]


def test_an_invitation_can_be_recalled_once(desk: Desk) -> None:
    desk.control("PUT", "settings", {"invite_all": True})
    desk.code(CREATE, **NEW)
    recall = {"mobile": "13900000001", "optUserId": "manager0001"}
    assert desk.new("POST", "/v1.0/contact/invites/recall", **recall) == (200, None)
    assert desk.control("GET", "invitations") == []
    assert desk.new("POST", "/v1.0/contact/invites/recall", **recall)[0] == 400


def test_new_members_are_inactive_until_they_log_in(desk: Desk) -> None:
    desk.user("ann")
    assert desk.get("ann")["active"] is False
    assert desk.ok("/topapi/user/count", only_active=True)["count"] == 1
    page = desk.ok("/topapi/inactive/user/v2/get", is_active=False, query_date="20261122", size=10, offset=0)
    assert page == {"has_more": False, "list": ["ann"]}
    assert desk.control("POST", "users/activate", {"userid": "ann"}) == {"activated": ["ann"]}
    assert desk.get("ann")["active"] is True
    assert desk.control("GET", "events")[-1]["type"] == "user_active_org"


# --- changing -------------------------------------------------------------------------------------------------------


def test_update_changes_what_is_sent_and_keeps_the_rest(desk: Desk) -> None:
    desk.user("ann", title="Engineer", email="a@example.com", remark="old")
    before = desk.get("ann")
    desk.ok(UPDATE, userid="ann", title="Lead", remark="")
    after = desk.get("ann")
    assert after["title"] == "Lead"
    assert "remark" not in after, "an empty text clears"
    assert {key: value for key, value in before.items() if key not in ("title", "remark")} == {
        key: value for key, value in after.items() if key != "title"
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"userid": "nobody"}, 60121),
        ({"userid": None}, 400002),
        ({"userid": ""}, 33012),
        ({"name": " "}, 60112),
        ({"dept_id_list": ""}, 400002),
        ({"dept_id_list": "99"}, 60003),
        ({"manager_userid": "nobody"}, 60128),
        ({"mobile": "13911111111"}, 40022),
        ({"extension": "nonsense"}, 60122),
    ],
)
def test_update_refuses_and_changes_nothing(desk: Desk, change: dict[str, Any], code: int) -> None:
    desk.ok(CREATE, **NEW)
    before = desk.control("GET", "state")
    assert desk.code(UPDATE, **{"userid": "ann", "title": "new", **change}) == code
    assert desk.control("GET", "state") == before


@pytest.mark.parametrize("code", [40021, 41054])
def test_a_changed_number_is_refused_with_the_code_that_the_tenant_uses(desk: Desk, code: int) -> None:
    desk.ok(CREATE, **NEW)
    desk.control("PUT", "settings", {"mobile_change_code": code})
    assert desk.code(UPDATE, userid="ann", mobile="13911111111") == code
    assert desk.code(UPDATE, userid="ann", mobile=NEW["mobile"]) == 0, "the same number is no change"


def test_the_list_of_departments_replaces_every_membership(desk: Desk) -> None:
    a, b, c = (desk.department(name) for name in "ABC")
    desk.user("ann", f"{a},{b}", dept_order_list=[{"dept_id": a, "order": 5}])
    desk.ok(UPDATE, userid="ann", dept_id_list=f"{c},{a}")
    shown = desk.get("ann")
    assert shown["dept_id_list"] == [c, a]
    assert {"dept_id": a, "order": 5} in shown["dept_order_list"], "a place that stays keeps its order"
    assert desk.ok("/topapi/user/listid", dept_id=b)["userid_list"] == []


def test_leaving_a_department_ends_the_office_in_it(desk: Desk) -> None:
    a, b = desk.department("A"), desk.department("B")
    desk.user("ann", a)
    desk.ok("/topapi/v2/department/update", dept_id=a, dept_manager_userid_list="ann", org_dept_owner="ann")
    desk.ok(UPDATE, userid="ann", dept_id_list=b)
    shown = desk.ok("/topapi/v2/department/get", dept_id=a)
    assert shown["dept_manager_userid_list"] == []
    assert "org_dept_owner" not in shown


def test_the_extension_is_overwritten_unless_appending_is_asked_for(desk: Desk) -> None:
    desk.user("ann", extension='{"a":"1","b":"2"}')
    desk.ok(UPDATE, userid="ann", extension='{"b":"3"}', ext_attrs_update_mode=1)
    assert json.loads(desk.get("ann")["extension"]) == {"a": "1", "b": "3"}
    desk.ok(UPDATE, userid="ann", extension='{"c":"4"}')
    assert json.loads(desk.get("ann")["extension"]) == {"c": "4"}


def test_a_manager_is_cleared_by_force_only(desk: Desk) -> None:
    desk.user("ann", manager_userid="manager0001")
    desk.ok(UPDATE, userid="ann", manager_userid="")
    assert desk.get("ann")["manager_userid"] == "manager0001"
    desk.ok(UPDATE, userid="ann", force_update_fields="manager_userid")
    assert "manager_userid" not in desk.get("ann")


def test_titles_by_department_are_read_back_as_positions(desk: Desk) -> None:
    a = desk.department("A")
    desk.user("ann", f"1,{a}", dept_title_list=[{"dept_id": a, "title": "Guest"}])
    positions = {place["dept_id"]: place["title"] for place in desk.get("ann")["dept_position_list"]}
    assert positions == {1: "", a: "Guest"}


def test_position_management_answers_12150_to_titles_and_departments(desk: Desk) -> None:
    desk.user("ann")
    desk.control("PUT", "settings", {"position_management": True})
    assert desk.code(UPDATE, userid="ann", title="x") == 12150
    assert desk.code(UPDATE, userid="ann", dept_id_list="1") == 12150
    assert desk.code(UPDATE, userid="ann", remark="x") == 0


def test_an_update_that_changes_nothing_raises_no_event_and_is_not_applied(desk: Desk) -> None:
    desk.user("ann", title="x")
    before = len(desk.control("GET", "events"))
    desk.ok(UPDATE, userid="ann", title="x")
    assert len(desk.control("GET", "events")) == before
    assert desk.control("GET", "calls")["calls"][-1]["applied"] is False


# --- deleting -------------------------------------------------------------------------------------------------------


def test_deleting_somebody_unknown_is_60121(desk: Desk) -> None:
    assert desk.code(DELETE, userid="nobody") == 60121


def test_the_main_administrator_cannot_be_deleted(desk: Desk) -> None:
    assert desk.ok("/topapi/user/listadmin") == [{"userid": "manager0001", "sys_level": 1}]
    assert desk.code(DELETE, userid="manager0001") == 400002
    assert desk.get("manager0001")["admin"] is True


def test_whoever_is_deleted_disappears_from_everything_that_referred_to_them(desk: Desk) -> None:
    a = desk.department("A")
    desk.user("boss", a)
    desk.user("ann", a, manager_userid="boss")
    desk.ok("/topapi/v2/department/update", dept_id=a, dept_manager_userid_list="boss", user_permits="boss")
    group = desk.old("/role/add_role_group", name="G")["groupId"]
    role = desk.old("/role/add_role", roleName="R", groupId=group)["roleId"]
    desk.ok("/topapi/role/addrolesforemps", roleIds=role, userIds="boss,ann")
    desk.ok(DELETE, userid="boss")
    assert "manager_userid" not in desk.get("ann")
    shown = desk.ok("/topapi/v2/department/get", dept_id=a)
    assert (shown["dept_manager_userid_list"], shown["user_permits"], shown["member_count"]) == ([], [], 1)
    assert [holder["userid"] for holder in desk.ok("/topapi/role/simplelist", role_id=role)["list"]] == ["ann"]


def test_leavers_are_recorded_with_their_reason(desk: Desk) -> None:
    desk.ok(CREATE, **NEW)
    desk.user("bob")
    desk.ok(DELETE, userid="ann")
    desk.control("POST", "admin/user/delete", {"userid": "bob"})
    window = {"startTime": "2027-01-01T00:00:00Z", "endTime": "2027-12-31T00:00:00Z"}
    _, page = desk.new("GET", "/v1.0/contact/empLeaveRecords", **window, maxResults=50, nextToken="0")
    assert [(record["userId"], record["leaveReason"]) for record in page["records"]] == [
        ("ann", "oapi"),
        ("bob", "delete"),
    ]
    assert page["records"][0] == {
        "userId": "ann",
        "name": "Ann",
        "stateCode": "86",
        "mobile": "13900000001",
        "leaveTime": "2027-01-15T08:00:00Z",
        "leaveReason": "oapi",
    }
    _, first = desk.new("GET", "/v1.0/contact/empLeaveRecords", **window, maxResults=1)
    _, second = desk.new("GET", "/v1.0/contact/empLeaveRecords", **window, maxResults=1, nextToken=first["nextToken"])
    assert second["records"][0]["userId"] == "bob"
    assert "nextToken" not in second


@pytest.mark.parametrize(
    "query",
    [
        {"maxResults": 50},
        {"startTime": "yesterday", "maxResults": 50},
        {"startTime": "2027-01-01T00:00:00Z", "maxResults": 51},
        {"startTime": "2025-01-01T00:00:00Z", "endTime": "2027-01-01T00:00:00Z", "maxResults": 5},
    ],
)
def test_leave_records_refuse_bad_windows_and_pages(desk: Desk, query: dict[str, Any]) -> None:
    status, answer = desk.new("GET", "/v1.0/contact/empLeaveRecords", **query)
    assert (status, answer["code"]) == (400, "invalidParameter.param.invalid")


# --- reading --------------------------------------------------------------------------------------------------------


def test_user_get_refuses_as_documented(desk: Desk) -> None:
    assert desk.code(GET) == 400002
    assert desk.code(GET, userid="x" * 65) == 33012
    assert desk.code(GET, userid="nobody") == 60121
    assert desk.code(GET, userid="manager0001", language="zh_CN_long") == 400002


def test_a_list_shows_larger_orders_first_and_pages_until_there_is_no_more(desk: Desk) -> None:
    a = desk.department("A")
    for n in range(5):
        desk.user(f"u{n}", a, dept_order_list=[{"dept_id": a, "order": n + 1}])
    seen, cursor = [], 0
    while True:
        page = desk.ok("/topapi/v2/user/list", dept_id=a, cursor=cursor, size=2)
        seen += [item["userid"] for item in page["list"]]
        if not page["has_more"]:
            assert "next_cursor" not in page
            break
        cursor = page["next_cursor"]
    assert seen == ["u4", "u3", "u2", "u1", "u0"]
    assert page["list"][0]["dept_order"] == 1
    assert not {"manager_userid", "role_list", "senior", "real_authed"} & set(page["list"][0])


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("entry_asc", ["a", "b", "c"]),
        ("entry_desc", ["c", "b", "a"]),
        ("modify_asc", ["b", "c", "a"]),
        ("modify_desc", ["a", "c", "b"]),
        ("custom", ["a", "b", "c"]),
    ],
)
def test_lists_can_be_ordered_by_entry_and_change(desk: Desk, field: str, expected: list[str]) -> None:
    a = desk.department("A")
    for userid in "abc":
        desk.user(userid, a)
        desk.control("POST", "clock", {"advance": 1})
    desk.ok(UPDATE, userid="a", title="changed")
    page = desk.ok("/topapi/v2/user/list", dept_id=a, cursor=0, size=100, order_field=field)
    assert [item["userid"] for item in page["list"]] == expected


@pytest.mark.parametrize(
    ("path", "change", "code"),
    [
        ("/topapi/v2/user/list", {"size": 101}, 40035),
        ("/topapi/v2/user/list", {"size": None}, 40035),
        ("/topapi/v2/user/list", {"cursor": -1}, 40035),
        ("/topapi/v2/user/list", {"order_field": "name"}, 40035),
        ("/topapi/v2/user/list", {"dept_id": 7}, 60003),
        ("/topapi/user/listsimple", {"size": 101}, 40069),
        ("/topapi/user/listsimple", {"cursor": 100001}, 40068),
        ("/topapi/user/listsimple", {"dept_id": 7}, 60003),
        ("/topapi/user/listid", {"dept_id": 7}, 60003),
        ("/topapi/user/listid", {"dept_id": None}, 400002),
        ("/topapi/user/count", {}, 400002),
        ("/topapi/user/getbyunionid", {}, 400002),
        ("/topapi/user/getbyunionid", {"unionid": "nobody's"}, 60121),
        ("/topapi/v2/user/getbymobile", {"mobile": "not a number"}, 40104),
        ("/topapi/v2/user/getbymobile", {"mobile": "13999999999"}, 60121),
        ("/topapi/inactive/user/v2/get", {}, 400002),
    ],
)
def test_lists_and_look_ups_refuse_as_documented(desk: Desk, path: str, change: dict[str, Any], code: int) -> None:
    assert desk.code(path, **{"dept_id": 1, "cursor": 0, "size": 100, **change}) == code


def test_people_are_found_by_number_unionid_and_name(desk: Desk) -> None:
    unionid = desk.ok(CREATE, **NEW)["unionId"]
    assert desk.ok("/topapi/v2/user/getbymobile", mobile="13900000001") == {"userid": "ann"}
    assert desk.ok("/topapi/v2/user/getbymobile", mobile="+86-13900000001") == {"userid": "ann"}
    assert desk.ok("/topapi/user/getbyunionid", unionid=unionid) == {"contact_type": 0, "userid": "ann"}
    found = desk.new("POST", "/v1.0/contact/users/search", queryWord="An", offset=0, size=10)
    assert found == (200, {"totalCount": 1, "hasMore": False, "list": ["ann"]})
    assert desk.new("POST", "/v1.0/contact/users/search", queryWord="An", fullMatchField=1)[1]["list"] == []
    assert desk.new("POST", "/v1.0/contact/users/search")[1]["code"] == "MissingqueryWord"
    assert desk.new("POST", "/v1.0/contact/users/search", queryWord="A", size=0)[0] == 400
    _, batch = desk.new("GET", "/v1.0/contact/users/batch/get", userIdList='["ann","nobody"]')
    assert [user["userid"] for user in batch["userList"]] == ["ann"]


def test_administrators_are_made_in_the_console(desk: Desk) -> None:
    desk.user("ann")
    desk.control("POST", "admin/administrator", {"userid": "ann", "level": 2})
    assert {"userid": "ann", "sys_level": 2} in desk.ok("/topapi/user/listadmin")
    assert desk.old("/topapi/user/get_admin_scope", userid="ann")["dept_ids"] == [1]
    assert desk.try_control("POST", "admin/administrator", {"userid": "ann", "level": 3})[0] == 400


# --- enterprise accounts ----------------------------------------------------------------------------------------------


def test_enterprise_accounts_have_no_number_and_can_be_disabled(desk: Desk) -> None:
    account = {"name": "Kiosk", "dept_id_list": 1, "exclusive_account": True, "exclusive_account_type": "dingtalk"}
    login = {"login_id": "kiosk", "init_password": "passw0rd1"}
    desk.ok(CREATE, userid="kiosk", **account, **login)
    shown = desk.get("kiosk")
    assert (shown["login_id"], shown["exclusive_account"], shown["disable_status"]) == ("kiosk", True, False)
    assert "mobile" not in shown
    assert desk.code(CREATE, userid="kiosk2", **account, **login) == 60102
    assert desk.code(CREATE, userid="kiosk2", **account, login_id="k2", init_password="12345678") == 40035
    assert desk.new("POST", "/v1.0/contact/orgAccounts/disable", userId="kiosk", reason="r")[0] == 200
    assert desk.new("GET", "/v1.0/contact/orgAccounts/status", userId="kiosk") == (200, {"disable": True})
    assert desk.new("POST", "/v1.0/contact/orgAccounts/enable", userId="kiosk")[0] == 200
    assert desk.get("kiosk")["disable_status"] is False
    desk.ok(UPDATE, userid="kiosk", loginId="kiosk9", login_id="ignored")
    assert desk.get("kiosk")["login_id"] == "kiosk9"


def test_ordinary_members_cannot_be_disabled(desk: Desk) -> None:
    assert desk.new("POST", "/v1.0/contact/orgAccounts/disable", userId="manager0001")[0] == 400
    status, answer = desk.new("POST", "/v1.0/contact/orgAccounts/disable", userId="nobody")
    assert (status, answer["code"]) == (404, "invalidParameter.user.notFound")


def test_an_sso_account_keeps_the_id_that_it_is_given(desk: Desk) -> None:
    account = {"exclusive_account": True, "exclusive_account_type": "sso", "nickname": "Nick"}
    desk.ok(CREATE, userid="sso", name="Sso", dept_id_list=1, **account)
    assert desk.get("sso")["nickname"] == "Nick"
