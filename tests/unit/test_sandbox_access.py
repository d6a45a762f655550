"""The sandbox's gateway: tokens, permission points, data scope, addresses, envelopes, and how bodies are read."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from desks.sandbox import FORM, Desk
from syncd_dingtalk.sandbox import wire
from syncd_dingtalk.sandbox.answers import Business

GET_USER = "/topapi/v2/user/get"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_token_is_the_same_while_it_is_valid_and_serves_both_families(desk: Desk) -> None:
    answer = json.loads(
        desk.reply("GET", "/gettoken", query={"appkey": "dingsandboxkey", "appsecret": "sandbox-secret"}).answer.body
    )
    assert answer["access_token"] == desk.token
    assert answer["expires_in"] == 7200
    _, new = desk.new("POST", "/v1.0/oauth2/accessToken", appKey="dingsandboxkey", appSecret="sandbox-secret")
    assert new == {"accessToken": desk.token, "expireIn": 7200}
    _, corp = desk.new(
        "POST",
        "/v1.0/oauth2/dingsandboxcorp/token",
        client_id="dingsandboxkey",
        client_secret="sandbox-secret",
        grant_type="client_credentials",
    )
    assert corp == {"access_token": desk.token, "expires_in": 7200}


def test_a_token_expires_after_7200_seconds_on_the_tenants_clock(desk: Desk) -> None:
    desk.control("POST", "clock", {"advance": 7199})
    assert desk.code("/topapi/user/listadmin") == 0
    desk.control("POST", "clock", {"advance": 1})
    answer = desk.old("/topapi/user/listadmin")
    assert (answer["errcode"], answer["sub_code"]) == (88, "40014")
    assert answer["errmsg"] == "ding talk error[subcode=40014,submsg=不合法的access_token]"
    fresh = desk.fresh_token()
    assert fresh != desk.token


def test_fetching_a_token_again_renews_its_life(desk: Desk) -> None:
    desk.control("POST", "clock", {"advance": 7000})
    assert desk.fresh_token() == desk.token
    desk.control("POST", "clock", {"advance": 7000})
    assert desk.code("/topapi/user/listadmin") == 0


def test_every_token_can_be_expired_by_the_control_surface(desk: Desk) -> None:
    assert desk.control("POST", "tokens/expire") == {"expired": 1}
    assert desk.old("/topapi/user/listadmin")["sub_code"] == "40014"


def test_a_missing_token_is_40000_in_the_old_api(desk: Desk) -> None:
    answer = json.loads(desk.reply("POST", GET_USER).answer.body)
    assert (answer["errcode"], answer["sub_code"], answer["sub_msg"]) == (88, "40000", "access_token is blank")


def test_a_token_in_a_form_body_is_accepted_by_the_old_api(desk: Desk) -> None:
    body = f"access_token={desk.token}&userid=manager0001".encode()
    assert json.loads(desk.reply("POST", GET_USER, body=body, kind=FORM).answer.body)["errcode"] == 0


def test_the_new_api_takes_the_token_from_its_header_only(desk: Desk) -> None:
    reply = desk.reply("POST", "/v1.0/contact/users/search", query={"access_token": desk.token}, body=b"{}")
    answer = json.loads(reply.answer.body)
    assert reply.answer.status == 400
    assert answer["code"] == "AuthenticationFailed.MissingParameter"
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", answer["requestid"])
    status, answer = desk.new("POST", "/v1.0/contact/users/search", token="wrong", queryWord="x")
    assert (status, answer["code"]) == (400, "InvalidAuthentication")


def test_wrong_credentials_are_40096_and_invalid_client_id_or_secret(desk: Desk) -> None:
    query = {"appkey": "dingsandboxkey", "appsecret": "guess"}
    assert json.loads(desk.reply("GET", "/gettoken", query=query).answer.body)["errcode"] == 40096
    status, answer = desk.new("POST", "/v1.0/oauth2/accessToken", appKey="nobody", appSecret="guess")
    assert (status, answer["code"]) == (400, "invalidClientIdOrSecret")
    status, answer = desk.new(
        "POST",
        "/v1.0/oauth2/dingsandboxcorp/token",
        client_id="nobody",
        client_secret="guess",
        grant_type="client_credentials",
    )
    assert (status, answer["code"]) == (400, "invalid.client")


def test_credentials_in_a_body_are_no_query_and_answer_40035(desk: Desk) -> None:
    assert json.loads(desk.reply("GET", "/gettoken").answer.body)["errcode"] == 40035


def test_an_unknown_company_or_grant_is_refused_by_the_corp_token_call(desk: Desk) -> None:
    status, answer = desk.new("POST", "/v1.0/oauth2/elsewhere/token", grant_type="client_credentials")
    assert (status, answer["code"]) == (500, "unknownError")
    status, answer = desk.new("POST", "/v1.0/oauth2/dingsandboxcorp/token", grant_type="password")
    assert (status, answer["code"]) == (400, "unsupported.grant.type")


def test_an_unknown_old_path_is_errcode_22_and_an_unknown_new_path_is_404_in_a_200(desk: Desk) -> None:
    answer = desk.old("/topapi/v2/user/notexist")
    assert answer["errcode"] == 22
    assert answer["sub_msg"] == "不合法ApiName，ApiName = dingtalk.oapi.v2.user.notexist"
    assert desk.new("GET", "/v1.0/contact/nothing") == (200, {"errcode": 404, "errmsg": "请求的URI地址不存在"})


def test_the_wrong_method_is_43002_or_43001(desk: Desk) -> None:
    assert json.loads(desk.reply("GET", GET_USER).answer.body)["errcode"] == 43002
    assert json.loads(desk.reply("POST", "/gettoken").answer.body)["errcode"] == 43001


def test_every_old_answer_has_a_request_id_of_its_own(desk: Desk) -> None:
    ids = {desk.old("/topapi/user/listadmin")["request_id"] for _ in range(200)}
    assert len(ids) == 200
    assert all(re.fullmatch(r"[0-9a-z]{12}", one) for one in ids)


def test_a_missing_permission_point_is_60011_in_the_old_api_and_403_in_the_new(desk: Desk) -> None:
    desk.control("POST", "admin/app", {"app_key": "dingsandboxkey", "permissions": ["qyapi_get_member"]})
    answer = desk.old("/topapi/v2/department/listsub")
    assert (answer["errcode"], answer["sub_code"]) == (88, "60011")
    assert "[qyapi_get_department_list]" in answer["sub_msg"]
    status, answer = desk.new("POST", "/v1.0/contact/users/search", queryWord="x")
    assert (status, answer["code"]) == (403, "Forbidden.AccessDenied.AccessTokenPermissionDenied")
    assert answer["accessdenieddetail"] == {"requiredScopes": ["Contact.Common.Read"]}


def test_an_address_that_is_not_on_the_list_is_60020(desk: Desk) -> None:
    desk.control("PUT", "settings", {"ip_whitelist": ["192.0.2.7"]})
    answer = desk.old("/topapi/user/listadmin")
    assert (answer["errcode"], answer["sub_code"]) == (88, "60020")
    assert "request ip=127.0.0.1" in answer["sub_msg"]
    status, answer = desk.new("POST", "/v1.0/contact/users/search", queryWord="x")
    assert (status, answer["code"]) == (403, "Forbidden.AccessDenied.IpNotInWhiteList")


# --- data scope -----------------------------------------------------------------------------------------------------


@pytest.fixture
def narrow(desk: Desk) -> Desk:
    """A desk whose app sees department North, what is below it, and one person besides."""
    north, south = desk.department("North"), desk.department("South")
    below = desk.department("Below", north)
    desk.user("north", north)
    desk.user("below", below)
    desk.user("south", south)
    desk.user("named", south)
    desk.control("POST", "admin/app", {"app_key": "dingsandboxkey", "departments": [north], "users": ["named"]})
    return desk


def departments_of(desk: Desk) -> dict[str, int]:
    return {department.name: id_ for id_, department in desk.tenant.live.departments.items()}


def test_people_outside_of_the_scope_are_50002(narrow: Desk) -> None:
    assert narrow.code(GET_USER, userid="south") == 50002
    assert narrow.code("/topapi/v2/user/update", userid="south", title="x") == 50002
    assert narrow.code("/topapi/v2/user/delete", userid="south") == 50002
    assert [narrow.code(GET_USER, userid=userid) for userid in ("north", "below", "named")] == [0, 0, 0]


def test_departments_outside_of_the_scope_are_50004(narrow: Desk) -> None:
    south = departments_of(narrow)["South"]
    assert narrow.code("/topapi/v2/department/get", dept_id=south) == 50004
    assert narrow.code("/topapi/v2/user/list", dept_id=south, cursor=0, size=10) == 50004
    assert narrow.code("/topapi/v2/department/create", name="x", parent_id=1) == 50004
    new = {"name": "x", "mobile": "13900000000", "dept_id_list": str(south)}
    assert narrow.code("/topapi/v2/user/create", **new) == 50004


def test_a_narrow_scope_silently_shrinks_lists_but_not_id_lists_and_counts(narrow: Desk) -> None:
    ids = departments_of(narrow)
    assert [sub["name"] for sub in narrow.ok("/topapi/v2/department/listsub", dept_id=1)] == ["North"]
    assert narrow.ok("/topapi/v2/department/listsubid", dept_id=1)["dept_id_list"] == sorted(
        [ids["North"], ids["South"]]
    )
    assert narrow.ok("/topapi/user/listid", dept_id=ids["South"])["userid_list"] == ["south", "named"]
    assert narrow.ok("/topapi/user/count", only_active=False)["count"] == 5
    assert narrow.ok("/topapi/v2/department/listparentbydept", dept_id=ids["South"])["parent_id_list"] == [
        ids["South"],
        1,
    ]
    assert narrow.ok("/topapi/v2/department/listparentbyuser", userid="south")["parent_list"]


def test_auth_scopes_tells_the_data_scope_and_the_readable_fields(narrow: Desk) -> None:
    answer = json.loads(narrow.reply("GET", "/auth/scopes", query={"access_token": narrow.token}).answer.body)
    assert answer["auth_org_scopes"] == {"authed_user": ["named"], "authed_dept": [departments_of(narrow)["North"]]}
    assert answer["auth_user_field"] == ["mobile", "email"]


def test_fields_that_need_a_permission_are_missing_without_it(desk: Desk) -> None:
    desk.user("ann", email="ann@example.com", remark="r", work_place="w", extension='{"k":"v"}')
    full = desk.get("ann")
    desk.control("POST", "admin/app", {"app_key": "dingsandboxkey", "permissions": ["qyapi_get_member"]})
    hidden = {"mobile", "state_code", "email", "remark", "work_place", "extension"}
    assert set(full) - set(desk.get("ann")) == hidden


# --- how bodies are read --------------------------------------------------------------------------------------------


def test_scalars_that_arrive_as_text_are_read_as_what_they_mean(desk: Desk) -> None:
    dept_id = desk.department("A")
    params = {"userid": "ann", "name": "Ann", "mobile": "13900000001", "dept_id_list": f"[{dept_id}, 1]"}
    assert desk.form("/topapi/v2/user/create", **params, hide_mobile="True", hired_date="1600000000000")["errcode"] == 0
    shown = desk.get("ann")
    assert shown["hide_mobile"] is True
    assert shown["hired_date"] == 1600000000000
    assert shown["dept_id_list"] == [dept_id, 1]


def test_lists_are_read_as_text_numbers_or_arrays_and_nulls_are_ignored(desk: Desk) -> None:
    for userid, places in (("a", "1"), ("b", 1), ("c", [1]), ("d", ["1"])):
        desk.user(userid, places, title=None, made_up="ignored")
        assert desk.get(userid)["dept_id_list"] == [1]


def test_objects_inside_a_form_are_json_text(desk: Desk) -> None:
    desk.user("ann")
    assert (
        desk.form("/topapi/v2/user/update", userid="ann", dept_order_list='[{"dept_id":1,"order":7}]')["errcode"] == 0
    )
    assert desk.get("ann")["dept_order_list"] == [{"dept_id": 1, "order": 7}]


def test_a_body_that_says_json_and_is_not_is_47001(desk: Desk) -> None:
    reply = desk.reply("POST", GET_USER, query={"access_token": desk.token}, body=b'{"userid":')
    assert json.loads(reply.answer.body)["errcode"] == 47001


def test_unicode_escapes_are_40033_where_the_tenant_refuses_them(desk: Desk) -> None:
    body = json.dumps({"userid": "李"}).encode()
    ask: dict[str, Any] = {"query": {"access_token": desk.token}, "body": body}
    assert json.loads(desk.reply("POST", GET_USER, **ask).answer.body)["errcode"] == 60121
    desk.control("PUT", "settings", {"refuse_unicode_escapes": True})
    assert json.loads(desk.reply("POST", GET_USER, **ask).answer.body)["errcode"] == 40033


def test_a_form_that_is_no_text_is_40038(desk: Desk) -> None:
    reply = desk.reply("POST", GET_USER, query={"access_token": desk.token}, body=b"userid=\xff\xfe", kind=FORM)
    assert json.loads(reply.answer.body)["errcode"] == 40038


@pytest.mark.parametrize(
    ("read", "value"),
    [
        ("whole", "ten"),
        ("whole", True),
        ("whole", 1.5),
        ("whole", 2**63),
        ("whole", "9" * 30),
        ("flag", "maybe"),
        ("text", {"a": 1}),
        ("ids", "1,x"),
        ("texts", "[1,"),
        ("objects", "[1]"),
        ("objects", "{}"),
    ],
)
def test_a_parameter_of_the_wrong_type_is_refused(read: str, value: object) -> None:
    with pytest.raises(Business) as refusal:
        getattr(wire.Params({"p": value}), read)("p")
    assert refusal.value.code == 40035
