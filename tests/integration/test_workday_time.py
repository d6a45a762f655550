"""What a Workday tenant does in time, each by its name: dated changes, zones, corrections, and several records of one person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from support.workday_tenant import START, read, said, tenant, wid_of
from syncd_workday.sandbox import Sandbox


@pytest.fixture
def workday() -> Iterator[Sandbox]:
    with tenant(12) as sandbox:
        yield sandbox


# --- days ---


def test_a_future_hire_comes_some_days_ahead_with_what_holds_on_the_first_day(workday: Sandbox) -> None:
    sales = [*workday.store.organizations][1]
    workday.store.hire("F1", date(2026, 3, 10), title="Analis", organization=sales)
    workday.store.pass_time(hours=1)
    shown = said(read(workday), "F1")
    assert (shown["Active"], shown["HireDate"]) == (False, "2026-03-10")
    assert "BusinessTitle" not in shown
    shown = said(read(workday, ahead=10), "F1")
    assert (shown["Active"], shown["BusinessTitle"]) == (True, "Analis")


def test_a_change_that_takes_effect_later_is_seen_by_a_delta_of_that_day_although_nothing_was_entered(
    workday: Sandbox,
) -> None:
    workday.store.change(wid_of(workday, "00002"), date(2026, 3, 6), title="Kepala")
    workday.store.pass_time(hours=1)
    first = read(workday)
    assert said(first, "00002")["BusinessTitle"] == "Staf"
    workday.store.now = datetime(2026, 3, 6, 2, tzinfo=UTC)
    found = read(workday, first.cursor)
    assert not found.full, found.how
    assert said(found, "00002")["BusinessTitle"] == "Kepala"


def test_a_termination_ends_with_the_day_where_the_person_works_not_at_midnight_in_california(workday: Sandbox) -> None:
    wid = wid_of(workday, "00002")
    workday.store.change(wid, location="AKL")
    workday.store.terminate(wid, date(2026, 3, 5))
    zones = {"AKL": "Pacific/Auckland"}
    workday.store.now = datetime(2026, 3, 5, 10, 30, tzinfo=UTC)  # half past eleven in the evening in Auckland
    shown = read(workday, timezones=zones).people["00002"]
    assert (shown.attributes["Active"], shown.attributes["EndDate"]) == (True, "2026-03-05")
    assert shown.review_at == datetime(2026, 3, 5, 11, tzinfo=UTC)
    workday.store.now = datetime(2026, 3, 5, 11, 30, tzinfo=UTC)
    assert said(read(workday, timezones=zones), "00002")["Active"] is False


@pytest.mark.parametrize("vanish", [True, False])
def test_a_rescinded_hire_is_cancelled_whether_the_record_vanishes_or_is_flagged(
    workday: Sandbox, vanish: bool
) -> None:
    wid = workday.store.hire("F1", date(2026, 4, 1))
    workday.store.pass_time(hours=1)
    first = read(workday)
    assert said(first, "F1")["Active"] is False
    workday.store.rescind_hire(wid, vanish=vanish)
    workday.store.pass_time(hours=1)
    found = read(workday, first.cursor)
    if vanish:
        assert found.full, "what vanishes stands in no log: the count tells"
        assert "F1" not in found.people
    else:
        assert not found.full
        assert "EndDate" not in said(found, "F1")


def test_a_correction_and_a_backdated_change_are_read_again(workday: Sandbox) -> None:
    wid = wid_of(workday, "00002")
    wrong = workday.store.change(wid, title="Salah")
    workday.store.pass_time(hours=1)
    first = read(workday)
    workday.store.rescind(wrong)
    workday.store.change(wid_of(workday, "00005"), date(2025, 1, 1), title="Kepala")
    workday.store.pass_time(hours=1)
    found = read(workday, first.cursor)
    assert not found.full
    assert (said(found, "00002")["BusinessTitle"], said(found, "00005")["BusinessTitle"]) == ("Staf", "Kepala")


@pytest.mark.parametrize("delta", ["transactions", "none"])
@pytest.mark.parametrize(
    ("location", "zone", "begins"),
    [
        ("AKL", "Pacific/Auckland", datetime(2026, 3, 5, 11, tzinfo=UTC)),
        ("SHA", "Asia/Shanghai", datetime(2026, 3, 5, 16, tzinfo=UTC)),
        ("LAX", "America/Los_Angeles", datetime(2026, 3, 6, 8, tzinfo=UTC)),
    ],
)
def test_a_move_takes_effect_when_its_day_begins_where_the_person_works(
    workday: Sandbox, delta: str, location: str, zone: str, begins: datetime
) -> None:
    wid = wid_of(workday, "00002")
    workday.store.change(wid, location=location)
    workday.store.change(wid, date(2026, 3, 6), title="Kepala")
    workday.store.pass_time(hours=1)
    settings: dict[str, Any] = {"timezones": {location: zone}, "delta": delta}
    first = read(workday, **settings)
    assert said(first, "00002")["BusinessTitle"] == "Staf"
    workday.store.now = begins - timedelta(minutes=30)
    before = read(workday, first.cursor, **settings)
    assert said(before, "00002")["BusinessTitle"] == "Staf"
    assert before.people["00002"].review_at == begins
    workday.store.now = begins + timedelta(minutes=30)
    after = read(workday, before.cursor, **settings)
    assert (said(after, "00002")["BusinessTitle"], after.people["00002"].review_at) == ("Kepala", None)
    assert after.full is (delta == "none")


def test_a_move_that_is_rescinded_before_its_day_is_forgotten_with_its_moment(workday: Sandbox) -> None:
    move = workday.store.change(wid_of(workday, "00002"), date(2026, 3, 4), title="Kepala")
    workday.store.pass_time(hours=1)
    first = read(workday)
    assert first.people["00002"].review_at == datetime(2026, 3, 3, 16, tzinfo=UTC)
    workday.store.rescind(move)
    workday.store.pass_time(hours=1)
    found = read(workday, first.cursor)
    assert (found.full, found.people["00002"].review_at) == (False, None)
    workday.store.now = datetime(2026, 3, 4, 2, tzinfo=UTC)
    assert said(read(workday), "00002")["BusinessTitle"] == "Staf"


def test_an_international_transfer_keeps_the_person_and_takes_the_new_zone_from_its_day_on(workday: Sandbox) -> None:
    wid = wid_of(workday, "00002")
    workday.store.change(wid, location="BER")
    workday.store.change(wid, date(2026, 3, 5), location="AKL", title="Penugasan")
    workday.store.terminate(wid, date(2026, 3, 20))
    workday.store.pass_time(hours=1)
    settings: dict[str, Any] = {"timezones": {"BER": "Europe/Berlin", "AKL": "Pacific/Auckland"}}
    shown = said(read(workday, **settings), "00002")
    assert (shown["Timezone"], shown["LocationIdentifier"]) == ("Europe/Berlin", "BER")
    workday.store.now = datetime(2026, 3, 20, 2, tzinfo=UTC)
    record = read(workday, **settings).people["00002"]
    assert (record.attributes["Timezone"], wid in record.aliases) == ("Pacific/Auckland", True)
    assert record.review_at == datetime(2026, 3, 20, 11, tzinfo=UTC), "the last day ends where they work by then"


def test_a_backdated_termination_is_a_leaver_at_once(workday: Sandbox) -> None:
    first = read(workday)
    workday.store.terminate(wid_of(workday, "00002"), date(2026, 1, 31))
    workday.store.pass_time(hours=1)
    found = read(workday, first.cursor)
    assert (found.full, said(found, "00002")["Active"], said(found, "00002")["EndDate"]) == (False, False, "2026-01-31")


@pytest.mark.parametrize("contingent", [True, False])
def test_whoever_ends_and_begins_on_the_same_day_never_stops_working(workday: Sandbox, contingent: bool) -> None:
    """A conversion (contingent to employee) and a rehire on the day of the end: another WID, one person, one account."""
    old = workday.store.hire("7001", contingent=contingent, universal="U-7001", title="Lama")
    workday.store.terminate(old, date(2026, 3, 4))
    workday.store.hire("7001", date(2026, 3, 4), universal="U-7001", title="Baru")
    titles = []
    cursor = None
    for hour in range(2, 98, 24):
        workday.store.now = START + timedelta(days=1, hours=hour)
        found = read(workday, cursor)
        cursor = found.cursor
        if "7001" in found.people:
            assert said(found, "7001")["Active"] is True
            titles.append(said(found, "7001")["BusinessTitle"])
    assert list(dict.fromkeys(titles)) == ["Lama", "Baru"]


def test_a_list_whose_cache_has_ended_between_two_pages_goes_on_as_of_the_same_moment(workday: Sandbox) -> None:
    def meanwhile(task: str, page: int) -> None:
        if (task, page) == ("Get_Workers", 1):
            workday.store.pass_time(hours=3)
            workday.store.change(wid_of(workday, "00001"), title="Kepala")

    workday.quirks.meanwhile = meanwhile
    found = read(workday, page_size=5)
    assert found.proof.proven, found.doubts
    assert said(found, "00001")["BusinessTitle"] == "Staf", "it was entered later: the next delta brings it"
    workday.quirks.meanwhile = lambda *_: None
    assert said(read(workday, found.cursor), "00001")["BusinessTitle"] == "Kepala"


# --- several records of one person ---


def test_a_rehire_is_the_same_person_and_the_record_that_works_counts(workday: Sandbox) -> None:
    old = wid_of(workday, "00002")
    workday.store.terminate(old, date(2025, 12, 31))
    workday.store.pass_time(hours=1)
    first = read(workday)
    assert said(first, "00002")["Active"] is False
    new = workday.store.hire("00002", date(2026, 3, 2), title="Kembali")
    workday.store.pass_time(hours=1)
    for found in (read(workday, first.cursor), read(workday)):
        record = found.people["00002"]
        assert (record.attributes["Active"], record.attributes["BusinessTitle"]) == (True, "Kembali")
        assert {old, new} <= set(record.aliases)
        assert found.proof.proven, found.doubts


@pytest.mark.parametrize("delta", ["transactions", "none"])
def test_a_conversion_is_one_person_by_the_universal_id_although_the_worker_id_changes(
    workday: Sandbox, delta: str
) -> None:
    contract = workday.store.hire("C-7", contingent=True, universal="U-7", title="Kontraktor")
    workday.store.pass_time(hours=1)
    first = read(workday, identity="universal_id", delta=delta)
    assert said(first, "U-7")["WorkerKind"] == "contingent"
    workday.store.terminate(contract, date(2026, 3, 2))
    workday.store.hire("21001", date(2026, 3, 3), universal="U-7", title="Karyawan")
    workday.store.pass_time(hours=1)
    found = read(workday, first.cursor, identity="universal_id", delta=delta)
    assert (said(found, "U-7")["WorkerKind"], said(found, "U-7")["BusinessTitle"]) == ("employee", "Karyawan")
    assert found.full is (delta == "none")


def test_a_future_conversion_does_not_take_the_place_of_the_record_that_works(workday: Sandbox) -> None:
    workday.store.hire("00002", date(2026, 3, 20), title="Nanti")
    workday.store.pass_time(hours=1)
    assert said(read(workday, ahead=30), "00002")["BusinessTitle"] == "Staf"
