"""What Workday tenants do, each by its name: hidden parts, constrained users, dated changes, several records, faults."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date

import pytest
from wws_api import request_wws

from support.workday_tenant import read, refusal, said, source, tenant, wid_of
from syncd.config.secrets import Secret
from syncd.core.ports import Standing, Verdict
from syncd_workday.sandbox import Sandbox, rendering
from syncd_workday.settings import RefreshSettings


@pytest.fixture
def workday() -> Iterator[Sandbox]:
    with tenant(12) as sandbox:
        yield sandbox


# --- what a full read proves ---


def test_every_page_is_of_one_moment_of_entry_whatever_is_entered_meanwhile(workday: Sandbox) -> None:
    def meanwhile(task: str, page: int) -> None:
        if task == "Get_Workers" and page == 1:
            workday.store.pass_time(minutes=2)
            workday.store.hire(f"N{workday.store.now:%H%M}")
            workday.store.rescind_hire(wid_of(workday, "00001"), vanish=True)

    workday.quirks.meanwhile = meanwhile
    found = read(workday, page_size=5)
    assert found.proof.proven, found.doubts
    assert set(found.people) == {f"{number:05}" for number in range(1, 13)}


def test_a_constrained_integration_user_proves_nobody_gone(workday: Sandbox) -> None:
    cursor = read(workday).cursor
    workday.quirks.constrained_to = {next(iter(workday.store.organizations))}
    found = read(workday, cursor, delta="none")
    assert "nobody is hidden from the integration user" in found.doubts
    assert [note.code for note in found.pages[-1].notes] == ["WDY-011"]
    assert found.cursor == cursor, "a read that proves nothing is no measure for the next one"


def test_an_organization_that_loses_all_its_people_is_noticed_within_the_allowed_loss() -> None:
    with tenant(60) as workday:
        cursor = read(workday, page_size=100).cursor
        top, sales, vacant = [*workday.store.organizations][:3]
        workday.quirks.constrained_to = {top, sales}
        found = read(workday, cursor, delta="none", allowed_loss=0.5, page_size=100)
        assert found.doubts == {"no organization lost its people"}
        workday.quirks.constrained_to = None
        for wid, each in workday.store.workers.items():
            if each.events[0].changes["organization"] == vacant:
                workday.store.change(wid, organization=sales)
        workday.store.pass_time(hours=1)
        assert read(workday, cursor, delta="none", page_size=100).proof.proven, "a reorganization loses nobody"


@pytest.mark.parametrize("hidden", ["contact", "status", "position", "organizations", "management_chain", "names"])
def test_a_domain_that_is_taken_away_is_told_before_anybody_loses_what_it_showed(workday: Sandbox, hidden: str) -> None:
    cursor = read(workday).cursor
    workday.quirks.manner.hidden = {hidden}
    problem = refusal(workday, cursor, delta="none")
    assert problem.code == "WDY-010"
    assert hidden in problem.do
    assert not read(workday, cursor, delta="none", without=[hidden]).doubts & {"somebody is there"}


def test_no_worker_at_all_is_no_answer_without_response_data_to_stumble_over(workday: Sandbox) -> None:
    workday.store.workers.clear()
    found = read(workday)
    assert "somebody is there" in found.doubts
    assert [note.code for note in found.pages[-1].notes] == ["WDY-012"]


def test_one_worker_is_one_worker() -> None:
    with tenant(1) as workday:
        found = read(workday)
        assert set(found.people) == {"00001"}
        assert found.proof.proven, found.doubts


# --- what is said of somebody ---


@pytest.mark.parametrize("yes", ["1", "true"])
def test_dates_with_offsets_and_both_forms_of_booleans_mean_the_same(workday: Sandbox, yes: str) -> None:
    workday.quirks.manner.offset_dates, workday.quirks.manner.yes = True, yes
    shown = said(read(workday), "00002")
    assert (shown["HireDate"], shown["StatusHireDate"], shown["Active"]) == ("2000-01-01", "2000-01-01", True)


def test_of_several_mails_the_primary_public_one_of_work_counts_and_what_is_private_is_not_read(
    workday: Sandbox,
) -> None:
    wid = wid_of(workday, "00002")
    workday.store.change(
        wid, mails=("a@example.com", "b@example.com"), home_mobile="+62811999", national_id="example-999"
    )
    workday.store.pass_time(hours=1)
    shown = said(read(workday), "00002")
    assert (shown["EmailAddress"], shown["Mobile"]) == ("b@example.com", "+6281100000002")
    assert not [text for text in map(str, shown.values()) if "999" in text]


def test_a_missing_preferred_name_is_the_legal_one_and_a_local_name_is_read(workday: Sandbox) -> None:
    workday.store.change(wid_of(workday, "00002"), local="示例", preferred="")
    workday.store.pass_time(hours=1)
    shown = said(read(workday), "00002")
    assert (shown["PreferredNameData"], shown["LocalName"]) == ("Contoh 00002", "示例")


def test_the_primary_job_is_the_title_and_others_are_listed_beside(workday: Sandbox) -> None:
    workday.store.change(wid_of(workday, "00002"), second_title="Penugasan Internasional")
    workday.store.pass_time(hours=1)
    shown = said(read(workday), "00002")
    assert (shown["BusinessTitle"], shown["OtherPositions"]) == ("Staf", ("Penugasan Internasional",))


def test_the_manager_of_a_vacant_organization_is_the_next_one_above_and_nobody_is_their_own(workday: Sandbox) -> None:
    found = read(workday)
    head, sales = wid_of(workday, "00003"), wid_of(workday, "00004")
    assert said(found, "00005")["ManagerReference"] == sales, "nobody leads their organization"
    assert said(found, "00004")["ManagerReference"] == head, "they lead it themselves"
    assert "ManagerReference" not in said(found, "00003"), "the chain of the topmost names themselves"
    assert sales in found.people["00004"].aliases, "so that the reference finds them"


def test_who_is_on_leave_still_works_here(workday: Sandbox) -> None:
    workday.store.change(wid_of(workday, "00002"), leave="CUTI_MELAHIRKAN")
    workday.store.pass_time(hours=1)
    shown = said(read(workday), "00002")
    assert (shown["Active"], shown["LeaveAbsenceType"]) == (True, "CUTI_MELAHIRKAN")


def test_an_attribute_of_ones_own_is_read_by_its_xpath(workday: Sandbox) -> None:
    path = "wd:Worker/wd:Worker_Data/wd:Employment_Data/wd:Worker_Job_Data/wd:Position_Data/wd:Business_Title/text()"
    assert {each.attributes["Own"] for each in read(workday, attributes={"Own": path}).people.values()} == {"Staf"}


def test_ids_are_free_text_and_keep_their_zeros(workday: Sandbox) -> None:
    for number in ("007", "7", "00-7E1", "0x10"):
        workday.store.hire(number)
    workday.store.pass_time(hours=1)
    assert {"007", "7", "00-7E1", "0x10"} < set(read(workday).people)


def test_organizations_of_other_types_are_no_units(workday: Sandbox) -> None:
    assert {str(unit.attributes["Name"]) for unit in read(workday).units.values()} == {
        "Contoh Nusantara",
        "Penjualan",
        "Gudang",
    }


# --- deltas ---


def test_a_delta_reads_who_has_transactions_and_nobody_else(workday: Sandbox) -> None:
    first = read(workday)
    workday.store.pass_time(days=3)
    quiet = read(workday, first.cursor)
    assert (quiet.full, set(quiet.people)) == (False, set())
    workday.store.change(wid_of(workday, "00009"), title="Kepala")
    workday.store.hire("N1", date(2026, 3, 1))
    workday.store.pass_time(hours=1)
    found = read(workday, quiet.cursor)
    assert (found.full, set(found.people)) == (False, {"00009", "N1"})


def test_a_unit_that_is_gone_leads_to_a_full_read(workday: Sandbox) -> None:
    first = read(workday)
    [*workday.store.organizations.values()][2].inactive = True
    workday.store.pass_time(hours=1)
    found = read(workday, first.cursor)
    assert (found.full, found.how) == (True, "units gone: 1")


def test_a_cursor_of_another_tenant_or_none_at_all_starts_over(workday: Sandbox) -> None:
    cursor = read(workday).cursor
    assert cursor is not None
    assert read(workday, "no cursor").full
    assert read(workday, cursor.replace("/example", "/another")).full


# --- faults, sign-in ---


def test_a_throttled_call_is_a_fault_with_status_500_and_is_tried_again(workday: Sandbox) -> None:
    faults = [(500, rendering.fault("SOAP-ENV:Server", "internal error"))]
    workday.quirks.before = lambda task, page: faults.pop() if faults and page == 2 else None
    assert read(workday, patience="5s", page_size=5).proof.proven
    workday.quirks.before = lambda *_: (500, rendering.fault("SOAP-ENV:Server", "internal error"))
    assert refusal(workday).code == "WDY-007"


def test_a_connection_that_breaks_in_a_page_goes_on_with_that_page(workday: Sandbox) -> None:
    breaks = [(0, b"<env:Envelope")]
    workday.quirks.before = lambda task, page: breaks.pop() if breaks and page == 2 else None
    assert read(workday, patience="5s", page_size=5).proof.proven
    assert workday.asked.count(("Get_Workers", 1)) == 3, "ids, who is about to change, people: none of them anew"


def test_a_wrong_password_and_a_task_that_is_not_granted_are_told_apart(workday: Sandbox) -> None:
    assert refusal(workday, user="ISU_example", password=Secret.literal("wrong")).code == "WDY-004"
    workday.quirks.not_granted = {"Get_Organizations"}
    assert refusal(workday).code == "WDY-005"
    assert read(workday, organizations=[]).proof.proven


def test_a_refresh_token_signs_in_and_a_token_that_is_refused_is_renewed(workday: Sandbox) -> None:
    oauth = RefreshSettings(
        client_id="example",
        client_secret=Secret.literal("example-secret"),
        refresh_token=Secret.literal("example-refresh"),
    )

    def forget(task: str, page: int) -> None:
        if (task, page) == ("Get_Workers", 1):
            workday.tokens = {"example-used"} if len(workday.tokens) == 1 else workday.tokens

    workday.quirks.meanwhile = forget
    assert read(workday, oauth=oauth).proof.proven
    workday.refresh_token = "example-rotated"
    assert refusal(workday, oauth=oauth).code == "WDY-009"


def test_a_check_says_what_is_not_shown(workday: Sandbox) -> None:
    async def verdicts() -> dict[str, Verdict]:
        async with source(workday) as one:
            return {verdict.name: verdict async for verdict in one.check()}

    workday.quirks.manner.hidden = {"contact"}
    found = asyncio.run(verdicts())
    assert found["parts of a worker"].standing is Standing.WARNING
    assert "contact" in found["parts of a worker"].seen
    workday.quirks.constrained_to = set()
    assert asyncio.run(verdicts())["Get_Workers"].standing is Standing.FAILED


# --- the sandbox, judged by somebody else ---


def test_a_client_that_others_wrote_reads_the_sandbox(workday: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    body = (
        '<wd:Get_Workers_Request xmlns:wd="urn:com.workday/bsvc"><wd:Response_Filter><wd:Page>{ page }</wd:Page>'
        "<wd:Count>5</wd:Count></wd:Response_Filter><wd:Response_Group><wd:Include_Personal_Information>1"
        "</wd:Include_Personal_Information></wd:Response_Group></wd:Get_Workers_Request>"
    )
    user = f"{workday.user}@{workday.tenant}"
    pages = request_wws(url=workday.endpoint, username=user, password=workday.password, xml_payload=body)
    assert len(pages) == 3
    assert sum(page.count(b"<wd:Worker>") for page in pages) == 12
    with pytest.raises(ValueError, match="invalid username or password"):
        request_wws(url=workday.endpoint, username=user, password="wrong", xml_payload=body)


def test_the_sandbox_refuses_what_workday_refuses(workday: Sandbox) -> None:
    for wrong, words in (("<wd:Page>0</wd:Page>", "cannot be zero"), ("<wd:Count>1000</wd:Count>", "999")):
        body = (
            '<wd:Get_Workers_Request xmlns:wd="urn:com.workday/bsvc">'
            f"<wd:Response_Filter>{wrong}</wd:Response_Filter></wd:Get_Workers_Request>"
        )
        user = f"{workday.user}@{workday.tenant}"
        answer = request_wws(url=workday.endpoint, username=user, password=workday.password, xml_payload=body)
        assert words.encode() in answer


def test_pages_that_are_not_pinned_shift_while_somebody_is_changed(workday: Sandbox) -> None:
    def page(number: int) -> set[bytes]:
        body = (
            '<wd:Get_Workers_Request xmlns:wd="urn:com.workday/bsvc"><wd:Response_Filter>'
            f"<wd:Page>{number}</wd:Page><wd:Count>6</wd:Count></wd:Response_Filter></wd:Get_Workers_Request>"
        )
        user = f"{workday.user}@{workday.tenant}"
        answer = request_wws(url=workday.endpoint, username=user, password=workday.password, xml_payload=body)
        return {wid.encode() for wid in workday.store.workers if wid.encode() in answer}

    first = page(1)
    workday.store.change(next(wid for wid in workday.store.workers if wid.encode() in first), title="Kepala")
    assert len(first | page(2)) < 12


def test_a_page_beyond_the_end_has_no_rows_and_no_data(workday: Sandbox) -> None:
    answer = answered(workday, "<wd:Page>9</wd:Page><wd:Count>5</wd:Count>")
    assert b"<wd:Total_Results>12<" in answer
    assert b"Response_Data" not in answer


def test_descriptors_are_asked_for_since_new_versions_leave_them_out(workday: Sandbox) -> None:
    assert b"Descriptor=" not in answered(workday, "<wd:Page>1</wd:Page>")
    assert said(read(workday), "00002")["WorkerType"] == "Regular"


def answered(workday: Sandbox, asked: str) -> bytes:
    body = (
        '<wd:Get_Workers_Request xmlns:wd="urn:com.workday/bsvc">'
        f"<wd:Response_Filter>{asked}</wd:Response_Filter></wd:Get_Workers_Request>"
    )
    user = f"{workday.user}@{workday.tenant}"
    answer: bytes = request_wws(url=workday.endpoint, username=user, password=workday.password, xml_payload=body)
    return answer
