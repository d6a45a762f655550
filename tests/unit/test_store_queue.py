"""The queue, by example: who goes when, what is superseded, what a dead process leaves. The machine test has the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from support.stores import NOON, after
from syncd.core.errors import NeedsHuman, Place
from syncd.core.model import Change, ChangeId, Effect, FieldChange, Kind, Lane, Op, RunId, SubjectId
from syncd.core.ordering import fingerprint
from syncd.store import Store, stale
from syncd.store.packed import Packed
from syncd.store.queue import PATIENCE
from syncd.store.rows import Accepted, QueueCounts, QueuedChange, QueueState, Settlement, Told

RUN = RunId("r1")
NEXT_RUN = RunId("r2")
TOLD = Told(code="TST-1", what="What.", do="Do.")


def change(subject: str, op: Op = Op.CREATE, *, rank: int = 10, **words: object) -> Change:
    made = Change(
        op=op,
        subject=SubjectId(subject),
        kind=Kind.PERSON,
        label=subject.upper(),
        reason="because",
        effects=(Effect.CREATE,),
        lane=Lane.REST,
        rank=rank,
        fields=(FieldChange(name="name", before=None, after=subject),),
    )
    return replace(made, **words)  # type: ignore[arg-type]


def subjects(*names: str) -> tuple[SubjectId, ...]:
    return tuple(SubjectId(name) for name in names)


def accept(store: Store, *changes: Change, run: RunId = RUN, at: datetime = NOON) -> Accepted:
    with store.transaction() as tx:
        return tx.queue.accept(run, changes, at=at)


def claim(store: Store, limit: int = 10, *, now: datetime = NOON) -> list[QueuedChange]:
    with store.transaction() as tx:
        return tx.queue.claim(now, limit)


def names(claimed: Sequence[QueuedChange]) -> list[str]:
    return [f"{one.change.op} {one.change.subject}" for one in claimed]


def settle(store: Store, one: QueuedChange, state: QueueState = QueueState.DONE, **words: object) -> None:
    settlement = Settlement(change_id=one.id, subject=one.change.subject, state=state, attempt=one.attempt + 1)
    with store.transaction() as tx:
        tx.queue.settle(replace(settlement, **words), at=after(minutes=1))  # type: ignore[arg-type]


def get(store: Store, change_id: ChangeId) -> QueuedChange:
    with store.reading() as tx:
        found = tx.queue.get(change_id)
    assert found is not None
    return found


def test_an_accepted_change_is_claimed_whole(store: Store) -> None:
    wanted = change("a", needs=subjects("u"), after=subjects("b"), since=NOON)
    accepted = accept(store, wanted)

    (claimed,) = claim(store)

    assert claimed == QueuedChange(
        id=accepted.ids[0],
        run_id=RUN,
        change=wanted,
        state=QueueState.RUNNING,
        attempt=0,
        due_at=NOON,
        again=False,
        problem=None,
        created_at=NOON,
        settled_at=None,
    )
    assert claim(store) == []


def test_leavers_go_first_then_rank_then_the_plans_order(store: Store) -> None:
    accept(
        store,
        change("late", rank=20),
        change("second"),
        change("third"),
        change("joiner", rank=99, lane=Lane.JOINER),
        change("leaver", Op.OFFBOARD, rank=6000, lane=Lane.LEAVER),
        change("security", rank=50, lane=Lane.SECURITY),
    )

    assert [one.change.subject for one in claim(store, 2)] == ["leaver", "security"]
    assert [one.change.subject for one in claim(store)] == ["joiner", "second", "third", "late"]


def test_only_the_lanes_that_are_named_are_served(store: Store) -> None:
    accept(store, change("rest"), change("leaver", lane=Lane.LEAVER))

    with store.transaction() as tx:
        assert names(tx.queue.claim(NOON, 10, lanes=(Lane.LEAVER,))) == ["create leaver"]


def test_one_subject_is_strictly_in_order(store: Store) -> None:
    accept(store, change("a"), change("a", Op.LINK, rank=90), change("b", Op.LINK, rank=91))

    first = claim(store)
    assert names(first) == ["create a", "link b"]
    assert claim(store) == []
    settle(store, first[0])
    assert names(claim(store)) == ["link a"]


def test_a_change_waits_until_what_it_needs_is_done(store: Store) -> None:
    accept(store, change("unit", rank=1), change("person", needs=subjects("unit")), change("other"))

    first = claim(store)
    assert names(first) == ["create unit", "create other"]
    settle(store, first[0], QueueState.READY, due_at=after(hours=1))
    assert claim(store) == [], "tried is not done"
    (again,) = claim(store, now=after(hours=1))
    settle(store, again)
    assert names(claim(store)) == ["create person"]


def test_a_change_that_should_come_after_another_waits_for_its_first_attempt_only(store: Store) -> None:
    accept(store, change("manager", rank=1), change("managed", after=subjects("manager")))

    (manager,) = claim(store)
    settle(store, manager, QueueState.READY, due_at=after(hours=1), problem=TOLD)

    assert names(claim(store)) == ["create managed"]


def test_a_department_and_its_leader_do_not_wait_for_each_other(store: Store) -> None:
    accept(
        store,
        change("unit", rank=1),
        change("leader", needs=subjects("unit")),
        change("unit", Op.LINK, rank=90, needs=subjects("leader")),
    )

    order = []
    while claimed := claim(store):
        order += names(claimed)
        for one in claimed:
            settle(store, one)

    assert order == ["create unit", "create leader", "link unit"]


def test_two_who_come_after_each_other_do_not_wait_for_ever(store: Store) -> None:
    accept(store, change("a", after=subjects("b")), change("b", after=subjects("a")))

    (first,) = claim(store)
    settle(store, first)

    assert names([first, *claim(store)]) == ["create a", "create b"]


def test_what_needs_a_parked_change_is_reported_as_blocked(store: Store) -> None:
    ids = accept(
        store, change("unit", rank=1), change("person", needs=subjects("unit")), change("unit", Op.LINK, rank=90)
    ).ids
    (unit,) = claim(store)
    settle(store, unit, QueueState.PARKED, problem=TOLD)

    assert claim(store, now=after(days=99)) == []
    with store.reading() as tx:
        blocked = tx.queue.blocked()
        assert [(one.change_id, one.label, one.by, one.by_label) for one in blocked] == [
            (ids[1], "PERSON", ids[0], "UNIT"),
            (ids[2], "UNIT", ids[0], "UNIT"),
        ]
        assert tx.queue.counts(NOON) == QueueCounts(ready=2, parked=1, due=2, blocked=2)
        assert [one.problem for one in tx.queue.parked()] == [TOLD]


def test_a_retried_change_starts_over_and_frees_who_waits_for_it(store: Store) -> None:
    ids = accept(store, change("unit", rank=1), change("person", needs=subjects("unit"))).ids
    settle(store, claim(store)[0], QueueState.PARKED)
    with store.transaction() as tx:
        assert tx.queue.retry([ids[0], ChangeId("unknown")], at=after(hours=1)) == [ids[0]]

    (unit,) = claim(store, now=after(hours=1))
    assert (unit.id, unit.attempt) == (ids[0], 0)
    settle(store, unit)
    assert names(claim(store, now=after(hours=1))) == ["create person"]


def test_a_dropped_change_is_over_and_a_running_one_is_not_dropped(store: Store) -> None:
    ids = accept(store, change("unit", rank=1), change("person", needs=subjects("unit")), change("busy", rank=2)).ids
    unit, _ = claim(store)
    settle(store, unit, QueueState.PARKED)
    with store.transaction() as tx:
        assert tx.queue.drop([ids[0], ids[2]], at=NOON) == [ids[0]]

    assert get(store, ids[0]).state is QueueState.DROPPED
    assert names(claim(store)) == ["create person"]


def test_a_deferred_change_waits_for_its_time(store: Store) -> None:
    accept(store, change("a"))
    (one,) = claim(store)
    settle(store, one, QueueState.READY, due_at=after(hours=1), problem=TOLD)

    with store.reading() as tx:
        assert tx.queue.next_due_at() == after(hours=1)
    assert claim(store, now=after(minutes=59)) == []
    (again,) = claim(store, now=after(hours=1))
    assert (again.attempt, again.again, again.problem) == (1, False, TOLD)
    assert again.settled_at == after(minutes=1)


def test_a_pending_change_is_looked_at_again_and_never_blindly(store: Store) -> None:
    accept(store, change("a"), change("a", Op.LINK, rank=90))
    (one,) = claim(store)
    settle(store, one, QueueState.PENDING, due_at=after(days=1), problem=TOLD)

    assert claim(store, now=after(hours=23)) == []
    (again,) = claim(store, now=after(days=1))
    assert (again.id, again.again) == (one.id, True)


def test_the_same_plan_again_changes_nothing(store: Store) -> None:
    plan = (change("a"), change("a", Op.LINK, rank=90), change("b"))
    first = accept(store, *plan)
    settle(store, claim(store)[0], QueueState.READY, due_at=after(hours=5), problem=TOLD)
    relabelled = tuple(replace(one, label="New", reason="-", rank=one.rank + 1, since=NOON) for one in plan)

    second = accept(store, *relabelled[:2], run=NEXT_RUN, at=after(hours=1))

    assert (second.ids, second.kept, second.superseded) == (first.ids[:2], frozenset(first.ids[:2]), ())
    assert (get(store, first.ids[0]).due_at, get(store, first.ids[0]).attempt) == (after(hours=5), 1)


def test_a_newer_plan_supersedes_what_waits_for_the_same_subject(store: Store) -> None:
    old = accept(store, change("a"), change("b"))
    new = accept(store, change("a", fields=()), run=NEXT_RUN)

    assert new.superseded == old.ids[:1]
    assert get(store, old.ids[0]).state is QueueState.SUPERSEDED
    assert [one.id for one in claim(store)] == [old.ids[1], new.ids[0]]


def test_what_follows_something_new_is_new_too(store: Store) -> None:
    old = accept(store, change("a"), change("a", Op.LINK, rank=90))
    new = accept(store, change("a", fields=()), change("a", Op.LINK, rank=90), run=NEXT_RUN)

    assert new.kept == frozenset()
    assert set(new.superseded) == set(old.ids)
    first = claim(store)
    assert names(first) == ["create a"]


def test_a_running_change_goes_on_and_its_successor_waits(store: Store) -> None:
    old = accept(store, change("a"))
    (running,) = claim(store)
    new = accept(store, change("a", fields=()), run=NEXT_RUN)

    assert new.superseded == ()
    assert claim(store) == []
    settle(store, running, QueueState.READY, due_at=after(hours=1), again=True)
    assert get(store, old.ids[0]).state is QueueState.SUPERSEDED, "a newer plan waits: no second attempt"
    (successor,) = claim(store)
    assert (successor.id, successor.again) == (new.ids[0], True), "the old attempt may have reached the platform"


def test_the_successor_of_a_pending_change_reads_back_first(store: Store) -> None:
    accept(store, change("a"))
    settle(store, claim(store)[0], QueueState.PENDING, due_at=after(days=1))
    accept(store, change("a", Op.OFFBOARD, lane=Lane.LEAVER), run=NEXT_RUN)

    (leaver,) = claim(store)
    assert (leaver.change.op, leaver.again) == (Op.OFFBOARD, True)


def test_a_parked_change_is_superseded_by_a_different_one_only(store: Store) -> None:
    old = accept(store, change("a"))
    settle(store, claim(store)[0], QueueState.PARKED)

    assert accept(store, change("a"), run=NEXT_RUN).ids == old.ids
    assert get(store, old.ids[0]).state is QueueState.PARKED
    assert accept(store, change("a", fields=()), run=NEXT_RUN).superseded == old.ids


def test_a_change_that_was_refused_alone_is_tried_anew_when_it_has_to_wait_for_another(store: Store) -> None:
    """Two swap their numbers. One of them is planned for alone, and refused; then both are, and one gives the number up first."""
    alone = accept(store, change("a"))
    settle(store, claim(store)[0], QueueState.PARKED)
    assert accept(store, change("a"), run=NEXT_RUN).kept == frozenset(alone.ids)

    giving, link = change("b", Op.UPDATE, rank=9), change("b", Op.LINK, rank=11, needs=subjects("a"))
    both = (giving, change("a", needs=subjects("b")), link)
    together = accept(store, *both, run=NEXT_RUN)

    assert together.superseded == alone.ids
    assert accept(store, *both, run=RunId("r3")).kept == frozenset(together.ids), "it is tried anew once"
    done: list[str] = []
    while claimed := claim(store):
        for one in claimed:
            settle(store, one)
        done += names(claimed)
    assert done == ["update b", "create a", "link b"]


def test_a_change_that_waits_already_never_comes_before_a_new_one_for_which_it_waits(store: Store) -> None:
    """Of a chain, whoever gives is planned for later, with another one before them, and so comes later than was thought."""
    accept(store, change("a", rank=10), change("b", rank=11, needs=subjects("a")))

    later = (change("a", rank=11, needs=subjects("c")), change("b", rank=12, needs=subjects("a")))
    accept(store, change("c", rank=10), *later, run=NEXT_RUN)

    done: list[str] = []
    while claimed := claim(store):
        for one in claimed:
            settle(store, one)
        done += names(claimed)
    assert done == ["create c", "create a", "create b"]


def test_a_new_change_never_comes_before_one_that_waits_already_and_for_which_it_waits(store: Store) -> None:
    """Of a circle, whoever gives was planned for with others before them, and comes later than would be thought by now."""
    accept(store, change("a", rank=13), change("x", rank=13))

    later = (change("a", rank=11), change("b", rank=12, needs=subjects("a")), change("x", rank=12))
    again = accept(store, *later, run=NEXT_RUN)

    assert len(again.kept) == 1, "whom nobody waits for stays as it was"
    done: list[str] = []
    while claimed := claim(store):
        for one in claimed:
            settle(store, one)
        done += names(claimed)
    assert done.index("create a") < done.index("create b")


def test_what_no_plan_wants_any_more_is_over_except_what_is_pending(store: Store) -> None:
    ids = accept(store, change("pending"), change("running"), change("parked"), change("ready"), change("wanted")).ids
    pending, _, parked = claim(store, 3)
    settle(store, pending, QueueState.PENDING, due_at=after(days=1))
    settle(store, parked, QueueState.PARKED)

    with store.transaction() as tx:
        assert tx.queue.supersede_absent(set(subjects("wanted")), at=NOON) == [ids[2], ids[3]]
        assert {one.id for one in tx.queue.standing()} == {ids[0], ids[1], ids[4]}
        assert tx.queue.supersede(subjects("pending", "running"), at=NOON) == [ids[0]]


def test_a_superseded_change_frees_who_waits_for_it(store: Store) -> None:
    accept(store, change("unit", rank=1), change("p", needs=subjects("unit")))
    assert names(claim(store, 1)) == ["create unit"]
    with store.transaction() as tx:
        tx.queue.interrupted(at=NOON)
        tx.queue.supersede(subjects("unit"), at=NOON)

    assert names(claim(store)) == ["create p"]


def test_what_a_dead_process_left_running_is_read_back(store: Store) -> None:
    ids = accept(store, change("a"), change("b")).ids
    claim(store, 1)
    with store.transaction() as tx:
        left = tx.queue.interrupted(at=after(hours=1))
        assert tx.queue.interrupted(at=after(hours=1)) == []

    assert [(one.id, one.state, one.again, one.attempt) for one in left] == [(ids[0], QueueState.READY, True, 0)]
    again, other = claim(store, now=after(hours=1))
    assert (again.id, again.again, other.again) == (ids[0], True, False)


def test_a_change_that_is_not_running_cannot_be_settled(store: Store) -> None:
    accept(store, change("a"))
    (one,) = claim(store)
    settle(store, one)

    with pytest.raises(ValueError, match="1 of 1 settled changes were not running"):
        settle(store, one)
    with pytest.raises(ValueError, match="needs a due time"):
        settle(store, one, QueueState.READY)
    with pytest.raises(ValueError, match="not settled as running"):
        settle(store, one, QueueState.RUNNING)


def test_a_plan_with_two_changes_of_one_sort_for_a_subject_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="two changes of sort 'object' for a"):
        accept(store, change("a"), change("a", Op.UPDATE))


def test_the_database_itself_keeps_one_running_change_per_subject(store: Store) -> None:
    def force() -> None:
        with store.transaction() as tx:
            tx.connection.exec_driver_sql("UPDATE changes SET state = 'running'")

    accept(store, change("a"), change("a", Op.LINK, rank=90))
    with pytest.raises(NeedsHuman) as caught:
        force()
    assert caught.value.problem.code == "STO-012"


def test_ids_are_never_given_twice_even_after_tidying(store: Store) -> None:
    first = accept(store, change("a"))
    settle(store, claim(store)[0])
    with store.transaction() as tx:
        assert tx.queue.tidy(before=NOON) == 0
        assert tx.queue.tidy(before=after(hours=1)) == 1
        assert tx.queue.get(first.ids[0]) is None

    assert accept(store, change("a")).ids != first.ids


def test_a_subjects_changes_are_told_newest_first(store: Store) -> None:
    accept(store, change("a"), change("b"))
    settle(store, claim(store, 1)[0])
    accept(store, change("a", Op.UPDATE), run=NEXT_RUN)

    with store.reading() as tx:
        history = tx.queue.for_subject(SubjectId("a"))
        assert [(one.change.op, one.state) for one in history] == [
            (Op.UPDATE, QueueState.READY),
            (Op.CREATE, QueueState.DONE),
        ]
        assert len(tx.queue.for_subject(SubjectId("a"), limit=1)) == 1


def test_the_free_are_found_behind_many_who_wait(store: Store) -> None:
    many = [change(f"p{number}", needs=subjects("unit")) for number in range(3 * PATIENCE)]
    accept(store, change("unit", rank=1), *many)
    settle(store, claim(store)[0], QueueState.READY, due_at=after(hours=1))
    accept(store, change("free", rank=500), run=NEXT_RUN)

    assert names(claim(store)) == ["create free"]


def test_an_empty_plan_is_accepted(store: Store) -> None:
    assert accept(store) == Accepted(ids=(), kept=frozenset(), superseded=())
    assert claim(store) == []
    with store.reading() as tx:
        assert tx.queue.next_due_at() is None
        assert tx.queue.counts(NOON) == QueueCounts()
        assert tx.queue.counts(NOON).open == 0


def test_a_plan_that_is_kept_packed_is_queued_as_the_same_changes_in_a_list_are(
    new_store: Callable[[], Store],
) -> None:
    fields = (
        FieldChange(name="name", before=None, after="An", rule=Place(file="mappings/x.yaml", line=3, column=5)),
        FieldChange(name="share", before=1e16, after=({"unit": "a", "order": 2},)),
    )
    plan = [change("a"), change("b", rank=20, fields=fields, needs=subjects("a"), after=subjects("c"), since=NOON)]
    packed = Packed()
    packed.add(reversed(plan))
    packed.sort()
    store = new_store()

    assert list(packed) == plan
    assert packed.fingerprint == fingerprint(plan)
    accept(store, *plan)
    with store.transaction() as tx:
        again = tx.queue.accept(RUN, packed, at=NOON)
        listed = [one.change for one in tx.queue.standing()]
    assert len(again.kept) == 2  # it is the same plan, so nothing of it is new
    assert listed == plan
    with store.transaction() as tx:
        tx.queue.supersede(subjects("a", "b"), at=NOON)
        fresh = tx.queue.accept(RUN, packed, at=NOON)
        assert [queued.change for one in fresh.ids if (queued := tx.queue.get(one))] == plan


def test_what_could_be_claimed_is_counted_as_far_as_is_asked(store: Store) -> None:
    accept(store, change("a"), change("b"), change("c"), change("d"))
    (claimed,) = claim(store, 1)
    settle(store, claimed, QueueState.READY, attempt=1, due_at=after(minutes=5))
    with store.reading() as tx:
        assert tx.queue.due(NOON, most=10) == 3
        assert tx.queue.due(NOON, most=2) == 2
        assert tx.queue.due(after(minutes=5), most=10) == 4


def test_a_packed_plan_forgets_all_but_those_whom_it_shall_keep() -> None:
    packed = Packed()
    packed.add([change("a"), change("b", Op.OFFBOARD), change("c")])
    packed.keep_only(subjects("b", "c"))
    assert packed.subjects == {"b", "c"}
    assert packed.effects == Counter(effect for one in packed for effect in one.effects)


def test_what_waits_by_a_clock_that_was_ahead_comes_as_much_earlier_and_what_was_never_tried_at_once(
    store: Store,
) -> None:
    accept(store, change("a"), change("b"))
    (first,) = claim(store, 1)
    # The clock goes three hours ahead, and back.
    settle(store, first, QueueState.READY, due_at=after(hours=3, minutes=20))
    accept(store, change("c"), run=NEXT_RUN, at=after(hours=3))
    with store.transaction() as tx:
        stale.forget_future(tx, at=after(minutes=5), back=timedelta(hours=3))
    assert names(claim(store, now=after(minutes=5))) == ["create b", "create c"]
    assert names(claim(store, now=after(minutes=19))) == []
    assert names(claim(store, now=after(minutes=20))) == ["create a"]


def test_what_a_dead_process_left_is_due_also_by_a_clock_that_was_put_back_since(store: Store) -> None:
    accept(store, change("a"))
    claim(store)
    with store.transaction() as tx:
        tx.queue.interrupted(at=after(hours=3))
    assert names(claim(store, now=after(minutes=1))) == ["create a"]
