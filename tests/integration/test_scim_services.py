"""What single services do that others do not, each by its name: Entra's, FortiAuthenticator's, vaults'.

Lists, deltas and the wire are tried in `test_scim_source.py`; here is what only few do, over the same double.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.scim_double import ScimDouble, Ways
from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman
from syncd.core.model import Completeness, NativeId, SourceRecord
from syncd.core.outcome import Applied
from syncd.core.ports import Room, Standing
from syncd_scim import Scim

HTML = (200, {"content-type": "text/html"}, b"<html>Sign in</html>")


@pytest.fixture
def service() -> Iterator[ScimDouble]:
    with ScimDouble() as double:
        for number in range(1, 13):
            double.add(f"{number:03}", active=True)
        double.add_group("semua", "001", "002")
        yield double


def source(service: ScimDouble) -> Scim:
    settings = Scim.settings(url=service.url, page_size=5, patience="5s", token=Secret.literal("example-token"))
    return Scim(settings, Room(name="idp", now=lambda: datetime(2026, 3, 2, tzinfo=UTC), base=Path()))


def read(service: ScimDouble) -> tuple[dict[str, SourceRecord], Completeness]:
    async def whole() -> tuple[dict[str, SourceRecord], Completeness]:
        async with source(service) as one:
            pages = [page async for page in one.read(None)]
        proof = pages[-1].completeness
        assert proof is not None
        return {record.native_id: record for page in pages for record in page.records}, proof

    return asyncio.run(whole())


def told(service: ScimDouble, path: str | tuple[str, ...], answer: tuple[int, dict[str, str], bytes]) -> None:
    paths = (path,) if isinstance(path, str) else path
    service.before = lambda asked, question: answer if asked in paths else None


@pytest.mark.parametrize(
    "answer",
    [(401, {}, b"{}"), (403, {}, b"{}"), (501, {}, b""), (302, {"location": "/login"}, b""), HTML],
    ids=["unauthorized", "forbidden", "not implemented", "redirect", "login page"],
)
def test_a_service_that_keeps_to_itself_what_it_can_do_is_read_the_plain_way(
    service: ScimDouble, answer: tuple[int, dict[str, str], bytes]
) -> None:
    told(service, ("ServiceProviderConfig", "ResourceTypes"), answer)

    found, proof = read(service)

    assert len(found) == 13
    assert proof.proven, proof.doubts


def _types(people: str, groups: str) -> tuple[int, dict[str, str], bytes]:
    kinds = [("Role", "/roles"), ("User", people), ("Group", groups)]
    rows = [{"id": kind, "name": kind, "endpoint": place} for kind, place in kinds]
    return 200, {}, json.dumps({"totalResults": len(rows), "Resources": rows}).encode()


@pytest.mark.parametrize("spelled", [("/people", "/teams"), ("people", "teams/")])
def test_a_service_that_has_people_and_groups_elsewhere_is_asked_there(
    service: ScimDouble, spelled: tuple[str, str]
) -> None:
    service.ways = Ways(people_at="people", groups_at="teams", members_in_lists=False)
    told(service, "ResourceTypes", _types(*spelled))

    found, proof = read(service)

    assert set(found) == {*service.users, "semua"}
    assert found["semua"].attributes["members"] == ("001", "002")
    assert proof.proven, proof.doubts


@pytest.mark.parametrize(
    "elsewhere", ["https://elsewhere.example.com/Users", "//elsewhere.example.com/Users", "../../admin"]
)
def test_an_address_that_the_service_names_outside_its_base_is_not_gone_to(service: ScimDouble, elsewhere: str) -> None:
    told(service, "ResourceTypes", _types(elsewhere, elsewhere))
    service.add("099", meta="", groups=[{"$ref": "https://elsewhere.example.com/Groups/g9"}])
    service.users["099"]["meta"] = {"location": "https://elsewhere.example.com/Users/099"}

    found, proof = read(service)

    assert found["099"].attributes["groups"] == ("g9",)
    assert {path.partition("/")[0] for path, _ in service.asked} == {
        "ServiceProviderConfig",
        "ResourceTypes",
        "Users",
        "Groups",
    }
    assert proof.proven, proof.doubts


def test_a_value_is_written_to_where_the_service_has_its_people(service: ScimDouble) -> None:
    """No read goes before it: whoever writes asks for the place, too."""
    service.ways = Ways(people_at="people")
    told(service, "ResourceTypes", _types("/people", "/Groups"))
    service.add("001", title="Staf")

    async def written() -> object:
        async with source(service) as one:
            return await one.write_back(NativeId("001"), {"title": "Staf"}, expected={"title": None})

    assert isinstance(asyncio.run(written()), Applied)


def test_every_list_is_asked_for_with_a_start_and_a_count_and_never_for_a_count_of_none(service: ScimDouble) -> None:
    """A vault shows nothing to whoever leaves them out (bitwarden); Entra's service refuses a count of 0."""
    read(service)

    async def checked() -> list[Standing]:
        async with source(service) as one:
            return [verdict.standing async for verdict in one.check()]

    assert asyncio.run(checked())[0] is Standing.OK
    lists = [question for path, question in service.asked if path in {"Users", "Groups"}]
    assert len(lists) > 5
    assert all(int(question["count"]) > 0 and int(question["startIndex"]) > 0 for question in lists)


def test_a_service_without_times_types_or_addresses_in_its_answers_is_read_in_full(service: ScimDouble) -> None:
    """FortiAuthenticator's: `text/html` for JSON, no `meta`."""
    for row in (*service.users.values(), *service.groups.values()):
        del row["meta"]
    service.ways = Ways(content_type="text/html")

    found, proof = read(service)

    assert found["001"].changed_at is None
    assert proof.proven, proof.doubts


@pytest.mark.parametrize("status", [400, 404])
def test_who_is_deleted_while_groups_are_asked_for_one_by_one_is_no_error(service: ScimDouble, status: int) -> None:
    """An unknown id is 404 by the RFC, and 400 at Entra's service."""
    service.ways = Ways(members_in_lists=False)
    told(service, "Groups/semua", (status, {}, b'{"status": "%d"}' % status))

    found, proof = read(service)

    assert len(found) in {12, 13}
    assert proof.proven, proof.doubts
    assert "members" not in found["semua"].attributes, "absent, which is not the same as nobody"


def test_a_list_that_is_too_long_for_the_service_says_what_to_set(service: ScimDouble) -> None:
    told(service, "Users", (400, {}, b'{"scimType": "tooMany", "status": "400", "detail": "narrow the filter"}'))

    with pytest.raises(NeedsHuman) as caught:
        read(service)

    assert caught.value.problem.code == "SCM-009"
    assert "narrow the filter" in caught.value.problem.what
    assert "page_size" in caught.value.problem.do


def test_a_member_of_a_group_may_be_a_group_and_need_not_say_what_it_is(service: ScimDouble) -> None:
    service.add_group("semua", "001")
    service.groups["semua"]["members"] = [
        {"value": "001"},
        {"value": "tim", "type": "Group"},
        {"$ref": "https://idp.example.com/scim/v2/Users/002"},
        "003",
    ]
    service.add_group("tim", "004")

    found, _ = read(service)

    assert found["semua"].attributes["members"] == ("001", "tim", "002", "003")
