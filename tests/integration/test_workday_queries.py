"""What queries (WQL) do, each by its name: references as objects, pages without a snapshot, limits, who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from support.workday_rows import CLIENT, by_query
from support.workday_tenant import Read, read, refusal, tenant, wid_of
from syncd.config.secrets import Secret
from syncd.core.errors import Problem
from syncd_workday.sandbox import Sandbox
from syncd_workday.settings import WorkdaySettings


@pytest.fixture
def workday() -> Iterator[Sandbox]:
    with tenant(12) as sandbox:
        yield sandbox


def ask(workday: Sandbox, cursor: str | None = None, **more: Any) -> Read:
    return read(workday, cursor, **by_query(**more))


def refused(workday: Sandbox, **more: Any) -> Problem:
    return refusal(workday, **by_query(**more))


def test_workers_and_organizations_come_page_by_page_with_their_references(workday: Sandbox) -> None:
    found = ask(workday, page_size=5)
    assert found.proof.proven, found.doubts
    assert [page for task, page in workday.asked if task == "wql"] == [1, 2, 3, 1, 1], "pages, the total again, units"
    shown = found.people["00002"].attributes
    assert (shown["Active"], shown["SupervisoryOrganization"]) == (True, "Gudang")
    assert shown["SupervisoryOrganizationReference"] in found.units
    assert found.people["00004"].attributes["ManagerReference"] == wid_of(workday, "00003")
    assert {str(unit.attributes["Name"]) for unit in found.units.values()} == {
        "Contoh Nusantara",
        "Penjualan",
        "Gudang",
    }


def test_a_page_may_have_fewer_rows_than_were_asked_for(workday: Sandbox) -> None:
    workday.quirks.most_rows = 4
    found = ask(workday, page_size=10)
    assert (len(found.people), found.proof.proven) == (12, True)


def test_whoever_is_pushed_from_one_page_to_another_meanwhile_is_not_taken_for_gone(workday: Sandbox) -> None:
    first = ask(workday, page_size=5)

    def meanwhile(task: str, page: int) -> None:
        if (task, page) == ("wql", 1) and len(workday.asked) < 9:
            workday.store.change(wid_of(workday, "00001"), title="Kepala")

    workday.asked.clear()
    workday.quirks.meanwhile = meanwhile
    found = ask(workday, first.cursor, page_size=5)
    assert len(found.people) < 12, "somebody slipped to a page that had been read"
    assert not found.proof.proven
    assert found.cursor == first.cursor


def test_a_total_that_changes_between_both_ends_proves_nobody_gone(workday: Sandbox) -> None:
    def meanwhile(task: str, page: int) -> None:
        if (task, page) == ("wql", 3):
            workday.store.hire("N1", date(2026, 3, 1))

    workday.quirks.meanwhile = meanwhile
    assert ask(workday, page_size=5).doubts == {"as many worker rows as Workday counts"}


def test_a_conversion_is_one_person_by_the_universal_id(workday: Sandbox) -> None:
    contract = workday.store.hire("C-7", contingent=True, universal="U-7", title="Kontraktor")
    workday.store.terminate(contract, date(2026, 3, 1))
    workday.store.hire("21001", date(2026, 3, 2), universal="U-7", title="Karyawan")
    people = by_query()["query"]["people"].replace("employeeID AS", "universalID AS UniversalID, employeeID AS")
    found = read(workday, identity="universal_id", **by_query(people=people))
    shown = found.people["U-7"].attributes
    assert (shown["WorkerKind"], shown["BusinessTitle"]) == ("employee", "Karyawan")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b"<html>Sign in</html>", "WDY-008"),
        (200, b'{"total": 12', "WDY-008"),
        (200, b'{"data": []}', "WDY-008"),
        (400, b'{"error": "invalid query", "errors": [{"error": "no field \'salary\'"}]}', "WDY-019"),
        (403, b"", "WDY-005"),
        (404, b"", "WDY-018"),
        (429, b"", "WDY-007"),
    ],
)
def test_what_comes_instead_of_rows_is_told_by_what_it_is(
    workday: Sandbox, status: int, body: bytes, code: str
) -> None:
    workday.quirks.before = lambda *_: (status, body)
    problem = refused(workday)
    assert problem.code == code
    assert "salary" not in str(problem), "what stands in quotes may be somebody's"


def test_a_query_is_asked_by_an_api_client_only_and_settings_fit_their_way() -> None:
    host = {"url": "https://wd3-impl-services1.workday.com", "tenant": "example"}
    password = {"user": "ISU_example", "password": Secret.literal("example")}
    for wrong in (
        {**password, "way": "wql", "query": by_query()["query"]},
        {"oauth": CLIENT, "way": "wql"},
        {"oauth": CLIENT, "way": "wql", "query": {"people": "allWorkers"}},
        {"oauth": CLIENT, "query": by_query()["query"]},
        {**password, "way": "raas"},
        {**password, "way": "raas", "report": {"people": ["without-owner"]}},
        {**password, "way": "raas", "report": {"people": ["a/b"], "changed_since": "From"}},
        {**password, "way": "raas", "report": {"people": ["a/b"]}, "attributes": {"Own": "wd:Worker/wd:Own"}},
    ):
        with pytest.raises(ValidationError):
            WorkdaySettings.model_validate({**host, **wrong})
