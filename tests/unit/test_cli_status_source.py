"""`syncd status --source`: what the last reads of one source proved, what is missing for a proof, when all is read again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.office import Office, Opened
from syncd.cli import standing
from syncd.cli.operating import rehearsal
from syncd.core.model import LEARNED, Kind, NativeId, ProofFact, RunId, SourceName, SourceRecord
from syncd.engine.beginning import _beginning
from syncd.engine.stage import put
from syncd.store.rows import ReadRow

HR = SourceName("hr")


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened()
    one.world.company(8)
    return one


def read_of(office: Office, *facts: ProofFact, full: bool = False, cursor: str | None = "2", count: int = 1) -> None:
    """Note a read that is made now, after those that were."""
    now = office.world.now()
    row = ReadRow(
        source=HR,
        run_id=RunId(f"run-{now:%H%M%S}"),
        started_at=now,
        finished_at=now,
        full=full,
        proven=all(fact.holds for fact in facts),
        facts=facts,
        count=count,
        cursor=cursor,
    )
    with office.world.store.transaction() as tx:
        tx.reads.put(row)


def told(office: Office) -> str:
    """Return what `status --source hr` says, on one line."""
    return " ".join(office.run("status", "--source", "hr").out.split())


def test_the_proof_of_a_good_read_is_shown_when_it_is_asked_for(office: Office) -> None:
    office.world.sync()
    assert "all of it" not in office.run("status").out
    said = told(office)
    assert "✓ memory: all of it" in said
    assert "Proven complete." in said
    assert "a full read of 10 records" in said
    assert "There 8 people, 2 units" in said
    assert "in 24 h" not in said
    assert "Next in full in 1 day at the latest: schedule.full_every" in said


def test_a_missing_fact_is_told_with_its_reason_and_what_follows_from_it(office: Office) -> None:
    office.world.sync()
    office.world.time += timedelta(minutes=15)
    office.world.source.doubt = "the server stopped at its size limit"
    office.world.sync()
    ran = office.run("status", "--source", "hr")
    said = " ".join(ran.out.split())
    assert ran.code == 6
    assert "✗ memory: the server stopped at its size limit" in said
    assert "No absence may be inferred: nobody is taken for gone on its strength (memory)." in said
    assert "Next in full in the next run: the last full read was not proven" in said
    assert "Proven in full 01:30 UTC, 15 min ago: 10 records" in said


def test_after_a_delta_both_proofs_are_shown_and_how_changes_are_learned(office: Office) -> None:
    office.world.sync()
    office.world.time += timedelta(hours=1)
    way = ProofFact(name=LEARNED, holds=True, detail="dirsync: its own control")
    read_of(office, ProofFact(name="server is the same", holds=True, detail="yes"), way)
    said = told(office)
    assert "a delta of 1 record" in said
    assert "Changes dirsync: its own control" in said
    assert f"✓ {LEARNED}" not in said
    assert said.index("✓ server is the same: yes") < said.index("✓ memory: all of it")
    assert "Next in full in 23 h at the latest" in said
    assert "hr 02:30 UTC, now delta 1 proven 1 h ago" in " ".join(office.run("status").out.split())


def test_programs_get_every_fact_and_never_the_cursor(office: Office) -> None:
    office.world.sync()
    office.world.time += timedelta(hours=1)
    read_of(office, ProofFact(name="rights", holds=False, detail="2 groups fewer"), cursor="a secret place")
    ran = office.run("status", "--source", "hr", "--json")
    (source,) = ran.json["sources"]
    assert source["read"]["facts"] == [{"name": "rights", "holds": False, "detail": "2 groups fewer"}]
    assert (source["read"]["full"], source["read"]["proven"], source["full"]["proven"]) == (False, False, True)
    assert source["next_full"] == {"at": "2026-11-23T01:30:00Z", "why": "schedule.full_every"}
    assert source["there"] == {"person": 8, "unit": 2}
    assert source["good_count"] == 10
    assert source["cursor_at"] == "2026-11-22T02:30:00Z"
    assert "a secret place" not in ran.out


def test_a_source_that_was_never_read_says_so(office: Office) -> None:
    assert "hr was not read yet." in told(office)


def test_one_source_is_shown_alone(office: Office) -> None:
    office.config.write_text(office.config.read_text().replace("sources: {", "sources: {ad: {type: memory}, "))
    office.world.sync()
    assert [one["name"] for one in office.run("status", "--json").json["sources"]] == ["ad", "hr"]
    assert [one["name"] for one in office.run("status", "--source", "hr", "--json").json["sources"]] == ["hr"]


# --- who is looked at next ---


def test_who_is_looked_at_again_is_counted_in_words(office: Office) -> None:
    office.world.sync()
    assert "Next run nobody is left to look at again" in " ".join(office.run("status").out.split())
    with office.world.store.transaction() as tx:
        people = [one for one in tx.records.subjects() if one.startswith("person:")][:3]
        units = [one for one in tx.records.subjects() if one.startswith("unit:")][:1]
        tx.marks.add([*people, *units], reason="a test", at=office.world.now())
        tx.reviews.put({people[0]: office.world.now() + timedelta(days=2)})
    said = " ".join(office.run("status").out.split())
    assert "3 people, 1 unit looked at again; the first date that changes something by itself: 2026-11-24" in said
    ran = office.run("status", "--json").json
    assert (ran["marked"], ran["review_at"]) == ({"person": 3, "unit": 1}, "2026-11-24T01:30:00Z")


def test_that_everybody_is_looked_at_again_is_told_with_the_reason(office: Office) -> None:
    from syncd.cli.overview import WHOLE
    from syncd.engine import marking

    assert marking.WHOLE == WHOLE
    office.world.sync()
    with office.world.store.transaction() as tx:
        marking.whole(tx, "many records changed")
    assert "everybody is looked at again (many records changed)" in " ".join(office.run("status").out.split())


# --- when everything is read again ---


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROW = ReadRow(
    source=HR,
    run_id=RunId("1"),
    started_at=NOW,
    finished_at=NOW,
    full=True,
    proven=True,
    facts=(),
    count=1,
    cursor="1",
)


def test_a_read_that_left_no_cursor_is_followed_by_a_full_one() -> None:
    row = replace(ROW, cursor=None)
    reads = standing.Reads(last=row, full=row, good=row)
    due = standing.next_full(reads, now=NOW, every=timedelta(days=1), by_time=None)
    assert (due.at, due.why) == (None, standing.NO_CURSOR)


def test_what_time_changes_comes_before_the_clock_of_full_reads_only_if_it_is_earlier() -> None:
    reads = standing.Reads(last=ROW, full=ROW, good=ROW)
    soon, late = NOW + timedelta(hours=2), NOW + timedelta(days=3)
    by = {
        time: standing.next_full(reads, now=NOW, every=timedelta(days=1), by_time=time) for time in (soon, late, None)
    }
    assert (by[soon].at, by[soon].why) == (soon, standing.BY_TIME)
    assert by[late] == by[None] == standing.NextFull(at=NOW + timedelta(days=1), why=standing.CLOCK)


@pytest.fixture(scope="module")
def shared(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with pytest.MonkeyPatch.context() as patch:
        one = Office(migrated_file, tmp_path_factory.mktemp("office"), patch, None)  # type: ignore[arg-type]
        yield one
        one.close()


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=4),
    st.integers(0, 30),
    st.none() | st.integers(-30, 30),
)
def test_it_is_said_to_be_due_exactly_when_the_engine_would_do_it(
    shared: Office, reads: list[tuple[bool, bool, bool]], hours: int, review: int | None
) -> None:
    from syncd.store import glance

    world, now = shared.world.world, shared.world.now()
    with rehearsal(shared.world.store) as tx:
        for at, (full, proven, cursor) in enumerate(reads, start=-len(reads)):
            when = now + timedelta(hours=at - hours)
            row = replace(
                ROW,
                run_id=RunId(str(at)),
                started_at=when,
                finished_at=when,
                full=full,
                proven=proven,
                cursor="1" if cursor else None,
            )
            tx.reads.put(row)
        if review is not None:
            until = now + timedelta(hours=review)
            record = SourceRecord(
                native_id=NativeId("1"),
                kind=Kind.PERSON,
                digest=b"1",
                attributes={"name": "An Example"},
                review_at=until,
            )
            put(tx, world, world.seats[HR], [record], many=False)
        seen = glance.of_transaction(tx, glance.Asked(sources=(HR,), target="memory", closely=HR), now=now)
        told_ = standing.standing(HR, seen, now=now, full_every=world.full_every, closely=True)
        begins = _beginning(tx, world, world.seats[HR], full=False)
        assert told_.next_full is not None
        assert (told_.next_full.at is None) is begins.full
