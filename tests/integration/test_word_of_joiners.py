"""The manager is told before somebody's first day: once, again where that changes, and never of what is not so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.dated_world import foretold
from support.incidents import Make, making
from support.serving import served
from support.small_world import run
from support.word_world import BEGINS, DAY, Heard, WordWorld
from syncd.alerts.facts import Measure, Situation, joiner_untold
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.model import Kind, SubjectId, TargetId
from syncd.core.welcome import TO_ONE, WITHIN, Fate
from syncd.engine.forecast import Coming
from syncd.engine.health import health
from syncd.engine.reviewing import Decision, join_two
from syncd.engine.welcoming import LOOK, Welcoming
from syncd.engine.world import GuardTerms, WriterTerms
from syncd.store import Transaction
from syncd.store.rows import StagedRecord
from syncd.testing.memory import refusal

SOON = BEGINS - timedelta(days=3)
MINUTE = timedelta(minutes=1)
SELF = "Example 7"
SAID = f"Example 7 starts on {DAY}"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    yield from making(tmp_path)


@pytest.fixture
def world(make: Make) -> WordWorld:
    made = WordWorld(make)
    made.sync()
    return made


def told(world: WordWorld) -> WordWorld:
    """The manager has been told, three days before."""
    assert world.day(SOON) == [Heard("e2", SAID)]
    return world


def test_the_manager_is_told_three_days_before_and_once(world: WordWorld) -> None:
    assert world.tick() == []
    assert world.day(SOON - LOOK - MINUTE) == []

    assert world.day(SOON) == [Heard("e2", SAID)]

    assert world.text() == (
        f"Example 7 joins your team on {DAY}.\nDepartment: Unit team\nPlease see that everything is ready by then."
    )
    world.restart()
    assert world.day(SOON + timedelta(hours=1)) == []
    assert world.day(BEGINS + timedelta(days=1)) == []
    assert world.audited() == [("joiner.told", "comes", "e2")]


def test_beside_the_service_the_manager_is_told_by_the_target_that_it_works_with(world: WordWorld) -> None:
    async def story() -> None:
        async with served(world.small.world) as service:
            await Welcoming(lambda: service.world).tick()

    world.small.time = SOON
    run(story())

    assert world.heard() == [Heard("e2", SAID)]


def test_of_somebody_who_comes_sooner_the_manager_hears_at_once(world: WordWorld) -> None:
    world.small.person("8", "team", manager="e2", hired="2026-11-24")
    world.sync()

    assert world.tick() == [Heard("e2", "Example 8 starts on 2026-11-24")]


def test_another_day_is_told_also_when_it_is_far_away(world: WordWorld) -> None:
    told(world).small.edit("7", hired="2026-12-24")

    assert world.day(SOON + timedelta(hours=1)) == [Heard("e2", f"Example 7 starts on 2026-12-24, not on {DAY}")]
    assert world.day(SOON + timedelta(hours=2)) == []


def test_another_manager_is_told(world: WordWorld) -> None:
    told(world).small.edit("7", manager="e3")

    assert world.day(SOON + timedelta(hours=1)) == [Heard("e3", SAID)]
    world.small.edit("7", manager="e2")
    assert world.day(SOON + timedelta(hours=2)) == []


@pytest.mark.parametrize("how", ["gone", "inactive"])
def test_a_hire_that_is_rescinded_is_told_to_whoever_has_heard_of_it(world: WordWorld, how: str) -> None:
    told(world)
    if how == "gone":
        world.small.leave("7")
    else:
        world.small.edit("7", state="left")

    assert world.day(SOON + timedelta(hours=1)) == [Heard("e2", f"Example 7 does not start on {DAY}")]
    assert world.text() == f"You were told that Example 7 joins your team on {DAY}. That is off."
    assert world.day(SOON + timedelta(hours=2)) == []
    assert [op for _, op, _ in world.audited()] == ["comes", "off"]


def test_of_a_hire_that_is_rescinded_before_anybody_was_told_nobody_hears(world: WordWorld) -> None:
    world.small.leave("7")

    assert world.day(SOON) == []


def test_where_the_manager_has_left_the_next_one_above_is_told(world: WordWorld) -> None:
    world.small.edit("2", state="left")

    assert world.day(SOON) == [Heard("e1", SAID)]


def test_where_the_manager_has_not_begun_the_next_one_above_is_told(world: WordWorld) -> None:
    world.small.person("8", "team", manager="e1", hired="2026-12-24")
    world.small.edit("7", manager="e8")

    assert world.day(SOON) == [Heard("e1", SAID)]


@pytest.mark.parametrize("manager", [None, "e7"])
def test_without_a_manager_whoever_leads_the_department_is_told(world: WordWorld, manager: str | None) -> None:
    world.small.edit("7", manager=manager)

    assert world.day(SOON) == [Heard("e2", SAID)]


def test_without_anybody_in_the_department_whoever_leads_the_one_above_is_told(world: WordWorld) -> None:
    world.small.edit("7", manager=None)
    world.small.edit("2", state="left")

    assert world.day(SOON) == [Heard("e1", SAID)]


def test_who_cannot_be_reached_is_passed_over(world: WordWorld) -> None:
    world.target.shelf.unknown = frozenset({TargetId("e2")})

    assert world.day(SOON) == []
    assert world.day(SOON + timedelta(hours=1)) == [Heard("e1", SAID)]
    assert world.audited() == [("joiner.untold", "comes", "e2"), ("joiner.told", "comes", "e1")]


def test_what_was_decided_by_a_process_that_died_is_sent_by_the_next_one(world: WordWorld) -> None:
    world.small.time = SOON
    world.sync()
    assert [word.to.account for word in world.decide()] == ["e2"]

    world.reopen()

    assert world.tick() == [Heard("e2", SAID)]


def test_what_was_sent_by_a_process_that_died_is_not_read_twice(world: WordWorld) -> None:
    def lost() -> None:
        raise KeyboardInterrupt

    world.target.shelf.after = lost
    world.small.time = SOON
    with pytest.raises(KeyboardInterrupt):
        world.tick()
    world.target.shelf.after = lambda: None

    world.reopen()
    assert world.tick() == []

    assert world.heard() == [Heard("e2", SAID)]
    assert (world.target.sent, world.audited()) == (2, [("joiner.told", "comes", "e2")])


def test_a_state_that_was_put_back_says_nothing_twice(world: WordWorld) -> None:
    told(world)
    with world.small.store.transaction() as tx:
        tx.words.tidy(before=BEGINS + timedelta(days=365))

    world.restart()
    assert world.day(SOON + timedelta(hours=1)) == []
    assert world.target.sent == 2


@pytest.mark.parametrize("error", [TryAgain(refusal("not now")), NeedsHuman(refusal("no right"))])
def test_what_cannot_be_sent_is_tried_again_by_the_schedule(world: WordWorld, error: Exception) -> None:
    def refused() -> None:
        raise error

    world.target.shelf.before = refused
    assert world.day(SOON) == []
    first, second = WriterTerms().retries[:2]
    assert (world.day(SOON + first - MINUTE), world.target.sent) == ([], 1)
    assert (world.day(SOON + first), world.target.sent) == ([], 2)

    assert (untold(world), world.day(SOON + first + second)) == ((0, (), ""), [])
    assert untold(world) == (1, (SELF,), "MEM-001")

    world.target.shelf.before = lambda: None
    assert world.day(SOON + timedelta(hours=1)) == [Heard("e2", SAID)]
    assert untold(world) == (0, (), "")
    assert world.audited() == [("joiner.told", "comes", "e2")]


def test_of_very_many_the_manager_hears_some_each_hour_and_never_of_what_was_taken_back(world: WordWorld) -> None:
    keys = range(100, 100 + TO_ONE + 5)
    for each in keys:
        world.small.person(str(each), "team", manager="e2", hired="2026-11-25")

    first = world.day(world.small.time)
    assert [one.who for one in first] == ["e2"] * TO_ONE
    world.restart()
    assert world.tick() == [], "another process knows how many were told"

    untold = {f"Example {each} starts on 2026-11-25" for each in keys} - {one.title for one in first}
    title = min(untold)
    world.small.leave(title.split()[1])
    rest = world.day(world.small.time + WITHIN)
    assert {one.title for one in rest} == untold - {title}


def test_two_who_are_made_one_by_hand_are_one_whom_the_manager_has_heard_of(make: Make) -> None:
    """The joiner has a second record, and the first one goes. Nobody has an account yet, so the second one's subject stays."""
    world = WordWorld(make, ahead=timedelta(0))
    world.sync()
    told(world)
    world.terms(tell=None)
    world.small.person("8", "team", manager="e2", hired=DAY, zone="Asia/Jakarta", name=SELF)
    world.sync()
    world.terms(tell=timedelta(days=3))

    with world.small.store.transaction() as tx:
        new, old = (record_of(tx, key) for key in "87")
        decision = Decision(by="operator", reason="asked HR", at=world.small.time)
        assert join_two(tx, world.small.world, new, old, decision) == new.subject
    world.small.leave("7")

    assert world.day(world.small.time + LOOK + MINUTE) == []
    assert world.audited() == [("joiner.told", "comes", "e2")]


def record_of(tx: Transaction, key: str) -> StagedRecord:
    return next(row for row in tx.records.iterate() if (row.kind, row.native_id) == (Kind.PERSON, key))


def test_after_the_day_has_begun_nobody_is_told(world: WordWorld) -> None:
    def refused() -> None:
        raise TryAgain(refusal("not now"))

    world.target.shelf.before = refused
    world.day(SOON)
    world.target.shelf.before = lambda: None

    assert world.day(BEGINS) == []
    with world.small.store.reading() as tx:
        assert tx.words.waiting() == []
        ((word,),) = tx.words.about([joiner(world)]).values()
    assert (word.fate, word.title, word.text) == (Fate.LATE, "", "")
    assert world.audited() == [("joiner.untold", "comes", "e2")]


def test_while_the_clock_is_in_doubt_nobody_is_told(world: WordWorld) -> None:
    world.small.time = SOON
    world.sync()
    with world.small.store.transaction() as tx:
        tx.meta.set("clock.ahead", "2026-11-22T00:00:00Z 2026-11-29T17:00:00Z")

    assert world.tick() == []


def test_by_rules_that_nobody_has_accepted_nobody_is_told(world: WordWorld) -> None:
    held = replace(world.small.world, guard=GuardTerms(plan_only_first=True), config_digest=b"other rules")
    world.small.world = held
    world.small.edit("3", title="Head")

    assert world.day(SOON) == []
    world.small.sync(accept=True)
    world.restart()
    assert world.tick() == [Heard("e2", SAID)]


def test_without_the_setting_nobody_is_told_and_nothing_asked(world: WordWorld) -> None:
    world.terms(tell=None)

    assert world.day(SOON) == []
    assert world.decide() == ()


@pytest.mark.parametrize(
    ("say", "language", "title", "text"),
    [
        (
            {"name", "title", "department"},
            "zh_CN",
            f"Example 7 将于 {DAY} 入职",
            f"Example 7 将于 {DAY} 加入您的团队。\n职位：Buyer\n部门：Unit team\n请在此之前做好入职准备。",
        ),
        (
            set(),
            "id",
            f"Seorang rekan baru mulai bekerja pada {DAY}",
            f"Seorang rekan baru bergabung dengan tim Anda pada {DAY}.\nMohon pastikan semuanya siap sebelum hari itu.",
        ),
    ],
)
def test_only_what_may_be_said_is_said_in_the_managers_language(
    world: WordWorld, say: set[str], language: str, title: str, text: str
) -> None:
    world.terms(say=frozenset(say), language=language)

    assert world.day(SOON) == [Heard("e2", title)]
    assert world.text() == text


def test_the_calendar_says_who_will_be_told_and_who_has_been(world: WordWorld) -> None:
    first, second = foretold(world.small)
    assert (first.what, first.at, first.told) == (Coming.TOLD, SOON, ("Example 2",))
    assert (second.what, second.at, second.told) == (Coming.FIRST_DAY, BEGINS, ())

    told(world)

    (one,) = foretold(world.small)
    assert (one.what, one.told) == (Coming.FIRST_DAY, ("Example 2",))
    world.small.edit("7", hired="2026-12-24")
    world.sync()
    assert [(one.what, one.at <= world.small.time) for one in foretold(world.small)] == [
        (Coming.TOLD, True),
        (Coming.FIRST_DAY, False),
    ]


def test_the_calendar_says_where_nobody_can_be_told(world: WordWorld) -> None:
    for key in ("1", "2"):
        world.small.edit(key, state="left")
    world.sync()

    expected = [one for one in foretold(world.small) if one.label == "Example 7"]
    assert [(one.what, one.told) for one in expected] == [(Coming.TOLD, ()), (Coming.FIRST_DAY, ())]
    assert world.day(SOON) == []


def untold(world: WordWorld) -> tuple[int, tuple[str, ...], str]:
    """Return what health says of words that cannot be sent; one of them is alerted, with its code."""
    seen = health(world.small.world)
    alerted = [found.words["code"] for found in joiner_untold(Situation(health=seen), Measure())]
    assert alerted == ([seen.untold_code] if seen.untold else [])
    return seen.untold, seen.untold_labels, seen.untold_code


def joiner(world: WordWorld) -> SubjectId:
    with world.small.store.reading() as tx:
        link = tx.links.find(world.small.world.target_name, Kind.PERSON, TargetId("e7"))
    assert link is not None
    return link.subject
