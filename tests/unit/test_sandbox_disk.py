"""The sandbox on disk: what was answered is there again, however the process ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desks.sandbox import Desk
from syncd.core.errors import Misconfigured
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings


def filled(path: Path) -> tuple[Desk, dict[str, Any]]:
    """Return a desk on disk with something in every table, and its state."""
    desk = Desk(state_file=path)
    dept_id = desk.department("A", source_identifier="syncd:1")
    desk.user("ann", dept_id, extension='{"k":"v"}', hired_date=1_600_000_000_000)
    desk.user("bob", dept_id, manager_userid="ann")
    desk.ok("/topapi/v2/department/update", dept_id=dept_id, dept_manager_userid_list="ann")
    group = desk.old("/role/add_role_group", name="G")["groupId"]
    role = desk.old("/role/add_role", roleName="R", groupId=group)["roleId"]
    desk.ok("/topapi/role/addrolesforemps", roleIds=role, userIds="bob")
    desk.ok("/topapi/v2/department/delete", dept_id=desk.department("Gone"))
    desk.user("leaver")
    desk.ok("/topapi/v2/user/delete", userid="leaver")
    desk.control("PUT", "settings", {"invite_all": True})
    desk.old("/topapi/v2/user/create", userid="cat", name="Cat", mobile="13900000003", dept_id_list=1)
    return desk, desk.control("GET", "state")


def abandon(desk: Desk) -> None:
    """Let go of the file as a killed process does: nothing more is written."""
    assert desk.disk._log is not None
    desk.disk._log.close()


def test_a_tenant_survives_a_regular_end(tmp_path: Path) -> None:
    desk, before = filled(tmp_path / "state.json")
    desk.disk.close()
    assert (tmp_path / "state.json.log").read_bytes() == b""
    again = Desk(state_file=tmp_path / "state.json")
    assert again.control("GET", "state") == before
    again.disk.close()


def test_a_tenant_survives_being_killed_after_any_answered_call(tmp_path: Path) -> None:
    desk, before = filled(tmp_path / "state.json")
    token = desk.token
    abandon(desk)
    again = Desk(state_file=tmp_path / "state.json")
    assert again.control("GET", "state") == before
    assert again.token == token, "tokens live on, too"
    assert again.tenant.serial >= desk.tenant.serial
    assert again.code("/topapi/v2/user/create", userid="dup", name="x", mobile="13900000003", dept_id_list=1) == 0
    again.disk.close()


def test_indexes_are_true_after_a_number_changed_its_owner_in_the_log(tmp_path: Path) -> None:
    desk = Desk(state_file=tmp_path / "state.json")
    person = {"name": "x", "mobile": "13900000001", "dept_id_list": 1}
    desk.ok("/topapi/v2/user/create", userid="old", **person)
    desk.ok("/topapi/v2/user/delete", userid="old")
    desk.ok("/topapi/v2/user/create", userid="new", **person)
    abandon(desk)
    again = Desk(state_file=tmp_path / "state.json")
    assert again.ok("/topapi/v2/user/getbymobile", mobile="13900000001") == {"userid": "new"}
    again.disk.close()


def test_a_torn_last_line_is_a_call_that_was_never_answered(tmp_path: Path) -> None:
    desk, before = filled(tmp_path / "state.json")
    abandon(desk)
    with (tmp_path / "state.json.log").open("ab") as log:
        log.write(b'[99,"users","torn",{"userid":"to')
    again = Desk(state_file=tmp_path / "state.json")
    assert again.control("GET", "state") == before
    again.disk.close()


def test_a_reset_is_remembered(tmp_path: Path) -> None:
    desk, _ = filled(tmp_path / "state.json")
    desk.control("PUT", "reset")
    before = desk.control("GET", "state")
    abandon(desk)
    again = Desk(state_file=tmp_path / "state.json")
    assert again.control("GET", "state") == before
    again.disk.close()


def test_changed_credentials_are_those_of_the_settings(tmp_path: Path) -> None:
    desk, _ = filled(tmp_path / "state.json")
    desk.disk.close()
    again = Desk(state_file=tmp_path / "state.json", app_secret="another")
    assert again.code("/topapi/user/listadmin") == 0
    again.disk.close()


def test_a_long_log_is_folded_into_the_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd_dingtalk.sandbox.disk._COMPACT_AFTER", 10)
    desk, before = filled(tmp_path / "state.json")
    assert (tmp_path / "state.json.log").read_bytes().count(b"\n") < 20
    abandon(desk)
    again = Desk(state_file=tmp_path / "state.json")
    assert again.control("GET", "state") == before
    again.disk.close()


@pytest.mark.parametrize(
    "content", ["{", "{}", '{"format": 99}', json.dumps({"format": 1, "serial": 0, "tables": {"users": 1}})]
)
def test_a_broken_file_is_told_with_its_name_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(Misconfigured, match=r"state\.json.*SBX-001"):
        Desk(state_file=path)
    assert path.read_text() == content


def test_a_server_can_be_entered_again_with_the_same_file(tmp_path: Path) -> None:
    server = SandboxServer(SandboxSettings(state_file=tmp_path / "state.json"))
    with pytest.raises(RuntimeError):
        _ = server.tenant
    with server:
        server.tenant.expire_tokens()
    with server:
        assert list(server.tenant.live.users) == ["manager0001"]


def test_two_sandboxes_cannot_share_a_file(tmp_path: Path) -> None:
    desk, _ = filled(tmp_path / "state.json")
    with pytest.raises(Misconfigured, match="SBX-002"):
        Desk(state_file=tmp_path / "state.json")
    desk.disk.close()
