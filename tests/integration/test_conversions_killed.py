"""Promise 6 where an account takes the place of an external contact, and the other way round: the process ends at any call to
DingTalk, before or after it took effect, and starts again. In the end there is exactly one of the two, made once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from support.partner_world import PartnerWorld
from syncd.audit.verify import verify
from syncd.core.model import Kind, LinkState, TargetId
from syncd.core.ports import Room
from syncd.engine.cycle import cycle
from syncd_dingtalk import DingTalk
from syncd_dingtalk import api as a
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings
from syncd_dingtalk.settings import DingTalkSettings

Lethal = Callable[[a.Interface[Any]], bool]
"""Tells at which call the process ends; asked once for each."""
PARTNER, STAFF = {"kind": "partner", "firm": "Example Partners Ltd"}, {"kind": "staff", "unit": "top"}
MOST_LIVES = 60


class Mortal(DingTalk):
    """DingTalk as a process sees it that ends at one of its calls."""

    def __init__(self, settings: DingTalkSettings, room: Room, *, at: Lethal, after: bool) -> None:
        super().__init__(settings, room)
        self.at, self.after, self.dead = at, after, asyncio.Event()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        real = self.api.call

        async def call(interface: a.Interface[Any], **params: Any) -> Any:
            lethal = self.at(interface)
            if lethal and not self.after:
                await self._end()
            answer = await real(interface, **params)
            if lethal:
                await self._end()
            return answer

        self.api.call = call  # type: ignore[method-assign]
        return self

    async def _end(self) -> None:
        self.dead.set()
        await asyncio.Event().wait()


@pytest.fixture
def company(migrated_file: Path, tmp_path: Path) -> Iterator[PartnerWorld]:
    """A leader and a colleague; one person of whom nothing is said yet."""
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    with SandboxServer(SandboxSettings(qps=None)) as server:
        world = PartnerWorld(tmp_path, server)
        world.unit("top", leader="e1")
        world.person("1", "top")
        world.person("2", "top", manager="e1")
        yield world
        world.store.close()


def live(company: PartnerWorld, at: Lethal, *, after: bool) -> bool:
    """Run a cycle whose process ends at a call; tell whether it came to that."""

    async def life() -> bool:
        whole = company.dingtalk()
        target = Mortal(whole._settings, whole._room, at=at, after=after)
        work = asyncio.create_task(cycle(replace(company.world, make_target=lambda: target)))
        end = asyncio.create_task(target.dead.wait())
        await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
        died = target.dead.is_set()
        end.cancel()
        if died:
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        return died

    return asyncio.run(life())


def forms(company: PartnerWorld) -> tuple[bool, bool]:
    """Return whether the person is a contact, and whether they have an account."""
    return "Example 3" in company.contacts(), "Example 3" in company.accounts()


def settled(company: PartnerWorld, kind: Kind) -> None:
    """Insist that the person is one thing, is linked as it, and that nothing is left to do or to prove."""
    for _ in range(3):  # an account goes in one cycle, and the contact comes in the next
        company.sync()
    assert forms(company) == (kind is Kind.CONTACT, kind is Kind.PERSON)
    target_id = company.contacts()["Example 3"].userid if kind is Kind.CONTACT else "e3"
    with company.store.reading() as tx:
        link = tx.links.find("dingtalk", kind, TargetId(target_id))
        held = [one for one in tx.links.all("dingtalk").values() if link is not None and one.subject == link.subject]
        verdict = verify(company.store.audit.iterate(tx))
    assert link is not None
    assert [(one.kind, one.state) for one in held] == [(kind, LinkState.LINKED)]
    assert (verdict.sound, verdict.open_intents) == (True, ())
    assert company.sync(fresh=True).reconciliation.plan.changes == ()
    assert len(company.contacts()) == (kind is Kind.CONTACT)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [a.USER_CREATE, a.CONTACT_DELETE], ids=["account", "contact"])
def test_a_partner_who_is_hired_while_the_process_dies_has_one_account_in_the_end_and_is_never_nobody(
    company: PartnerWorld, at: a.Interface[Any], after: bool
) -> None:
    company.partner("3", "e2")
    company.sync()
    company.edit("3", **STAFF)

    assert live(company, lambda interface: interface is at, after=after)

    made, gone = at is a.CONTACT_DELETE or after, at is a.CONTACT_DELETE and after
    assert forms(company) == (not gone, made)
    settled(company, Kind.PERSON)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [a.USER_DELETE, a.CONTACT_CREATE], ids=["account", "contact"])
def test_an_employee_who_becomes_a_partner_while_the_process_dies_is_one_contact_in_the_end(
    company: PartnerWorld, at: a.Interface[Any], after: bool
) -> None:
    company.person("3", "top", manager="e1")
    company.sync()
    company.edit("3", **PARTNER)
    if at is a.CONTACT_CREATE:
        company.sync()  # the account goes first

    assert live(company, lambda interface: interface is at, after=after)

    assert forms(company) == (at is a.CONTACT_CREATE and after, at is a.USER_DELETE and not after)
    settled(company, Kind.CONTACT)


@pytest.mark.parametrize("kind", [Kind.PERSON, Kind.CONTACT])
def test_a_process_that_dies_one_call_later_each_time_ends_with_exactly_one(company: PartnerWorld, kind: Kind) -> None:
    hired = kind is Kind.PERSON
    company.person("3", "top", manager="e1", **(PARTNER if hired else {}))
    company.sync()
    company.edit("3", **(STAFF if hired else PARTNER))
    lives = 0
    for call in range(1, MOST_LIVES):
        left = iter(range(1, MOST_LIVES))
        if not live(company, lambda _, left=left, call=call: next(left) == call, after=True):  # type: ignore[misc]
            break
        lives += 1
        if hired:
            assert any(forms(company)), "nobody is nobody in between"

    assert lives > 1
    settled(company, kind)
