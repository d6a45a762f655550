"""What was touched and what was changed by hand, as the store keeps it: in any order, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from support.stores import NOON, after
from syncd.core.model import Kind, SubjectId, TargetId
from syncd.core.wakes import Touched
from syncd.store import Store
from syncd.store.drifts import Drift, DriftState
from syncd.store.touches import Touch

WHO = TargetId("u1")


def told(seconds: int = 0, *, who: str = WHO, gone: bool = False, **seen: str) -> Touched:
    at = NOON + timedelta(seconds=seconds)
    return Touched(
        kind=Kind.PERSON, target_id=TargetId(who), at=at, key=f"{who}{seconds}", gone=gone, seen=dict(seen) or None
    )


def drift(field: str = "title", who: str = "person:1", state: DriftState = DriftState.WAITING) -> Drift:
    return Drift(
        subject=SubjectId(who),
        field=field,
        kind=Kind.PERSON,
        target_id=TargetId(who),
        label="Example Person",
        state=state,
        found_at=NOON,
        event_at=NOON,
        wanted=b"digest",
        before={"unit": "a"},
        after=("b", "c"),
    )


def test_what_is_told_of_one_object_is_one_row(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.touches.add("t", [told(1, title="a"), told(0, name="n", title="b")], at=NOON) == 1
        tx.touches.add("t", [told(2, title="c")], at=NOON)
        (one,) = tx.touches.due("t", NOON, most=10)

    assert (one.seen, one.first_at, one.last_at) == ({"name": "n", "title": "c"}, NOON, after(seconds=2))
    assert not one.unsure


def test_one_that_was_touched_again_while_it_was_judged_is_not_forgotten(store: Store) -> None:
    with store.transaction() as tx:
        tx.touches.add("t", [told(0), told(0, who="u2")], at=NOON)
        judged = tx.touches.due("t", NOON, most=10)
        tx.touches.add("t", [told(5)], at=NOON)
        tx.touches.forget("t", judged)
        tx.touches.postpone("t", judged, until=after(hours=1))

        assert [one.target_id for one in tx.touches.due("t", NOON, most=10)] == [WHO]


def test_what_is_postponed_is_due_later_and_another_targets_is_not_ours(store: Store) -> None:
    with store.transaction() as tx:
        tx.touches.add("t", [told(0)], at=NOON)
        tx.touches.add("other", [told(0)], at=NOON)
        tx.touches.postpone("t", tx.touches.due("t", NOON, most=10), until=after(seconds=9))

        assert tx.touches.due("t", after(seconds=8), most=10) == []
        assert len(tx.touches.due("t", after(seconds=9), most=10)) == 1
        assert (tx.touches.next_at("t"), tx.touches.count("t")) == (after(seconds=9), 1)
        assert tx.touches.next_at("nobody") is None


def test_drifts_are_kept_by_field_and_counted_by_object(store: Store) -> None:
    rows = [drift(), drift("name"), drift(who="person:2", state=DriftState.ACCEPTED)]
    with store.transaction() as tx:
        assert not tx.drifts.any("t")
        tx.drifts.put("t", rows)
        tx.drifts.put("t", [replace(rows[0], after="other")])

        assert tx.drifts.waiting("t") == 1
        assert tx.drifts.left("t", [SubjectId("person:1")]) == {"person:1": {"title": b"digest", "name": b"digest"}}
        assert sorted(one.field for one in tx.drifts.of("t", [SubjectId("person:1")])) == ["name", "title"]
        assert {one.after for one in tx.drifts.all("t")} == {"other", ("b", "c")}


def test_a_decision_and_forgetting_are_about_one_field(store: Store) -> None:
    with store.transaction() as tx:
        tx.drifts.put("t", [drift(), drift("name")])
        tx.drifts.decide("t", [drift()], DriftState.ACCEPTED)
        tx.drifts.drop("t", [drift("name")])

        assert [(one.field, one.state) for one in tx.drifts.all("t")] == [("title", DriftState.ACCEPTED)]


@st.composite
def events(draw: st.DrawFn) -> list[Touched]:
    """Events of one object, each at its own second."""
    seconds = draw(st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True))
    shown = st.none() | st.dictionaries(st.sampled_from(["name", "title"]), st.sampled_from("abc"), min_size=1)
    made = []
    for second in seconds:
        gone = draw(st.booleans())
        made.append(told(second, gone=gone, **((not gone and draw(shown)) or {})))
    return made


@given(events(), st.data())
def test_disorder_and_repetition_are_seen_or_make_no_difference(some: list[Touched], data: st.DataObject) -> None:
    def together(order: list[Touched]) -> Touch:
        whole = Touch.of(order[0])
        for one in order[1:]:
            whole = whole.with_(Touch.of(one))
        return whole

    again = data.draw(st.permutations([*some, *data.draw(st.lists(st.sampled_from(some)))]))

    truth, other = together(sorted(some, key=lambda one: one.at)), together(list(again))

    assert (truth.first_at, truth.last_at) == (other.first_at, other.last_at)
    assert other.unsure or (truth.gone, truth.seen, truth.unsure) == (other.gone, other.seen, False)
    assert other.unsure or not truth.unsure
