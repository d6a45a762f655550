"""Bulk (RFC 7644 §3.7): many operations in one request, which may name each other; each done or refused as a whole."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from support.scim_push import BASE, GROUP, PATCH_OP, USER, E, Provider, Reply, opened
from syncd.engine.pushing import Pushing
from syncd.scim.bulk import MOST
from syncd.scim.service import Asked
from syncd.store import Store

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("pushed")) as made:
        yield made


@pytest.fixture
def entra(store: Store) -> Provider:
    """A provider of whom nobody knows anything yet."""
    return Provider(store, secrets.token_hex(8))


def _user(name: str, bulk_id: str = "", **more: Any) -> dict[str, Any]:
    data = {"schemas": [USER], "userName": name, **more}
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id or name, "data": data}


def _group(name: str, *members: str) -> dict[str, Any]:
    data = {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members]}
    return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}


def _bulk(provider: Provider, *operations: Any, **more: Any) -> Reply:
    return provider.ask("POST", "Bulk", {"schemas": [BULK], "Operations": list(operations), **more})


def _statuses(reply: Reply) -> list[str]:
    assert reply.status == 200, reply
    return [one["status"] for one in reply["Operations"]]


def _id(told: dict[str, Any]) -> str:
    return str(told["location"]).rpartition("/")[2]


def test_whoever_is_made_may_be_named_before_it_is_made(entra: Provider) -> None:
    managed: dict[str, Any] = {E: {"manager": {"value": "bulkId:ayu"}}}
    reply = _bulk(entra, _group("all", "bulkId:ayu", "bulkId:budi"), _user("budi", **managed), _user("ayu"))
    assert _statuses(reply) == ["201", "201", "201"]
    assert reply["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]
    group, budi, ayu = reply["Operations"]
    assert [one["bulkId"] for one in reply["Operations"]] == ["all", "budi", "ayu"], "in the order of the request"
    assert entra.members(_id(group)) == {_id(budi), _id(ayu)}
    found = entra.get(f"Users/{_id(budi)}")
    assert found[E]["manager"]["value"] == _id(ayu)
    assert group["version"] == entra.get(f"Groups/{_id(group)}")["meta"]["version"]
    assert budi["location"] == found["meta"]["location"] == f"{BASE}/Users/{_id(budi)}"


def test_groups_may_name_each_other_in_a_circle_and_themselves(entra: Provider) -> None:
    reply = _bulk(entra, _group("a", "bulkId:b"), _group("b", "bulkId:c"), _group("c", "bulkId:a", "bulkId:c"))
    assert _statuses(reply) == ["201"] * 3
    a, b, c = map(_id, reply["Operations"])
    assert [entra.members(one) for one in (a, b, c)] == [{b}, {c}, {a, c}]


def test_a_long_chain_is_made_from_its_end(entra: Provider) -> None:
    chain = [_group(f"g{n}", f"bulkId:g{n + 1}") for n in range(MOST - 1)]
    assert set(_statuses(_bulk(entra, *chain, _group(f"g{MOST - 1}")))) == {"201"}
    assert len(entra.get("Groups", count="1000")["Resources"]) == MOST


def test_everything_that_can_be_done_to_one_can_be_done_to_many(entra: Provider) -> None:
    one, two, gone = entra.user("one"), entra.user("two"), entra.user("gone")
    group = entra.group("everybody", [one])
    change = {
        "schemas": [PATCH_OP],
        "Operations": [{"op": "Add", "path": "members", "value": [{"value": "bulkId:new"}]}],
    }
    reply = _bulk(
        entra,
        {"method": "put", "path": f"/Users/{one}", "data": {"userName": "one", "title": "Buyer"}},
        {"method": "PATCH", "path": f"Groups/{group}", "data": change},
        {"method": "DELETE", "path": f"/Users/{gone}"},
        {"method": "DELETE", "path": f"/Users/{two}", "version": 'W/"0"'},
        _user("new"),
        {
            "method": "PATCH",
            "path": "/Users/bulkId:new",
            "data": {"Operations": [{"op": "add", "path": "title", "value": "x"}]},
        },
    )
    assert _statuses(reply) == ["200", "200", "204", "412", "201", "200"]
    new = _id(reply["Operations"][4])
    assert entra.members(group) == {one, new}
    assert entra.get(f"Users/{one}")["title"] == "Buyer"
    assert entra.get(f"Users/{new}")["title"] == "x"
    assert (entra.get(f"Users/{gone}").status, entra.get(f"Users/{two}").status) == (404, 200)
    assert reply["Operations"][3]["location"] == f"{BASE}/Users/{two}"


def test_one_that_is_refused_changes_nothing_and_disturbs_no_other(entra: Provider) -> None:
    entra.user("taken")
    bad = {
        "method": "PATCH",
        "path": "/Users/bulkId:ayu",
        "data": {"Operations": [{"op": "add", "path": "title", "value": "x"}, {"op": "?"}]},
    }
    reply = _bulk(
        entra, _user("TAKEN", "again"), _group("g", "bulkId:again"), bad, _user("ayu"), _user("none", userName="")
    )
    assert _statuses(reply) == ["409", "400", "400", "201", "400"]
    assert reply["Operations"][0]["response"]["scimType"] == "uniqueness"
    assert "location" not in reply["Operations"][0]
    assert "title" not in entra.get(f"Users/{_id(reply['Operations'][3])}").body
    assert (entra.count(), entra.get("Groups")["totalResults"]) == (2, 0)
    assert reply.changed


def test_after_so_many_errors_nothing_more_is_done(entra: Provider) -> None:
    several = [_user("a"), _user("A", "b"), _user("c"), _user("a", "d"), _user("e")]
    assert _statuses(_bulk(entra, *several, failOnErrors=2)) == ["201", "409", "201", "409"]
    assert entra.count() == 2
    assert _statuses(_bulk(entra, *several[:2], failOnErrors=1)) == ["409"]


@pytest.mark.parametrize(
    "operation",
    [
        {},
        None,
        "POST",
        {"method": "GET", "path": "/Users", "bulkId": "x"},
        {"method": "POST", "path": "/Users", "data": {"userName": "x"}},
        {"method": "POST", "path": "/Bulk", "bulkId": "x", "data": {"Operations": []}},
        {"method": "POST", "path": "/Users/.search", "bulkId": "x", "data": {}},
        {"method": "POST", "path": "/Users/x", "bulkId": "x", "data": {"userName": "x"}},
        {"method": "PUT", "path": "/Users", "data": {"userName": "x"}},
        {"method": "PATCH", "path": "/../partners/Users/x", "data": {}},
        {"method": "DELETE", "path": "/Users/bulkId:nobody"},
        {"method": "POST", "path": "/Users", "bulkId": "x", "data": [1]},
        {"method": "POST", "path": "/Users", "bulkId": "x"},
        {"method": "POST", "path": "/Users", "bulkId": "known", "data": {"userName": "x"}},
        {
            "method": "POST",
            "path": "/Groups",
            "bulkId": "x",
            "data": {"displayName": "x", "members": [{"value": "bulkId:y"}]},
        },
        {"method": ["POST"], "path": {}, "bulkId": 7, "data": {"userName": "x"}},
    ],
)
def test_an_operation_that_makes_no_sense_is_refused_in_its_place(entra: Provider, operation: Any) -> None:
    assert _statuses(_bulk(entra, _user("known"), operation, _group("g", "bulkId:known"))) == ["201", "400", "201"]
    assert entra.count() == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"Operations": []}, 400),
        ({"Operations": {"method": "DELETE"}}, 400),
        ({"Operations": [_user("a")], "failOnErrors": 0}, 400),
        ({"Operations": [_user("a")], "failOnErrors": "1"}, 400),
        ({"Operations": [_user(f"u{n}") for n in range(MOST + 1)]}, 413),
    ],
)
def test_a_request_that_makes_no_sense_or_is_too_large_does_nothing(entra: Provider, body: Any, status: int) -> None:
    assert entra.ask("POST", "Bulk", body).status == status
    assert entra.count() == 0
    assert entra.get("Bulk").status == 405


def test_no_operation_reaches_what_somebody_else_has_pushed(entra: Provider, store: Store) -> None:
    others = Provider(store, secrets.token_hex(8))
    theirs = others.user("theirs")
    reply = _bulk(entra, {"method": "DELETE", "path": f"/Users/{theirs}"}, _user("theirs"), _group("g", theirs))
    assert _statuses(reply) == ["404", "201", "201"]
    assert others.get(f"Users/{theirs}").status == 200
    assert others.count() == entra.count() == 1
    assert entra.get(f"Groups/{_id(reply['Operations'][2])}")["members"] == [{"value": theirs}], "nobody is shown there"


def test_bulks_of_several_providers_that_come_at_once_stay_apart(store: Store) -> None:
    async def story() -> None:
        pushing = Pushing(store, now=lambda: datetime.now(UTC))
        sources = [secrets.token_hex(8) for _ in range(4)]

        def asked(source: str, part: int) -> Asked:
            operations = [_user(f"{source}-{part}-{n}") for n in range(5)]
            operations.append(_group(f"g{part}", *(f"bulkId:{source}-{part}-{n}" for n in range(5))))
            body = json.dumps({"Operations": operations}).encode()
            return Asked(method="POST", path=("Bulk",), base=BASE, body=body)

        answers = await asyncio.gather(*(pushing.ask(one, asked(one, part)) for part in range(3) for one in sources))
        assert all(one.changed for one in answers)
        for source in sources:
            mine = Provider(store, source)
            names = {one["userName"] for one in mine.get("Users", count="100")["Resources"]}
            assert names == {f"{source}-{part}-{n}" for part in range(3) for n in range(5)}
            assert [len(one["members"]) for one in mine.get("Groups")["Resources"]] == [5, 5, 5]

    asyncio.run(story())


def test_discovery_says_what_is_allowed(entra: Provider) -> None:
    assert entra.get("ServiceProviderConfig")["bulk"] == {
        "supported": True,
        "maxOperations": MOST,
        "maxPayloadSize": 1 << 20,
    }


def test_schemas_are_those_of_the_standard_but_for_what_is_otherwise_here(entra: Provider) -> None:
    said = {each["name"]: each for each in entra.get("Schemas")["Resources"]}
    assert said.keys() == {"User", "Group", "EnterpriseUser"}
    user = {each["name"]: each for each in said["User"]["attributes"]}
    assert "password" not in user
    assert user["externalId"]["caseExact"] is True
    assert [each["canonicalValues"] for each in user["groups"]["subAttributes"] if each["name"] == "type"] == [
        ["direct"]
    ]
    assert user["userName"]["description"].startswith("Unique identifier")
