"""Two who choose one account id: somebody came, went unheard of and left, and somebody else has the number now. They are never at
the target side by side, and nobody is at it for an account that is somebody else's: a target that finds there what it was told
to make believes that it made it, and writes over it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.small_world import SmallWorld, run
from syncd.core.model import Change, Effect, FieldChange, Kind, Lane, Link, LinkState, Op, RunId, SubjectId, TargetId
from syncd.core.outcome import Deferred, Outcome
from syncd.engine.whose import Whose
from syncd.engine.writer import Writer
from syncd.testing.memory import refusal

ANI, BUDI = SubjectId("person:ani"), SubjectId("person:budi")


@pytest.fixture
def company(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.company(3)
    one.sync()
    yield one
    one.store.close()


def creation(subject: SubjectId, name: str, userid: str = "e77") -> Change:
    fields = {"userid": userid, "name": name, "mobile": "13800000077"}
    return Change(
        op=Op.CREATE,
        kind=Kind.PERSON,
        subject=subject,
        label=name,
        lane=Lane.JOINER,
        rank=0,
        effects=(Effect.CREATE,),
        reason="new in the source",
        fields=tuple(FieldChange(name=name, before=None, after=value) for name, value in fields.items()),
    )


def queued(company: SmallWorld, *changes: Change) -> None:
    with company.store.transaction() as tx:
        tx.queue.accept(RunId("20261122T013000-example"), changes, at=company.now())


class Desk:
    """Watches who is at the target for which id, and lets first answers be lost on demand."""

    def __init__(self, company: SmallWorld) -> None:
        self.real = company.target.apply
        self.there: dict[str, str] = {}
        self.calls: list[str] = []
        self.together: list[tuple[str, str]] = []
        self.lost: set[str] = set()
        company.target.apply = self.apply  # type: ignore[method-assign]
        self.now = company.now

    async def apply(self, change: Change, *, key: str, again: bool = False) -> Outcome:
        id_ = next((str(one.after) for one in change.fields if one.name == "userid"), key)
        if id_ in self.there:
            self.together.append((self.there[id_], change.label))
        self.there[id_] = change.label
        self.calls.append(change.label)
        for _ in range(5):
            await asyncio.sleep(0)
        done = await self.real(change, key=key, again=again)
        self.there.pop(id_, None)
        if change.label in self.lost:
            self.lost.remove(change.label)
            return Deferred(problem=refusal("nobody answers"), retry_at=self.now(), read_back=True)
        return done


def drained(company: SmallWorld) -> None:
    world = replace(company.world, writer=replace(company.world.writer, patience=timedelta(0)))
    run(Writer(world, company.target).drain())


def test_two_who_choose_one_id_are_never_at_the_target_side_by_side(company: SmallWorld) -> None:
    desk = Desk(company)
    queued(company, creation(ANI, "Example Ani"), creation(BUDI, "Example Budi"))
    drained(company)
    assert len(desk.calls) == 1, "the other one waits until this one has gone"
    assert not desk.together
    assert company.target.objects[Kind.PERSON, TargetId("e77")]["name"] == desk.calls[0]


def test_nobody_is_at_the_target_for_an_account_that_is_somebody_elses_also_for_the_first_time(
    company: SmallWorld,
) -> None:
    with company.store.transaction() as tx:
        link = Link(
            subject=ANI, kind=Kind.PERSON, target_id=TargetId("e77"), state=LinkState.LINKED, since=company.now()
        )
        tx.links.put_many("memory", [link])
    desk = Desk(company)
    queued(company, creation(BUDI, "Example Budi"))
    drained(company)
    assert desk.calls == []

    with company.store.transaction() as tx:
        tx.links.put_many("memory", [replace(link, state=LinkState.REMOVED)])
    company.time += timedelta(minutes=5)
    drained(company)
    assert desk.calls == ["Example Budi"]


def test_an_unanswered_creation_holds_up_whoever_has_the_number_now_until_it_is_known(company: SmallWorld) -> None:
    desk = Desk(company)
    desk.lost.add("Example Ani")
    queued(company, creation(ANI, "Example Ani"))
    drained(company)
    queued(company, creation(BUDI, "Example Budi"))
    company.time += timedelta(minutes=5)
    drained(company)
    assert not desk.together
    with company.store.reading() as tx:
        (owner,) = tx.links.by_objects("memory", Kind.PERSON, [TargetId("e77")]).values()
    name = {ANI: "Example Ani", BUDI: "Example Budi"}[owner.subject]
    assert company.target.objects[Kind.PERSON, TargetId("e77")]["name"] == name, "the account is its owner's"


def test_whoever_has_begun_may_begin_again_and_others_when_it_is_over(company: SmallWorld) -> None:
    whose = Whose("memory", company.target)
    ani, budi = creation(ANI, "Example Ani"), creation(BUDI, "Example Budi")
    assert whose.begin(ani) is None
    assert whose.begin(ani) is None
    assert whose.begin(budi) == (TargetId("e77"), ANI)
    whose.end(budi)
    assert whose.begin(budi) == (TargetId("e77"), ANI), "it had not begun"
    whose.end(ani)
    assert whose.begin(budi) is None
    assert whose.begin(creation(ANI, "Example Ani", userid="e78")) is None
