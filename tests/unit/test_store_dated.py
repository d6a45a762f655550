"""What the store says about dates: whose lie between two days, which records say something else by themselves, who is hidden."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from support.stores import NOON, after
from syncd.core.model import Kind, Link, LinkState, NativeId, SourceName, SubjectId, TargetId
from syncd.store import Store
from syncd.store.rows import RecordState, StagedRecord

AD = SourceName("ad")
HR = SourceName("hr")


def record(native_id: str, **words: object) -> StagedRecord:
    made = StagedRecord(
        source=AD,
        kind=Kind.PERSON,
        native_id=NativeId(native_id),
        digest=b"d" * 16,
        rules_digest=b"r" * 16,
        state=RecordState.MAPPED,
        label="Example",
        facts={"displayName": "Example"},
        facts_digest=b"facts",
    )
    return replace(made, **words)  # type: ignore[arg-type]


def keep(store: Store, *rows: StagedRecord) -> None:
    with store.transaction() as tx:
        tx.records.put_many(rows)


def test_dated_are_the_people_who_are_there_and_whose_fact_lies_between_two_days(store: Store) -> None:
    def one(native_id: str, **words: object) -> StagedRecord:
        return record(native_id, subject=SubjectId(f"person:{native_id}"), **words)

    keep(
        store,
        one("first", facts={"endDate": "2026-03-01"}),
        one("last", facts={"displayName": "Ö", "hireDate": "2020-01-01", "endDate": "2026-03-05"}),
        one("before", facts={"endDate": "2026-02-28"}),
        one("after", facts={"endDate": "2026-03-06"}),
        one("other", facts={"birthDate": "2026-03-02"}),
        one("said", facts={"displayName": '"endDate":"2026-03-02"'}),
        one("unit", kind=Kind.UNIT, facts={"endDate": "2026-03-02"}),
        one("gone", facts={"endDate": "2026-03-02"}, absent_since=NOON),
        one("parked", facts={"endDate": "2026-03-02"}, state=RecordState.PARKED),
        record("nobody", facts={"endDate": "2026-03-02"}),
    )

    with store.reading() as tx:
        found = tx.records.dated(("hireDate", "endDate"), since=date(2026, 3, 1), until=date(2026, 3, 5))

    assert found == {"person:first", "person:last"}


def test_reviewed_are_the_records_of_a_source_whose_moment_comes_the_first_first(store: Store) -> None:
    keep(
        store,
        record("later", review_at=after(days=2), subject=SubjectId("person:later")),
        record("sooner", review_at=after(days=1)),
        record("beyond", review_at=after(days=3)),
        record("never"),
        record("gone", review_at=after(days=1), absent_since=NOON),
        record("elsewhere", review_at=after(days=1), source=HR),
    )

    with store.reading() as tx:
        found = tx.records.reviewed(AD, until=after(days=2))

    assert [(row.native_id, row.at, row.subject) for row in found] == [
        ("sooner", after(days=1), None),
        ("later", after(days=2), "person:later"),
    ]


def test_out_of_sight_are_the_people_of_a_target_who_left_and_are_not_removed(store: Store) -> None:
    states = {"here": LinkState.LINKED, "hidden": LinkState.OFFBOARDED, "gone": LinkState.REMOVED}
    links = [
        Link(subject=SubjectId(name), kind=Kind.PERSON, target_id=TargetId(name), state=state, since=NOON)
        for name, state in states.items()
    ]
    with store.transaction() as tx:
        tx.links.put_many("dt", links)
        tx.links.put("other", replace(links[1], subject=SubjectId("elsewhere")))

        assert tx.links.out_of_sight("dt", Kind.PERSON) == {"hidden"}
        assert tx.links.out_of_sight("dt", Kind.UNIT) == set()
