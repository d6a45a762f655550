"""What flows back from the target to a source: computed from both sides, guarded, queued, logged, and at rest afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from support.serving import ringing, served, until
from support.small_world import INBOUND, run
from support.write_back_world import RULES, WriteBackWorld
from syncd.core.model import Effect, Kind, NativeId, Op, SourceName, TargetId
from syncd.core.policy import Limit, Limits
from syncd.engine.cycle import Result
from syncd.engine.world import DriftRule, DriftTerms, GuardTerms
from syncd.store.drifts import Drift

MOBILE = "write_back:\n  mobile: {from: mobile, when: drift}\n"
_TOLD = text("SELECT type, body FROM audit WHERE change <> '' ORDER BY sequence")


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., WriteBackWorld]:
    def make(rules: str = RULES, **options: Any) -> WriteBackWorld:
        made = WriteBackWorld(tmp_path, rules, **options)
        made.company(3)
        return made

    return make


def kept(office: WriteBackWorld) -> list[Drift]:
    with office.store.reading() as tx:
        return tx.drifts.all("memory")


def test_what_the_target_made_up_is_in_the_source_after_the_next_synchronization(
    world: Callable[..., WriteBackWorld],
) -> None:
    office = world()
    office.sync()
    planned = office.sync(write=False).reconciliation.plan.changes

    office.sync()

    assert {(one.op, one.reason, one.target_id) for one in planned} == {
        (Op.WRITE_BACK, "written back to hr", TargetId(f"hr/{number}")) for number in (1, 2, 3)
    }
    assert (office.record()["account"], office.record()["token"]) == ("e2", "union-e2")
    assert office.source.writes == {"account": 3, "token": 3}


def test_three_rounds_later_everything_is_at_rest(world: Callable[..., WriteBackWorld]) -> None:
    office = world()
    assert office.settle() == 2

    for options in ({}, {"again": True}, {"fresh": True}):
        done = office.sync(**options)
        assert (done.result, len(done.reconciliation.plan.changes)) == (Result.NOTHING, 0)
    assert office.source.writes.total() == 6


def test_an_attribute_that_somebody_overwrites_in_the_source_is_put_right(world: Callable[..., WriteBackWorld]) -> None:
    office = world()
    office.settle()

    office.edit("2", account="somebody else's")
    office.settle()

    assert office.record()["account"] == "e2"
    assert office.source.writes["account"] == 4


def test_a_rule_that_is_new_is_found_to_be_due_by_looking_at_everybody(world: Callable[..., WriteBackWorld]) -> None:
    office = world("")
    office.settle()

    office.rule(RULES, config=b"another")
    office.settle()

    assert office.record("3")["token"] == "union-e3"


def test_a_hand_edit_that_is_accepted_reaches_the_source_and_is_no_edit_any_more(
    world: Callable[..., WriteBackWorld],
) -> None:
    office = world(MOBILE)
    office.settle()

    office.edit_by_hand(mobile="13900000002")
    office.settle()

    assert office.record()["mobile"] == "13900000002"
    assert kept(office) == []
    assert office.source.writes == {"mobile": 1}


def test_the_source_is_believed_again_when_it_goes_back_to_what_it_said_before(
    world: Callable[..., WriteBackWorld],
) -> None:
    office = world(MOBILE)
    office.settle()
    old = office.record()["mobile"]
    office.edit_by_hand(mobile="13900000002")
    office.settle()

    office.edit("2", mobile=old)
    office.settle()

    assert office.target.objects[Kind.PERSON, TargetId("e2")]["mobile"] == old
    assert office.record()["mobile"] == old


def test_a_hand_edit_that_nobody_has_accepted_stays_where_it_is(world: Callable[..., WriteBackWorld]) -> None:
    office = world(MOBILE, drift=DriftTerms(default=DriftRule.REPORT))
    office.settle()

    office.edit_by_hand(mobile="13900000002")
    office.settle()

    assert office.record()["mobile"] == "13800000002"
    assert len(kept(office)) == 1


def test_what_the_rules_would_read_back_as_something_else_is_left_aside(world: Callable[..., WriteBackWorld]) -> None:
    shorter = INBOUND.replace(
        "phoneNumbers.mobile: mobile", "phoneNumbers.mobile: {from: mobile, via: [{truncate: 11}]}"
    )
    office = world(MOBILE, inbound=shorter)
    office.settle()

    office.edit_by_hand(mobile="139000000021")
    done = office.sync()

    (aside,) = [one for one in done.reconciliation.plan.aside if one.problems]
    assert aside.problems[0].code == "WBK-002"
    assert office.source.writes == {}


def test_what_the_source_stores_otherwise_is_parked_and_not_written_again(world: Callable[..., WriteBackWorld]) -> None:
    office = world("write_back: {token: unionid}\n")
    office.source.stores = lambda text: text.upper()
    office.sync()

    for _ in range(5):
        office.sync()
        office.wait(minutes=1)

    with office.store.reading() as tx:
        assert len(tx.queue.parked()) == 3
    assert office.source.writes["token"] == 6, "once from nothing, once from what came of that, for each of three"


def test_somebody_who_was_quicker_is_read_before_anything_is_written(world: Callable[..., WriteBackWorld]) -> None:
    office = world("write_back: {account: userid}\n")
    office.sync()

    def quicker() -> None:
        office.source.before = lambda: None
        office.edit("2", account="quicker")

    office.source.before = quicker

    first = office.sync()
    assert first.tally.deferred == 1
    office.wait(minutes=3)
    office.settle()

    assert office.record()["account"] == "e2"
    with office.store.reading() as tx:
        assert tx.queue.standing() == []


def test_only_as_many_are_written_to_as_the_guard_lets_through(world: Callable[..., WriteBackWorld]) -> None:
    guard = GuardTerms(plan_only_first=False, limits=Limits(by_effect={Effect.WRITE_BACK: Limit(count=3)}))
    office = world(guard=guard)
    office.sync()

    done = office.sync()

    assert (done.result, [hold.effect for hold in done.holds]) == (Result.HELD, [Effect.WRITE_BACK])
    assert office.source.writes == {}
    with office.store.transaction() as tx:
        tx.holds.release(done.holds[0].id, by="example", at=office.now(), reason="looked at")
    office.settle()
    assert office.source.writes["account"] == 3


def test_the_limit_holds_nothing_but_what_is_written_back(world: Callable[..., WriteBackWorld]) -> None:
    guard = GuardTerms(plan_only_first=False, limits=Limits(by_effect={Effect.WRITE_BACK: Limit(count=1)}))
    office = world(guard=guard)
    office.sync()
    office.edit("2", title="Buyer")
    office.person("4", "team")

    done = office.sync()

    assert {one.op for one in done.reconciliation.judgement.allowed} == {Op.UPDATE, Op.CREATE}


@pytest.mark.parametrize("why", ["protected", "by rule", "unproven", "leaver"])
def test_nothing_is_written_back_without_a_licence(world: Callable[..., WriteBackWorld], why: str) -> None:
    office = world()
    office.sync()
    match why:
        case "protected":
            office.target.protected |= {TargetId("e2")}
        case "by rule":
            terms = replace(office.world.guard, protected=lambda seen: seen.target_id == "e2")
            office.world = replace(office.world, guard=terms)
        case "unproven":
            office.source.doubt = "somebody trimmed our rights"
        case _:
            office.edit("2", state="left")

    office.sync(fresh=True)

    assert "account" not in office.record()
    assert ("account" in office.record("3")) is (why != "unproven")


def test_an_empty_field_empties_an_attribute_only_where_the_rule_says_so(world: Callable[..., WriteBackWorld]) -> None:
    office = world("write_back: {note: email}\n")
    office.person("4", "team", note="kept")
    office.settle()
    office.sync(fresh=True)
    assert office.record("4")["note"] == "kept"

    office.rule("write_back: {note: {from: email, clear: true}}\n", config=b"another")
    office.sync(fresh=True)

    assert "note" not in office.record("4")


def test_what_was_only_written_and_never_looked_at_empties_nothing(world: Callable[..., WriteBackWorld]) -> None:
    office = world("write_back: {note: {from: email, clear: true}}\n")
    office.settle()

    office.person("4", "team", note="kept")
    office.settle()

    assert office.record("4")["note"] == "kept", "the account was made, and nobody has looked at it since"


def test_the_intent_is_logged_before_and_what_came_of_it_after(world: Callable[..., WriteBackWorld]) -> None:
    office = world("write_back: {account: userid}\n")
    office.sync()

    def asked() -> None:
        assert told()[-1][0] == "change.intended"

    def told() -> list[tuple[str, dict[str, Any]]]:
        with office.store.reading() as tx:
            rows = [(row.type, json.loads(row.body)) for row in tx.connection.execute(_TOLD)]
        return [(type_, body) for type_, body in rows if body.get("op") == "write_back"]

    office.source.before = asked
    office.sync()

    types = [type_ for type_, _ in told()]
    assert sorted(set(types)) == ["change.confirmed", "change.intended"]
    assert "hr/1" in json.dumps(told()[0][1])


def test_an_outage_of_the_source_is_no_fault_of_the_person(world: Callable[..., WriteBackWorld]) -> None:
    office = world("write_back: {account: userid}\n")
    office.sync()
    office.source.__class__ = type("Dumb", (type(office.source),), {"write_back": _cannot})

    done = office.sync()

    assert done.tally.deferred == 3
    with office.store.reading() as tx:
        assert {one.attempt for one in tx.queue.standing()} == {0}


async def _cannot(self: Any, *_: Any, **__: Any) -> Any:
    from datetime import timedelta

    from syncd.core.errors import TryAgain
    from syncd.testing.writing_back import MOVED

    raise TryAgain(MOVED.at(), after=timedelta(minutes=1))


def test_a_person_with_two_records_in_a_source_is_left_aside(world: Callable[..., WriteBackWorld]) -> None:
    office = world("write_back: {account: userid}\n")
    office.person("9", "team", id="e9")
    office.sync()
    with office.store.transaction() as tx:
        known = tx.links.by_objects("memory", Kind.PERSON, [TargetId("e2")])
        joined = SourceName("hr"), Kind.PERSON, NativeId("9"), known[TargetId("e2")].subject
        tx.records.set_subjects([joined])
        tx.marks.add([known[TargetId("e2")].subject], reason="example", at=office.now())

    done = office.sync()

    codes = [problem.code for one in done.reconciliation.plan.aside for problem in one.problems]
    assert codes == ["WBK-001"]
    assert "account" not in office.record()


def test_a_killed_process_finds_what_it_wrote_and_writes_it_no_second_time(
    world: Callable[..., WriteBackWorld],
) -> None:
    office = world("write_back: {account: userid}\n")
    office.sync()

    def die() -> None:
        raise KeyboardInterrupt

    office.source.after = die
    with pytest.raises(KeyboardInterrupt):
        office.sync()
    office.source.after = lambda: None
    office.reopen()
    office.settle()

    assert {office.record(key)["account"] for key in "123"} == {"e1", "e2", "e3"}
    assert office.source.writes["account"] == 3


def test_the_source_is_rung_for_after_it_was_written_to(world: Callable[..., WriteBackWorld]) -> None:
    office = world("write_back: {account: userid}\n")
    office.sync()
    office.sync()

    with office.store.reading() as tx:
        assert list(tx.wakes.waiting()) == [SourceName("hr")]


def test_a_plan_in_portions_writes_the_same_back(
    world: Callable[..., WriteBackWorld], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = world()
    office.sync()
    whole = office.sync(write=False, again=True).reconciliation.plan

    monkeypatch.setattr("syncd.engine.reconcile.MANY", 1)
    portions = office.sync(write=False, again=True).reconciliation.plan

    assert len(whole.changes) == 3
    assert tuple(portions.changes) == tuple(whole.changes)
    assert portions.fingerprint == whole.fingerprint


def test_the_service_writes_back_by_itself_whoever_joins(world: Callable[..., WriteBackWorld]) -> None:
    office = world()
    office.source.tells = True
    office.settle()

    async def story() -> None:
        async with served(office.world) as service:
            office.person("4", "team")
            await service.wake(ringing())
            await until(lambda: office.record("4").get("token") == "union-e4", "the write-back")

    run(story())
    assert office.source.writes == {"account": 4, "token": 4}
