"""A mover, whole: department, title, manager, roles, chats and rights change in one cycle, and nothing of before stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from support.chat_world import ChatWorld
from support.outer_world import SHIPPED
from syncd.mapping import load_outbound
from syncd_dingtalk.fields import FIELDS
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

_LAST = "    managers: managers\n"
_SENIOR = "    senior_mode: senior\n"
ROLES = """
roles:
  sellers: {name: Sellers, group: Rules, when: "title == 'Seller'"}
  auditors: {name: Auditors, group: Rules, when: "title == 'Auditor'"}
"""


class Company(ChatWorld):
    """Chats, rights, and roles by title: the shipped rules with what they have as comments."""

    def rules(self, chats: str) -> None:
        text = SHIPPED.read_text()
        assert (text.count(_LAST), text.count(_SENIOR)) == (1, 1)
        senior = "    senior_mode: {expr: \"title == 'Auditor'\"}\n"
        path = self.folder / "whole.yaml"
        path.write_text(text.replace(_LAST, _LAST + chats).replace(_SENIOR, senior) + ROLES)
        outbound = load_outbound(path, fields=FIELDS, now=self.now)
        self.world = replace(self.world, outbound=outbound, config_digest=b"whole")

    def roles(self, userid: str) -> set[str]:
        """Return the names of the roles that somebody has in the tenant."""
        return {role.name for role in self.server.tenant.roles.values() if userid in role.holders}

    def whole(self, userid: str) -> Mapping[str, object]:
        """Return everything that goes with somebody's place."""
        user = self.server.tenant.live.users[userid]
        return {
            "departments": self.places(userid),
            "title": user.title,
            "manager": user.manager_userid,
            "roles": self.roles(userid),
            "chats": {name for name in ("Unit sales", "Unit audit") if userid in self.chat(name)},
            "sees the archive": userid in self.department("Unit archive").user_permits,
            "senior": user.senior,
        }


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """Sales and audit, each with a leader; the archive is hidden, and shown to those who are named."""
    with SandboxServer(SandboxSettings(qps=None)) as server:
        world = Company(tmp_path, server)
        world.unit("top", leader="e1")
        world.unit("sales", "top", leader="e2")
        world.unit("audit", "top", leader="e3")
        world.unit("archive", "top")
        world.says("archive", hidden="yes", seen_by="e4")
        world.person("1", "top")
        world.person("2", "sales")
        world.person("3", "audit")
        world.person("4", "sales", manager="e2", title="Seller")
        world.sync()
        yield world
        world.store.close()


def test_what_a_mover_had_goes_with_what_comes_in_one_cycle(company: Company) -> None:
    assert company.whole("e4") == {
        "departments": {"Unit sales"},
        "title": "Seller",
        "manager": "e2",
        "roles": {"Sellers"},
        "chats": {"Unit sales"},
        "sees the archive": True,
        "senior": False,
    }

    company.edit("4", unit="audit", manager="e3", title="Auditor")
    company.says("archive", seen_by="e3")
    assert not company.sync().reconciliation.judgement.holds

    assert company.whole("e4") == {
        "departments": {"Unit audit"},
        "title": "Auditor",
        "manager": "e3",
        "roles": {"Auditors"},
        "chats": {"Unit audit"},
        "sees the archive": False,
        "senior": True,
    }
    assert company.sync(fresh=True).tally.done == 0, "nothing is left for another cycle"
