"""From a hire in ten days to its withdrawal: what managers find among their to-dos in DingTalk, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.outer_world import OuterWorld
from support.small_world import HR, SmallWorld, run
from syncd.engine.welcome import decide
from syncd.engine.welcoming import Welcoming
from syncd.engine.world import JoinerTerms
from syncd.mapping import load_inbound
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings
from syncd_dingtalk.sandbox.faults import Fault, FaultKind

TODOS = "/v1.0/todo/users/{unionId}/tasks"
START = datetime(2026, 11, 22, 9, tzinfo=UTC)
SOON = datetime(2026, 11, 29, tzinfo=UTC)


class Story(OuterWorld):
    """A team under 1, the company under 2; 7 begins under 1 on 2 December. The clock stands."""

    def __init__(self, folder: Path, server: SandboxServer) -> None:
        super().__init__(folder, server)
        rules = (
            (folder / "in.yaml").read_text().replace("    endDate: last\n", "    endDate: last\n    hireDate: day\n")
        )
        (folder / "in.yaml").write_text(rules)
        inbound = load_inbound(folder / "in.yaml", source=HR, attributes=None, now=self.now)
        seats = {HR: replace(self.world.seats[HR], rules=inbound)}
        self.world = replace(self.world, seats=seats, joiners=JoinerTerms(tell=timedelta(days=3)))
        self.time = START
        self.unit("team")
        self.person("2", "team")
        self.person("1", "team", manager="e2")
        self.sync(accept=True)

    def now(self) -> datetime:
        return SmallWorld.now(self)

    def at(self, moment: datetime) -> None:
        """Let it be then: a turn of the service, and a look at whom to tell, by a process that has just started."""
        self.time = moment
        self.sync()
        run(Welcoming(lambda: self.world).tick())

    def todos(self, person: str) -> list[str]:
        """Return what somebody finds."""
        tenant = self.server.tenant
        unionid = tenant.live.users[person].unionid
        return [one.subject for one in tenant.todos.values() if one.executor_ids == (unionid,)]


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with SandboxServer(SandboxSettings(qps=None)) as server:
        made = Story(tmp_path, server)
        yield made
        made.store.close()


def test_what_managers_find_from_the_hire_to_its_withdrawal(story: Story) -> None:
    faults = story.server.sandbox.gateway.faults
    story.person("7", "team", manager="e1", day="2026-12-02")
    story.at(START)
    assert story.todos("e1") == []

    # Three days before: DingTalk loses its answer, and the next attempt finds what is there.
    faults.set([Fault(kind=FaultKind.RESET, interface=TODOS, applied=True, times=1)])
    story.at(SOON)
    story.at(SOON + timedelta(minutes=2))
    assert story.todos("e1") == ["Example 7 starts on 2026-12-02"]

    # Another manager: DingTalk refuses once, and it is told later.
    faults.set([Fault(kind=FaultKind.BUSY, interface=TODOS, times=1)])
    story.edit("7", manager="e2")
    story.at(SOON + timedelta(hours=1))
    assert story.todos("e2") == []
    story.at(SOON + timedelta(hours=2))
    assert story.todos("e2") == ["Example 7 starts on 2026-12-02"]

    # It is off: the process dies between deciding and sending.
    story.edit("7", state="left")
    story.time = SOON + timedelta(hours=3)
    story.sync()
    with story.store.transaction() as tx:
        assert {word.to.account for word in decide(tx, story.world)} == {"e1", "e2"}
    story.store.close()
    story.reopen()
    story.at(SOON + timedelta(hours=4))

    for person in ("e1", "e2"):
        assert story.todos(person) == ["Example 7 starts on 2026-12-02", "Example 7 does not start on 2026-12-02"]
    story.at(SOON + timedelta(days=5))
    assert len(story.server.tenant.todos) == 4
