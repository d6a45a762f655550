"""Marks, reviews, agreement, and objects of the target found by what they hold: for a few, without reading all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from support.stores import NOON, after, plans
from syncd.core.model import Aside, Kind, Link, LinkState, Observed, Reason, SubjectId, TargetId
from syncd.core.values import Values
from syncd.store import Store, Transaction, codec

ADA = SubjectId("person:ada")
BEN = SubjectId("person:ben")
CY = SubjectId("person:cy")


def link(subject: SubjectId, target_id: str, state: LinkState = LinkState.LINKED, kind: Kind = Kind.PERSON) -> Link:
    return Link(subject=subject, kind=kind, target_id=TargetId(target_id), state=state, since=NOON)


def seen(target_id: str, kind: Kind = Kind.PERSON, **fields: object) -> Observed:
    return Observed(target_id=TargetId(target_id), kind=kind, label="Example", fields=fields)  # type: ignore[arg-type]


def keys(row: Observed) -> Iterable[tuple[str, str]]:
    return [(name, str(value)) for name, value in row.fields.items()]


# --- marks and reviews ---


def test_a_mark_keeps_its_first_time_and_reason_until_it_is_cleared(store: Store) -> None:
    with store.transaction() as tx:
        tx.marks.add([BEN], reason="read", at=after(hours=1))
        tx.marks.add([ADA, CY], reason="first", at=NOON)
        tx.marks.add([ADA, BEN], reason="second", at=after(hours=2))

        assert list(tx.marks.all().items()) == [(ADA, "first"), (CY, "first"), (BEN, "read")]
        assert tx.marks.count() == 3
        tx.marks.clear([ADA, CY, SubjectId("person:nobody")])
        assert tx.marks.all() == {BEN: "read"}
        tx.marks.add([ADA], reason="again", at=after(hours=3))
        assert tx.marks.all() == {BEN: "read", ADA: "again"}


def test_more_marks_than_one_portion_are_all_kept_and_cleared(store: Store) -> None:
    many = [SubjectId(f"person:{number}") for number in range(2500)]
    with store.transaction() as tx:
        tx.marks.add(many, reason="-", at=NOON)
        assert tx.marks.count() == 2500
        tx.marks.clear(many[1:])
        assert tx.marks.all() == {many[0]: "-"}


def test_of_many_who_are_in_agreement_those_lose_their_dates_who_have_one(store: Store) -> None:
    many = [SubjectId(f"person:{number}") for number in range(2500)]
    with store.transaction() as tx:
        tx.reviews.put({many[7]: NOON, many[8]: NOON, SubjectId("person:x"): NOON})
        tx.reviews.put({**dict.fromkeys(many), many[8]: NOON})

    with store.reading() as tx:
        assert sorted(tx.reviews.due(NOON)) == ["person:8", "person:x"]


def test_reviews_fall_due_in_the_order_of_their_times(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.reviews.next_at() is None
        tx.reviews.put({ADA: after(days=2), BEN: after(days=1), CY: after(days=3)})

        assert tx.reviews.next_at() == after(days=1)
        assert tx.reviews.due(after(hours=23)) == []
        assert tx.reviews.due(after(days=2)) == [BEN, ADA]
        tx.reviews.put({BEN: None, ADA: after(days=4), SubjectId("person:nobody"): None})
        assert tx.reviews.due(after(days=9)) == [CY, ADA]


# --- links ---


def test_an_agreement_lasts_until_the_link_changes(store: Store) -> None:
    def agreed(tx: Transaction) -> dict[SubjectId, bytes | None]:
        return {row.link.subject: row.agreed for row in tx.links.standing("dt", [ADA, BEN])}

    with store.transaction() as tx:
        tx.links.put_many("dt", [link(ADA, "u1"), link(BEN, "u2")])
        tx.links.put("other", link(ADA, "u1"))
        tx.links.agree("dt", {ADA: b"one", BEN: b"two", CY: b"nobody"})
        assert agreed(tx) == {ADA: b"one", BEN: b"two"}

        tx.links.put_many("dt", [link(ADA, "u1"), link(BEN, "u2", LinkState.PENDING)])
        assert agreed(tx) == {ADA: b"one", BEN: None}
        assert [row.agreed for row in tx.links.standing("other", [ADA])] == [None]
        tx.links.agree("dt", {ADA: None, BEN: b"new"})
        assert agreed(tx) == {ADA: None, BEN: b"new"}


@pytest.mark.parametrize(
    "change",
    [
        {"target_id": TargetId("u9")},
        {"state": LinkState.OFFBOARDED},
        {"since": after(days=1)},
        {"adopted": True},
        {"kind": Kind.UNIT},
    ],
)
def test_whatever_changes_about_a_link_ends_the_agreement(store: Store, change: dict[str, object]) -> None:
    with store.transaction() as tx:
        tx.links.put("dt", link(ADA, "u1"))
        tx.links.agree("dt", {ADA: b"one"})
        tx.links.put("dt", replace(link(ADA, "u1"), **change))  # type: ignore[arg-type]

        assert [row.agreed for row in tx.links.standing("dt", [ADA])] == [None]


def test_the_population_is_who_is_linked_or_pending(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.links.population("dt") == {}
        tx.links.put_many(
            "dt", [link(ADA, "u1"), link(BEN, "u2", LinkState.PENDING), link(CY, "u3", LinkState.REMOVED)]
        )
        tx.links.put("dt", link(SubjectId("person:dee"), "u4", LinkState.OFFBOARDED))
        tx.links.put("dt", link(SubjectId("unit:1"), "7", kind=Kind.UNIT))
        tx.links.put("other", link(ADA, "u1"))

        assert tx.links.population("dt") == {Kind.PERSON: 2, Kind.UNIT: 1}


def test_some_links_are_found_from_both_sides(store: Store) -> None:
    removed = link(BEN, "u2", LinkState.REMOVED)
    with store.transaction() as tx:
        tx.links.put_many("dt", [link(ADA, "u1"), removed, link(CY, "u3")])
        tx.links.put("dt", link(SubjectId("unit:1"), "u1", kind=Kind.UNIT))

        assert tx.links.get_many("dt", [ADA, BEN, SubjectId("person:nobody")]) == {ADA: link(ADA, "u1"), BEN: removed}
        found = tx.links.by_objects("dt", Kind.PERSON, [TargetId(one) for one in ("u1", "u2", "u9")])
        assert found == {"u1": link(ADA, "u1")}


def test_a_subject_stands_with_its_link_and_its_object_as_stored(store: Store) -> None:
    ada = replace(seen("u1", name="Ada", tags=("a", "b")), mark="m", protected=True, unreadable=frozenset({"mobile"}))
    with store.transaction() as tx:
        tx.links.put_many("dt", [link(ADA, "u1"), link(BEN, "u2"), link(CY, "u3", LinkState.REMOVED)])
        tx.observed.put_many("dt", [ada, seen("u3", name="Somebody else by now"), seen("u2", kind=Kind.UNIT)], at=NOON)

        rows = {row.link.subject: row for row in tx.links.standing("dt", [ADA, BEN, CY, SubjectId("person:nobody")])}
        assert {one: row.link for one, row in rows.items()} == tx.links.all("dt")
        assert rows[ADA].raw == codec.encode(ada.fields)
        assert rows[ADA].observed == ada
        assert (rows[BEN].raw, rows[BEN].observed) == (None, None)
        assert (rows[CY].raw, rows[CY].observed) == (None, None)


def test_an_object_is_not_decoded_unless_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.transaction() as tx:
        tx.links.put("dt", link(ADA, "u1"))
        tx.observed.put("dt", seen("u1", name="Ada"), at=NOON)
        decoded: list[bytes] = []

        def decode(stored: bytes) -> Values:
            decoded.append(stored)
            return {}

        monkeypatch.setattr(codec, "decode_values", decode)
        (row,) = tx.links.standing("dt", [ADA])
        assert (row.raw, decoded) == (b'{"name":"Ada"}', [])
        assert row.observed is not None
        assert decoded == [b'{"name":"Ada"}']


# --- observed ---


def test_objects_are_found_by_what_they_hold_in_any_case(store: Store) -> None:
    first, second = seen("u1", email=" Ada@Example.com "), seen("u2", email="ada@example.COM", mobile="")
    with store.transaction() as tx:
        tx.observed.put_many(
            "dt", [second, first, seen("u3", kind=Kind.UNIT, email="ada@example.com")], at=NOON, keys=keys
        )
        tx.observed.put("other", seen("u9", email="ada@example.com"), at=NOON, keys=keys)

        assert tx.observed.holders("dt", Kind.PERSON, "email", ["ADA@example.com ", "nobody", ""]) == {
            "ADA@example.com ": [first, second]
        }
        assert tx.observed.holders("dt", Kind.PERSON, "mobile", ["", "ada@example.com"]) == {}


def test_what_an_object_held_before_finds_it_no_more(store: Store) -> None:
    def found(tx: Transaction, *emails: str) -> set[str]:
        return set(tx.observed.holders("dt", Kind.PERSON, "email", emails))

    with store.transaction() as tx:
        tx.observed.put_many(
            "dt", [seen("u1", email="a"), seen("u2", email="b"), seen("u3", email="c")], at=NOON, keys=keys
        )
        tx.observed.put("dt", seen("u1", email="new"), at=NOON, keys=keys)
        assert found(tx, "a", "b", "c", "new") == {"new", "b", "c"}
        tx.observed.drop("dt", Kind.PERSON, TargetId("u2"))
        assert found(tx, "b", "c", "new") == {"new", "c"}
        tx.observed.put("dt", seen("u3", email="c"), at=NOON)
        assert found(tx, "c", "new") == {"new"}
        tx.observed.replace_all("dt", [seen("u4", email="d")], at=NOON, keys=keys)
        assert found(tx, "c", "new", "d") == {"d"}


def test_heads_are_counted_of_those_who_are_linked(store: Store) -> None:
    objects = [
        seen("u1", unit="7"),
        seen("u2", unit="7"),
        seen("u3", unit="7"),
        seen("u4", unit="8"),
        seen("u5", unit="9"),
    ]
    with store.transaction() as tx:
        tx.observed.replace_all("dt", objects, at=NOON, keys=keys)
        tx.links.put_many("dt", [link(ADA, "u1"), link(BEN, "u2", LinkState.OFFBOARDED), link(CY, "u4")])
        tx.links.put("dt", link(SubjectId("person:dee"), "u3", LinkState.REMOVED))

        assert tx.observed.headcount("dt", "unit", ["7", "8", "9", "10"]) == {"7": 1, "8": 1}
        assert tx.observed.headcount("dt", "email", ["7"]) == {}


def test_unlinked_objects_are_those_that_no_link_holds(store: Store) -> None:
    with store.transaction() as tx:
        tx.observed.replace_all("dt", [seen("u3"), seen("u2"), seen("u1"), seen("u1", kind=Kind.UNIT)], at=NOON)
        tx.links.put_many("dt", [link(ADA, "u1"), link(BEN, "u2", LinkState.REMOVED)])
        tx.links.put("other", link(CY, "u3"))

        assert tx.observed.unlinked("dt", Kind.PERSON) == [seen("u2"), seen("u3")]
        assert tx.observed.unlinked("dt", Kind.UNIT) == [seen("u1", kind=Kind.UNIT)]


def test_objects_and_links_are_looked_up_never_scanned(new_store: Callable[[], Store]) -> None:
    with new_store().reading() as tx:

        def ask() -> None:
            tx.links.get_many("dt", [ADA])
            tx.links.by_objects("dt", Kind.PERSON, [TargetId("u1")])
            list(tx.links.standing("dt", [ADA]))
            tx.links.population("dt")
            tx.observed.holders("dt", Kind.PERSON, "email", ["a"])
            tx.observed.headcount("dt", "unit", ["7"])
            tx.observed.unlinked("dt", Kind.PERSON)

        steps = plans(tx, ask)

    looked = [step for step in steps if step.startswith("SEARCH")]
    assert len(looked) >= 9
    assert [step for step in steps if step.startswith("SCAN")] == []
    assert sum("links_one_subject" in step for step in looked) == 3
    assert sum("COVERING INDEX links_by_state" in step for step in looked) == 1


# --- asides ---


def aside(name: str, why: str = "") -> Aside:
    return Aside(reason=Reason.PARKED, kind=Kind.PERSON, name=name, label="Example", why=why)


def test_some_of_what_is_left_aside_is_replaced(store: Store) -> None:
    with store.transaction() as tx:
        tx.asides.replace("plan", [aside("a"), aside("b"), aside("b", "too"), aside("c")])
        tx.asides.replace("hr", [aside("b")])
        tx.asides.replace_some("plan", ["b", "d"], [aside("d"), aside("b", "new")])

        assert {(row.aside.name, row.aside.why) for row in tx.asides.iterate("plan")} == {
            ("a", ""),
            ("c", ""),
            ("d", ""),
            ("b", "new"),
        }
        assert (tx.asides.count("plan"), tx.asides.count("hr"), tx.asides.count("none")) == (4, 1, 0)
        tx.asides.replace_some("plan", ["a", "b", "c", "d"], [])
        assert tx.asides.count("plan") == 0
        tx.asides.replace_some("plan", [], [aside("e")])
        assert [row.aside.name for row in tx.asides.iterate("plan")] == ["e"]
