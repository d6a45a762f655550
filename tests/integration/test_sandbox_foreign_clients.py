"""The sandbox judged by DingTalk clients that we did not write: dingding-sdk (old API) and the official SDK (new API)."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dingtalk.exceptions import DingTalkException

from foreign.dingding import ForeignDingTalk
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None)) as running:
        yield running


@pytest.fixture
def foreign(server: SandboxServer) -> ForeignDingTalk:
    return ForeignDingTalk(server.url, server.settings.app_key, server.settings.app_secret)


def test_a_foreign_client_builds_changes_and_removes_a_company(foreign: ForeignDingTalk) -> None:
    people = foreign.call("department", "create", "人事部", 1, source_identifier="syncd:hr", hide_dept=True)
    team = foreign.call("department", "create", "Team", people)
    for n in range(105):
        foreign.call("user", "create", f"员工 {n}", f"139{n:08d}", f"{team}", userid=f"u{n:03d}", hide_mobile=True)
    foreign.call(
        "user", "update", "u000", "13900000000", title="组长", dept_id_list=f"{people},{team}", manager_userid="u001"
    )
    foreign.call("department", "update", people, dept_manager_userid_list="u000")

    departments, users = foreign.departments(), foreign.users()

    assert {dept_id: department["name"] for dept_id, department in departments.items()} == {
        people: "人事部",
        team: "Team",
    }
    assert departments[people]["source_identifier"] == "syncd:hr"
    assert departments[people]["dept_manager_userid_list"] == ["u000"]
    assert departments[people]["member_count"] == 105
    assert departments[people]["hide_dept"] is True
    assert len(users) == 106
    assert users["u000"]["dept_id_list"] == [people, team]
    assert (users["u000"]["title"], users["u000"]["manager_userid"]) == ("组长", "u001")
    assert users["u104"]["name"] == "员工 104"
    assert users["u104"]["hide_mobile"] is True
    assert foreign.call("department", "get_children", 1) == [people]
    assert foreign.call("department", "get_parents", team) == [team, people, 1]
    assert foreign.call("user", "get_users_count") == 106
    assert foreign.call("user", "get_managers") == [{"userid": "manager0001", "sys_level": 1}]
    assert len(foreign.call("user", "get_userids_by_department", team)) == 105
    unionid = users["u007"]["unionid"]
    assert foreign.call("user", "get_userid_by_unionid", unionid) == {"contact_type": 0, "userid": "u007"}

    with pytest.raises(DingTalkException):
        foreign.call("department", "delete", team)
    for n in range(105):
        foreign.call("user", "delete", f"u{n:03d}")
    foreign.call("department", "delete", team)
    foreign.call("department", "delete", people)
    assert foreign.departments() == {}
    assert set(foreign.users()) == {"manager0001"}


def test_a_foreign_client_manages_roles(foreign: ForeignDingTalk) -> None:
    group = foreign.call("role", "create_group", "Teams")
    role = foreign.call("role", "create", "Nurse", group)
    foreign.call("role", "update", role, "Doctor")
    assert foreign.call("role", "get_detail", role) == {"name": "Doctor", "groupId": group}
    assert foreign.call("role", "get_by_groupid", group)["roles"] == [{"role_id": role, "role_name": "Doctor"}]
    assert foreign.call("role", "get", size=20, offset=0)["list"][-1]["name"] == "Teams"
    assert foreign.call("role", "get_users", role)["list"] == []
    foreign.call("role", "delete", role)
    with pytest.raises(DingTalkException):
        foreign.call("role", "get_detail", role)


def test_a_foreign_client_is_told_the_documented_codes(foreign: ForeignDingTalk) -> None:
    with pytest.raises(DingTalkException) as refusal:
        foreign.call("user", "get", "nobody")
    assert "60121" in str(vars(refusal.value)) + str(refusal.value)


def control(server: SandboxServer, method: str, name: str, body: object) -> Any:
    request = urllib.request.Request(f"{server.url}/_sandbox/{name}", json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


class Official:
    """The official SDK's contact client, with a token that its own oauth2 client fetched."""

    def __init__(self, server: SandboxServer) -> None:
        from alibabacloud_dingtalk.contact_1_0 import models
        from alibabacloud_dingtalk.contact_1_0.client import Client as Contact
        from alibabacloud_dingtalk.oauth2_1_0 import models as oauth_models
        from alibabacloud_dingtalk.oauth2_1_0.client import Client as OAuth
        from alibabacloud_tea_openapi import models as open_api_models
        from alibabacloud_tea_util.models import RuntimeOptions  # type: ignore[import-untyped]

        endpoint = server.url.removeprefix("http://")
        config = open_api_models.Config(protocol="http", endpoint=endpoint, region_id="central")
        asked = oauth_models.GetAccessTokenRequest(
            app_key=server.settings.app_key, app_secret=server.settings.app_secret
        )
        answer = OAuth(config).get_access_token(asked).body
        self.expires_in = answer.expire_in
        self.token: str = answer.access_token
        self.models: Any = models
        self._contact = Contact(config)
        self._options = RuntimeOptions()

    def call(self, verb: str, request: Any) -> Any:
        """Call an operation by its Python name and return the answer's body."""
        name = type(request).__name__.removesuffix("Request") + "Headers"
        headers = getattr(self.models, name)(x_acs_dingtalk_access_token=self.token)
        return getattr(self._contact, f"{verb}_with_options")(request, headers, self._options).body


@pytest.fixture(scope="module")
def official_server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSettings(qps=None)) as running:
        yield running


@pytest.fixture(scope="module")
def official(official_server: SandboxServer) -> Official:
    return Official(official_server)


def test_the_official_client_gets_a_token(official: Official) -> None:
    assert official.expires_in == 7200
    assert official.token


def test_the_official_client_searches(official_server: SandboxServer, official: Official) -> None:
    control(official_server, "POST", "admin/department/create", {"name": "Found", "parent_id": 1})
    person = {"userid": "found", "name": "Found Person", "mobile": "13900000001", "dept_id_list": 1}
    control(official_server, "POST", "admin/user/create", person)
    users = official.call("search_user", official.models.SearchUserRequest(query_word="Found", offset=0, size=10))
    assert (users.total_count, users.has_more, users.list) == (1, False, ["found"])
    asked = official.models.SearchDepartmentRequest(query_word="Found", offset=0, size=10)
    departments = official.call("search_department", asked)
    assert departments.total_count == 1


def test_the_official_client_reads_who_left(official_server: SandboxServer, official: Official) -> None:
    person = {"userid": "leaver", "name": "Leaver", "mobile": "13900000002", "dept_id_list": 1}
    control(official_server, "POST", "admin/user/create", person)
    control(official_server, "POST", "admin/user/delete", {"userid": "leaver"})
    start = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = official.models.ListEmpLeaveRecordsRequest(start_time=start, next_token="0", max_results=50)
    records = official.call("list_emp_leave_records", asked).records
    assert [(record.user_id, record.leave_reason, record.mobile) for record in records] == [
        ("leaver", "delete", "13900000002")
    ]


def test_the_official_client_understands_a_refusal(official_server: SandboxServer, official: Official) -> None:
    from darabonba.exceptions import UnretryableException

    control(
        official_server, "POST", "faults", {"kind": "throttle", "nth": 1, "interface": "/v1.0/contact/users/search"}
    )
    with pytest.raises(UnretryableException) as refusal:
        official.call("search_user", official.models.SearchUserRequest(query_word="x", offset=0, size=10))
    assert refusal.value.code == "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
