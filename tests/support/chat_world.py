"""A small company whose departments have group chats by rule; DingTalk's sandbox is its target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.outer_world import SHIPPED, OuterWorld
from syncd.mapping import load_outbound
from syncd_dingtalk.fields import FIELDS
from syncd_dingtalk.sandbox import SandboxServer
from syncd_dingtalk.sandbox.chats import inside

_LAST = "    managers: managers\n"
CHATS = """\
    create_dept_group: {value: true, when: "displayName != 'Unit quiet'"}
    auto_add_user: {value: true, when: "displayName != 'Unit quiet'"}
    group_contain_sub_dept: {value: true, when: "displayName == 'Unit top' || displayName == 'Unit partners'"}
    chat_owner: managers
"""


class ChatWorld(OuterWorld):
    """Every department but `quiet` has a chat; those of `top` and `partners` take in what is below."""

    def __init__(self, folder: Path, server: SandboxServer) -> None:
        super().__init__(folder, server)
        self.rules(CHATS)

    def rules(self, chats: str) -> None:
        """Let departments have chats by other rules."""
        shipped = SHIPPED.read_text()
        assert _LAST in shipped
        path = self.folder / "chats.yaml"
        path.write_text(shipped.replace(_LAST, _LAST + chats))
        outbound = load_outbound(path, fields=FIELDS, now=self.now)
        self.world = replace(self.world, outbound=outbound, config_digest=chats.encode())

    def chat(self, name: str) -> set[str]:
        """Return who is in the chat of a department."""
        return set(inside(self.server.tenant.live, self.department(name)))

    def owner(self, name: str) -> str:
        return self.department(name).org_dept_owner
