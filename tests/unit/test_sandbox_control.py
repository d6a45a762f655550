"""The control surface: state, reset, settings, clock, call log, events, edits by hand. It is never counted or limited."""

from __future__ import annotations

import subprocess
import sys

import pytest

from desks.sandbox import Desk
from syncd_dingtalk.sandbox.clock import Clock


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_equal_tenants_have_equal_states_whatever_was_done_in_between() -> None:
    one, other = Desk(), Desk()
    for desk in (one, other):
        desk.user("ann", title="Engineer")
    one.ok("/topapi/v2/user/update", userid="ann", title="Lead")
    assert one.control("GET", "state") != other.control("GET", "state")
    one.ok("/topapi/v2/user/update", userid="ann", title="Engineer")
    assert one.control("GET", "state") == other.control("GET", "state")


def test_the_state_holds_no_secret_and_no_token(desk: Desk) -> None:
    text = str(desk.control("GET", "state"))
    assert desk.settings.app_secret not in text
    assert desk.token not in text
    assert desk.settings.app_secret not in str(desk.control("GET", "settings"))


def test_reset_starts_again_and_may_change_settings(desk: Desk) -> None:
    fresh = desk.control("GET", "state")
    desk.user("ann")
    desk.control("POST", "faults", {"kind": "busy"})
    desk.control("PUT", "reset", {"qps": 5})
    desk.tenant.clock.run(0)
    assert desk.control("GET", "state") == fresh
    assert desk.control("GET", "faults") == []
    assert desk.control("GET", "settings")["qps"] == 5
    assert desk.control("GET", "calls")["calls"] == []


def test_settings_are_converted_checked_and_partly_fixed(desk: Desk) -> None:
    assert desk.control("PUT", "settings", {"qps": None, "list_lag_seconds": 2})["list_lag_seconds"] == 2
    for wrong in ({"corp_id": "other"}, {"no_such": 1}, {"qps": "many"}):
        status, answer = desk.try_control("PUT", "settings", wrong)
        assert (status, answer["error"]["code"]) == (400, "SBX-004")


def test_the_clock_is_frozen_moved_and_let_run(desk: Desk) -> None:
    assert desk.control("PUT", "clock", {"frozen": 1_700_000_000})["now"] == 1_700_000_000
    assert desk.control("POST", "clock", {"advance": 60})["now"] == 1_700_000_060
    assert desk.control("PUT", "clock", {"frozen": False}) == {
        "now": 1_700_000_060,
        "frozen": False,
        "offset": -99_999_940,
    }
    assert desk.control("PUT", "clock", {"offset": 10})["now"] == 1_800_000_010
    assert desk.try_control("PUT", "clock", {"advance": "soon"})[0] == 400


def test_a_running_clock_follows_the_machine() -> None:
    real = [100.0]
    clock = Clock(real=lambda: real[0])
    clock.advance(5)
    real[0] += 1
    assert clock.now() == 106.0
    clock.freeze()
    real[0] += 10
    assert clock.now() == 106.0
    clock.run()
    real[0] += 1
    assert clock.now() == 107.0


def test_the_call_log_tells_what_was_asked_without_telling_about_people(desk: Desk) -> None:
    desk.user("ann", name="Ann Example", email="ann@example.com")
    desk.ok("/topapi/v2/user/get", userid="ann")
    log = desk.control("GET", "calls", after=1)
    create, get = log["calls"]
    assert (create["interface"], create["applied"], create["errcode"]) == ("/topapi/v2/user/create", True, "0")
    assert create["ids"] == {"userid": "ann", "dept_id_list": 1}
    assert (get["sequence"], get["applied"], get["app_key"]) == (3, False, "dingsandboxkey")
    assert create["digest"] != get["digest"]
    assert "Example" not in str(log)
    assert "example.com" not in str(log)
    assert desk.control("GET", "calls", interface="/topapi/v2/user/get")["calls"] == [get]


def test_the_call_log_survives_whatever_was_sent(desk: Desk) -> None:
    for strange in (2**80, {"a": [1]}, "x" * 5000, 1.5, True):
        assert desk.code("/topapi/v2/user/get", userid=strange) != 0
    calls = desk.control("GET", "calls", after=1)["calls"]
    assert len(calls) == 5
    assert all(len(str(call["ids"]["userid"])) <= 256 for call in calls)


def test_control_calls_are_neither_counted_nor_limited_nor_struck_by_faults() -> None:
    desk = Desk(qps=1)
    desk.control("POST", "faults", {"kind": "busy"})
    total = desk.control("GET", "calls")["total"]
    for _ in range(5):
        desk.control("GET", "state")
    assert desk.control("GET", "calls")["total"] == total


def test_the_log_forgets_the_oldest_calls() -> None:
    desk = Desk(calls_kept=3)
    for _ in range(5):
        desk.old("/topapi/user/listadmin")
    assert [call["sequence"] for call in desk.control("GET", "calls")["calls"]] == [4, 5, 6]


def test_edits_by_hand_obey_the_tenants_rules_and_raise_console_events(desk: Desk) -> None:
    desk.user("ann")
    calls = desk.control("GET", "calls")["total"]
    desk.control("POST", "admin/user/update", {"userid": "ann", "title": "Drifted"})
    desk.control("POST", "admin/department/create", {"name": "By hand", "parent_id": 1})
    assert desk.get("ann")["title"] == "Drifted"
    assert desk.control("GET", "calls")["total"] == calls + 1
    events = desk.control("GET", "events")
    assert [(event["type"], event["origin"]) for event in events] == [
        ("user_add_org", "api"),
        ("user_modify_org", "console"),
        ("org_dept_create", "console"),
    ]
    assert events == sorted(events, key=lambda event: event["sequence"])
    assert desk.control("GET", "events", after=events[1]["sequence"]) == events[2:]
    status, answer = desk.try_control("POST", "admin/user/create", {"name": "x", "mobile": "1", "dept_id_list": 1})
    assert (status, answer["error"]["what"]) == (
        400,
        "The control call cannot be done: 60103 手机号码不合法，国际号码格式：+xx-xxxxxx.",
    )


def test_a_change_event_shows_what_was_and_what_is(desk: Desk) -> None:
    desk.user("ann", title="Engineer", remark="r", hired_date=1_599_926_400_000)
    desk.ok("/topapi/v2/user/update", userid="ann", title="Lead", remark="")
    diff = desk.control("GET", "events")[-1]["data"]["diffInfo"]
    assert diff["prev"] == {"name": "Ann", "title": "Engineer", "remark": "r", "hiredDate": "2020-09-13"}
    assert diff["curr"] == {"name": "Ann", "title": "Lead", "hiredDate": "2020-09-13"}


def test_accepting_an_invitation_that_there_is_not_is_refused(desk: Desk) -> None:
    assert desk.try_control("POST", "invitations/accept", {"mobile": "13900000009"})[0] == 400
    assert desk.control("POST", "invitations/accept") == {"accepted": []}


def test_somebody_invited_joins_the_root_when_the_department_has_gone_meanwhile(desk: Desk) -> None:
    dept_id = desk.department("Gone")
    desk.control("PUT", "settings", {"invite_all": True})
    desk.old("/topapi/v2/user/create", userid="ann", name="Ann", mobile="13900000001", dept_id_list=dept_id)
    desk.ok("/topapi/v2/department/delete", dept_id=dept_id)
    desk.control("POST", "invitations/accept")
    assert desk.get("ann")["dept_id_list"] == [1]


def test_an_unknown_control_call_is_404_with_the_next_step(desk: Desk) -> None:
    status, answer = desk.try_control("GET", "statee")
    assert (status, answer["error"]["code"]) == (404, "SBX-003")
    assert "docs/reference/sandbox.md" in answer["error"]["do"]


def test_a_body_that_is_no_json_is_refused(desk: Desk) -> None:
    from syncd_dingtalk.sandbox.wire import Request

    answer = desk.sandbox.control.handle(Request("PUT", "/_sandbox/settings", b"", b"{", "application/json"))
    assert answer.status == 400


def test_importing_the_package_loads_no_server() -> None:
    code = "import sys, syncd_dingtalk.sandbox; assert not {'uvicorn', 'msgspec', 'asyncio'} & set(sys.modules)"
    path = ":".join(sys.path)
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path})
