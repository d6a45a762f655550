"""PATCH, in every shape that the reference lists of Entra ID (both columns), Okta, OneLogin and others; nothing by halves."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from support.scim_push import USER as CORE_USER
from support.scim_push import E, Provider, opened
from syncd.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("pushed")) as made:
        yield made


@pytest.fixture
def entra(store: Store) -> Provider:
    """A provider of whom nobody knows anything yet."""
    return Provider(store, secrets.token_hex(8))


WORK = {"type": "work", "value": "ayu@okta.local", "primary": True}


def _of(found: dict[str, Any], path: str) -> Any:
    """Return what stands at `a.b`, in an extension at `E|a.b`."""
    for part in (
        path.replace("E|", E + "|").replace(".", "|").split("|") if "E|" not in path else [E, *path[2:].split(".")]
    ):
        found = found.get(part) if isinstance(found, dict) else None  # type: ignore[assignment]
    return found


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        ({"op": "Replace", "path": "active", "value": "False"}, "active", False),
        ({"op": "replace", "path": "active", "value": False}, "active", False),
        ({"op": "replace", "value": {"active": False}}, "active", False),
        ({"op": "REPLACE", "path": "ACTIVE", "value": "false"}, "active", False),
        ({"op": "Add", "path": "displayName", "value": "Ayu"}, "displayName", "Ayu"),
        ({"op": "Replace", "path": "name.familyName", "value": "Wulandari"}, "name.familyName", "Wulandari"),
        ({"op": "Add", "path": f"{E}:department", "value": "Keuangan"}, "E|department", "Keuangan"),
        ({"op": "replace", "value": {"name.givenName": "Ayu"}}, "name.givenName", "Ayu"),
        ({"op": "replace", "value": {f"{E}:employeeNumber": "0042"}}, "E|employeeNumber", "0042"),
        ({"op": "add", "value": {E: {"division": "Barat"}}}, "E|division", "Barat"),
        ({"op": "Add", "path": f"{E}:manager", "value": "m1"}, "E|manager.value", "m1"),
        ({"op": "Add", "path": f"{E}:manager", "value": {"value": "m1"}}, "E|manager.value", "m1"),
        ({"op": "add", "path": "manager", "value": [{"$ref": "x", "value": "m1"}]}, "E|manager.value", "m1"),
        ({"op": "add", "path": f"{E}.manager", "value": "m1"}, "E|manager.value", "m1"),
        ({"op": "replace", "path": f"{E}:manager.value", "value": "m1"}, "E|manager.value", "m1"),
        ({"op": "replace", "path": f"{E}:manager", "value": {"managerId": "m1"}}, "E|manager.value", "m1"),
        ({"op": "replace", "path": "nickName", "value": 42}, "nickName", "42"),
        ({"op": "replace", "value": {"id": "other", "displayName": "Ayu"}}, "displayName", "Ayu"),
        ({"op": "replace", "path": "displayName", "value": "Ayu", "name": "extra"}, "displayName", "Ayu"),
    ],
)
def test_a_shape_of_a_plain_attribute_does_what_it_means(
    entra: Provider, operation: dict[str, Any], path: str, expected: object
) -> None:
    id_ = entra.user()
    reply = entra.patch(f"Users/{id_}", operation)
    assert reply.status == 200
    assert _of(entra.get(f"Users/{id_}").body, path) == expected


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "active"},
        {"op": "Remove", "path": f"{CORE_USER}:active"},
        {"op": "replace", "path": "active", "value": None},
        {"op": "Replace", "value": {"active": ""}},
        {"op": "add", "value": {f"{CORE_USER}:Active": None}},
    ],
)
@pytest.mark.parametrize("active", [False, True])
def test_taking_active_away_brings_nobody_back_and_sends_nobody_away(
    entra: Provider, operation: dict[str, Any], active: bool
) -> None:
    id_ = entra.user(active=active)
    assert entra.patch(f"Users/{id_}", operation).status == 200
    assert entra.get(f"Users/{id_}")["active"] is active
    assert entra.ask("PUT", f"Users/{id_}", {"userName": "ayu@okta.local", "active": None})["active"] is active


@pytest.mark.parametrize("value", [{"value": ""}, "", None, {"value": None}])
def test_an_empty_manager_takes_the_manager_away(entra: Provider, value: object) -> None:
    id_ = entra.user(**{E: {"manager": {"value": "m1"}}})
    assert entra.patch(f"Users/{id_}", {"op": "Replace", "path": f"{E}:manager", "value": value}).status == 200
    assert E not in entra.get(f"Users/{id_}").body


def test_a_manager_is_removed(entra: Provider) -> None:
    id_ = entra.user(**{E: {"manager": "m1", "department": "Keuangan"}})
    entra.patch(f"Users/{id_}", {"op": "Remove", "path": f"{E}:manager"})
    assert entra.get(f"Users/{id_}")[E] == {"department": "Keuangan"}


@pytest.mark.parametrize(
    ("path", "value", "attribute", "expected"),
    [
        ('emails[type eq "work"].value', "b@okta.local", "emails", [{**WORK, "value": "b@okta.local"}]),
        ('emails[type eq "home"].value', "c@okta.local", "emails", [WORK, {"type": "home", "value": "c@okta.local"}]),
        ('phoneNumbers[type eq "mobile"].value', "+62 1", "phoneNumbers", [{"type": "mobile", "value": "+62 1"}]),
        ('addresses[type eq "work"].locality', "Solo", "addresses", [{"type": "work", "locality": "Solo"}]),
        ('roles[primary eq "True"].value', "Staf", "roles", [{"primary": True, "value": "Staf"}]),
    ],
)
def test_a_filtered_attribute_is_changed_or_made(
    entra: Provider, path: str, value: str, attribute: str, expected: list[dict[str, Any]]
) -> None:
    id_ = entra.user(emails=[WORK])
    assert entra.patch(f"Users/{id_}", {"op": "Replace", "path": path, "value": value}).status == 200
    assert entra.get(f"Users/{id_}")[attribute] == expected


def test_a_role_that_is_a_text_of_json_is_stored_as_it_came(entra: Provider) -> None:
    id_, role = entra.user(), '{"id":"r1","value":"Staf","displayName":"Staf"}'
    entra.patch(f"Users/{id_}", {"op": "Add", "path": "roles", "value": [{"value": role}]})
    assert entra.get(f"Users/{id_}")["roles"] == [{"value": role}]


def test_adding_what_is_there_adds_nothing_and_a_new_primary_takes_the_place_of_the_old(entra: Provider) -> None:
    id_ = entra.user(emails=[WORK])
    entra.patch(f"Users/{id_}", {"op": "add", "path": "emails", "value": [WORK]})
    assert entra.get(f"Users/{id_}")["emails"] == [WORK]
    home = {"type": "home", "value": "h@okta.local", "primary": "True"}
    entra.patch(f"Users/{id_}", {"op": "add", "path": "emails", "value": home})
    assert [one["primary"] for one in entra.get(f"Users/{id_}")["emails"]] == [False, True]


@pytest.mark.parametrize(
    ("operations", "inside"),
    [
        ([{"op": "Add", "path": "members", "value": [{"$ref": None, "value": "B"}]}], "AB"),
        ([{"op": "add", "path": "members", "value": [{"value": "B"}, {"value": "A", "display": "x"}]}], "AB"),
        ([{"op": "add", "value": {"members": [{"value": "B"}]}}], "AB"),
        ([{"op": "add", "path": "members", "value": {"value": "B"}}], "AB"),
        ([{"op": "add", "path": "members", "value": ["B"]}], "AB"),
        ([{"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "A"}]}], ""),
        ([{"op": "remove", "path": 'members[value eq "A"]'}], ""),
        ([{"op": "remove", "path": 'members[value eq "B"]'}], "A"),
        ([{"op": "remove", "path": "members"}], ""),
        ([{"op": "remove", "path": "members", "value": []}], "A"),
        ([{"op": "replace", "path": "members", "value": []}], ""),
        ([{"op": "replace", "path": "members", "value": [{"value": "B"}]}], "B"),
        ([{"op": "replace", "path": "members", "value": [{"value": "A"}, {"value": "B"}]}], "AB"),
        ([{"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": [{"value": "B"}]}], "B"),
        (
            [
                {"op": "remove", "path": 'members[value eq "A"]'},
                {"op": "add", "path": "members", "value": [{"value": "B", "display": "b"}]},
                {"op": "replace", "value": {"id": "G", "displayName": "Baru"}},
            ],
            "B",
        ),
    ],
)
def test_a_shape_of_members_does_what_it_means(entra: Provider, operations: list[dict[str, Any]], inside: str) -> None:
    import json

    ids = {letter: entra.user(letter) for letter in "AB"}
    group = entra.group("Semua", [ids["A"]])
    text = json.dumps(operations)
    for letter, id_ in ids.items():
        text = text.replace(f'"{letter}"', f'"{id_}"').replace(f'\\"{letter}\\"', f'\\"{id_}\\"')
    assert entra.patch(f"Groups/{group}", *json.loads(text)).status == 200
    assert entra.members(group) == {ids[letter] for letter in inside}
    assert entra.patch(f"Groups/{group}", *json.loads(text)).status == 200, "the same again"
    assert entra.members(group) == {ids[letter] for letter in inside}


@pytest.mark.parametrize(
    "wrong",
    [
        {"op": "move", "path": "title", "value": "x"},
        {"op": "replace", "path": "title[", "value": "x"},
        {"op": "replace", "path": 'name[familyName eq "x"].givenName', "value": "x"},
        {"op": "replace", "path": "active", "value": "perhaps"},
        {"op": "replace", "path": "id", "value": "x"},
        {"op": "remove"},
        {"op": "remove", "path": "userName"},
        {"op": "replace", "path": "userName", "value": {"a": 1}},
        {"op": "replace", "value": "no object"},
        {"op": "add", "path": 'emails[value co "x"].type', "value": "x"},
        {"path": "title", "value": "x"},
        "no object",
    ],
)
def test_what_fails_in_the_third_operation_leaves_the_first_two_undone(entra: Provider, wrong: Any) -> None:
    id_ = entra.user(name={"familyName": "Wulandari"})
    before = entra.get(f"Users/{id_}").body
    reply = entra.patch(
        f"Users/{id_}",
        {"op": "replace", "path": "displayName", "value": "Baru"},
        {"op": "add", "path": "title", "value": "Kepala"},
        wrong,
    )
    assert (reply.status, reply.changed) == (400, False)
    assert reply["status"] == "400"
    assert entra.get(f"Users/{id_}").body == before


def test_a_password_is_never_kept(entra: Provider) -> None:
    id_ = entra.user(password="sesame-open")
    entra.patch(f"Users/{id_}", {"op": "replace", "value": {"password": "sesame-open"}})
    kept = entra.ask("PUT", f"Users/{id_}", {"userName": "ayu", "password": "sesame-open"})
    assert "password" not in kept.body
    with entra.store.reading() as tx:
        assert all(b"sesame" not in one.body for one in tx.pushed.since(entra.source, after=0, upto=99, most=99)[0])
