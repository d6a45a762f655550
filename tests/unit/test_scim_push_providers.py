"""What single providers send besides: OneLogin's templates, Okta's specification test, Entra's old URNs; each by its name.

The matrix of the reference is in `test_scim_push_matrix.py`, PATCH in `test_scim_push_patching.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from support.scim_push import GROUP, PATCH_OP, USER, E, Provider, opened
from syncd.store import Store

ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("pushed")) as made:
        yield made


@pytest.fixture
def provider(store: Store) -> Provider:
    """A provider of whom nobody knows anything yet."""
    return Provider(store, secrets.token_hex(8))


def test_a_template_of_onelogin_with_texts_for_flags_and_a_urn_of_scim_1_1_makes_a_user(provider: Provider) -> None:
    body = {
        "schemas": ["urn:scim:schemas:core:1.0"],
        "id": None,
        "userName": "ayu",
        "active": "false",
        E: {"manager": {"managerId": "m1", "displayName": "Budi"}},
    }
    made = provider.ask("POST", "Users", body)
    assert made.status == 201
    found = provider.get(f"Users/{made['id']}").body
    assert found["active"] is False
    assert found[E]["manager"]["value"] == "m1"
    assert {USER, E} <= set(found["schemas"])


@pytest.mark.parametrize(
    "urn",
    [
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user",
        "URN:IETF:PARAMS:SCIM:Schemas:Extension:Enterprise:2.0:User",
    ],
)
def test_an_extension_is_known_by_its_urn_in_any_case(provider: Provider, urn: str) -> None:
    id_ = provider.user(**{urn: {"Department": "Keuangan"}})
    assert provider.get(f"Users/{id_}")[E] == {"department": "Keuangan"}
    provider.patch(f"Users/{id_}", {"op": "replace", "path": f"{urn}:DEPARTMENT", "value": "Pajak"})
    assert provider.get(f"Users/{id_}")[E] == {"department": "Pajak"}


def test_a_group_of_entra_with_its_old_urn_is_found_by_either_name(provider: Provider) -> None:
    body = {"schemas": [GROUP, ADSCIM], "externalId": "g-1", "displayName": "Semua", "meta": {"resourceType": "Group"}}
    made = provider.ask("POST", "Groups", body)
    assert made.status == 201
    for wanted in ('externalId eq "g-1"', 'displayName eq "SEMUA"'):
        found = provider.get("Groups", filter=wanted, excludedAttributes="members")
        assert [one["id"] for one in found["Resources"]] == [made["id"]]
    assert provider.ask("POST", "Groups", body).status == 409, "the same one twice"


def test_values_come_back_as_they_were_sent(provider: Provider) -> None:
    said = {"displayName": "  Ayu  Wulandari ", "title": "KEPALA", "nickName": "Åyu", "name": {"familyName": "李 "}}
    id_ = provider.user(" Ayu.Wulandari@Okta.local", **said)
    found = provider.get(f"Users/{id_}").body
    assert {name: found[name] for name in said} == said
    assert found["userName"] == " Ayu.Wulandari@Okta.local"


def test_a_change_of_a_custom_list_that_comes_as_add_is_added(provider: Provider) -> None:
    own = "urn:example:params:scim:schemas:extension:badge:2.0:User"
    id_ = provider.user(**{own: {"badges": ["17"]}})
    provider.patch(f"Users/{id_}", {"op": "Add", "path": f"{own}:badges", "value": ["18"]})
    assert provider.get(f"Users/{id_}")[own] == {"badges": ["17", "18"]}


def test_the_specification_test_of_okta(provider: Provider) -> None:
    """Its requests and what they compare, in our words."""
    mail = {"primary": True, "value": "ayu@okta.local", "type": "work"}
    there = provider.user("ayu@okta.local", name={"givenName": "Ayu", "familyName": "Wulandari"}, emails=[mail])
    first = provider.get("Users", count="1", startIndex="1")
    assert first["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
    assert (first["itemsPerPage"], first["startIndex"], first["totalResults"]) == (1, 1, 1)
    one = first["Resources"][0]
    assert (one["id"], one["active"], one["emails"]) == (there, True, [mail])
    assert one["name"] == {"givenName": "Ayu", "familyName": "Wulandari"}
    assert (
        provider.get("Users", filter='userName eq "nobody@okta.local"', startIndex="1", count="100")["totalResults"]
        == 0
    )
    absent = provider.get("Users/010101001010101011001010101011")
    assert (absent.status, absent["status"]) == (404, "404")
    assert absent["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert absent["detail"]
    body = {
        "schemas": [USER],
        "userName": "runscope@okta.local",
        "name": {"givenName": "R", "familyName": "S"},
        "emails": [{"primary": True, "value": "runscope@okta.local", "type": "work"}],
        "displayName": "R S",
        "locale": "en-US",
        "externalId": "00u-example",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }
    made = provider.ask("POST", "Users", body)
    assert made.status == 201
    assert made.body == provider.get(f"Users/{made['id']}").body
    assert made.headers["location"] == made["meta"]["location"]
    assert "bulkId" not in made["id"]
    twice = provider.ask("POST", "Users", body)
    assert (twice.status, twice["schemas"], twice["status"]) == (409, absent["schemas"], "409")
    found = provider.get("Users", filter='userName eq "RUNSCOPE@OKTA.LOCAL"')
    assert [each["id"] for each in found["Resources"]] == [made["id"]]
    assert provider.get("Groups").status == 200


def test_pages_of_okta_are_stable_and_counted_in_integers(provider: Provider) -> None:
    ids = [provider.user(f"u{number:03}") for number in range(105)]
    pages = [provider.get("Users", startIndex=start, count="100").body for start in ("1", "101")]
    assert [row["id"] for page in pages for row in page["Resources"]] == ids
    assert [(page["startIndex"], page["itemsPerPage"], page["totalResults"]) for page in pages] == [
        (1, 100, 105),
        (101, 5, 105),
    ]


def test_numbers_that_are_texts_are_numbers(provider: Provider) -> None:
    provider.user("a")
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "startIndex": "1", "count": "1"}
    found = provider.ask("POST", "Users/.search", body)
    assert (found.status, found["itemsPerPage"]) == (200, 1)


def test_a_patch_whose_names_are_in_another_case_is_understood(provider: Provider) -> None:
    id_ = provider.user()
    body = {"Schemas": [PATCH_OP], "operations": [{"OP": "Replace", "Path": "Active", "Value": "False"}]}
    assert provider.ask("PATCH", f"Users/{id_}", body).status == 200
    assert provider.get(f"Users/{id_}")["active"] is False


def test_schemas_are_listed_in_camel_case_and_without_nulls(provider: Provider) -> None:
    """Entra reads them when an application is saved."""
    found = provider.get("Schemas").body
    assert found["totalResults"] == len(found["Resources"])
    names = {one["name"] for one in found["Resources"][0]["attributes"]}
    assert "userName" in names or "displayName" in names
    assert _nulls(found) == []


def _nulls(value: object, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [each for name, one in value.items() for each in _nulls(one, f"{path}.{name}")]
    if isinstance(value, list):
        return [each for one in value for each in _nulls(one, path)]
    return [path] if value is None else []
