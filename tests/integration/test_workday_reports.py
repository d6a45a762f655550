"""What custom reports (RaaS) do, each by its name: columns of every shape, empty values, prompts, pages of others, limits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from support.workday_rows import CLIENT, COLUMNS, DELTA, by_report, read_report, refused_report
from support.workday_tenant import said, source, tenant, wid_of
from syncd.config.secrets import Secret
from syncd.core.model import Kind
from syncd.core.ports import Standing, Verdict
from syncd_workday.sandbox import Sandbox, rows

PEOPLE = "report ISU_example/People"


@pytest.fixture
def workday() -> Iterator[Sandbox]:
    with tenant(12) as sandbox:
        yield sandbox


# --- what rows say ---


def test_columns_are_found_whatever_their_author_made_of_case_spaces_and_groups(workday: Sandbox) -> None:
    workday.store.change(wid_of(workday, "00002"), groups=("VPN", "Gudang"))
    found = read_report(workday)
    shown = said(found, "00002")
    assert shown["BusinessTitle"] == "Staf", "Business Title"
    assert shown["Mobile"] == "+6281100000002", "mobile"
    assert shown["ProvisioningGroups"] == ("VPN", "Gudang"), "a group of several"
    assert shown["SupervisoryOrganization"] == "Gudang", "the descriptor of a reference"
    assert shown["SupervisoryOrganizationReference"] in found.units, "its id of one type"
    assert said(found, "00004")["ManagerReference"] == wid_of(workday, "00003")
    assert found.proof.proven, found.doubts


@pytest.mark.parametrize("blank", [True, False])
def test_an_empty_text_and_a_missing_key_mean_the_same(workday: Sandbox, blank: bool) -> None:
    workday.quirks.reporting.blank = blank
    workday.store.change(wid_of(workday, "00002"), mobile="")
    assert "Mobile" not in said(read_report(workday), "00002")


def test_flags_and_dates_are_read_in_the_form_of_the_report_and_nothing_is_guessed(workday: Sandbox) -> None:
    workday.quirks.reporting.dates, workday.quirks.reporting.yes = "%m/%d/%Y", "Yes"
    workday.store.hire("N1", date(2026, 2, 25))
    problem = refused_report(workday)
    assert (problem.code, "StatusHireDate" in problem.what) == ("WDY-022", True)
    assert "02/25" not in str(problem), "what a record says is not told"
    shown = said(read_report(workday, dates="mm/dd/yyyy"), "N1")
    assert (shown["HireDate"], shown["Active"]) == ("2026-02-25", True)
    assert refused_report(workday, dates="dd/mm/yyyy").code == "WDY-022"


def test_one_worker_may_be_an_object_instead_of_a_list_of_one() -> None:
    with tenant(1) as workday:
        workday.quirks.reporting.single_object = True
        found = read_report(workday, units=None)
        assert set(found.people) == {"00001"}
        assert found.proof.proven, found.doubts


def test_a_future_hire_is_shown_ahead_and_a_leaver_works_to_the_end_of_the_day(workday: Sandbox) -> None:
    workday.store.hire("F1", date(2026, 3, 10))
    workday.store.terminate(wid_of(workday, "00002"), date(2026, 3, 3))
    found = read_report(workday)
    assert said(found, "F1")["Active"] is False
    assert said(read_report(workday, ahead=10), "F1")["Active"] is True
    assert (said(found, "00002")["Active"], said(found, "00002")["EndDate"]) == (True, "2026-03-03")
    assert found.people["00002"].review_at is not None


def test_two_records_of_one_person_are_one_and_the_one_that_works_counts(workday: Sandbox) -> None:
    old = wid_of(workday, "00002")
    workday.store.terminate(old, date(2025, 12, 31))
    new = workday.store.hire("00002", date(2026, 3, 1), title="Kembali")
    found = read_report(workday)
    assert said(found, "00002")["BusinessTitle"] == "Kembali"
    assert {old, new} <= set(found.people["00002"].aliases)
    assert found.proof.proven, found.doubts


def test_a_column_of_ones_own_is_an_attribute_of_ones_own(workday: Sandbox) -> None:
    found = read_report(workday, columns={**COLUMNS, "Chief": "Worker s Manager/ID[Employee_ID]"})
    assert said(found, "00004")["Chief"] == "00003"


def test_days_and_activity_are_read_from_the_columns_that_are_named_for_them(workday: Sandbox) -> None:
    workday.store.change(wid_of(workday, "00002"), terminated=date(2026, 3, 31))
    workday.quirks.reporting.renamed = {"Active": "Bekerja", "Hire_Date": "Mulai", "Termination_Date": "Selesai"}
    named = {"Active": "Bekerja", "HireDate": "Mulai", "EndDate": "Selesai"}
    shown = said(read_report(workday, columns={**COLUMNS, **named}), "00002")
    assert (shown["Active"], shown["HireDate"], shown["EndDate"]) == (True, "2000-01-01", "2026-03-31")


# --- what a report proves ---


def test_a_worker_with_several_rows_that_differ_proves_nobody_gone(workday: Sandbox) -> None:
    workday.store.change(wid_of(workday, "00002"), groups=("VPN", "Gudang"))
    workday.quirks.reporting.row_for_each_group = True
    found = read_report(workday)
    assert found.doubts == {"no worker came twice"}
    assert [note.code for note in found.pages[-1].notes] == ["WDY-023"]


def test_the_same_rows_in_two_reports_are_the_same_workers(workday: Sandbox) -> None:
    workday.reports["ISU_other/All"] = "people"
    found = read_report(workday, people=["ISU_example/People", "ISU_other/All"])
    assert len(found.people) == 12
    assert found.proof.proven, found.doubts


@pytest.mark.parametrize("missing", [True, False])
def test_nobody_in_the_report_proves_nobody_gone(workday: Sandbox, missing: bool) -> None:
    workday.quirks.reporting.missing_when_empty = missing
    workday.store.workers.clear()
    found = read_report(workday)
    assert "somebody is there" in found.doubts
    assert [note.code for note in found.pages[-1].notes] == ["WDY-012"]


def test_a_report_that_lost_people_is_seen_by_what_was_there_before_and_by_the_count(workday: Sandbox) -> None:
    cursor = read_report(workday).cursor
    workday.quirks.constrained_to = {next(iter(workday.store.organizations))}
    found = read_report(workday, cursor)
    assert found.doubts == {"nobody is hidden from the integration user"}
    assert found.cursor == cursor
    workday.quirks.constrained_to = None

    def meanwhile(task: str, _: int) -> None:
        if task == PEOPLE:
            workday.store.hire("N1", date(2026, 3, 1))

    workday.quirks.meanwhile = meanwhile
    assert read_report(workday, count="ISU_example/Count", count_column="Total").doubts == {
        "as many workers as Workday counts"
    }


def test_a_renamed_column_is_told_before_everybody_loses_what_it_said(workday: Sandbox) -> None:
    cursor = read_report(workday).cursor
    workday.quirks.reporting.renamed = {"Business Title": "Jabatan"}
    problem = refused_report(workday, cursor)
    assert (problem.code, "BusinessTitle" in problem.do) == ("WDY-021", True)
    assert read_report(workday, cursor, without=["BusinessTitle"]).proof.proven
    assert read_report(workday, cursor, columns={**COLUMNS, "BusinessTitle": "Jabatan"}).proof.proven


# --- changes ---


def test_a_prompt_for_what_was_changed_since_makes_a_delta_and_the_count_shows_who_is_gone(workday: Sandbox) -> None:
    first = read_report(workday, **DELTA)
    workday.store.pass_time(hours=2)
    workday.store.change(wid_of(workday, "00005"), title="Kepala")
    workday.store.hire("N1", date(2026, 3, 1))
    workday.store.pass_time(hours=1)
    second = read_report(workday, first.cursor, **DELTA)
    assert (second.full, set(second.people)) == (False, {"00005", "N1"})
    workday.store.pass_time(hours=1)
    workday.store.rescind_hire(wid_of(workday, "N1"), vanish=True)
    third = read_report(workday, second.cursor, **DELTA)
    assert (third.full, "N1" in third.people) == (True, False)
    assert "and 12 are counted" in third.how


def test_who_does_not_work_any_more_is_not_judged_by_the_rows_of_a_delta_alone(workday: Sandbox) -> None:
    workday.store.hire("00002", date(2026, 2, 1), contingent=True, title="Kontraktor")
    first = read_report(workday, **DELTA)
    workday.store.pass_time(hours=2)
    workday.store.terminate(wid_of(workday, "00002"), date(2026, 3, 1))
    found = read_report(workday, first.cursor, **DELTA)
    assert found.full, "the other record of the same person is not among what changed"
    assert said(found, "00002")["BusinessTitle"] == "Kontraktor"


def test_a_required_prompt_is_named_by_workday_and_filled_by_the_settings(workday: Sandbox) -> None:
    workday.quirks.reporting.required = "From_Moment"
    problem = refused_report(workday)
    assert (problem.code, "From Moment" in problem.what) == ("WDY-019", True)
    assert read_report(workday, prompts={"From Moment": "1970-01-01"}).proof.proven
    assert read_report(workday, prompts={"From Moment": "{now}", "Effective_as_of_Date": "{today}"}).proof.proven


def test_a_prompt_for_changes_that_is_required_is_given_a_beginning_where_everything_is_read(workday: Sandbox) -> None:
    workday.quirks.reporting.required = "Updated_From"
    assert refused_report(workday, **DELTA).code == "WDY-019"
    found = read_report(workday, **DELTA, beginning="1970-01-01T00:00:00Z")
    assert (found.full, len(found.people), found.doubts) == (True, 12, set())


# --- what comes instead of rows ---


def test_a_report_that_is_cut_off_is_never_taken_for_a_whole_one_and_is_asked_for_again(
    workday: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncd_workday.patience._PAUSE", timedelta(milliseconds=1))
    whole = rows.report([{"Worker_ID": "X1"}, {"Worker_ID": "X2"}], how=workday.quirks.reporting)
    cuts = [(200, whole[:-2]), (0, whole[:-20]), (200, whole[:30])]
    workday.quirks.before = lambda task, _: cuts.pop() if cuts and task == PEOPLE else None
    found = read_report(workday, patience="15s")
    assert set(found.people) == {f"{number:05}" for number in range(1, 13)}
    assert not cuts


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b"<!DOCTYPE html><html><body>Sign in</body></html>", "WDY-008"),
        (200, b"Report_Entry", "WDY-008"),
        (200, b'{"error": "The report ended: it exceeds the limit of 2 GB."}', "WDY-020"),
        (200, b'{"error": "Report not available"}', "WDY-019"),
        (302, b"", "WDY-008"),
        (400, b'{"error": "invalid"}', "WDY-019"),
        (403, b"", "WDY-005"),
        (404, b"<html></html>", "WDY-018"),
        (429, b"", "WDY-007"),
        (500, b"<html></html>", "WDY-007"),
        (503, b"<html>maintenance</html>", "WDY-007"),
    ],
)
def test_what_comes_instead_of_a_report_is_told_by_what_it_is(
    workday: Sandbox, status: int, body: bytes, code: str
) -> None:
    workday.quirks.before = lambda task, _: (status, body) if task == PEOPLE else None
    assert refused_report(workday).code == code


def test_a_report_beyond_its_size_is_refused_while_it_comes(workday: Sandbox) -> None:
    long = b'{"Worker_ID": "X1", "Text": "' + b"x" * 100_000 + b'"}'
    body = b'{"Report_Entry": [' + b",".join([long] * 12) + b"]}"
    workday.quirks.before = lambda task, _: (200, body) if task == PEOPLE else None
    assert refused_report(workday, most_bytes=1_000_000).code == "WDY-020"


def test_a_report_that_another_owner_has_now_is_missed_by_its_name(workday: Sandbox) -> None:
    problem = refused_report(workday, people=["ISU_gone/People"])
    assert (problem.code, "ISU_gone/People" in problem.what) == ("WDY-018", True)


# --- signing in, checking ---


def test_reports_open_to_the_bare_name_and_to_a_token_that_is_renewed(workday: Sandbox) -> None:
    def forget(task: str, _: int) -> None:
        if task == PEOPLE:
            workday.tokens = {"example-used"} if len(workday.tokens) == 1 else workday.tokens

    workday.quirks.meanwhile = forget
    assert read_report(workday, oauth=CLIENT).proof.proven
    old = {**CLIENT, "refresh_token": Secret.literal("example-old")}
    assert refused_report(workday, oauth=old).code == "WDY-009"
    workday.password = "example-changed"
    workday.quirks.before = lambda *_: (401, b"")
    assert refused_report(workday).code == "WDY-004"


def test_a_check_says_what_came_and_which_columns_are_in_no_row(workday: Sandbox) -> None:
    wanted = {Kind.PERSON: frozenset({"WorkerID", "WorkerKind", "HireDate", "CostCenter"})}

    async def verdicts() -> dict[str, Verdict]:
        settings = by_report(count="ISU_example/Count", count_column="Total")
        async with source(workday, wanted=wanted, **settings) as one:
            return {verdict.name: verdict async for verdict in one.check()}

    found = asyncio.run(verdicts())
    assert (found["columns"].standing, found["columns"].seen) == (Standing.WARNING, "in no row: CostCenter")
    assert found["reports"].seen == "12 workers, 3 units"
    assert found["proof"].standing is Standing.OK
    workday.store.workers.clear()
    assert asyncio.run(verdicts())["reports"].standing is Standing.FAILED
