"""The smaller groups of rows: words, runs, reads, subjects, asides, links, observed, holds, allocations, the feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from support.stores import NOON, after, plans
from syncd.core.errors import NeedsHuman, Place, message
from syncd.core.model import (
    Aside,
    Desired,
    Effect,
    FieldChange,
    Kind,
    Link,
    LinkState,
    Observed,
    ProofFact,
    Reason,
    RunId,
    SourceName,
    SubjectId,
    TargetId,
)
from syncd.core.outcome import Fact, FactType
from syncd.store import Store
from syncd.store.glance import Asked, asking, glance
from syncd.store.rows import Allocation, AsideRow, DesiredRow, HoldRow, HoldState, ObservedRow, ReadRow, RunRow, Told
from syncd.store.runs import Latest

ADA = SubjectId("person:ada")
BEN = SubjectId("person:ben")
LONG = message("TST-901", what="{label} is {count:,} letters long.", do="Shorten it.", example="-")


# --- words, runs, reads ---


def test_a_word_can_be_set_changed_and_dropped(store: Store) -> None:
    with store.transaction() as tx:
        tx.meta.set("word", "old")
        tx.meta.set("word", "new")
        assert tx.meta.get("word") == "new"
        tx.meta.drop("word")
        assert tx.meta.get("word") is None


def test_a_secret_is_made_once_and_kept(store: Store) -> None:
    with store.transaction() as tx:
        first, other = tx.meta.secret("a"), tx.meta.secret("b")

    with store.transaction() as tx:
        assert tx.meta.secret("a") == first
    assert len(first) == 32
    assert first != other


def test_a_run_is_told_from_its_beginning_to_its_end(store: Store) -> None:
    run = RunRow(run_id=RunId("r1"), kind="sync", started_at=NOON, config_digest=b"c" * 16)
    with store.transaction() as tx:
        tx.runs.start(run.run_id, kind="sync", at=NOON, config_digest=b"c" * 16)
        assert tx.runs.get(run.run_id) == run
        tx.runs.finish(run.run_id, at=after(minutes=1), result="done", counts={"applied": 3}, note="-")

        ended = replace(run, finished_at=after(minutes=1), result="done", counts={"applied": 3}, note="-")
        assert tx.runs.get(run.run_id) == ended
        assert tx.runs.get(RunId("r2")) is None


def test_the_latest_runs_come_first(store: Store) -> None:
    with store.transaction() as tx:
        for number in (2, 1, 3):
            tx.runs.start(RunId(f"r{number}"), kind="sync", at=after(hours=number), config_digest=b"")

        assert [run.run_id for run in tx.runs.last(2)] == ["r3", "r2"]


def read(run: str, *, hours: float, **words: object) -> ReadRow:
    made = ReadRow(
        source=SourceName("ad"),
        run_id=RunId(run),
        started_at=NOON,
        finished_at=after(hours=hours),
        full=True,
        proven=True,
        facts=(ProofFact(name="count", holds=True, detail="300 = 300"),),
        count=300,
        cursor="usn:12",
        notes=(Told(code="TST-1", what="What.", do="Do.", place=Place(file="a.csv", line=2, column=1)),),
    )
    return replace(made, **words)  # type: ignore[arg-type]


def test_the_last_good_read_is_the_last_one_that_was_full_and_proven(store: Store) -> None:
    good = read("r1", hours=1)
    last = read("r4", hours=4, source=SourceName("ad"), full=True, proven=False, cursor=None)
    with store.transaction() as tx:
        for row in (last, good, read("r2", hours=2, full=False), read("r9", hours=9, source=SourceName("hr"))):
            tx.reads.put(row)

        assert tx.reads.last(SourceName("ad")) == last
        assert tx.reads.last_good(SourceName("ad")) == good
        assert tx.reads.last(SourceName("csv")) is None


def test_how_far_a_source_was_read_is_what_its_last_reads_say(store: Store) -> None:
    source = SourceName("ad")

    def agreed() -> Latest:
        said, last = tx.reads.latest(source), tx.reads.last(source)
        good, full = tx.reads.last_good(source), tx.reads.last_full(source)
        assert said.cursor == (last.cursor if last else None)
        assert said.good_at == (good.finished_at if good else None)
        assert said.doubted is (full is not None and not full.proven)
        return said

    with store.transaction() as tx:
        tx.reads.put(read("r9", hours=9, source=SourceName("hr"), cursor="hr:9"))
        assert agreed() == Latest(cursor=None, good_at=None, doubted=False)
        tx.reads.put(read("r1", hours=1, full=False, cursor="usn:1"))
        assert agreed() == Latest(cursor="usn:1", good_at=None, doubted=False)
        tx.reads.put(read("r2", hours=2, cursor="usn:2"))
        assert agreed() == Latest(cursor="usn:2", good_at=after(hours=2), doubted=False)
        tx.reads.put(read("r3", hours=3, proven=False, cursor=None))
        assert agreed() == Latest(cursor=None, good_at=after(hours=2), doubted=True)
        tx.reads.put(read("r4", hours=4, full=False, cursor="usn:4"))
        assert agreed() == Latest(cursor="usn:4", good_at=after(hours=2), doubted=True)


# --- subjects, asides ---


def desired(subject: SubjectId, kind: Kind = Kind.PERSON, *, digest: bytes = b"d" * 16) -> DesiredRow:
    wanted = Desired(
        subject=subject,
        kind=kind,
        label="Ada",
        fields={"name": "Ada", "departments": ({"unit": "unit:1", "order": 3},), "email": None},
        active=False,
        rules={"name": Place(file="mappings/dingtalk.yaml", line=4, column=5)},
        since=NOON,
    )
    return DesiredRow(desired=wanted, digest=digest)


def test_what_is_desired_comes_back_as_it_was_put(store: Store) -> None:
    unit = desired(SubjectId("unit:1"), Kind.UNIT)
    with store.transaction() as tx:
        tx.subjects.put_desired([desired(BEN), desired(ADA, digest=b"o" * 16), unit])
        tx.subjects.put_desired([desired(ADA, digest=b"n" * 16)])

        assert tx.subjects.desired(ADA) == desired(ADA, digest=b"n" * 16)
        assert list(tx.subjects.iterate_desired(Kind.UNIT)) == [unit]
        assert [row.desired.subject for row in tx.subjects.iterate_desired()] == [ADA, BEN, "unit:1"]
        assert tx.subjects.digests() == {ADA: b"n" * 16, BEN: b"d" * 16, "unit:1": b"d" * 16}
        tx.subjects.forget([ADA, BEN])
        assert tx.subjects.digests() == {"unit:1": b"d" * 16}
        assert tx.subjects.desired(ADA) is None


def test_what_is_left_aside_is_replaced_scope_by_scope_and_counted(store: Store) -> None:
    problem = LONG.at(Place(file="a.csv", line=7), label="Ada", count=1234)
    parked = Aside(reason=Reason.PARKED, kind=Kind.PERSON, name="hr/1", label="Ada", problems=(problem,), why="-")
    excluded = Aside(reason=Reason.EXCLUDED, kind=Kind.UNIT, name="hr/2", label="Old")
    with store.transaction() as tx:
        tx.asides.replace("hr", [excluded, excluded])
        tx.asides.replace("plan", [excluded])
        tx.asides.replace("hr", [parked, excluded])

        assert list(tx.asides.iterate("hr")) == [
            AsideRow(scope="hr", aside=excluded),
            AsideRow(scope="hr", aside=parked),
        ]
        assert tx.asides.counts() == {(Reason.PARKED, Kind.PERSON): 1, (Reason.EXCLUDED, Kind.UNIT): 2}
        assert tx.asides.counts("plan") == {(Reason.EXCLUDED, Kind.UNIT): 1}
        first = next(row.aside.problems[0] for row in tx.asides.iterate("hr") if row.aside.problems)
        assert first.what == "Ada is 1,234 letters long."


# --- links, observed ---


def link(subject: SubjectId, target_id: str = "u1", state: LinkState = LinkState.LINKED) -> Link:
    return Link(subject=subject, kind=Kind.PERSON, target_id=TargetId(target_id), state=state, since=NOON, adopted=True)


def test_links_are_found_from_both_sides(store: Store) -> None:
    removed = link(BEN, "u2", LinkState.REMOVED)
    with store.transaction() as tx:
        tx.links.put_many("dt", [link(ADA), removed])
        tx.links.put("other", link(BEN, "u1"))

        assert tx.links.all("dt") == {ADA: link(ADA), BEN: removed}
        assert tx.links.by_target("dt") == {(Kind.PERSON, TargetId("u1")): link(ADA)}
        assert tx.links.get("dt", BEN) == removed
        assert tx.links.find("dt", Kind.PERSON, TargetId("u1")) == link(ADA)
        assert tx.links.find("dt", Kind.PERSON, TargetId("u2")) is None
        assert tx.links.find("dt", Kind.UNIT, TargetId("u1")) is None
        tx.links.drop("dt", [ADA])
        assert tx.links.get("dt", ADA) is None


def test_two_subjects_never_hold_one_object(store: Store) -> None:
    with store.transaction() as tx:
        tx.links.put("dt", link(ADA))
        with pytest.raises(NeedsHuman, match="linked to person:ada already; person:ben") as caught:
            tx.links.put_many("dt", [link(SubjectId("person:cy"), "u3"), link(BEN)])

        assert caught.value.problem.code == "STO-009"
        assert set(tx.links.all("dt")) == {ADA}


def test_one_call_does_not_link_an_object_twice_either(store: Store) -> None:
    with store.transaction() as tx, pytest.raises(NeedsHuman, match="linked to person:ada already; person:ben"):
        tx.links.put_many("dt", [link(ADA), link(BEN)])


def test_the_object_of_a_removed_link_may_be_given_again(store: Store) -> None:
    with store.transaction() as tx:
        tx.links.put("dt", link(ADA, state=LinkState.REMOVED))
        tx.links.put("dt", link(BEN))

        assert tx.links.by_target("dt") == {(Kind.PERSON, TargetId("u1")): link(BEN)}


def seen(target_id: str, *, name: str = "Ada", kind: Kind = Kind.PERSON) -> Observed:
    return Observed(
        target_id=TargetId(target_id),
        kind=kind,
        label=name,
        fields={"name": name, "departments": ({"unit": "7"},)},
        mark="syncd:1",
        protected=True,
        unreadable=frozenset({"mobile", "email"}),
    )


def test_a_new_picture_replaces_the_old_one_whole(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.observed.replace_all("dt", [seen("u1"), seen("u2")], at=NOON) == 2
        tx.observed.replace_all("other", [seen("u1")], at=NOON)
        tx.observed.put("dt", seen("u3"), at=after(hours=1))
        assert tx.observed.replace_all("dt", iter([seen("u2", name="New"), seen("u4")]), at=after(hours=2)) == 2

        rows = list(tx.observed.iterate("dt"))
        assert rows == [
            ObservedRow(observed=seen("u2", name="New"), at=after(hours=2)),
            ObservedRow(observed=seen("u4"), at=after(hours=2)),
        ]
        assert [row.observed.target_id for row in tx.observed.iterate("other")] == ["u1"]
        assert tx.observed.last_full_at("dt") == after(hours=2)


def test_an_empty_picture_empties_the_old_one(store: Store) -> None:
    with store.transaction() as tx:
        tx.observed.replace_all("dt", [seen("u1")], at=NOON)
        assert tx.observed.replace_all("dt", [], at=after(hours=1)) == 0
        assert list(tx.observed.iterate("dt")) == []


def test_single_objects_are_put_found_and_dropped(store: Store) -> None:
    with store.transaction() as tx:
        tx.observed.put_many("dt", [seen("1", kind=Kind.UNIT), seen("1")], at=NOON)
        tx.observed.put("dt", seen("1", name="New"), at=after(hours=1))

        expected = ObservedRow(observed=seen("1", name="New"), at=after(hours=1))
        assert tx.observed.get("dt", Kind.PERSON, TargetId("1")) == expected
        assert [row.observed.kind for row in tx.observed.iterate("dt", Kind.UNIT)] == [Kind.UNIT]
        tx.observed.drop("dt", Kind.PERSON, TargetId("1"))
        assert tx.observed.get("dt", Kind.PERSON, TargetId("1")) is None


def test_a_new_picture_can_be_asked_for(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.observed.last_full_at("dt") is None
        tx.observed.set_last_full("dt", NOON)
        assert tx.observed.last_full_at("dt") == NOON
        tx.observed.set_last_full("dt", None)
        assert tx.observed.last_full_at("dt") is None


# --- holds ---


def hold(hold_id: str = "h1", *, effect: Effect = Effect.LEAVE, fingerprint: str = "f1") -> HoldRow:
    return HoldRow(
        id=hold_id,
        run_id=RunId("r1"),
        effect=effect,
        fingerprint=fingerprint,
        reasons=("12 of 100 people leave; the limit is 5",),
        count=12,
        names=("Ada", "Ben"),
        created_at=NOON,
        expires_at=after(days=3),
    )


def test_a_release_fits_exactly_what_was_shown_until_it_expires(store: Store) -> None:
    released = replace(
        hold(), state=HoldState.RELEASED, released_by="it", released_at=after(hours=1), reason="closing of the branch"
    )
    with store.transaction() as tx:
        tx.holds.put(hold())
        assert tx.holds.matching(Effect.LEAVE, "f1", now=NOON) is None
        assert tx.holds.release("h1", by="it", at=after(hours=1), reason="closing of the branch") == released

        assert tx.holds.matching(Effect.LEAVE, "f1", now=after(hours=2)) == released
        assert tx.holds.matching(Effect.LEAVE, "f2", now=after(hours=2)) is None
        assert tx.holds.matching(Effect.MOVE, "f1", now=after(hours=2)) is None
        assert tx.holds.matching(Effect.LEAVE, "f1", now=after(days=3)) is None


def test_only_an_open_unexpired_hold_is_released(store: Store) -> None:
    with store.transaction() as tx:
        tx.holds.put(hold())
        assert tx.holds.release("h1", by="it", at=after(days=3), reason="late") is None
        assert tx.holds.release("h2", by="it", at=NOON, reason="unknown") is None
        dropped = tx.holds.drop("h1", by="it", at=NOON, reason="a mistake in HR")
        assert dropped is not None
        assert (dropped.state, dropped.reason) == (HoldState.DROPPED, "a mistake in HR")
        assert tx.holds.release("h1", by="it", at=NOON, reason="after all") is None
        assert tx.holds.drop("h1", by="it", at=NOON, reason="twice") is None


def test_holds_expire_by_the_clock(store: Store) -> None:
    later = replace(hold("h2"), created_at=after(hours=1), expires_at=after(days=9))
    with store.transaction() as tx:
        tx.holds.put(later)
        tx.holds.put(hold())
        assert [row.id for row in tx.holds.open()] == ["h1", "h2"]

        assert [(row.id, row.state) for row in tx.holds.expire(after(days=3))] == [("h1", HoldState.EXPIRED)]
        assert tx.holds.open() == [later]
        assert [row.id for row in tx.holds.last()] == ["h2", "h1"]
        assert tx.holds.get("h3") is None


# --- allocations ---


def test_a_value_belongs_to_the_first_who_claims_it_for_ever(store: Store) -> None:
    with store.transaction() as tx:
        claim = tx.allocations.claim
        assert claim("dt", "userid", "ada", subject=ADA)
        assert claim("dt", "userid", "ada", subject=ADA), "asking again is harmless"
        assert not claim("dt", "userid", "ada", subject=BEN), "it is taken"
        assert not claim("dt", "userid", "ada2", subject=ADA), "the subject has one"
        assert claim("dt", "userid", "ben", subject=BEN)
        assert claim("dt", "email", "ada", subject=BEN), "another field is another matter"

        assert tx.allocations.of("dt", "userid", ADA) == "ada"
        assert tx.allocations.holder("dt", "userid", "ada") == ADA
        assert tx.allocations.all("dt", "userid") == [
            Allocation(target="dt", field="userid", value="ada", subject=ADA),
            Allocation(target="dt", field="userid", value="ben", subject=BEN),
        ]
        tx.allocations.release("dt", "userid", ADA)
        assert tx.allocations.holder("dt", "userid", "ada") is None


# --- the feed ---


def fact(subject: SubjectId = ADA) -> Fact:
    return Fact(
        sequence=0,
        at=NOON,
        type=FactType.MOVED,
        subject=subject,
        kind=Kind.PERSON,
        target_id=TargetId("u1"),
        label="Ada",
        fields=(FieldChange(name="departments", before=(), after=({"unit": "unit:1"},), rule=Place(file="m", line=3)),),
    )


def test_facts_come_in_the_order_of_their_confirmation(store: Store) -> None:
    with store.transaction() as tx:
        first = tx.feed.append([fact(ADA), fact(BEN)])
        second = tx.feed.append([fact(ADA)])
        assert tx.feed.append([]) == []

    with store.reading() as tx:
        assert [one.sequence for one in (*first, *second)] == [1, 2, 3]
        assert tx.feed.after(0) == [*first, *second]
        assert tx.feed.after(1, limit=1) == [first[1]]
        assert tx.feed.tail() == 3


def test_a_sequence_is_not_given_twice_after_a_failure(store: Store) -> None:
    def fail() -> None:
        with store.transaction() as tx:
            tx.feed.append([fact()])
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with store.transaction() as tx:
        assert tx.feed.tail() == 0
        assert [one.sequence for one in tx.feed.append([fact()])] == [1]


def test_each_consumer_has_a_cursor_that_never_goes_back(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.feed.cursor("okr") == 0
        tx.feed.set_cursor("okr", 7)
        tx.feed.set_cursor("okr", 5)
        tx.feed.set_cursor("learning", 2)

        assert (tx.feed.cursor("okr"), tx.feed.cursor("learning")) == (7, 2)


def test_the_last_full_read_is_found_behind_any_number_of_deltas(new_store: Callable[[], Store]) -> None:
    asked = Asked(sources=("ad",), target="dt")
    with new_store().reading() as tx:
        latest = plans(tx, lambda: tx.reads.latest(SourceName("ad")))
        glanced = [step for step in plans(tx, lambda: glance(asking(tx), asked, NOON)) if "SEARCH reads" in step]

    for steps in (latest, glanced):
        assert sum("reads_by_fullness (source=? AND full=?)" in step for step in steps) == 2
        assert sum("reads_by_time (source=?)" in step for step in steps) == 1
