"""What SCIM services do in the wild, each by its name: counts that are wrong, pages that slip, clocks, tokens, login pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.scim_double import ScimDouble, Ways
from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman, Problem, TryAgain, problem_of
from syncd.core.model import LEARNED, Completeness, Kind, Page, SourceRecord
from syncd.core.ports import Room, Standing, Verdict
from syncd_scim import Scim
from syncd_scim.settings import OAuthSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A read, put together."""

    pages: list[Page]

    @property
    def records(self) -> dict[str, SourceRecord]:
        return {record.native_id: record for page in self.pages for record in page.records}

    @property
    def full(self) -> bool:
        return self.pages[-1].full

    @property
    def proof(self) -> Completeness:
        found = self.pages[-1].completeness
        assert found is not None
        return found

    @property
    def cursor(self) -> str | None:
        return self.pages[-1].cursor

    @property
    def how(self) -> str:
        return next(fact.detail for fact in self.proof.facts if fact.name == LEARNED)


@pytest.fixture
def service() -> Iterator[ScimDouble]:
    with ScimDouble() as double:
        for number in range(1, 31):
            double.add(f"{number:03}", active=True)
        double.add_group("semua", "001", "002")
        double.pass_time(days=1)
        yield double


def source(service: ScimDouble, **more: Any) -> Scim:
    sign_in = {} if {"oauth", "user"} & set(more) else {"token": Secret.literal("example-token")}
    settings = Scim.settings(**{"url": service.url, "page_size": 10, "patience": "5s", **sign_in, **more})
    return Scim(settings, Room(name="idp", now=lambda: datetime(2026, 3, 2, tzinfo=UTC), base=Path()))


def read(service: ScimDouble, cursor: str | None = None, **more: Any) -> Read:
    async def whole() -> list[Page]:
        async with source(service, **more) as one:
            return [page async for page in one.read(cursor)]

    return Read(pages=asyncio.run(whole()))


def refusal(service: ScimDouble, **more: Any) -> Problem:
    with pytest.raises((NeedsHuman, TryAgain)) as caught:
        read(service, **more)
    found = problem_of(caught.value)
    assert found is not None
    return found


def checked(service: ScimDouble, **more: Any) -> dict[str, Verdict]:
    async def whole() -> list[Verdict]:
        async with source(service, **more) as one:
            return [verdict async for verdict in one.check()]

    return {verdict.name: verdict for verdict in asyncio.run(whole())}


# --- lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ways",
    [
        Ways(),
        Ways(page_limit=7),
        Ways(by_cursor_only=True, counts=False, lower_case=True),
        Ways(members_in_lists=False),
        Ways(ends_with_400=True),
        Ways(selects_attributes=False),
    ],
    ids=[
        "as the RFC has it",
        "gives fewer",
        "Entra's",
        "no members in lists",
        "400 at the end",
        "all attributes always",
    ],
)
def test_everybody_is_read_whatever_the_pages_look_like(service: ScimDouble, ways: Ways) -> None:
    service.ways = ways
    service.provider = {"pagination": {"cursor": ways.by_cursor_only, "index": not ways.by_cursor_only}}

    found = read(service)

    assert set(found.records) == {*service.users, "semua"}
    assert found.records["semua"].attributes["members"] == ("001", "002")
    assert found.proof.proven, found.proof.doubts


def test_a_service_that_says_it_has_cursors_is_asked_by_cursor(service: ScimDouble) -> None:
    service.ways = Ways(by_cursor_only=True)
    service.provider = {"pagination": {"cursor": True, "index": False}}

    assert read(service).proof.proven
    assert not any("startIndex" in question for _, question in service.asked)


def test_a_count_of_the_page_instead_of_all_is_a_doubt_and_everybody_is_read(service: ScimDouble) -> None:
    service.ways = Ways(total_is_page=True)

    found = read(service)

    assert len(found.records) == 31
    assert not found.proof.proven


def test_indices_that_count_from_zero_hide_the_first_and_prove_nothing(service: ScimDouble) -> None:
    service.ways = Ways(start_counts_from_zero=True)

    found = read(service)

    assert "001" not in found.records
    assert not found.proof.proven


def test_a_service_that_ignores_start_index_is_an_error_and_no_small_company(service: ScimDouble) -> None:
    service.ways = Ways(ignores_start=True)

    assert refusal(service).code == "SCM-010"


def test_rows_that_slip_between_pages_while_others_are_deleted_are_fetched_by_themselves(service: ScimDouble) -> None:
    """Ten are deleted from the first page after it was read: ten others move up and are never shown; joiners hide it."""

    def churn(path: str, question: dict[str, str]) -> None:
        if path == "Users" and question.get("startIndex") == "11" and "001" in service.users:
            for number in range(1, 11):
                del service.users[f"{number:03}"]
            for number in range(90, 100):
                service.add(f"{number:03}", active=True)

    service.before = churn

    found = read(service)

    assert {f"{number:03}" for number in range(11, 31)} <= set(found.records)
    assert found.proof.proven, found.proof.doubts
    assert read(service, found.cursor).full is False, "the count is the one of the last look"


def test_a_list_that_never_keeps_still_proves_nothing(service: ScimDouble) -> None:
    joined = iter(range(1000, 9999))

    def churn(path: str, question: dict[str, str]) -> None:
        if path == "Users" and question.get("startIndex") == "1":
            service.add(str(next(joined)), active=True)

    service.before = churn

    found = read(service)

    assert not found.proof.proven
    assert "still changing" in next(fact.detail for fact in found.proof.doubts if "slipped" in fact.name)


def test_a_read_of_exactly_those_who_were_there_needs_no_second_look(service: ScimDouble) -> None:
    first = read(service, delta="none")
    looks = len(service.asked)

    again = read(service, first.cursor, delta="none")

    assert again.proof.proven
    assert len(service.asked) - looks < looks


# --- deltas ----------------------------------------------------------------------------------------------------------


def test_a_delta_tells_who_changed_and_who_is_new(service: ScimDouble) -> None:
    first = read(service)
    service.add("005", active=False)
    service.add("200", active=True)
    service.add_group("semua", "001")
    service.pass_time(minutes=1)

    found = read(service, first.cursor)

    assert not found.full
    assert set(found.records) == {"005", "200", "semua"}
    assert found.records["005"].attributes["active"] is False
    service.pass_time(minutes=1)
    again = read(service, found.cursor)
    assert not again.full, "who is new is counted once, although the overlap shows them twice"


def test_somebody_who_is_missing_leads_to_a_full_read(service: ScimDouble) -> None:
    first = read(service)
    del service.users["004"]
    service.add("201", active=True)

    found = read(service, first.cursor)

    assert found.full
    assert "004" not in found.records
    assert found.how == "Users: 30 were there, 1 are new, and 30 are left"


@pytest.mark.parametrize(
    ("ways", "why"),
    [
        (Ways(heeds_time=False), "do not keep to the time"),
        (Ways(counts=False), "not counted by the service"),
    ],
)
def test_a_delta_that_cannot_be_trusted_is_a_full_read_with_its_reason(
    service: ScimDouble, ways: Ways, why: str
) -> None:
    first = read(service)
    service.ways = ways

    found = read(service, first.cursor)

    assert found.full
    assert why in found.how


def test_a_service_that_refuses_the_question_is_read_in_full(service: ScimDouble) -> None:
    first = read(service)
    service.before = lambda path, question: (
        (400, {}, b'{"scimType": "invalidFilter", "status": "400"}') if "filter" in question else None
    )

    assert "cannot be asked for by its time (400)" in read(service, first.cursor).how


def test_a_cursor_of_another_service_is_worth_nothing(service: ScimDouble) -> None:
    assert read(service, '{"version":1,"url":"https://other.example.com","since":"2026-01-01T00:00:00Z"}').full
    assert read(service, "garbage").full


# --- what a resource says --------------------------------------------------------------------------------------------

_E = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.mark.parametrize(
    ("said", "name", "value"),
    [
        ({"active": "False"}, "active", False),
        ({}, "active", True),
        ({"ACTIVE": False}, "active", False),
        ({_E: {"department": "Pajak"}}, "department", "Pajak"),
        ({_E.lower(): {"Department": "Pajak"}}, "department", "Pajak"),
        ({f"{_E}:department": "Pajak"}, "department", "Pajak"),
        ({_E: {"manager": "007"}}, "manager", "007"),
        ({_E: {"manager": {"value": "007", "displayName": "Siti"}}}, "manager", "007"),
        ({_E: {"manager": [{"$ref": "../Users/007"}]}}, "manager", "007"),
        ({"manager": {"value": "007"}}, "manager", "007"),
        ({"emails": [{"value": "a@example.com"}]}, "emails.primary", "a@example.com"),
        ({"emails": {"value": "a@example.com", "type": "WORK"}}, "emails.work", "a@example.com"),
        ({"emails": ["a@example.com"]}, "emails.primary", "a@example.com"),
        (
            {"emails": [{"value": "x", "type": "work"}, {"value": "y", "type": "work", "primary": "True"}]},
            "emails.work",
            "y",
        ),
        ({"phoneNumbers": [{"value": 62811, "type": "mobile"}]}, "phoneNumbers.mobile", "62811"),
        ({"addresses": [{"locality": "Medan"}]}, "addresses.work.locality", "Medan"),
        ({"name": {"FamilyName": "李"}}, "name.familyName", "李"),
        ({"groups": [{"value": "g1"}, {"$ref": "https://x/Groups/g2"}]}, "groups", ("g1", "g2")),
        ({"urn:example:2.0:User": {"badge": 17}}, "badge", "17"),
    ],
)
def test_values_are_found_where_services_put_them(
    service: ScimDouble, said: dict[str, Any], name: str, value: object
) -> None:
    service.users["001"] = {"id": "001", "userName": "ani", **said}

    found = read(service, attributes={"badge": "urn:example:2.0:User:badge"})

    assert found.records["001"].attributes[name] == value


def test_who_does_not_say_whether_they_are_active_is_counted(service: ScimDouble) -> None:
    service.users["001"] = {"id": "001", "userName": "ani"}

    assert [note.code for note in read(service).pages[-1].notes] == ["SCM-013"]


def test_a_row_without_an_id_proves_nobody_gone(service: ScimDouble) -> None:
    service.users["x"] = {"userName": "ani", "id": ""}

    found = read(service)

    assert not found.proof.proven
    assert "SCM-014" in {note.code for note in found.pages[-1].notes}


# --- the wire --------------------------------------------------------------------------------------------------------


def test_a_service_that_is_busy_is_waited_for(service: ScimDouble) -> None:
    busy = iter([(429, {"retry-after": "0"}, b""), (503, {"retry-after": "0"}, b"")])
    service.before = lambda path, question: next(busy, None)

    assert read(service).proof.proven


def test_a_service_that_is_busy_for_long_is_asked_later(service: ScimDouble) -> None:
    service.before = lambda path, question: (429, {"retry-after": "600"}, b"")

    with pytest.raises(TryAgain) as caught:
        read(service)

    assert caught.value.problem.code == "SCM-008"
    assert caught.value.after.total_seconds() == 600


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((200, {"content-type": "text/html"}, b"<html>Sign in</html>"), "SCM-007"),
        ((200, {}, b'{"hello": 1}'), "SCM-007"),
        ((200, {}, b'{"Resources": [{"id": "1"'), "SCM-007"),
        ((302, {"location": "https://elsewhere.example.com/"}, b""), "SCM-006"),
        ((401, {}, b"{}"), "SCM-003"),
        ((403, {}, b"{}"), "SCM-004"),
        ((404, {}, b"{}"), "SCM-009"),
        ((500, {"retry-after": "3600"}, b"{}"), "SCM-008"),
    ],
    ids=["login page", "no list", "cut off", "redirect", "unauthorized", "forbidden", "not there", "broken"],
)
def test_what_is_no_list_is_an_error_with_its_reason(
    service: ScimDouble, answer: tuple[int, dict[str, str], bytes], code: str
) -> None:
    service.before = lambda path, question: answer if path == "Users" else None

    assert refusal(service).code == code


def test_a_cursor_that_expires_begins_the_list_anew(service: ScimDouble) -> None:
    service.ways = Ways(by_cursor_only=True)
    expired: Iterator[tuple[int, dict[str, str], bytes]] = iter(
        [(400, {}, b'{"scimType": "expiredCursor", "status": "400"}')]
    )
    service.before = lambda path, question: next(expired, None) if question.get("cursor") == "10" else None

    found = read(service, paging="cursor")

    assert found.proof.proven, found.proof.doubts
    assert sum(len(page.records) for page in found.pages) == 31, "nobody comes twice"


def test_a_token_that_has_ended_is_asked_for_anew(service: ScimDouble) -> None:
    given: list[str] = []

    def answer(path: str, question: dict[str, str]) -> tuple[int, dict[str, str], bytes] | None:
        if path == "/token":
            given.append(question["grant_type"])
            return 200, {}, b'{"access_token": "token-%d", "expires_in": 3600}' % len(given)
        if len(given) == 1 and len(service.asked) == 3:
            return 401, {}, b"{}"
        return None

    service.before = answer
    token_url = service.url.replace("/scim/v2", "/token")
    oauth = OAuthSettings(token_url=token_url, client_id="syncd", client_secret=Secret.literal("example-secret"))

    assert read(service, oauth=oauth).proof.proven
    assert given == ["client_credentials", "client_credentials"]
    assert set(service.authorizations) == {"Bearer token-1", "Bearer token-2"}


def test_a_password_is_sent_as_basic(service: ScimDouble) -> None:
    read(service, user="syncd", password=Secret.literal("example"))

    assert set(service.authorizations) == {"Basic c3luY2Q6ZXhhbXBsZQ=="}


# --- check -----------------------------------------------------------------------------------------------------------


def test_check_says_how_the_service_is_read(service: ScimDouble) -> None:
    service.provider = {"filter": {"supported": True}, "sort": {"supported": "true"}}

    found = checked(service)

    assert {name: each.standing for name, each in found.items()} == dict.fromkeys(found, Standing.OK)
    assert found["service 127.0.0.1"].seen == "offers filter, sort"
    assert found["Users"].seen == "30, by index, 10 at once"


def test_check_says_that_changes_cannot_be_asked_for(service: ScimDouble) -> None:
    service.ways = Ways(heeds_time=False)

    assert checked(service)["changes"].standing is Standing.WARNING


def test_check_fails_where_nobody_is_shown(service: ScimDouble) -> None:
    service.users.clear()

    verdict = checked(service)["Users"]

    assert verdict.standing is Standing.FAILED
    assert verdict.problem is not None
    assert verdict.problem.code == "SCM-015"


@pytest.mark.parametrize(
    "settings",
    [{}, {"token": "a", "user": "b", "password": "c"}, {"user": "b"}, {"token": "a", "attributes": {"x": "a b"}}],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Scim.settings(url="https://idp.example.com/scim/v2", **settings)


def test_groups_are_records_of_their_own(service: ScimDouble) -> None:
    assert {record.kind for record in read(service).records.values()} == {Kind.PERSON, Kind.GROUP}
    assert {record.kind for record in read(service, groups=False).records.values()} == {Kind.PERSON}
