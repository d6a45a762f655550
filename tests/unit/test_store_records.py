"""Records: what was read, by which keys it is found, and when it was last there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from support.stores import NOON, after
from syncd.core.errors import Place
from syncd.core.model import Kind, NativeId, SourceName, SubjectId
from syncd.store import Store
from syncd.store.rows import ALIAS, KeyRow, RecordState, StagedRecord, Told
from syncd.store.tables import origins

AD = SourceName("ad")
HR = SourceName("hr")
ADA = NativeId("guid-ada")
BEN = NativeId("guid-ben")


def record(native_id: str = ADA, *, source: SourceName = AD, kind: Kind = Kind.PERSON, **words: object) -> StagedRecord:
    made = StagedRecord(
        source=source,
        kind=kind,
        native_id=NativeId(native_id),
        digest=b"d" * 16,
        rules_digest=b"r" * 16,
        state=RecordState.MAPPED,
        label="Ada Example",
        attributes={"cn": "Ada Example", "memberOf": ("CN=Staff", "CN=Leads")},
        aliases=("CN=Ada Example,OU=Leeds,DC=example,DC=com",),
        facts={"displayName": "Ada Example", "units": ("u1", "u2"), "active": True, "unitOrder": 3},
        origins={"displayName": Place(file="mappings/ad.yaml", line=12, column=3)},
        keys=(("employeeNumber", "0042"), ("emails.work", "ada@example.com")),
        problems=(Told(code="MAP-001", what="The title is long.", do="Shorten it.", place=Place(file="x", line=1)),),
        changed_at=NOON,
    )
    return replace(made, **words)  # type: ignore[arg-type]


def keep(store: Store, *rows: StagedRecord) -> None:
    with store.transaction() as tx:
        tx.records.put_many(rows)


def sorted_keys(row: StagedRecord) -> StagedRecord:
    return replace(row, keys=tuple(sorted(row.keys)))


def test_a_record_comes_back_as_it_was_put(store: Store) -> None:
    keep(store, record())

    with store.reading() as tx:
        assert tx.records.get(AD, Kind.PERSON, ADA) == sorted_keys(record())
        assert tx.records.get(AD, Kind.UNIT, ADA) is None


def test_putting_again_replaces_everything_old_keys_too(store: Store) -> None:
    newer = record(label="Ada New", digest=b"e" * 16, keys=(("employeeNumber", "0043"),), aliases=(), problems=())
    keep(store, record())
    keep(store, newer)

    with store.reading() as tx:
        assert tx.records.get(AD, Kind.PERSON, ADA) == newer
        assert tx.records.resolve(AD, Kind.PERSON, name="employeeNumber", value="0042") == []
        assert tx.records.resolve(AD, Kind.PERSON, name="employeeNumber", value="0043") == [ADA]


def test_digests_are_those_of_the_records_that_are_there(store: Store) -> None:
    keep(store, record(ADA), record(BEN), record("u1", kind=Kind.UNIT, digest=b"u" * 16), record(ADA, source=HR))
    with store.transaction() as tx:
        tx.records.mark_absent(AD, [(Kind.PERSON, BEN)], at=NOON)

    with store.reading() as tx:
        assert tx.records.digests(AD) == {(Kind.PERSON, ADA): b"d" * 16, (Kind.UNIT, NativeId("u1")): b"u" * 16}


def test_absence_keeps_the_time_at_which_it_began(store: Store) -> None:
    keep(store, record())
    with store.transaction() as tx:
        tx.records.mark_absent(AD, [(Kind.PERSON, ADA)], at=NOON)
        tx.records.mark_absent(AD, [(Kind.PERSON, ADA)], at=after(days=1))

    with store.reading() as tx:
        row = tx.records.get(AD, Kind.PERSON, ADA)
        assert row is not None
        assert row.absent_since == NOON


def test_a_record_that_is_read_again_is_there_again(store: Store) -> None:
    keep(store, record())
    with store.transaction() as tx:
        tx.records.mark_absent(AD, [(Kind.PERSON, ADA)], at=NOON)
    keep(store, record())

    with store.reading() as tx:
        assert tx.records.digests(AD) == {(Kind.PERSON, ADA): b"d" * 16}


def test_references_find_aliases_in_any_case_and_keys_as_they_are(store: Store) -> None:
    keep(store, record(keys=(("userName", "ada"),)), record(ADA, source=HR))

    with store.reading() as tx:
        alias = "cn=ADA example,ou=leeds,dc=EXAMPLE,dc=com"
        assert tx.records.resolve(AD, Kind.PERSON, name=ALIAS, value=alias) == [ADA]
        assert tx.records.resolve(AD, Kind.PERSON, name="userName", value="ada") == [ADA]
        assert tx.records.resolve(AD, Kind.PERSON, name="userName", value="ADA") == []
        assert tx.records.resolve(AD, Kind.UNIT, name="userName", value="ada") == []


def test_references_do_not_find_who_is_gone_and_find_all_who_share_a_key(store: Store) -> None:
    gone = NativeId("guid-gone")
    keep(store, record(BEN), record(ADA), record(gone))
    with store.transaction() as tx:
        tx.records.mark_absent(AD, [(Kind.PERSON, gone)], at=NOON)

    with store.reading() as tx:
        assert tx.records.resolve(AD, Kind.PERSON, name="employeeNumber", value="0042") == [ADA, BEN]


def test_keys_stream_in_order_with_aliases_folded(store: Store) -> None:
    keep(store, record(BEN, keys=(("userName", "ben"),), aliases=("CN=Ben",)), record(ADA, keys=(), aliases=()))

    with store.reading() as tx:
        assert list(tx.records.iterate_keys(AD, Kind.PERSON)) == [
            KeyRow(native_id=BEN, name=ALIAS, value="cn=ben"),
            KeyRow(native_id=BEN, name="userName", value="ben"),
        ]


@pytest.mark.parametrize(
    ("source", "kind", "expected"),
    [
        (None, None, ["ad/ada", "ad/ben", "hr/ada", "ad/unit"]),
        (AD, None, ["ad/ada", "ad/ben", "ad/unit"]),
        (None, Kind.PERSON, ["ad/ada", "ad/ben", "hr/ada"]),
        (AD, Kind.PERSON, ["ad/ada", "ad/ben"]),
    ],
)
def test_records_stream_by_kind_source_and_id(
    store: Store, source: SourceName | None, kind: Kind | None, expected: list[str]
) -> None:
    keep(store, record("unit", kind=Kind.UNIT), record("ada", source=HR), record("ben"), record("ada"))

    with store.reading() as tx:
        rows = list(tx.records.iterate(source=source, kind=kind))

    assert sorted(f"{row.source}/{row.native_id}" for row in rows) == sorted(expected)
    assert [row.kind for row in rows] == sorted(row.kind for row in rows)
    assert all(row.attributes is None and row.keys == () for row in rows)
    assert all(row.facts == record().facts and row.origins == record().origins for row in rows)


def test_a_new_rule_finds_the_records_that_other_rules_mapped(store: Store) -> None:
    keep(store, record(ADA), record(BEN, rules_digest=b"n" * 16), record("u1", kind=Kind.UNIT))

    with store.transaction() as tx:
        found = list(tx.records.outdated(AD, b"n" * 16))
        assert [(row.kind, row.native_id) for row in found] == [(Kind.PERSON, ADA), (Kind.UNIT, "u1")]
        assert found[0].attributes == record().attributes
        tx.records.put_many(replace(row, rules_digest=b"n" * 16) for row in tx.records.outdated(AD, b"n" * 16))
        assert list(tx.records.outdated(AD, b"n" * 16)) == []


def test_the_records_of_a_subject_are_found_together(store: Store) -> None:
    subject = SubjectId("person:1")
    keep(store, record(ADA), record(ADA, source=HR), record(BEN))
    with store.transaction() as tx:
        tx.records.set_subject(AD, Kind.PERSON, ADA, subject=subject)
        tx.records.set_subjects([(HR, Kind.PERSON, ADA, subject), (AD, Kind.PERSON, BEN, None)])

    with store.reading() as tx:
        assert tx.records.of_subject(subject) == [
            sorted_keys(record(ADA, subject=subject)),
            sorted_keys(record(ADA, source=HR, subject=subject)),
        ]


def test_a_record_that_is_put_again_keeps_its_join_unless_it_names_another(store: Store) -> None:
    keep(store, record(subject=SubjectId("person:1")), record(BEN, subject=SubjectId("person:2")))
    keep(store, record(label="Ada New"), record(BEN, subject=SubjectId("person:3")))

    with store.reading() as tx:
        assert {row.native_id: row.subject for row in tx.records.iterate()} == {ADA: "person:1", BEN: "person:3"}


@pytest.mark.parametrize("text", ["guid-ada", "person:7", "0042", "cn=ada example,ou=leeds,dc=example,dc=com"])
def test_a_search_takes_ids_keys_and_aliases_exactly(store: Store, text: str) -> None:
    subject = SubjectId("person:7")
    keep(store, record(subject=subject), record(BEN, keys=(), aliases=(), label="0042 guid-ada person:7"))

    with store.reading() as tx:
        assert [(row.native_id, row.subject) for row in tx.records.find(text)] == [(ADA, subject)]


def test_a_search_falls_back_to_part_of_the_label_in_any_case(store: Store) -> None:
    keep(store, record(ADA, label="Ada ÖRTEL"), record(BEN, label="Ben Örtel"), record("guid-cy", label="Cy"))

    with store.reading() as tx:
        assert [row.native_id for row in tx.records.find("örtel")] == [ADA, BEN]
        assert [row.native_id for row in tx.records.find("örtel", limit=1)] == [ADA]
        assert tx.records.find("nobody") == []


def test_a_forgotten_record_leaves_no_key_behind(store: Store) -> None:
    keep(store, record(ADA), record(BEN))
    with store.transaction() as tx:
        tx.records.forget(AD, [(Kind.PERSON, ADA)])

    with store.reading() as tx:
        assert tx.records.get(AD, Kind.PERSON, ADA) is None
        assert {key.native_id for key in tx.records.iterate_keys(AD, Kind.PERSON)} == {BEN}


def test_more_records_than_one_portion_are_all_kept(store: Store) -> None:
    keep(store, *(record(f"guid-{number:05}") for number in range(2500)))

    with store.reading() as tx:
        assert len(tx.records.digests(AD)) == 2500
        assert sum(1 for _ in tx.records.iterate()) == 2500
        assert sum(1 for _ in tx.records.outdated(AD, b"n" * 16)) == 2500


def places(*lines: int) -> dict[str, Place]:
    return {f"fact {line}": Place(file="mappings/ad.yaml", line=line, column=3) for line in lines}


def kept_origins(store: Store) -> int:
    with store.reading() as tx:
        found: int = tx.connection.execute(select(func.count()).select_from(origins)).scalar_one()
    return found


def test_what_rules_said_is_kept_once_for_all_records_that_say_the_same(store: Store) -> None:
    keep(store, record(ADA, origins=places(1, 2)), record(BEN, origins=places(1, 2)), record("u", origins=places(3)))

    with store.reading() as tx:
        said = {row.native_id: row.origins for row in tx.records.iterate()}
    assert said == {ADA: places(1, 2), BEN: places(1, 2), "u": places(3)}
    assert kept_origins(store) == 2


def test_what_no_record_is_mapped_by_any_more_is_forgotten_in_time(store: Store) -> None:
    keep(store, record(ADA, origins=places(1)), record(BEN, origins=places(2)))
    keep(store, record(ADA, origins=places(4)))

    with store.transaction() as tx:
        tx.records.tidy()

    assert kept_origins(store) == 2
    with store.reading() as tx:
        assert [row.origins for row in tx.records.iterate()] == [places(4), places(2)]


def test_a_record_that_comes_twice_in_one_portion_is_as_it_came_last(store: Store) -> None:
    keep(store, record(label="Ada before"), record(BEN), record(label="Ada now"))

    with store.reading() as tx:
        assert [row.label for row in tx.records.iterate()] == ["Ada now", "Ada Example"]


def test_somebody_who_is_gone_is_found_also_where_the_source_has_nobody_else(store: Store) -> None:
    keep(store, record(source=HR))
    with store.transaction() as tx:
        tx.records.mark_absent(HR, [(Kind.PERSON, ADA)], at=NOON)

    with store.reading() as tx:
        assert [row.source for row in tx.records.find(ADA)] == [HR]
        assert [row.source for row in tx.records.find("Ada@Example.com")] == [HR]


def test_keys_of_a_record_that_is_forgotten_find_nobody_who_comes_later(store: Store) -> None:
    keep(store, record())
    with store.transaction() as tx:
        tx.records.forget(AD, [(Kind.PERSON, ADA)])
    keep(store, record(BEN, keys=(), aliases=()))

    with store.reading() as tx:
        assert tx.records.find("0042") == []
        assert tx.records.resolve(AD, Kind.PERSON, name="employeeNumber", value="0042") == []
