"""What the store says about a few records without reading all: fingerprints, subjects, references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from support.stores import NOON, after, plans
from syncd.core.model import Kind, NativeId, SourceName, SubjectId
from syncd.store import Store, bulk
from syncd.store.records import Records
from syncd.store.rows import KeyRow, RecordState, Reference, StagedRecord, Was

AD = SourceName("ad")
HR = SourceName("hr")
ADA = NativeId("guid-ada")
BEN = NativeId("guid-ben")
CY = NativeId("guid-cy")
MANY = {b"%d" % number for number in range(5_000)}
"""More fingerprints than are sought one by one."""


def record(native_id: str, **words: object) -> StagedRecord:
    made = StagedRecord(
        source=AD,
        kind=Kind.PERSON,
        native_id=NativeId(native_id),
        digest=b"d" * 16,
        rules_digest=b"r" * 16,
        state=RecordState.MAPPED,
        label="Example",
        attributes={"cn": "Example"},
        facts={"displayName": "Example"},
        fingerprint=b"f-" + native_id.encode(),
        facts_digest=b"facts",
        changed_at=NOON,
    )
    return replace(made, **words)  # type: ignore[arg-type]


def keep(store: Store, *rows: StagedRecord) -> None:
    with store.transaction() as tx:
        tx.records.put_many(rows)


def leave(store: Store, *ids: NativeId) -> None:
    with store.transaction() as tx:
        tx.records.mark_absent(AD, [(Kind.PERSON, one) for one in ids], at=NOON)


def test_everything_that_was_put_comes_back_references_folded(store: Store) -> None:
    row = record(ADA, review_at=after(days=3), refers=(("manager", " CN=Ben "),), keys=(("userName", "ada"),))
    keep(store, row)

    with store.reading() as tx:
        assert tx.records.get(AD, Kind.PERSON, ADA) == replace(row, refers=(("manager", "cn=ben"),))
        narrow = replace(row, refers=(), keys=(), attributes=None)
        assert list(tx.records.iterate()) == [narrow]


def test_fingerprints_are_of_those_who_are_there_and_need_no_review(store: Store) -> None:
    due, later = record("due", review_at=NOON), record("later", review_at=after(seconds=1))
    keep(store, record(ADA), record(BEN), record(CY, fingerprint=b""), due, later, record(ADA, source=HR))
    leave(store, BEN)

    with store.reading() as tx:
        assert tx.records.fingerprints(AD, at=NOON) == {b"f-guid-ada", b"f-later"}
        assert tx.records.fingerprints(AD, at=after(seconds=-1)) == {b"f-guid-ada", b"f-later", b"f-due"}


def test_those_for_whom_no_fingerprint_answers_are_named(store: Store) -> None:
    keep(store, record(ADA), record(BEN, fingerprint=b""), record(CY, review_at=NOON), record("x", fingerprint=b""))
    leave(store, NativeId("x"))

    with store.reading() as tx:
        assert list(tx.records.without_fingerprint(AD)) == [(Kind.PERSON, BEN, b"d" * 16)]
        assert [one[1] for one in tx.records.without_fingerprint(AD, at=NOON)] == [BEN, CY]
        assert [one[1] for one in tx.records.without_fingerprint(AD, at=after(seconds=-1))] == [BEN]


def test_who_was_not_seen_is_found_by_fingerprint(store: Store) -> None:
    keep(store, record(ADA), record(BEN), record(CY))
    leave(store, CY)

    with store.reading() as tx:
        unseen = {b"f-guid-ben", b"f-guid-cy", b"unknown"}
        assert list(tx.records.remaining(AD, fingerprints=unseen)) == [(Kind.PERSON, BEN)]
        assert list(tx.records.remaining(AD, fingerprints=unseen | MANY)) == [(Kind.PERSON, BEN)]


def test_what_a_record_was_is_told_of_absent_ones_too(store: Store) -> None:
    keep(store, record(ADA, subject=SubjectId("person:1")), record(BEN, state=RecordState.PARKED, fingerprint=b""))
    keep(store, record("unit", kind=Kind.UNIT))
    leave(store, ADA)

    with store.reading() as tx:
        asked = [(Kind.PERSON, ADA), (Kind.PERSON, BEN), (Kind.PERSON, CY), (Kind.PERSON, NativeId("unit"))]
        ada = Was(
            digest=b"d" * 16,
            fingerprint=b"f-guid-ada",
            facts_digest=b"facts",
            rules_digest=b"r" * 16,
            state=RecordState.MAPPED,
            subject=SubjectId("person:1"),
            absent=True,
        )
        ben = ada._replace(fingerprint=b"", state=RecordState.PARKED, subject=None, absent=False)
        assert tx.records.was(AD, asked) == {(Kind.PERSON, ADA): ada, (Kind.PERSON, BEN): ben}
        assert tx.records.was(AD, []) == {}


def test_a_touch_changes_the_encoding_and_nothing_else(store: Store) -> None:
    row = record(ADA, subject=SubjectId("person:1"), keys=(("userName", "ada"),), review_at=NOON)
    keep(store, row, record(BEN))
    with store.transaction() as tx:
        tx.records.touch(AD, [(Kind.PERSON, ADA, b"new", after(days=1), None), (Kind.PERSON, CY, b"-", None, None)])

    with store.reading() as tx:
        touched = replace(row, fingerprint=b"new", review_at=after(days=1))
        assert tx.records.get(AD, Kind.PERSON, ADA) == touched
        assert tx.records.get(AD, Kind.PERSON, CY) is None
    with store.transaction() as tx:
        tx.records.touch(AD, [(Kind.PERSON, ADA, b"newer", None, after(hours=1))])
        newer = replace(row, fingerprint=b"newer", review_at=None, changed_at=after(hours=1))
        assert tx.records.get(AD, Kind.PERSON, ADA) == newer


def test_the_records_that_are_there_are_counted_by_kind(store: Store) -> None:
    keep(store, record(ADA), record(BEN), record(CY), record("u", kind=Kind.UNIT), record(ADA, source=HR))
    leave(store, BEN)

    with store.reading() as tx:
        assert tx.records.count(AD) == Counter({Kind.PERSON: 2, Kind.UNIT: 1})
        assert tx.records.count(SourceName("none")) == Counter()


def test_the_records_of_many_subjects_come_in_order_absent_ones_too(store: Store) -> None:
    one, two = SubjectId("person:1"), SubjectId("person:2")
    keep(store, record(CY, subject=two), record(ADA, subject=one), record("old", source=HR, subject=two), record(BEN))
    leave(store, ADA)

    with store.reading() as tx:
        some = tx.records.of_subjects([two, one, two])
        assert [(row.subject, row.source, row.native_id) for row in some] == [
            (one, AD, ADA),
            (two, AD, CY),
            (two, HR, "old"),
        ]
        assert some[0].absent_since == NOON
        assert all(row.attributes is None and row.facts for row in some)
        assert tx.records.of_subjects([SubjectId("person:9")]) == []
        assert list(tx.records.iterate_by_subject()) == some


def test_joined_records_stream_in_the_order_of_an_index(store: Store) -> None:
    keep(store, *(record(f"r{n:04}", subject=SubjectId(f"person:{n * 7919 % 2500:04}")) for n in range(2500)))

    with store.reading() as tx:
        subjects = [row.subject for row in tx.records.iterate_by_subject()]
    assert subjects == sorted(f"person:{n:04}" for n in range(2500))


def test_who_belongs_to_nobody_yet_is_found_until_joined(store: Store) -> None:
    keep(store, record(ADA), record(BEN, subject=SubjectId("person:1")), record(CY, state=RecordState.PARKED))
    keep(store, record("gone"), record("u", kind=Kind.UNIT))
    leave(store, NativeId("gone"))

    with store.transaction() as tx:
        assert [row.native_id for row in tx.records.unjoined(AD)] == [ADA, "u"]
        tx.records.set_subject(AD, Kind.PERSON, ADA, subject=SubjectId("person:2"))
        assert [row.native_id for row in tx.records.unjoined(AD)] == ["u"]


def test_what_is_set_aside_streams_while_it_is_there(store: Store) -> None:
    keep(store, record(ADA), record(BEN, state=RecordState.PARKED), record(CY, state=RecordState.EXCLUDED))
    keep(store, record("gone", state=RecordState.PARKED))
    leave(store, NativeId("gone"))

    with store.reading() as tx:
        found = [(row.native_id, row.state) for row in tx.records.set_aside()]
        assert found == [(BEN, RecordState.PARKED), (CY, RecordState.EXCLUDED)]


def test_texts_mean_records_by_id_or_alias_in_any_case(store: Store) -> None:
    subject = SubjectId("person:1")
    keep(
        store,
        record("GUID-Ada", aliases=("CN=Ada Example,DC=example",), subject=subject),
        record(BEN, aliases=("CN=Ben",)),
        record(CY, aliases=("guid-BEN", "CN=Shared")),
        record("guid-dee", aliases=("CN=Shared",)),
        record("gone", aliases=("CN=Gone",)),
        record("u", kind=Kind.UNIT, aliases=("CN=Unit",)),
    )
    leave(store, NativeId("gone"))

    with store.reading() as tx:
        texts = [
            "guid-ADA",
            " cn=ADA example,dc=Example ",
            "Guid-Ben",
            "cn=ben",
            "cn=shared",
            "cn=gone",
            "cn=unit",
            "?",
        ]
        assert tx.records.resolve_many(AD, Kind.PERSON, texts) == {
            "guid-ADA": ("GUID-Ada", subject),
            " cn=ADA example,dc=Example ": ("GUID-Ada", subject),
            "Guid-Ben": (BEN, None),  # its own id goes before another's alias
            "cn=ben": (BEN, None),
            "cn=shared": (CY, None),
        }


def test_records_are_found_by_many_values_of_one_key(store: Store) -> None:
    keys = (("employeeNumber", "1"), ("userName", "2"))
    keep(store, record(ADA, keys=keys, subject=SubjectId("person:1")), record(BEN, keys=(("employeeNumber", "2"),)))
    keep(store, record("hr-1", source=HR, keys=keys), record("gone", keys=keys), record("u", kind=Kind.UNIT, keys=keys))
    leave(store, NativeId("gone"))

    with store.reading() as tx:
        everywhere = tx.records.by_key(Kind.PERSON, "employeeNumber", ["1", "2", "3"])
        assert everywhere == [(AD, ADA, "1", "person:1"), (AD, BEN, "2", None), (HR, "hr-1", "1", None)]
        assert tx.records.by_key(Kind.PERSON, "employeeNumber", ["1"], source=HR) == [(HR, "hr-1", "1", None)]


def test_who_names_somebody_is_found_until_they_name_somebody_else(store: Store) -> None:
    both = (("manager", "CN=Boss"), ("units", "OU=Sales"))
    subject = SubjectId("person:1")
    keep(store, record(ADA, refers=both, subject=subject), record(BEN, refers=both), record(CY, refers=both, source=HR))
    keep(store, record("gone", refers=both))
    leave(store, NativeId("gone"))
    keep(store, record(BEN, refers=(("manager", "CN=Other"),)))

    with store.reading() as tx:
        ada = Reference(attribute="manager", kind=Kind.PERSON, subject=subject, source=AD, native_id=ADA)
        cy = replace(ada, subject=None, source=HR, native_id=CY)
        assert tx.records.referring([" cn=BOSS", "CN=Nobody"]) == [ada, cy]
        named = tx.records.referring(["cn=boss", "ou=sales"])
        assert [one.attribute for one in named] == ["manager"] * 2 + ["units"] * 2


def test_references_and_folded_ids_are_no_keys(store: Store) -> None:
    keep(store, record("GUID-Ada", refers=(("manager", "CN=Boss"),), keys=(("userName", "ada"),)))

    with store.reading() as tx:
        assert list(tx.records.iterate_keys(AD, Kind.PERSON)) == [
            KeyRow(native_id=NativeId("GUID-Ada"), name="userName", value="ada")
        ]
        assert tx.records.find("cn=boss") == []
        assert tx.records.find("guid-ada") == []
        found = tx.records.of_subject(SubjectId("person:none"))
        assert found == []


def test_forgotten_records_refer_to_nobody(store: Store) -> None:
    keep(store, record("GUID-Ada", refers=(("manager", "CN=Boss"),)))
    with store.transaction() as tx:
        tx.records.forget(AD, [(Kind.PERSON, NativeId("GUID-Ada"))])
        keep_again = record("GUID-Ada", refers=())
        tx.records.put_many([keep_again])

        assert tx.records.referring(["cn=boss"]) == []
        assert list(tx.records.resolve_many(AD, Kind.PERSON, ["guid-ada"])) == ["guid-ada"]


def unit(native_id: str, *, parent: str = "", **words: object) -> StagedRecord:
    refers = (("parent", parent),) if parent else ()
    return record(native_id, kind=Kind.UNIT, fingerprint=b"", refers=refers, **words)


def test_units_without_a_fingerprint_are_unnamed_when_nobody_there_of_their_source_names_them(store: Store) -> None:
    keep(
        store,
        *(unit("Group"), unit("Team A", parent="Group"), unit("Team B", parent="Group"), unit("Team C")),
        replace(unit("Printed"), fingerprint=b"print"),
        record(ADA, refers=(("units", "Team A"),)),
        record(BEN, refers=(("units", "Team B"), ("manager", "Team C"))),
        record(CY, source=HR, refers=(("units", "Team C"),)),
    )

    def unnamed() -> set[str]:
        with store.reading() as tx:
            return {native_id for native_id, _ in tx.records.unnamed(AD)}

    assert unnamed() == {"Team C"}
    leave(store, BEN)
    assert unnamed() == {"Team C", "Team B"}
    with store.transaction() as tx:
        tx.records.mark_absent(AD, [(Kind.UNIT, NativeId("Team B")), (Kind.UNIT, NativeId("Team C"))], at=NOON)
    assert unnamed() == set()
    leave(store, ADA)
    assert unnamed() == {"Team A"}


def test_who_names_a_unit_is_looked_up_and_nobody_else_is_looked_at(new_store: Callable[[], Store]) -> None:
    with new_store().reading() as tx:
        steps = [step for step in plans(tx, lambda: tx.records.unnamed(AD)) if "SUBQUERY" not in step]

    assert any("record_keys_by_value (value=? AND name=?)" in step for step in steps)
    assert all(step.startswith("SEARCH") for step in steps)


@pytest.mark.parametrize("first_read", [False, True])
@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda records: records.digests(AD), "USING COVERING INDEX records_present"),
        (lambda records: records.fingerprints(AD, at=NOON), "USING COVERING INDEX records_present"),
        (lambda records: list(records.remaining(AD, fingerprints={b"one"})), "USING COVERING INDEX records_present"),
        (lambda records: list(records.remaining(AD, fingerprints=MANY)), "USING COVERING INDEX records_present"),
        (lambda records: list(records.without_fingerprint(AD)), "USING COVERING INDEX records_present"),
        (lambda records: records.review_due(AD, at=NOON), "SEARCH records USING INDEX records_review"),
        (lambda records: records.sources(), "SEARCH records USING COVERING INDEX records_present"),
        (lambda records: records.count(AD), "USING COVERING INDEX records_present"),
        (lambda records: records.of_subjects([SubjectId("person:1")]), "USING INDEX records_by_subject"),
        (lambda records: list(records.iterate_by_subject()), "USING INDEX records_by_subject"),
        (lambda records: records.unjoined(AD), "USING INDEX records_unjoined"),
        (lambda records: list(records.set_aside()), "USING INDEX records_set_aside"),
    ],
)
def test_the_questions_are_answered_by_their_indexes_without_sorting(
    new_store: Callable[[], Store], ask: Callable[[Records], object], index: str, *, first_read: bool
) -> None:
    """Of two indexes that answer equally well SQLite takes the one that was made last, and a first read makes some anew."""
    store = new_store()
    if first_read:
        with store.transaction() as tx:
            bulk.forget_order(tx.connection, ids=True)
            bulk.restore_order(tx.connection)
    with store.reading() as tx:
        steps = plans(tx, lambda: ask(tx.records))

    assert steps
    assert all(index in step for step in steps)


def test_keys_are_looked_up_by_value_never_scanned(new_store: Callable[[], Store]) -> None:
    def ask(records: Records) -> None:
        records.referring(["cn=boss"])
        records.by_key(Kind.PERSON, "userName", ["ada"])
        records.by_key(Kind.PERSON, "userName", ["ada"], source=AD)
        records.resolve_many(AD, Kind.PERSON, ["cn=ada"])
        records.was(AD, [(Kind.PERSON, ADA)])

    with new_store().reading() as tx:
        steps = plans(tx, lambda: ask(tx.records))

    assert len(steps) >= 9
    assert all(step.startswith("SEARCH") for step in steps)
    keyed = [step for step in steps if "record_keys" in step]
    assert len(keyed) == 4
    assert all("COVERING INDEX record_keys_by_value (value=?" in step for step in keyed)
