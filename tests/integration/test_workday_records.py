"""What worker records say besides, each by its name: pre-hires, several dated changes, clocks that differ, own attributes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from support.workday_rows import read_report
from support.workday_tenant import read, said, tenant, wid_of
from syncd_workday.sandbox import Sandbox


@pytest.fixture
def workday() -> Iterator[Sandbox]:
    with tenant(12) as sandbox:
        yield sandbox


def test_a_pre_hire_of_a_report_is_the_person_whom_workday_hires_later(workday: Sandbox) -> None:
    """Workday lists no pre-hires among workers; a report does, and the universal id stays."""
    workday.reports["ISU_example/Pre_hires"] = "people"
    both: dict[str, Any] = {
        "people": ["ISU_example/People", "ISU_example/Pre_hires"],
        "identity": "universal_id",
        "ahead": 10,
    }
    applied = workday.store.hire("PRE-9", date(2026, 3, 20), universal="U-9")
    far = read_report(workday, **both)
    assert said(far, "U-9")["Active"] is False, "more than ten days to go"
    workday.store.pass_time(days=9)
    near = read_report(workday, far.cursor, **both)
    assert (said(near, "U-9")["Active"], said(near, "U-9")["HireDate"]) == (True, "2026-03-20")
    hired = workday.store.hire("00099", date(2026, 3, 20), universal="U-9", title="Analis")
    workday.store.rescind_hire(applied, vanish=True)
    workday.store.pass_time(days=10)
    found = read_report(workday, near.cursor, **both)
    assert (said(found, "U-9")["Active"], said(found, "U-9")["BusinessTitle"]) == (True, "Analis")
    assert hired in found.people["U-9"].aliases
    assert found.proof.proven, found.doubts


def test_of_several_changes_that_lie_ahead_the_nearest_comes_first_and_none_is_skipped(workday: Sandbox) -> None:
    """Another connector takes the one that is nearest to its horizon, and skips those before it."""
    wid = wid_of(workday, "00002")
    for day, title in ((6, "Kepala"), (4, "Analis"), (20, "Direktur")):
        workday.store.change(wid, date(2026, 3, day), title=title)
    workday.store.pass_time(hours=1)
    found = read(workday, ahead=30)
    seen = [said(found, "00002")["BusinessTitle"]]
    for days in (1, 1, 1, 1, 13, 1):
        workday.store.pass_time(days=days)
        found = read(workday, found.cursor, ahead=30)
        if "00002" in found.people and said(found, "00002")["BusinessTitle"] != seen[-1]:
            seen.append(said(found, "00002")["BusinessTitle"])
    assert seen == ["Staf", "Analis", "Kepala", "Direktur"]


def test_windows_end_by_workdays_clock_however_wrong_ours_is(workday: Sandbox) -> None:
    """Workday refuses a window that ends later than its own now."""
    ours = lambda: workday.store.now + timedelta(hours=5)  # noqa: E731
    first = read(workday, now=ours)
    workday.store.change(wid_of(workday, "00009"), title="Kepala")
    workday.store.pass_time(minutes=1)
    found = read(workday, first.cursor, now=ours)
    assert (found.full, said(found, "00009")["BusinessTitle"]) == (False, "Kepala")


def test_an_attribute_of_ones_own_is_that_of_each_worker_and_of_nobody_else(workday: Sandbox) -> None:
    """An XPath that is not anchored gave everybody what the last worker of the page has."""
    path = "wd:Worker/wd:Worker_Data/wd:Worker_ID"
    found = read(workday, attributes={"Own": path})
    assert len(found.people) == 12
    for number, each in found.people.items():
        assert each.attributes["Own"] == number
    with pytest.raises(ValueError, match="does not begin at wd:Worker/"):
        read(workday, attributes={"Own": "//wd:Worker_ID"})


def test_a_manager_of_two_organizations_in_a_row_is_one_manager(workday: Sandbox) -> None:
    top, sales, vacant = [*workday.store.organizations][:3]
    head = wid_of(workday, "00003")
    workday.store.organizations[sales].manager = head
    workday.store.organizations[vacant].manager = head
    found = read(workday)
    assert {said(found, number).get("ManagerReference") for number in ("00002", "00004", "00006")} == {head}
    assert "ManagerReference" not in said(found, "00003")
    assert top in found.units
